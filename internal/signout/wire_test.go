package signout_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Sign in, sign out by each channel, and only what was issued since signs in,
// at every kind of provider whose tokens say when they were issued.
func TestSignOut(t *testing.T) {
	corp, pool, google, made := logintest.NewIssuer(t), logintest.NewIssuer(t), logintest.NewIssuer(t),
		logintest.NewIssuer(t)
	corpKey, madeKey := strings.TrimPrefix(corp.URL, "http://"), strings.TrimPrefix(made.URL, "http://")
	local := func(i *logintest.Issuer, issuers ...string) poolhouse.ProviderOverride {
		return poolhouse.ProviderOverride{Issuers: issuers, JWKSURL: i.URL + logintest.KeysPath, AllowHTTP: true,
			AllowPrivate: true}
	}
	eachEngine := func(t *testing.T, test func(*testing.T, ...func(*poolhouse.Config))) {
		configure := func(c *poolhouse.Config) {
			c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: corp.URL, ClientIDs: []string{"app"},
				AllowHTTP: true, AllowPrivate: true}}
			c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: local(pool,
				"https://"+wiretest.UserPool)}
			c.Providers = map[string]poolhouse.ProviderOverride{"accounts.google.com": local(google,
				"https://accounts.google.com")}
			c.SignOut = map[string]poolhouse.SignOutConfig{wiretest.UserPool: {Audiences: []string{"app"}},
				corpKey: {Audiences: []string{"stream"}}}
		}

		t.Run("sqlite", func(t *testing.T) { test(t, configure) })
		t.Run("postgresql", func(t *testing.T) {
			database := pgtest.URL(t)
			test(t, configure,
				func(c *poolhouse.Config) { c.DatabaseURL, c.MasterKey = database, bytes.Repeat([]byte{7}, 32) })
		})
	}

	eachEngine(t, func(t *testing.T, change ...func(*poolhouse.Config)) {
		s := wiretest.Start(t, change...)
		nodes := []*wiretest.Server{s}
		if t.Name() == "TestSignOut/postgresql" {
			nodes = append(nodes, wiretest.Start(t, change...))
		}

		wiretest.Must(s.IAM().CreateOpenIDConnectProvider(t.Context(),
			&iamclient.CreateOpenIDConnectProviderInput{Url: &made.URL, ClientIDList: []string{"app"}}))(t)
		id := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
			in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + corpKey, wiretest.CorpARN + madeKey}
			in.SupportedLoginProviders = map[string]string{"accounts.google.com": "app"}
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{ProviderName: aws.String(wiretest.UserPool),
				ClientId: aws.String("app")}}
		})

		providers := map[string]struct {
			issuer *logintest.Issuer
			claims map[string]any
		}{
			corpKey: {corp, map[string]any{"aud": "app"}},
			madeKey: {made, map[string]any{"aud": "app"}}, // by the IAM API
			wiretest.UserPool: {pool,
				map[string]any{"aud": "app", "iss": "https://" + wiretest.UserPool, "token_use": "id"}},
			"accounts.google.com": {google, map[string]any{"aud": "app", "iss": "https://accounts.google.com"}},
		}

		admin := func(body map[string]string) func(*testing.T, string) wiretest.Answer {
			return func(t *testing.T, key string) wiretest.Answer {
				in := map[string]string{"ProviderName": key}
				for name, value := range body {
					in[name] = strings.Replace(value, "SUB", t.Name(), 1)
				}
				text, err := json.Marshal(in)
				if err != nil {
					t.Fatal(err)
				}

				return s.AdminCall(t, "SignOut", string(text))
			}
		}

		logout := func(claims map[string]string) func(*testing.T, string) wiretest.Answer {
			return func(t *testing.T, key string) wiretest.Answer {
				all := map[string]any{"aud": "app", "iss": providers[key].claims["iss"],
					"events": map[string]any{wiretest.LogoutEvent: map[string]any{}}}
				if all["iss"] == nil {
					all["iss"] = providers[key].issuer.URL
				}

				for name, value := range claims {
					all[name] = strings.Replace(value, "SUB", t.Name(), 1)
				}

				return s.BackChannelLogout(t, key, wiretest.Event(providers[key].issuer, "logout+jwt", t.Name(), all))
			}
		}

		signal := func(t *testing.T, key string) wiretest.Answer {
			iss, _ := providers[key].claims["iss"].(string)
			if iss == "" {
				iss = providers[key].issuer.URL
			}

			token := wiretest.Event(providers[key].issuer, "secevent+jwt", t.Name(),
				map[string]any{"iss": iss, "aud": "app",
					"events": map[string]any{
						"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{},
					},
					"sub_id": map[string]any{"format": "iss_sub", "iss": iss, "sub": t.Name()}})

			return wiretest.Post(t, s.URL+"/shared-signals/"+key, "application/secevent+jwt", token)
		}

		for name, channel := range map[string]struct {
			how     func(*testing.T, string) wiretest.Answer
			status  int
			session string // the one that ends; "" for all of the subject's
			keys    []string
		}{
			"administrator": {admin(map[string]string{"Subject": "SUB"}), 200, "",
				[]string{corpKey, madeKey, wiretest.UserPool, "accounts.google.com"}},
			"administrator, session": {admin(map[string]string{"Session": "SUB-s1"}), 200, "s1",
				[]string{corpKey, madeKey, wiretest.UserPool, "accounts.google.com"}},
			"back-channel": {logout(map[string]string{"sub": "SUB"}), 200, "",
				[]string{corpKey, madeKey, wiretest.UserPool}},
			"back-channel, session": {logout(map[string]string{"sub": "SUB", "sid": "SUB-s1"}), 200, "s1",
				[]string{corpKey, madeKey, wiretest.UserPool}},
			"shared signals": {signal, 202, "", []string{corpKey, madeKey, wiretest.UserPool}},
		} {
			for _, key := range channel.keys {
				t.Run(name+" at "+key, func(t *testing.T) {
					sub := t.Name()
					p := providers[key]
					token := func(age time.Duration, session string) map[string]string {
						claims := map[string]any{"sub": sub, "iat": time.Now().Add(-age).Unix(),
							"sid": sub + "-" + session}
						for name, value := range p.claims {
							claims[name] = value
						}
						return map[string]string{key: p.issuer.Token(claims)}
					}

					old, other := token(time.Hour, "s1"), token(time.Hour, "s2")
					user := &wiretest.SignedIn{Server: s, Identity: s.GetID(t, id, old)}
					wiretest.Equal(t, "before", user.Refusal(t, id, old), "accepted")
					got := channel.how(t, key)
					if got.Status != channel.status {
						t.Fatalf("sign-out: %d %s", got.Status, got.Body)
					}

					for _, node := range nodes { // at once, on every node
						user := &wiretest.SignedIn{Server: node, Identity: user.Identity}
						wiretest.Equal(t, "the signed-out token", user.Refusal(t, id, old), "refused")
						want := "refused"
						if channel.session != "" {
							want = "accepted"
						}

						wiretest.Equal(t, "the token of another session", user.Refusal(t, id, other), want)
						wiretest.Equal(t, "a new sign-in", user.Refusal(t, id, token(-time.Second, "s3")), "accepted")
					}
				})
			}
		}
	})
}

