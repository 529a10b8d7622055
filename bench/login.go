package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

// Names of the login scenarios: GetCredentialsForIdentity of signed-in users,
// while the provider's keys are held.
const (
	knownToken   = "OpenID Connect RS256, token seen before"
	newToken     = "OpenID Connect RS256, signature not remembered"
	userPoolName = "User pool"
	samlName     = "SAML"
	facebookName = "Facebook (two questions to a local stand-in)"
	amazonName   = "Login with Amazon (one question to a local stand-in)"
	twitterName  = "X (answer kept)"
	manyIssuers  = "OpenID Connect, 1,000 registered issuers in turn"
)

var loginScenarios = []scenario{
	credentialsBy(knownToken, 0.3, netHTTP),
	credentialsBy(newToken, 0.3, netHTTP),
	credentialsBy(userPoolName, 0.3, netHTTP),
	credentialsBy(samlName, 0.03, netHTTP).over(signatureConnections),
	credentialsBy(facebookName, 0, netHTTP).over(connections / 2),
	credentialsBy(amazonName, 0, netHTTP),
	credentialsBy(twitterName, 0, netHTTP),
	credentialsBy(manyIssuers, 0.95, oneIssuer),
}

func credentialsBy(name string, floor float64, against yardstick) scenario {
	return scenario{name: name, operation: "GetCredentialsForIdentity", member: `"SessionToken":"`, floor: floor,
		against: against,
		inputs:  func(s *subjects) []map[string]any { return s.logins[name] }}
}

// over is the scenario with fewer connections.
func (s scenario) over(few int) scenario {
	s.few = few
	return s
}

// allScenarios returns the scenarios in the order of their numbers at the bare server.
func allScenarios() []scenario { return slices.Concat(scenarios, loginScenarios) }

const (
	userPoolKey = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Bench"
	samlKey     = "arn:aws:iam::" + account + ":saml-provider/Bench"
	facebookKey = "graph.facebook.com"
	amazonKey   = "www.amazon.com"
	twitterKey  = "api.twitter.com"

	// newTokens is more than the server remembers signatures of, so that tokens
	// taken in turn are each forgotten when their turn comes again.
	newTokens = 20_000

	// Of the registered issuers, as many are OpenID Connect providers as an account
	// can have; the others are user pools.
	registeredIssuers = 1000
	oidcIssuers       = 100
	poolIssuers       = 50 // trusted by each identity pool
)

// stage gives the stand-ins for providers the methods of a test that they need.
type stage struct {
	testing.TB
	ends []func()
}

func (*stage) Helper()                           {}
func (s *stage) Cleanup(end func())              { s.ends = append(s.ends, end) }
func (*stage) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (*stage) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (s *stage) close() {
	for _, end := range slices.Backward(s.ends) {
		end()
	}
}

// stands are the providers beside the bench's issuer.
type stands struct {
	facebook *logintest.Facebook
	amazon   *logintest.Amazon
	x        *logintest.Twitter
	saml     *samltest.IdP
}

func newStands(s *stage) *stands {
	a := &stands{facebook: logintest.NewFacebook(s), amazon: logintest.NewAmazon(s), x: logintest.NewTwitter(s),
		saml: samltest.New(s, time.Now(), 0)}
	a.x.AddConsumer("key", "secret")

	for _, api := range []*logintest.API{&a.facebook.API, &a.amazon.API, &a.x.API} {
		api.KeepRequests(1)
	}
	return a
}

