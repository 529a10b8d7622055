package cognitoidentity_test

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
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// signIn gets an identity and credentials, and asks STS whose they are.
func signIn(t *testing.T, s *wiretest.Server, pool string, logins map[string]string) string {
	t.Helper()
	id := s.GetID(t, pool, logins)
	out := wiretest.Must(s.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins}))(t)
	who := wiretest.Must(s.Whoami(t, *out.Credentials.AccessKeyId, *out.Credentials.SecretKey,
		*out.Credentials.SessionToken))(t)
	wiretest.Equal(t, "caller", *who.Arn,
		"arn:aws:sts::000000000000:assumed-role/Authenticated/CognitoIdentityCredentials")

	return id
}

// Each provider of SupportedLoginProviders signs its user in, by its own
// protocol; no credential signs anybody in under another provider.
func TestSocialProviders(t *testing.T) {
	a := wiretest.NewApps(t)
	s := wiretest.Start(t, a.Configure)
	id := a.Pool(t, s)
	for name, credential := range a.Logins {
		t.Run(name, func(t *testing.T) {
			user := signIn(t, s, id, map[string]string{name: credential})
			wiretest.Equal(t, "identity the second time", s.GetID(t, id, map[string]string{name: credential}), user)
			described := wiretest.Must(s.Admin().DescribeIdentity(t.Context(),
				&ci.DescribeIdentityInput{IdentityId: &user}))(t)
			wiretest.Equal(t, "logins", strings.Join(described.Logins, " "), name)
			token := wiretest.Must(s.Public().GetOpenIdToken(t.Context(),
				&ci.GetOpenIdTokenInput{IdentityId: &user, Logins: map[string]string{name: credential}}))(t)
			app, _, _ := strings.Cut(a.Supported[name], ";")
			if claims := wiretest.Payload(t, *token.Token); !strings.Contains(claims,
				`"`+name+":"+app+":"+a.Subjects[name]+`"`) {
				t.Errorf("amr of %s: %s", name, claims)
			}

			for other, foreign := range a.Logins {
				if other != name {
					_, err := s.Public().GetId(t.Context(),
						&ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{name: foreign}})
					wiretest.WantError(t, err, "NotAuthorizedException", "")
				}
			}
		})
	}
}

// A credential that its provider does not vouch for, or that another
// application got, never signs anybody in.
func TestSocialProvidersForgeries(t *testing.T) {
	a := wiretest.NewApps(t)
	a.Facebook.AddToken("EAAForeign", logintest.FacebookToken{App: "999", User: "112177216992379"})
	a.Facebook.AddToken("EAAPage", logintest.FacebookToken{App: "112233", User: "5", Type: "PAGE"})
	a.Facebook.AddToken("EAAGone", logintest.FacebookToken{App: "112233", User: "112177216992379", Withdrawn: true})
	a.Amazon.AddToken("Atza|Foreign", logintest.AmazonToken{Client: "other", App: "other", User: "amzn1.account.ALICE",
		Expires: time.Now().Add(time.Hour)})
	a.Amazon.AddToken("Atza|Old",
		logintest.AmazonToken{Client: "amzn1.application-oa2-client.77", User: "amzn1.account.ALICE",
			Expires: time.Now()})
	a.X.AddConsumer("otherkey", "othersecret")
	a.X.AddToken("1-foreign", logintest.TwitterToken{Secret: "s", Consumer: "otherkey", User: "1269003884292222976"})

	s := wiretest.Start(t, a.Configure)
	id := a.Pool(t, s)
	user := s.GetID(t, id, map[string]string{wiretest.FacebookKey: a.Logins[wiretest.FacebookKey]})
	for provider, forgeries := range map[string][]string{
		wiretest.FacebookKey: {"EAANobody", "EAAForeign", "EAAPage", "EAAGone", "112233|canary-facebook-secret",
			"EAACanaryOfAlice&x=y", "a.b.c", a.Google.Token(map[string]any{"aud": "112233"})},
		wiretest.AmazonKey: {"Atza|Nobody", "Atza|Foreign", "Atza|Old", "Atza|CanaryOfAlice&access_token=x"},
		wiretest.TwitterKey: {"1-nobody;s", "1-foreign;s", "1-canarytoken;wrong", "1-canarytoken", ";",
			"1-canarytoken;canary-token-secret;", "canarykey;canary-consumer-secret"},
	} {
		for _, forgery := range forgeries {
			logins := map[string]string{provider: forgery}
			_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: logins})
			wiretest.WantError(t, err, "NotAuthorizedException", "")
			_, err = s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: logins})
			wiretest.WantError(t, err, "NotAuthorizedException", "")
			_, err = s.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &user, Logins: logins})
			wiretest.WantError(t, err, "NotAuthorizedException", "")
			logins[wiretest.GoogleKey] = a.Logins[wiretest.GoogleKey] // one bad login spoils the good one

			_, err = s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: logins})
			wiretest.WantError(t, err, "NotAuthorizedException", "")
		}
	}

	_, err := s.Public().GetId(t.Context(),
		&ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{wiretest.FacebookKey: "EAAForeign"}})
	wiretest.WantError(t, err, "NotAuthorizedException", login.MessageUnsupportedProvider)
}

