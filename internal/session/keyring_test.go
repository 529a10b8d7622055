package session

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const day = 24 * time.Hour

// mintWith returns credentials of an hour and the ID of the key that sealed them.
func mintWith(t *testing.T, m *Minter, c *clock) (Credentials, keyID) {
	t.Helper()
	got, err := m.Mint(t.Context(), ordinary(c.Now()))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := strict.DecodeString(got.SessionToken)
	if err != nil {
		t.Fatal(err)
	}

	return got, keyID(raw[1:headerBytes])
}

func opens(t *testing.T, m *Minter, got Credentials) bool {
	t.Helper()
	_, secret, err := m.Open(t.Context(), got.AccessKeyID, got.SessionToken)
	if err == nil && secret != got.SecretAccessKey {
		t.Fatal("opened with another secret")
	}
	return err == nil
}

func refresh(t *testing.T, nodes ...*Minter) {
	t.Helper()

	for _, m := range nodes {
		if err := m.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNodesShareKeys(t *testing.T) {
	c, table := newClock(), &keyTable{}
	var nodes [8]*Minter
	var group sync.WaitGroup
	for i := range nodes { // they start together and must not each make a key
		group.Go(func() {
			m, err := NewMinter(t.Context(), MinterOptions{Store: table, Sealer: boundSealer{}, Now: c.Now})
			if err != nil {
				t.Error(err)
			}
			nodes[i] = m
		})
	}

	group.Wait()
	if t.Failed() {
		return
	}
	if n, _, _ := table.count(); n != 1 {
		t.Fatalf("%d keys for one installation, want 1", n)
	}

	for _, a := range nodes {
		got, _ := mintWith(t, a, c)
		for _, b := range nodes {
			if !opens(t, b, got) {
				t.Fatal("a node cannot open another's token")
			}
		}
	}

	// A restarted node opens what was minted before.
	before, _ := mintWith(t, nodes[0], c)
	if !opens(t, newMinter(t, table, c), before) {
		t.Error("a token did not survive a restart")
	}
}

// TestRotation follows two nodes, one of which reads the store as late as its
// interval lets it, through four days, and opens every token on both.
func TestRotation(t *testing.T) {
	c, table := newClock(), &keyTable{}
	a, b := newMinter(t, table, c), newMinter(t, table, c)
	used := map[keyID]bool{}
	type minted struct {
		Credentials
		at time.Time
	}

	var live []minted
	const step = 4 * time.Minute // of b; a reads every minute
	for elapsed := time.Duration(0); elapsed < 4*day; elapsed += step {
		for range step / time.Minute {
			c.Advance(time.Minute)
			refresh(t, a)
		}
		refresh(t, b)

		for _, m := range []*Minter{a, b} {
			got, id := mintWith(t, m, c)
			used[id] = true
			live = append(live, minted{got, c.Now()})
		}

		for len(live) > 0 && c.Now().Sub(live[0].at) >= time.Hour {
			live = live[1:]
		}

		for _, i := range []int{0, len(live) / 2, len(live) - 1} {
			if !opens(t, a, live[i].Credentials) || !opens(t, b, live[i].Credentials) {
				t.Fatalf("after %v: a live token of %v cannot be opened", elapsed, live[i].at)
			}
		}
		if n, _, _ := table.count(); n > 2 {
			t.Fatalf("after %v: %d keys are kept, want at most 2", elapsed, n)
		}
	}

	if len(used) != 4 && len(used) != 5 {
		t.Errorf("%d keys sealed in four days, want one a day", len(used))
	}
	// Nothing but due changes writes.
	if _, _, writes := table.count(); writes > 12 {
		t.Errorf("%d writes in four days", writes)
	}
}

func TestKeysOutliveTheLongestSession(t *testing.T) {
	c, table := newClock(), &keyTable{}
	m := newMinter(t, table, c)

	_, first := mintWith(t, m, c)
	// The last moment at which the first key seals is just before its successor's.
	var last Credentials
	for {
		c.Advance(time.Minute)
		refresh(t, m)
		s := ordinary(c.Now())
		s.Expires = c.Now().Add(iam.MaxSession)
		got, err := m.Mint(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}

		if raw, err := strict.DecodeString(got.SessionToken); err != nil || keyID(raw[1:headerBytes]) != first {
			break
		}
		last = got
	}

	c.Advance(iam.MaxSession - 2*time.Minute)
	refresh(t, m)
	if !opens(t, m, last) || !opens(t, newMinter(t, table, c), last) {
		t.Error("a session of the longest kind lost its key before its end")
	}
	c.Advance(keepMargin + 3*time.Minute)
	refresh(t, m)

	for _, k := range table.keys {
		if strings.EqualFold(k.ID, hexOf(first)) {
			t.Error("the key is kept although nothing can need it")
		}
	}
}

func hexOf(id keyID) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range id {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// A new key waits until every node must have read it.
func TestNewKeysArePublishedBeforeTheySeal(t *testing.T) {
	c, table := newClock(), &keyTable{}
	a, late := newMinter(t, table, c), newMinter(t, table, c)
	_, first := mintWith(t, a, c)
	c.Advance(day - leadIntervals*time.Minute)
	refresh(t, a)
	if n, _, _ := table.count(); n != 2 {
		t.Fatalf("%d keys, want the successor beside the first", n)
	}

	got, id := mintWith(t, a, c)
	if id != first {
		t.Error("a key seals before the other nodes can know it")
	}
	if !opens(t, late, got) {
		t.Error("a node that has not read the new key cannot open a token")
	}
	c.Advance(leadIntervals * time.Minute)
	if _, id := mintWith(t, a, c); id == first {
		t.Error("the successor does not seal when its time has come")
	}
}

// A node whose clock is behind the one that made the first key still works.
func TestNodeWithSlowClock(t *testing.T) {
	table, c := &keyTable{}, newClock()
	newMinter(t, table, c)
	slow := newClock()
	slow.Advance(-2 * time.Minute)
	m := newMinter(t, table, slow)

	got, _ := mintWith(t, m, slow)
	if !opens(t, m, got) {
		t.Error("it cannot open its own token")
	}
}

func TestUnknownKeysAskTheStoreOncePerInterval(t *testing.T) {
	c, table := newClock(), &keyTable{}
	m := newMinter(t, table, c)
	unknown := func(n byte) {
		t.Helper()
		token := append([]byte{tokenVersion, n}, make([]byte, 64)...)
		_, _, err := m.Open(t.Context(), "ASIAAAAAAAAAAAAAAAAA", strict.EncodeToString(token))
		if !errors.Is(err, ErrInvalidToken) {
			t.Fatalf("Open = %v, want ErrInvalidToken", err)
		}
	}

	_, before, _ := table.count()

	for n := range byte(100) {
		unknown(n)
	}
	if _, reads, _ := table.count(); reads != before+1 {
		t.Errorf("100 tokens under unknown keys made %d reads, want 1", reads-before)
	}

	c.Advance(defaultInterval - 1)
	unknown(0)
	if _, reads, _ := table.count(); reads != before+1 {
		t.Error("read again within the interval")
	}
	c.Advance(1)
	unknown(0)
	if _, reads, _ := table.count(); reads != before+2 {
		t.Error("did not read again after the interval")
	}

	// Ordinary tokens cost none.
	got, _ := mintWith(t, m, c)
	for range 50 {
		if !opens(t, m, got) {
			t.Fatal("cannot open")
		}
	}
	if _, reads, _ := table.count(); reads != before+2 {
		t.Errorf("opening known tokens read the store")
	}
}

// A node that missed a key learns it from the first token under it, also when
// the client that brought it hangs up.
func TestUnknownKeyIsLearnt(t *testing.T) {
	c, table := newClock(), &keyTable{}
	behind := newMinter(t, table, c)
	c.Advance(day)
	ahead := newMinter(t, table, c)
	c.Advance(leadIntervals * time.Minute)
	got, _ := mintWith(t, ahead, c)
	gone, cancel := context.WithCancel(t.Context())
	table.entered, table.proceed = make(chan struct{}), make(chan struct{})

	done := make(chan error)
	go func() {
		_, _, err := behind.Open(gone, got.AccessKeyID, got.SessionToken)
		done <- err
	}()

	<-table.entered
	cancel()

	table.proceed <- struct{}{}
	if err := <-done; err != nil {
		t.Errorf("Open = %v, want the key to be read although the client is gone", err)
	}
	table.entered = nil

	if !opens(t, behind, got) {
		t.Error("the key was not kept")
	}
}

func TestRefreshKeepsKeysWhenTheStoreFails(t *testing.T) {
	c, table := newClock(), &keyTable{}
	m := newMinter(t, table, c)
	got, _ := mintWith(t, m, c)
	table.broken = errors.New("no database")
	if err := m.Refresh(t.Context()); !errors.Is(err, table.broken) {
		t.Errorf("Refresh = %v, want the store's error", err)
	}
	if !opens(t, m, got) {
		t.Error("a store that fails takes known sessions down")
	}

	if _, err := m.Mint(t.Context(), ordinary(c.Now())); err != nil {
		t.Errorf("Mint without a store: %v", err)
	}
	if _, err := NewMinter(t.Context(),
		MinterOptions{Store: table, Sealer: boundSealer{}, Now: c.Now}); !errors.Is(err, table.broken) {
		t.Errorf("NewMinter = %v, want the store's error", err)
	}

	ended, cancel := context.WithCancel(t.Context())
	cancel()

	m.refreshing <- struct{}{}
	if err := m.Refresh(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Refresh behind another = %v, want to give up with its context", err)
	}
}

func TestWrongMasterKeyIsRefused(t *testing.T) {
	c, table := newClock(), &keyTable{}
	newMinter(t, table, c)
	id := table.keys[0].ID
	c.Advance(2 * day) // a successor is due, and must not be added under another master key
	_, err := NewMinter(t.Context(), MinterOptions{Store: table, Sealer: boundSealer{master: "other"}, Now: c.Now})
	if err == nil || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), "another master key") {
		t.Errorf("NewMinter = %v, want an error that names the key", err)
	}
	if n, _, _ := table.count(); n != 1 {
		t.Errorf("%d keys: one was added that other nodes cannot open", n)
	}
}

func TestUnusableKeysAreRefused(t *testing.T) {
	c := newClock()
	good := generateKey(c.Now(), c.Now(), boundSealer{})
	for name, change := range map[string]func(*store.Key){
		"no hexadecimal ID": func(k *store.Key) { k.ID = "x" },
		"a short ID":        func(k *store.Key) { k.ID = "abcd" },
		"another algorithm": func(k *store.Key) { k.Algorithm = "AES-512" },
		"sealed for another": func(k *store.Key) {
			k.Sealed = boundSealer{}.Seal(make([]byte, 32), sealedFor("other"))
		},
		"a key of 16 bytes": func(k *store.Key) { k.Sealed = boundSealer{}.Seal(make([]byte, 16), sealedFor(k.ID)) },
		"nothing sealed":    func(k *store.Key) { k.Sealed = nil },
	} {
		bad := good
		change(&bad)
		if _, err := NewMinter(t.Context(),
			MinterOptions{Store: &keyTable{keys: []store.Key{bad}}, Sealer: boundSealer{}, Now: c.Now}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// forgetfulTable keeps nothing, and returns no error.
type forgetfulTable struct{ keyTable }

func (*forgetfulTable) UpdateKeys(
	context.Context, string, func([]store.Key) ([]store.Key, error),
) ([]store.Key, error) {
	return nil, nil
}

func TestMinterNeedsAKey(t *testing.T) {
	if m, err := NewMinter(t.Context(), MinterOptions{Store: &forgetfulTable{}, Sealer: boundSealer{}}); err == nil {
		t.Errorf("NewMinter = %v, without any key", m)
	}
}

func TestMinterOptions(t *testing.T) {
	for name, o := range map[string]MinterOptions{
		"no store":                  {Sealer: boundSealer{}},
		"no sealer":                 {Store: &keyTable{}},
		"keys change too often":     {Store: &keyTable{}, Sealer: boundSealer{}, RotateEvery: time.Minute},
		"nodes read too seldom":     {Store: &keyTable{}, Sealer: boundSealer{}, RefreshInterval: 12 * time.Hour},
		"nodes read at no interval": {Store: &keyTable{}, Sealer: boundSealer{}, RefreshInterval: -1},
	} {
		if _, err := NewMinter(t.Context(), o); err == nil {
			t.Errorf("NewMinter accepted options with %s", name)
		}
	}
}

func TestRunRefreshesUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &keyTable{}
		m, err := NewMinter(t.Context(), MinterOptions{Store: table, Sealer: boundSealer{}})
		if err != nil {
			t.Fatal(err)
		}
		_, before, _ := table.count()

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute+time.Second)
		defer cancel()

		m.Run(ctx) // returns when ctx ends, or the bubble's clock would stand still
		if _, after, _ := table.count(); after != before+300 {
			t.Errorf("%d reads in ten minutes, want 300", after-before)
		}
	})
}

// A secret is HKDF-Expand's, also when the HMAC that makes it was used before.
func TestSecretIsHKDF(t *testing.T) {
	master := bytes.Repeat([]byte{7}, keyBytes)
	k, err := newSessionKey(keyID{}, time.Time{}, master)
	if err != nil {
		t.Fatal(err)
	}
	prk, err := hkdf.Key(sha256.New, master, nil, "poolhouse secret access key", keyBytes)
	if err != nil {
		t.Fatal(err)
	}

	for n := range 5 {
		id, nonce := fmt.Sprintf("ASIAQAAAAAAAAAAAAAA%d", n), bytes.Repeat([]byte{byte(n)}, nonceBytes)
		want, err := hkdf.Expand(sha256.New, prk, "sk|"+id+"|"+string(nonce), secretBytes)
		if err != nil {
			t.Fatal(err)
		}
		if got := k.secret(id, nonce); got != base64.StdEncoding.EncodeToString(want) {
			t.Errorf("secret of %s = %s, want HKDF-Expand's", id, got)
		}
	}
}
