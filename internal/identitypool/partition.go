package identitypool

import (
	"slices"
	"strings"
)

// A role, provider or policy is one per account and name, whatever the region: its
// ARN differs between partitions in the second part only. What is stored keeps the
// partition that it was written with; what is compared ignores it; what is answered
// has that of the call.

// PartitionOf returns the partition of an ARN; "" if text does not begin like one of
// AWS's.
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
// Other texts stay as they are.
func InPartition(text, partition string) string {
	have := PartitionOf(text)
	if have == "" || have == partition || partition == "" {
		return text
	}
	return "arn:" + partition + text[len("arn:")+len(have):]
}

// SameARN reports whether two ARNs differ in their partition at most.
func SameARN(a, b string) bool {
	return a == b || PartitionOf(a) != "" && InPartition(b, PartitionOf(a)) == a
}

// ServiceName returns the name of the identity pools' service in a region: the
// federated principal of trust policies, the prefix of condition keys, and the key in
// Logins for our own tokens (AWS GovCloud user guide, "Amazon Cognito"; China's Cognito
// guide). The name in the European Sovereign Cloud is not published: the classic one
// stands there.
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

// IsServiceName reports whether a name is that of the identity pools' service in some
// region, as ServiceName writes it.
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

// IsOwnProvider reports whether a Logins key stands for our own tokens in the pool's
// region. The classic name does everywhere: clients of older versions send it.
func (p Pool) IsOwnProvider(key string) bool {
	return key == OwnProvider || key == ServiceName(p.Region)
}

// OwnToken returns the login that is a token of ours, and the key that it came under.
func (p Pool) OwnToken(logins map[string]string) (token, key string, ok bool) {
	for _, key := range []string{OwnProvider, ServiceName(p.Region)} {
		if token, ok := logins[key]; ok {
			return token, key, true
		}
	}
	return "", "", false
}

// StoredName returns the name of a provider as the pool has it: an ARN of the pool's
// providers, and what follows it after a colon, in the partition that is stored.
// Other names stay as they are.
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

// Names reports whether the pool has exactly that role.
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

// ShownName returns a provider's name, or a text that begins with it, as answers about
// the pool write it: an ARN has the partition of the pool's region.
func (p Pool) ShownName(name string) string { return InPartition(name, Partition(p.Region)) }

// ShownNames is ShownName for a list.
func (p Pool) ShownNames(names []string) []string { return mapped(names, p.ShownName) }

// mapped returns f of each name; the list itself if nothing changes.
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

// indexARN finds an ARN in a list, whatever its partition; -1 if it is not there.
func indexARN(list []string, arn string) int {
	return slices.IndexFunc(list, func(have string) bool { return SameARN(have, arn) })
}
