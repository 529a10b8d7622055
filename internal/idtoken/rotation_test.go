package idtoken_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A new key counts within five seconds, whatever others ask for: callers who send
// ten invented key IDs a second use up the fetches that are allowed, but not for
// so long. It holds at every moment of the period, for every way to the keys, and
// for the tokens by which providers tell of sign-outs.
func TestRotatedKeyIsAcceptedDuringAFlood(t *testing.T) {
	const (
		tick     = 100 * time.Millisecond
		promised = 5 * time.Second
	)
	for name, c := range map[string]struct {
		found bool // the keys' address by discovery
		event bool
	}{
		"login, keys by discovery":    {found: true},
		"login, keys by address":      {},
		"sign-out, keys by discovery": {found: true, event: true},
		"sign-out, keys by address":   {event: true},
	} {
		t.Run(name, func(t *testing.T) {
			for offset := time.Duration(0); offset <= 3*time.Second; offset += 5 * tick {
				f := newFixture(t, nil)
				if !c.found {
					f.trust.JWKSURL = f.issuer.URL + keys
				}
				f.accepts(t, f.issuer.Token(nil))
				signature := f.issuer.Token(nil)
				signature = signature[strings.LastIndexByte(signature, '.'):]

				invented := 0
				flood := func() {
					invented++
					header := b64(fmt.Sprintf(`{"alg":"RS256","kid":"invented-%d"}`, invented))
					token := header + "." + b64(string(f.issuer.Payload(nil))) + signature
					if _, err := f.verifier.Verify(t.Context(), &f.trust, token); err == nil {
						t.Fatal("a token of an invented key is accepted")
					}
				}

				accepted := func() bool {
					var err error
					if c.event {
						_, err = f.verifier.VerifyEvent(t.Context(), &f.trust, []string{"logout+jwt"},
							f.issuer.Key().Sign(map[string]any{"typ": "logout+jwt"},
								f.issuer.Payload(map[string]any{"exp": nil})))
					} else {
						_, err = f.verifier.Verify(t.Context(), &f.trust, f.issuer.Token(nil))
					}

					return err == nil
				}

				for now := time.Duration(0); now < offset+promised; now += tick { // until the flood has a rhythm
					flood()
					f.Advance(tick)
				}
				before := f.issuer.Requests(keys)
				f.issuer.Rotate()
				f.issuer.Withdraw()

				waited := time.Duration(0)
				for flood(); !accepted(); flood() {
					f.Advance(tick)
					if waited += tick; waited > promised {
						t.Fatalf("rotated %s into the flood: not accepted after %s", offset+promised, waited)
					}
				}

				// The provider is not flooded along.
				if n, most := f.issuer.Requests(keys)-before, 3; n > most {
					t.Errorf("%d fetches in %s, want at most %d", n, waited, most)
				}
			}
		})
	}
}
