package cognitoidentity

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// SetIdentityPoolRoles replaces both the default roles and the role mappings;
// mappings left out are cleared. The caller needs iam:PassRole for every role.
func (s *Service) SetIdentityPoolRoles(
	ctx context.Context, c awsapi.Caller, in *SetIdentityPoolRolesInput,
) (*awsapi.NoOutput, error) {
	explain.FromContext(ctx).Plan(setRolesChecks)
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	mappings, err := s.checkRoles(ctx, c, pool, in.Roles, in.RoleMappings)
	if err != nil {
		return nil, err
	}
	s.warnUnknownRoles(ctx, pool, rolesIn(in.Roles, mappings))

	_, err = s.Store.UpdatePool(ctx, pool.ID, func(p *identitypool.Pool) error {
		// Again, inside the transaction: the pool's providers may have changed.
		if _, err := s.roleMappings(*p, in.RoleMappings); err != nil {
			return err
		}
		p.Roles, p.RoleMappings = maps.Clone(in.Roles), mappings

		return nil
	})

	return nil, poolError(err, *in.IdentityPoolId)
}

// checkRoles converts mappings, and refuses roles and mappings that the caller cannot give the
// pool.
func (s *Service) checkRoles(
	ctx context.Context, c awsapi.Caller, pool identitypool.Pool, roles map[string]string, in map[string]RoleMapping,
) (map[string]identitypool.RoleMapping, error) {
	var f faults
	mappings := s.checkAllRoles(ctx, c, pool, roles, in, &f)
	return mappings, f.first()
}

// checkAllRoles is checkRoles for a collection of refusals.
func (s *Service) checkAllRoles(
	ctx context.Context, c awsapi.Caller, pool identitypool.Pool, roles map[string]string, in map[string]RoleMapping,
	f *faults,
) map[string]identitypool.RoleMapping {
	mappings, end := s.convertMappings(pool, in, f)
	if end {
		return nil
	}

	for _, role := range rolesIn(roles, mappings) {
		if end := f.add(s.passRole(ctx, c, pool, role, fieldOfRole(roles, role))); end {
			return nil
		}
	}

	return mappings
}

// warnUnknownRoles logs the roles that IAM does not know. They are accepted, as at AWS:
// requests for credentials then fail.
func (s *Service) warnUnknownRoles(ctx context.Context, pool identitypool.Pool, arns []string) {
	for _, arn := range arns {
		if _, err := s.Directory.RoleOf(ctx, arn); errors.Is(err, iam.ErrNotFound) {
			s.Logger.WarnContext(ctx, "an identity pool was given a role that is not defined",
				"pool", pool.ID, "role", arn)
		}
	}
}

// roleMappings converts the input's mappings. It refuses keys that are not a
// provider of the pool, and mappings that could never choose a role.
func (s *Service) roleMappings(
	p identitypool.Pool, in map[string]RoleMapping,
) (map[string]identitypool.RoleMapping, error) {
	var f faults
	mappings, _ := s.convertMappings(p, in, &f)
	return mappings, f.first()
}

// convertMappings is roleMappings for a collection of refusals. It returns the mappings that
// are good, and reports whether the checks end.
func (s *Service) convertMappings(
	p identitypool.Pool, in map[string]RoleMapping, f *faults,
) (mappings map[string]identitypool.RoleMapping, end bool) {
	if len(in) == 0 {
		return nil, false
	}

	in, given, err := s.mappingKeys(p, in)
	if err != nil {
		return nil, f.add(err)
	}

	mappings = make(map[string]identitypool.RoleMapping, len(in))
	for _, key := range slices.Sorted(maps.Keys(in)) {
		err := checkMappingKey(p, key, cmp.Or(given[key], p.ShownName(key)), in)
		var mapping identitypool.RoleMapping
		if err == nil {
			mapping, err = s.roleMapping(p, key, in[key])
		}
		if end := f.add(err); end {
			return nil, true
		}
		if err == nil {
			mapping.Given = given[key]
			mappings[key] = mapping
		}
	}

	return mappings, false
}

// checkMappingKey refuses a stored key that no login of the pool uses, and the second key
// of a provider. name is the key in the form of the call.
func checkMappingKey(p identitypool.Pool, key, name string, all map[string]RoleMapping) error {
	if !p.MapsLogins(key) {
		why := mappingProvider.With("names", namesOr(p.ShownNames(mappableNames(p))), "name", provider.ShownName(name))
		if misspelt := provider.Misspelt(p, key); misspelt != nil {
			why = misspelt
		}

		return mappingRefused(p, key, why,
			"(%s) is not a valid RoleMapping ProviderName or is not a configured provider.", name)
	}

	if _, kind, issuer, ok := identitypool.ParseProviderARN(key); ok && kind == identitypool.OIDCProvider {
		if _, twice := all[issuer]; twice {
			return mappingRefused(p, key, mappingTwice.With("issuer", provider.ShownName(issuer)),
				"(%s) and (%s) are role mappings of one provider; give one.", name, issuer)
		}
	}

	return nil
}

