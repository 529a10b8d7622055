package poolhouse

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// What the part of development that this test adds serves.
const (
	partIssuer = "http://127.0.0.1:4599/another-issuer"
	partTarget = "PartOfDevelopment"
	partName   = "part-of-development"
)

func clock() time.Time { return time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC) }

// greeting is the input and the output of the part's operations.
type greeting struct {
	Text string `json:"text"`
}

func (*greeting) Validate() error { return nil }

// part is a part of development that adds one of each.
type part struct {
	key *rsa.PrivateKey
}

// addTo adds the part, as its lines in newDevelopment would.
func (p *part) addTo(d *development) {
	d.apis = append(d.apis, awsapi.API{Name: partName, Target: partTarget, Operations: []awsapi.Operation{
		awsapi.Public("Greet", overload.Reads, func(_ context.Context, in *greeting) (*greeting, error) {
			return &greeting{Text: "hello " + in.Text}, nil
		}),
		awsapi.Signed("AdminGreet", partName+":AdminGreet",
			func(_ context.Context, caller awsapi.Caller, _ *greeting) (*greeting, error) {
				return &greeting{Text: "hello " + string(caller.Account)}, nil
			}, nil),
	}})
	d.routes["GET /another-issuer/greeting"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	})

	d.documents = append(d.documents, p.document)
	d.oidcProviders = append(d.oidcProviders, OIDCProviderConfig{
		URL:          partIssuer,
		ClientIDs:    []string{"app"},
		AllowHTTP:    true,
		AllowPrivate: true,
		Development:  true,
	})
}

// document returns what the part's issuer publishes.
func (p *part) document(_ context.Context, address string) (body []byte, own bool, err error) {
	const keys = partIssuer + "/.well-known/jwks.json"
	switch address {
	case partIssuer + "/.well-known/openid-configuration":
		return fmt.Appendf(nil, `{"issuer":%q,"jwks_uri":%q}`, partIssuer, keys), true, nil
	case keys:
		key := jose.JSONWebKey{Key: p.key.Public(), KeyID: "k", Algorithm: string(jose.RS256), Use: "sig"}
		body, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
		return body, true, err
	default:
		return nil, false, nil
	}
}

// token returns an ID token of an issuer.
func (p *part) token(t *testing.T, issuer string) string {
	t.Helper()
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(map[string]any{
		"iss":       issuer,
		"sub":       "alice",
		"aud":       "app",
		"token_use": "id",
		"iat":       clock().Unix(),
		"exp":       clock().Add(time.Hour).Unix(),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}

	return token
}

// developed returns a development server with the part, and one for production.
func developed(t *testing.T, p *part) (dev, production *Server) {
	t.Helper()
	c := Config{
		Dev:            true,
		IssuerURL:      "http://127.0.0.1:4599",
		TokenAlgorithm: "ES256",
		MasterKey:      bytes.Repeat([]byte("k"), 32),
		Now:            clock,
	}
	open := func(c Config) *Server {
		s, err := New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	dev = open(c)
	p.addTo(dev.dev)
	dev.outbound.Close() // wire makes another
	sealer, err := dev.config.ownSealer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.wire(t.Context(), sealer); err != nil {
		t.Fatal(err)
	}

	c.Dev, c.DataDir, c.IssuerURL = false, t.TempDir(), "https://id.example"
	production = open(c)
	t.Cleanup(func() {
		if err := production.Close(); err != nil {
			t.Error(err)
		}
	})

	return dev, production
}

// ask sends a request to a server, as a program on its machine does.
func ask(s *Server, r *http.Request) *httptest.ResponseRecorder {
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)

	return w
}

func get(path string) *http.Request {
	return httptest.NewRequest(http.MethodGet, "http://127.0.0.1:4599"+path, nil)
}

// call returns a call of an operation; without a service it is not signed.
func call(t *testing.T, service, target, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4599/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	if service == "" {
		return r
	}

	keys := sigv4.Credentials{AccessKeyID: DevAccessKeyID, SecretAccessKey: DevSecretAccessKey}
	if err := sigv4.Sign(r, []byte(body), keys, DevRegion, service, clock()); err != nil {
		t.Fatal(err)
	}

	return r
}

// newPart returns a part with a key, and the servers.
func newPart(t *testing.T) (p *part, dev, production *Server) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p = &part{key: key}
	dev, production = developed(t, p)

	return p, dev, production
}

