package poolhouse_test

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// signIn gets an identity and credentials, and asks STS whose they are.
func signIn(t *testing.T, s *testServer, pool string, logins map[string]string) string {
	t.Helper()
	id := s.getID(t, pool, logins)
	out := must(s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins}))(t)
	who := must(s.whoami(t, *out.Credentials.AccessKeyId, *out.Credentials.SecretKey, *out.Credentials.SessionToken))(t)
	equal(t, "caller", *who.Arn, "arn:aws:sts::000000000000:assumed-role/Authenticated/CognitoIdentityCredentials")
	return id
}

// Each provider of SupportedLoginProviders signs its user in, by its own
// protocol; no credential signs anybody in under another provider.
func TestAppProviders(t *testing.T) {
	a := newApps(t)
	s := start(t, a.configure)
	id := a.pool(t, s)
	for name, credential := range a.logins {
		t.Run(name, func(t *testing.T) {
			user := signIn(t, s, id, map[string]string{name: credential})
			equal(t, "identity the second time", s.getID(t, id, map[string]string{name: credential}), user)
			described := must(s.admin().DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &user}))(t)
			equal(t, "logins", strings.Join(described.Logins, " "), name)
			token := must(s.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &user, Logins: map[string]string{name: credential}}))(t)
			app, _, _ := strings.Cut(a.supported[name], ";")
			if claims := payload(t, *token.Token); !strings.Contains(claims, `"`+name+":"+app+":"+a.subjects[name]+`"`) {
				t.Errorf("amr of %s: %s", name, claims)
			}
			for other, foreign := range a.logins {
				if other != name {
					_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{name: foreign}})
					wantError(t, err, "NotAuthorizedException", "")
				}
			}
		})
	}
}

// A credential that its provider does not vouch for, or that another
// application got, never signs anybody in.
func TestAppProvidersForgeries(t *testing.T) {
	a := newApps(t)
	a.facebook.AddToken("EAAForeign", logintest.FacebookToken{App: "999", User: "112177216992379"})
	a.facebook.AddToken("EAAPage", logintest.FacebookToken{App: "112233", User: "5", Type: "PAGE"})
	a.facebook.AddToken("EAAGone", logintest.FacebookToken{App: "112233", User: "112177216992379", Withdrawn: true})
	a.amazon.AddToken("Atza|Foreign", logintest.AmazonToken{Client: "other", App: "other", User: "amzn1.account.ALICE", Expires: time.Now().Add(time.Hour)})
	a.amazon.AddToken("Atza|Old", logintest.AmazonToken{Client: "amzn1.application-oa2-client.77", User: "amzn1.account.ALICE", Expires: time.Now()})
	a.x.AddConsumer("otherkey", "othersecret")
	a.x.AddToken("1-foreign", logintest.TwitterToken{Secret: "s", Consumer: "otherkey", User: "1269003884292222976"})
	s := start(t, a.configure)
	id := a.pool(t, s)
	user := s.getID(t, id, map[string]string{facebookKey: a.logins[facebookKey]})
	for provider, forgeries := range map[string][]string{
		facebookKey: {"EAANobody", "EAAForeign", "EAAPage", "EAAGone", "112233|canary-facebook-secret", "EAACanaryOfAlice&x=y", "a.b.c", a.google.Token(map[string]any{"aud": "112233"})},
		amazonKey:   {"Atza|Nobody", "Atza|Foreign", "Atza|Old", "Atza|CanaryOfAlice&access_token=x"},
		twitterKey:  {"1-nobody;s", "1-foreign;s", "1-canarytoken;wrong", "1-canarytoken", ";", "1-canarytoken;canary-token-secret;", "canarykey;canary-consumer-secret"},
	} {
		for _, forgery := range forgeries {
			logins := map[string]string{provider: forgery}
			_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: logins})
			wantError(t, err, "NotAuthorizedException", "")
			_, err = s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: logins})
			wantError(t, err, "NotAuthorizedException", "")
			_, err = s.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &user, Logins: logins})
			wantError(t, err, "NotAuthorizedException", "")
			logins[googleKey] = a.logins[googleKey] // one bad login spoils the good one
			_, err = s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: logins})
			wantError(t, err, "NotAuthorizedException", "")
		}
	}
	_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{facebookKey: "EAAForeign"}})
	wantError(t, err, "NotAuthorizedException", login.MessageUnsupportedProvider)
}

