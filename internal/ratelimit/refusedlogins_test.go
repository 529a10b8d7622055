package ratelimit_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Only a refusal of the login itself counts for the client's address: a job with a
// mistyped role, which sends good tokens, must not stop the others behind its address.
// A bad token counts whatever else is wrong with the call, once it was looked at.
func TestRefusalsForOtherReasonsThanTheLogin(t *testing.T) {
	const burst = 5
	corp := logintest.NewIssuer(t)
	host := strings.TrimPrefix(corp.URL, "http://")
	provider := "arn:aws:iam::000000000000:oidc-provider/" + host
	clock := &movedClock{}
	idp := samltest.New(t, clock.now().Truncate(time.Second), 0)
	s := wiretest.Start(t, behindProxy(clock), func(c *poolhouse.Config) {
		c.AddressLimits.RefusedLogins = poolhouse.Rate{PerSecond: 1, Burst: burst}
		c.AcceptUnknownRoles = false
		c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: idp.Metadata()}}
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{
			URL:          corp.URL,
			ClientIDs:    []string{"app"},
			AllowHTTP:    true,
			AllowPrivate: true,
		}}

		c.Roles = []poolhouse.RoleConfig{
			wiretest.Role("Corp", `"Federated":"`+provider+`"`, wiretest.Web, `"StringEquals":{"`+host+`:aud":"app"}`),
			wiretest.Role("Alice", `"Federated":"`+provider+`"`, wiretest.Web,
				`"StringEquals":{"`+host+`:sub":"alice"}`),
			wiretest.Role("User", wiretest.FromPool, wiretest.Web, wiretest.OfPool),
			samlRole,
		}
	})
	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = []string{provider}
		in.AllowClassicFlow = aws.Bool(true)
	})
	guest := s.GetID(t, pool, nil)
	ours := *wiretest.Must(s.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &guest}))(t).Token

	forge := func(token string) string { return token[:strings.LastIndexByte(token, '.')+1] + "AAAA" }
	user := func(subject string) string { return corp.Token(map[string]any{"sub": subject, "aud": "app"}) }
	assume := func(role, token string, change ...func(*sts.AssumeRoleWithWebIdentityInput)) func(client) error {
		return func(c client) error {
			in := &sts.AssumeRoleWithWebIdentityInput{
				RoleArn:          aws.String(wiretest.RolePrefix + role),
				RoleSessionName:  aws.String("s1"),
				WebIdentityToken: &token,
			}
			for _, f := range change {
				f(in)
			}
			_, err := c.sts.AssumeRoleWithWebIdentity(t.Context(), in)

			return err
		}
	}

	assumeSAML := func(role, assertion string) func(client) error {
		return func(c client) error {
			_, err := c.sts.AssumeRoleWithSAML(t.Context(), &sts.AssumeRoleWithSAMLInput{
				RoleArn:       aws.String(wiretest.RolePrefix + role),
				PrincipalArn:  aws.String(wiretest.SAMLARN),
				SAMLAssertion: &assertion,
			})
			return err
		}
	}

	getID := func(provider, token string) func(client) error {
		return func(c client) error {
			in := &ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{provider: token}}
			_, err := c.pools.GetId(t.Context(), in)
			return err
		}
	}

	long := func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(43200) }
	badPolicy := func(in *sts.AssumeRoleWithWebIdentityInput) { in.Policy = aws.String(`{"Version":"1"}`) }

	number := 0
	for name, test := range map[string]struct {
		call   func(client) error
		counts bool
	}{
		"unknown role":                  {call: assume("Typo", user("ci"))},
		"unknown role, our token":       {call: assume("Typo", ours)},
		"unknown role, forged":          {call: assume("Typo", forge(user("ci")))}, // not looked at
		"unknown role, our token forge": {call: assume("Typo", forge(ours)), counts: true},
		"trust policy":                  {call: assume("Alice", user("ci"))},
		"trust policy, our token":       {call: assume("Corp", ours)},
		"duration":                      {call: assume("Corp", user("ci"), long)},
		"policy":                        {call: assume("Corp", user("ci"), badPolicy)},
		"forged":                        {call: assume("Corp", forge(user("ci"))), counts: true},
		"our token forged":              {call: assume("User", forge(ours)), counts: true},
		"no token":                      {call: assume("Corp", "not a token"), counts: true},
		"unknown role, SAML":            {call: assumeSAML("Typo", "PHg+PC94Pg==")},
		"SAML, role not offered":        {call: assumeSAML("Saml", idp.Response(t, samltest.Login{}))},
		"no assertion":                  {call: assumeSAML("Saml", "PHg+PC94Pg=="), counts: true},
		"not a provider of the pool":    {call: getID("other.example.com", forge(user("ci")))},
		"forged login":                  {call: getID(host, forge(user("ci"))), counts: true},
	} {
		t.Run(name, func(t *testing.T) {
			number++

			c := clientAt(s, "192.0.2."+strconv.Itoa(number))
			for range burst {
				if err := test.call(c); err == nil || throttled(err) {
					t.Fatalf("the call: %v", err)
				}
			}

			err := assume("Corp", user("user of "+strconv.Itoa(number)))(c)
			if throttled(err) != test.counts || err != nil && !test.counts {
				t.Errorf("a good login afterwards: %v; does the call count: %v", err, test.counts)
			}
		})
	}
}

