package store

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

func testKey(id string, created time.Time) Key {
	return Key{
		Purpose:   "signing",
		ID:        id,
		Algorithm: "RS512",
		Sealed:    []byte("sealed\x00" + id),
		Public:    []byte{0xff, 0},
		Created:   created,
		NotBefore: created.Add(time.Minute),
		NotAfter:  created.Add(time.Hour),
	}
}

func TestKeys(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		at := newClock().now()
		if keys, err := s.Keys(t.Context(), "signing"); err != nil || len(keys) != 0 {
			t.Fatalf("Keys at first = %v, %v", keys, err)
		}

		bare := Key{Purpose: "signing", ID: "bare", Created: at.Add(-time.Hour)}
		want := []Key{bare, testKey("a", at), testKey("b", at), testKey("0", at.Add(time.Second))}
		shuffled := []Key{want[3], want[1], want[0], want[2]}
		got, err := s.UpdateKeys(t.Context(), "signing", func(before []Key) ([]Key, error) {
			if len(before) != 0 {
				t.Errorf("change sees %v", before)
			}
			return shuffled, nil
		})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("UpdateKeys: %v (-want +got):\n%s", err, diff)
		}

		stored, err := s.Keys(t.Context(), "signing")
		if diff := cmp.Diff(want, stored, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("Keys: %v (-want +got):\n%s", err, diff)
		}
		if keys, err := s.Keys(t.Context(), "session"); err != nil || len(keys) != 0 {
			t.Errorf("Keys of another purpose = %v, %v", keys, err)
		}

		got, err = s.UpdateKeys(t.Context(), "signing", func(before []Key) ([]Key, error) {
			before[1].Public = []byte("new")
			return append(slices.Delete(before, 2, 4), testKey("c", at)), nil
		})
		want = []Key{bare, testKey("a", at), testKey("c", at)}
		want[1].Public = []byte("new")
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("UpdateKeys again: %v (-want +got):\n%s", err, diff)
		}

		mine := errors.New("mine")
		if _, err := s.UpdateKeys(t.Context(), "signing",
			func([]Key) ([]Key, error) { return nil, mine },
		); err != mine { //nolint:errorlint // it promises the very error
			t.Errorf("UpdateKeys returned %v, want change's own error", err)
		}

		for name, keys := range map[string][]Key{
			"another purpose": {{Purpose: "session", ID: "x"}},
			"one ID twice":    {testKey("x", at), testKey("x", at)},
			"no ID":           {{Purpose: "signing"}},
		} {
			_, err := s.UpdateKeys(t.Context(), "signing", func([]Key) ([]Key, error) { return keys, nil })
			wantError(t, name, err, ErrInvalid)
		}

		stored, err = s.Keys(t.Context(), "signing")
		if diff := cmp.Diff(want, stored, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("Keys after failures: %v (-want +got):\n%s", err, diff)
		}
		_, err = s.Keys(t.Context(), "\x00")
		wantError(t, "Keys of a purpose with NUL", err, ErrInvalid)
	})
}

// Nodes that start together must not both create the first key.
func TestUpdateKeysLetsOneNodeBeFirst(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		nodes := []*Store{open(t, o)}
		if o.URL != "" || o.Path != "" {
			nodes = append(nodes, open(t, o), open(t, o))
		}

		var wg sync.WaitGroup
		for n, s := range nodes {
			for g := range 4 {
				wg.Go(func() {
					_, err := s.UpdateKeys(t.Context(), "signing", func(keys []Key) ([]Key, error) {
						if len(keys) > 0 {
							return keys, nil
						}
						return []Key{testKey(numbered("k", n*4+g), newClock().now())}, nil
					})
					if err != nil {
						t.Errorf("UpdateKeys: %v", err)
					}
				})
			}
		}
		wg.Wait()

		for _, s := range nodes {
			if keys, err := s.Keys(t.Context(), "signing"); err != nil || len(keys) != 1 {
				t.Errorf("Keys = %d keys, %v; want 1", len(keys), err)
			}
		}
	})
}

func TestAccessKeys(t *testing.T) {
	c := newClock()
	eachOptions(t, func(t *testing.T, o Options) {
		o.Now = c.now
		s := open(t, o)
		ctx := t.Context()

		a := AccessKey{
			ID:           "AKIAA",
			Account:      "1",
			SealedSecret: []byte{0, 255, 1},
			Description:  "ä",
			Policy:       `{"a":1}`,
			Created:      c.now().Add(-time.Hour),
		}

		b := AccessKey{ID: "AKIAB", Account: "2", SealedSecret: []byte("x"), Disabled: true}
		d := AccessKey{ID: "AKIAa", Account: "1", SealedSecret: []byte("y")}
		for _, k := range []AccessKey{b, d, a} {
			wantError(t, "CreateAccessKey", s.CreateAccessKey(ctx, k), nil)
		}
		b.Created, d.Created = c.now(), c.now()
		wantError(t, "CreateAccessKey again", s.CreateAccessKey(ctx, a), ErrConflict)

		for name, spoil := range map[string]func(*AccessKey){
			"no ID":           func(k *AccessKey) { k.ID = "" },
			"NUL in text":     func(k *AccessKey) { k.Description = "\x00" },
			"policy as bytes": func(k *AccessKey) { k.Policy = "\xff" },
			"no account":      func(k *AccessKey) { k.Account = "" },
		} {
			k := AccessKey{ID: "AKIAX", Account: "1"}
			spoil(&k)
			wantError(t, name, s.CreateAccessKey(ctx, k), ErrInvalid)
		}

		list := func(step, account string, want ...AccessKey) {
			t.Helper()
			got, err := s.AccessKeys(ctx, identitypool.AccountID(account))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", step, err, diff)
			}
		}

		list("all", "", a, b, d)
		list("of an account", "1", a, d)
		list("of no account", "3")
		if got, err := s.AccessKey(ctx, "AKIAB"); err != nil || cmp.Diff(b, got) != "" {
			t.Errorf("AccessKey = %v, %v", got, err)
		}

		wantError(t, "SetAccessKeyDisabled", s.SetAccessKeyDisabled(ctx, "AKIAA", true), nil)
		wantError(t, "SetAccessKeyDisabled back", s.SetAccessKeyDisabled(ctx, "AKIAB", false), nil)
		a.Disabled, b.Disabled = true, false
		list("after switching", "", a, b, d)
		wantError(t, "DeleteAccessKey", s.DeleteAccessKey(ctx, "AKIAA"), nil)
		list("after deleting", "", b, d)

		_, err := s.AccessKey(ctx, "AKIAA")
		wantError(t, "AccessKey deleted", err, ErrNotFound)
		wantError(t, "SetAccessKeyDisabled deleted", s.SetAccessKeyDisabled(ctx, "AKIAA", true), ErrNotFound)
		wantError(t, "DeleteAccessKey deleted", s.DeleteAccessKey(ctx, "AKIAA"), ErrNotFound)
	})
}
