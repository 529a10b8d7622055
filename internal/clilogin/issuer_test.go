package clilogin

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

const testClient = "photos-cli"

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// fakeIssuer is an issuer that rotates refresh tokens, and ends a sign-in whose former one comes again.
// Tests make it lie.
type fakeIssuer struct {
	*httptest.Server

	t     *testing.T
	clock *poolhousetest.Clock

	mu        sync.Mutex
	challenge string         // of the authorization request
	nonce     string         // of the authorization request
	subject   string         // of the next sign-in or renewal
	refresh   string         // the token that is good
	used      []string       // refresh tokens that were spent
	spent     int            // how often one was sent
	revoked   []string       // what was revoked
	discovery map[string]any // changes of the document; nil removes
	claims    map[string]any // changes of ID tokens
	answer    map[string]any // changes of token responses
	// intercept answers in the place of the issuer if it returns true.
	intercept func(w http.ResponseWriter, r *http.Request) bool
}

func newFakeIssuer(t *testing.T, clock *poolhousetest.Clock) *fakeIssuer {
	t.Helper()
	i := &fakeIssuer{t: t, clock: clock, subject: "alice"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.serveDiscovery)
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) { i.write(w, keySet()) })
	mux.HandleFunc("POST /token", i.serveToken)
	mux.HandleFunc("POST /device", func(w http.ResponseWriter, _ *http.Request) {
		i.write(w, map[string]any{
			"device_code": "the-device-code", "user_code": "ABCD-EFGH", "verification_uri": i.URL + "/enter",
			"expires_in": 600, "interval": 1,
		})
	})
	mux.HandleFunc("POST /revoke", func(_ http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()

		i.revoked = append(i.revoked, r.PostFormValue("token"))
	})
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		intercept := i.intercept
		i.mu.Unlock()
		if intercept != nil && intercept(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)

	return i
}

// set changes the issuer.
func (i *fakeIssuer) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()

	change()
}

func (i *fakeIssuer) write(w http.ResponseWriter, document map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

// changed returns a document with changes, of which nil removes a member.
func changed(document, changes map[string]any) map[string]any {
	maps.Copy(document, changes)
	maps.DeleteFunc(document, func(_ string, value any) bool { return value == nil })

	return document
}

func (i *fakeIssuer) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.write(w, changed(map[string]any{
		"issuer":                        i.URL,
		"authorization_endpoint":        i.URL + "/authorize",
		"token_endpoint":                i.URL + "/token",
		"device_authorization_endpoint": i.URL + "/device",
		"revocation_endpoint":           i.URL + "/revoke",
		"jwks_uri":                      i.URL + "/jwks",
		"scopes_supported":              []string{"openid", "offline_access"},
		"authorization_response_iss_parameter_supported": true,
	}, i.discovery))
}

func (i *fakeIssuer) serveToken(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()

	refuse := func(code string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":"by the test"}`, code)
	}

	nonce := ""
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != i.challenge || r.PostFormValue("code") != "the-code" {
			refuse("invalid_grant")
			return
		}
		nonce = i.nonce
	case "refresh_token":
		i.spent++
		if r.PostFormValue("refresh_token") != i.refresh {
			i.refresh = "" // one that was spent comes again: all end
			refuse("invalid_grant")

			return
		}
	case "urn:ietf:params:oauth:grant-type:device_code":
		if r.PostFormValue("device_code") != "the-device-code" {
			refuse("invalid_grant")
			return
		}
	default:
		refuse("unsupported_grant_type")
		return
	}

	if i.refresh != "" {
		i.used = append(i.used, i.refresh)
	}
	i.refresh = "refresh-" + rand.Text()
	claims := map[string]any{"sub": i.subject}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	i.write(w, changed(map[string]any{
		"access_token":  "access-" + rand.Text(),
		"token_type":    "Bearer",
		"expires_in":    3600,
		"refresh_token": i.refresh,
		"id_token":      i.token(changed(claims, i.claims)),
	}, i.answer))
}

// token signs an ID token. The claim "alg" is its algorithm.
func (i *fakeIssuer) token(claims map[string]any) string {
	now := i.clock.Now()
	all := map[string]any{
		"iss": i.URL, "aud": testClient, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	algorithm, _ := all["alg"].(string)
	delete(all, "alg")

	encode := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			i.t.Error(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	if algorithm == "none" {
		return encode(map[string]string{"alg": "none"}) + "." + encode(all) + "."
	}

	signed := encode(map[string]string{"alg": "RS256", "kid": "k"}) + "." + encode(all)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, signingKey(), crypto.SHA256, sum[:])
	if err != nil {
		i.t.Error(err)
	}

	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func keySet() map[string]any {
	public := signingKey().PublicKey
	return map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k",
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}}
}

// rig is a client between an issuer and a Poolhouse with a pool for the issuer's users and guests.
type rig struct {
	*Client

	t        *testing.T
	clock    *poolhousetest.Clock
	issuer   *fakeIssuer
	server   *poolhousetest.Server
	profile  Profile
	o        Options
	requests *counter

	mu      sync.Mutex
	notices []string
	back    func(query url.Values) // changes the answer that the browser brings
	pages   []string               // what the browser shows, with the status
}

