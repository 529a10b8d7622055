package session_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// TestSessionsInTheRealStore starts several nodes at once on one database file
// with the real sealer, lets them live through a rotation and a restart, and
// opens each one's sessions on every other.
func TestSessionsInTheRealStore(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "poolhouse.db")
	db, err := store.Open(ctx, store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}

	sealer, err := envelope.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.UTC)
	options := session.MinterOptions{Store: db, Sealer: sealer, Now: func() time.Time { return now }}

	var nodes [4]*session.Minter
	var group sync.WaitGroup
	for i := range nodes {
		group.Go(func() {
			m, err := session.NewMinter(ctx, options)
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
	mint := func(m *session.Minter) session.Credentials {
		t.Helper()
		c, err := m.Mint(ctx, session.Session{
			Account: "123456789012", RoleARN: iam.NewRoleARN("aws", "123456789012", "/", "app"),
			SessionName: session.EnhancedFlowName, Expires: now.Add(12 * time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}

		return c
	}

	everywhere := func(c session.Credentials, nodes ...*session.Minter) {
		t.Helper()

		for i, m := range nodes {
			s, secret, err := m.Open(ctx, c.AccessKeyID, c.SessionToken)
			if err != nil || secret != c.SecretAccessKey || s.RoleARN.String() != "arn:aws:iam::123456789012:role/app" {
				t.Fatalf("node %d: %+v, %v", i, s, err)
			}
		}
	}

	keys := func() []store.Key {
		t.Helper()
		list, err := db.Keys(ctx, "session")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}

	for _, m := range nodes {
		everywhere(mint(m), nodes[:]...)
	}
	if n := len(keys()); n != 1 {
		t.Fatalf("%d keys for one installation", n)
	}
	now = now.Add(24 * time.Hour)

	old := mint(nodes[0])
	for _, m := range nodes { // together again: one successor, not four
		group.Go(func() {
			if err := m.Refresh(ctx); err != nil {
				t.Error(err)
			}
		})
	}

	group.Wait()
	rotated := keys()
	if len(rotated) != 2 || rotated[0].NotAfter.IsZero() || !rotated[1].NotAfter.IsZero() {
		t.Fatalf("keys after a day: %+v, want the first with an end, and its successor", rotated)
	}
	now = now.Add(time.Hour)

	for _, m := range nodes {
		if err := m.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(rotated, keys()); diff != "" {
		t.Errorf("a refresh with nothing due changed the keys:\n%s", diff)
	}

	everywhere(old, nodes[:]...)
	fresh := mint(nodes[3])
	if fresh.SessionToken[:12] == old.SessionToken[:12] {
		t.Error("the successor does not seal")
	}

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if options.Store, err = store.Open(ctx, store.Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer options.Store.(*store.Store).Close()

	again, err := session.NewMinter(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	everywhere(old, again, nodes[0]) // nodes[0] without a database at all
	everywhere(fresh, again, nodes[0])

	stranger, err := envelope.New(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	options.Sealer = stranger
	if _, err := session.NewMinter(ctx, options); !errors.Is(err, envelope.ErrWrongKey) ||
		!strings.Contains(err.Error(), rotated[0].ID) {
		t.Errorf("under another master key: %v, want ErrWrongKey and the key's ID", err)
	}
}
