package assume_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A pool's credentials come from the engine that the settings name. The token
// that the engine gets verifies from discovery alone, and is good for nothing
// here. A refusal of the engine is the pool's configuration, an outage the
// service's; the app reads none of the engine's words.
func TestCredentialEngine(t *testing.T) {
	var mu sync.Mutex
	var got url.Values
	status, body := http.StatusOK, ""

	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()

		got, _ = url.ParseQuery(string(text))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer engine.Close()

	answer := func(code int, text string) {
		mu.Lock()
		defer mu.Unlock()

		status, body = code, text
	}

	const outside = "us-east-1:11111111-2222-4333-8444-555555555555"
	var traces []poolhouse.Trace
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.CredentialEngines = map[string]poolhouse.CredentialEngineConfig{
			"storage": {Endpoint: engine.URL, AllowHTTP: true, AllowPrivate: true,
				Token: poolhouse.EngineTokenConfig{
					Algorithm: "RS256",
					Type:      "JWT",
					Claims:    map[string]any{"policy": "${role_name}"},
				}}}
		c.PoolCredentialEngines = map[string]string{outside: "storage"}
		c.OnTrace = func(trace poolhouse.Trace) { mu.Lock(); traces = append(traces, trace); mu.Unlock() }
	})
	builtin := s.NewPool(t)
	wiretest.Equal(t, "pool",
		s.NewPool(t,
			func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"_custom_id_": outside} }),
		outside)

	ask := func(pool string) (*ci.GetCredentialsForIdentityOutput, error) {
		logins := s.Logins(t, "alice")
		return s.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: aws.String(s.GetID(t, pool, logins)), Logins: logins})
	}

	answer(http.StatusOK, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`+
		`<AssumeRoleWithWebIdentityResult><Credentials>`+
		`<AccessKeyId>engines-key</AccessKeyId><SecretAccessKey>engines-secret</SecretAccessKey>`+
		`<SessionToken>engines-session</SessionToken><Expiration>`+
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+
		`</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	out := wiretest.Must(ask(outside))(t)
	wiretest.Equal(t, "key", *out.Credentials.AccessKeyId, "engines-key")
	wiretest.Equal(t, "secret", *out.Credentials.SecretKey, "engines-secret")
	wiretest.Equal(t, "session token", *out.Credentials.SessionToken, "engines-session")

	token := got.Get("WebIdentityToken")
	wiretest.Equal(t, "role", got.Get("RoleArn"), wiretest.AuthenticatedRole)
	wiretest.Equal(t, "duration", got.Get("DurationSeconds"), "3600")

	provider, err := oidc.NewProvider(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: outside, SupportedSigningAlgs: []string{"RS256"}}).
		Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	wiretest.Equal(t, "subject", verified.Subject, *out.IdentityId)

	var claims struct {
		Policy string `json:"policy"`
	}
	if err := verified.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	wiretest.Equal(t, "policy claim", claims.Policy, "Authenticated")

	// Who runs the engine has the token, and must not become the user by it.
	_, err = s.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: out.IdentityId,
			Logins: map[string]string{"cognito-identity.amazonaws.com": token}})
	wiretest.WantError(t, err, "NotAuthorizedException", "")

	_, err = sts.New(sts.Options{
		BaseEndpoint:     &s.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	}).
		AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn:          aws.String(wiretest.AuthenticatedRole),
			RoleSessionName:  aws.String("x1"),
			WebIdentityToken: &token,
		})
	if err == nil {
		t.Error("our own STS takes an engine's token")
	}

	mu.Lock()
	got = nil
	mu.Unlock()
	wiretest.Equal(t, "length of the other pool's key",
		len(*wiretest.Must(ask(builtin))(t).Credentials.AccessKeyId), 20)
	if got != nil {
		t.Error("the engine was asked for a pool that is not its own")
	}

	answer(http.StatusForbidden,
		`<ErrorResponse><Error><Code>AccessDenied</Code><Message>engine words</Message></Error></ErrorResponse>`)
	_, err = ask(outside)
	wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException", "")
	answer(http.StatusInternalServerError, "engine words")
	_, failed := ask(outside)
	wiretest.WantError(t, failed, "ExternalServiceException",
		"The credential engine of this identity pool is not responding.")

	for _, e := range []error{err, failed} {
		if strings.Contains(e.Error(), "engine words") {
			t.Errorf("the app is told: %v", e)
		}
	}
	mu.Lock()
	defer mu.Unlock()

	for _, code := range []string{"InvalidIdentityPoolConfigurationException", "ExternalServiceException"} {
		if !slices.ContainsFunc(traces, func(trace poolhouse.Trace) bool {
			return trace.Outcome == code && trace.Steps[len(trace.Steps)-1].Title() ==
				"credential engine of storage" && trace.Steps[len(trace.Steps)-1].Fix != ""
		}) {
			t.Errorf("no trace says why %s", code)
		}
	}
}

