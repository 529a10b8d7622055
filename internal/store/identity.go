package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// identityRow is an identity with the revision of its logins and state.
type identityRow struct {
	identitypool.Identity
	revision int64
}

// advanceRevision raises the identity's revision. It fails with errMoved unless the row still has the
// revision that was read. Every change of an identity or its logins begins with it.
//
// Why not one transaction around read, decision and write? Its protection would depend on
// every function using the same connection and isolation level, which no signature shows,
// and a slow decision would hold SQLite's only writer.
//
// A login that had no owner in the View has no row with a revision. The unique key of
// logins protects it: see Engine.IsViolation.
func (r *identityRow) advanceRevision(t *engine.Tx, modified time.Time) error {
	return mustChange(t, `UPDATE identities SET revision = $1, modified = $2 WHERE identity_id = $3 AND revision = $4`,
		r.revision+1, millis(modified), string(r.ID), r.revision)
}

func cloneIdentity(i identitypool.Identity) identitypool.Identity {
	i.Logins = slices.Clone(i.Logins)
	return i
}

// One row per login, or one without a login. The order puts an identity's
// logins together.
const (
	identityColumns = `i.identity_id, i.pool_id, i.disabled, i.merged_to, i.ever_linked,
		i.revision, i.created, i.modified,
		(SELECT f.deleted FROM former_ids AS f WHERE f.kind = 'identity' AND f.id = i.identity_id),
		l.kind, l.provider, l.subject, l.scope`
	identityOrder = ` ORDER BY i.identity_id, l.kind, l.provider, l.subject`
)

// collectIdentities gathers the rows of a query for identityColumns. found reports
// whether there was a row at all: a row without an identity, which outer joins
// make, shows only that the query had a result.
func collectIdentities(q engine.Querier, text string, args ...any) (identities []*identityRow, found bool, err error) {
	rows, err := q.Query(text, args...)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()

	var last *identityRow
	for rows.Next() {
		found = true
		var id, pool, mergedTo, kind, provider, scope sql.NullString
		var disabled, everLinked sql.NullBool
		var revision, created, modified, formerDeleted sql.NullInt64
		var subject []byte
		if err := rows.Scan(&id, &pool, &disabled, &mergedTo, &everLinked,
			&revision, &created, &modified, &formerDeleted,
			&kind, &provider, &subject, &scope); err != nil {
			return nil, false, err
		}

		if !id.Valid {
			continue
		}

		if last == nil || string(last.ID) != id.String {
			last = &identityRow{revision: revision.Int64, Identity: identitypool.Identity{
				ID:          identitypool.IdentityID(id.String),
				PoolID:      identitypool.PoolID(pool.String),
				Disabled:    disabled.Bool,
				MergedTo:    identitypool.IdentityID(mergedTo.String),
				EverLinked:  everLinked.Bool,
				Created:     fromMillis(created.Int64),
				Modified:    fromMillis(modified.Int64),
				Predecessor: predecessor(formerDeleted),
			}}
			identities = append(identities, last)
		}

		if kind.Valid {
			last.Logins = append(last.Logins, identitypool.Login{
				Kind:     identitypool.LoginKind(kind.String),
				Provider: provider.String,
				Subject:  string(subject),
				Scope:    scope.String,
			})
		}
	}

	return identities, found, rows.Err()
}

// CreateIdentity adds a guest, created now unless i.Created is set.
// Errors: ErrNotFound when the pool does not exist, ErrConflict when the ID
// does, ErrInvalid also when i is not a guest.
func (s *Store) CreateIdentity(ctx context.Context, i identitypool.Identity) error {
	if err := errors.Join(checkID("pool ID", string(i.PoolID)), checkID("identity ID", string(i.ID))); err != nil {
		return err
	}
	if !i.Guest() || i.MergedTo != "" {
		return fmt.Errorf("%w: only a guest is created without logins", ErrInvalid)
	}
	if i.Created.IsZero() {
		i.Created = s.now()
	}
	if i.Modified.IsZero() {
		i.Modified = i.Created
	}

	err := s.write(ctx, func(t *engine.Tx) error { return insertIdentity(t, i) })
	if s.engine.IsViolation(err) {
		return fmt.Errorf("identity: %w", ErrConflict)
	}
	if err == nil {
		s.counts.added(i.PoolID, i.Created, s.now())
	}

	return err
}

