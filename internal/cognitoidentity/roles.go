package cognitoidentity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// SetIdentityPoolRoles replaces both the default roles and the role mappings;
// mappings left out are cleared. The caller needs iam:PassRole for every role.
func (s *Service) SetIdentityPoolRoles(ctx context.Context, c awsapi.Caller, in *SetIdentityPoolRolesInput) (*awsapi.NoOutput, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	mappings, err := s.roleMappings(ctx, pool, in.RoleMappings)
	if err != nil {
		return nil, err
	}
	for _, role := range rolesIn(in.Roles, mappings) {
		if err := s.passRole(ctx, c, pool, role); err != nil {
			return nil, err
		}
	}
	_, err = s.Store.UpdatePool(ctx, pool.ID, func(p *identitypool.Pool) error {
		// Again, inside the transaction: the pool's providers may have changed.
		if _, err := s.roleMappings(ctx, *p, in.RoleMappings); err != nil {
			return err
		}
		p.Roles, p.RoleMappings = maps.Clone(in.Roles), mappings
		return nil
	})
	return nil, poolError(err, *in.IdentityPoolId)
}

// roleMappings converts the input's mappings, refusing keys that are no
// provider of the pool and mappings that could never decide.
func (s *Service) roleMappings(ctx context.Context, p identitypool.Pool, in map[string]RoleMapping) (map[string]identitypool.RoleMapping, error) {
	if len(in) == 0 {
		return nil, nil
	}
	in, err := s.mappingKeys(p, in)
	if err != nil {
		return nil, err
	}
	fail := func(key, expected, got, fix string) {
		explain.FromContext(ctx).Fail("role mapping of "+shownName(key), expected, got, fix)
	}
	mappings := make(map[string]identitypool.RoleMapping, len(in))
	for _, key := range slices.Sorted(maps.Keys(in)) {
		m := in[key]
		if !mappable(p, key) {
			fail(key, "a provider of the pool: "+strings.Join(p.ShownNames(mappableNames(p)), ", "), shownName(key),
				"write the provider as the pool has it, without https://; a user pool with :CLIENT_ID")
			return nil, invalid("(%s) is not a valid RoleMapping ProviderName or is not a configured provider.", key)
		}
		if _, issuer, ok := strings.Cut(key, ":oidc-provider/"); ok && strings.HasPrefix(key, "arn:") {
			if _, twice := in[issuer]; twice {
				fail(key, "one role mapping for each provider", "another for "+shownName(issuer), "leave one of the two out")
				return nil, invalid("(%s) and (%s) are role mappings of one provider; give one.", key, issuer)
			}
		}
		if m.AmbiguousRoleResolution == nil {
			fail(key, "AmbiguousRoleResolution", "it is not there", "add AuthenticatedRole or Deny: what happens when no role, or more than one, fits")
			return nil, invalid("AmbiguousRoleResolution is required for the role mapping of %s.", key)
		}
		mapping := identitypool.RoleMapping{Type: string(*m.Type), AmbiguousRoleResolution: string(*m.AmbiguousRoleResolution)}
		switch {
		case mapping.Type == identitypool.MappingRules && m.RulesConfiguration == nil:
			fail(key, "RulesConfiguration, as the type is Rules", "it is not there", "add the rules, or use the type Token")
			return nil, invalid("RulesConfiguration is required for the role mapping of %s, which has the type Rules.", key)
		case mapping.Type == identitypool.MappingToken && m.RulesConfiguration != nil:
			fail(key, "no RulesConfiguration, as the type is Token", "it is there", "leave the rules out, or use the type Rules")
			return nil, invalid("RulesConfiguration is not allowed for the role mapping of %s, which has the type Token.", key)
		case m.RulesConfiguration != nil && len(m.RulesConfiguration.Rules) > s.Limits.RulesPerMapping:
			fail(key, fmt.Sprintf("at most %d rules", s.Limits.RulesPerMapping), fmt.Sprintf("%d rules", len(m.RulesConfiguration.Rules)),
				"merge rules, or raise limits.rules_per_mapping")
			return nil, invalid("The role mapping of %s has %d rules; the limit is %d.", key, len(m.RulesConfiguration.Rules), s.Limits.RulesPerMapping)
		}
		if m.RulesConfiguration != nil {
			for _, r := range m.RulesConfiguration.Rules {
				mapping.Rules = append(mapping.Rules, identitypool.Rule{
					Claim: *r.Claim, MatchType: string(*r.MatchType), Value: *r.Value, RoleARN: *r.RoleARN})
			}
		}
		mappings[key] = mapping
	}
	return mappings, nil
}

// mappableNames lists the keys that role mappings of the pool can have.
func mappableNames(p identitypool.Pool) []string {
	names := slices.Concat(p.OIDCProviderARNs, p.SAMLProviderARNs, slices.Sorted(maps.Keys(p.SupportedLoginProviders)))
	for _, cip := range p.CognitoIdentityProviders {
		names = append(names, cip.ProviderName+":"+cip.ClientID)
	}
	if len(names) == 0 {
		return []string{"it has none"}
	}
	return names
}

