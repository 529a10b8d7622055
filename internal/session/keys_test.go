package session

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// infos describes the keys, by ID.
func infos(t *testing.T, k Keys) map[string]KeyInfo {
	t.Helper()
	list, err := k.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	all := map[string]KeyInfo{}
	for _, one := range list {
		all[one.ID] = one
	}

	return all
}

// A key that leaked is replaced at once and retired: its sessions end on every node
// within Lag, those of its successor are opened everywhere. A second time follows
// within the hour. Clocks differ.
func TestRetireSessionKey(t *testing.T) {
	for _, skew := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute} {
		c, table := newClock(), &keyTable{}
		tool := Keys{Store: table, Sealer: boundSealer{}, Now: c.Now}
		other := func() time.Time { return c.Now().Add(skew) }
		a := newMinter(t, table, c)
		b, err := NewMinter(t.Context(), MinterOptions{Store: table, Sealer: boundSealer{}, Now: other})
		if err != nil {
			t.Fatal(err)
		}
		c.Advance(20 * time.Minute)

		leaked, id := mintWith(t, a, c)
		for range 2 {
			if _, err := tool.Retire(t.Context(), hexOf(id)); !errors.Is(err, ErrKeySeals) {
				t.Errorf("the key that seals: %v", err)
			}
			if err := tool.Rotate(t.Context(), true); err != nil {
				t.Fatal(err)
			}

			c.Advance(Lag)
			fresh, next := mintWith(t, a, c)
			byB, nextOfB := mintWith(t, b, c)
			if next == id || nextOfB != next {
				t.Errorf("clock %s: %x and %x seal after %x", skew, next, nextOfB, id)
			}
			if !opens(t, a, leaked) || !opens(t, b, leaked) || !b.Knows(t.Context(), leaked.SessionToken) {
				t.Error("a rotation ends sessions")
			}

			before, err := tool.Retire(t.Context(), hexOf(id))
			if err != nil || before.State != Opening || before.SealsUntil.After(c.Now()) {
				t.Errorf("%+v, %v", before, err)
			}
			c.Advance(Lag)

			for _, m := range []*Minter{a, b} {
				if opens(t, m, leaked) || m.Knows(t.Context(), leaked.SessionToken) {
					t.Errorf("clock %s: a session under a retired key is opened", skew)
				}
				if !opens(t, m, fresh) || !opens(t, m, byB) || !m.Knows(t.Context(), fresh.SessionToken) {
					t.Errorf("clock %s: a session under the key after it is refused", skew)
				}
			}

			leaked, id = fresh, next
			c.Advance(time.Minute)
		}

		if _, err := tool.Retire(t.Context(), hexOf(keyID{1})); !errors.Is(err, ErrNoKey) {
			t.Errorf("no key: %v", err)
		}
		if a.Knows(t.Context(), "") || a.Knows(t.Context(), "AQ==") || a.Knows(t.Context(), leaked.SessionToken[:8]) {
			t.Error("what is no token is known")
		}
	}
}