// TestPartsOfDevelopment checks that the server takes over what a part of development adds.
func TestPartsOfDevelopment(t *testing.T) {
	_, dev, _ := newPart(t)
	foreign := get("/another-issuer/greeting")
	foreign.Header.Set("Origin", "https://evil.example")
	for name, test := range map[string]struct {
		request *http.Request
		status  int
		want    string
	}{
		"public operation": {call(t, "", partTarget+".Greet", `{"text":"alice"}`), 200, "hello alice"},
		"signed operation": {call(t, partName, partTarget+".AdminGreet", `{}`), 200, "hello " + DevAccount},
		"not signed":       {call(t, "", partTarget+".AdminGreet", `{}`), 400, "MissingAuthentication"},
		"another service":  {call(t, "s3", partTarget+".AdminGreet", `{}`), 400, "InvalidSignature"},
		"route":            {get("/another-issuer/greeting"), 200, "hello"},
		"guarded route":    {foreign, 403, "evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			if w := ask(dev, test.request); w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, test.status, test.want)
			}
		})
	}

	if err := dev.Close(); err != nil {
		t.Error(err)
	}
}

// TestFramesThatAskWhoIsSignedIn checks that a page of this machine hears login_required in a frame, at
// once. Frames of other pages are refused, and so is the page that people see.
func TestFramesThatAskWhoIsSignedIn(t *testing.T) {
	_, dev, _ := newPart(t)
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()

	const app, request = "http://localhost:5173/", "client_id=a&response_type=code&scope=openid&redirect_uri=" +
		"http://localhost:5173/&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	for name, test := range map[string]struct {
		prompt, referer string
		status          int
	}{
		"page of this machine":   {"&prompt=none", app, http.StatusSeeOther},
		"foreign page":           {"&prompt=none", "http://evil.example/", http.StatusForbidden},
		"page that hides itself": {"&prompt=none", "", http.StatusForbidden},
		"sign-in page":           {"", app, http.StatusForbidden},
		"sign-in page, forced":   {"&prompt=none&prompt=login", app, http.StatusForbidden},
		"two prompts":            {"&prompt=none%20login", app, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			r := get("/dev-issuer/authorize?" + request + test.prompt)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			r.Header.Set("Sec-Fetch-Dest", "iframe")
			r.Header.Set("Referer", test.referer)
			w := ask(dev, r)
			sentBack := strings.HasPrefix(w.Header().Get("Location"), app+"?error=login_required")
			if w.Code != test.status || sentBack != (test.status == http.StatusSeeOther) {
				t.Errorf("%d %v %s, want %d", w.Code, w.Header(), w.Body, test.status)
			}
		})
	}
}

