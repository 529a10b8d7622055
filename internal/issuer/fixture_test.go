package issuer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// clock is a hand-moved clock.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.now = c.now.Add(d)
}

// readyMade hands out private keys that are made once per test run: RSA keys
// take their time. A key comes again only after many others.
type readyMade struct {
	mu   sync.Mutex
	keys [6]*rsa.PrivateKey
	next int
}

var ready readyMade

func (r *readyMade) generate(algorithm string) (crypto.Signer, error) {
	if algorithm == issuer.ES256 {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	r.mu.Lock()
	defer r.mu.Unlock()

	n := r.next % len(r.keys)
	r.next++
	if r.keys[n] == nil {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		r.keys[n] = k
	}

	return r.keys[n], nil
}

// fixture has the parts that the nodes of one installation share.
type fixture struct {
	clock  *clock
	store  issuer.KeyStore
	sealer *envelope.Sealer
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	return &fixture{&clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, openStore(t, ""), newSealer(t, 1)}
}

// newFixtureInMemory has a store without goroutines, which can be made to fail.
func newFixtureInMemory(t testing.TB) *fixture {
	t.Helper()
	t.Cleanup(issuer.OwnSigners()) // some of these tests run in a bubble
	return &fixture{&clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, &memory{}, newSealer(t, 1)}
}

func openStore(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newSealer(t testing.TB, fill byte) *envelope.Sealer {
	t.Helper()
	s, err := envelope.New(bytes.Repeat([]byte{fill}, envelope.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *fixture) options(change ...func(*issuer.Options)) issuer.Options {
	o := issuer.Options{
		Store:  f.store,
		Sealer: f.sealer,
		URL:    "https://id.example",
		Region: "us-east-1",
		Now:    f.clock.Now,
	}
	o.SetGenerate(ready.generate)
	o.NumberKeys()

	for _, c := range change {
		c(&o)
	}

	return o
}

func (f *fixture) issuer(t testing.TB, change ...func(*issuer.Options)) *issuer.Issuer {
	t.Helper()
	i, err := issuer.New(context.Background(), f.options(change...))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (f *fixture) claims() issuer.Claims {
	now := f.clock.Now()

	return issuer.Claims{
		Subject:  "us-east-1:identity",
		Audience: "us-east-1:pool",
		AMR:      []string{"authenticated", `a"b`, "é"},
		PoolARN:  "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/us-east-1:pool",
		IssuedAt: now,
		Expires:  now.Add(10 * time.Minute),
	}
}

func (f *fixture) sign(t testing.TB, i *issuer.Issuer, algorithm string) string {
	t.Helper()
	token, err := i.Sign(t.Context(), algorithm, f.claims())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// kid reads a token's key ID.
func kid(t testing.TB, token string) string {
	t.Helper()
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS512, jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return signed.Signatures[0].Header.KeyID
}

// fetch asks for the key document: the keys, and for how long they may be kept.
func fetch(t testing.TB, i *issuer.Issuer) (set jose.JSONWebKeySet, maxAge time.Duration) {
	t.Helper()
	w := httptest.NewRecorder()
	i.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, issuer.JWKSPath, nil))
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || w.Code != http.StatusOK {
		t.Fatalf("JWKS: %d, %v", w.Code, err)
	}

	for directive := range strings.SplitSeq(w.Header().Get("Cache-Control"), ", ") {
		if seconds, ok := strings.CutPrefix(directive, "max-age="); ok {
			n, err := strconv.Atoi(seconds)
			if err != nil {
				t.Fatal(err)
			}
			maxAge = time.Duration(n) * time.Second
		}
	}

	return set, maxAge
}

func kids(set jose.JSONWebKeySet) (ids []string) {
	for _, k := range set.Keys {
		ids = append(ids, k.KeyID)
	}
	return ids
}

// memory is a KeyStore that can be made to fail, and to alter what is written.
type memory struct {
	mu    sync.Mutex
	keys  []store.Key
	down  error
	reads int
	alter func(*store.Key)
}

func (m *memory) Keys(context.Context, string) ([]store.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	m.reads++
	return slices.Clone(m.keys), m.down
}

func (m *memory) UpdateKeys(
	_ context.Context, _ string, change func([]store.Key) ([]store.Key, error),
) ([]store.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	if m.down != nil {
		return nil, m.down
	}
	keys, err := change(slices.Clone(m.keys))
	if err != nil {
		return nil, err
	}

	for n := range keys {
		if m.alter != nil {
			m.alter(&keys[n])
		}
	}
	m.keys = keys

	return slices.Clone(keys), nil
}

var errDown = errors.New("the database does not answer")

func (m *memory) setDown(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	m.down, m.reads = err, 0
}
