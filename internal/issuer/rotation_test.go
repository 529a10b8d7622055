package issuer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// verifier keeps the key document for as long as Cache-Control allows, times
// patience, and asks for nothing in between. It asks another node each time.
type verifier struct {
	patience time.Duration
	asked    int
	until    time.Time
	keys     jose.JSONWebKeySet
}

func (v *verifier) verify(t *testing.T, nodes []*issuer.Issuer, now time.Time, token string) error {
	t.Helper()
	if !now.Before(v.until) {
		keys, maxAge := fetch(t, nodes[v.asked%len(nodes)])
		if maxAge == 0 {
			t.Fatal("the key document may not be cached")
		}
		v.asked++
		v.keys, v.until = keys, now.Add(v.patience*maxAge)
	}

	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS512, jose.RS256, jose.ES256})
	if err != nil {
		return err
	}
	_, err = signed.Verify(v.keys)

	return err
}

// simulation is days in the life of three nodes whose clocks differ, which learn
// of new keys as late as they may, with rotations by a fourth, the command line.
type simulation struct {
	patience  time.Duration    // of verifiers: how many times as long as the headers say they keep keys
	alter     func(*store.Key) // what goes wrong in the store
	rotations int
}

const (
	step         = 5 * time.Minute
	rotateSteps  = 36 // 3 h
	refreshSteps = 3  // 15 min, a quarter of the publish delay
	lifetime     = 4 * time.Hour
)

// run returns how many tokens were checked, and how many did not verify.
func (s simulation) run(t *testing.T) (checked, failed int) {
	t.Helper()
	f := newFixtureInMemory(t)
	f.store.(*memory).alter = s.alter

	short := func(o *issuer.Options) { o.TokenLifetime = lifetime }
	var nodes []*issuer.Issuer
	for _, skew := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute} {
		nodes = append(nodes,
			f.issuer(t, short, func(o *issuer.Options) { o.Now = func() time.Time { return f.clock.Now().Add(skew) } }))
	}

	verifiers := []*verifier{{patience: s.patience}, {patience: s.patience, asked: 1}, {patience: s.patience, asked: 2}}
	type issued struct {
		token string
		last  time.Time // the last moment that it has to verify at
	}
	var alive []issued
	check := func(now time.Time, token string) {
		for _, v := range verifiers {
			checked++
			if err := v.verify(t, nodes, now, token); err != nil {
				failed++
			}
		}
	}

	seen := map[string]string{}                   // kid to thumbprint
	for n := range s.rotations*rotateSteps + 72 { // and six hours more
		now := f.clock.Now()
		if n%rotateSteps == 20 && n/rotateSteps < s.rotations {
			if err := f.issuer(t, short).Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}

		for k, node := range nodes {
			if n%refreshSteps == k {
				if err := node.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}

		// Every node signs, every algorithm in turn; the shortest tokens and the longest.
		c := f.claims()
		c.Expires = now.Add([]time.Duration{10 * time.Minute, lifetime - 10*time.Minute}[n%2])
		for k, node := range nodes {
			token, err := node.Sign(t.Context(), issuer.Algorithms[(n+k)%3], c)
			if err != nil {
				t.Fatal(err)
			}
			check(now, token)
			alive = append(alive, issued{token, c.Expires.Add(-step)})
		}

		alive = slices.DeleteFunc(alive, func(i issued) bool {
			if now.Before(i.last) {
				return false
			}
			check(now, i.token)
			return true
		})

		if n%12 == 0 { // once an hour
			keys, _ := fetch(t, nodes[0])
			for _, k := range keys.Keys {
				thumbprint := string(k.CertificateThumbprintSHA256)
				if have, ok := seen[k.KeyID]; ok && have != thumbprint {
					t.Fatalf("key ID %s came twice", k.KeyID)
				}
				seen[k.KeyID] = thumbprint
			}
		}

		f.clock.advance(step)
	}

	if want := 3 * (s.rotations + 1); len(seen) != want {
		t.Errorf("%d keys were published, want %d", len(seen), want)
	}
	if keys, _ := fetch(t, nodes[0]); len(keys.Keys) != 3 {
		t.Errorf("%d keys are published in the end, want 3", len(keys.Keys))
	}

	return checked, failed
}

