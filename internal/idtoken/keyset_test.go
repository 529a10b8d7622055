package idtoken_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

const keys = logintest.KeysPath

// Anyone can invent key IDs: 10,000 of them cost at most one fetch beyond the
// first, and good tokens keep passing meanwhile.
func TestKeyCacheUnknownKeyIDs(t *testing.T) {
	f := newFixture(t, nil)
	good := f.issuer.Token(nil)
	payload := f.issuer.Payload(nil)

	forged := strings.SplitN(good, ".", 3)
	var wg sync.WaitGroup
	var accepted atomic.Int64
	for worker := range 8 {
		wg.Go(func() {
			for n := range 1250 {
				header, _ := json.Marshal(map[string]any{"alg": "RS256", "kid": fmt.Sprintf("%d-%d", worker, n)})
				token := b64(string(header)) + "." + b64(string(payload)) + "." + forged[2]
				_, err := f.verifier.Verify(t.Context(), &f.trust, token)
				var refused *idtoken.Refused
				if !errors.As(err, &refused) || refused.Message != idtoken.MessageBadSignature {
					t.Errorf("unknown key ID: %v", err)
				}

				if n%50 == 0 {
					if _, err := f.verifier.Verify(t.Context(), &f.trust, good); err != nil {
						t.Errorf("good token during the flood: %v", err)
					}
					accepted.Add(1)
				}
			}
		})
	}

	wg.Wait()
	if n := f.issuer.Requests(keys); n > 2 {
		t.Errorf("%d fetches of the keys, want at most 2", n)
	}
	if accepted.Load() != 200 {
		t.Errorf("%d good tokens were tried, want 200", accepted.Load())
	}
	// In the next period the flood may cost one more, and no more than that.
	f.Advance(31 * time.Second)

	for n := range 100 {
		f.refuses(t, f.trust, f.issuer.Key().Sign(map[string]any{"kid": fmt.Sprintf("later-%d", n)}, payload),
			"signing key", idtoken.MessageBadSignature)
	}
	if n := f.issuer.Requests(keys); n > 3 {
		t.Errorf("%d fetches of the keys after a second period, want at most 3", n)
	}
}

// A key ID that was looked for in vain is not looked for again within a period,
// even where a fetch would be allowed.
func TestKeyCacheRemembersMissingKeyIDs(t *testing.T) {
	f := newFixture(t, nil)
	unknown := f.issuer.Key().Sign(map[string]any{"kid": "retired"}, f.issuer.Payload(nil))
	for range 5 { // the first asks for the keys; they are new, so none asks again
		f.refuses(t, f.trust, unknown, "signing key", idtoken.MessageBadSignature)
	}
	if n := f.issuer.Requests(keys); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
	f.Advance(31 * time.Second)

	for range 5 {
		f.refuses(t, f.trust, unknown, "signing key", idtoken.MessageBadSignature)
	}
	if n := f.issuer.Requests(keys); n != 2 {
		t.Errorf("%d fetches after a period, want 2", n)
	}
}

// A signature that does not match under a known key ID never causes a fetch.
func TestKeyCacheBadSignatures(t *testing.T) {
	f := newFixture(t, nil)
	f.accepts(t, f.issuer.Token(nil))

	stranger := logintest.NewKey(t, jose.RS256)
	for n := range 100 {
		token := stranger.Sign(map[string]any{"kid": f.issuer.Key().ID}, f.issuer.Payload(map[string]any{"n": n}))
		f.refuses(t, f.trust, token, "token signature", idtoken.MessageBadSignature)
		f.Advance(time.Second)
	}
	if n := f.issuer.Requests(keys); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

// A new key signs at once: it is looked for, and callers that come together share one fetch.
func TestKeyCacheRotation(t *testing.T) {
	f := newFixture(t, nil)
	old := f.issuer.Token(nil)
	f.accepts(t, old)
	f.issuer.Rotate()

	token := f.issuer.Token(nil)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := f.verifier.Verify(t.Context(), &f.trust, token); err != nil {
				t.Errorf("token of the new key: %v", err)
			}
		})
	}

	wg.Wait()
	f.accepts(t, old) // still published
	if n := f.issuer.Requests(keys); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
	// A second rotation in the same period waits for its end, and no longer.
	f.issuer.Rotate()
	token = f.issuer.Token(nil)
	f.refuses(t, f.trust, token, "signing key", idtoken.MessageBadSignature)
	f.Advance(30 * time.Second)
	f.accepts(t, token)
}

