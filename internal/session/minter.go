package session

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// KeyStore is the part of the store that Minter needs.
type KeyStore interface {
	Keys(ctx context.Context, purpose string) ([]store.Key, error)
	UpdateKeys(ctx context.Context, purpose string, change func([]store.Key) ([]store.Key, error)) ([]store.Key, error)
}

// Sealer encrypts session keys under the master key.
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
	RotateEvery     time.Duration    // age at which a key is replaced; 0 = 24 h
	RefreshInterval time.Duration    // how often Run reads the keys; 0 = 2 s
}

// Minter mints and opens session credentials. It is safe for concurrent use.
type Minter struct {
	store    KeyStore
	sealer   Sealer
	now      func() time.Time
	logger   *slog.Logger
	rotation rotation
	interval time.Duration

	ring atomic.Pointer[keyring] // cache: session keys
	// refreshing holds one token; its owner may read the keys.
	refreshing chan struct{}
	// asked is when an unknown key last made us read the keys. retryAt is when keys that
	// are too old may be read again after a failure. Both are guarded by refreshing.
	asked, retryAt time.Time
}

const (
	defaultInterval = 2 * time.Second
	// leadIntervals is how many refresh intervals a key waits before it seals, and
	// minLead the shortest wait: a node may miss a few intervals.
	leadIntervals = 5
	minLead       = 5 * time.Minute
	// stale is the age at which a call that needs the keys reads them itself: Run has
	// stopped or cannot read. It lets one poll fail, and leaves time within Lag for the
	// read itself and for what package auth remembers (auth.Fresh).
	stale = 5 * time.Second
	// readTimeout bounds each statement of a poll, and of a request that reads the keys
	// because no poll did. A connection that hangs costs one poll: a later one gets
	// another connection while there is time left within Lag.
	readTimeout = 2 * time.Second
)

// Lag is how long a node with a database continues to use keys that were changed
// elsewhere, so within Lag the sessions of a retired key end everywhere.
const Lag = 10 * time.Second

// maxUnread is how long sessions are opened with keys that could not be read again. One
// of them may have been retired since.
const maxUnread = 5 * time.Minute

// NewMinter reads the session keys, and makes the first if there is none. It fails if the
// options are invalid, if the store cannot be read, or if a key was sealed under another
// master key.
func NewMinter(ctx context.Context, o MinterOptions) (*Minter, error) {
	if o.Store == nil || o.Sealer == nil {
		return nil, errors.New("session: a minter needs a store and a sealer")
	}

	m := &Minter{
		store:      o.Store,
		sealer:     o.Sealer,
		now:        o.Now,
		logger:     cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		interval:   cmp.Or(o.RefreshInterval, defaultInterval),
		refreshing: make(chan struct{}, 1),
	}
	m.rotation = rotation{every: cmp.Or(o.RotateEvery, 24*time.Hour), lead: max(minLead, leadIntervals*m.interval)}

	if m.interval < 0 || m.rotation.every < 2*m.rotation.lead {
		return nil, fmt.Errorf(
			"session: session keys cannot change every %v when nodes read them every %v; use at least %v",
			m.rotation.every, m.interval, 2*m.rotation.lead,
		)
	}
	if m.now == nil {
		m.now = time.Now
	}

	if err := m.Refresh(ctx); err != nil {
		return nil, err
	}

	return m, nil
}

// Refresh reads the keys, after it has added the key that is due and removed those that
// are no longer needed. If it fails, the keys read before stay in use.
func (m *Minter) Refresh(ctx context.Context) error {
	return m.refreshInTurn(ctx, 0)
}

// refresh needs the token of refreshing. limit bounds the read, and then the change; 0 is
// no bound.
func (m *Minter) refresh(ctx context.Context, limit time.Duration) error {
	read := m.now() // before the read: the keys are at least as new
	keys, err := m.read(ctx, limit)
	if err != nil {
		return fmt.Errorf("session: reading the session keys: %w", err)
	}

	_, due := m.rotation.plan(keys, m.now(), m.sealer)
	if !due || len(keys) > 0 { // a change that hangs must not delay the keys just read
		if err := m.use(keys, read); err != nil {
			return err
		}
	}

	if !due {
		return nil
	}
	if keys, err = m.change(ctx, limit); err != nil {
		return fmt.Errorf("session: changing the session keys: %w", err)
	}

	return m.use(keys, read)
}

func (m *Minter) read(ctx context.Context, limit time.Duration) ([]store.Key, error) {
	ctx, cancel := overload.Within(ctx, limit)
	defer cancel()

	return m.store.Keys(ctx, keyPurpose)
}

// change adds the key that is due and removes those that are no longer needed.
func (m *Minter) change(ctx context.Context, limit time.Duration) ([]store.Key, error) {
	ctx, cancel := overload.Within(ctx, limit)
	defer cancel()

	return m.store.UpdateKeys(ctx, keyPurpose, func(keys []store.Key) ([]store.Key, error) {
		// Unsealed here, too: other nodes, with another master key, could not open the
		// new key.
		if _, err := newKeyring(keys, m.sealer); err != nil {
			return nil, err
		}
		keys, _ = m.rotation.plan(keys, m.now(), m.sealer)
		return keys, nil
	})
}