// layouts are a deployment with every kind of provider, and one with a thousand
// issuers.
func (b *bench) layouts(a *stands) (each, thousand layout, err error) {
	if err := os.WriteFile(filepath.Join(b.dir, "idp.xml"), []byte(a.saml.Metadata()), 0o600); err != nil {
		return each, thousand, err
	}
	at := func(url string) map[string]any {
		return map[string]any{"base_url": url, "allow_http": true, "allow_private": true}
	}
	userPool := func(name, issuer string) map[string]any {
		return map[string]any{"provider_name": name, "issuer": issuer, "jwks_url": b.issuer.url + "/keys",
			"allow_http": true, "allow_private": true}
	}
	each = layout{name: "logins", signIn: 1, settings: map[string]any{
		"oidc_providers": []any{localProvider(b.issuer.url)},
		"user_pools":     []any{userPool(userPoolKey, "https://"+userPoolKey)},
		"providers": map[string]any{"facebook": at(a.facebook.URL), "amazon": at(a.amazon.URL),
			"twitter": at(a.x.URL)},
		"saml_providers": []any{map[string]any{"name": "Bench", "metadata_file": "idp.xml"}},
	}}
	each.pools = append(each.pools, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = []string{providerARN(b.issuer.url)}
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{ProviderName: aws.String(userPoolKey),
			ClientId: aws.String(userPoolClient)}}
		in.SamlProviderARNs = []string{samlKey}
		in.SupportedLoginProviders = map[string]string{facebookKey: "1", amazonKey: "client", twitterKey: "key;secret"}
	})
	var providers, userPools []any

	thousand = layout{name: "thousand", signIn: registeredIssuers / poolIssuers}
	for range thousand.signIn {
		thousand.pools = append(thousand.pools, func(*ci.CreateIdentityPoolInput) {})
	}

	for n := range registeredIssuers {
		url := b.issuer.other(strconv.Itoa(n))
		before := thousand.pools[n%thousand.signIn]
		trust := func(in *ci.CreateIdentityPoolInput) {
			in.OpenIdConnectProviderARNs = append(in.OpenIdConnectProviderARNs, providerARN(url))
		}
		if n < oidcIssuers {
			providers = append(providers, localProvider(url))
		} else {
			name := manyKey(b.issuer, n)
			userPools = append(userPools, userPool(name, url))
			trust = func(in *ci.CreateIdentityPoolInput) {
				in.CognitoIdentityProviders = append(in.CognitoIdentityProviders,
					types.CognitoIdentityProvider{ProviderName: &name, ClientId: aws.String(userPoolClient)})
			}
		}
		thousand.pools[n%thousand.signIn] = func(in *ci.CreateIdentityPoolInput) { before(in); trust(in) }
	}
	thousand.settings = map[string]any{"oidc_providers": providers, "user_pools": userPools}

	return each, thousand, nil
}

// userPoolClient has no hyphen: a user pool's clients cannot.
const userPoolClient = "benchclient"

// manyKey is the n-th of the thousand issuers' key in Logins.
func manyKey(i *issuer, n int) string {
	if n < oidcIssuers {
		return strings.TrimPrefix(i.other(strconv.Itoa(n)), "http://")
	}
	return fmt.Sprintf("cognito-idp.us-east-1.amazonaws.com/us-east-1_Bench%04d", n)
}

// withLogins starts the servers of the login scenarios, with users of each kind
// signed in, and their bare counterpart.
func (b *bench) withLogins(ctx context.Context, do func(*pair) error) error {
	s := &stage{}
	defer s.close()

	a := newStands(s)
	each, thousand, err := b.layouts(a)
	if err != nil {
		return err
	}
	one, err := b.newDeployment(ctx, each)
	if err != nil {
		return err
	}

	return b.serving(ctx, one, func(server *process) error {
		p := &pair{server: server, samples: map[string][]byte{},
			about: &subjects{deployment: one, logins: map[string][]map[string]any{}}}
		if err := b.signAllIn(ctx, s, a, p); err != nil {
			return err
		}
		if !b.selected(&loginScenarios[len(loginScenarios)-1]) {
			return b.withBareLogins(ctx, p, do)
		}
		progress("registering %d issuers", registeredIssuers)
		many, err := b.newDeployment(ctx, thousand)
		if err != nil {
			return err
		}

		return b.serving(ctx, many, func(server *process) error {
			p.many = server
			if err := b.signInManyIssuers(ctx, p, many.pools(thousand)); err != nil {
				return err
			}
			return b.withBareLogins(ctx, p, do)
		})
	})
}

// withBareLogins starts the bare server with a sample of each scenario.
func (b *bench) withBareLogins(ctx context.Context, p *pair, do func(*pair) error) (err error) {
	for n := range loginScenarios {
		s := &loginScenarios[n]
		if s.against != netHTTP || !b.selected(s) {
			continue
		}
		sample, err := call(ctx, p.server.url, s.operation, p.about.logins[s.name][0])
		if err != nil {
			return err
		}
		p.samples[strconv.Itoa(len(scenarios)+n)] = sample
	}
	if p.bare, err = b.startBare(ctx, p.samples); err != nil {
		return err
	}
	defer func() { _ = p.bare.stop() }() // it has no orderly end: the signal is its end

	return do(p)
}