// Several logins in one call, of several kinds, are one identity from then on.
func TestAppProvidersLink(t *testing.T) {
	a := newApps(t)
	s := start(t, a.configure)
	id := a.pool(t, s)
	logins := s.logins(t, "alice") // the development issuer
	for name, credential := range a.logins {
		logins[name] = credential
	}
	guest := s.getID(t, id, nil)
	merged := must(s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &guest, Logins: logins}))(t)
	user := *merged.IdentityId
	for name, credential := range logins {
		equal(t, "identity of "+name, signIn(t, s, id, map[string]string{name: credential}), user)
	}
	equal(t, "identity of all", s.getID(t, id, logins), user)
	described := must(s.admin().DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &user}))(t)
	equal(t, "number of logins", len(described.Logins), len(logins))

	// One of them is taken away, and then is a user of its own.
	must(s.public().UnlinkIdentity(t.Context(), &ci.UnlinkIdentityInput{IdentityId: &user, Logins: map[string]string{amazonKey: logins[amazonKey]}, LoginsToRemove: []string{twitterKey}}))(t)
	if s.getID(t, id, map[string]string{twitterKey: logins[twitterKey]}) == user {
		t.Error("an unlinked login is still the identity's")
	}
}

// A provider that does not answer, or answers with a fault, is
// ExternalServiceException within 5 seconds; never a sign-in, never a refusal.
func TestAppProvidersUnreachable(t *testing.T) {
	a := newApps(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() }) // after the parallel subtests
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for name, address := range map[string]net.Addr{"nobody listens": gone.Addr(), "nobody answers": silent.Addr()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, a.configure, func(c *poolhouse.Config) {
				for provider, o := range c.Providers {
					o.BaseURL, o.JWKSURL = "", "http://"+address.String()
					if provider != googleKey {
						o.BaseURL, o.JWKSURL = o.JWKSURL, ""
					}
					c.Providers[provider] = o
				}
			})
			id := a.pool(t, s)
			before := time.Now()
			_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: a.logins})
			wantError(t, err, "ExternalServiceException", "")
			if took := time.Since(before); took > 9*time.Second { // 5 of ours, once, and a slow machine
				t.Errorf("took %v", took)
			}
		})
	}
	s := start(t, a.configure)
	id := a.pool(t, s)
	for _, answer := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { logintest.JSON(w, 500, map[string]any{}) },
		func(w http.ResponseWriter, _ *http.Request) { logintest.JSON(w, 429, map[string]any{}) },
		func(w http.ResponseWriter, _ *http.Request) { logintest.JSON(w, 402, map[string]any{}) },
		func(w http.ResponseWriter, _ *http.Request) { logintest.JSON(w, 200, map[string]any{}) },
		func(w http.ResponseWriter, _ *http.Request) {
			logintest.JSON(w, 403, map[string]any{"errors": []any{map[string]any{"code": 453}}})
		},
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		},
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<!DOCTYPE html>")) },
	} {
		for name, api := range map[string]*logintest.API{facebookKey: &a.facebook.API, amazonKey: &a.amazon.API, twitterKey: &a.x.API} {
			api.Answer(answer)
			_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{name: a.logins[name]}})
			wantError(t, err, "ExternalServiceException", "The login provider "+name+" is not responding.")
			api.Answer(nil)
		}
	}
	for name, credential := range a.logins {
		signIn(t, s, id, map[string]string{name: credential})
	}
}

// Digits has ended: pools keep its setting, its logins are refused with a
// reason, and something else may stand in for it.
func TestDigits(t *testing.T) {
	a := newApps(t)
	a.supported[digitsKey] = a.supported[twitterKey]
	digits := map[string]string{digitsKey: a.logins[twitterKey]}
	var traces []poolhouse.Trace
	s := start(t, a.configure, func(c *poolhouse.Config) { c.OnTrace = func(t poolhouse.Trace) { traces = append(traces, t) } })
	id := a.pool(t, s)
	pool := must(s.admin().DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &id}))(t)
	equal(t, "pool's value", pool.SupportedLoginProviders[digitsKey], "canarykey;canary-consumer-secret")
	_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: digits})
	wantError(t, err, "NotAuthorizedException", login.MessageUnsupportedProvider)
	if len(traces) != 1 || !strings.Contains(traces[0].Steps[0].Fix, "2017") {
		t.Errorf("traces %+v", traces)
	}
	equal(t, "requests", len(a.x.Requests()), 0)

	s = start(t, a.configure, func(c *poolhouse.Config) {
		c.Providers[digitsKey] = poolhouse.ProviderOverride{BaseURL: a.x.URL, VerifyPath: "/1.1/account/verify_credentials.json", AllowHTTP: true, AllowPrivate: true}
	})
	id = a.pool(t, s)
	user := signIn(t, s, id, digits)
	if s.getID(t, id, map[string]string{twitterKey: a.logins[twitterKey]}) == user {
		t.Error("users of Digits and of X with the same ID are one identity")
	}
}

