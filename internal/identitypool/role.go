package identitypool

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// NoRoleError means that the pool has no role for this kind of access. On the wire it
// is InvalidIdentityPoolConfigurationException.
type NoRoleError struct {
	Kind string
	refused
}

func (e *NoRoleError) Error() string { return "the identity pool has no " + e.Kind + " role" }

// AmbiguousRoleError means that the provider's role mapping chose no role, and that
// its AmbiguousRoleResolution is Deny.
type AmbiguousRoleError struct {
	Provider string
	refused
}

// Error returns AWS's text.
func (e *AmbiguousRoleError) Error() string {
	return "The ambiguous role mapping rules for: " + e.Provider + " denied this request."
}

// CustomRoleError means that the caller asked for a role that its logins do not offer.
type CustomRoleError struct {
	RoleARN string
	refused
}

func (e *CustomRoleError) Error() string {
	return fmt.Sprintf("the role %q is not among those the logins may choose", e.RoleARN)
}

// RoleNeededError means that the provider offers several roles and the caller names
// none.
type RoleNeededError struct {
	Provider string
	refused
}

func (e *RoleNeededError) Error() string {
	return "The login of " + e.Provider + " offers several roles: CustomRoleArn must name one of them."
}

// NoOfferedRoleError means that the assertion offers roles, but none through this
// provider.
type NoOfferedRoleError struct {
	Provider string
	refused
}

func (e *NoOfferedRoleError) Error() string {
	return "The login of " + e.Provider + " offers no role through this provider."
}

// RoleRequest holds the facts of a call on which the choice of a role depends.
type RoleRequest struct {
	Logins       []VerifiedLogin // empty for a guest, or for a Cognito token
	CognitoToken bool            // the login was a Cognito token for a developer's user
	CustomARN    string          // CustomRoleArn of the call, or ""
}

// ChosenRole is a role with the field of the pool that names it, for links; "" = the login names it.
type ChosenRole struct{ ARN, Field string }

// ChooseRole chooses the role of GetCredentialsForIdentity (developer guide,
// "Role-based access control"): that of the role mapping of the login's provider, or
// one that a SAML provider offers in its Role attribute, or else the guest or
// authenticated default. It refuses a CustomARN that is not offered, even if AWS may
// ignore it: a caller that asks for one role must not get another. With several
// mapped logins, all must lead to one role, or one of them must offer CustomARN.
func (p Pool) ChooseRole(r RoleRequest, trace *explain.Trace) (ChosenRole, error) {
	if len(r.Logins) == 0 && !r.CognitoToken {
		return p.defaultRole(Unauthenticated, r, trace)
	}

	var chosen []ChosenRole
	var notOffered *CustomRoleError
	for _, login := range r.Logins {
		var role ChosenRole
		var err error
		if mapping, key, ok := p.mappingOf(login); ok {
			role, err = p.mappedRole(mapping, key, login.Claims, r.CustomARN, trace)
		} else if login.Roles != nil {
			role.ARN, err = p.offeredRole(login, r.CustomARN)
		} else {
			continue
		}

		if errors.As(err, &notOffered) {
			continue // another login may offer it
		} else if err != nil {
			return ChosenRole{}, err
		}
		if !slices.ContainsFunc(chosen, func(c ChosenRole) bool { return SameARN(c.ARN, role.ARN) }) {
			chosen = append(chosen, role)
		}
	}

	switch len(chosen) {
	case 0:
		if notOffered != nil {
			return ChosenRole{}, notOffered
		}
		return p.defaultRole(Authenticated, r, trace)
	case 1:
		trace.Pass("role", chosen[0].ARN)
		return chosen[0], nil
	default:
		arns := make([]string, len(chosen))
		for i, role := range chosen {
			arns[i] = role.ARN
		}
		why := severalRoles.With("roles", strings.Join(arns, ", "))

		return ChosenRole{}, &AmbiguousRoleError{Provider: r.Logins[0].MappingKey, refused: refused{why: why}}
	}
}

