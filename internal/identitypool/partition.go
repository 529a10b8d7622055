package identitypool

import (
	"slices"
	"strings"
)

// An account has one role, provider or policy of a name in all regions: its ARNs in
// the partitions differ only in their second part. Stored ARNs keep the partition with
// which they were written, comparisons ignore it, and responses have that of the call.

// PartitionOf returns the partition of an ARN; "" if text does not begin like an ARN
// of AWS.
func PartitionOf(text string) string {
	rest, ok := strings.CutPrefix(text, "arn:")
	if !ok || !strings.HasPrefix(rest, "aws") {
		return ""
	}

	partition, _, ok := strings.Cut(rest, ":")
	if !ok || !only(partition, func(c byte) bool { return c == '-' || c >= 'a' && c <= 'z' }) {
		return ""
	}

	return partition
}

// InPartition returns an ARN, or a text that begins with one, with another partition.
// It returns other texts unchanged.
func InPartition(text, partition string) string {
	have := PartitionOf(text)
	if have == "" || have == partition || partition == "" {
		return text
	}
	return "arn:" + partition + text[len("arn:")+len(have):]
}

// SameARN reports whether two ARNs are equal, or differ only in their partition.
func SameARN(a, b string) bool {
	return a == b || PartitionOf(a) != "" && InPartition(b, PartitionOf(a)) == a
}

// ServiceName returns the name of the identity pools' service in a region: the
// federated principal of trust policies, the prefix of condition keys, and the Logins
// key of Cognito tokens (AWS GovCloud user guide, "Amazon Cognito"; China's Cognito
// guide). The name in the European Sovereign Cloud is not published; there it returns
// the classic one.
func ServiceName(region string) string {
	switch {
	case region == "us-gov-west-1":
		return "cognito-identity-us-gov.amazonaws.com"
	case Partition(region) == "aws-us-gov":
		return "cognito-identity." + region + ".amazonaws.com"
	case Partition(region) == "aws-cn":
		return "cognito-identity." + region + ".amazonaws.com.cn"
	default:
		return OwnProvider
	}
}

// IsServiceName reports whether ServiceName returns this name for any region.
func IsServiceName(name string) bool {
	if name == OwnProvider || name == ServiceName("us-gov-west-1") {
		return true
	}

	region, ok := strings.CutPrefix(name, "cognito-identity.")
	if !ok {
		return false
	}
	region, _, _ = strings.Cut(region, ".")

	return ValidRegion(region) && ServiceName(region) == name
}

// IsOwnProvider reports whether a Logins key stands for Cognito tokens in the pool's
// region. The classic name does so everywhere: older clients send it.
func (p Pool) IsOwnProvider(key string) bool {
	return key == OwnProvider || key == ServiceName(p.Region)
}

// CognitoToken returns the Cognito token among logins, and its key.
func (p Pool) CognitoToken(logins map[string]string) (token, key string, ok bool) {
	for _, key := range []string{OwnProvider, ServiceName(p.Region)} {
		if token, ok := logins[key]; ok {
			return token, key, true
		}
	}
	return "", "", false
}

// StoredName returns a provider's name in its stored form. A name that is the ARN of
// a provider of the pool, or begins with one and a colon, gets the partition of the
// stored ARN. Other names are returned unchanged.
func (p Pool) StoredName(name string) string {
	if PartitionOf(name) == "" {
		return name
	}

	for _, list := range [][]string{p.SAMLProviderARNs, p.OIDCProviderARNs} {
		for _, arn := range list {
			same := InPartition(name, PartitionOf(arn))
			if rest, ok := strings.CutPrefix(same, arn); ok && (rest == "" || rest[0] == ':') {
				return same
			}
		}
	}

	return name
}

// Names reports whether the pool's settings name exactly that role.
func (p Pool) Names(role string) bool {
	for _, arn := range p.Roles {
		if arn == role {
			return true
		}
	}

	for _, m := range p.RoleMappings {
		if slices.ContainsFunc(m.Rules, func(r Rule) bool { return r.RoleARN == role }) {
			return true
		}
	}

	return false
}

// StoredNames is StoredName for a list.
func (p Pool) StoredNames(names []string) []string { return mapped(names, p.StoredName) }

// ShownName returns a provider's name, or a text that begins with it, for responses
// about the pool: an ARN gets the partition of the pool's region.
func (p Pool) ShownName(name string) string { return InPartition(name, Partition(p.Region)) }

// ShownNames is ShownName for a list.
func (p Pool) ShownNames(names []string) []string { return mapped(names, p.ShownName) }

// mapped returns f of each name. If nothing changes, it returns the list itself.
func mapped(names []string, f func(string) string) []string {
	n := slices.IndexFunc(names, func(name string) bool { return f(name) != name })
	if n < 0 {
		return names
	}

	changed := slices.Clone(names)
	for i, name := range changed {
		changed[i] = f(name)
	}

	return changed
}

// indexARN returns the index of an ARN in a list, in any partition; -1 if the list
// does not have it.
func indexARN(list []string, arn string) int {
	return slices.IndexFunc(list, func(have string) bool { return SameARN(have, arn) })
}