// No verifier that honours the cache headers, or keeps keys for some time longer,
// meets a token that it cannot verify, in the first moment of a token's life or the last. The other runs
// show that the simulation would see it.
func TestRotationBreaksNoVerifier(t *testing.T) {
	for name, test := range map[string]struct {
		simulation
		breaks bool
	}{
		"as it is": {simulation{patience: 1, rotations: 2}, false},
		"verifiers that keep keys for a quarter of an hour": {simulation{patience: 15, rotations: 8}, false},
		"verifiers that keep keys for two hours":            {simulation{patience: 120, rotations: 2}, true},
		"keys that sign when they are made": {
			simulation{
				patience:  15,
				rotations: 2,
				alter:     func(k *store.Key) { k.NotBefore = k.Created.Add(-15 * time.Minute) },
			}, true,
		},
		"keys that go when they retire": {simulation{patience: 15, rotations: 2, alter: func(k *store.Key) {
			if !k.NotAfter.IsZero() && k.NotAfter.Sub(k.Created) > lifetime {
				k.NotAfter = k.NotAfter.Add(-lifetime)
			}
		}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			checked, failed := test.run(t)
			t.Logf("%d checks, %d failures", checked, failed)

			if checked < 1000 || (failed > 0) != test.breaks {
				t.Errorf("%d of %d checks failed", failed, checked)
			}
		})
	}
}

// The times of a rotation, in the store and in the answer of List.
func TestRotationTimeline(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)
	start := f.clock.Now()
	f.clock.advance(time.Hour)
	if err := i.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}

	takeover := start.Add(2 * time.Hour)
	until := takeover.Add(issuer.MaxTokenLifetime + 15*time.Minute)
	info := func(id, algorithm string, state issuer.State) issuer.KeyInfo {
		if id[len("us-east-1"):] > "3" {
			return issuer.KeyInfo{
				ID:        id,
				Algorithm: algorithm,
				State:     state,
				Created:   start.Add(time.Hour),
				SignsFrom: takeover,
			}
		}

		return issuer.KeyInfo{
			ID:             id,
			Algorithm:      algorithm,
			State:          state,
			Created:        start,
			SignsFrom:      start.Add(-15 * time.Minute),
			SignsUntil:     takeover,
			PublishedUntil: until,
		}
	}

	list := func(before, after issuer.State) (infos []issuer.KeyInfo) {
		for n, algorithm := range []string{"RS512", "RS256", "ES256", "RS512", "RS256", "ES256"} {
			state := before
			if n > 2 {
				state = after
			}
			infos = append(infos, info("us-east-1"+string(rune('1'+n)), algorithm, state))
		}

		return infos
	}

	at := func(moment time.Time, want []issuer.KeyInfo, published ...string) {
		t.Helper()
		f.clock.advance(moment.Sub(f.clock.Now()))
		if got, err := issuer.List(t.Context(), f.store, moment); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%s: %v (-want +got)\n%s", moment, err, cmp.Diff(want, got))
		}

		set, _ := fetch(t, i)
		if diff := cmp.Diff(published, kids(set)); diff != "" {
			t.Errorf("published at %s (-want +got)\n%s", moment, diff)
		}
		if signs := kid(t, f.sign(t, i, "")); signs != published[0] {
			t.Errorf("%s signs at %s, %s is published first", signs, moment, published[0])
		}
	}

	const a, b, c, d, e, g = "us-east-11", "us-east-12", "us-east-13", "us-east-14", "us-east-15", "us-east-16"
	at(takeover.Add(-time.Millisecond), list(issuer.Signing, issuer.Upcoming), a, b, c, g, e, d)
	at(takeover, list(issuer.Retired, issuer.Signing), d, e, g, c, b, a)
	at(until.Add(-time.Millisecond), list(issuer.Retired, issuer.Signing), d, e, g, c, b, a)
	f.clock.advance(time.Millisecond)

	if got, err := issuer.List(t.Context(), f.store, until); err != nil || got[0].State != issuer.Ended {
		t.Errorf("%+v, %v", got, err)
	}
	if err := i.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	at(until, list(issuer.Retired, issuer.Signing)[3:], d, e, g)
}

// A private key is gone from the store once no clock can still want it, while
// its public half goes on verifying.
func TestRetiredPrivateKeysAreErased(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)
	if err := i.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}

	f.clock.advance(time.Hour - time.Second)
	c := f.claims()
	c.Expires = c.IssuedAt.Add(issuer.MaxTokenLifetime)
	last, err := i.Sign(t.Context(), "", c)
	if err != nil {
		t.Fatal(err)
	}

	sizes := func() (sizes []int) {
		t.Helper()
		if err := i.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := f.store.Keys(t.Context(), "signing")
		if err != nil {
			t.Fatal(err)
		}

		for _, r := range rows {
			sizes = append(sizes, len(r.Sealed))
		}

		return sizes
	}

	const overhead = 37 // of an empty sealed value
	f.clock.advance(15 * time.Minute)

	for n, size := range sizes() {
		if size <= 100 {
			t.Errorf("private key %d is gone while clocks may want it", n+1)
		}
	}
	f.clock.advance(time.Second)

	for n, size := range sizes() {
		if erased := size == overhead; erased != (n < 3) {
			t.Errorf("sealed private key %d has %d bytes", n+1, size)
		}
	}
	// A node that starts now has never seen the private half.
	if _, err := f.issuer(t).Verify(t.Context(), last); err != nil {
		t.Error(err)
	}
}