// offeredRole chooses among the roles that the provider offers: the only one, or the
// one that the caller names (developer guide, "SAML identity providers").
func (p Pool) offeredRole(l VerifiedLogin, custom string) (string, error) {
	offered := strings.Join(l.Roles[:min(len(l.Roles), 10)], ", ")
	switch {
	case len(l.Roles) == 0:
		provider := p.ShownName(l.Provider)
		return "", &NoOfferedRoleError{
			Provider: l.Provider,
			refused:  refused{why: samlNoRole.With("provider", provider).Of(provider)},
		}
	case custom != "" && indexARN(l.Roles, custom) < 0:
		why := customNotOffered.With("offered", offered, "custom", custom, "provider", p.ShownName(l.Provider))
		return "", &CustomRoleError{RoleARN: custom, refused: refused{why: why}}
	case custom != "":
		return l.Roles[indexARN(l.Roles, custom)], nil
	case len(l.Roles) > 1:
		why := samlSeveralRoles.With("offered", offered).Of(l.Provider)
		return "", &RoleNeededError{Provider: l.Provider, refused: refused{why: why}}
	default:
		return l.Roles[0], nil
	}
}

func (p Pool) defaultRole(kind string, r RoleRequest, trace *explain.Trace) (ChosenRole, error) {
	role, custom := p.Roles[kind], r.CustomARN
	if role == "" {
		why := defaultRoleUnset.With("kind", kind).At(p.ID.Link("Roles"))
		return ChosenRole{}, &NoRoleError{Kind: kind, refused: refused{why: why}}
	}

	if custom != "" && !SameARN(custom, role) {
		shown := p.ShownName(role)
		why := customNotDefault.With("role", shown, "custom", custom).At(p.ID.Link("RoleMappings"))
		if len(r.Logins) == 0 {
			why = customOneRole.With("role", shown, "custom", custom)
		}
		return ChosenRole{}, &CustomRoleError{RoleARN: custom, refused: refused{why: why}}
	}

	trace.Pass("role", role)

	return ChosenRole{role, "Roles"}, nil
}

// mappingOf finds a login's role mapping, and its key. The key of an OpenID Connect
// provider's mapping may be its ARN, as in the console, or its name.
func (p Pool) mappingOf(l VerifiedLogin) (RoleMapping, string, bool) {
	if m, ok := p.RoleMappings[l.MappingKey]; ok {
		return m, l.MappingKey, true
	}
	if strings.HasPrefix(l.MappingKey, "arn:") {
		if m, ok := p.RoleMappings[l.Provider]; ok {
			return m, l.Provider, true
		}

		for key, m := range p.RoleMappings {
			if SameARN(key, l.MappingKey) {
				return m, key, true
			}
		}
	}

	return RoleMapping{}, "", false
}

func (p Pool) mappedRole(
	m RoleMapping, key string,
	claims map[string]any, custom string,
	trace *explain.Trace,
) (ChosenRole, error) {
	var role, field, got string
	switch m.Type {
	case MappingToken:
		said, why := roleClaims(claims)
		if why != nil {
			return ChosenRole{}, &AmbiguousRoleError{Provider: key, refused: refused{why: why.Of(key)}}
		}

		got = "cognito:roles = " + strings.Join(said.roles[:min(len(said.roles), 10)], ", ")
		switch {
		case custom != "":
			offered := indexARN(said.roles, custom)
			if offered < 0 {
				why := customNotInToken.With("custom", custom, "got", got)
				return ChosenRole{}, &CustomRoleError{RoleARN: custom, refused: refused{why: why}}
			}
			role = said.roles[offered]
		case said.preferred != "":
			role = said.preferred
		case len(said.roles) == 1:
			role = said.roles[0]
		}
	case MappingRules:
		got = fmt.Sprintf("no match among %d rules", len(m.Rules))
		if i := m.choose(claims, custom); i >= 0 {
			rule := m.Rules[i]
			trace.PassOf("role mapping", key, fmt.Sprintf("rule %d: %s %s", i+1, rule.Claim, rule.MatchType))
			role, field = rule.RoleARN, "RoleMappings"
		}
		if role == "" && custom != "" {
			why := customNoRule.With("key", key, "custom", custom).At(p.ID.Link("RoleMappings"))
			return ChosenRole{}, &CustomRoleError{RoleARN: custom, refused: refused{why: why}}
		}
	}

	if role != "" {
		return ChosenRole{role, field}, nil
	}
	if m.AmbiguousRoleResolution == ResolveAuthenticatedRole {
		trace.PassOf("role mapping", key, got+"; AmbiguousRoleResolution AuthenticatedRole applies")
		return p.defaultRole(Authenticated, RoleRequest{}, trace)
	}

	why := noMappedRole.With("type", m.Type, "got", got).Of(key).At(p.ID.Link("RoleMappings"))

	return ChosenRole{}, &AmbiguousRoleError{Provider: key, refused: refused{why: why}}
}

