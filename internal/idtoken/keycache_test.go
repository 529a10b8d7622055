package idtoken_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// The promises of the key cache, each with its test:
//   - unknown key IDs cost one fetch per period: TestKeyCacheUnknownKeyIDs
//   - bad signatures cost none: TestKeyCacheBadSignatures
//   - a rotation is picked up within one period: TestKeyCacheRotation
//   - a revoked key stops being trusted within the soft lifetime: TestKeyCacheRevokedKey,
// TestKeyCacheRevokedKeySlowRefresh, TestKeyCacheRevokedKeyOfProvedToken
//   - and the first login after a quiet time does not rest on it: TestKeyCacheRevokedKeyAfterQuietTime
//   - an unchanged key set costs a 304: TestKeyCacheETag
//   - a failing provider is survived up to the hard lifetime: TestKeyCacheStaleIfError
//   - many callers cause one fetch: TestKeyCacheSingleFlight
//   - a dead issuer slows nobody else: TestKeyCacheDeadIssuerHoldsNobody, TestKeyCacheDeadHostsAtScale
//   - what is held is bounded: TestProvidersHeldAreBounded, TestWaitingIsBounded, TestBackgroundIsBounded

// Callers that come while nothing is held share one fetch of each document, and
// so do callers that come while an unknown key is looked for.
func TestKeyCacheSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		trust := w.provider(t, "slow.test", publicAddress, func(i *logintest.Issuer) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second) // the bubble's time
				i.ServeHTTP(rw, r)
			})
		})
		trust.JWKSURL = ""
		issuer := w.issuers["slow.test"]
		crowd := func(token string, want time.Duration) {
			t.Helper()

			var wg sync.WaitGroup
			for range 200 {
				wg.Go(func() {
					start := time.Now()
					_, err := w.verifier.Verify(t.Context(), &trust, token)
					if took := time.Since(start); err != nil || took != want {
						t.Errorf("%v after %v, want success after %v", err, took, want)
					}
				})
			}
			wg.Wait()
		}

		crowd(issuer.Token(nil), 2*time.Second) // discovery, then keys
		crowd(issuer.Token(nil), 0)
		issuer.Rotate()
		crowd(issuer.Token(nil), time.Second)
		if d, k := issuer.Requests(discovery), issuer.Requests(keys); d != 1 || k != 2 {
			t.Errorf("%d discovery and %d key requests, want 1 and 2", d, k)
		}
	})
}

// That a token's signature was proved once does not outlive its key: the next
// refresh ends it, though the token itself is good for longer.
func TestKeyCacheRevokedKeyOfProvedToken(t *testing.T) {
	for name, revoke := range map[string]func(*logintest.Issuer){
		"withdrawn": func(i *logintest.Issuer) { i.Rotate(); i.Withdraw() },
		"replaced under the same ID": func(i *logintest.Issuer) {
			id := i.Key().ID
			i.Rotate()
			i.Withdraw()
			i.Key().ID = id
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			token := f.issuer.Token(map[string]any{"exp": f.Now().Add(100 * time.Hour).Unix()})
			for range 5 {
				f.accepts(t, token)
			}
			revoke(f.issuer)
			f.Advance(4*time.Minute - time.Second)
			f.accepts(t, token)
			f.Advance(time.Second)
			f.accepts(t, token) // while the keys are refreshed
			f.client.WaitIdle()
			_, _, err := f.verify(t, f.trust, token)

			var refused *idtoken.Refused
			if !errors.As(err, &refused) || refused.Message != idtoken.MessageBadSignature {
				t.Errorf("token of a revoked key: %v", err)
			}
		})
	}
}

// After a quiet time nobody refreshed the keys: the first login waits for the
// refresh, so that a key withdrawn in that time proves nothing. It waits for
// five seconds at most, and if the provider fails, the keys held do.
func TestKeyCacheRevokedKeyAfterQuietTime(t *testing.T) {
	for _, quiet := range []time.Duration{5 * time.Minute, time.Hour, 23 * time.Hour} {
		t.Run(quiet.String(), func(t *testing.T) {
			f := newFixture(t, nil)
			token := f.issuer.Token(map[string]any{"exp": f.Now().Add(100 * time.Hour).Unix()})
			f.accepts(t, token)
			f.issuer.Rotate()
			f.issuer.Withdraw()
			f.Advance(quiet)
			f.refuses(t, f.trust, token, "signing key", idtoken.MessageBadSignature)
			f.accepts(t, f.issuer.Token(nil))

			if n := f.issuer.Requests(keys); n != 2 {
				t.Errorf("%d fetches of the keys, want 2", n)
			}
		})
	}

	for name, handler := range dead {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				trust := w.provider(t, "idp.test", publicAddress, healthy)
				w.tokens["idp.test"] = w.issuers["idp.test"].Token(
					map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()})
				if took, err := w.try(t.Context(), trust); err != nil || took != 0 {
					t.Fatalf("%v after %v", err, took)
				}
				if handler == nil {
					w.net.cut(publicAddress + ":80")
				} else {
					w.net.serve(t, publicAddress+":80", nil, handler(w.issuers["idp.test"]))
				}

				time.Sleep(12 * time.Hour) // the bubble's time
				if took, err := w.try(t.Context(), trust); err != nil || took == 0 || took > 5*time.Second {
					t.Errorf("first login after a quiet time: %v after %v", err, took)
				}
				if took, err := w.try(t.Context(), trust); err != nil || took != 0 {
					t.Errorf("second login: %v after %v, want success at once", err, took)
				}

				time.Sleep(12 * time.Hour)
				if _, err := w.try(t.Context(), trust); !isUnavailable(err) {
					t.Errorf("login with keys a day old: %v", err)
				}
			})
		})
	}
}

