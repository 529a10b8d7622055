package issuer_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

func states(t *testing.T, f *fixture) map[string]issuer.State {
	t.Helper()
	infos, err := issuer.List(t.Context(), f.store, f.clock.Now())
	if err != nil {
		t.Fatal(err)
	}

	all := map[string]issuer.State{}
	for _, k := range infos {
		all[k.ID] = k.State
	}

	return all
}

func retire(t *testing.T, f *fixture, id string) issuer.KeyInfo {
	t.Helper()
	k, err := issuer.RetireIn(t.Context(), f.store, f.sealer, f.clock.Now, id)
	if err != nil {
		t.Fatalf("retiring %s: %v", id, err)
	}
	return k
}

// publishes reports whether a node publishes a key.
func publishes(t *testing.T, i *issuer.Issuer, id string) bool {
	t.Helper()
	set, _ := fetch(t, i)
	return slices.Contains(kids(set), id)
}

// RotateNow hands over at once: on nodes that have read nothing within Lag, on
// nodes whose clocks are behind, and past keys that wait for their time, which are
// withdrawn unless a node whose clock is ahead may have signed with them.
func TestRotateNow(t *testing.T) {
	for _, skew := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute} {
		f := newFixture(t)
		node := f.issuer(t, func(o *issuer.Options) { o.Now = func() time.Time { return f.clock.Now().Add(skew) } })
		f.clock.advance(time.Hour)
		tool := f.issuer(t)
		if err := tool.Rotate(t.Context()); err != nil { // us-east-14 to 16, for in an hour
			t.Fatal(err)
		}

		f.clock.advance(time.Minute)
		c := f.claims()
		c.Expires = c.IssuedAt.Add(time.Hour)
		old, err := node.Sign(t.Context(), "", c)
		if err != nil {
			t.Fatal(err)
		}

		for round, want := range []string{"us-east-17", "us-east-110"} { // a second time within the hour
			if err := tool.RotateNow(t.Context()); err != nil {
				t.Fatal(err)
			}
			if state := states(t, f)["us-east-14"]; state != issuer.Withdrawn {
				t.Errorf("clock %s: the key that waited is %s", skew, state)
			}
			if got := kid(t, f.sign(t, tool, "")); got != want {
				t.Errorf("clock %s, round %d: the node itself signs with %s, want %s", skew, round, got, want)
			}

			f.clock.advance(issuer.Lag)
			if got := kid(t, f.sign(t, node, "")); got != want {
				t.Errorf("clock %s, round %d: another node signs with %s, want %s", skew, round, got, want)
			}
			f.clock.advance(time.Minute)
		}

		if _, err := node.Verify(t.Context(), old); err != nil {
			t.Errorf("a token of the replaced key: %v", err)
		}
		f.clock.advance(2 * time.Hour)
		if got := kid(t, f.sign(t, node, "")); got != "us-east-110" {
			t.Errorf("clock %s: %s signs after the time of the key that waited", skew, got)
		}
		// What the replaced keys signed last is verified until its end.
		f.clock.advance(issuer.MaxTokenLifetime - 3*time.Hour)

		if !publishes(t, node, "us-east-11") || !publishes(t, node, "us-east-17") {
			t.Errorf("clock %s: a replaced key went before its last token", skew)
		}
		if publishes(t, node, "us-east-14") {
			t.Errorf("clock %s: a key that never signed is published", skew)
		}
	}
}

// RotateNow withdraws the keys that cannot have signed yet, of all algorithms. With
// the others a node whose clock is ahead may have signed.
func TestRotateNowWithdrawsUpcomingKeys(t *testing.T) {
	for name, test := range map[string]struct {
		waited time.Duration // of the hour until the keys sign
		want   issuer.State
	}{
		"just made":                       {0, issuer.Withdrawn},
		"beyond what clocks differ":       {45*time.Minute - time.Millisecond, issuer.Withdrawn},
		"within what clocks may differ":   {45 * time.Minute, issuer.Retired},
		"just before they sign":           {time.Hour - time.Millisecond, issuer.Retired},
		"signing since the last rotation": {time.Hour, issuer.Retired},
	} {
		f := newFixture(t)
		tool := f.issuer(t)
		if err := tool.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.clock.advance(test.waited)
		if err := tool.RotateNow(t.Context()); err != nil {
			t.Fatal(err)
		}

		for _, id := range []string{"us-east-14", "us-east-15", "us-east-16"} {
			if got := states(t, f)[id]; got != test.want || publishes(t, tool, id) != (got == issuer.Retired) {
				t.Errorf("%s: %s is %s, want %s, published: %t", name, id, got, test.want, publishes(t, tool, id))
			}
		}
		if got := kid(t, f.sign(t, tool, "")); got != "us-east-17" {
			t.Errorf("%s: %s signs", name, got)
		}
	}
}