// signAllIn makes a credential of each kind for each user and the inputs with
// them, signed in once.
func (b *bench) signAllIn(ctx context.Context, s *stage, a *stands, p *pair) error {
	known, err := b.issuer.tokens(preparedUsers)
	if err != nil {
		return err
	}
	pooled, err := b.issuer.sign(preparedUsers, func(int) map[string]any {
		return map[string]any{"iss": "https://" + userPoolKey, "aud": userPoolClient, "token_use": "id"}
	})
	if err != nil {
		return err
	}
	credentials := map[string]map[string][]string{knownToken: {b.issuer.loginKey(): known},
		userPoolName: {userPoolKey: pooled}}
	if b.match == "" || strings.Contains(newToken, b.match) {
		progress("signing %d tokens", newTokens)
		fresh, err := b.issuer.sign(newTokens, func(n int) map[string]any {
			return map[string]any{"sub": subject(n % preparedUsers), "jti": strconv.Itoa(n)}
		})
		if err != nil {
			return err
		}
		credentials[newToken] = map[string][]string{b.issuer.loginKey(): fresh}
	}

	facebook, amazon, x := make([]string, preparedUsers), make([]string, preparedUsers), make([]string, preparedUsers)
	for n := range preparedUsers {
		id := strconv.Itoa(1e9 + n)
		facebook[n], amazon[n], x[n] = "EAA"+strings.Repeat("f", 180)+id, "Atza|"+strings.Repeat("a",
			300)+id, id+"-token;secret"+id
		a.facebook.AddToken(facebook[n], logintest.FacebookToken{App: "1", User: id})
		a.amazon.AddToken(amazon[n], logintest.AmazonToken{Client: "client", App: "app", User: "amzn1.account." + id,
			Expires: time.Now().Add(loginExpiry)})
		a.x.AddToken(id+"-token", logintest.TwitterToken{Secret: "secret" + id, Consumer: "key", User: id})
	}
	credentials[facebookName] = map[string][]string{facebookKey: facebook}

	credentials[amazonName] = map[string][]string{amazonKey: amazon}
	credentials[twitterName] = map[string][]string{twitterKey: x}
	credentials[samlName] = map[string][]string{samlKey: a.responses(s)}
	for name, byKey := range credentials {
		if name != knownToken && name != userPoolName &&
			!strings.Contains(name, b.match) { // those are a yardstick, too
			continue
		}
		progress("signing in: %s", name)

		for key, list := range byKey {
			first := make([]map[string]any, preparedUsers)
			for n := range first {
				first[n] = map[string]any{"IdentityPoolId": p.about.pool, "Logins": map[string]string{key: list[n]}}
			}
			ids, err := identityIDs(ctx, p.server.url, first)
			if err != nil {
				return err
			}

			inputs := make([]map[string]any, len(list))
			for n := range inputs {
				inputs[n] = map[string]any{"IdentityId": ids[n%preparedUsers],
					"Logins": map[string]string{key: list[n]}}
			}
			p.about.logins[name] = inputs
		}
	}

	return nil
}

// responses are signed SAML responses of the users.
func (a *stands) responses(s *stage) []string {
	list := make([]string, preparedUsers)
	var next atomic.Int64
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for n := next.Add(1) - 1; n < preparedUsers; n = next.Add(1) - 1 {
				list[n] = a.saml.Response(s,
					samltest.Login{NameID: subject(int(n)), NotOnOrAfter: samltest.Time(time.Now().Add(loginExpiry)),
						Attributes: []samltest.Attribute{{Name: "mail",
							Values: []string{subject(int(n)) + "@example.com"}}}})
			}
		})
	}
	group.Wait()

	return list
}

// mixed are logins of one OpenID Connect provider and one user pool, in the share
// that they have among the thousand issuers.
func (s *subjects) mixed() []map[string]any {
	list := make([]map[string]any, preparedUsers)
	for n := range list {
		kind := userPoolName
		if n%(registeredIssuers/oidcIssuers) == 0 {
			kind = knownToken
		}
		list[n] = s.logins[kind][n]
	}

	return list
}

// signInManyIssuers signs one user of each of the thousand issuers in.
func (b *bench) signInManyIssuers(ctx context.Context, p *pair, pools []string) error {
	tokens, err := b.issuer.sign(registeredIssuers, func(n int) map[string]any {
		claims := map[string]any{"iss": b.issuer.other(strconv.Itoa(n))}
		if n >= oidcIssuers {
			claims["aud"], claims["token_use"] = userPoolClient, "id"
		}
		return claims
	})
	if err != nil {
		return err
	}

	inputs := make([]map[string]any, registeredIssuers)
	for n := range inputs {
		inputs[n] = map[string]any{"IdentityPoolId": pools[n%len(pools)],
			"Logins": map[string]string{manyKey(b.issuer, n): tokens[n]}}
	}
	ids, err := identityIDs(ctx, p.many.url, inputs)
	if err != nil {
		return err
	}

	for n := range inputs {
		inputs[n] = map[string]any{"IdentityId": ids[n], "Logins": inputs[n]["Logins"]}
	}
	p.about.logins[manyIssuers] = inputs

	return nil
}