// mappable reports whether key names a provider of the pool in the way role
// mappings do: a user pool with its client ID, the others by name or ARN.
func mappable(p identitypool.Pool, key string) bool {
	for _, cip := range p.CognitoIdentityProviders {
		if key == cip.ProviderName+":"+cip.ClientID {
			return true
		}
	}
	if slices.Contains(p.OIDCProviderARNs, key) {
		return true
	}
	switch p.Provider(key).Kind {
	case identitypool.AppProvider, identitypool.OIDCProviderKind, identitypool.SAMLProviderKind:
		return true
	default:
		return false
	}
}

func rolesIn(defaults map[string]string, mappings map[string]identitypool.RoleMapping) []string {
	seen := map[string]bool{}
	for _, arn := range defaults {
		seen[arn] = true
	}
	for _, m := range mappings {
		for _, r := range m.Rules {
			seen[r.RoleARN] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// passRole refuses a role that is not a role of the pool's account or that the
// caller may not pass on. A role that IAM does not know is taken, as AWS does:
// it shows when credentials are asked for.
func (s *Service) passRole(ctx context.Context, c awsapi.Caller, pool identitypool.Pool, arn string) error {
	fail := func(expected, got, fix string) { explain.FromContext(ctx).Fail("role", expected, got, fix) }
	switch account, ok := identitypool.RoleAccount(arn); {
	case !ok:
		fail("the ARN of a role", fmt.Sprintf("a text of %d bytes of another form", len(arn)), "write it as arn:"+identitypool.Partition(pool.Region)+":iam::"+string(pool.Account)+":role/NAME")
		return roleForbidden(arn)
	case account != pool.Account:
		fail("a role of the pool's account, "+string(pool.Account), arn, "name a role of that account; roles of others are for the classic flow")
		return roleForbidden(arn)
	case identitypool.PartitionOf(arn) != identitypool.Partition(pool.Region):
		return wrongRole(pool, arn)
	}
	if err := s.Authorize(ctx, c, s.passRoleAccess(c, pool, arn)); err != nil {
		if refused, ok := errors.AsType[*awsapi.Error](err); ok && refused.Kind == awsapi.AccessDenied {
			fail("permission for iam:PassRole on "+arn, "the caller's policies do not give it", "allow iam:PassRole on the role in the policy of the access key "+c.AccessKeyID)
			return roleForbidden(arn).Because(err)
		}
		return err
	}
	if _, err := s.Providers.Role(ctx, arn); errors.Is(err, iam.ErrNotFound) {
		s.Logger.WarnContext(ctx, "an identity pool was given a role that is not defined", "pool", pool.ID, "role", arn)
	}
	return nil
}

// passRoleAccess is the permission to give a pool a role.
func (s *Service) passRoleAccess(c awsapi.Caller, pool identitypool.Pool, arn string) awsapi.Access {
	return awsapi.Access{
		Action:   "iam:PassRole",
		Resource: s.home(arn),
		Conditions: map[string][]string{
			"iam:PassedToService":       {identitypool.ServiceName(pool.Region)},
			"iam:AssociatedResourceArn": {callerPoolARN(c, string(pool.ID))},
		},
		ResourceTags: func(ctx context.Context) (map[string]string, error) {
			role, err := s.Providers.Role(ctx, arn)
			if errors.Is(err, iam.ErrNotFound) {
				return nil, nil
			}
			return role.Tags, err
		},
	}
}

// GetIdentityPoolRoles returns the default roles and the role mappings.
func (s *Service) GetIdentityPoolRoles(ctx context.Context, c awsapi.Caller, in *GetIdentityPoolRolesInput) (*GetIdentityPoolRolesResponse, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	out := &GetIdentityPoolRolesResponse{IdentityPoolId: in.IdentityPoolId, Roles: orAbsent(shownRoles(pool))}
	for key, m := range pool.RoleMappings {
		mapping := RoleMapping{Type: new(m.Type), AmbiguousRoleResolution: new(m.AmbiguousRoleResolution)}
		if m.Type == identitypool.MappingRules {
			mapping.RulesConfiguration = &RulesConfigurationType{}
			for _, r := range m.Rules {
				mapping.RulesConfiguration.Rules = append(mapping.RulesConfiguration.Rules, MappingRule{
					Claim: new(r.Claim), MatchType: new(r.MatchType), Value: new(r.Value), RoleARN: new(pool.ShownName(r.RoleARN))})
			}
		}
		if out.RoleMappings == nil {
			out.RoleMappings = make(map[string]RoleMapping, len(pool.RoleMappings))
		}
		out.RoleMappings[pool.ShownName(key)] = mapping
	}
	return out, nil
}
