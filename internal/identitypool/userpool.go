package identitypool

import (
	"regexp"
	"strings"
)

// userPoolName matches the provider name of a user pool at AWS. The region is taken
// from the host, since emulators give IDs of another form to a region's pools.
var userPoolName = regexp.MustCompile(
	`^(cognito-idp\.([a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu))/([\w-]+_[0-9A-Za-z]+)$`)

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
