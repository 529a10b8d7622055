package adminapi_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// explained is the answer of ExplainToken.
type explained struct {
	Kind, Issuer, Subject string

	Expires   float64
	Results   []tried
	NextToken *string
}

// explainWorld is a server with two OpenID Connect providers and a SAML provider.
type explainWorld struct {
	*wiretest.Server
	issuer, other *logintest.Issuer
	idp, stranger *samltest.IdP
}

// eachExplainWorld runs a test on both database engines.
func eachExplainWorld(t *testing.T, test func(t *testing.T, w explainWorld)) {
	now := time.Now().Truncate(time.Second)
	w := explainWorld{
		issuer:   logintest.NewIssuer(t),
		other:    logintest.NewIssuer(t),
		idp:      samltest.New(t, now, 0),
		stranger: samltest.New(t, now, 1),
	}

	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		w := w
		w.Server = s
		test(t, w)
	}, noRates, func(c *poolhouse.Config) {
		for _, i := range []*logintest.Issuer{w.issuer, w.other} {
			c.OIDCProviders = append(c.OIDCProviders, poolhouse.OIDCProviderConfig{
				URL: i.URL, ClientIDs: []string{"app", "web"}, AllowHTTP: true, AllowPrivate: true,
			})
		}
		c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: w.idp.Metadata()}}
	})
}

// key is the Logins key of an issuer.
func key(i *logintest.Issuer) string { return strings.TrimPrefix(i.URL, "http://") }

func providerARN(i *logintest.Issuer) string {
	return "arn:aws:iam::000000000000:oidc-provider/" + key(i)
}

// pools makes a pool that has the first issuer and the SAML provider, and one that has only the
// second issuer.
func (w explainWorld) pools(t *testing.T) (pool, foreign string) {
	t.Helper()
	pool = w.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = append(in.OpenIdConnectProviderARNs, providerARN(w.issuer))
		in.SamlProviderARNs = []string{wiretest.SAMLARN}
	})
	foreign = w.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = []string{providerARN(w.other)}
		in.IdentityPoolName = aws.String("foreign")
	})

	return pool, foreign
}

// token draws an ID token, good or bad in one or several ways, and the key it is sent under.
func (w explainWorld) token(c choices, n int) (provider, token string) {
	now := time.Now()
	claims := c.claims()
	claims["aud"], claims["sub"] = c.of("app", "web"), fmt.Sprintf("user-%d", n)
	faults := map[int]func(){
		0: func() { claims["aud"] = "stranger" },
		1: func() { claims["exp"] = now.Add(-time.Hour).Unix() },
		2: func() { claims["iss"] = w.issuer.URL + "/" },
		3: func() { claims["nbf"] = now.Add(time.Hour).Unix() },
		4: func() { claims["sub"] = "signed-out"; claims["iat"] = now.Add(-time.Hour).Unix() },
		5: func() { claims["azp"] = c.of("web", "stranger") },
		6: func() { claims["aud"] = []any{"app", c.of("web", "stranger")} },
		7: func() { claims["sub"] = 1 },
		8: func() { claims["exp"] = "soon" },
		9: func() { claims["iss"] = 5 },
	}
	for range max(0, c.IntN(5)-2) {
		faults[c.IntN(len(faults))]()
	}

	i := w.issuer
	if c.IntN(12) == 0 {
		i = w.other
	}
	token, provider = i.Token(claims), key(w.issuer)

	switch c.IntN(14) {
	case 0:
		token = token[:len(token)-6] + wiretest.Flip(token[len(token)-6:])
	case 1:
		token = token[:strings.LastIndexByte(token, '.')+1]
	case 2:
		token = "EAAopaque" + strings.Repeat("x", n)
	case 3:
		provider = c.of("accounts.google.com", key(w.other), provider+"/", "login.my.app", "graph.facebook.com")
	}

	return provider, token
}

// TestExplainTokenAgrees compares ExplainToken with sign-ins at two pools.
func TestExplainTokenAgrees(t *testing.T) {
	eachExplainWorld(t, func(t *testing.T, w explainWorld) {
		pool, foreign := w.pools(t)
		roles := testRoles(t, w.Server, pool, foreign)
		c := choices{Rand: rand.New(rand.NewPCG(15, 3)), roles: roles, provider: providerARN(w.issuer)}
		decoded[struct{}](t, withBody(w.AdminCall(t, "SignOut",
			encoded(t, map[string]string{"ProviderName": key(w.issuer), "Subject": "signed-out"}))))
		outcomes := map[string]int{}

		for n := range generated {
			if n%10 == 0 {
				storeDraft(t, w.Server, pool, c.draft())
			}
			provider, token := w.token(c, n)
			in := map[string]any{
				"Token": token, "ProviderName": provider, "IdentityPoolIds": []string{pool, foreign},
			}

			got := decoded[explained](t, w.AdminCall(t, "ExplainToken", encoded(t, in)))
			if len(got.Results) != 2 {
				t.Fatalf("case %d: %+v", n, got)
			}
			for i, id := range []string{pool, foreign} {
				want := realVerdict(t, w.Server, id, "", map[string]string{provider: token})
				if have := got.Results[i]; have.verdict() != want || have.IdentityPoolId != id {
					t.Errorf("case %d, pool %d: %s %s\nExplainToken %+v\nsign-in      %+v", n, i, provider,
						token, have.verdict(), want)
				}
				outcomes[want.reason]++
			}
		}

		t.Log(outcomes)
		if len(outcomes) < 12 || outcomes[""] < generated/10 {
			t.Errorf("the cases have too few outcomes: %v", outcomes)
		}
	})
}

