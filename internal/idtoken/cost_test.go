package idtoken_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// crowd is a verifier that holds the keys of many providers, and a user of each.
type crowd struct {
	verifier *idtoken.Verifier
	trusts   []idtoken.Rule
	tokens   []string
	next     int
	fetches  atomic.Int64
}

func newCrowd(tb testing.TB, issuers int) *crowd {
	tb.Helper()
	now := logintest.NewClock().Now
	client := outbound.New(outbound.Options{Now: now})
	tb.Cleanup(client.Close)
	c := &crowd{verifier: idtoken.New(client, now)}

	var sets []string // making RSA keys is slow: a few are enough
	var signers []*logintest.Issuer
	for range min(issuers, 4) {
		i := logintest.NewIssuerAt(tb, "")
		i.SetNow(logintest.NewClock().Now)
		signers, sets = append(signers, i), append(sets, string(i.KeySet()))
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)

	number := func(r *http.Request) (n int) {
		c.fetches.Add(1)
		_, _ = fmt.Sscan(r.PathValue("n"), &n)
		return n
	}
	mux.HandleFunc("/{n}"+logintest.DiscoveryPath, func(w http.ResponseWriter, r *http.Request) {
		issuer := fmt.Sprintf("%s/%d", server.URL, number(r))
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, issuer, issuer+logintest.KeysPath)
	})
	mux.HandleFunc("/{n}"+logintest.KeysPath, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, sets[number(r)%len(sets)])
	})

	for n := range issuers {
		issuer := fmt.Sprintf("%s/%d", server.URL, n)
		c.trusts = append(c.trusts, idtoken.Rule{
			Provider: issuer, Issuers: []string{issuer}, Audiences: []string{logintest.Audience},
			Policy: outbound.Policy{AllowHTTP: true, AllowPrivate: true},
		})
		c.tokens = append(c.tokens, signers[n%len(signers)].Token(map[string]any{"iss": issuer}))
	}

	for range issuers {
		c.login(tb)
	}

	return c
}

// login signs in a user of the next provider, with a token that is new to the verifier.
func (c *crowd) login(tb testing.TB) {
	idtoken.ForgetProofs(c.verifier)
	n := c.next % len(c.trusts)
	c.next++
	if _, err := c.verifier.Verify(tb.Context(), &c.trusts[n], c.tokens[n]); err != nil {
		tb.Fatal(err)
	}
}

// A login costs the same however many providers are registered: as many
// allocations, and no request once a provider's keys are held.
// BenchmarkVerify shows the same of the time.
func TestCostDoesNotGrowWithIssuers(t *testing.T) {
	one, thousand := newCrowd(t, 1), newCrowd(t, 1000)
	fetched := thousand.fetches.Load()
	few := testing.AllocsPerRun(1000, func() { one.login(t) })
	many := testing.AllocsPerRun(1000, func() { thousand.login(t) })
	if many > few+1 {
		t.Errorf("a login makes %.1f allocations among 1,000 issuers, %.1f among one", many, few)
	}
	if n := thousand.fetches.Load(); fetched != 2000 || n != fetched {
		t.Errorf("%d requests at first and %d in all, want 2000: discovery and keys of each, once", fetched, n)
	}
}