// What was proved is the signature only: everything that the registration asks
// is asked at each use of the same token.
func TestProvedTokenIsJudgedAnew(t *testing.T) {
	f := newFixture(t, nil)
	token := f.issuer.Token(nil)
	f.accepts(t, token)

	changed := func(change func(*idtoken.Rule)) idtoken.Rule {
		trust := f.trust
		change(&trust)
		return trust
	}
	f.refuses(t, changed(func(t *idtoken.Rule) { t.Audiences = []string{"another"} }), token, "token audience",
		idtoken.MessageWrongAudience)
	f.refuses(t, changed(func(t *idtoken.Rule) { t.Issuers = []string{"https://another.test"} }), token, "token issuer",
		idtoken.MessageIssuerMismatch)
	f.refuses(t, changed(func(t *idtoken.Rule) { t.Algorithms = []string{"ES256"} }), token, "signature algorithm",
		idtoken.MessageBadSignature)
	f.refuses(t, changed(func(t *idtoken.Rule) { t.MaxTokenBytes = len(token) - 1 }), token, "token form",
		fmt.Sprintf(tooLong, len(token), len(token)-1))
	f.refuses(t, changed(func(t *idtoken.Rule) { t.Require = map[string]string{"token_use": "id"} }), token,
		"token use", idtoken.MessageNotOIDC)
	f.refuses(t, f.trust, lastCharacter(token), "token form", idtoken.MessageNotOIDC)

	// Keys of another address are other keys, even where they are the same ones.
	elsewhere := logintest.NewIssuer(t)
	f.refuses(t, changed(func(t *idtoken.Rule) { t.JWKSURL = elsewhere.URL + keys }), token, "signing key",
		idtoken.MessageBadSignature)
	f.Advance(time.Hour + 5*time.Minute)
	f.refuses(t, f.trust, token, "token expiry",
		fmt.Sprintf("Invalid login token. Token expired: %d >= %d", f.Now().Unix(), f.Now().Add(-5*time.Minute).Unix()))
}

// Twenty dead hosts at once, each with users who keep trying, hold nobody else;
// the number of connections that are under way stays small.
func TestKeyCacheDeadHostsAtScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		good := w.provider(t, "good.test", "93.184.215.15", healthy)

		var trusts []idtoken.Rule
		for n := range 20 {
			trusts = append(trusts,
				w.provider(t, fmt.Sprintf("dead-%d.test", n), fmt.Sprintf("93.184.214.%d", n+1), nil))
		}
		if _, err := w.try(t.Context(), good); err != nil {
			t.Fatal(err)
		}

		var wg sync.WaitGroup
		for range 60 {
			for _, trust := range trusts {
				wg.Go(func() {
					if took, err := w.try(t.Context(), trust); !isUnavailable(err) || took > 5*time.Second {
						t.Errorf("dead provider: %v after %v", err, took)
					}
				})
			}

			if took, err := w.try(t.Context(), good); err != nil || took != 0 {
				t.Fatalf("good provider: %v after %v", err, took)
			}
			time.Sleep(time.Second) // the bubble's time
		}

		wg.Wait()
		if n := len(w.net.dialled()); n > 20*10 {
			t.Errorf("%d connection attempts in a minute to 20 dead hosts", n)
		}
	})
}

// A key set that shrinks to something unreadable, or grows beyond the bounds,
// never replaces keys that work.
func TestKeyCacheKeepsKeysOverBrokenDocuments(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"HTML":          text("<html>maintenance</html>"),
		"cut short":     text(`{"keys":[{"kty":"RSA","n":"`),
		"NaN":           text(`{"keys":[NaN]}`),
		"10,000 keys":   text(`{"keys":[` + strings.Repeat("{},", 9999) + `{}]}`),
		"not found":     status(404),
		"redirect":      status(302, "Location", "http://169.254.169.254/"),
		"to plain http": status(301, "Location", "http://issuer.test/jwks.json"),
		"cut off":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"too large":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, zeros{}, 2<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.trust.JWKSURL = f.issuer.URL + keys
			token := f.issuer.Token(map[string]any{"exp": f.Now().Add(100 * time.Hour).Unix()})
			f.accepts(t, token)
			f.issuer.Answer(keys, answer)
			f.Advance(6 * time.Minute)
			f.accepts(t, token) // refreshes, in vain
			f.client.WaitIdle()
			f.accepts(t, token)

			stranger := logintest.NewKey(t, jose.RS256)
			_, _, err := f.verify(t, f.trust, stranger.Sign(nil, f.issuer.Payload(nil)))
			var refused *idtoken.Refused
			if !errors.As(err, &refused) && !isUnavailable(err) {
				t.Errorf("unknown key while the provider is broken: %v", err)
			}

			f.accepts(t, token)
			f.issuer.Answer(keys, nil)
			f.Advance(time.Minute)
			f.accepts(t, token)
			f.client.WaitIdle()
			f.accepts(t, token)
		})
	}
}