// use makes keys, which were read at a moment, the current ones.
func (m *Minter) use(keys []store.Key, read time.Time) error {
	ring, err := newKeyring(keys, m.sealer)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if len(ring.keys) == 0 {
		return errors.New("session: the store has no session key")
	}

	ring.read = read
	m.ring.Store(ring)

	return nil
}

// current returns the keys in memory, unless they are so old that Run must have stopped
// or cannot read; then it reads them. It fails if they are older than maxUnread.
func (m *Minter) current(ctx context.Context, now time.Time) (*keyring, error) {
	ring := m.ring.Load()
	if now.Sub(ring.read).Abs() < stale { // a clock that was set back must not lengthen it
		return ring, nil
	}

	select {
	case m.refreshing <- struct{}{}:
		m.refreshStale(ctx, now)
		<-m.refreshing
	default: // another call is reading them
		if now.Sub(ring.read) < maxUnread {
			return ring, nil
		}

		// Keys as old as these open nothing, so wait for the reader: after a computer slept, or a clock leapt,
		// several calls find them so at once. The reader may have begun before that.
		if err := m.acquire(ctx); err != nil {
			return nil, err
		}
		m.refreshStale(ctx, now)
		<-m.refreshing
	}

	ring = m.ring.Load()
	if unread := now.Sub(ring.read); unread >= maxUnread {
		return nil, fmt.Errorf("session: the session keys could not be read for %s: one may have been retired",
			unread.Truncate(time.Second))
	}

	return ring, nil
}

// refreshStale needs the token of refreshing. Other calls need the keys, too, so a client
// that disconnects must not stop it.
func (m *Minter) refreshStale(ctx context.Context, now time.Time) {
	if now.Sub(m.ring.Load().read).Abs() < stale || now.Before(m.retryAt) {
		return
	}
	if err := m.refresh(context.WithoutCancel(ctx), readTimeout); err != nil {
		m.retryAt = now.Add(m.interval)
		m.notRefreshed(ctx, err)
	}
}

// Run reads the keys every RefreshInterval until ctx ends.
func (m *Minter) Run(ctx context.Context) {
	ticker := time.NewTicker(m.interval)
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := m.refreshInTurn(ctx, readTimeout); err != nil && ctx.Err() == nil {
				m.notRefreshed(ctx, err)
			}
		}
	}
}

func (m *Minter) notRefreshed(ctx context.Context, err error) {
	m.logger.ErrorContext(ctx, "session keys not refreshed; the known ones stay in use for a while", "error", err)
}

// refreshInTurn is Refresh with a time limit; 0 = none.
func (m *Minter) refreshInTurn(ctx context.Context, limit time.Duration) error {
	if err := m.acquire(ctx); err != nil {
		return err
	}
	defer func() { <-m.refreshing }()

	return m.refresh(ctx, limit)
}

// acquire waits for its turn with the keys, for as long as the call of ctx may wait for
// the database.
func (m *Minter) acquire(ctx context.Context) error {
	err := overload.Turn(ctx, m.refreshing, 0)
	if errors.Is(err, overload.ErrNoTurn) {
		return fmt.Errorf("%w: the session keys are being read", store.ErrUnavailable)
	}
	return err
}

// key returns the key with an ID, or nil if there is none. For an unknown ID it asks the
// store, because another node may have made the key. It does so at most once per interval,
// because somebody may be guessing. It fails if the keys in memory are older than
// maxUnread.
func (m *Minter) key(ctx context.Context, id keyID) (*sessionKey, error) {
	now := m.now()
	ring, err := m.current(ctx, now)
	if err != nil {
		return nil, err
	}
	if k := ring.byID[id]; k != nil {
		return k, nil
	}

	if err := m.acquire(ctx); err != nil {
		return nil, err
	}
	defer func() { <-m.refreshing }()

	// The previous owner of the token may have read the key.
	if k := m.ring.Load().byID[id]; k != nil {
		return k, nil
	}
	if since := now.Sub(m.asked); since >= 0 && since < m.interval {
		return nil, nil
	}
	m.asked = now

	// The answer is for everybody: a client that disconnects must not use up the
	// interval's one question.
	if err := m.refresh(context.WithoutCancel(ctx), readTimeout); err != nil {
		m.logger.ErrorContext(ctx, "session keys not refreshed for an unknown key", "error", err)
	}

	return m.ring.Load().byID[id], nil
}

// Knows reports whether the key that sealed a session token is still in use. Call it
// before each use of a kept result of Open. It is cheap.
func (m *Minter) Knows(ctx context.Context, sessionToken string) bool {
	var head [(headerBytes + 2) / 3 * 3]byte
	if len(sessionToken) < base64.StdEncoding.EncodedLen(len(head)) {
		return false
	}
	if _, err := strict.Decode(head[:], []byte(sessionToken[:base64.StdEncoding.EncodedLen(len(head))])); err != nil {
		return false
	}
	ring, err := m.current(ctx, m.now())

	return err == nil && ring.byID[keyID(head[1:headerBytes])] != nil
}
