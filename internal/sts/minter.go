package sts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// KeyStore is what Minter needs of the store.
type KeyStore interface {
	Keys(ctx context.Context, purpose string) ([]store.Key, error)
	UpdateKeys(ctx context.Context, purpose string, change func([]store.Key) ([]store.Key, error)) ([]store.Key, error)
}

// Sealer is what Minter needs of the seal package.
type Sealer interface {
	Seal(plain []byte, aad string) []byte
	Open(sealed []byte, aad string) ([]byte, error)
}

// MinterOptions configures a Minter.
type MinterOptions struct {
	Store           KeyStore
	Sealer          Sealer
	Now             func() time.Time // nil = time.Now
	Logger          *slog.Logger     // nil = none
	RotateEvery     time.Duration    // age at which a key is succeeded; 0 = 24 h
	RefreshInterval time.Duration    // how often Run reads the keys; 0 = 1 min
}

// Minter mints and opens session credentials. It is safe for concurrent use.
type Minter struct {
	store    KeyStore
	sealer   Sealer
	now      func() time.Time
	logger   *slog.Logger
	rotation rotation
	interval time.Duration

	ring atomic.Pointer[keyring]
	// refreshing holds one token; who has it may read the keys.
	refreshing chan struct{}
	// asked is when an unknown key last made us read the keys. Guarded by refreshing.
	asked time.Time
}

// leadIntervals is how many refresh intervals a key waits before it seals: a
// node may miss a few.
const leadIntervals = 5

// NewMinter reads the session keys, making the first when there is none. It
// fails when the options make no sense, when the store cannot be asked, and
// when a key was sealed under another master key.
func NewMinter(ctx context.Context, o MinterOptions) (*Minter, error) {
	if o.Store == nil || o.Sealer == nil {
		return nil, errors.New("sts: a minter needs a store and a sealer")
	}
	m := &Minter{
		store: o.Store, sealer: o.Sealer, now: o.Now, logger: o.Logger,
		interval: cmp.Or(o.RefreshInterval, time.Minute), refreshing: make(chan struct{}, 1),
	}
	m.rotation = rotation{every: cmp.Or(o.RotateEvery, 24*time.Hour), lead: leadIntervals * m.interval}
	if m.interval < 0 || m.rotation.every < 2*m.rotation.lead {
		return nil, fmt.Errorf("sts: session keys cannot change every %v when nodes read them every %v; use at least %v",
			m.rotation.every, m.interval, 2*m.rotation.lead)
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.logger == nil {
		m.logger = slog.New(slog.DiscardHandler)
	}
	if err := m.Refresh(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// Refresh reads the keys, after adding the one that is due and removing those
// that nothing can need any more. When it fails the keys read before stay in use.
func (m *Minter) Refresh(ctx context.Context) error {
	select {
	case m.refreshing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-m.refreshing }()
	return m.refresh(ctx)
}

// refresh needs the token of refreshing.
func (m *Minter) refresh(ctx context.Context) error {
	keys, err := m.store.Keys(ctx, keyPurpose)
	if err != nil {
		return fmt.Errorf("sts: reading the session keys: %w", err)
	}
	var failed error
	if _, due := m.rotation.plan(keys, m.now(), m.sealer); due {
		updated, err := m.store.UpdateKeys(ctx, keyPurpose, func(keys []store.Key) ([]store.Key, error) {
			// Unsealed here too: with another master key nothing may be added
			// that the other nodes could not open.
			if _, err := newKeyring(keys, m.sealer); err != nil {
				return nil, err
			}
			keys, _ = m.rotation.plan(keys, m.now(), m.sealer)
			return keys, nil
		})
		if err != nil {
			// What could be read is still worth having.
			failed = fmt.Errorf("sts: changing the session keys: %w", err)
		} else {
			keys = updated
		}
	}
	ring, err := newKeyring(keys, m.sealer)
	if err != nil {
		return fmt.Errorf("sts: %w", err)
	}
	if len(ring.keys) == 0 {
		return errors.Join(failed, errors.New("sts: the store has no session key"))
	}
	m.ring.Store(ring)
	return failed
}

// Run calls Refresh every RefreshInterval until ctx ends.
func (m *Minter) Run(ctx context.Context) {
	ticker := time.NewTicker(m.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := m.Refresh(ctx); err != nil && ctx.Err() == nil {
				m.logger.ErrorContext(ctx, "session keys not refreshed; the known ones stay in use", "error", err)
			}
		}
	}
}

// key returns the key of that ID. For an unknown one the store is asked, at
// most once per interval however many unknown IDs come: another node may have
// made it, or somebody may be guessing.
func (m *Minter) key(ctx context.Context, id keyID) (*sessionKey, bool) {
	if k, ok := m.ring.Load().byID[id]; ok {
		return k, true
	}
	select {
	case m.refreshing <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	defer func() { <-m.refreshing }()
	// Whoever had the token before may have found it.
	if k, ok := m.ring.Load().byID[id]; ok {
		return k, true
	}
	now := m.now()
	if since := now.Sub(m.asked); since >= 0 && since < m.interval {
		return nil, false
	}
	m.asked = now
	// The answer is for everybody: one client's hanging up must not spend the
	// interval's question.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := m.refresh(ctx); err != nil {
		m.logger.ErrorContext(ctx, "session keys not refreshed for an unknown key", "error", err)
	}
	k, ok := m.ring.Load().byID[id]
	return k, ok
}
