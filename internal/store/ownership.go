package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// An ID belongs for good to the account that first had it. As long as a pool or
// an identity has a row, also in a pool that is being removed, the primary key
// keeps others from the ID. After that, former_ids does: each transaction that
// deletes the row first remembers the ID there, and whoever inserts a row under
// a chosen ID looks there afterwards, in takePoolID or takeIdentityID.

// idKind is the kind of an ID in former_ids: a pool's or an identity's.
type idKind string

const (
	poolIDs     idKind = "pool"
	identityIDs idKind = "identity"
)

// formerID is a row of former_ids.
type formerID struct {
	kind       idKind
	id         string
	account    identitypool.AccountID
	ownedSince identitypool.Sequence // pools only
	deleted    int64                 // time of the last deletion, epoch milliseconds
}

const formerIDColumns = `kind, id, account, owned_since, deleted`

func scanFormerID(row scanner) (f formerID, err error) {
	err = row.Scan(&f.kind, &f.id, &f.account, &f.ownedSince, &f.deleted)
	return f, err
}

// rememberLater ends the statements that remember IDs. The row of an ID stays when
// its account makes the ID again, and the last deletion counts: it decides which
// sessions and tokens were its predecessor's.
const rememberLater = `ON CONFLICT (kind, id) DO UPDATE SET deleted = excluded.deleted
		WHERE former_ids.deleted < excluded.deleted`

// predecessor returns the last deletion of an ID that is in use again.
func predecessor(deleted sql.NullInt64) identitypool.Predecessor {
	if !deleted.Valid {
		return identitypool.Predecessor{}
	}
	return identitypool.Predecessor{Deleted: fromMillis(deleted.Int64)}
}

// rememberPoolID remembers the ID of a pool before it is hidden, and again before
// its row is removed: older versions hid pools without it.
func (s *Store) rememberPoolID(t *engine.Tx, id identitypool.PoolID) error {
	_, err := t.Exec(`INSERT INTO former_ids (`+formerIDColumns+`)
		SELECT 'pool', p.pool_id, p.account, p.owned_since, CAST($2 AS BIGINT) FROM pools AS p WHERE p.pool_id = $1
		`+rememberLater, string(id), millis(s.now()))
	return err
}

// rememberIdentityID remembers the ID of an identity before its row is removed.
func (s *Store) rememberIdentityID(t *engine.Tx, id identitypool.IdentityID) error {
	_, err := t.Exec(`INSERT INTO former_ids (`+formerIDColumns+`)
		SELECT 'identity', i.identity_id, p.account, 0, CAST($2 AS BIGINT)
		FROM identities AS i JOIN pools AS p ON p.pool_id = i.pool_id WHERE i.identity_id = $1
		`+rememberLater, string(id), millis(s.now()))
	return err
}

// formerOwner returns the row of an ID in former_ids; ok is false if there is none.
func formerOwner(q engine.Querier, kind idKind, id string) (f formerID, ok bool, err error) {
	found, err := collect(q, scanFormerID, `SELECT `+formerIDColumns+` FROM former_ids WHERE kind = $1 AND id = $2`,
		string(kind), id)
	if err != nil || len(found) == 0 {
		return formerID{}, false, err
	}
	return found[0], true, nil
}

// takePoolID records since when a new pool's account has had the ID. It is called
// after the row was inserted, because the insertion waits for the end of a deletion
// that is under way: an earlier look could miss the ID that the deletion remembers.
// Error: ErrConflict when the ID belongs to another account.
func takePoolID(t *engine.Tx, id identitypool.PoolID, account identitypool.AccountID) error {
	former, ok, err := formerOwner(t, poolIDs, string(id))
	if err == nil && ok && former.account != account {
		err = fmt.Errorf("identity pool: %w", ErrConflict)
	}
	if err != nil {
		return err
	}

	since := former.ownedSince
	if !ok {
		if since, err = nextSequence(t); err != nil {
			return err
		}
	}

	return mustChange(t, `UPDATE pools SET owned_since = $1 WHERE pool_id = $2`, int64(since), string(id))
}

// takeIdentityID is takePoolID for an identity of the pool.
func takeIdentityID(t *engine.Tx, id identitypool.IdentityID, pool identitypool.PoolID) error {
	former, ok, err := formerOwner(t, identityIDs, string(id))
	if err != nil || !ok {
		return err
	}

	own, err := collect(t, scanInt, `SELECT count(*) FROM pools WHERE pool_id = $1 AND account = $2`,
		string(pool), string(former.account))
	if err == nil && own[0] == 0 {
		err = fmt.Errorf("identity: %w", ErrConflict)
	}

	return err
}