// What is not the provider's own, fresh and first logout token signs nobody out.
func TestSignOutRefusals(t *testing.T) {
	corp, other := logintest.NewIssuer(t), logintest.NewIssuer(t)
	key := strings.TrimPrefix(corp.URL, "http://")
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: corp.URL, ClientIDs: []string{"app"}, AllowHTTP: true,
			AllowPrivate: true}}
	})
	id := s.NewPool(t,
		func(in *ci.CreateIdentityPoolInput) { in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + key} })
	old := map[string]string{key: corp.Token(map[string]any{"aud": "app", "sub": "alice",
		"iat": time.Now().Add(-time.Hour).Unix()})}

	user := &wiretest.SignedIn{Server: s, Identity: s.GetID(t, id, old)}
	claims := func(change map[string]any) map[string]any {
		all := map[string]any{"aud": "app", "sub": "alice",
			"events": map[string]any{wiretest.LogoutEvent: map[string]any{}}}
		for name, value := range change {
			all[name] = value
		}
		return all
	}

	good := wiretest.Event(corp, "logout+jwt", "1", claims(nil))
	for name, got := range map[string]wiretest.Answer{
		"another provider's": s.BackChannelLogout(t, key,
			wiretest.Event(other, "logout+jwt", "2", claims(map[string]any{"iss": corp.URL}))),
		"another issuer": s.BackChannelLogout(t, key, wiretest.Event(other, "logout+jwt", "3", claims(nil))),
		"the ID token":   s.BackChannelLogout(t, key, old[key]),
		"changed":        s.BackChannelLogout(t, key, wiretest.Flip(good)),
		"stale": s.BackChannelLogout(t, key,
			wiretest.Event(corp, "logout+jwt", "4", claims(map[string]any{"iat": time.Now().Add(-time.Hour).Unix()}))),
		"with a nonce": s.BackChannelLogout(t, key,
			wiretest.Event(corp, "logout+jwt", "5", claims(map[string]any{"nonce": "n"}))),
		"for another client": s.BackChannelLogout(t, key,
			wiretest.Event(corp, "logout+jwt", "6", claims(map[string]any{"aud": "other"}))),
		"an unknown provider":    s.BackChannelLogout(t, "other.example", good),
		"Google, not registered": s.BackChannelLogout(t, "accounts.google.com", good),
		"as a security event": wiretest.Post(t, s.URL+"/shared-signals/"+url.PathEscape(key),
			"application/secevent+jwt", good),
	} {
		if got.Status != http.StatusBadRequest || got.Header.Get("Cache-Control") != "no-store" ||
			!json.Valid([]byte(got.Body)) {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}

	wiretest.Equal(t, "after all that", user.Refusal(t, id, old), "accepted")
	wiretest.Equal(t, "the logout", s.BackChannelLogout(t, key, good).Status, 200)
	wiretest.Equal(t, "after it", user.Refusal(t, id, old), "refused")
	wiretest.Equal(t, "the logout replayed", s.BackChannelLogout(t, key, good).Status, 400)

	described := s.AdminCall(t, "Explain", `{"RequestId":"`+wiretest.LastRequest(t, s, id, old)+`"}`)
	for _, want := range []string{`"sign-out"`, "was signed out at", "sign in again"} {
		if !strings.Contains(described.Body, want) {
			t.Errorf("the explanation lacks %q: %s", want, described.Body)
		}
	}
}