// insertIdentity adds a row, without logins, to an existing pool.
func insertIdentity(t *engine.Tx, i identitypool.Identity) error {
	n, err := t.Exec(`INSERT INTO identities
			(identity_id, pool_id, disabled, merged_to, ever_linked, revision, created, modified)
		SELECT $1, p.pool_id, FALSE, '', $2, 1, $3, $4 FROM pools AS p WHERE p.pool_id = $5 AND NOT p.deleting`,
		string(i.ID), i.EverLinked, millis(i.Created), millis(i.Modified), string(i.PoolID))
	if err == nil && n == 0 {
		err = notFound("identity pool")
	}
	return err
}

// Identity returns an identity with its logins, ordered by kind, provider and
// subject. Error: ErrNotFound, also when its pool is deleted.
func (s *Store) Identity(ctx context.Context, id identitypool.IdentityID) (identitypool.Identity, error) {
	if row, ok := s.cachedIdentity(ctx, id); ok {
		return cloneIdentity(row.Identity), nil
	}

	row, err := s.readIdentity(ctx, id)
	if err != nil {
		return identitypool.Identity{}, err
	}

	return cloneIdentity(row.Identity), nil
}

// cachedIdentity returns the cache's entry of an identity whose pool exists. The
// result must not be changed. The pool is looked up last: a pool that exists then
// also existed when the identity was looked up, because no pool comes back.
func (s *Store) cachedIdentity(ctx context.Context, id identitypool.IdentityID) (*identityRow, bool) {
	v, ok := s.cache.get(identityKey(id))
	if !ok {
		return nil, false
	}
	row := v.(*identityRow)
	if _, err := s.pool(ctx, row.PoolID); err != nil {
		return nil, false
	}

	return row, true
}

// readIdentity reads an identity and enters it in the cache. The result must not
// be changed.
func (s *Store) readIdentity(ctx context.Context, id identitypool.IdentityID) (*identityRow, error) {
	if !storable(string(id), maxID) {
		return nil, notFound("identity")
	}

	ticket := s.cache.begin(identityKey(id))

	var found []*identityRow
	err := s.read(ctx, func(q engine.Querier) (err error) {
		found, _, err = collectIdentities(q, `SELECT `+identityColumns+`
			FROM identities AS i JOIN pools AS p ON p.pool_id = i.pool_id AND NOT p.deleting
			LEFT JOIN logins AS l ON l.identity_id = i.identity_id
			WHERE i.identity_id = $1`+identityOrder, string(id))
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, notFound("identity")
	}
	s.cache.fill(identityKey(id), ticket, found[0])

	return found[0], nil
}

// Place is the position of an identity in the list of its pool: by the time of its
// creation, and by ID among those of one millisecond. The zero Place is before
// all of them.
type Place struct {
	Created time.Time
	ID      identitypool.IdentityID
}

// PlaceOf returns the place of i.
func PlaceOf(i identitypool.Identity) Place { return Place{i.Created, i.ID} }

// String returns the text that ParsePlace reads.
func (p Place) String() string { return strconv.FormatInt(millis(p.Created), 10) + "/" + string(p.ID) }

// ParsePlace reads what Place.String wrote, and "" as the zero Place. Error: ErrInvalid.
func ParsePlace(text string) (Place, error) {
	if text == "" {
		return Place{}, nil
	}
	created, id, _ := strings.Cut(text, "/")
	ms, err := strconv.ParseInt(created, 10, 64)
	if err != nil || checkID("identity ID", id) != nil {
		return Place{}, fmt.Errorf("%w: not a place in a list", ErrInvalid)
	}

	return Place{fromMillis(ms), identitypool.IdentityID(id)}, nil
}

// ListIdentities returns at most limit identities of a pool with their logins,
// in the order of their places, beginning with the first behind after. With
// hideDisabled it omits disabled ones. Errors: ErrNotFound when the pool does not
// exist; ErrInvalid when after's ID is not text that an ID could be.
func (s *Store) ListIdentities(
	ctx context.Context, pool identitypool.PoolID, hideDisabled bool, after Place, limit int,
) ([]identitypool.Identity, error) {
	if err := checkText("after", string(after.ID), maxID); err != nil {
		return nil, err
	}
	if !storable(string(pool), maxID) {
		return nil, notFound("identity pool")
	}

	var rows []*identityRow
	var exists bool
	err := s.read(ctx, func(q engine.Querier) (err error) {
		rows, exists, err = collectIdentities(q, `SELECT `+identityColumns+`
			FROM pools AS p
			LEFT JOIN (SELECT * FROM identities AS c
				WHERE c.pool_id = $1 AND (c.created, c.identity_id) > ($2, $3) AND NOT (c.disabled AND $4)
				ORDER BY c.created, c.identity_id LIMIT $5) AS i ON i.pool_id = p.pool_id
			LEFT JOIN logins AS l ON l.identity_id = i.identity_id
			WHERE p.pool_id = $1 AND NOT p.deleting ORDER BY i.created, i.identity_id, l.kind, l.provider, l.subject`,
			string(pool), millis(after.Created), string(after.ID), hideDisabled, max(limit, 0))

		return err
	})
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, notFound("identity pool")
	}

	return convert(rows, func(r *identityRow) identitypool.Identity { return r.Identity }), nil
}

