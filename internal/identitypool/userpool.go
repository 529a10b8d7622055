package identitypool

import (
	"regexp"
	"strings"
)

// userPoolName matches the provider name of a user pool at AWS. The region is taken
// from the host, since emulators give IDs of another form to a region's pools.
var userPoolName = regexp.MustCompile(
	`^(cognito-idp\.([a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu))/(` + userPoolIDForm + `)$`)

// UserPool holds the parts of a user pool's provider name at AWS.
type UserPool struct{ Host, Region, ID string }

// ParseUserPool splits a user pool's provider name. It returns false if the host is
// not AWS's: the region is not known then.
func ParseUserPool(provider string) (UserPool, bool) {
	parts := userPoolName.FindStringSubmatch(provider)
	if parts == nil {
		return UserPool{}, false
	}
	return UserPool{Host: parts[1], Region: parts[2], ID: parts[3]}, true
}

// awsRegion is the form of the names of AWS's regions.
var awsRegion = regexp.MustCompile(`^[a-z]+(?:-[a-z]+)+-[0-9]+$`)

// TwoRegions reports whether the ID begins with a region that is not the host's. AWS
// has no such user pool. IDs of emulators begin with another word, such as local_.
func (u UserPool) TwoRegions() bool {
	region, _, _ := strings.Cut(u.ID, "_")
	return region != u.Region && awsRegion.MatchString(region)
}

// CustomIDTag is the tag of a new identity pool or user pool that chooses its ID, on servers for development.
const CustomIDTag = "_custom_id_"

// userPoolIDForm is the form of the IDs of user pools (user pools API model, UserPoolIdType).
const (
	userPoolIDForm = `[\w-]+_[0-9A-Za-z]+`
	maxUserPoolID  = 55
)

var (
	userPoolID = regexp.MustCompile(`^` + userPoolIDForm + `$`)
	// newUserPoolID has one underscore: clients take what follows it for the name in SRP.
	newUserPoolID = regexp.MustCompile(`^[a-z0-9-]+_[0-9A-Za-z]+$`)
)

// ValidUserPoolID reports whether a user pool of this server may have an ID: REGION_NAME.
func ValidUserPoolID(id string) bool {
	return len(id) <= maxUserPoolID && newUserPoolID.MatchString(id)
}

// OwnUserPoolName returns the provider name of a user pool of this server: that of the region
// with which its ID begins, as all IDs at AWS do, or else of the server's region. It returns
// false if no user pool can have the ID.
func OwnUserPoolName(id, serverRegion string) (string, bool) {
	if len(id) > maxUserPoolID || !userPoolID.MatchString(id) {
		return "", false
	}

	region, _, _ := strings.Cut(id, "_")
	if !awsRegion.MatchString(region) {
		region = serverRegion
	}

	return UserPoolName(region, id), true
}

// UserPoolName returns the provider name of a region's user pool.
func UserPoolName(region, id string) string {
	name := "cognito-idp." + region + ".amazonaws."
	switch Partition(region) {
	case "aws-cn":
		name += "com.cn"
	case "aws-eusc":
		name += "eu"
	default:
		name += "com"
	}

	return name + "/" + id
}
