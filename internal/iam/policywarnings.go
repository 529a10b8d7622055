package iam

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// maxWarnings bounds how many of a document's statements and keys are named.
const maxWarnings = 20

// IdentityPolicyWarnings returns a line for each condition key on which a policy's
// statements depend, but which this server cannot evaluate where the statements apply.
// clientUnknown means that the endpoint for forward auth does not learn the clients'
// addresses and whether they use TLS (behind_proxy). A document that cannot be read
// has no warnings.
func IdentityPolicyWarnings(document string, clientUnknown bool) []string {
	return warnings(document, func(s *policy.Statement, key string) []string {
		places := unknownToAPIs(s, key)
		if mayBeChecked(s) && !knownToCheck(s, key, clientUnknown) {
			places = append(places, "in forward auth")
		}
		return places
	})
}

// AccessKeyPolicyWarnings is like IdentityPolicyWarnings, for a long-lived access
// key's policy. Forward auth does not accept such keys, so only calls to the APIs
// count.
func AccessKeyPolicyWarnings(document string) []string { return warnings(document, unknownToAPIs) }

// unknownToAPIs returns the APIs that a statement may concern and that do not know a
// key.
func unknownToAPIs(s *policy.Statement, key string) (places []string) {
	for _, p := range ownPlaces {
		if s.MayConcern(string(p)) && !knownToAPI(p, key) {
			places = append(places, "in calls of "+string(p))
		}
	}
	return places
}

// TrustPolicyWarnings is like IdentityPolicyWarnings, for a role's trust policy.
func TrustPolicyWarnings(document string) []string {
	return warnings(document, func(_ *policy.Statement, key string) []string {
		prefix, name, _ := strings.Cut(key, ":")
		known := knownToAPI(STSAPI, key)
		switch {
		case prefix == samlPrefix:
			known = slices.Contains(sessionSAML, name)
			for _, attribute := range SAMLAttributes {
				known = known || attribute == name
			}
		case identitypool.IsServiceName(prefix):
			known = slices.Contains(cognitoClaims, name)
		case isHost(prefix):
			known = true // like every claim of a token
		}
		if known {
			return nil
		}

		return []string{"when a role is assumed"}
	})
}

// warnings returns a line for each key of a statement that some places do not know;
// unknownAt returns these.
func warnings(document string, unknownAt func(s *policy.Statement, key string) (places []string)) []string {
	d, err := policy.Parse([]byte(document))
	if err != nil {
		return nil
	}

	var list []string
	for _, dependency := range d.Dependencies() {
		s := dependency.Statement
		places := unknownAt(s, dependency.Key)

		switch {
		case len(places) == 0:
			continue
		case len(list) == maxWarnings:
			return append(list, "and more")
		}

		consequence := "it does not allow then"
		if s.Effect == policy.Deny {
			consequence = "it denies then, whatever the value is"
		}
		list = append(list, fmt.Sprintf("%s (%s) depends on %s, which this server cannot know %s: %s",
			s, s.Effect, dependency.Written, strings.Join(places, " and "), consequence))
	}

	return list
}

// knownToAPI reports whether an API of this server knows a key, whoever calls.
func knownToAPI(p Place, key string) bool {
	return key == "aws:sourceip" || knownOfCaller(key) || p.Knows(key, string(p)+":")
}

// knownOfCaller reports whether every session has the key or certainly does not. A
// session keeps only some of the claims about a user.
func knownOfCaller(key string) bool {
	prefix := prefixOf(key)
	switch {
	case identitypool.IsServiceName(prefix):
		return slices.Contains(cognitoClaims, key[strings.LastIndexByte(key, ':')+1:])
	case isHost(prefix):
		return slices.Contains(sessionClaims, key[strings.LastIndexByte(key, ':')+1:])
	}
	return Caller{}.Knows(key)
}

// mayBeChecked reports whether a route for forward auth can ask for one of the
// statement's actions.
func mayBeChecked(s *policy.Statement) bool {
	services := s.Services()
	return services == nil || slices.ContainsFunc(services, isForeign)
}

// isForeign reports whether a service is not an API of this server.
func isForeign(service string) bool { return !slices.Contains(ownPlaces, Place(service)) }