// The name of a session at an engine is of the login that the call sends, and a name that
// an STS would refuse is never sent.
func TestSessionNamesAtEngine(t *testing.T) {
	var mu sync.Mutex
	var names []string

	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(text))
		mu.Lock()
		defer mu.Unlock()

		names = append(names, form.Get("RoleSessionName"))
		_, _ = io.WriteString(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>`+
			`<AccessKeyId>k</AccessKeyId>`+
			`<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>`+
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+
			`</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	}))
	defer engine.Close()

	var last poolhouse.Trace
	pools := map[string]string{
		"us-east-1:11111111-2222-4333-8444-000000000001": "${claim:email}",
		"us-east-1:11111111-2222-4333-8444-000000000002": "id-${identity_id}",
	}
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.CredentialEngines, c.PoolCredentialEngines = map[string]poolhouse.CredentialEngineConfig{}, pools
		for _, name := range pools {
			c.CredentialEngines[name] = poolhouse.CredentialEngineConfig{
				Endpoint:     engine.URL,
				AllowHTTP:    true,
				AllowPrivate: true,
				SessionName:  name,
			}
		}

		c.OnTrace = func(trace poolhouse.Trace) { mu.Lock(); last = trace; mu.Unlock() }
	})

	for id, name := range pools {
		s.NewPool(t,
			func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"_custom_id_": id} })

		byClaim := strings.Contains(name, "claim")
		for _, test := range []struct {
			who   string
			email any
			code  string // of the refusal, where names are by claim
		}{
			{"alice", "alice@example.com", ""},
			{"bob", "bob smith@example.com", "role-session-name-characters"},
			{"carol", nil, "role-session-name-claim"},
			{"a guest", nil, "role-session-name-guest"},
			{"developer's", nil, "role-session-name-own-token"},
		} {
			logins := s.Logins(t, test.who, func(r *poolhouse.DevTokenRequest) {
				if test.email != nil {
					r.Claims = map[string]any{"email": test.email}
				}
			})
			switch test.who {
			case "a guest":
				logins = nil
			case "developer's":
				out := wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
					&ci.GetOpenIdTokenForDeveloperIdentityInput{
						IdentityPoolId: aws.String(id), Logins: map[string]string{"login.my.app": "dave"},
					}))(t)
				logins = map[string]string{"cognito-identity.amazonaws.com": *out.Token, "id": *out.IdentityId}
			}

			identity := logins["id"]
			delete(logins, "id")
			if identity == "" {
				identity = s.GetID(t, id, logins)
			}
			mu.Lock()
			names = nil
			mu.Unlock()
			_, err := s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: &identity, Logins: logins})

			mu.Lock()
			want := "id-" + strings.ReplaceAll(identity, ":", ".")
			if byClaim {
				want = "alice@example.com"
			}
			if !byClaim || test.code == "" {
				if err != nil || len(names) != 1 || names[0] != want {
					t.Errorf("%s for %s: %q, %v, want %s", name, test.who, names, err, want)
				}
			} else {
				wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException", "")
				step := last.Steps[len(last.Steps)-1]
				if len(names) != 0 || string(step.Code) != test.code || step.Fix == "" {
					t.Errorf("%s for %s: %q, %+v, want %s", name, test.who, names, step, test.code)
				}
			}

			mu.Unlock()
		}
	}
}

// Faults of settings, those for single pools among them.
func TestSettingsFaults(t *testing.T) {
	for want, change := range map[string]func(*poolhouse.Config){
		`credential_engine "s3"`: func(c *poolhouse.Config) { c.CredentialEngine = "s3" },
		`pool_credential_engines.us-east-1:11111111-2222-3333-4444-555555555555 "s3"`: func(c *poolhouse.Config) {
			c.PoolCredentialEngines = map[string]string{"us-east-1:11111111-2222-3333-4444-555555555555": "s3"}
		},
		"pool_credential_engines.us-east-1:a: not an identity pool ID": func(c *poolhouse.Config) {
			c.PoolCredentialEngines = map[string]string{"us-east-1:a": "builtin"}
		},
		"token_algorithms.us-east-1:a: not an identity pool ID": func(c *poolhouse.Config) {
			c.PoolAlgorithms = map[string]string{"us-east-1:a": "RS256"}
		},
		"pool_guest_policies.us-east-1:a: not an identity pool ID": func(c *poolhouse.Config) {
			c.PoolGuestPolicies = map[string]string{"us-east-1:a": "none"}
		},
		"credential_engines.s3: endpoint": func(c *poolhouse.Config) {
			c.CredentialEngines = map[string]poolhouse.CredentialEngineConfig{"s3": {}}
		},
		"credential_engines.s3: role_session_name: there is no ${identity}": func(c *poolhouse.Config) {
			c.CredentialEngines = map[string]poolhouse.CredentialEngineConfig{
				"s3": {Region: "eu-west-1", SessionName: "${identity}"},
			}
		},
		"credential_engines.builtin": func(c *poolhouse.Config) {
			c.CredentialEngines = map[string]poolhouse.CredentialEngineConfig{"builtin": {Region: "eu-west-1"}}
		},
	} {
		c := poolhouse.Config{}
		change(&c)

		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want %s", err, want)
		}
	}
}
