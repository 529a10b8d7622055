package assume

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// keyMemory keeps session keys.
type keyMemory struct{ keys []store.Key }

func (k *keyMemory) Keys(context.Context, string) ([]store.Key, error) {
	return slices.Clone(k.keys), nil
}

func (k *keyMemory) UpdateKeys(
	_ context.Context, _ string, change func([]store.Key) ([]store.Key, error),
) ([]store.Key, error) {
	changed, err := change(slices.Clone(k.keys))
	if err == nil {
		k.keys = changed
	}
	return changed, err
}

// openSealer seals nothing.
type openSealer struct{}

func (openSealer) Seal(plain []byte, _ string) []byte { return slices.Clone(plain) }

func (openSealer) Open(sealed []byte, _ string) ([]byte, error) { return sealed, nil }

// steppedClock is a time that tests move.
type steppedClock struct{ now time.Time }

func newSteppedClock() *steppedClock {
	return &steppedClock{now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
}

func (c *steppedClock) Now() time.Time { return c.now }

// newMemoryMinter returns a minter whose keys are in memory.
func newMemoryMinter(t testing.TB, c *steppedClock) *session.Minter {
	t.Helper()
	m, err := session.NewMinter(t.Context(),
		session.MinterOptions{Store: &keyMemory{}, Sealer: openSealer{}, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
