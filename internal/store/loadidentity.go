package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Loads take turns: however many are under way on a node, other writes wait for
// one small transaction at most.
const (
	// loadRows is the number of rows, of identities and logins, that one transaction
	// adds; an identity with more logins has a transaction to itself.
	loadRows = 32
	// maxLoadRest bounds the time that a load leaves to others after each transaction:
	// as long as that lasted, but not for ever where the database is slow.
	maxLoadRest = 100 * time.Millisecond
)

// LoadIdentity adds an identity that was made elsewhere, with its logins, its
// dates and EverLinked. Errors: ErrNotFound when the pool does not exist,
// ErrConflict when the ID does, when another account had it once, or when
// another identity of the pool has one of the logins, ErrInvalid.
func (s *Store) LoadIdentity(ctx context.Context, i identitypool.Identity) error {
	if err := checkLoaded(i); err != nil {
		return err
	}

	err := s.write(ctx, func(t *engine.Tx) error { return loadIdentity(t, i) })
	if s.engine.IsViolation(err) {
		return fmt.Errorf("identity: %w", ErrConflict)
	}
	if err == nil {
		s.counts.added(i.PoolID, i.Created, s.now())
	}

	return err
}

// ReplaceIdentities adds identities as LoadIdentity does, in place of those that have their IDs: all in one
// transaction, or none. Other writes wait for it, and it fails if it takes longer than WriteTimeout: it is for
// a server that nobody else uses. Errors: those of LoadIdentity, and ErrBusy.
func (s *Store) ReplaceIdentities(ctx context.Context, identities []identitypool.Identity) error {
	ids := map[identitypool.IdentityID]bool{}
	for _, i := range identities {
		if err := checkLoaded(i); err != nil {
			return err
		}
		if ids[i.ID] {
			return fmt.Errorf("identity: %w", ErrConflict)
		}
		ids[i.ID] = true
	}

	return s.retryRaces(ctx, func() error { return s.replaceIdentities(ctx, identities) })
}