// Several logins in one call, of several kinds, are one identity from then on.
func TestSocialProvidersLink(t *testing.T) {
	a := wiretest.NewApps(t)

	s := wiretest.Start(t, a.Configure)
	id := a.Pool(t, s)

	logins := s.Logins(t, "alice") // the development issuer
	for name, credential := range a.Logins {
		logins[name] = credential
	}

	guest := s.GetID(t, id, nil)
	merged := wiretest.Must(s.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &guest, Logins: logins}))(t)
	user := *merged.IdentityId
	for name, credential := range logins {
		wiretest.Equal(t, "identity of "+name, signIn(t, s, id, map[string]string{name: credential}), user)
	}
	wiretest.Equal(t, "identity of all", s.GetID(t, id, logins), user)
	described := wiretest.Must(s.Admin().DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &user}))(t)
	wiretest.Equal(t, "number of logins", len(described.Logins), len(logins))

	// One of them is taken away, and then is a user of its own.
	wiretest.Must(s.Public().UnlinkIdentity(t.Context(),
		&ci.UnlinkIdentityInput{IdentityId: &user,
			Logins:         map[string]string{wiretest.AmazonKey: logins[wiretest.AmazonKey]},
			LoginsToRemove: []string{wiretest.TwitterKey}}))(t)
	if s.GetID(t, id, map[string]string{wiretest.TwitterKey: logins[wiretest.TwitterKey]}) == user {
		t.Error("an unlinked login is still the identity's")
	}
}

// A provider that does not answer, or answers with a fault, is
// ExternalServiceException within 5 seconds; never a sign-in, never a refusal.
func TestSocialProvidersUnreachable(t *testing.T) {
	a := wiretest.NewApps(t)
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
			s := wiretest.Start(t, a.Configure, func(c *poolhouse.Config) {
				for provider, o := range c.Providers {
					o.BaseURL, o.JWKSURL = "", "http://"+address.String()
					if provider != wiretest.GoogleKey {
						o.BaseURL, o.JWKSURL = o.JWKSURL, ""
					}
					c.Providers[provider] = o
				}
			})
			id := a.Pool(t, s)
			before := time.Now()
			_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: a.Logins})
			wiretest.WantError(t, err, "ExternalServiceException", "")

			if took := time.Since(before); took > 9*time.Second { // 5 of ours, once, and a slow machine
				t.Errorf("took %v", took)
			}
		})
	}

	s := wiretest.Start(t, a.Configure)
	id := a.Pool(t, s)
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
		for name, api := range map[string]*logintest.API{wiretest.FacebookKey: &a.Facebook.API,
			wiretest.AmazonKey: &a.Amazon.API, wiretest.TwitterKey: &a.X.API} {
			api.Answer(answer)
			_, err := s.Public().GetId(t.Context(),
				&ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{name: a.Logins[name]}})
			wiretest.WantError(t, err, "ExternalServiceException", "The login provider "+name+" is not responding.")
			api.Answer(nil)
		}
	}

	for name, credential := range a.Logins {
		signIn(t, s, id, map[string]string{name: credential})
	}
}

// Digits has ended: pools keep its setting, its logins are refused with a
// reason, and something else may stand in for it.
func TestDigits(t *testing.T) {
	a := wiretest.NewApps(t)
	a.Supported[wiretest.DigitsKey] = a.Supported[wiretest.TwitterKey]
	digits := map[string]string{wiretest.DigitsKey: a.Logins[wiretest.TwitterKey]}
	var traces []poolhouse.Trace
	s := wiretest.Start(t, a.Configure,
		func(c *poolhouse.Config) { c.OnTrace = func(t poolhouse.Trace) { traces = append(traces, t) } })
	id := a.Pool(t, s)
	pool := wiretest.Must(s.Admin().DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: &id}))(t)
	wiretest.Equal(t, "pool's value", pool.SupportedLoginProviders[wiretest.DigitsKey],
		"canarykey;canary-consumer-secret")

	_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: digits})
	wiretest.WantError(t, err, "NotAuthorizedException", login.MessageUnsupportedProvider)
	if len(traces) != 1 || !strings.Contains(traces[0].Steps[0].Fix, "2017") {
		t.Errorf("traces %+v", traces)
	}
	wiretest.Equal(t, "requests", len(a.X.Requests()), 0)

	s = wiretest.Start(t, a.Configure, func(c *poolhouse.Config) {
		c.Providers[wiretest.DigitsKey] = poolhouse.ProviderOverride{BaseURL: a.X.URL,
			VerifyPath: "/1.1/account/verify_credentials.json", AllowHTTP: true, AllowPrivate: true}
	})
	id = a.Pool(t, s)
	user := signIn(t, s, id, digits)
	if s.GetID(t, id, map[string]string{wiretest.TwitterKey: a.Logins[wiretest.TwitterKey]}) == user {
		t.Error("users of Digits and of X with the same ID are one identity")
	}
}

