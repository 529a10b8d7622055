package idtoken_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// world is a verifier in a synctest bubble: time passes only while everybody
// waits, so a test sees exactly how long a call was held.
type world struct {
	net      *network
	client   *outbound.Client
	verifier *idtoken.Verifier
	issuers  map[string]*logintest.Issuer
	tokens   map[string]string
}

func newWorld(t *testing.T) *world {
	w := &world{net: newNetwork(), issuers: map[string]*logintest.Issuer{}, tokens: map[string]string{}}
	w.client = outbound.New(outbound.Options{Resolver: w.net, Dial: w.net.Dial})
	t.Cleanup(w.client.Close)
	w.verifier = idtoken.New(w.client, time.Now)
	return w
}

// provider makes an issuer at http://host; it is served only if handler is set.
func (w *world) provider(t *testing.T, host, address string,
	handler func(*logintest.Issuer) http.Handler) idtoken.Rule {
	i := logintest.NewIssuerAt(t, "http://"+host)
	w.issuers[host], w.tokens[host] = i, i.Token(nil)
	w.net.name(host, address)
	if handler != nil {
		w.net.serve(t, address+":80", nil, handler(i))
	}

	return idtoken.Rule{
		Provider: host, Issuers: []string{i.URL}, Audiences: []string{logintest.Audience},
		JWKSURL: i.URL + keys, Policy: outbound.Policy{AllowHTTP: true},
	}
}

func healthy(i *logintest.Issuer) http.Handler { return i }

// try verifies a token of trust's provider, and returns how long that took.
func (w *world) try(ctx context.Context, trust idtoken.Rule) (time.Duration, error) {
	start := time.Now()
	_, err := w.verifier.Verify(ctx, &trust, w.tokens[trust.Provider])
	return time.Since(start), err
}

func isUnavailable(err error) bool {
	var unavailable *idtoken.Unavailable
	return errors.As(err, &unavailable)
}

// The ways in which a provider can be dead without saying so.
var dead = map[string]func(*logintest.Issuer) http.Handler{
	"swallows packets": nil,
	"accepts and says nothing": func(*logintest.Issuer) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	},
	"sends a byte a second": func(*logintest.Issuer) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()

			for {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()

				select {
				case <-tick.C:
				case <-r.Context().Done():
					return
				}
			}
		})
	},
}

// A dead provider holds its own users for five seconds at most, once; then it
// answers at once that it is unavailable, while it is tried now and then. Other
// providers never notice.
func TestKeyCacheDeadIssuerHoldsNobody(t *testing.T) {
	for name, handler := range dead {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)

				deadTrust := w.provider(t, "dead.test", publicAddress, handler)
				goodTrust := w.provider(t, "good.test", "93.184.215.15", healthy)
				var wg sync.WaitGroup
				for range 200 {
					wg.Go(func() {
						if took, err := w.try(t.Context(), deadTrust); !isUnavailable(err) || took > 5*time.Second {
							t.Errorf("dead provider: %v after %v", err, took)
						}
					})
					wg.Go(func() {
						if took, err := w.try(t.Context(), goodTrust); err != nil || took != 0 {
							t.Errorf("good provider: %v after %v", err, took)
						}
					})
				}
				wg.Wait()

				// Ten minutes of steady traffic: one call in a while tries, none
				// of the others waits.
				held, dials := 0, len(w.net.dialled())
				for range 600 {
					time.Sleep(time.Second) // the bubble's time

					for range 5 {
						wg.Go(func() {
							if _, err := w.try(t.Context(), deadTrust); !isUnavailable(err) {
								t.Errorf("dead provider: %v", err)
							}
						})
						start := time.Now()
						if took, err := w.try(t.Context(), goodTrust); err != nil || took != 0 {
							t.Fatalf("good provider: %v after %v", err, took)
						}
						held += int(time.Since(start))
					}
				}

				wg.Wait()
				if held != 0 {
					t.Errorf("the good provider's users were held for %v", time.Duration(held))
				}

				tries := 0
				for _, address := range w.net.dialled()[dials:] {
					if address == publicAddress+":80" {
						tries++
					}
				}
				if tries < 5 || tries > 25 {
					t.Errorf("a dead provider was tried %d times in ten minutes, want about once in 30 to 60 s", tries)
				}
			})
		})
	}
}