// TestExplainSAMLAgrees compares ExplainToken for SAML responses with sign-ins.
func TestExplainSAMLAgrees(t *testing.T) {
	eachExplainWorld(t, func(t *testing.T, w explainWorld) {
		pool, _ := w.pools(t)
		offered := []samltest.Attribute{wiretest.Pairs(wiretest.OpsRole)}
		past := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
		for name, response := range map[string]string{
			"good":     w.idp.Response(t, samltest.Login{NameID: "alice"}),
			"roles":    w.idp.Response(t, samltest.Login{NameID: "alice", Attributes: offered}),
			"expired":  w.idp.Response(t, samltest.Login{NameID: "alice", NotOnOrAfter: past}),
			"stranger": w.stranger.Response(t, samltest.Login{NameID: "alice"}),
			"no XML":   "bm8gWE1M",
		} {
			got := decoded[explained](t, w.AdminCall(t, "ExplainToken", encoded(t, map[string]any{
				"SamlResponse": response, "ProviderName": wiretest.SAMLARN, "IdentityPoolIds": []string{pool},
			})))
			want := realVerdict(t, w.Server, pool, "", map[string]string{wiretest.SAMLARN: response})
			if got.Kind != "SAMLResponse" || len(got.Results) != 1 || got.Results[0].verdict() != want {
				t.Errorf("%s: ExplainToken %+v\nsign-in %+v", name, got, want)
			}

			// Without ProviderName, the pool's provider with the response's issuer is found.
			found := decoded[explained](t, w.AdminCall(t, "ExplainToken",
				encoded(t, map[string]any{"SamlResponse": response})))
			if name == "good" && (len(found.Results) != 2 || !found.Results[0].Accepted ||
				found.Results[0].ProviderName != wiretest.SAMLARN || found.Results[1].Steps[0].Link == nil) {
				t.Errorf("without ProviderName: %+v", found)
			}
		}
	})
}

// TestExplainCognitoTokenAgrees compares ExplainToken for Cognito tokens with sign-ins.
func TestExplainCognitoTokenAgrees(t *testing.T) {
	eachExplainWorld(t, func(t *testing.T, w explainWorld) {
		const own = "cognito-identity.amazonaws.com"
		pool, foreign := w.pools(t)
		made := wiretest.Must(w.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{
				IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": "bob"},
				PrincipalTags: map[string]string{"plan": "pro"},
			}))(t)

		got := decoded[explained](t, w.AdminCall(t, "ExplainToken", encoded(t, map[string]any{"Token": *made.Token})))
		want := credentialsOf(t, w.Server, *made.IdentityId, "", map[string]string{own: *made.Token})
		if got.Kind != "CognitoToken" || len(got.Results) != 2 || got.Results[0].IdentityPoolId != pool ||
			got.Results[0].verdict() != want || want.tags != "plan=pro" {
			t.Errorf("ExplainToken %+v\nsign-in %+v", got, want)
		}
		if other := got.Results[1]; other.Accepted || other.IdentityPoolId != foreign {
			t.Errorf("at the other pool: %+v", other)
		}

		wiretest.Must(w.Admin().UnlinkDeveloperIdentity(t.Context(), &ci.UnlinkDeveloperIdentityInput{
			IdentityPoolId: &pool, IdentityId: made.IdentityId, DeveloperProviderName: aws.String("login.my.app"),
			DeveloperUserIdentifier: aws.String("bob"),
		}))(t)
		got = decoded[explained](t, w.AdminCall(t, "ExplainToken", encoded(t, map[string]any{"Token": *made.Token})))
		want = credentialsOf(t, w.Server, *made.IdentityId, "", map[string]string{own: *made.Token})
		if got.Results[0].verdict() != want || want.reason == "" {
			t.Errorf("after unlinking: ExplainToken %+v\nsign-in %+v", got.Results[0].verdict(), want)
		}
	})
}

// TestExplainTokenGoesOn looks for all faults of a token, not only the first.
func TestExplainTokenGoesOn(t *testing.T) {
	eachExplainWorld(t, func(t *testing.T, w explainWorld) {
		pool, foreign := w.pools(t)
		token := w.issuer.Token(map[string]any{
			"aud": "stranger", "exp": time.Now().Add(-time.Hour).Unix(), "sub": "alice",
		})
		got := decoded[explained](t, w.AdminCall(t, "ExplainToken", encoded(t, map[string]any{"Token": token})))

		steps := map[string]bool{}
		for _, step := range got.Results[0].Steps {
			steps[step.Check] = step.OK
		}
		for check, passed := range map[string]bool{
			"token form": true, "token issuer": true, "token expiry": false, "token audience": false,
			"token signature": true, "sign-out": true, "role": true,
		} {
			if ok, made := steps[check]; !made || ok != passed {
				t.Errorf("%s: made %t, passed %t, want %t: %v", check, made, ok, passed, steps)
			}
		}
		if got.Kind != "OpenIDConnectToken" || got.Issuer != w.issuer.URL || got.Subject == "alice" ||
			got.Expires == 0 || got.Results[0].Reason != "token-expiry" {
			t.Errorf("answer: %+v", got)
		}

		// The pool that knows the issuer comes first; the other one says what to add.
		other := got.Results[1]
		if got.Results[0].IdentityPoolId != pool || other.IdentityPoolId != foreign || other.Accepted {
			t.Fatalf("results: %+v", got.Results)
		}
		last := other.Steps[len(other.Steps)-1]
		if other.Reason == "" || last.Link == nil || last.Link.Id != foreign || last.Link.Add != providerARN(w.issuer) {
			t.Errorf("no reason, or no link: %+v", other)
		}
	})
}