// IdentitiesWithPrefix returns at most limit identities of all pools whose IDs begin with prefix, which must not be
// empty, in the order of their IDs, beginning with the first behind after.
func (s *Store) IdentitiesWithPrefix(
	ctx context.Context, prefix string, after identitypool.IdentityID, limit int,
) ([]identitypool.Identity, error) {
	if prefix == "" || !storable(prefix, maxID) || !storable(string(after), maxID) {
		return nil, fmt.Errorf("%w: prefix of IDs", ErrInvalid)
	}

	last := len(prefix) - 1
	end := prefix[:last] + string(rune(prefix[last]+1)) // callers' prefixes are ASCII
	var rows []*identityRow
	err := s.read(ctx, func(q engine.Querier) (err error) {
		rows, _, err = collectIdentities(q, prefixText, prefix, string(after), end, limit)
		return err
	})

	return convert(rows, func(r *identityRow) identitypool.Identity { return r.Identity }), err
}

const prefixText = `SELECT ` + identityColumns + `
	FROM (SELECT * FROM identities AS c
		WHERE c.identity_id >= $1 AND c.identity_id > $2 AND c.identity_id < $3
		ORDER BY c.identity_id LIMIT $4) AS i
	LEFT JOIN logins AS l ON l.identity_id = i.identity_id` + identityOrder

// CountLogins counts the logins of a pool, up to limit.
func (s *Store) CountLogins(ctx context.Context, pool identitypool.PoolID, limit int) (int64, error) {
	return readOne(ctx, s, "logins", scanInt,
		`SELECT count(*) FROM (SELECT 1 FROM logins WHERE pool_id = $1 LIMIT $2) AS l`, string(pool), limit)
}

// DeleteIdentity removes an identity and its logins, which may then be linked
// again elsewhere. Identities that were merged into it stay disabled.
// Errors: ErrNotFound, ErrBusy.
func (s *Store) DeleteIdentity(ctx context.Context, id identitypool.IdentityID) error {
	return s.retryRaces(ctx, func() error {
		before, err := s.readIdentity(ctx, id)
		if err != nil {
			return err
		}

		err = s.write(ctx, func(t *engine.Tx) error { return s.deleteIdentity(t, before) })
		if err == nil {
			s.counts.changed(before.PoolID, -1, s.now())
		}

		return err
	})
}

// deleteIdentity is DeleteIdentity in a transaction. Error: errMoved if the row has changed since it was read.
func (s *Store) deleteIdentity(t *engine.Tx, before *identityRow) error {
	t.Touch(identityKey(before.ID))
	if err := before.advanceRevision(t, before.Modified); err != nil {
		return err
	}
	if err := s.rememberIdentityID(t, before.ID); err != nil {
		return err
	}
	if _, err := t.Exec(`DELETE FROM logins WHERE identity_id = $1`, string(before.ID)); err != nil {
		return err
	}

	return mustChange(t, `DELETE FROM identities WHERE identity_id = $1`, string(before.ID))
}
