package identitypool

import (
	"errors"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// A SAML login's own roles, beside mappings and other logins.
func TestOfferedRoles(t *testing.T) {
	const provider, a, b, standard = "arn:aws:iam::000000000000:saml-provider/Corp",
		"arn:aws:iam::000000000000:role/A", "arn:aws:iam::000000000000:role/B", "arn:aws:iam::000000000000:role/Default"
	pool := Pool{SAMLProviderARNs: []string{provider}, Roles: map[string]string{Authenticated: standard}}
	saml := func(roles ...string) VerifiedLogin {
		l := pool.Provider(provider).Verified("alice", "urn:amazon:webservices")
		l.Roles = roles
		return l
	}

	google := VerifiedLogin{Login: Login{Kind: Public, Provider: googleKey, Subject: "g"}, MappingKey: googleKey,
		Claims: map[string]any{"sub": "g"}}
	mapped := pool
	mapped.RoleMappings = map[string]RoleMapping{googleKey: {Type: MappingRules, AmbiguousRoleResolution: ResolveDeny,
		Rules: []Rule{{Claim: "sub", MatchType: MatchEquals, Value: "g", RoleARN: b}}}}
	overruled := pool
	overruled.RoleMappings = map[string]RoleMapping{provider: {Type: MappingRules,
		AmbiguousRoleResolution: ResolveAuthenticatedRole}}
	bare := pool
	bare.Roles = nil
	var none *NoOfferedRoleError
	var needed *RoleNeededError

	var custom *CustomRoleError
	var ambiguous *AmbiguousRoleError
	var noRole *NoRoleError
	for name, test := range map[string]struct {
		pool   Pool
		logins []VerifiedLogin
		custom string
		want   string
		fault  any
	}{
		"one":                             {pool, []VerifiedLogin{saml(a)}, "", a, nil},
		"one, in a pool without roles":    {bare, []VerifiedLogin{saml(a)}, "", a, nil},
		"one, named":                      {pool, []VerifiedLogin{saml(a)}, a, a, nil},
		"one, another named":              {pool, []VerifiedLogin{saml(a)}, b, "", &custom},
		"one, the default named":          {pool, []VerifiedLogin{saml(a)}, standard, "", &custom},
		"several":                         {pool, []VerifiedLogin{saml(a, b)}, "", "", &needed},
		"several, one named":              {pool, []VerifiedLogin{saml(a, b)}, b, b, nil},
		"none offered here":               {pool, []VerifiedLogin{saml([]string{}...)}, "", "", &none},
		"none offered here, named":        {pool, []VerifiedLogin{saml([]string{}...)}, a, "", &none},
		"nothing said":                    {pool, []VerifiedLogin{saml()}, "", standard, nil},
		"nothing said, no default":        {bare, []VerifiedLogin{saml()}, "", "", &noRole},
		"a mapping outranks the offer":    {overruled, []VerifiedLogin{saml(a)}, "", standard, nil},
		"beside a login without mapping":  {pool, []VerifiedLogin{google, saml(a)}, "", a, nil},
		"beside a login of the same role": {mapped, []VerifiedLogin{google, saml(b)}, "", b, nil},
		"beside a login of another role":  {mapped, []VerifiedLogin{google, saml(a)}, "", "", &ambiguous},
		"a named role that both lead to":  {mapped, []VerifiedLogin{google, saml(a, b)}, b, b, nil},
	} {
		t.Run(name, func(t *testing.T) {
			trace := &explain.Trace{}
			role, err := test.pool.ChooseRole(RoleRequest{Logins: test.logins, CustomARN: test.custom}, trace)
			if test.fault == nil {
				if err != nil || role.ARN != test.want {
					t.Errorf("role = %q, %v", role, err)
				}
				return
			}

			if err == nil || !errors.As(err, test.fault) || role.ARN != "" || !explained(err) {
				t.Errorf("role = %q, %v", role, err)
			}
		})
	}
}

func TestSAMLDefaultTags(t *testing.T) {
	const provider = "arn:aws:iam::000000000000:saml-provider/Corp"
	pool := Pool{SAMLProviderARNs: []string{provider},
		PrincipalTags: map[string]PrincipalTagMap{provider: {UseDefaults: true}}}
	l := pool.Provider(provider).Verified("alice", "urn:amazon:webservices")
	l.Claims = map[string]any{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name": "Alice Cooper"}

	tags, err := pool.SessionTags([]VerifiedLogin{l}, nil)
	if err != nil || len(tags) != 2 || tags["username"] != "alice" || tags["client"] != "urn:amazon:webservices" {
		t.Errorf("tags = %v, %v", tags, err)
	}
}
