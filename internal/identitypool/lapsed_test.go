package identitypool

import (
	"errors"
	"slices"
	"testing"
)

// A token that we issued is good for as long as its identity could get it anew.
func TestProofs(t *testing.T) {
	const (
		userPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Users"
		samlARN  = "arn:aws:iam::123456789012:saml-provider/Corp"
	)
	yes := true
	pool := Pool{
		ID:                      "us-east-1:1",
		AllowUnauthenticated:    true,
		DeveloperProviderName:   "login.my.app",
		SupportedLoginProviders: map[string]string{googleKey: "app", twitterKey: "key;secret"},
		CognitoIdentityProviders: []CognitoIdentityProvider{{ProviderName: userPool, ClientID: "client",
			ServerSideTokenCheck: &yes}},
		OIDCProviderARNs: []string{oidcARN},
		SAMLProviderARNs: []string{samlARN},
	}
	public := func(provider, subject string) Login { return Login{Kind: Public, Provider: provider, Subject: subject} }

	logins := map[string]Login{
		"app":       public(googleKey, "alice"),
		"app;":      public(twitterKey, "alice"),
		"user pool": public(userPool, "alice"),
		"oidc":      public("idp.example", "alice"),
		"saml":      public(samlARN, "alice"),
		"developer": {Kind: Developer, Provider: "login.my.app", Subject: "alice"},
	}

	amr := func(names ...string) []string {
		list := []string{"authenticated"}
		for _, name := range names {
			if l := logins[name]; l.Kind == Developer {
				list = append(list, pool.DeveloperLogin(l.Subject).AMR...)
			} else {
				list = append(list,
					pool.Provider(l.Provider).Verified(l.Subject, pool.Provider(l.Provider).AppID).AMR...)
			}
		}

		return list
	}

	holder := func(names ...string) Identity {
		i := Identity{ID: "us-east-1:2", PoolID: pool.ID, EverLinked: len(names) > 0}
		for _, name := range names {
			i.Logins = append(i.Logins, logins[name])
		}
		return i
	}
	guest := []string{"unauthenticated"}

	all := []string{"app", "app;", "user pool", "oidc", "saml", "developer"}
	type change func(*Pool, *Identity)
	unlink := func(name string) change {
		return func(_ *Pool, i *Identity) {
			i.Logins = slices.DeleteFunc(slices.Clone(i.Logins), func(l Login) bool { return l == logins[name] })
		}
	}

	another := func(name string) change {
		return func(_ *Pool, i *Identity) {
			i.Logins = slices.Clone(i.Logins)
			for n := range i.Logins {
				if i.Logins[n] == logins[name] {
					i.Logins[n].Subject = "bob"
				}
			}
		}
	}

	gone := map[string]change{ // what ends a login of the pool's
		"app": func(p *Pool, _ *Identity) {
			p.SupportedLoginProviders = map[string]string{googleKey: "another app", twitterKey: "key;secret"}
		},
		"app;":      func(p *Pool, _ *Identity) { p.SupportedLoginProviders = map[string]string{googleKey: "app"} },
		"user pool": func(p *Pool, _ *Identity) { p.CognitoIdentityProviders = nil },
		"oidc": func(p *Pool, _ *Identity) {
			p.OIDCProviderARNs = []string{"arn:aws:iam::999999999999:oidc-provider/idp.example"}
		},
		"saml":      func(p *Pool, _ *Identity) { p.SAMLProviderARNs = nil },
		"developer": func(p *Pool, _ *Identity) { p.DeveloperProviderName = "login.other.app" },
	}

	type row struct {
		name   string
		amr    []string
		holder Identity
		change change
		proofs int // -1 = lapsed
	}
	rows := []row{
		{"guest", guest, holder(), nil, 0},
		{"guest, guests off", guest, holder(), func(p *Pool, _ *Identity) { p.AllowUnauthenticated = false }, -1},
		{"guest, linked since", guest, holder("oidc"), nil, -1},
		{"guest, linked and unlinked since", guest, Identity{PoolID: pool.ID, EverLinked: true}, nil, -1},
		{"guest, merged since", guest, holder(), func(_ *Pool, i *Identity) { i.Disabled = true }, -1},
		{"user, guests off", amr("oidc"), holder("oidc"), func(p *Pool, _ *Identity) { p.AllowUnauthenticated = false },
			1},
		{"user, merged since", amr("oidc"), holder("oidc"), func(_ *Pool, i *Identity) { i.Disabled = true }, -1},
		{"user of another pool", amr("oidc"), holder("oidc"), func(p *Pool, _ *Identity) { p.ID = "us-east-1:3" }, -1},
		{"several logins", amr(all...), holder(all...), nil, len(all)},
		{"more logins than the token's", amr("oidc"), holder(all...), nil, 1},
		{"fewer logins than the token's", amr("oidc", "app"), holder("oidc"), nil, -1},
		{"a secret that was replaced", amr("app;"), holder("app;"),
			func(p *Pool, _ *Identity) { p.SupportedLoginProviders = map[string]string{twitterKey: "key;new"} }, 1},
		{"no amr", nil, holder("oidc"), nil, -1},
		{"authenticated by nothing", []string{"authenticated"}, holder("oidc"), nil, -1},
		{"half a login", amr("oidc")[:2], holder("oidc"), nil, -1},
		{"a guest with a login", append([]string{"unauthenticated"}, amr("oidc")[1:]...), holder("oidc"), nil, -1},
		{"a developer's user as a public one", []string{"authenticated", "login.my.app", "login.my.app:app:alice"},
			holder("developer"), nil, -1},
	}

	for _, name := range all {
		rows = append(rows,
			row{name, amr(name), holder(name), nil, 1},
			row{name + ", unlinked", amr(name), holder(name, "oidc", "app"), unlink(name), -1},
			row{name + ", another user linked", amr(name), holder(name), another(name), -1},
			row{name + ", provider gone", amr(name), holder(name), gone[name], -1},
			row{name + " beside others, provider gone", amr(all...), holder(all...), gone[name], -1},
		)
	}

	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p, i := pool, r.holder
			if r.change != nil {
				r.change(&p, &i)
			}

			proofs, err := p.Proofs(i, r.amr)
			var lapsed *Lapsed
			if r.proofs < 0 {
				if !errors.As(err, &lapsed) || !explained(err) {
					t.Errorf("= %v, %v; want a Lapsed that says all", proofs, err)
				}
				return
			}

			if err != nil || len(proofs) != r.proofs {
				t.Errorf("= %v, %v; want %d proofs", proofs, err, r.proofs)
			}
		})
	}
}