// counter counts requests by the operation or path.
type counter struct {
	mu    sync.Mutex
	count map[string]int
	// before runs before a request is sent.
	before func(name string, r *http.Request)
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	name := r.URL.Path
	if _, operation, found := strings.Cut(r.Header.Get("X-Amz-Target"), "."); found {
		name = operation
	}
	c.mu.Lock()
	c.count[name]++
	before := c.before
	c.mu.Unlock()
	if before != nil {
		before(name, r)
	}

	return http.DefaultTransport.RoundTrip(r)
}

func (c *counter) named(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.count[name]
}

func (c *counter) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()

	n := 0
	for _, count := range c.count {
		n += count
	}

	return n
}

const testRole = "arn:aws:iam::000000000000:role/User"

func newRig(t *testing.T) *rig {
	t.Helper()
	r := newIssuerRig(t)
	r.server = poolhousetest.Start(t, r.clock.AddTo, func(c *poolhouse.Config) {
		c.OIDCProviders = append(c.OIDCProviders, poolhouse.OIDCProviderConfig{
			URL: r.issuer.URL, ClientIDs: []string{testClient}, AllowHTTP: true, AllowPrivate: true,
		})
	})
	r.profile.Endpoint, r.profile.IdentityPool = r.server.URL, r.makePool()

	return r
}

// newIssuerRig is newRig without a Poolhouse, for sign-ins that get no further than the issuer.
func newIssuerRig(t *testing.T) *rig {
	t.Helper()
	clock := poolhousetest.NewClock()
	r := &rig{
		t: t, clock: clock, issuer: newFakeIssuer(t, clock),
		requests: &counter{count: map[string]int{}}, back: func(url.Values) {},
	}

	folder := t.TempDir()
	r.o = Options{
		Folders: Folders{Config: folder + "/config", State: folder + "/state"},
		Now:     clock.Now,
		HTTP:    r.requests,
		Notice: func(text string) {
			r.mu.Lock()
			defer r.mu.Unlock()

			r.notices = append(r.notices, text)
		},
		Open: r.open,
	}
	r.Client = New(r.o)
	r.profile = Profile{
		Name:         "photos",
		Endpoint:     "http://127.0.0.1:1",
		IdentityPool: "us-east-1:00000000-0000-4000-8000-000000000001",
		Issuer:       r.issuer.URL,
		ClientID:     testClient,
	}

	return r
}

func (r *rig) sdk() *ci.Client {
	key := r.server.AccessKey(r.t)
	return ci.New(ci.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(r.server.URL),
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
}

func (r *rig) makePool() string {
	r.t.Helper()
	key := strings.TrimPrefix(r.issuer.URL, "http://")
	made, err := r.sdk().CreateIdentityPool(r.t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("photos"),
		AllowUnauthenticatedIdentities: true,
		OpenIdConnectProviderARNs: []string{
			"arn:aws:iam::" + poolhouse.DevAccount + ":oidc-provider/" + key,
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = r.sdk().SetIdentityPoolRoles(r.t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: made.IdentityPoolId,
		Roles: map[string]string{
			"authenticated": testRole, "unauthenticated": "arn:aws:iam::000000000000:role/Guest",
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}

	return *made.IdentityPoolId
}

// open is a browser in which somebody signs in at once.
func (r *rig) open(_ context.Context, address string) error {
	asked, err := url.Parse(address)
	if err != nil {
		return err
	}
	query := asked.Query()
	r.issuer.set(func() { r.issuer.challenge, r.issuer.nonce = query.Get("code_challenge"), query.Get("nonce") })
	if query.Get("code_challenge_method") != "S256" || query.Get("response_type") != "code" {
		r.t.Errorf("the request is %s", address)
	}

	back := url.Values{"code": {"the-code"}, "state": {query.Get("state")}, "iss": {r.issuer.URL}}
	r.back(back)
	go r.visit(http.MethodGet, query.Get("redirect_uri")+"?"+back.Encode(), "")

	return nil
}

// visit opens an address, and notes the page.
func (r *rig) visit(method, address, host string) (status int) {
	request, err := http.NewRequestWithContext(context.Background(), method, address, nil)
	if err != nil {
		r.t.Error(err)
		return 0
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0 // the sign-in may have ended before
	}
	defer response.Body.Close()

	page, _ := io.ReadAll(response.Body)
	r.mu.Lock()
	r.pages = append(r.pages, fmt.Sprintf("%d %s", response.StatusCode, page))
	r.mu.Unlock()
	if strings.Contains(string(page), "<script") || response.Header.Get("Content-Security-Policy") == "" ||
		response.Header.Get("Cache-Control") != "no-store" {
		r.t.Errorf("the page is %s with %v", page, response.Header)
	}

	return response.StatusCode
}

func (r *rig) login() {
	r.t.Helper()
	if err := r.Login(r.t.Context(), r.profile, LoginOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// credentials returns those of the profile, which must be good now.
func (r *rig) credentials() Credentials {
	r.t.Helper()
	got, err := r.Credentials(r.t.Context(), r.profile.Name)
	if err != nil {
		r.t.Fatal(err)
	}
	if !got.Expires.After(r.clock.Now()) {
		r.t.Errorf("they expired at %s, now is %s", got.Expires, r.clock.Now())
	}

	return got
}

// kept returns the sign-in in the file.
func (r *rig) kept() signIn {
	r.t.Helper()
	p, err := r.Profile(r.profile.Name)
	if err != nil {
		r.t.Fatal(err)
	}
	s, err := r.readSignIn(r.t.Context(), p)
	if err != nil {
		r.t.Fatal(err)
	}

	return s
}