// nextSequence draws the next number of the order of ownership. Transactions that
// draw one take turns until they commit, so the numbers follow the order of the
// commits. A transaction that has drawn waits for no other transaction's row, so
// there is no deadlock.
func nextSequence(t *engine.Tx) (identitypool.Sequence, error) {
	drawn, err := collect(t, scanInt, `UPDATE ownership_order SET last = last + 1 WHERE one = 1 RETURNING last`)
	if err != nil {
		return 0, err
	}
	if len(drawn) != 1 {
		return 0, fmt.Errorf("ownership_order has %d rows", len(drawn))
	}
	return identitypool.Sequence(drawn[0]), nil
}

// numberTrust gives a role the number of its trust policy if this write changes
// the policy. before is nil for a new role.
func numberTrust[T iamResource](t *engine.Tx, v, before *T) error {
	r, ok := any(v).(*Role)
	if !ok {
		return nil
	}

	if before != nil {
		had := any(before).(*Role)
		if r.Trust == had.Trust && r.TrustWritten == had.TrustWritten {
			return nil
		}
	}
	var err error
	r.TrustWritten, err = nextSequence(t)

	return err
}

// settingsTrust is a row of settings_trust.
type settingsTrust struct {
	role    string
	sha256  [sha256.Size]byte
	written identitypool.Sequence
}

func scanSettingsTrust(row scanner) (s settingsTrust, err error) {
	var sum []byte
	if err := row.Scan(&s.role, &sum, &s.written); err != nil {
		return s, err
	}
	if len(sum) != len(s.sha256) {
		return s, fmt.Errorf("settings_trust has a hash of %d bytes", len(sum))
	}
	copy(s.sha256[:], sum)

	return s, nil
}

// trustHash returns the SHA-256 of a JSON document. Spaces and the order of members
// do not count, nor whether one value stands alone or in a list: wherever the policy
// language takes a list, the two mean the same (IAM User Guide, "Grammar of the IAM
// JSON policy language").
func trustHash(document string) [sha256.Size]byte {
	var parsed any
	if err := json.Unmarshal([]byte(document), &parsed); err != nil { // cannot happen after the policy parser
		return sha256.Sum256([]byte(document))
	}

	text, err := json.Marshal(unlisted(parsed), json.Deterministic(true))
	if err != nil {
		return sha256.Sum256([]byte(document))
	}

	return sha256.Sum256(text)
}

// unlisted replaces each list of one value by the value.
func unlisted(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = unlisted(member)
		}
	case []any:
		if len(v) == 1 {
			return unlisted(v[0])
		}

		for n, element := range v {
			v[n] = unlisted(element)
		}
	}

	return v
}

// SettleTrust returns when the trust policies of the settings were written, by
// role ARN: when a start of any node first brought exactly that document for that
// role. trust has the documents by role ARN. Error: ErrInvalid.
func (s *Store) SettleTrust(ctx context.Context, trust map[string]string) (map[string]identitypool.Sequence, error) {
	for arn := range trust {
		if err := checkText("role ARN", arn, maxARN); err != nil {
			return nil, err
		}
	}

	settled, missing, err := s.lookUpTrust(ctx, trust)
	if err != nil || len(missing) == 0 {
		return settled, err
	}

	err = s.write(ctx, func(t *engine.Tx) error {
		written, err := nextSequence(t)
		if err != nil {
			return err
		}

		for _, m := range missing {
			m.written = written
			if err := insertSettingsTrust(t, m); err != nil {
				return err
			}
		}

		return nil
	})
	if err != nil {
		return nil, err
	}

	settled, _, err = s.lookUpTrust(ctx, trust) // another node may have been first

	return settled, err
}

// lookUpTrust returns the entries that settings_trust has of trust, and those it lacks.
func (s *Store) lookUpTrust(ctx context.Context, trust map[string]string) (
	settled map[string]identitypool.Sequence, missing []settingsTrust, err error,
) {
	type key struct {
		role   string
		sha256 [sha256.Size]byte
	}

	rows, err := readAll(ctx, s, scanSettingsTrust, `SELECT role_arn, sha256, written FROM settings_trust`)
	if err != nil {
		return nil, nil, err
	}

	known := make(map[key]identitypool.Sequence, len(rows))
	for _, one := range rows {
		known[key{one.role, one.sha256}] = one.written
	}

	settled = make(map[string]identitypool.Sequence, len(trust))
	for arn, document := range trust {
		sum := trustHash(document)
		written, ok := known[key{arn, sum}]
		if !ok {
			missing = append(missing, settingsTrust{role: arn, sha256: sum})
			continue
		}

		settled[arn] = written
	}

	return settled, missing, nil
}

func insertSettingsTrust(t *engine.Tx, s settingsTrust) error {
	_, err := t.Exec(`INSERT INTO settings_trust (role_arn, sha256, written) VALUES ($1, $2, $3)
		ON CONFLICT (role_arn, sha256) DO NOTHING`,
		s.role, s.sha256[:], int64(s.written))
	return err
}