// Retire takes a key out of use in each state but signing, for each algorithm.
func TestRetire(t *testing.T) {
	for n, algorithm := range issuer.Algorithms {
		f := newFixture(t)
		node, tool := f.issuer(t), f.issuer(t)
		first, second, third := key(1+n), key(4+n), key(7+n)
		token := f.sign(t, node, algorithm)

		for name, id := range map[string]string{"the key that signs": first, "no key": "us-east-1999"} {
			want := map[string]error{first: issuer.ErrKeySigns}[id]
			if want == nil {
				want = issuer.ErrNoKey
			}
			if _, err := issuer.RetireIn(t.Context(), f.store, f.sealer, f.clock.Now, id); !errors.Is(err, want) {
				t.Errorf("%s: %v", name, err)
			}
		}

		// A key that waits for its time: the one before it goes on as if there had been none.
		if err := tool.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if k := retire(t, f, second); k.State != issuer.Upcoming {
			t.Errorf("%s: %+v", second, k)
		}

		f.clock.advance(3 * time.Hour)
		if err := tool.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := kid(t, f.sign(t, node, algorithm)); got != first || publishes(t, node, second) {
			t.Errorf("%s signs, %s is published: %t", got, second, publishes(t, node, second))
		}

		f.clock.advance(2 * issuer.MaxTokenLifetime)
		last := f.sign(t, node, algorithm)
		if got := kid(t, last); got != first || !publishes(t, node, first) {
			t.Errorf("%s signs days later", got)
		}

		// The key that signed, after a rotation at once.
		if err := tool.RotateNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.clock.advance(issuer.Lag)

		fresh := f.sign(t, node, algorithm)
		k := retire(t, f, first)
		if k.State != issuer.Retired || !k.SignsUntil.Equal(f.clock.Now().Add(-issuer.Lag)) {
			t.Errorf("%s: %+v", first, k)
		}
		f.clock.advance(issuer.Lag)

		for _, x := range []string{token, last} {
			if _, err := node.Verify(t.Context(), x); !errors.Is(err, issuer.ErrKeyRetired) ||
				!errors.Is(err, issuer.ErrNotOurs) {
				t.Errorf("a token of a retired key: %v", err)
			}
		}

		if c, err := node.Verify(t.Context(), fresh); err != nil || c.Subject == "" {
			t.Errorf("a token of the key after it: %v", err)
		}
		if kid(t, fresh) != third && kid(t, fresh) == first || publishes(t, node, first) {
			t.Errorf("%s signs, %s is published: %t", kid(t, fresh), first, publishes(t, node, first))
		}
		if again := retire(t, f, first); again.State != issuer.Withdrawn {
			t.Errorf("a second time: %+v", again)
		}

		// A node that starts now, and one that was down.
		if _, err := f.issuer(t).Verify(t.Context(), last); !errors.Is(err, issuer.ErrKeyRetired) {
			t.Errorf("a token of a retired key, on a new node: %v", err)
		}
		rows, err := f.store.Keys(t.Context(), "signing")
		if err != nil {
			t.Fatal(err)
		}

		for _, r := range rows {
			if r.ID == first && len(r.Sealed) > 100 {
				t.Error("the private half of a retired key is kept")
			}
		}
	}
}

func key(n int) string { return "us-east-1" + string(rune('0'+n)) }

// The number of a retired key is never given again, though it was the highest, and
// the rows of retired keys go when all that they signed has expired.
func TestRetiredIDsAreNotGivenAgain(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)
	if err := i.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}

	for _, id := range []string{"us-east-14", "us-east-15", "us-east-16"} {
		retire(t, f, id)
	}
	f.clock.advance(2 * issuer.MaxTokenLifetime)
	if err := i.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}

	if all := states(t, f); len(all) != 4 || all["us-east-16"] != issuer.Withdrawn {
		t.Errorf("%v", all)
	}
	if err := i.RotateNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := kid(t, f.sign(t, i, "")); got != "us-east-17" {
		t.Errorf("%s signs", got)
	}

	f.clock.advance(2 * issuer.MaxTokenLifetime)
	if err := i.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := states(t, f); len(all) != 3 {
		t.Errorf("%v", all)
	}
}

// A key is retired soon after its successor took over in the ordinary way: nodes
// whose clocks are behind sign with the successor, too.
func TestRetireAfterHandOver(t *testing.T) {
	f := newFixture(t)
	behind := f.issuer(t,
		func(o *issuer.Options) { o.Now = func() time.Time { return f.clock.Now().Add(-10 * time.Minute) } })
	tool := f.issuer(t)
	if err := tool.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}

	f.clock.advance(time.Hour + time.Minute)
	retire(t, f, "us-east-11")
	f.clock.advance(issuer.Lag)
	token := f.sign(t, behind, "")
	if got := kid(t, token); got != "us-east-14" {
		t.Errorf("%s signs", got)
	}
	if _, err := tool.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
}

// Rotations and retirements by several at once: each is carried out, and what comes
// of it signs and verifies.
func TestManyRotateAtOnce(t *testing.T) {
	f := newFixture(t)
	nodes := []*issuer.Issuer{f.issuer(t), f.issuer(t), f.issuer(t)}
	var group sync.WaitGroup
	for n, node := range nodes {
		group.Go(func() {
			rotate := node.RotateNow
			if n == 2 {
				rotate = node.Rotate
			}
			if err := rotate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}

	group.Wait()
	f.clock.advance(issuer.Lag)
	if all := states(t, f); len(all) != 12 {
		t.Errorf("%v", all)
	}

	for _, algorithm := range issuer.Algorithms {
		tokens := make([]string, len(nodes))
		for n, node := range nodes {
			tokens[n] = f.sign(t, node, algorithm)
			if kid(t, tokens[n]) != kid(t, tokens[0]) {
				t.Errorf("nodes sign with %s and %s", kid(t, tokens[0]), kid(t, tokens[n]))
			}
		}

		for _, node := range nodes {
			for _, token := range tokens {
				if _, err := node.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			}
		}
	}

	var retired sync.WaitGroup
	for range 3 {
		for _, id := range []string{"us-east-11", "us-east-12", "us-east-13"} {
			retired.Go(func() {
				if _, err := issuer.RetireIn(t.Context(), f.store, f.sealer, f.clock.Now, id); err != nil {
					t.Error(err)
				}
			})
		}
	}

	retired.Wait()

	for _, id := range []string{"us-east-11", "us-east-12", "us-east-13"} {
		if states(t, f)[id] != issuer.Withdrawn {
			t.Errorf("%v", states(t, f))
		}
	}
}
