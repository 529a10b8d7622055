package webidentity_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

const (
	server  = "https://id.example.com"
	account = identitypool.AccountID("123456789012")
	other   = identitypool.AccountID("210987654321")
)

// installation is a database with several nodes, which share a clock.
type installation struct {
	stores []*store.Store
	sealer *envelope.Sealer
	now    atomic.Pointer[time.Time]
}

func (n *installation) clock() time.Time { return *n.now.Load() }

func (n *installation) advance(d time.Duration) {
	later := n.clock().Add(d)
	n.now.Store(&later)
}

// node returns the issuers of one node.
func (n *installation) node(s webidentity.Store) *webidentity.Issuers {
	return webidentity.New(webidentity.Options{Store: s, Sealer: n.sealer, URL: server, Now: n.clock})
}

// eachInstallation runs a test with two nodes on both database engines.
func eachInstallation(t *testing.T, test func(*testing.T, *installation)) {
	for _, name := range []string{"sqlite", "postgresql"} {
		t.Run(name, func(t *testing.T) {
			o := store.Options{Path: filepath.Join(t.TempDir(), "data.db")}
			if name == "postgresql" {
				o = store.Options{URL: pgtest.URL(t)}
			}

			n := &installation{}
			start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			n.now.Store(&start)
			var err error
			if n.sealer, err = envelope.New(bytes.Repeat([]byte{7}, envelope.KeySize)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				s, err := store.Open(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				n.stores = append(n.stores, s)
			}
			test(t, n)
		})
	}
}

// sign returns a token for an account.
func (n *installation) sign(t testing.TB, i *webidentity.Issuers, of identitypool.AccountID, algorithm string) string {
	t.Helper()
	token, err := i.Sign(t.Context(), webidentity.Token{
		Account:   of,
		Algorithm: algorithm,
		Audience:  []string{"service"},
		Subject:   "arn:aws:iam::" + string(of) + ":role/App",
		Issued:    n.clock(),
		Expires:   n.clock().Add(5 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}

	return token
}

// check verifies a token by the documents of an issuer on a node.
func (n *installation) check(t testing.TB, i *webidentity.Issuers, url, token string) error {
	t.Helper()
	body, own, err := i.Document(t.Context(), url+"/.well-known/jwks.json")
	if err != nil || !own {
		t.Fatalf("keys of %s: %t, %v", url, own, err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	keys := &oidc.StaticKeySet{}
	for _, k := range set.Keys {
		keys.PublicKeys = append(keys.PublicKeys, k.Key)
	}
	_, err = oidc.NewVerifier(url, keys, &oidc.Config{
		ClientID:             "service",
		Now:                  n.clock,
		SupportedSigningAlgs: webidentity.Algorithms,
	}).Verify(t.Context(), token)

	return err
}

// Of two nodes that enable an account at once, one does. Both sign with the same keys at once.
func TestEnableOnTwoNodes(t *testing.T) {
	eachInstallation(t, func(t *testing.T, n *installation) {
		nodes := []*webidentity.Issuers{n.node(n.stores[0]), n.node(n.stores[1])}
		urls := make([]string, 8)
		var group sync.WaitGroup
		for k := range urls {
			group.Go(func() {
				url, err := nodes[k%2].Enable(t.Context(), account)
				if err != nil && !errors.Is(err, webidentity.ErrEnabled) {
					t.Error(err)
				}
				urls[k] = url
			})
		}
		group.Wait()

		made := strings.Join(urls, "")
		if !strings.HasPrefix(made, server+webidentity.Path) || len(made) != len(server+webidentity.Path)+36 {
			t.Fatalf("issuers %q", urls)
		}
		for k, node := range nodes {
			if url, err := node.URL(t.Context(), account); err != nil || url != made {
				t.Errorf("node %d: %s, %v", k, url, err)
			}
			for _, algorithm := range webidentity.Algorithms {
				if err := n.check(t, nodes[1-k], made, n.sign(t, node, account, algorithm)); err != nil {
					t.Errorf("a token of node %d, %s, at the other: %v", k, algorithm, err)
				}
			}
		}
		if keys, err := webidentity.ListKeys(t.Context(), n.stores[0], "", n.clock()); err != nil || len(keys) != 2 {
			t.Errorf("%d keys, %v", len(keys), err)
		}
	})
}

// A disabled account gets no tokens at once, on every node. Its keys stay published, and its issuer stays when
// it is enabled again.
func TestDisable(t *testing.T) {
	eachInstallation(t, func(t *testing.T, n *installation) {
		a, b := n.node(n.stores[0]), n.node(n.stores[1])
		if err := a.Disable(t.Context(), account); !errors.Is(err, webidentity.ErrDisabled) {
			t.Errorf("disabled before it was enabled: %v", err)
		}
		url, err := a.Enable(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		token := n.sign(t, b, account, issuer.ES384)

		if err := a.Disable(t.Context(), account); err != nil {
			t.Fatal(err)
		}
		for name, ask := range map[string]func() error{
			"sign": func() error {
				_, err := b.Sign(t.Context(), webidentity.Token{Account: account})
				return err
			},
			"URL":           func() error { _, err := b.URL(t.Context(), account); return err },
			"disable again": func() error { return b.Disable(t.Context(), account) },
		} {
			if err := ask(); !errors.Is(err, webidentity.ErrDisabled) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := n.check(t, n.node(n.stores[1]), url, token); err != nil {
			t.Errorf("a token from before: %v", err)
		}

		if again, err := b.Enable(t.Context(), account); err != nil || again != url {
			t.Errorf("enabled again: %s, %v", again, err)
		}
		if err := n.check(t, a, url, n.sign(t, a, account, issuer.RS256)); err != nil {
			t.Error(err)
		}
	})
}

// A rotation by one node reaches the others, and so does a retirement.
func TestRotationReachesOtherNodes(t *testing.T) {
	eachInstallation(t, func(t *testing.T, n *installation) {
		a, b := n.node(n.stores[0]), n.node(n.stores[1])
		url, err := a.Enable(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Enable(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		old, others := n.sign(t, b, account, issuer.ES384), n.sign(t, b, other, issuer.ES384)

		if err := a.Each(t.Context(), account, func(_ store.WebIdentityIssuer, i *issuer.Issuer) error {
			return i.RotateNow(t.Context())
		}); err != nil {
			t.Fatal(err)
		}
		n.advance(issuer.Lag)
		if keyID(t, n.sign(t, b, account, issuer.ES384)) == keyID(t, old) {
			t.Error("the other node signs with the old key")
		}
		if keyID(t, n.sign(t, b, other, issuer.ES384)) != keyID(t, others) {
			t.Error("the keys of another account were rotated")
		}
		if err := n.check(t, b, url, old); err != nil {
			t.Errorf("the old key is published until it is retired: %v", err)
		}

		_, err = webidentity.RetireIn(t.Context(), n.stores[0], n.sealer, n.clock, "", keyID(t, others))
		if !errors.Is(err, issuer.ErrKeySigns) {
			t.Errorf("a key in use: %v", err)
		}
		gone, err := webidentity.RetireIn(t.Context(), n.stores[0], n.sealer, n.clock, "", keyID(t, old))
		if err != nil || gone.Account != account || gone.State != issuer.Retired {
			t.Errorf("retired: %+v, %v", gone, err)
		}
		n.advance(issuer.Lag)
		if err := n.check(t, b, url, old); err == nil {
			t.Error("the other node publishes a retired key")
		}
		if _, err := webidentity.RetireIn(t.Context(), n.stores[0], n.sealer, n.clock, "", "x-1"); !errors.Is(
			err, issuer.ErrNoKey) {
			t.Errorf("no such key: %v", err)
		}
	})
}

// Upkeep erases and drops keys that nobody uses any more.
func TestUpkeep(t *testing.T) {
	eachInstallation(t, func(t *testing.T, n *installation) {
		a := n.node(n.stores[0])
		if _, err := a.Enable(t.Context(), account); err != nil {
			t.Fatal(err)
		}
		if err := a.Each(t.Context(), "", func(_ store.WebIdentityIssuer, i *issuer.Issuer) error {
			return i.Rotate(t.Context())
		}); err != nil {
			t.Fatal(err)
		}
		n.advance(3 * time.Hour)
		if err := n.node(n.stores[1]).Upkeep(t.Context()); err != nil {
			t.Fatal(err)
		}
		keys, err := webidentity.ListKeys(t.Context(), n.stores[0], account, n.clock())
		if err != nil || len(keys) != 2 {
			t.Errorf("%d keys, %v: the last token of the others has expired", len(keys), err)
		}
	})
}

// failing is a store whose keys cannot be written at first.
type failing struct {
	*store.Store
	down atomic.Bool
}

var errDown = errors.New("the database does not answer")

func (f *failing) UpdateKeys(
	ctx context.Context, purpose string, change func([]store.Key) ([]store.Key, error),
) ([]store.Key, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.UpdateKeys(ctx, purpose, change)
}

// If the keys cannot be made when an account is enabled, the first token makes them.
func TestKeysOfALateHour(t *testing.T) {
	eachInstallation(t, func(t *testing.T, n *installation) {
		f := &failing{Store: n.stores[0]}
		f.down.Store(true)
		a := n.node(f)
		url, err := a.Enable(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Sign(t.Context(), webidentity.Token{Account: account}); !errors.Is(err, errDown) {
			t.Errorf("a token without keys: %v", err)
		}

		f.down.Store(false)
		if err := n.check(t, a, url, n.sign(t, a, account, issuer.ES384)); err != nil {
			t.Error(err)
		}
	})
}

func TestTooLarge(t *testing.T) {
	eachInstallation(t, func(t *testing.T, n *installation) {
		a := n.node(n.stores[0])
		if _, err := a.Enable(t.Context(), account); err != nil {
			t.Fatal(err)
		}

		for size, fits := range map[int]bool{100: true, 13000: true, 14800: false, 15000: false} {
			token, err := a.Sign(t.Context(), webidentity.Token{
				Account:   account,
				Algorithm: issuer.RS256,
				Audience:  []string{"service"},
				Caller:    webidentity.Caller{RequestTags: map[string]string{"a": strings.Repeat("v", size)}},
				Issued:    n.clock(),
				Expires:   n.clock().Add(time.Hour),
			})
			if fits != (err == nil) || len(token) > webidentity.MaxToken ||
				!fits && !errors.Is(err, webidentity.ErrTooLarge) {
				t.Errorf("%d: a token of %d characters, %v", size, len(token), err)
			}
		}
	})
}

func TestDocument(t *testing.T) {
	eachInstallation(t, func(t *testing.T, n *installation) {
		a := n.node(n.stores[0])
		url, err := a.Enable(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}

		for address, want := range map[string]bool{
			url + "/.well-known/openid-configuration":    true,
			url + "/.well-known/jwks.json":               true,
			url:                                          false,
			url + "/.well-known/jwks.json/":              false,
			server + "/.well-known/openid-configuration": false,
			server + webidentity.Path + "x/.well-known/openid-configuration":    false,
			"https://evil.example/" + url + "/.well-known/openid-configuration": false,
			strings.ToUpper(url) + "/.well-known/openid-configuration":          false,
		} {
			if _, own, err := a.Document(t.Context(), address); own != want || err != nil {
				t.Errorf("%s: %t, %v", address, own, err)
			}
		}
	})
}

// keyID returns the ID of the key that signed a token.
func keyID(t testing.TB, token string) string {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES384})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Signatures[0].Header.KeyID
}
