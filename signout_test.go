package poolhouse_test

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
)

// Sign in, sign out by each channel, and only what was issued since signs in,
// at every kind of provider whose tokens say when they were issued.
func TestSignOut(t *testing.T) {
	corp, pool, google, made := logintest.NewIssuer(t), logintest.NewIssuer(t), logintest.NewIssuer(t), logintest.NewIssuer(t)
	corpKey, madeKey := strings.TrimPrefix(corp.URL, "http://"), strings.TrimPrefix(made.URL, "http://")
	local := func(i *logintest.Issuer, issuers ...string) poolhouse.ProviderOverride {
		return poolhouse.ProviderOverride{Issuers: issuers, JWKSURL: i.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true}
	}
	eachEngine := func(t *testing.T, test func(*testing.T, ...func(*poolhouse.Config))) {
		configure := func(c *poolhouse.Config) {
			c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: corp.URL, ClientIDs: []string{"app"}, AllowHTTP: true, AllowPrivate: true}}
			c.UserPools = map[string]poolhouse.ProviderOverride{userPool: local(pool, "https://"+userPool)}
			c.Providers = map[string]poolhouse.ProviderOverride{"accounts.google.com": local(google, "https://accounts.google.com")}
			c.SignOut = map[string]poolhouse.SignOutConfig{userPool: {Audiences: []string{"app"}}, corpKey: {Audiences: []string{"stream"}}}
		}
		t.Run("sqlite", func(t *testing.T) { test(t, configure) })
		t.Run("postgresql", func(t *testing.T) {
			database := pgtest.URL(t)
			test(t, configure, func(c *poolhouse.Config) { c.DatabaseURL, c.MasterKey = database, bytes.Repeat([]byte{7}, 32) })
		})
	}
	eachEngine(t, func(t *testing.T, change ...func(*poolhouse.Config)) {
		s := start(t, change...)
		nodes := []*testServer{s}
		if t.Name() == "TestSignOut/postgresql" {
			nodes = append(nodes, start(t, change...))
		}
		must(s.iam().CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &made.URL, ClientIDList: []string{"app"}}))(t)
		id := s.newPool(t, func(in *ci.CreateIdentityPoolInput) {
			in.OpenIdConnectProviderARNs = []string{corpARN + corpKey, corpARN + madeKey}
			in.SupportedLoginProviders = map[string]string{"accounts.google.com": "app"}
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{ProviderName: aws.String(userPool), ClientId: aws.String("app")}}
		})
		providers := map[string]struct {
			issuer *logintest.Issuer
			claims map[string]any
		}{
			corpKey:               {corp, map[string]any{"aud": "app"}},
			madeKey:               {made, map[string]any{"aud": "app"}}, // by the IAM API
			userPool:              {pool, map[string]any{"aud": "app", "iss": "https://" + userPool, "token_use": "id"}},
			"accounts.google.com": {google, map[string]any{"aud": "app", "iss": "https://accounts.google.com"}},
		}
		admin := func(body map[string]string) func(*testing.T, string) answer {
			return func(t *testing.T, key string) answer {
				in := map[string]string{"ProviderName": key}
				for name, value := range body {
					in[name] = strings.Replace(value, "SUB", t.Name(), 1)
				}
				text, err := json.Marshal(in)
				if err != nil {
					t.Fatal(err)
				}
				return s.adminCall(t, "SignOut", string(text))
			}
		}
		logout := func(claims map[string]string) func(*testing.T, string) answer {
			return func(t *testing.T, key string) answer {
				all := map[string]any{"aud": "app", "iss": providers[key].claims["iss"], "events": map[string]any{logoutEvent: map[string]any{}}}
				if all["iss"] == nil {
					all["iss"] = providers[key].issuer.URL
				}
				for name, value := range claims {
					all[name] = strings.Replace(value, "SUB", t.Name(), 1)
				}
				return s.backChannelLogout(t, key, event(providers[key].issuer, "logout+jwt", t.Name(), all))
			}
		}
		signal := func(t *testing.T, key string) answer {
			iss, _ := providers[key].claims["iss"].(string)
			if iss == "" {
				iss = providers[key].issuer.URL
			}
			token := event(providers[key].issuer, "secevent+jwt", t.Name(), map[string]any{"iss": iss, "aud": "app",
				"events": map[string]any{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{}},
				"sub_id": map[string]any{"format": "iss_sub", "iss": iss, "sub": t.Name()}})
			return post(t, s.URL+"/shared-signals/"+key, "application/secevent+jwt", token)
		}
		for name, channel := range map[string]struct {
			how     func(*testing.T, string) answer
			status  int
			session string // the one that ends; "" for all of the subject's
			keys    []string
		}{
			"administrator":          {admin(map[string]string{"Subject": "SUB"}), 200, "", []string{corpKey, madeKey, userPool, "accounts.google.com"}},
			"administrator, session": {admin(map[string]string{"Session": "SUB-s1"}), 200, "s1", []string{corpKey, madeKey, userPool, "accounts.google.com"}},
			"back-channel":           {logout(map[string]string{"sub": "SUB"}), 200, "", []string{corpKey, madeKey, userPool}},
			"back-channel, session":  {logout(map[string]string{"sub": "SUB", "sid": "SUB-s1"}), 200, "s1", []string{corpKey, madeKey, userPool}},
			"shared signals":         {signal, 202, "", []string{corpKey, madeKey, userPool}},
		} {
			for _, key := range channel.keys {
				t.Run(name+" at "+key, func(t *testing.T) {
					sub := t.Name()
					p := providers[key]
					token := func(age time.Duration, session string) map[string]string {
						claims := map[string]any{"sub": sub, "iat": time.Now().Add(-age).Unix(), "sid": sub + "-" + session}
						for name, value := range p.claims {
							claims[name] = value
						}
						return map[string]string{key: p.issuer.Token(claims)}
					}
					old, other := token(time.Hour, "s1"), token(time.Hour, "s2")
					user := &signedIn{s, s.getID(t, id, old)}
					equal(t, "before", user.refusal(t, id, old), "accepted")
					got := channel.how(t, key)
					if got.status != channel.status {
						t.Fatalf("sign-out: %d %s", got.status, got.body)
					}
					for _, node := range nodes { // at once, on every node
						user := &signedIn{node, user.identity}
						equal(t, "the signed-out token", user.refusal(t, id, old), "refused")
						want := "refused"
						if channel.session != "" {
							want = "accepted"
						}
						equal(t, "the token of another session", user.refusal(t, id, other), want)
						equal(t, "a new sign-in", user.refusal(t, id, token(-time.Second, "s3")), "accepted")
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
	s := start(t, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: corp.URL, ClientIDs: []string{"app"}, AllowHTTP: true, AllowPrivate: true}}
	})
	id := s.newPool(t, func(in *ci.CreateIdentityPoolInput) { in.OpenIdConnectProviderARNs = []string{corpARN + key} })
	old := map[string]string{key: corp.Token(map[string]any{"aud": "app", "sub": "alice", "iat": time.Now().Add(-time.Hour).Unix()})}
	user := &signedIn{s, s.getID(t, id, old)}
	claims := func(change map[string]any) map[string]any {
		all := map[string]any{"aud": "app", "sub": "alice", "events": map[string]any{logoutEvent: map[string]any{}}}
		for name, value := range change {
			all[name] = value
		}
		return all
	}
	good := event(corp, "logout+jwt", "1", claims(nil))
	for name, got := range map[string]answer{
		"another provider's":     s.backChannelLogout(t, key, event(other, "logout+jwt", "2", claims(map[string]any{"iss": corp.URL}))),
		"another issuer":         s.backChannelLogout(t, key, event(other, "logout+jwt", "3", claims(nil))),
		"the ID token":           s.backChannelLogout(t, key, old[key]),
		"changed":                s.backChannelLogout(t, key, flip(good)),
		"stale":                  s.backChannelLogout(t, key, event(corp, "logout+jwt", "4", claims(map[string]any{"iat": time.Now().Add(-time.Hour).Unix()}))),
		"with a nonce":           s.backChannelLogout(t, key, event(corp, "logout+jwt", "5", claims(map[string]any{"nonce": "n"}))),
		"for another client":     s.backChannelLogout(t, key, event(corp, "logout+jwt", "6", claims(map[string]any{"aud": "other"}))),
		"an unknown provider":    s.backChannelLogout(t, "other.example", good),
		"Google, not registered": s.backChannelLogout(t, "accounts.google.com", good),
		"as a security event":    post(t, s.URL+"/shared-signals/"+url.PathEscape(key), "application/secevent+jwt", good),
	} {
		if got.status != http.StatusBadRequest || got.header.Get("Cache-Control") != "no-store" || !json.Valid([]byte(got.body)) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	equal(t, "after all that", user.refusal(t, id, old), "accepted")
	equal(t, "the logout", s.backChannelLogout(t, key, good).status, 200)
	equal(t, "after it", user.refusal(t, id, old), "refused")
	equal(t, "the logout replayed", s.backChannelLogout(t, key, good).status, 400)
	described := s.adminCall(t, "Explain", `{"RequestId":"`+lastRequest(t, s, id, old)+`"}`)
	for _, want := range []string{`"sign-out"`, "was signed out at", "sign in again"} {
		if !strings.Contains(described.body, want) {
			t.Errorf("the explanation lacks %q: %s", want, described.body)
		}
	}
}

// A provider that the IAM API made tells of sign-outs for its own client IDs, for
// as long as it is there, in whatever account.
func TestSignOutByMadeProviders(t *testing.T) {
	dir, master := t.TempDir(), bytes.Repeat([]byte{7}, 32)
	s := start(t, func(c *poolhouse.Config) { c.DataDir, c.MasterKey, c.TokenAlgorithm = dir, master, "ES256" })
	db := must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	defer db.Close()
	keys := must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db, Sealer: must(envelope.New(master))(t)}))(t)
	stranger, secret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: "999999999999"})
	if err != nil {
		t.Fatal(err)
	}
	corp := logintest.NewIssuer(t)
	key := strings.TrimPrefix(corp.URL, "http://")
	n := 0
	logout := func(audience string) int {
		n++
		return s.backChannelLogout(t, key, event(corp, "logout+jwt", strconv.Itoa(n), map[string]any{"aud": audience, "sub": "alice",
			"events": map[string]any{logoutEvent: map[string]any{}}})).status
	}
	in := &iamclient.CreateOpenIDConnectProviderInput{Url: &corp.URL, ClientIDList: []string{"app"}}
	elsewhere := s.iamBy(stranger.ID, secret, "")
	theirs := must(elsewhere.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: &corp.URL, ClientIDList: []string{"theirs"},
	}))(t).OpenIDConnectProviderArn
	equal(t, "of another account", logout("theirs"), http.StatusOK)
	equal(t, "not of another account", logout("app"), http.StatusBadRequest)
	arn := must(s.iam().CreateOpenIDConnectProvider(t.Context(), in))(t).OpenIDConnectProviderArn
	equal(t, "made a moment ago", logout("app"), http.StatusOK)
	equal(t, "for another client", logout("other"), http.StatusBadRequest)
	must(s.iam().AddClientIDToOpenIDConnectProvider(t.Context(), &iamclient.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("other")}))(t)
	equal(t, "for a client added since", logout("other"), http.StatusOK)
	must(s.iam().DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}))(t)
	equal(t, "deleted", logout("app"), http.StatusBadRequest)
	equal(t, "still of another account", logout("theirs"), http.StatusOK)
	must(elsewhere.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: theirs}))(t)
	equal(t, "deleted there, too", logout("theirs"), http.StatusBadRequest)
}

func TestSignOutAdminRefusals(t *testing.T) {
	s := start(t)
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
		if got := s.adminCall(t, "SignOut", body); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	unsigned := s.raw(t, "", `{"ProviderName":"idp.example","Subject":"alice"}`, false, func(r *http.Request) { r.Header.Set("X-Amz-Target", "PoolhouseAdmin.SignOut") })
	if unsigned.status == http.StatusOK {
		t.Errorf("unsigned: %d %s", unsigned.status, unsigned.body)
	}
}

// A sign-out at a provider that is not there may be of a deleted one. The answer
// says that it is not there.
func TestSignOutOfUnknownProviders(t *testing.T) {
	s := start(t)
	in := &iamclient.CreateOpenIDConnectProviderInput{Url: aws.String("https://idp.example"), ClientIDList: []string{"app"}}
	must(s.iam().CreateOpenIDConnectProvider(t.Context(), in))(t)

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
		got := s.adminCall(t, "SignOut", `{"ProviderName":"`+provider+`","Subject":"alice"}`)
		if want := fmt.Sprintf(`"Known":%t`, known); got.status != http.StatusOK || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want %s", provider, got.status, got.body, want)
		}
	}
}