func (s *Store) replaceIdentities(ctx context.Context, identities []identitypool.Identity) error {
	var replaced []*identityRow
	for _, i := range identities {
		row, err := s.readIdentity(ctx, i.ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		replaced = append(replaced, row)
	}

	err := s.write(ctx, func(t *engine.Tx) error {
		for _, row := range replaced {
			if err := s.deleteIdentity(t, row); err != nil {
				return err
			}
		}

		for _, i := range identities {
			if err := loadIdentity(t, i); err != nil {
				return err
			}
		}

		return nil
	})
	if s.engine.IsViolation(err) {
		return fmt.Errorf("identity: %w", ErrConflict)
	}
	if err != nil {
		return err
	}

	for _, row := range replaced {
		s.counts.changed(row.PoolID, -1, s.now())
	}

	for _, i := range identities {
		s.counts.added(i.PoolID, i.Created, s.now())
	}

	return nil
}

// LoadIdentities adds many identities of a pool as LoadIdentity does; outcomes has
// the error of each. It uses several transactions, between which others write. If it
// returns an error it stopped early, and the identities added so far stay.
func (s *Store) LoadIdentities(ctx context.Context, pool identitypool.PoolID, identities []identitypool.Identity) (
	outcomes []error, err error,
) {
	outcomes = make([]error, len(identities))
	for n, i := range identities {
		outcomes[n] = checkLoaded(i)
		if i.PoolID != pool {
			outcomes[n] = fmt.Errorf("%w: an identity of another pool", ErrInvalid)
		}
	}

	for first, next := 0, 0; first < len(identities); first = next {
		next = first + loadable(identities[first:])
		if err := s.loadBatch(ctx, pool, identities[first:next], outcomes[first:next]); err != nil {
			return outcomes, err
		}
	}

	return outcomes, nil
}

// loadable returns how many of identities go into one transaction.
func loadable(identities []identitypool.Identity) int {
	rows := 0
	for n, i := range identities {
		if rows += 1 + len(i.Logins); rows > loadRows {
			return max(1, n)
		}
	}
	return len(identities)
}

// loadBatch waits for its turn and adds, in one transaction, the identities that
// have no outcome yet.
func (s *Store) loadBatch(ctx context.Context, pool identitypool.PoolID, identities []identitypool.Identity,
	outcomes []error,
) error {
	if err := s.awaitLoad(ctx); err != nil {
		return err
	}
	defer func() { <-s.loading }()

	ctx = overload.WithoutBudget(ctx) // a load takes as long as it is large; each step has a bound
	began := s.options.Now()

	// Existing rows are found without a write: a statement that fails rolls back
	// the whole transaction, on SQLite with the writes of others.
	if err := s.markTaken(ctx, pool, identities, outcomes); err != nil {
		return err
	}
	if err := s.addFree(ctx, identities, outcomes); err != nil {
		return err
	}

	return rest(ctx, min(s.options.Now().Sub(began), maxLoadRest))
}

// awaitLoad waits for the turn of a load's next transaction.
func (s *Store) awaitLoad(ctx context.Context) error {
	err := overload.Turn(ctx, s.loading, s.options.WriteTimeout)
	if errors.Is(err, overload.ErrNoTurn) {
		return fmt.Errorf("%w: too many loads are under way", ErrBusy)
	}
	return err
}

// markTaken sets the outcome of identities whose ID exists, or one of whose
// logins belongs to another identity of the pool or of the batch.
func (s *Store) markTaken(ctx context.Context, pool identitypool.PoolID, identities []identitypool.Identity,
	outcomes []error,
) error {
	var ids, keys []any
	for n, i := range identities {
		if outcomes[n] != nil {
			continue
		}

		ids = append(ids, string(i.ID))
		for _, l := range i.Logins {
			key := keyOf(l)
			keys = append(keys, key[:])
		}
	}

	takenIDs, takenKeys, err := s.lookUpTaken(ctx, pool, ids, keys)
	if err != nil {
		return err
	}

	for n, i := range identities {
		if outcomes[n] != nil {
			continue
		}

		providers := map[string]bool{}
		taken := takenIDs[i.ID]
		for _, l := range i.Logins {
			taken = taken || takenKeys[keyOf(l)] || l.Kind == identitypool.Public && providers[l.Provider]
			providers[l.Provider] = providers[l.Provider] || l.Kind == identitypool.Public
		}
		if taken {
			outcomes[n] = fmt.Errorf("identity: %w", ErrConflict)
			continue
		}

		takenIDs[i.ID] = true
		for _, l := range i.Logins {
			takenKeys[keyOf(l)] = true
		}
	}

	return nil
}

// lookUpTaken returns which of up to loadRows IDs exist, in any pool, and which of up
// to maxLogins login keys exist in the pool.
func (s *Store) lookUpTaken(ctx context.Context, pool identitypool.PoolID, ids, keys []any) (
	takenIDs map[identitypool.IdentityID]bool, takenKeys map[loginKey]bool, err error,
) {
	err = s.read(ctx, func(q engine.Querier) error {
		takenIDs, takenKeys = map[identitypool.IdentityID]bool{}, map[loginKey]bool{}
		if len(ids) > 0 {
			found, err := collect(q, scanString, `SELECT identity_id FROM identities
				WHERE identity_id IN (`+placeholders(1, loadRows)+`)`, padded(ids, loadRows)...)
			if err != nil {
				return err
			}

			for _, id := range found {
				takenIDs[identitypool.IdentityID(id)] = true
			}
		}

		if len(keys) > 0 {
			found, err := collect(q, scanBytes, `SELECT login_key FROM logins
				WHERE pool_id = $1 AND login_key IN (`+placeholders(2, maxLogins)+`)`,
				append([]any{string(pool)}, padded(keys, maxLogins)...)...)
			if err != nil {
				return err
			}

			for _, key := range found {
				takenKeys[loginKey(key)] = true
			}
		}

		return nil
	})

	return takenIDs, takenKeys, err
}

// addFree adds the identities that have no outcome yet.
func (s *Store) addFree(ctx context.Context, identities []identitypool.Identity, outcomes []error) error {
	var free []int
	for n, outcome := range outcomes {
		if outcome == nil {
			free = append(free, n)
		}
	}
	if len(free) == 0 {
		return nil
	}

	err := s.write(ctx, func(t *engine.Tx) error {
		for _, n := range free {
			if err := loadIdentity(t, identities[n]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for _, n := range free {
			s.counts.added(identities[n].PoolID, identities[n].Created, s.now())
		}
		return nil
	}
	if !s.engine.IsViolation(err) && !isOutcome(err) {
		return err
	}

	// One of them is refused, or another writer added it meanwhile: add each alone.
	for _, n := range free {
		outcomes[n] = s.LoadIdentity(ctx, identities[n])
		if outcomes[n] != nil && !isOutcome(outcomes[n]) {
			return outcomes[n]
		}
	}

	return nil
}

// isOutcome reports whether an error of LoadIdentity is about its identity alone.
func isOutcome(err error) bool {
	return errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid)
}

// placeholders returns the placeholders of an IN list of n values.
func placeholders(first, n int) string {
	var list strings.Builder
	for k := range n {
		if k > 0 {
			list.WriteString(", ")
		}
		fmt.Fprintf(&list, "$%d", first+k)
	}
	return list.String()
}

// padded repeats the last of values until there are n, so that one statement
// serves any number.
func padded(values []any, n int) []any {
	for len(values) < n {
		values = append(values, values[len(values)-1])
	}
	return values
}

// rest waits, so that others may write.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()

	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func checkLoaded(i identitypool.Identity) error {
	err := errors.Join(
		checkID("pool ID", string(i.PoolID)),
		checkID("identity ID", string(i.ID)),
		checkLogins(i.Logins),
	)
	if err != nil {
		return err
	}
	if i.Disabled || i.MergedTo != "" || len(i.Logins) > 0 && !i.EverLinked {
		return fmt.Errorf("%w: a disabled identity, or logins of a guest", ErrInvalid)
	}

	return nil
}

// loadIdentity adds an identity with its logins.
func loadIdentity(t *engine.Tx, i identitypool.Identity) error {
	if err := insertIdentity(t, i); err != nil {
		return err
	}
	if err := takeIdentityID(t, i.ID, i.PoolID); err != nil {
		return err
	}

	for _, l := range i.Logins {
		if err := insertLogin(t, i.PoolID, i.ID, l); err != nil {
			return err
		}
	}

	return nil
}