// The explanation names the fault of a pool whose value for X is not key;secret.
func TestTwitterPoolValue(t *testing.T) {
	a := wiretest.NewApps(t)
	for _, value := range []string{"canarykey", "canarykey;", ";canary-consumer-secret",
		"canarykey;canary-consumer-secret;", ";", "canarykey;;x"} {
		var traces []poolhouse.Trace
		s := wiretest.Start(t, a.Configure,
			func(c *poolhouse.Config) { c.OnTrace = func(t poolhouse.Trace) { traces = append(traces, t) } })
		a.Supported[wiretest.TwitterKey] = value
		id := a.Pool(t, s)

		_, err := s.Public().GetId(t.Context(),
			&ci.GetIdInput{IdentityPoolId: &id,
				Logins: map[string]string{wiretest.TwitterKey: a.Logins[wiretest.TwitterKey]}})
		wiretest.WantError(t, err, "NotAuthorizedException", login.MessageUnsupportedProvider)
		if len(traces) != 1 || !strings.Contains(traces[0].Steps[0].Fix, "joined by one ;") {
			t.Errorf("%s: traces %+v", value, traces)
		}
	}
}

// Limited Login's ID tokens are the same user as Facebook's access tokens.
func TestLimitedLogin(t *testing.T) {
	a := wiretest.NewApps(t)
	token := a.Google.Token(map[string]any{"iss": "https://limited.facebook.com", "aud": "112233",
		"sub": "112177216992379"})
	limited := map[string]string{wiretest.FacebookKey: token}
	s := wiretest.Start(t, a.Configure)
	id := a.Pool(t, s)
	_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: limited})
	wiretest.WantError(t, err, "NotAuthorizedException", "")

	s = wiretest.Start(t, a.Configure, func(c *poolhouse.Config) {
		o := c.Providers[wiretest.FacebookKey]
		o.LimitedLogin, o.JWKSURL, o.AppSecrets = true, a.Google.URL+logintest.KeysPath,
			map[string]poolhouse.Secret{"112233": "canary-facebook-secret"}
		c.Providers[wiretest.FacebookKey] = o
	})
	id = a.Pool(t, s)
	user := signIn(t, s, id, limited)
	wiretest.Equal(t, "identity by access token",
		signIn(t, s, id, map[string]string{wiretest.FacebookKey: a.Logins[wiretest.FacebookKey]}), user)

	requests := a.Facebook.Requests()
	wiretest.Equal(t, "question", requests[len(requests)-2].URL.Path, "/v25.0/debug_token")
	other := a.Google.Token(map[string]any{"iss": "https://limited.facebook.com", "aud": "999",
		"sub": "112177216992379"})

	_, err = s.Public().GetId(t.Context(),
		&ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{wiretest.FacebookKey: other}})
	wiretest.WantError(t, err, "NotAuthorizedException", "")
}

// Several client IDs of Google or Apple are an OpenID Connect registration;
// Google's two spellings of its issuer hold there as well.
func TestSeveralClientIDs(t *testing.T) {
	google, apple := logintest.NewIssuer(t), logintest.NewIssuer(t)

	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{
			{URL: "https://accounts.google.com", ClientIDs: []string{"web", "android"},
				JWKSURL: google.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true},
			{URL: "https://appleid.apple.com", ClientIDs: []string{"com.example.app", "com.example.web"},
				JWKSURL: apple.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true}}
	})
	id := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + wiretest.GoogleKey,
			wiretest.CorpARN + wiretest.AppleKey}
		in.SupportedLoginProviders = map[string]string{wiretest.GoogleKey: "web", wiretest.AppleKey: "com.example.app"}
	})

	users := map[string]bool{}
	for _, token := range []string{
		google.Token(map[string]any{"iss": "https://accounts.google.com", "aud": "web", "sub": "1"}),
		google.Token(map[string]any{"iss": "accounts.google.com", "aud": "android", "sub": "1"}),
		google.Token(map[string]any{"iss": "accounts.google.com", "aud": "web", "azp": "android", "sub": "1"}),
	} {
		users[signIn(t, s, id, map[string]string{wiretest.GoogleKey: token})] = true
	}
	wiretest.Equal(t, "identities of one Google user", len(users), 1)

	for _, client := range []string{"com.example.app", "com.example.web"} {
		signIn(t, s, id,
			map[string]string{wiretest.AppleKey: apple.Token(map[string]any{"iss": "https://appleid.apple.com",
				"aud": client, "sub": "001968.a.0733"})})
	}

	for provider, token := range map[string]string{
		wiretest.GoogleKey: google.Token(map[string]any{"iss": "accounts.google.com", "aud": "web", "azp": "ios",
			"sub": "1"}),
		wiretest.AppleKey: apple.Token(map[string]any{"iss": "appleid.apple.com", "aud": "com.example.app",
			"sub": "1"}),
	} {
		_, err := s.Public().GetId(t.Context(),
			&ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{provider: token}})
		wiretest.WantError(t, err, "NotAuthorizedException", "")
	}
}