// A provider that the IAM API made tells of sign-outs for its own client IDs, for
// as long as it is there, in whatever account.
func TestSignOutByMadeProviders(t *testing.T) {
	dir, master := t.TempDir(), bytes.Repeat([]byte{7}, 32)
	s := wiretest.Start(t,
		func(c *poolhouse.Config) { c.DataDir, c.MasterKey, c.TokenAlgorithm = dir, master, "ES256" })

	db := wiretest.Must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	defer db.Close()

	keys := wiretest.Must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db,
		Sealer: wiretest.Must(envelope.New(master))(t)}))(t)
	stranger, secret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: "999999999999"})
	if err != nil {
		t.Fatal(err)
	}

	corp := logintest.NewIssuer(t)
	key := strings.TrimPrefix(corp.URL, "http://")
	n := 0
	logout := func(audience string) int {
		n++
		return s.BackChannelLogout(t, key,
			wiretest.Event(corp, "logout+jwt", strconv.Itoa(n), map[string]any{"aud": audience, "sub": "alice",
				"events": map[string]any{wiretest.LogoutEvent: map[string]any{}}})).Status
	}

	in := &iamclient.CreateOpenIDConnectProviderInput{Url: &corp.URL, ClientIDList: []string{"app"}}
	elsewhere := s.IAMBy(stranger.ID, secret, "")
	theirs := wiretest.Must(elsewhere.CreateOpenIDConnectProvider(t.Context(),
		&iamclient.CreateOpenIDConnectProviderInput{
			Url: &corp.URL, ClientIDList: []string{"theirs"},
		}))(t).OpenIDConnectProviderArn
	wiretest.Equal(t, "of another account", logout("theirs"), http.StatusOK)
	wiretest.Equal(t, "not of another account", logout("app"), http.StatusBadRequest)

	arn := wiretest.Must(s.IAM().CreateOpenIDConnectProvider(t.Context(), in))(t).OpenIDConnectProviderArn
	wiretest.Equal(t, "made a moment ago", logout("app"), http.StatusOK)
	wiretest.Equal(t, "for another client", logout("other"), http.StatusBadRequest)
	wiretest.Must(s.IAM().AddClientIDToOpenIDConnectProvider(t.Context(),
		&iamclient.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn,
			ClientID: aws.String("other")}))(t)
	wiretest.Equal(t, "for a client added since", logout("other"), http.StatusOK)
	wiretest.Must(s.IAM().DeleteOpenIDConnectProvider(t.Context(),
		&iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}))(t)
	wiretest.Equal(t, "deleted", logout("app"), http.StatusBadRequest)
	wiretest.Equal(t, "still of another account", logout("theirs"), http.StatusOK)
	wiretest.Must(elsewhere.DeleteOpenIDConnectProvider(t.Context(),
		&iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: theirs}))(t)

	wiretest.Equal(t, "deleted there, too", logout("theirs"), http.StatusBadRequest)
}