// While a provider is known to fail, a second caller is not made to wait for
// the one that tries.
func TestOnlyOneCallTriesAFailingProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		trust := w.provider(t, "dead.test", publicAddress, nil)
		if took, err := w.try(t.Context(), trust); !isUnavailable(err) || took != 2*time.Second {
			t.Fatalf("first: %v after %v, want Unavailable after the 2 s of a connection attempt", err, took)
		}
		time.Sleep(2 * time.Second) // past the first pause

		var wg sync.WaitGroup
		var waited atomic.Int64
		for range 50 {
			wg.Go(func() {
				took, err := w.try(t.Context(), trust)
				if !isUnavailable(err) {
					t.Error(err)
				}
				if took > 0 {
					waited.Add(1)
				}
			})
			synctest.Wait()
		}

		wg.Wait()
		if waited.Load() != 1 {
			t.Errorf("%d calls waited, want 1", waited.Load())
		}
	})
}

// The number of calls that wait for one provider is bounded.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)

		trust := w.provider(t, "slow.test", publicAddress, dead["accepts and says nothing"])
		var wg sync.WaitGroup
		var waited, refused atomic.Int64
		for range 1000 {
			wg.Go(func() {
				took, err := w.try(t.Context(), trust)
				switch {
				case !isUnavailable(err) || took > 5*time.Second:
					t.Errorf("%v after %v", err, took)
				case took == 0:
					refused.Add(1)
				default:
					waited.Add(1)
				}
			})
		}

		wg.Wait()
		if waited.Load() != 256 || refused.Load() != 744 {
			t.Errorf("%d waited and %d did not, want 256 and 744", waited.Load(), refused.Load())
		}
	})
}

// Many providers on one dead host cost a few connection attempts, not one each.
func TestBreakerSharedByHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		trust := w.provider(t, "idp.test", publicAddress, nil)
		start := time.Now()

		for n := range 100 {
			trust.JWKSURL = fmt.Sprintf("http://idp.test/pool-%d/jwks.json", n)
			if _, err := w.try(t.Context(), trust); !isUnavailable(err) {
				t.Fatal(err)
			}
		}

		if n := len(w.net.dialled()); n != 3 {
			t.Errorf("%d connection attempts, want 3", n)
		}
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("took %v, want the 6 s of three attempts", took)
		}
	})
}

// One broken address of a host does not close the others.
func TestBreakerIgnoresAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		trust := w.provider(t, "idp.test", publicAddress, healthy)

		broken := trust
		for n := range 20 {
			broken.JWKSURL = fmt.Sprintf("http://idp.test/no-such-pool-%d", n)
			if _, err := w.try(t.Context(), broken); !isUnavailable(err) || !strings.Contains(err.Error(), "404") {
				t.Fatal(err)
			}
		}

		if _, err := w.try(t.Context(), trust); err != nil {
			t.Error(err)
		}
	})
}

// A provider that comes back is used again within a minute.
func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		trust := w.provider(t, "idp.test", publicAddress, nil)
		for range 120 {
			if _, err := w.try(t.Context(), trust); !isUnavailable(err) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		w.net.serve(t, publicAddress+":80", nil, w.issuers["idp.test"])

		back := time.Now()
		for {
			_, err := w.try(t.Context(), trust)
			if err == nil {
				break
			}
			if !isUnavailable(err) || time.Since(back) > 90*time.Second {
				t.Fatalf("%v, %v after the provider came back", err, time.Since(back))
			}
			time.Sleep(time.Second)
		}

		if took := time.Since(back); took > time.Minute {
			t.Errorf("used again after %v", took)
		}
	})
}