// TestLoginsOfPartsOfDevelopment checks that logins by the providers of a part are accepted, with the
// documents that it publishes, and that others of them are not.
func TestLoginsOfPartsOfDevelopment(t *testing.T) {
	p, dev, _ := newPart(t)
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()
	arn := "arn:aws:iam::" + DevAccount + ":oidc-provider/127.0.0.1:4599/another-issuer"
	w := ask(dev, call(t, "cognito-identity", "AWSCognitoIdentityService.CreateIdentityPool", fmt.Sprintf(
		`{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":false,"OpenIdConnectProviderARNs":[%q]}`, arn)))
	var pool struct{ IdentityPoolID string }
	if err := json.Unmarshal(w.Body.Bytes(), &pool); err != nil || pool.IdentityPoolID == "" {
		t.Fatalf("no pool: %d %s", w.Code, w.Body)
	}

	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		token  string
		status int
	}{
		"provider":         {p.token(t, partIssuer), 200},
		"another's token":  {(&part{key: other}).token(t, partIssuer), 400},
		"another issuer":   {p.token(t, "http://127.0.0.1:4599/dev-issuer"), 400},
		"no issuer at all": {p.token(t, ""), 400},
	} {
		t.Run(name, func(t *testing.T) {
			body := fmt.Sprintf(`{"IdentityPoolId":%q,"Logins":{"127.0.0.1:4599/another-issuer":%q}}`,
				pool.IdentityPoolID, test.token)
			w := ask(dev, call(t, "", "AWSCognitoIdentityService.GetId", body))
			if w.Code != test.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, test.status)
			}
		})
	}
}

// TestProductionHasNoPartOfDevelopment walks all routes and operations of a development server.
func TestProductionHasNoPartOfDevelopment(t *testing.T) {
	_, dev, production := newPart(t)
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()

	for pattern := range dev.dev.routes {
		method, path, found := strings.Cut(pattern, " ")
		if !found {
			method, path = http.MethodGet, pattern
		}
		r := httptest.NewRequest(method, "https://id.example"+path, nil)
		r.Header.Set("Accept", "text/html")
		if w := ask(production, r); w.Code < 400 {
			t.Errorf("production answers %s: %d %s", pattern, w.Code, w.Body)
		}
	}

	for _, api := range dev.dev.apis {
		for _, operation := range api.Operations {
			w := ask(production, call(t, "", api.Target+"."+operation.Name(), `{}`))
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "UnknownOperationException") {
				t.Errorf("production has the operation %s: %d %s", operation.Name(), w.Code, w.Body)
			}
		}
	}
	if len(dev.dev.routes) < 6 || len(dev.dev.apis) == 0 {
		t.Errorf("development has %d routes and %d APIs", len(dev.dev.routes), len(dev.dev.apis))
	}
}

// oneUserPool is a server with the user pool us-east-1_Own.
type oneUserPool struct{ provider.LocalUserPools }

func (oneUserPool) UserPool(id string) (provider.LocalUserPool, bool) {
	return provider.LocalUserPool{Name: "cognito-idp.us-east-1.amazonaws.com/us-east-1_Own"}, id == "us-east-1_Own"
}

// Only a user pool of the server itself is shown with an identity pool, and with the client that it trusts.
func TestOwnUserPool(t *testing.T) {
	s := &Server{dev: &development{devParts: devParts{localUserPools: oneUserPool{}}}}
	trust := func(names ...string) (pool identitypool.Pool) {
		for i, name := range names {
			pool.CognitoIdentityProviders = append(pool.CognitoIdentityProviders,
				identitypool.CognitoIdentityProvider{ProviderName: name, ClientID: "client" + string(rune('1'+i))})
		}
		return pool
	}

	const own = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Own"
	for _, test := range []struct {
		trusts []string
		client string // "" = none is shown
	}{
		{nil, ""},
		{[]string{own}, "client1"},
		{[]string{"cognito-idp.us-east-1.amazonaws.com/us-east-1_AtAWS", own, own}, "client2"},
		{[]string{"cognito-idp.us-east-1.amazonaws.com/us-east-1_AtAWS"}, ""},
		{[]string{"cognito-idp.eu-west-1.amazonaws.com/us-east-1_Own"}, ""},
		{[]string{"users.example.com/us-east-1_Own"}, ""},
	} {
		got := s.ownUserPool(trust(test.trusts...))
		if test.client == "" && got != nil {
			t.Errorf("%v: %+v, want none", test.trusts, *got)
		}
		want := devpool.UserPool{ID: "us-east-1_Own", ClientID: test.client}
		if test.client != "" && (got == nil || *got != want) {
			t.Errorf("%v: %+v, want %+v", test.trusts, got, want)
		}
	}
}