// No credential and no secret of these providers reaches the log, a trace, a
// principal tag or a token, in whatever way a call ends.
func TestSocialProvidersKeepSecrets(t *testing.T) {
	a := wiretest.NewApps(t)
	logs := &wiretest.SafeBuffer{}
	var traces []poolhouse.Trace
	s := wiretest.Start(t, a.Configure, func(c *poolhouse.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.OnTrace = func(t poolhouse.Trace) { traces = append(traces, t) }
		o := c.Providers[wiretest.FacebookKey]
		o.AppSecret = "canary-facebook-secret"
		c.Providers[wiretest.FacebookKey] = o
	})
	id := a.Pool(t, s)
	var shown strings.Builder

	for name := range a.Supported {
		wiretest.Must(s.Admin().SetPrincipalTagAttributeMap(t.Context(),
			&ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: &id, IdentityProviderName: new(name),
				UseDefaults: new(true)}))(t)
	}

	for name, api := range map[string]*logintest.API{wiretest.FacebookKey: &a.Facebook.API,
		wiretest.AmazonKey: &a.Amazon.API, wiretest.TwitterKey: &a.X.API} {
		logins := map[string]string{name: a.Logins[name]}
		bad := map[string]string{name: a.Logins[name] + "x"}
		for _, answer := range []http.HandlerFunc{
			nil,
			func(w http.ResponseWriter, r *http.Request) { // repeats what it was asked
				logintest.JSON(w, 400,
					map[string]any{"error": r.URL.RawQuery + r.Header.Get("Authorization"),
						"errors": []any{r.URL.RawQuery}})
			},
			func(w http.ResponseWriter, r *http.Request) {
				logintest.JSON(w, 200,
					map[string]any{"id": r.URL.RawQuery, "aud": r.Header.Get("Authorization"), r.URL.RawQuery: 1})
			},
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/?"+r.URL.RawQuery, http.StatusFound)
			},
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		} {
			api.Answer(answer)

			for _, l := range []map[string]string{bad, logins} {
				_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: l})
				if err != nil {
					shown.WriteString(err.Error())
				}
			}

			api.Answer(nil)
		}
	}

	logins := map[string]string{wiretest.TwitterKey: a.Logins[wiretest.TwitterKey]}
	user := s.GetID(t, id, logins)
	token := wiretest.Must(s.Public().GetOpenIdToken(t.Context(),
		&ci.GetOpenIdTokenInput{IdentityId: &user, Logins: logins}))(t)
	claims := wiretest.Payload(t, *token.Token)
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

	for _, secret := range a.Secrets {
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
		"unknown provider": {"graph.facebok.com", poolhouse.ProviderOverride{},
			`providers: "graph.facebok.com" is not known`},
		"plain HTTP": {wiretest.FacebookKey, poolhouse.ProviderOverride{BaseURL: "http://graph.example.com"},
			"not https"},
		"no URL": {wiretest.AmazonKey, poolhouse.ProviderOverride{BaseURL: "api.amazon.com"}, "base_url"},
		"path":   {wiretest.TwitterKey, poolhouse.ProviderOverride{VerifyPath: "users/me"}, "verify_path"},
		"query": {wiretest.DigitsKey,
			poolhouse.ProviderOverride{BaseURL: "https://d.example", VerifyPath: "/a?b"}, "verify_path"},
		"version":     {wiretest.FacebookKey, poolhouse.ProviderOverride{APIVersion: "v25.0/x"}, "graph_version"},
		"certificate": {wiretest.GoogleKey, poolhouse.ProviderOverride{CABundle: "no PEM"}, "ca_bundle"},
		"issuer":      {wiretest.AppleKey, poolhouse.ProviderOverride{Issuers: []string{""}}, "issuers"},
		"limited login": {wiretest.FacebookKey, poolhouse.ProviderOverride{LimitedLogin: true, JWKSURL: "ftp://x"},
			"jwks_url"},
	} {
		_, err := poolhouse.New(t.Context(),
			poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:1",
				Providers: map[string]poolhouse.ProviderOverride{test.provider: test.override}})

		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.provider) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