// An upcoming key is retired without a trace, and an ordinary rotation seals when
// every node has read it, twice within the hour.
func TestRotateSessionKey(t *testing.T) {
	c, table := newClock(), &keyTable{}
	tool := Keys{Store: table, Sealer: boundSealer{}, Now: c.Now}
	m := newMinter(t, table, c)
	_, first := mintWith(t, m, c)

	for range 2 {
		if err := tool.Rotate(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}

	upcoming := 0
	for id, k := range infos(t, tool) {
		if k.State == Upcoming {
			upcoming++
			if k, err := tool.Retire(t.Context(), id); err != nil || k.State != Upcoming {
				t.Errorf("%+v, %v", k, err)
			}
		}
	}

	c.Advance(time.Hour)
	if _, id := mintWith(t, m, c); id != first || upcoming != 2 || !infos(t, tool)[hexOf(first)].KeptUntil.IsZero() {
		t.Errorf("%x seals after %d upcoming keys were retired; %+v", id, upcoming, infos(t, tool))
	}
	if err := tool.Rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, id := mintWith(t, m, c); id != first {
		t.Error("a key seals at once")
	}

	c.Advance(minLead)
	last, id := mintWith(t, m, c)
	if id == first {
		t.Error("the new key does not seal")
	}

	// The old one is kept for what it sealed.
	c.Advance(iam.MaxSession)
	if _, ok := infos(t, tool)[hexOf(first)]; !ok || opens(t, m, last) {
		t.Error("the old key went too early, or a session did not end")
	}
}

// A rotation that seals at once removes the keys that have not sealed yet: they
// must open nothing when they leaked, too.
func TestRotateSessionKeyNowRemovesUpcomingKeys(t *testing.T) {
	for waited, kept := range map[time.Duration]bool{0: false, minLead - time.Millisecond: false, minLead: true} {
		c, table := newClock(), &keyTable{}
		tool := Keys{Store: table, Sealer: boundSealer{}, Now: c.Now}
		m := newMinter(t, table, c)
		old, _ := mintWith(t, m, c)
		if err := tool.Rotate(t.Context(), false); err != nil {
			t.Fatal(err)
		}

		var second string
		for id, k := range infos(t, tool) {
			if k.State == Upcoming {
				second = id
			}
		}

		c.Advance(waited)
		if err := tool.Rotate(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if _, is := infos(t, tool)[second]; is != kept || second == "" {
			t.Errorf("after %s: the key that waited is kept: %t, want %t", waited, is, kept)
		}
		if !opens(t, m, old) {
			t.Errorf("after %s: a session of the key before is refused", waited)
		}
	}
}

// Several at once: each rotation is carried out, and under another master key none.
func TestManyRotateSessionKeysAtOnce(t *testing.T) {
	c, table := newClock(), &keyTable{}
	m := newMinter(t, table, c)

	tool := Keys{Store: table, Sealer: boundSealer{}, Now: c.Now}
	for _, now := range []bool{true, false} { // a rotation at once removes what waits
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if err := tool.Rotate(t.Context(), now); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}

	if all := infos(t, tool); len(all) != 5 {
		t.Errorf("%v", all)
	}
	c.Advance(Lag)
	if got, _ := mintWith(t, m, c); !opens(t, newMinter(t, table, c), got) {
		t.Error("a session is not opened")
	}

	wrong := Keys{Store: table, Sealer: boundSealer{master: "other"}, Now: c.Now}
	if err := wrong.Rotate(t.Context(), true); err == nil {
		t.Error("a key was added under another master key")
	}

	for range maxKeys {
		_ = tool.Rotate(t.Context(), true)
	}
	if n, _, _ := table.count(); n != maxKeys {
		t.Errorf("%d keys", n)
	}
}

// Without the database, sessions go on for maxUnread, and then are refused: their
// key may have been retired. It is no refusal of the client.
func TestUnreadSessionKeys(t *testing.T) {
	c, table := newClock(), &keyTable{}
	m := newMinter(t, table, c)
	got, _ := mintWith(t, m, c)
	table.broken = errors.New("no database")
	c.Advance(maxUnread - time.Second)
	if !opens(t, m, got) || !m.Knows(t.Context(), got.SessionToken) {
		t.Error("refused too early")
	}

	c.Advance(time.Second)
	_, _, err := m.Open(t.Context(), got.AccessKeyID, got.SessionToken)
	if err == nil || errors.Is(err, ErrInvalidToken) || errors.Is(err, ErrExpiredToken) ||
		m.Knows(t.Context(), got.SessionToken) {
		t.Errorf("Open after %s without the database: %v", maxUnread, err)
	}
	if _, err := m.Mint(t.Context(), ordinary(c.Now())); err == nil {
		t.Error("Mint goes on")
	}
	table.broken = nil
	c.Advance(defaultInterval)

	if !opens(t, m, got) {
		t.Error("refused when the database is back")
	}
}

// A refused call opens its token twice, the second time to find its account. Its
// explanation names the retired key once.
func TestRetiredSessionKeyIsExplainedOnce(t *testing.T) {
	c, table := newClock(), &keyTable{}
	m := newMinter(t, table, c)
	leaked, id := mintWith(t, m, c)
	tool := Keys{Store: table, Sealer: boundSealer{}, Now: c.Now}
	if err := tool.Rotate(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := tool.Retire(t.Context(), hexOf(id)); err != nil {
		t.Fatal(err)
	}
	c.Advance(Lag)

	var trace explain.Trace
	ctx := explain.NewContext(t.Context(), &trace)
	if _, _, err := m.Open(ctx, leaked.AccessKeyID, leaked.SessionToken); !errors.Is(err, ErrInvalidToken) {
		t.Errorf("the retired key: %v", err)
	}
	if owner := m.Owner(ctx, leaked.AccessKeyID, leaked.SessionToken); owner != "" {
		t.Errorf("account %s for a token that nobody can read", owner)
	}
	if steps := trace.Steps(); len(steps) != 1 {
		t.Errorf("the explanation is %+v", steps)
	}
}
