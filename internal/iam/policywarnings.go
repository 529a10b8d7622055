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

// IdentityPolicyWarnings names the condition keys on which a policy's statements
// depend and that cannot be evaluated where the statements apply, one line each.
// clientUnknown tells that the check endpoint does not learn how clients come
// (behind_proxy). A document that cannot be read has no warnings.
func IdentityPolicyWarnings(document string, clientUnknown bool) []string {
	return warnings(document, func(s *policy.Statement, key string) []string {
		places := unknownToAPIs(s, key)
		if mayBeChecked(s) && !knownToCheck(s, key, clientUnknown) {
			places = append(places, "at the check endpoint")
		}
		return places
	})
}

// AccessKeyPolicyWarnings is IdentityPolicyWarnings for a long-lived access key's
// policy. The check endpoint does not accept such keys, so that only calls to the
// APIs count.
func AccessKeyPolicyWarnings(document string) []string { return warnings(document, unknownToAPIs) }

// unknownToAPIs names the APIs that a statement may concern and that do not know a key.
func unknownToAPIs(s *policy.Statement, key string) (places []string) {
	for _, p := range ownPlaces {
		if s.MayConcern(string(p)) && !knownToAPI(p, key) {
			places = append(places, "in calls of "+string(p))
		}
	}
	return places
}

// TrustPolicyWarnings is IdentityPolicyWarnings for a role's trust policy.
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
			known = true // every claim of a token is
		}
		if known {
			return nil
		}
		return []string{"when a role is assumed"}
	})
}

// warnings makes a line for each key of a statement that cannot be known at some
// places; unknownAt returns those.
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

// knownOfCaller reports whether every caller's session answers for a key. Of the
// claims about a user a session keeps some.
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

// mayBeChecked reports whether a route of the check endpoint can ask for one of
// the statement's actions.
func mayBeChecked(s *policy.Statement) bool {
	services := s.Services()
	return services == nil || slices.ContainsFunc(services, isForeign)
}

// isForeign reports whether a service is no API of this server.
func isForeign(service string) bool { return !slices.Contains(ownPlaces, Place(service)) }

// knownToCheck reports whether the check endpoint knows a key for all actions of
// the statement that are no API's of this server.
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

// Review receives what ReviewRoles and ReviewManagedPolicies find.
type Review struct {
	// ClientUnknown tells that the check endpoint does not learn how clients come.
	ClientUnknown bool
	IsOurs        AccountCheck
	// OldTrust receives trust policies that would not be taken today as they are.
	OldTrust func(OldTrust)
	// Warning receives, with the policy's name, a condition key on which it depends
	// and that cannot be evaluated.
	Warning func(policy, warning string)
}

// ReviewRoles looks through the policies of all roles, those of the settings and
// of all accounts.
func (d *Directory) ReviewRoles(ctx context.Context, r Review) error {
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
		return nil
	})
}

// ReviewManagedPolicies is ReviewRoles for managed policies.
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

func (r Review) warn(policy string, warnings []string) {
	for _, warning := range warnings {
		r.Warning(policy, warning)
	}
}

// eachRole calls visit for the roles of the settings, then for those of the store
// that the settings do not hide. It stops at visit's first error and returns it.
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
