package poolhousetest

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/poolhousetest/internal/keys"
)

// ClientID is the client ID (aud) in a Provider's tokens.
const ClientID = "poolhousetest-app"

const (
	keysPath = "/jwks.json"
	keyID    = "poolhousetest"
	lifetime = time.Hour // of a token
)

// Provider is an OpenID Connect identity provider with discovery and published keys
// (https://openid.net/specs/openid-connect-discovery-1_0.html). It signs in every user
// that the test names. It is safe for concurrent use.
type Provider struct {
	// URL is the issuer (iss), without a trailing slash.
	URL string

	t   testing.TB
	key *rsa.PrivateKey
	own *Clock // nil = that of the server

	mu  sync.Mutex
	now func() time.Time
}

// NewProvider starts a provider on a loopback port and ends it with the test. Tokens have the time that the clock
// shows; without one, that of the server which began with AddTo.
func NewProvider(t testing.TB, clock ...*Clock) *Provider {
	t.Helper()
	key, err := keys.ForeignKey(0)
	if err != nil {
		t.Fatalf("poolhousetest: no signing key: %v", err)
	}

	p := &Provider{t: t, key: key, now: time.Now}
	if len(clock) > 0 {
		p.own, p.now = clock[0], clock[0].Now
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET "+keysPath, p.keys)
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	p.URL = web.URL

	return p
}

// AddTo is an option for Start: the server trusts the provider's tokens for
// ClientID. An identity pool names the provider by its ARN.
func (p *Provider) AddTo(config *poolhouse.Config) {
	config.OIDCProviders = append(config.OIDCProviders, poolhouse.OIDCProviderConfig{
		URL:          p.URL,
		ClientIDs:    []string{ClientID},
		AllowHTTP:    true,
		AllowPrivate: true,
	})

	seeded(func(_ context.Context, s *poolhouse.Server) error {
		p.follow(s)
		return nil
	})(config)
}

// follow makes the provider tell the time of a server, unless it has a clock of its own.
func (p *Provider) follow(s *poolhouse.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if clock := s.DevClock(); clock != nil && p.own == nil {
		p.now = clock.Now
	}
}

func (p *Provider) time() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.now()
}

// ARN returns the name for OpenIdConnectProviderARNs of an identity pool, in the
// account and partition of a server that Start ran without options for them.
func (p *Provider) ARN() string {
	return "arn:aws:iam::" + poolhouse.DevAccount + ":oidc-provider/" + p.LoginKey()
}

// LoginKey returns the provider's key in a Logins map.
func (p *Provider) LoginKey() string { return strings.TrimPrefix(p.URL, "http://") }

// Logins returns a Logins map that signs subject in.
func (p *Provider) Logins(subject string) map[string]string {
	return map[string]string{p.LoginKey(): p.Token(map[string]any{"sub": subject})}
}

// Token returns an ID token, signed with RS256. It adds the claims iss (URL), aud
// (ClientID), sub ("user"), iat (now) and exp (one hour later) if they are not given.
// A claim that is nil is left out of the token.
func (p *Provider) Token(claims map[string]any) string {
	now := p.time()
	all := map[string]any{
		"iss": p.URL,
		"aud": ClientID,
		"sub": "user",
		"iat": now.Unix(),
		"exp": now.Add(lifetime).Unix(),
	}

	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })

	signed := p.encode(map[string]any{"alg": "RS256", "typ": "JWT", "kid": keyID}) + "." + p.encode(all)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, p.key, crypto.SHA256, sum[:])
	if err != nil {
		p.t.Fatalf("poolhousetest: the token cannot be signed: %v", err)
	}

	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (p *Provider) encode(v map[string]any) string {
	text, err := json.Marshal(v)
	if err != nil {
		p.t.Fatalf("poolhousetest: claims that are no JSON: %v", err)
	}

	return base64.RawURLEncoding.EncodeToString(text)
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer":                                p.URL,
		"jwks_uri":                              p.URL + keysPath,
		"authorization_endpoint":                p.URL + "/authorize",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA",
		"use": "sig",
		"alg": "RS256",
		"kid": keyID,
		"n":   base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()),
		"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes()),
	}}})
}

func answer(w http.ResponseWriter, document map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // fails if the client is gone
}