func TestSignOutAdminRefusals(t *testing.T) {
	s := wiretest.Start(t)
	for name, body := range map[string]string{
		"nobody":            `{"ProviderName":"idp.example"}`,
		"no provider":       `{"Subject":"alice"}`,
		"a URL":             `{"ProviderName":"https://idp.example","Subject":"alice"}`,
		"opaque tokens":     `{"ProviderName":"graph.facebook.com","Subject":"1"}`,
		"our own":           `{"ProviderName":"cognito-identity.amazonaws.com","Subject":"1"}`,
		"not storable":      `{"ProviderName":"a\u0000b","Subject":"1"}`,
		"too long":          `{"ProviderName":"idp.example","Subject":"` + strings.Repeat("a", 10_000) + `"}`,
		"a subject of type": `{"ProviderName":"idp.example","Subject":1}`,
	} {
		if got := s.AdminCall(t, "SignOut", body); got.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}

	unsigned := s.Raw(t, "", `{"ProviderName":"idp.example","Subject":"alice"}`, false,
		func(r *http.Request) { r.Header.Set("X-Amz-Target", "PoolhouseAdmin.SignOut") })
	if unsigned.Status == http.StatusOK {
		t.Errorf("unsigned: %d %s", unsigned.Status, unsigned.Body)
	}
}

// A sign-out at an unknown provider may be of a deleted one. The answer tells that the
// provider is unknown.
func TestSignOutOfUnknownProviders(t *testing.T) {
	s := wiretest.Start(t)
	in := &iamclient.CreateOpenIDConnectProviderInput{Url: aws.String("https://idp.example"),
		ClientIDList: []string{"app"}}
	wiretest.Must(s.IAM().CreateOpenIDConnectProvider(t.Context(), in))(t)

	for provider, known := range map[string]bool{
		"idp.example":         true,
		"accounts.google.com": true,
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_Abc": true,
		"idp.example.com": false,
		"IDP.example":     false,
		"idp.example/":    false,
		"nonsense":        false,
		"arn:aws:iam::" + s.Account() + ":saml-provider/Gone":        false,
		"arn:aws:iam::999999999999:oidc-provider/idp.example":        false,
		"arn:aws:iam::" + s.Account() + ":oidc-provider/idp.example": false,
		"cognito-idp.us-east-1.amazonaws.com":                        false,
		"cognito-idp.us-east-1.amazonaws.example.com/us-east-1_Abc":  false,
	} {
		got := s.AdminCall(t, "SignOut", `{"ProviderName":"`+provider+`","Subject":"alice"}`)
		if want := fmt.Sprintf(`"Known":%t`, known); got.Status != http.StatusOK || !strings.Contains(got.Body, want) {
			t.Errorf("%s: %d %s, want %s", provider, got.Status, got.Body, want)
		}
	}
}
