package iam

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
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
		var places []string
		for _, p := range ownPlaces {
			if s.MayConcern(string(p)) && !knownToAPI(p, key) {
				places = append(places, "in calls of "+string(p))
			}
		}
		if mayBeChecked(s) && !knownToCheck(s, key, clientUnknown) {
			places = append(places, "at the check endpoint")
		}
		return places
	})
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
		case prefix != policy.CognitoPrincipal && isHost(prefix):
			known = true // every claim of a token is
		}
		if known {
			return nil
		}
		return []string{"when a role is assumed"}
	})
}

// warnings asks of each key of each statement where it cannot be known.
func warnings(document string, unknownAt func(s *policy.Statement, key string) (places []string)) []string {
	d, err := policy.Parse([]byte(document))
	if err != nil {
		return nil
	}

	var list []string
	for _, dependency := range d.Dependencies() {
		places := unknownAt(dependency.Statement, dependency.Key)
		switch {
		case len(places) == 0:
			continue
		case len(list) == maxWarnings:
			return append(list, "and more")
		}

		consequence := "it does not allow then"
		if dependency.Statement.Effect == policy.Deny {
			consequence = "it denies then, whatever the value is"
		}
		list = append(list, fmt.Sprintf("%s (%s) depends on %s, which this server cannot know %s: %s",
			dependency.Statement, dependency.Statement.Effect, dependency.Written, strings.Join(places, " and "), consequence))
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
	if prefix := prefixOf(key); prefix != policy.CognitoPrincipal && isHost(prefix) {
		return slices.Contains(sessionClaims, key[strings.LastIndexByte(key, ':')+1:])
	}
	return Caller{}.Knows(key)
}

// mayBeChecked reports whether a route of the check endpoint can ask for one of
// the statement's actions.
func mayBeChecked(s *policy.Statement) bool {
	services := s.Services()
	return services == nil || slices.ContainsFunc(services, func(name string) bool { return !slices.Contains(ownPlaces, Place(name)) })
}

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
		return !slices.Contains(ownPlaces, Place(name)) && !CheckEndpoint.Knows(key, name+":")
	})
}

// PolicyWarnings calls found for each warning about a policy of the settings or of
// the store, of any account, with what holds the policy. It stops at found's error
// and returns it.
func (d *Directory) PolicyWarnings(ctx context.Context, clientUnknown bool, found func(holder, warning string) error) error {
	each := func(holder string, warnings []string) error {
		for _, warning := range warnings {
			if err := found(holder, warning); err != nil {
				return err
			}
		}
		return nil
	}
	role := func(r store.Role) error {
		arn := d.RoleARN(r)
		if err := each("trust policy of "+arn, TrustPolicyWarnings(r.Trust)); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(r.Policies)) {
			if err := each("policy "+name+" of "+arn, IdentityPolicyWarnings(r.Policies[name], clientUnknown)); err != nil {
				return err
			}
		}
		return nil
	}
	managed := func(p store.ManagedPolicy) error {
		v, _ := p.Version(p.Default)
		return each(d.PolicyARN(p), IdentityPolicyWarnings(v.Document, clientUnknown))
	}

	for _, key := range slices.Sorted(maps.Keys(d.settingsRoles)) {
		if err := role(d.settingsRoles[key]); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.settingsPolicies)) {
		if err := managed(d.settingsPolicies[key]); err != nil {
			return err
		}
	}
	if d.store == nil {
		return nil
	}
	if err := d.store.EachManagedPolicy(ctx, managed); err != nil {
		return err
	}
	return d.store.EachRole(ctx, role)
}
