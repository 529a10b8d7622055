package iam

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.now = c.now.Add(d)
}

func newKeys(t testing.TB, r AccessKeyStore, c *clock) *AccessKeys {
	t.Helper()
	k, err := NewAccessKeys(AccessKeyOptions{Store: r, Sealer: boundSealer{}, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCreateAccessKey(t *testing.T) {
	ctx, r, c := t.Context(), newRows(), newClock()
	var log bytes.Buffer
	keys, err := NewAccessKeys(AccessKeyOptions{
		Store:  r,
		Sealer: boundSealer{},
		Now:    c.Now,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}

	key, secret, err := keys.Create(ctx, NewAccessKey{Account: account, Description: "deploy"})
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(key.ID) {
		t.Errorf("ID %q", key.ID)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9/+]{40}$`).MatchString(secret) {
		t.Errorf("a secret of another form, %d characters", len(secret))
	}
	if key.Account != account || key.Description != "deploy" || key.Disabled || !key.Created.Equal(c.Now()) {
		t.Errorf("Create = %+v", key)
	}

	other, otherSecret, err := keys.Create(ctx, NewAccessKey{Account: account})
	if err != nil || other.ID == key.ID || otherSecret == secret {
		t.Errorf("a second key is like the first: %v", err)
	}
	if bytes.Contains(log.Bytes(), []byte(secret)) {
		t.Error("the log has the secret")
	}

	caller, got, err := keys.Lookup(ctx, key.ID)
	if err != nil || got != secret {
		t.Fatalf("Lookup: %v, secret equal: %t", err, got == secret)
	}
	if caller.ARN != "arn:aws:iam::123456789012:root" || caller.UserID != account || caller.Account != account ||
		caller.AccessKeyID != key.ID {
		t.Errorf("caller = %+v", caller)
	}

	list, err := keys.List(ctx, account)
	if err != nil || len(list) != 2 {
		t.Fatalf("List = %v, %v", list, err)
	}
	if list, err := keys.List(ctx, "999999999999"); err != nil || len(list) != 0 {
		t.Errorf("List of another account = %v, %v", list, err)
	}
}

func TestAccessKeyWithPolicyIsAUser(t *testing.T) {
	ctx := t.Context()
	keys := newKeys(t, newRows(), newClock())
	key, _, err := keys.Create(ctx, NewAccessKey{Account: account, Policy: allowRead})
	if err != nil {
		t.Fatal(err)
	}
	caller, _, err := keys.Lookup(ctx, key.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := "arn:aws:iam::123456789012:user/poolhouse/" + key.ID; caller.ARN != want {
		t.Errorf("ARN = %s, want %s", caller.ARN, want)
	}

	if !regexp.MustCompile(`^AIDA[A-Z2-7]{17}$`).MatchString(caller.UserID) {
		t.Errorf("UserID = %s", caller.UserID)
	}
}

func TestAccessKeysRefuse(t *testing.T) {
	ctx := t.Context()
	keys := newKeys(t, newRows(), newClock())
	for name, n := range map[string]NewAccessKey{
		"no account":               {},
		"short account":            {Account: "123"},
		"policy that is no JSON":   {Account: account, Policy: "{"},
		"policy of 10,241 bytes":   {Account: account, Policy: allowAll + strings.Repeat(" ", 10_241-len(allowAll))},
		"policy with a principal":  {Account: account, Policy: trustPool},
		"description with NUL":     {Account: account, Description: "a\x00"},
		"description not UTF-8":    {Account: account, Description: "\xff"},
		"description of 257 runes": {Account: account, Description: strings.Repeat("é", 257)},
	} {
		if key, _, err := keys.Create(ctx, n); err == nil {
			t.Errorf("%s: Create = %+v", name, key)
		}
	}

	for _, tc := range []struct{ id, secret string }{
		{"ab", "test"}, {"a b", "test"}, {"", "test"}, {strings.Repeat("a", 129), "test"},
		{
			"ASIAABCDEFGHIJKLMNOP", "test",
		}, {"test", ""}, {"test", "a b"}, {"test", "a\n"}, {"test", strings.Repeat("a", 129)},
	} {
		if _, err := keys.Import(ctx, tc.id, tc.secret, NewAccessKey{Account: account}); err == nil {
			t.Errorf("Import(%q, %q) was accepted", tc.id, tc.secret)
		} else if tc.secret != "test" && tc.secret != "" && strings.Contains(err.Error(), tc.secret) {
			t.Errorf("Import's error shows the secret: %v", err)
		}
	}

	if list, err := keys.List(ctx, ""); err != nil || len(list) != 0 {
		t.Errorf("something was written: %v, %v", list, err)
	}

	for name, o := range map[string]AccessKeyOptions{
		"no store":            {Sealer: boundSealer{}},
		"no sealer":           {Store: newRows()},
		"cached for too long": {Store: newRows(), Sealer: boundSealer{}, CacheLifetime: MaxCacheLifetime + 1},
		"cached for less":     {Store: newRows(), Sealer: boundSealer{}, CacheLifetime: -1},
		"entries":             {Store: newRows(), Sealer: boundSealer{}, CacheEntries: -1},
	} {
		if _, err := NewAccessKeys(o); err == nil {
			t.Errorf("NewAccessKeys accepted options with %s", name)
		}
	}
}

func TestImportAccessKey(t *testing.T) {
	ctx := t.Context()
	keys := newKeys(t, newRows(), newClock())
	want := NewAccessKey{Account: account, Description: "development"}
	if _, err := keys.Import(ctx, "test", "test", want); err != nil {
		t.Fatal(err)
	}

	if _, secret, err := keys.Lookup(ctx, "test"); err != nil || secret != "test" {
		t.Fatalf("Lookup = %q, %v", secret, err)
	}
	if err := keys.SetDisabled(ctx, "test", true); err != nil {
		t.Fatal(err)
	}

	again, err := keys.Import(ctx, "test", "test", want)
	if err != nil || !again.Disabled {
		t.Errorf("repeated Import = %+v, %v, want the key as it is: disabled", again, err)
	}

	for name, try := range map[string]func() error{
		"another secret": func() error { _, err := keys.Import(ctx, "test", "other", want); return err },
		"another account": func() error {
			_, err := keys.Import(ctx, "test", "test", NewAccessKey{Account: "999999999999"})
			return err
		},
		"another policy": func() error {
			_, err := keys.Import(ctx, "test", "test", NewAccessKey{Account: account, Policy: allowAll})
			return err
		},
	} {
		if err := try(); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v, want ErrConflict", name, err)
		}
	}
}

func TestDisabledKeysStop(t *testing.T) {
	ctx, r, c := t.Context(), newRows(), newClock()
	here, there := newKeys(t, r, c), newKeys(t, r, c)
	usable := func(k *AccessKeys, id string) bool {
		t.Helper()
		_, _, err := k.Lookup(ctx, id)
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDisabled) {
			t.Fatal(err)
		}
		return err == nil
	}

	for name, stop := range map[string]func(id string) error{
		"disabled": func(id string) error { return here.SetDisabled(ctx, id, true) },
		"deleted":  func(id string) error { return here.Delete(ctx, id) },
	} {
		key, _, err := here.Create(ctx, NewAccessKey{Account: account})
		if err != nil {
			t.Fatal(err)
		}
		if !usable(here, key.ID) || !usable(there, key.ID) {
			t.Fatal("a new key does not work")
		}

		if err := stop(key.ID); err != nil {
			t.Fatal(err)
		}
		if usable(here, key.ID) {
			t.Errorf("%s: still usable in the process that did it", name)
		}

		c.Advance(MaxCacheLifetime)
		if usable(there, key.ID) {
			t.Errorf("%s: still usable in another process after %v", name, MaxCacheLifetime)
		}
		if name == "disabled" {
			if err := there.SetDisabled(ctx, key.ID, false); err != nil {
				t.Fatal(err)
			}
			if !usable(there, key.ID) || !usable(here, key.ID) {
				t.Error("an enabled key does not work")
			}
		}
	}

	for name, err := range map[string]error{
		"SetDisabled": here.SetDisabled(ctx, "AKIANONE", true),
		"Delete":      here.Delete(ctx, "AKIANONE"),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s of no key: %v, want ErrNotFound", name, err)
		}
	}
}

// A read that began before a key was disabled must not leave it cached.
func TestDisableBeatsReadUnderWay(t *testing.T) {
	ctx, r := t.Context(), newRows()
	keys := newKeys(t, r, newClock())
	key, _, err := keys.Create(ctx, NewAccessKey{Account: account})
	if err != nil {
		t.Fatal(err)
	}
	r.onRead = func(id string) {
		r.onRead = nil
		if err := keys.SetDisabled(ctx, id, true); err != nil {
			t.Error(err)
		}
	}

	if _, _, err := keys.Lookup(ctx, key.ID); err != nil {
		t.Fatalf("the read under way: %v", err)
	}
	if _, _, err := keys.Lookup(ctx, key.ID); !errors.Is(err, ErrDisabled) {
		t.Errorf("the next: %v, want ErrDisabled", err)
	}
}

func TestLookupIsCachedWithinBounds(t *testing.T) {
	ctx, r, c := t.Context(), newRows(), newClock()
	keys := newKeys(t, r, c)
	key, _, err := keys.Create(ctx, NewAccessKey{Account: account})
	if err != nil {
		t.Fatal(err)
	}

	lookup := func() (reads int) {
		t.Helper()
		before := r.reads
		if _, _, err := keys.Lookup(ctx, key.ID); err != nil {
			t.Fatal(err)
		}
		return r.reads - before
	}

	if n := lookup(); n != 1 {
		t.Errorf("the first look-up read %d times", n)
	}
	c.Advance(MaxCacheLifetime - 1)
	if n := lookup(); n != 0 {
		t.Errorf("a cached look-up read %d times", n)
	}

	c.Advance(1)
	if n := lookup(); n != 1 {
		t.Errorf("after %v a look-up read %d times", MaxCacheLifetime, n)
	}
	c.Advance(-time.Hour)
	if n := lookup(); n != 1 {
		t.Error("a clock set back lengthens a cached key's life")
	}

	// Unknown and malformed IDs are not kept; malformed ones are not even asked for.
	before := r.reads

	for _, id := range []string{"", "a b", "AKIA'; DROP TABLE", strings.Repeat("A", 500)} {
		if _, _, err := keys.Lookup(ctx, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("Lookup(%.20q) = %v, want ErrNotFound", id, err)
		}
	}

	if r.reads != before {
		t.Error("malformed IDs reached the store")
	}
	if _, _, err := keys.Lookup(ctx, "AKIAUNKNOWN"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Lookup of an unknown key: %v", err)
	}
	if n := keys.cache.entries.Len(); n != 1 {
		t.Errorf("%d keys cached, want 1", n)
	}
}

func TestLookupFailsClosed(t *testing.T) {
	ctx, r, c := t.Context(), newRows(), newClock()
	keys := newKeys(t, r, c)
	key, _, err := keys.Create(ctx, NewAccessKey{Account: account, Policy: allowRead})
	if err != nil {
		t.Fatal(err)
	}

	r.broken = errors.New("disk on fire")
	if _, _, err := keys.Lookup(ctx, key.ID); !errors.Is(err, r.broken) || errors.Is(err, ErrNotFound) {
		t.Errorf("store broken: %v", err)
	}
	if _, err := keys.List(ctx, ""); !errors.Is(err, r.broken) {
		t.Errorf("List, store broken: %v", err)
	}
	r.broken = nil

	// Whoever can write rows but has no master key cannot widen a key.
	for name, tamper := range map[string]func(*store.AccessKey){
		"policy removed":  func(k *store.AccessKey) { k.Policy = "" },
		"policy widened":  func(k *store.AccessKey) { k.Policy = allowAll },
		"another account": func(k *store.AccessKey) { k.Account = "999999999999" },
		"another key's": func(k *store.AccessKey) {
			k.SealedSecret = boundSealer{}.Seal([]byte("x"), "access-key/AKIAOTHER")
		},
	} {
		good := r.keys[key.ID]
		if err := r.change(key.ID, tamper); err != nil {
			t.Fatal(err)
		}
		if _, _, err := keys.Lookup(ctx, key.ID); err == nil {
			t.Errorf("%s: the key still works", name)
		}
		r.keys[key.ID] = good
	}

	if _, _, err := keys.Lookup(ctx, key.ID); err != nil {
		t.Errorf("untouched again: %v", err)
	}
}

func TestAccessKeysConcurrently(t *testing.T) {
	ctx, r, c := t.Context(), newRows(), newClock()
	keys := newKeys(t, r, c)
	key, want, err := keys.Create(ctx, NewAccessKey{Account: account})
	if err != nil {
		t.Fatal(err)
	}

	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 200 {
				_, secret, err := keys.Lookup(ctx, key.ID)
				if err == nil && secret != want || err != nil && !errors.Is(err, ErrDisabled) {
					t.Errorf("Lookup = %q, %v", secret, err)
				}
				if i%50 == 0 {
					c.Advance(time.Second)
					if err := keys.SetDisabled(ctx, key.ID, i%100 == 0); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkLookupCached(b *testing.B) {
	keys := newKeys(b, newRows(), newClock())
	key, _, err := keys.Create(b.Context(), NewAccessKey{Account: account})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()

	for b.Loop() {
		if _, _, err := keys.Lookup(b.Context(), key.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// An ID that a request names is shown only if it has the form of one.
func TestShownKeyID(t *testing.T) {
	for id, want := range map[string]string{
		"AKIAIOSFODNN7EXAMPLE":                     "AKIAIOSFODNN7EXAMPLE",
		"ASIAIOSFODNN7EXAMPLE":                     "ASIAIOSFODNN7EXAMPLE",
		"akiaiosfodnn7example":                     "(20 characters)",
		"wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYxx": "(40 characters)",
		"minioadmin":                               "(10 characters)",
		"":                                         "(0 characters)",
	} {
		if got := ShownKeyID(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}