// A slow discovery and slow keys share one deadline.
func TestOneDeadlineForDiscoveryAndKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		trust := w.provider(t, "slow.test", publicAddress, func(i *logintest.Issuer) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				time.Sleep(4 * time.Second)
				i.ServeHTTP(rw, r)
			})
		})
		trust.JWKSURL = ""
		if took, err := w.try(t.Context(), trust); !isUnavailable(err) || took != 5*time.Second {
			t.Errorf("%v after %v, want Unavailable after 5 s", err, took)
		}

		// What was under way went on, so the next call finds it.
		time.Sleep(4 * time.Second)
		if took, err := w.try(t.Context(), trust); err != nil || took != 0 {
			t.Errorf("%v after %v, want success at once", err, took)
		}
	})
}

// A caller that leaves is let go at once, and does not end the fetch for others.
func TestCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		trust := w.provider(t, "slow.test", publicAddress, func(i *logintest.Issuer) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				time.Sleep(3 * time.Second)
				i.ServeHTTP(rw, r)
			})
		})

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		var wg sync.WaitGroup
		wg.Go(func() {
			if took, err := w.try(ctx, trust); !isUnavailable(err) || took != time.Second {
				t.Errorf("leaving caller: %v after %v", err, took)
			}
		})

		synctest.Wait() // the first call fetches, the second joins it
		wg.Go(func() {
			if took, err := w.try(t.Context(), trust); err != nil || took != 3*time.Second {
				t.Errorf("staying caller: %v after %v", err, took)
			}
		})
		wg.Wait()
		if n := w.issuers["slow.test"].Requests(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

// Close ends what is under way at once, and nothing is fetched afterwards; the
// bubble would report a goroutine left behind.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := w.provider(t, "slow.test", publicAddress, dead["accepts and says nothing"])
		good := w.provider(t, "good.test", "93.184.215.15", healthy)
		if _, err := w.try(t.Context(), good); err != nil {
			t.Fatal(err)
		}

		var wg sync.WaitGroup
		wg.Go(func() {
			if took, err := w.try(t.Context(), slow); !isUnavailable(err) || took != 0 {
				t.Errorf("call during Close: %v after %v", err, took)
			}
		})

		synctest.Wait()
		start := time.Now()
		w.client.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}

		wg.Wait()
		if _, err := w.try(t.Context(), good); err != nil {
			t.Errorf("keys that are held need no provider: %v", err)
		}
		dials := len(w.net.dialled())
		if _, err := w.try(t.Context(), slow); !isUnavailable(err) {
			t.Errorf("after Close: %v", err)
		}

		time.Sleep(10 * time.Minute) // the keys are stale: a refresh is due
		if _, err := w.try(t.Context(), good); err != nil {
			t.Errorf("stale keys after Close: %v", err)
		}
		if n := len(w.net.dialled()); n != dials {
			t.Errorf("%d connections after Close", n-dials)
		}
	})
}

// Background refreshes of many providers are bounded, and those that had to
// wait come later.
func TestBackgroundIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var busy, most atomic.Int64
		slow := false
		trust := w.provider(t, "idp.test", publicAddress, func(i *logintest.Issuer) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				if slow {
					most.Store(max(most.Load(), busy.Add(1)))
					time.Sleep(time.Second)
					busy.Add(-1)
				}
				_, _ = rw.Write(i.KeySet())
			})
		})
		visit := func() {
			for n := range 50 {
				trust.JWKSURL = fmt.Sprintf("http://idp.test/pool-%d/jwks.json", n)
				if took, err := w.try(t.Context(), trust); err != nil || took != 0 {
					t.Fatalf("%v after %v", err, took)
				}
			}
		}

		visit()
		dials := len(w.net.dialled())
		slow = true
		time.Sleep(4 * time.Minute)

		for range 20 {
			visit()
			time.Sleep(2 * time.Second)
		}
		if most.Load() != 8 {
			t.Errorf("%d refreshes at once, want 8", most.Load())
		}
		if n := len(w.net.dialled()) - dials; n != 50 {
			t.Errorf("%d refreshes, want 50", n)
		}
	})
}