// roleMapping converts the mapping of one key.
func (s *Service) roleMapping(p identitypool.Pool, key string, m RoleMapping) (identitypool.RoleMapping, error) {
	name := p.ShownName(key)
	refuse := func(why *explain.Refusal, format string, args ...any) (identitypool.RoleMapping, error) {
		return identitypool.RoleMapping{}, mappingRefused(p, key, why, format, args...)
	}

	if m.AmbiguousRoleResolution == nil {
		return refuse(mappingResolution.With(), "AmbiguousRoleResolution is required for the role mapping of %s.", name)
	}

	mapping := identitypool.RoleMapping{
		Type:                    string(*m.Type),
		AmbiguousRoleResolution: string(*m.AmbiguousRoleResolution),
	}
	rules, limit := m.RulesConfiguration, s.Limits.RulesPerMapping

	switch {
	case mapping.Type == identitypool.MappingRules && rules == nil:
		return refuse(mappingRulesMissing.With(),
			"RulesConfiguration is required for the role mapping of %s, which has the type Rules.", name)
	case mapping.Type == identitypool.MappingToken && rules != nil:
		return refuse(mappingRulesOfToken.With(),
			"RulesConfiguration is not allowed for the role mapping of %s, which has the type Token.", name)
	case rules == nil:
		return mapping, nil
	case len(rules.Rules) > limit:
		return refuse(mappingRulesLimit.With("limit", strconv.Itoa(limit), "count", strconv.Itoa(len(rules.Rules))),
			"The role mapping of %s has %d rules; the limit is %d.", name, len(rules.Rules), limit)
	}

	for _, r := range rules.Rules {
		mapping.Rules = append(mapping.Rules, identitypool.Rule{
			Claim:     *r.Claim,
			MatchType: string(*r.MatchType),
			Value:     *r.Value,
			RoleARN:   *r.RoleARN,
		})
	}

	return mapping, nil
}

func mappingRefused(p identitypool.Pool, key string, why *explain.Refusal, format string, args ...any) error {
	shown := p.ShownName(key)
	if !p.MapsLogins(key) {
		shown = provider.ShownName(shown)
	}
	return awsapi.Refused(invalidParameter, why.Of(shown).At(p.Link("RoleMappings")), format, args...)
}

// mappableNames lists the keys that role mappings of the pool can have.
func mappableNames(p identitypool.Pool) []string {
	names := slices.Concat(p.OIDCProviderARNs, p.SAMLProviderARNs, slices.Sorted(maps.Keys(p.SupportedLoginProviders)))
	for _, client := range p.CognitoIdentityProviders {
		names = append(names, client.ProviderName+":"+client.ClientID)
	}
	return names
}

// namesOr joins names for a message.
func namesOr(names []string) string {
	if len(names) == 0 {
		return "it has none"
	}
	return strings.Join(names, ", ")
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

// fieldOfRole returns the field of a pool that names a role: one that is not a default is a rule's.
func fieldOfRole(defaults map[string]string, arn string) string {
	if slices.Contains(slices.Collect(maps.Values(defaults)), arn) {
		return "Roles"
	}
	return "RoleMappings"
}

// passRole refuses a role that is not a role of the pool's account or that the
// caller may not pass on. field is that of the pool that names the role.
func (s *Service) passRole(ctx context.Context, c awsapi.Caller, pool identitypool.Pool, arn, field string) error {
	link := pool.Link(field)

	switch account, ok := identitypool.RoleAccount(arn); {
	case !ok:
		example := "arn:" + identitypool.Partition(pool.Region) + ":iam::" + string(pool.Account) + ":role/NAME"
		return roleRefused(arn, roleForm.With("count", strconv.Itoa(len(arn)), "example", example).At(link))
	case account != pool.Account:
		return roleRefused(arn, roleOfAnother.With("account", string(pool.Account), "arn", arn).Of(arn).At(link))
	case identitypool.PartitionOf(arn) != identitypool.Partition(pool.Region):
		return wrongRole(pool, arn, link)
	}

	if err := s.Authorize(ctx, c, s.passRoleAccess(c, pool, arn)); err != nil {
		if refused, ok := errors.AsType[*awsapi.Error](err); ok && refused.Kind == awsapi.AccessDenied {
			why := rolePass.With("arn", arn, "key", c.AccessKeyID).Of(arn)
			if refused.Why != nil && refused.Why.Link != nil {
				why.At(*refused.Why.Link)
			}

			return roleRefused(arn, why).Because(err)
		}

		return err
	}

	return nil
}

// roleRefused is AWS's answer to a role that a pool cannot get, or that a caller cannot
// choose.
func roleRefused(arn string, why *explain.Refusal) *awsapi.Error {
	return awsapi.Refused(notAuthorized, why, "Access to Role '%s' is forbidden.", arn)
}

// passRoleAccess is the permission to give a pool a role.
func (s *Service) passRoleAccess(c awsapi.Caller, pool identitypool.Pool, arn string) awsapi.Access {
	return awsapi.Access{
		Action:   "iam:PassRole",
		Resource: s.Providers.ToStored(arn),
		Conditions: map[string][]string{
			"iam:PassedToService":       {identitypool.ServiceName(pool.Region)},
			"iam:AssociatedResourceArn": {callerPoolARN(c, string(pool.ID))},
		},
		ResourceTags: func(ctx context.Context) (map[string]string, error) {
			role, err := s.Directory.RoleOf(ctx, arn)
			if errors.Is(err, iam.ErrNotFound) {
				return nil, nil
			}
			return role.Tags, err
		},
	}
}

// GetIdentityPoolRoles returns the default roles and the role mappings.
func (s *Service) GetIdentityPoolRoles(
	ctx context.Context, c awsapi.Caller, in *GetIdentityPoolRolesInput,
) (*GetIdentityPoolRolesResponse, error) {
	explain.FromContext(ctx).Plan(namedPoolChecks)
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
					Claim:     new(r.Claim),
					MatchType: new(r.MatchType),
					Value:     new(r.Value),
					RoleARN:   new(pool.ShownName(r.RoleARN)),
				})
			}
		}

		if out.RoleMappings == nil {
			out.RoleMappings = make(map[string]RoleMapping, len(pool.RoleMappings))
		}
		out.RoleMappings[cmp.Or(m.Given, pool.ShownName(key))] = mapping
	}

	return out, nil
}
