package identitypool

import (
	"regexp"
	"strings"
)

// Partition returns the AWS partition that a region belongs to.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "eusc-"):
		return "aws-eusc"
	default:
		return "aws"
	}
}

// ARN returns the pool's Amazon resource name.
func (p Pool) ARN() string { return PoolARN(p.Region, p.Account, p.ID) }

// PoolARN builds an identity pool's ARN; the pool ID repeats the region
// (Service Authorization Reference, Amazon Cognito Identity).
func PoolARN(region string, account AccountID, id PoolID) string {
	return "arn:" + Partition(region) + ":cognito-identity:" + region + ":" + string(account) +
		":identitypool/" + string(id)
}

// ParsePoolARN splits a pool's ARN. ok is false for any other text.
func ParsePoolARN(arn string) (region string, account AccountID, id PoolID, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "cognito-identity" || parts[1] != Partition(parts[3]) {
		return "", "", "", false
	}

	name, found := strings.CutPrefix(parts[5], "identitypool/")
	if !found || RegionOf(name) != parts[3] {
		return "", "", "", false
	}

	return parts[3], AccountID(parts[4]), PoolID(name), true
}

// MaxRegion bounds the name of a pool's region, in characters: with a GUID it makes
// an ID of at most 55 (API model).
const MaxRegion = 55 - 1 - 36

// ValidRegion reports whether a region can have pools.
func ValidRegion(region string) bool {
	return len(region) <= MaxRegion && regionName.MatchString(region)
}

// ValidID reports whether id has the form of a pool's or identity's ID,
// "REGION:GUID" in lower case.
func ValidID(id string) bool {
	region, guid, found := strings.Cut(id, ":")
	return found && ValidRegion(region) && lowerGUID.MatchString(guid)
}

// RegionOf returns the region of a pool's or identity's ID, or "".
func RegionOf(id string) string {
	region, _, found := strings.Cut(id, ":")
	if !found {
		return ""
	}
	return region
}

var (
	regionName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	lowerGUID  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	roleARN    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\x21-\x7e]+/)*[\w+=,.@-]{1,64}$`)
)

// RoleAccount returns the account in a well-formed IAM role ARN.
func RoleAccount(arn string) (AccountID, bool) {
	m := roleARN.FindStringSubmatch(arn)
	if m == nil {
		return "", false
	}
	return AccountID(m[1]), true
}

// Kinds of identity provider in an IAM ARN.
const (
	OIDCProvider = "oidc-provider"
	SAMLProvider = "saml-provider"
)

// ParseProviderARN splits the ARN of an OpenID Connect or SAML provider into account,
// kind and name: the issuer without scheme, or the SAML provider's name.
func ParseProviderARN(arn string) (account AccountID, kind, name string, ok bool) {
	// This is faster than a regular expression, and every sign-in parses an ARN.
	rest, isARN := strings.CutPrefix(arn, "arn:aws")
	partition, rest, _ := strings.Cut(rest, ":")
	rest, isIAM := strings.CutPrefix(rest, "iam::")
	owner, rest, _ := strings.Cut(rest, ":")

	kind, name, _ = strings.Cut(rest, "/")
	ok = isARN && isIAM && len(owner) == 12 && name != "" && (kind == OIDCProvider || kind == SAMLProvider) &&
		only(partition, func(c byte) bool { return c == '-' || c >= 'a' && c <= 'z' }) &&
		only(owner, func(c byte) bool { return c >= '0' && c <= '9' }) &&
		only(name, func(c byte) bool { return c > ' ' && c <= '~' })
	if !ok {
		return "", "", "", false
	}

	return AccountID(owner), kind, name, true
}

func only(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}
