package identitypool

import (
	"regexp"
	"strings"
)

// userPoolName is a user pool at AWS. The region is the host's: emulators give
// IDs of another form to pools that stand in for one of a region.
var userPoolName = regexp.MustCompile(`^(cognito-idp\.([a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu))/([\w-]+_[0-9A-Za-z]+)$`)

// UserPool is what a provider name at AWS says of a user pool.
type UserPool struct{ Host, Region, ID string }

// ParseUserPool takes a user pool's provider name apart; false when its host is
// not AWS's, and then nothing is known of its region.
func ParseUserPool(provider string) (UserPool, bool) {
	parts := userPoolName.FindStringSubmatch(provider)
	if parts == nil {
		return UserPool{}, false
	}
	return UserPool{Host: parts[1], Region: parts[2], ID: parts[3]}, true
}

// awsRegion has the form of the names that AWS gives regions.
var awsRegion = regexp.MustCompile(`^[a-z]+(?:-[a-z]+)+-[0-9]+$`)

// TwoRegions reports whether the ID begins with a region that is not the host's. AWS has
// no such user pool. Emulators' IDs begin with another word, such as local_.
func (u UserPool) TwoRegions() bool {
	region, _, _ := strings.Cut(u.ID, "_")
	return region != u.Region && awsRegion.MatchString(region)
}

// UserPoolName is the provider name of a region's user pool.
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