// A login that was proven is known, whatever refused the call afterwards.
func TestProvenLoginOfARefusedCall(t *testing.T) {
	corp := logintest.NewIssuer(t)
	host := strings.TrimPrefix(corp.URL, "http://")
	provider := "arn:aws:iam::000000000000:oidc-provider/" + host
	s := wiretest.Start(t, behindProxy(&movedClock{}), func(c *poolhouse.Config) {
		c.AddressLimits.RefusedLogins = poolhouse.Rate{PerSecond: 1, Burst: 1}
		c.AcceptUnknownRoles = false
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{
			URL:          corp.URL,
			ClientIDs:    []string{"app"},
			AllowHTTP:    true,
			AllowPrivate: true,
		}}
		c.Roles = []poolhouse.RoleConfig{wiretest.Role("Corp", `"Federated":"`+provider+`"`, wiretest.Web,
			`"StringEquals":{"`+host+`:aud":"app"}`)}
	})
	c := clientAt(s, "192.0.2.1")
	assume := func(token string, policy *string) error {
		_, err := c.sts.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn:          aws.String(wiretest.RolePrefix + "Corp"),
			RoleSessionName:  aws.String("s1"),
			WebIdentityToken: &token,
			Policy:           policy,
		})
		return err
	}

	good := corp.Token(map[string]any{"sub": "ci", "aud": "app"})
	if err := assume(good, aws.String(`{"Version":"1"}`)); err == nil || throttled(err) {
		t.Fatalf("a malformed policy: %v", err)
	}
	if err := assume("not a token", nil); err == nil || throttled(err) {
		t.Fatalf("a bad token: %v", err)
	}

	if err := assume("not a token", nil); !throttled(err) {
		t.Fatalf("another: %v", err)
	}
	if err := assume(good, nil); err != nil {
		t.Errorf("the proven one: %v", err)
	}
}

// A login that the pool would have let in when it was asked for, and does not any more
// when it was proven, counts as refused.
func TestLoginRefusedByAChangedPool(t *testing.T) {
	google := logintest.NewIssuer(t)
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	google.Answer(logintest.KeysPath, func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answer
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(google.KeySet())
	})

	s := wiretest.Start(t, behindProxy(&movedClock{}), func(c *poolhouse.Config) {
		c.AddressLimits.RefusedLogins = poolhouse.Rate{PerSecond: 1, Burst: 1}
		c.Providers = map[string]poolhouse.ProviderOverride{wiretest.GoogleKey: {
			Issuers:      []string{"https://accounts.google.com"},
			JWKSURL:      google.URL + logintest.KeysPath,
			AllowHTTP:    true,
			AllowPrivate: true,
		}}
	})
	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = map[string]string{wiretest.GoogleKey: "first-app"}
	})

	c := clientAt(s, "192.0.2.1")
	getID := func(subject string) error {
		token := google.Token(map[string]any{"iss": "https://accounts.google.com", "aud": "first-app", "sub": subject})
		in := &ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{wiretest.GoogleKey: token}}
		_, err := c.pools.GetId(t.Context(), in)
		return err
	}

	outcome := make(chan error, 1)
	go func() { outcome <- getID("alice") }()
	<-asked
	wiretest.Must(s.Admin().UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
		IdentityPoolId:          &pool,
		IdentityPoolName:        aws.String("p"),
		SupportedLoginProviders: map[string]string{wiretest.GoogleKey: "second-app"},
	}))(t)
	close(answer)

	wiretest.WantError(t, <-outcome, "NotAuthorizedException", "")
	if err := getID("bob"); !throttled(err) {
		t.Errorf("the next login of the address: %v", err)
	}
}