// knownToCheck reports whether the endpoint for forward auth knows a key for all of
// the statement's actions that belong to no API of this server.
func knownToCheck(s *policy.Statement, key string, clientUnknown bool) bool {
	if key == "aws:sourceip" || key == "aws:securetransport" {
		return !clientUnknown
	}
	if key == "aws:resourceaccount" || knownOfCaller(key) {
		return true
	}

	services := s.Services()
	if services == nil {
		services = []string{"another"}
	}

	return !slices.ContainsFunc(services, func(name string) bool {
		return isForeign(name) && !CheckEndpoint.Knows(key, name+":")
	})
}

// Review receives the results of ReviewRoles and ReviewManagedPolicies.
type Review struct {
	// ClientUnknown is clientUnknown of IdentityPolicyWarnings.
	ClientUnknown bool
	IsOurs        AccountCheck
	// OldTrust receives trust policies that today's rules refuse or warn about.
	OldTrust func(OldTrust)
	// Warning receives a policy's name and a line of its warnings.
	Warning func(policy, warning string)
	// UnknownPolicy receives a role and a managed policy of AWS that it has and that this
	// server does not know.
	UnknownPolicy func(role, policy string)
}

// ReviewRoles examines the policies of all roles: of the settings and of all accounts.
func (d *Directory) ReviewRoles(ctx context.Context, r Review) error {
	used := map[string]bool{} // the managed policies of AWS that were examined

	return d.eachRole(ctx, func(role store.Role) error {
		old, ok, err := d.oldTrust(ctx, role, r.IsOurs)
		if err != nil {
			return err
		}
		if ok {
			r.OldTrust(old)
		}

		arn := d.RoleARN(role)
		r.warn("trust policy of "+arn, TrustPolicyWarnings(role.Trust))

		for _, name := range slices.Sorted(maps.Keys(role.Policies)) {
			r.warn("policy "+name+" of "+arn, IdentityPolicyWarnings(role.Policies[name], r.ClientUnknown))
		}

		for _, policy := range d.unknownAWSPolicies(role) {
			r.UnknownPolicy(arn, policy)
		}

		for _, policy := range append(slices.Clone(role.Attached), role.Boundary) {
			if !used[policy] {
				r.warn(policy, d.AWSPolicyWarnings(policy, r.ClientUnknown))
			}
			used[policy] = true
		}

		return nil
	})
}

// AWSPolicyWarnings is IdentityPolicyWarnings for a managed policy of AWS; other policies
// have none.
func (d *Directory) AWSPolicyWarnings(arn string, clientUnknown bool) []string {
	p, ok := d.ofAWS(arn)
	if !ok {
		return nil
	}
	v, _ := p.shown.Version(p.shown.Default)

	return IdentityPolicyWarnings(v.Document, clientUnknown)
}

// ReviewManagedPolicies examines all managed policies, but not those of AWS, which
// ReviewRoles examines if a role has them.
func (d *Directory) ReviewManagedPolicies(ctx context.Context, r Review) error {
	look := func(p store.ManagedPolicy) {
		v, _ := p.Version(p.Default)
		r.warn(d.PolicyARN(p), IdentityPolicyWarnings(v.Document, r.ClientUnknown))
	}

	for _, key := range slices.Sorted(maps.Keys(d.settingsPolicies)) {
		look(d.settingsPolicies[key])
	}
	if d.store == nil {
		return nil
	}

	return d.store.EachManagedPolicy(ctx, func(p store.ManagedPolicy) error {
		look(p)
		return nil
	})
}

func (r Review) warn(name string, warnings []string) {
	for _, warning := range warnings {
		r.Warning(name, warning)
	}
}

// eachRole calls visit for the roles of the settings, then for the store's that they
// do not hide. It stops at visit's first error and returns it.
func (d *Directory) eachRole(ctx context.Context, visit func(store.Role) error) error {
	for _, key := range slices.Sorted(maps.Keys(d.settingsRoles)) {
		if err := visit(d.settingsRoles[key]); err != nil {
			return err
		}
	}

	if d.store == nil {
		return nil
	}

	return d.store.EachRole(ctx, func(r store.Role) error {
		if _, hidden := d.settingsRoles[resourceKey(r.Account, r.Name)]; hidden {
			return nil
		}
		return visit(r)
	})
}
