// Package logintest runs login providers inside a test: an OpenID Connect issuer
// with discovery, keys, rotation and tokens signed with real keys, and the APIs
// by which Facebook, Amazon and X judge access tokens. The code under test then
// verifies as in production. Start reading at NewIssuer.
package logintest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Paths that an Issuer serves.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/jwks.json"
)

// Audience is the aud of tokens for which the test gives none.
const Audience = "test-client"

// Issuer is an OpenID Connect provider. It is an http.Handler and safe for
// concurrent use, except for URL.
type Issuer struct {
	URL string // the iss, without trailing slash

	tb       testing.TB
	mu       sync.Mutex
	now      func() time.Time
	keys     []*Key // published; the first signs
	answers  map[string]http.HandlerFunc
	requests map[string]int
	cache    string
}

// NewIssuer starts an issuer on a loopback port, over plain HTTP. Its tokens
// verify under a Trust with AllowHTTP and AllowPrivate. The test's end stops it.
func NewIssuer(tb testing.TB) *Issuer {
	tb.Helper()

	i := NewIssuerAt(tb, "")
	server := httptest.NewServer(i)
	tb.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// NewIssuerAt returns an issuer with the iss url that listens nowhere: the test
// serves it.
func NewIssuerAt(tb testing.TB, url string) *Issuer {
	tb.Helper()

	i := &Issuer{
		URL:      url,
		tb:       tb,
		now:      time.Now,
		answers:  map[string]http.HandlerFunc{},
		requests: map[string]int{},
		cache:    "public, max-age=300",
	}
	i.keys = []*Key{NewKey(tb, jose.RS256)}

	return i
}

// SetNow sets the clock for the times in tokens.
func (i *Issuer) SetNow(now func() time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.now = now
}

// SetCacheControl sets the header that goes with the keys; "" sends none.
func (i *Issuer) SetCacheControl(value string) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.cache = value
}

// Answer replaces the response of path, to play a broken or hostile provider; nil
// restores it. Requests are still counted.
func (i *Issuer) Answer(path string, handler http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()

	if handler == nil {
		delete(i.answers, path)
		return
	}
	i.answers[path] = handler
}

// Requests returns the number of requests for paths so far; without paths, of all.
func (i *Issuer) Requests(paths ...string) int {
	i.mu.Lock()
	defer i.mu.Unlock()

	n := 0
	if len(paths) == 0 {
		for _, count := range i.requests {
			n += count
		}
	}

	for _, p := range paths {
		n += i.requests[p]
	}

	return n
}

// Key returns the key that signs now.
func (i *Issuer) Key() *Key {
	i.mu.Lock()
	defer i.mu.Unlock()

	return i.keys[0]
}

// Rotate starts to sign with a new RS256 key and keeps the former ones published.
func (i *Issuer) Rotate() { i.Add(NewKey(i.tb, jose.RS256)) }

// Add starts to sign with k and keeps the former keys published.
func (i *Issuer) Add(k *Key) {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.keys = append([]*Key{k}, i.keys...)
}

// Withdraw stops publishing every key except the one that signs now.
func (i *Issuer) Withdraw() {
	i.mu.Lock()
	defer i.mu.Unlock()

	i.keys = i.keys[:1]
}

// Token returns an ID token, signed with the current key. The default claims are
// iss (URL), sub ("user-1"), aud (Audience), iat (now) and exp (now + 1 hour); a
// claim given as nil is left out.
func (i *Issuer) Token(claims map[string]any) string {
	i.tb.Helper()
	return i.Key().Sign(nil, i.Payload(claims))
}

// Payload returns the claims that Token would sign, as JSON.
func (i *Issuer) Payload(claims map[string]any) []byte {
	i.tb.Helper()

	i.mu.Lock()
	now := i.now()
	i.mu.Unlock()

	all := map[string]any{
		"iss": i.URL,
		"sub": "user-1",
		"aud": Audience,
		"iat": now.Unix(),
		"exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })

	payload, err := json.Marshal(all)
	if err != nil {
		i.tb.Fatalf("logintest: claims: %v", err)
	}

	return payload
}

// KeySet returns the published keys as a JWKS document.
func (i *Issuer) KeySet() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()

	var set jose.JSONWebKeySet
	for _, k := range i.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	body, err := json.Marshal(set)
	if err != nil {
		panic(fmt.Sprintf("logintest: key set: %v", err)) // made of our own keys
	}

	return body
}

// ServeHTTP serves discovery and keys.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.requests[r.URL.Path]++
	answer, cache := i.answers[r.URL.Path], i.cache
	i.mu.Unlock()

	switch {
	case answer != nil:
		answer(w, r)
	case r.URL.Path == DiscoveryPath:
		body, _ := json.Marshal(map[string]any{ // strings only: cannot fail
			"issuer":                                i.URL,
			"jwks_uri":                              i.URL + KeysPath,
			"authorization_endpoint":                i.URL + "/authorize",
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
		writeJSON(w, r, cache, body)
	case r.URL.Path == KeysPath:
		writeJSON(w, r, cache, i.KeySet())
	default:
		http.NotFound(w, r)
	}
}

func writeJSON(w http.ResponseWriter, r *http.Request, cache string, body []byte) {
	sum := sha256.Sum256(body)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("ETag", etag)
	if cache != "" {
		w.Header().Set("Cache-Control", cache)
	}
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}

	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the client may have gone
}