// A provider whose keys have no IDs may rotate too.
func TestKeyCacheRotationWithoutKeyIDs(t *testing.T) {
	f := newFixture(t, nil)
	unnamed := func() string { return f.issuer.Key().Sign(map[string]any{"kid": nil}, f.issuer.Payload(nil)) }
	f.accepts(t, unnamed())
	f.issuer.Rotate()
	f.issuer.Withdraw()
	f.accepts(t, unnamed())

	stranger := logintest.NewKey(t, jose.RS256)
	for range 20 {
		f.refuses(t, f.trust, stranger.Sign(map[string]any{"kid": nil}, f.issuer.Payload(nil)), "token signature",
			idtoken.MessageBadSignature)
	}
	if n := f.issuer.Requests(keys); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
}

// Which key is tried for a token without key ID, or with one that several keys share.
func TestKeyCacheKeyChoice(t *testing.T) {
	t.Run("no key ID, two keys", func(t *testing.T) {
		f := newFixture(t, nil)
		f.issuer.Rotate()
		f.refuses(t, f.trust, f.issuer.Key().Sign(map[string]any{"kid": nil}, f.issuer.Payload(nil)), "signing key",
			idtoken.MessageBadSignature)
	})

	t.Run("no key ID, two keys of which one fits", func(t *testing.T) {
		f := newFixture(t, nil)
		rsaKey := f.issuer.Key()
		f.issuer.Add(logintest.NewKey(t, jose.ES256))
		f.accepts(t, rsaKey.Sign(map[string]any{"kid": nil}, f.issuer.Payload(nil)))
	})

	t.Run("shared key ID", func(t *testing.T) {
		f := newFixture(t, nil)
		first := f.issuer.Key()
		second := logintest.NewKey(t, jose.RS256)
		second.ID = first.ID
		f.issuer.Add(second)
		f.accepts(t, first.Sign(nil, f.issuer.Payload(nil)))
		f.accepts(t, second.Sign(nil, f.issuer.Payload(nil)))
		stranger := logintest.NewKey(t, jose.RS256)
		stranger.ID = first.ID
		f.refuses(t, f.trust, stranger.Sign(nil, f.issuer.Payload(nil)), "token signature", idtoken.MessageBadSignature)
	})

	t.Run("key ID tricks", func(t *testing.T) {
		f := newFixture(t, nil)
		f.accepts(t, f.issuer.Token(nil))

		for _, kid := range []string{"../../../../dev/null", "x' UNION SELECT 'key", "file:///etc/passwd",
			"http://127.0.0.1/", "é", strings.Repeat("k", 256)} {
			f.refuses(t, f.trust, f.issuer.Key().Sign(map[string]any{"kid": kid}, f.issuer.Payload(nil)), "signing key",
				idtoken.MessageBadSignature)
		}
		if n := f.issuer.Requests(); n > 3 {
			t.Errorf("%d requests, want at most discovery and two fetches", n)
		}
	})
}

// A published key that names no algorithm proves every algorithm of its type
// and curve that the registration accepts, and no other.
func TestKeyCacheKeysWithoutAlgorithm(t *testing.T) {
	families := map[jose.SignatureAlgorithm][]jose.SignatureAlgorithm{
		jose.RS256: {jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512},
		jose.ES256: {jose.ES256}, jose.ES384: {jose.ES384}, jose.ES512: {jose.ES512}, jose.EdDSA: {jose.EdDSA},
	}
	var every []string
	for _, family := range families {
		for _, algorithm := range family {
			every = append(every, string(algorithm))
		}
	}

	for kind, family := range families {
		t.Run(string(kind), func(t *testing.T) {
			f := newFixture(t, nil)
			f.trust.Algorithms = every
			k := logintest.NewKey(t, kind)
			published := k.Public()
			published.Algorithm = ""
			set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{published}})
			if err != nil {
				t.Fatal(err)
			}
			f.issuer.Answer(keys, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) })

			for _, algorithm := range every {
				signer := *k
				fits := slices.Contains(family, jose.SignatureAlgorithm(algorithm))
				if fits {
					signer.Algorithm = jose.SignatureAlgorithm(algorithm)
				}

				token := signer.Sign(map[string]any{"alg": algorithm}, f.issuer.Payload(nil))
				if fits {
					f.accepts(t, token)
				} else {
					f.refuses(t, f.trust, token, "signing key", idtoken.MessageBadSignature)
				}
			}
		})
	}
}