// Memory for a login grows with the token, and no faster, up to the largest token that
// is accepted, and whatever it is full of.
func TestCostIsLinearInTokenSize(t *testing.T) {
	for name, claims := range map[string]func(n int) map[string]any{
		"one long claim": func(n int) map[string]any { return map[string]any{"filler": strings.Repeat("f", 24*n)} },
		"many groups": func(n int) map[string]any {
			return map[string]any{"groups": strings.Split(
				strings.TrimSuffix(strings.Repeat("group-of-twenty-people,", n), ","), ",")}
		},
		"many claims": func(n int) map[string]any {
			all := map[string]any{}
			for i := range n {
				all[fmt.Sprintf("claim-%06d", i)] = "1234567"
			}
			return all
		},
		"many claims in unusual case": func(n int) map[string]any {
			all := map[string]any{}
			for i := range n {
				all[fmt.Sprintf("Claim-%06d", i)] = "1234567"
			}
			return all
		},
		"many small numbers": func(n int) map[string]any { return map[string]any{"n": make([]int, 12*n)} },
	} {
		for _, refused := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, refused %v", name, refused), func(t *testing.T) {
				f := newFixture(t, nil)
				stranger := logintest.NewKey(t, jose.RS256)
				stranger.ID = f.issuer.Key().ID
				cost := func(n int) (size, bytes, allocations float64) {
					token := f.issuer.Token(claims(n))
					if refused {
						token = stranger.Sign(nil, f.issuer.Payload(claims(n)))
					}
					once := func() {
						idtoken.ForgetProofs(f.verifier)
						if _, err := f.verifier.Verify(t.Context(), &f.trust, token); (err != nil) != refused {
							t.Fatal(err)
						}
					}

					once()
					const runs = 50
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)

					for range runs {
						once()
					}
					runtime.ReadMemStats(&after)

					return float64(len(token)), float64(after.TotalAlloc-before.TotalAlloc) / runs,
						float64(after.Mallocs-before.Mallocs) / runs
				}

				// All of a size from which on claims are read in two steps.
				size, bytes, allocations := cost(350)
				middleSize, middleBytes, middleAllocations := cost(700)
				largeSize, largeBytes, largeAllocations := cost(1400)
				if size > 16_000 || largeSize < 44_000 || largeSize > idtoken.DefaultMaxTokenBytes {
					t.Fatalf("made tokens of %.0f and %.0f bytes", size, largeSize)
				}

				// What more of the token costs, per byte, stays the same.
				const tolerance = 1.5 // lists and maps grow in steps
				limit := tolerance * (largeSize - middleSize) / (middleSize - size)
				if grown := (largeBytes - middleBytes) / (middleBytes - bytes); grown > limit {
					t.Errorf("bytes grow faster than the token: %.0f, %.0f, %.0f", bytes, middleBytes, largeBytes)
				}

				// pools give and take a few
				if grown := largeAllocations - middleAllocations; grown > limit*max(0,
					middleAllocations-allocations)+10 {
					t.Errorf("allocations grow faster than the token: %.0f, %.0f, %.0f", allocations, middleAllocations,
						largeAllocations)
				}
				t.Logf("%.0f bytes: %.0f bytes in %.0f allocations; %.0f bytes: %.0f bytes in %.0f allocations", size,
					bytes, allocations, largeSize, largeBytes, largeAllocations)
			})
		}
	}
}

// A token of the largest size that is refused before its signature costs little more
// memory than its own text, whatever it is full of, and no request.
func TestRefusingTheLargestTokenIsCheap(t *testing.T) {
	fillings := map[string]struct {
		filler any
		most   float64 // bytes for one of the token
	}{
		"one long claim":     {strings.Repeat("f", 36_000), 2},
		"many small numbers": {make([]int, 18_000), 2},
		"many empty lists":   {make([][0]int, 12_000), 2},
		"many members":       {manyMembers(2_400), 20}, // their names are compared
		"many audiences":     {"aud", 20},              // as large as a claim can be that is read
	}

	for name, filling := range fillings {
		for what, change := range map[string]map[string]any{
			"issuer":   {"iss": "https://evil.test"},
			"audience": {"aud": "another-client"},
			"expired":  {"exp": 1},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				f := newFixture(t, noNetwork(t))
				claims := map[string]any{"filler": filling.filler}
				maps.Copy(claims, change)
				if filling.filler == "aud" {
					claims["filler"] = strings.Repeat("f", 18_000)
					claims["aud"] = make([]int, 8_100)
				}

				token := f.issuer.Token(claims)
				if len(token) < 44_000 || len(token) > idtoken.DefaultMaxTokenBytes {
					t.Fatalf("the token has %d bytes", len(token))
				}

				const runs = 50
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)

				for range runs {
					if _, err := f.verifier.Verify(t.Context(), &f.trust, token); err == nil {
						t.Fatal("accepted")
					}
				}
				runtime.ReadMemStats(&after)
				each := float64(after.TotalAlloc-before.TotalAlloc) / runs
				if ratio := each / float64(len(token)); ratio > filling.most {
					t.Errorf("%.0f bytes for a token of %d, %.1f times its size", each, len(token), ratio)
				}
			})
		}
	}
}

func manyMembers(n int) map[string]any {
	all := map[string]any{}
	for i := range n {
		all[fmt.Sprintf("c%06d", i)] = 1234
	}
	return all
}