// Numbers in key IDs only grow, also across rotations and a change of region.
func TestKeyIDsNeverRepeat(t *testing.T) {
	f := newFixture(t)
	seen := map[string]bool{}
	for n := range 12 {
		region := []string{"us-east-1", "eu-west-1"}[n%2]
		i := f.issuer(t, func(o *issuer.Options) { o.Region = region })
		if err := i.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.clock.advance(48 * time.Hour)
		if err := i.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}

		for _, algorithm := range issuer.Algorithms {
			id := kid(t, f.sign(t, i, algorithm))
			if seen[id] || !strings.HasPrefix(id, region) {
				t.Errorf("rotation %d: key ID %s", n, id)
			}
			seen[id] = true
		}
	}
}

// Rotations that leave too many keys are refused: AWS takes 100 RSA keys.
func TestTooManyKeys(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t, func(o *issuer.Options) { o.PublishDelay = 4 * time.Second })
	var err error
	for range 60 {
		if err = i.Rotate(t.Context()); err != nil {
			break
		}
		f.clock.advance(4 * time.Second)
	}

	set, _ := fetch(t, i)
	count := map[string]int{}
	for _, k := range set.Keys {
		count[k.Algorithm]++
	}
	if !errors.Is(err, issuer.ErrTooManyKeys) || count["RS512"]+count["RS256"] > 100 || count["ES256"] > 100 {
		t.Errorf("%v, %v", count, err)
	}
	f.sign(t, i, "")
	f.clock.advance(25 * time.Hour)
	if err := i.Rotate(t.Context()); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

// The refusal names the time from which a rotation works. The algorithms end at different
// times if keys were retired.
func TestTooManyKeysUntil(t *testing.T) {
	for _, late := range []string{issuer.RS512, issuer.ES256} {
		f := newFixtureInMemory(t)
		i := f.issuer(t, func(o *issuer.Options) { o.PublishDelay = 4 * time.Second })
		for n := 1; ; n++ {
			err := i.Rotate(t.Context())
			if errors.Is(err, issuer.ErrTooManyKeys) {
				break
			} else if err != nil || n > 60 {
				t.Fatalf("rotation %d: %v", n, err)
			}
			f.clock.advance(4 * time.Second)

			if n != 20 {
				continue
			}
			// late loses its oldest key, the others lose one that would have ended later.
			for _, algorithm := range issuer.Algorithms {
				number := 9
				if algorithm == late {
					number = 0
				}
				if _, err := i.Retire(t.Context(), nthKey(t, f, algorithm, number)); err != nil {
					t.Fatal(err)
				}
			}
		}

		_, text, _ := strings.Cut(i.Rotate(t.Context()).Error(), " possible from ")
		from, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		f.clock.advance(from.Sub(f.clock.Now()) - time.Millisecond)
		if err := i.Rotate(t.Context()); !errors.Is(err, issuer.ErrTooManyKeys) ||
			!strings.Contains(err.Error(), text) {
			t.Errorf("%s ends late, before %s: %v", late, text, err)
		}
		f.clock.advance(time.Millisecond)
		if err := i.Rotate(t.Context()); err != nil {
			t.Errorf("%s ends late, at %s: %v", late, text, err)
		}
	}
}

// nthKey returns the ID of an algorithm's nth key, from 0.
func nthKey(t *testing.T, f *fixture, algorithm string, n int) string {
	t.Helper()
	infos, err := issuer.List(t.Context(), f.store, f.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	infos = slices.DeleteFunc(infos, func(k issuer.KeyInfo) bool { return k.Algorithm != algorithm })
	return infos[n].ID
}

// An algorithm that an older version had no key for: its key is published
// first, like any other.
func TestAlgorithmAddedLater(t *testing.T) {
	f := newFixtureInMemory(t)
	m := f.store.(*memory)
	f.issuer(t)
	m.keys = slices.DeleteFunc(m.keys, func(k store.Key) bool { return k.Algorithm == issuer.ES256 })
	i := f.issuer(t)
	set, _ := fetch(t, i)
	if len(set.Keys) != 3 {
		t.Errorf("%d keys are published", len(set.Keys))
	}
	if _, err := i.Sign(t.Context(), issuer.ES256, f.claims()); err == nil ||
		!strings.Contains(err.Error(), "2026-03-01T13:00:00Z") {
		t.Errorf("before verifiers know the key: %v", err)
	}

	f.sign(t, i, "")
	f.clock.advance(time.Hour)
	if got := kid(t, f.sign(t, i, issuer.ES256)); got != "us-east-13" && got != "us-east-14" {
		t.Errorf("signed by %s", got)
	}
}