// A key that the provider withdrew stops working once the keys were refreshed:
// after Cache-Control's max-age, held between 5 minutes and 1 hour.
func TestKeyCacheRevokedKey(t *testing.T) {
	for _, c := range []struct {
		cacheControl string
		fresh        time.Duration
	}{
		{"public, max-age=900", 15 * time.Minute},
		{`private, MAX-AGE="900"`, 15 * time.Minute},
		{"max-age=10", 5 * time.Minute},
		{"max-age=900, no-store", 5 * time.Minute},
		{"no-cache", 5 * time.Minute},
		{"max-age=-1", 5 * time.Minute},
		{"max-age=99999999999999999999", 5 * time.Minute},
		{"", 5 * time.Minute},
		{"max-age=604800", time.Hour},
	} {
		for _, visited := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, visited %t", c.cacheControl, visited), func(t *testing.T) {
				f := newFixture(t, nil)
				f.issuer.SetCacheControl(c.cacheControl)
				f.trust.JWKSURL = f.issuer.URL + keys
				old := f.issuer.Token(map[string]any{"exp": f.Now().Add(100 * time.Hour).Unix()})
				f.accepts(t, old)
				f.issuer.Rotate()
				f.issuer.Withdraw()

				f.Advance(c.fresh/5*4 - time.Second)
				f.accepts(t, old)
				if n := f.issuer.Requests(keys); n != 1 {
					t.Fatalf("%d fetches while the keys are fresh, want 1", n)
				}
				if visited {
					f.Advance(time.Second)
					f.accepts(t, old) // while it is refreshed
					f.client.WaitIdle()
					if n := f.issuer.Requests(keys); n != 2 {
						t.Fatalf("%d fetches in the last fifth of the lifetime, want 2", n)
					}
				} else {
					f.Advance(c.fresh/5 + time.Second) // the lifetime's end
				}

				f.refuses(t, f.trust, old, "signing key", idtoken.MessageBadSignature)
				f.accepts(t, f.issuer.Token(nil))
			})
		}
	}
}

// A refresh that began in time and is slow does not carry a key past its
// lifetime: the logins of then wait for it.
func TestKeyCacheRevokedKeySlowRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := time.Duration(0)
		trust := w.provider(t, "slow.test", publicAddress, func(i *logintest.Issuer) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				time.Sleep(slow) // the bubble's time
				i.ServeHTTP(rw, r)
			})
		})

		issuer := w.issuers["slow.test"]
		old := issuer.Token(map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()})
		if _, err := w.verifier.Verify(t.Context(), &trust, old); err != nil {
			t.Fatal(err)
		}

		issuer.Rotate()
		issuer.Withdraw()
		slow = 2 * time.Second
		time.Sleep(5*time.Minute - time.Second)
		if _, err := w.verifier.Verify(t.Context(), &trust, old); err != nil {
			t.Errorf("a second before the end of the lifetime: %v", err)
		}

		time.Sleep(time.Second)
		start := time.Now()
		_, err := w.verifier.Verify(t.Context(), &trust, old)
		var refused *idtoken.Refused
		if took := time.Since(start); !errors.As(err, &refused) || took != time.Second {
			t.Errorf("at the end of the lifetime: %v after %v, want a refusal after 1s", err, took)
		}
		if n := issuer.Requests(keys); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// An unchanged key set costs the provider a 304.
func TestKeyCacheETag(t *testing.T) {
	f := newFixture(t, nil)
	var conditional atomic.Int64
	f.issuer.Answer(keys, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"v1"` {
			conditional.Add(1)
			w.WriteHeader(http.StatusNotModified)
		} else {
			w.Header().Set("ETag", `"v1"`)
			_, _ = w.Write(f.issuer.KeySet())
		}
	})

	f.trust.JWKSURL = f.issuer.URL + keys
	token := f.issuer.Token(map[string]any{"exp": f.Now().Add(100 * time.Hour).Unix()})
	f.accepts(t, token)
	f.Advance(2 * time.Hour)
	f.accepts(t, token)
	f.client.WaitIdle()
	f.client.Close()
	if conditional.Load() != 1 {
		t.Errorf("%d conditional requests, want 1", conditional.Load())
	}

	// The 304 renewed the keys: 23 hours later they are still held, though the
	// first answer is 25 hours old and the closed verifier cannot ask again.
	f.Advance(23 * time.Hour)
	f.accepts(t, token)
}

// A provider that breaks is survived with the keys held, for a day.
func TestKeyCacheStaleIfError(t *testing.T) {
	f := newFixture(t, nil)
	f.trust.JWKSURL = f.issuer.URL + keys
	token := f.issuer.Token(map[string]any{"exp": f.Now().Add(100 * time.Hour).Unix()})
	f.accepts(t, token)
	f.issuer.Answer(keys, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "broken", http.StatusInternalServerError)
	})
	f.Advance(6 * time.Minute)
	f.accepts(t, token)
	f.client.WaitIdle()
	f.Advance(24*time.Hour - 6*time.Minute - time.Second)
	f.accepts(t, token)
	f.client.WaitIdle()

	if n := f.issuer.Requests(keys); n != 3 {
		t.Errorf("%d fetches, want 3: the first and two failed refreshes", n)
	}

	f.Advance(time.Second)
	f.unavailable(t, token)
	f.Advance(time.Minute)
	f.issuer.Answer(keys, nil)
	f.accepts(t, token)
}