// A pool whose value for X is not key;secret says so to whoever asks why.
func TestTwitterPoolValue(t *testing.T) {
	a := newApps(t)
	for _, value := range []string{"canarykey", "canarykey;", ";canary-consumer-secret", "canarykey;canary-consumer-secret;", ";", "canarykey;;x"} {
		var traces []poolhouse.Trace
		s := start(t, a.configure, func(c *poolhouse.Config) { c.OnTrace = func(t poolhouse.Trace) { traces = append(traces, t) } })
		a.supported[twitterKey] = value
		id := a.pool(t, s)
		_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{twitterKey: a.logins[twitterKey]}})
		wantError(t, err, "NotAuthorizedException", login.MessageUnsupportedProvider)
		if len(traces) != 1 || !strings.Contains(traces[0].Steps[0].Fix, "joined by one ;") {
			t.Errorf("%s: traces %+v", value, traces)
		}
	}
}

// Limited Login's ID tokens are the same user as Facebook's access tokens.
func TestLimitedLogin(t *testing.T) {
	a := newApps(t)
	token := a.google.Token(map[string]any{"iss": "https://limited.facebook.com", "aud": "112233", "sub": "112177216992379"})
	limited := map[string]string{facebookKey: token}
	s := start(t, a.configure)
	id := a.pool(t, s)
	_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: limited})
	wantError(t, err, "NotAuthorizedException", "")
	s = start(t, a.configure, func(c *poolhouse.Config) {
		o := c.Providers[facebookKey]
		o.LimitedLogin, o.JWKSURL, o.AppSecrets = true, a.google.URL+logintest.KeysPath, map[string]string{"112233": "canary-facebook-secret"}
		c.Providers[facebookKey] = o
	})
	id = a.pool(t, s)
	user := signIn(t, s, id, limited)
	equal(t, "identity by access token", signIn(t, s, id, map[string]string{facebookKey: a.logins[facebookKey]}), user)
	requests := a.facebook.Requests()
	equal(t, "question", requests[len(requests)-2].URL.Path, "/v25.0/debug_token")
	other := a.google.Token(map[string]any{"iss": "https://limited.facebook.com", "aud": "999", "sub": "112177216992379"})
	_, err = s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{facebookKey: other}})
	wantError(t, err, "NotAuthorizedException", "")
}

// Several client IDs of Google or Apple are an OpenID Connect registration;
// Google's two spellings of its issuer hold there as well.
func TestSeveralClientIDs(t *testing.T) {
	google, apple := logintest.NewIssuer(t), logintest.NewIssuer(t)
	s := start(t, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{
			{URL: "https://accounts.google.com", ClientIDs: []string{"web", "android"}, JWKSURL: google.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true},
			{URL: "https://appleid.apple.com", ClientIDs: []string{"com.example.app", "com.example.web"}, JWKSURL: apple.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true}}
	})
	id := s.newPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = []string{corpARN + googleKey, corpARN + appleKey}
		in.SupportedLoginProviders = map[string]string{googleKey: "web", appleKey: "com.example.app"}
	})
	users := map[string]bool{}
	for _, token := range []string{
		google.Token(map[string]any{"iss": "https://accounts.google.com", "aud": "web", "sub": "1"}),
		google.Token(map[string]any{"iss": "accounts.google.com", "aud": "android", "sub": "1"}),
		google.Token(map[string]any{"iss": "accounts.google.com", "aud": "web", "azp": "android", "sub": "1"}),
	} {
		users[signIn(t, s, id, map[string]string{googleKey: token})] = true
	}
	equal(t, "identities of one Google user", len(users), 1)
	for _, client := range []string{"com.example.app", "com.example.web"} {
		signIn(t, s, id, map[string]string{appleKey: apple.Token(map[string]any{"iss": "https://appleid.apple.com", "aud": client, "sub": "001968.a.0733"})})
	}
	for provider, token := range map[string]string{
		googleKey: google.Token(map[string]any{"iss": "accounts.google.com", "aud": "web", "azp": "ios", "sub": "1"}),
		appleKey:  apple.Token(map[string]any{"iss": "appleid.apple.com", "aud": "com.example.app", "sub": "1"}),
	} {
		_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{provider: token}})
		wantError(t, err, "NotAuthorizedException", "")
	}
}