// tokenRoles are the roles that a token names.
type tokenRoles struct {
	roles     []string // each once
	preferred string   // one of roles, or ""
}

// choose returns the index of the rule that gives the role; -1 = none does.
func (m RoleMapping) choose(claims map[string]any, custom string) int {
	return slices.IndexFunc(m.Rules, func(r Rule) bool {
		return r.matches(claims) && (custom == "" || SameARN(r.RoleARN, custom))
	})
}

// roleClaims reads cognito:roles, an array in real tokens and a comma-separated
// string in the guide, and cognito:preferred_role. A user pool takes both from the
// user's groups, so a preferred role that is not in the list is a contradiction.
// After a refusal the claims choose no role. The mapping's AmbiguousRoleResolution does
// not count then: it is for tokens that leave a choice open.
func roleClaims(claims map[string]any) (r tokenRoles, why *explain.Refusal) {
	add := func(role string) {
		if role != "" && indexARN(r.roles, role) < 0 {
			r.roles = append(r.roles, role)
		}
	}

	switch v := claims["cognito:roles"].(type) {
	case nil: // null counts as absent, as in the registered claims
	case string:
		for role := range strings.SplitSeq(v, ",") {
			add(strings.TrimSpace(role))
		}
	case []any:
		if len(v) > maxTokenRoles {
			return tokenRoles{}, tooManyRoles(len(v))
		}

		for _, item := range v {
			role, isText := item.(string)
			if !isText {
				return tokenRoles{}, roleClaimsForm.With("problem", "cognito:roles has an entry that is no text")
			}
			add(role)
		}
	default:
		return tokenRoles{}, roleClaimsForm.With("problem", "cognito:roles is neither a list nor text")
	}
	if len(r.roles) > maxTokenRoles {
		return tokenRoles{}, tooManyRoles(len(r.roles))
	}

	preferred, isText := claims["cognito:preferred_role"].(string)
	switch {
	case claims["cognito:preferred_role"] != nil && !isText:
		return tokenRoles{}, roleClaimsForm.With("problem", "cognito:preferred_role is no text")
	case preferred != "" && indexARN(r.roles, preferred) < 0:
		return tokenRoles{}, roleClaimsPreferred.With()
	}
	r.preferred = preferred

	return r, nil
}

func tooManyRoles(n int) *explain.Refusal {
	return roleClaimsCount.With("limit", strconv.Itoa(maxTokenRoles), "count", strconv.Itoa(n))
}

// maxTokenRoles bounds cognito:roles. A user is in at most 100 groups of a user pool
// (Cognito quotas), and a group has one role.
const maxTokenRoles = 100

// matches evaluates one rule. A missing claim matches nothing, not even NotEqual
// (developer guide). An array claim such as cognito:groups matches only Contains, by
// whole elements: if its text or parts of an element were compared, the group
// "not-admin" would match "admin".
func (r Rule) matches(claims map[string]any) bool {
	claim, ok := claims[r.Claim]
	if !ok {
		return false
	}

	if items, ok := claim.([]any); ok {
		if r.MatchType != MatchContains {
			return false
		}

		for _, item := range items {
			if text, ok := scalarText(item); ok && text == r.Value {
				return true
			}
		}

		return false
	}

	text, ok := scalarText(claim)
	if !ok {
		return false
	}

	switch r.MatchType {
	case MatchEquals:
		return text == r.Value
	case MatchNotEqual:
		return text != r.Value
	case MatchStartsWith:
		return strings.HasPrefix(text, r.Value)
	case MatchContains:
		return strings.Contains(text, r.Value)
	default:
		return false
	}
}

// scalarText returns the text of a string, number or boolean claim. It returns false
// for other values.
func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	default:
		return "", false
	}
}