// No credential and no secret of these providers reaches the log, a trace, a
// principal tag or a token, in whatever way a call ends.
func TestAppProvidersKeepSecrets(t *testing.T) {
	a := newApps(t)
	logs := &safeBuffer{}
	var traces []poolhouse.Trace
	s := start(t, a.configure, func(c *poolhouse.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.OnTrace = func(t poolhouse.Trace) { traces = append(traces, t) }
		o := c.Providers[facebookKey]
		o.AppSecret = "canary-facebook-secret"
		c.Providers[facebookKey] = o
	})
	id := a.pool(t, s)
	var shown strings.Builder
	for name := range a.supported {
		must(s.admin().SetPrincipalTagAttributeMap(t.Context(), &ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: &id, IdentityProviderName: new(name), UseDefaults: new(true)}))(t)
	}
	for name, api := range map[string]*logintest.API{facebookKey: &a.facebook.API, amazonKey: &a.amazon.API, twitterKey: &a.x.API} {
		logins := map[string]string{name: a.logins[name]}
		bad := map[string]string{name: a.logins[name] + "x"}
		for _, answer := range []http.HandlerFunc{
			nil,
			func(w http.ResponseWriter, r *http.Request) { // repeats what it was asked
				logintest.JSON(w, 400, map[string]any{"error": r.URL.RawQuery + r.Header.Get("Authorization"), "errors": []any{r.URL.RawQuery}})
			},
			func(w http.ResponseWriter, r *http.Request) {
				logintest.JSON(w, 200, map[string]any{"id": r.URL.RawQuery, "aud": r.Header.Get("Authorization"), r.URL.RawQuery: 1})
			},
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/?"+r.URL.RawQuery, http.StatusFound)
			},
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		} {
			api.Answer(answer)
			for _, l := range []map[string]string{bad, logins} {
				_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: l})
				if err != nil {
					shown.WriteString(err.Error())
				}
			}
			api.Answer(nil)
		}
	}
	logins := map[string]string{twitterKey: a.logins[twitterKey]}
	user := s.getID(t, id, logins)
	token := must(s.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &user, Logins: logins}))(t)
	claims := payload(t, *token.Token)
	if !strings.Contains(claims, `"canarykey"`) {
		t.Errorf("the principal tag client is not the consumer key: %s", claims)
	}
	shown.WriteString(claims)
	if len(traces) < 12 || !strings.Contains(logs.String(), "GetOpenIdToken") {
		t.Fatalf("%d traces: the test proves nothing", len(traces))
	}
	for _, trace := range traces {
		shown.WriteString(trace.Message)
		for _, step := range trace.Steps {
			shown.WriteString(step.Check + step.Expected + step.Got + step.Fix)
		}
	}
	shown.WriteString(logs.String())
	for _, secret := range a.secrets {
		if strings.Contains(shown.String(), secret) {
			t.Errorf("%s is shown", secret)
		}
	}
}

// Settings that no login could be verified with stop the start.
func TestProvidersThatCannotWork(t *testing.T) {
	for name, test := range map[string]struct {
		provider string
		override poolhouse.ProviderOverride
		want     string
	}{
		"unknown provider": {"graph.facebok.com", poolhouse.ProviderOverride{}, `providers: "graph.facebok.com" is not known`},
		"plain HTTP":       {facebookKey, poolhouse.ProviderOverride{BaseURL: "http://graph.example.com"}, "not https"},
		"no URL":           {amazonKey, poolhouse.ProviderOverride{BaseURL: "api.amazon.com"}, "base_url"},
		"last slash":       {twitterKey, poolhouse.ProviderOverride{BaseURL: "https://api.x.com/"}, "slash"},
		"path":             {twitterKey, poolhouse.ProviderOverride{VerifyPath: "users/me"}, "verify_path"},
		"query":            {digitsKey, poolhouse.ProviderOverride{BaseURL: "https://d.example", VerifyPath: "/a?b"}, "verify_path"},
		"version":          {facebookKey, poolhouse.ProviderOverride{APIVersion: "v25.0/x"}, "graph_version"},
		"certificate":      {googleKey, poolhouse.ProviderOverride{CABundle: []byte("no PEM")}, "ca_bundle"},
		"issuer":           {appleKey, poolhouse.ProviderOverride{Issuers: []string{""}}, "issuers"},
		"limited login":    {facebookKey, poolhouse.ProviderOverride{LimitedLogin: true, JWKSURL: "ftp://x"}, "jwks_url"},
	} {
		_, err := poolhouse.New(t.Context(), poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:1", Providers: map[string]poolhouse.ProviderOverride{test.provider: test.override}})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.provider) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
