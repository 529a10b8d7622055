package store

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// errBadDump means that Load did not read a whole, unaltered dump.
var errBadDump = errors.New("not a whole, unaltered dump")

// Load reads a dump, from either database engine, into a store that holds nothing.
// It is one transaction: all of it or nothing. r is read while the transaction
// is open, so it should be a file. Other writers of SQLite wait.
// If an older version's dump has secrets in clear, they are sealed; without a
// Sealer the next SealSecrets does that.
// Errors: ErrConflict when the store is not empty, ErrOtherSealer, ErrInvalid. A
// dump that a newer binary wrote, or that is cut short or altered, is refused, too.
func (s *Store) Load(ctx context.Context, r io.Reader) error {
	ran := false
	err := s.engine.Write(ctx, 0, func(t *engine.Tx) error {
		if ran { // r is used up
			return fmt.Errorf("%w: another transaction interfered", ErrBusy)
		}
		ran = true

		// A server that was started and never used has recorded its settings' trust
		// policies. The next start records them again.
		if _, err := t.Exec(`DELETE FROM settings_trust`); err != nil {
			return err
		}

		before, err := countRows(t)
		if err != nil {
			return err
		}
		if before != 0 {
			return fmt.Errorf("%w: the store must be empty and has %d rows", ErrConflict, before)
		}

		loaded, err := s.load(ctx, t, r)
		if err != nil {
			return err
		}
		if err := countLoaded(t); err != nil {
			return err
		}
		after, err := countRows(t)
		if err == nil && after != loaded {
			err = fmt.Errorf("%w: somebody else wrote to the store", ErrConflict)
		}

		return err
	})
	if s.engine.IsViolation(err) {
		err = fmt.Errorf("%w: a row occurs twice or refers to one that is missing: %w", errBadDump, err)
	}
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}

	return nil
}

// countRows counts the rows that a dump would have, and pools being deleted.
func countRows(q engine.Querier) (int64, error) {
	return collectOne(q, "count", scanInt, `SELECT (SELECT count(*) FROM pools) + (SELECT count(*) FROM identities)
		+ (SELECT count(*) FROM logins) + (SELECT count(*) FROM access_keys) + (SELECT count(*) FROM keys)
		+ (SELECT count(*) FROM sign_outs) + (SELECT count(*) FROM revocations)
		+ (SELECT count(*) FROM iam_resources) + (SELECT count(*) FROM former_ids)
		+ (SELECT count(*) FROM settings_trust) + (SELECT count(*) FROM saml_bindings)
		+ (SELECT count(*) FROM web_identity_issuers)`)
}

// load inserts the rows of a dump and returns their number.
func (s *Store) load(ctx context.Context, t *engine.Tx, r io.Reader) (int64, error) {
	d, header, err := openDump(r)
	if err != nil {
		return 0, err
	}

	if home := header.Home; home != "" {
		if err := checkID("account", home); err != nil {
			return 0, err
		}
		// A server that was started and never used has settled its own account.
		if _, err := t.Exec(
			`INSERT INTO home_account (one, account) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET account = $1`,
			home); err != nil {
			return 0, err
		}
	}
	_, err = t.Exec(`UPDATE ownership_order SET last = $1 WHERE one = 1 AND last < $1`, header.Order)
	if err != nil {
		return 0, err
	}

	l := &loader{store: s, tx: t, purposes: map[string]bool{}}
	for rows := int64(0); ; rows++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		line, err := d.next(json.RejectUnknownMembers(true))
		if err != nil {
			return 0, err
		}

		if line.End != nil {
			return rows, d.end(line.End, rows)
		}
		if err := l.insert(line); err != nil {
			if errors.Is(err, ErrInvalid) { // Dump writes no such row
				err = fmt.Errorf("%w: %w", errBadDump, err)
			}
			return 0, fmt.Errorf("row %d: %w", rows+1, err)
		}
	}
}

// dumpReader reads lines. It hashes each line when it reads the next one.
type dumpReader struct {
	lines *bufio.Scanner
	sum   hash.Hash
	last  []byte
}

// openDump reads the header of a dump.
func openDump(r io.Reader) (*dumpReader, *dumpHeader, error) {
	zip, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errBadDump, err)
	}

	d := &dumpReader{lines: bufio.NewScanner(zip), sum: sha256.New()}
	d.lines.Buffer(make([]byte, 0, 64<<10), maxDumpLine)
	first, err := d.next(json.RejectUnknownMembers(false)) // a newer header may have more members
	if err != nil {
		return nil, nil, err
	}

	switch h := first.Header; {
	case h == nil || h.Format != dumpFormat:
		return nil, nil, fmt.Errorf("%w: it does not begin with the header of a dump", errBadDump)
	case h.Schema > dumpSchema:
		return nil, nil, fmt.Errorf("%w: the dump has schema %d and this binary reads up to %d",
			errNewerSchema, h.Schema, dumpSchema)
	}

	return d, first.Header, nil
}

// end compares the end of a dump with the lines that were read before it.
func (d *dumpReader) end(end *dumpEnd, rows int64) error {
	if sum := hex.EncodeToString(d.sum.Sum(nil)); end.Rows != rows || end.SHA256 != sum {
		return fmt.Errorf("%w: it has %d rows and hash %s, its end has %d and %s",
			errBadDump, rows, sum, end.Rows, end.SHA256)
	}
	return d.finished()
}

func (d *dumpReader) next(o json.Options) (dumpLine, error) {
	d.sum.Write(d.last)
	if !d.lines.Scan() {
		err := d.lines.Err()
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return dumpLine{}, fmt.Errorf("%w: %w", errBadDump, err)
	}

	d.last = append(append(d.last[:0], d.lines.Bytes()...), '\n')
	var line dumpLine
	if err := json.Unmarshal(d.last, &line, o); err != nil {
		if cut := d.lines.Err(); cut != nil { // the scanner returns the text before a read error as a line
			err = cut
		}
		return dumpLine{}, fmt.Errorf("%w: %w", errBadDump, err)
	}

	return line, nil
}

// finished makes sure that nothing follows; reading on also makes gzip compare
// its own checksum.
func (d *dumpReader) finished() error {
	if d.lines.Scan() {
		return fmt.Errorf("%w: it goes on after its end", errBadDump)
	}
	if err := d.lines.Err(); err != nil {
		return fmt.Errorf("%w: %w", errBadDump, err)
	}
	return nil
}

// loader inserts the rows of a dump.
type loader struct {
	store    *Store
	tx       *engine.Tx
	purposes map[string]bool // key sets that have a row so far
	sealed   bool            // a secret of the dump was in clear and is sealed now
	marked   bool            // a secret of the dump stays in clear
}

func (l *loader) insert(line dumpLine) error {
	switch {
	case line.Pool != nil:
		return l.pool(line.Pool)
	case line.Identity != nil:
		return l.identity(line.Identity)
	case line.Login != nil:
		if err := checkLogin(line.Login.login()); err != nil {
			return err
		}
		return insertLogin(l.tx, identitypool.PoolID(line.Login.Pool), identitypool.IdentityID(line.Login.Identity),
			line.Login.login())
	case line.AccessKey != nil:
		k := line.AccessKey.accessKey()
		if err := errors.Join(k.check(), l.beside(k.SealedSecret)); err != nil {
			return err
		}
		return insertAccessKey(l.tx, k)
	case line.Key != nil:
		return l.key(line.Key.key())
	case line.SignOut != nil:
		m := line.SignOut.signOut()
		if err := m.check(); err != nil {
			return err
		}
		l.tx.Touch(signOutsKey(m.Account, m.Provider))

		return signOuts.insert(l.tx, m.key(), m.values()...)
	case line.Revoked != nil:
		m := line.Revoked.revocation()
		if err := m.check(); err != nil {
			return err
		}
		return revocations.insert(l.tx, m.key(), m.values()...)
	case line.IAM != nil:
		return line.IAM.insert(l.tx)
	case line.Former != nil:
		return line.Former.insert(l.tx)
	case line.Trust != nil:
		return line.Trust.insert(l.tx)
	case line.Binding != nil:
		return line.Binding.insert(l.tx)
	case line.WebIdentity != nil:
		return line.WebIdentity.insert(l.tx)
	}

	return fmt.Errorf("%w: a line that is no row", errBadDump)
}

func (l *loader) pool(d *dumpPool) error {
	if err := checkPoolIDs(d.ID, d.Account, d.Region); err != nil {
		return err
	}

	if l.store.hasClearSecret(d.Settings) { // an older version wrote the dump
		if err := l.clearSecret(identitypool.PoolID(d.ID), &d.Settings); err != nil {
			return err
		}
	}
	settings, err := encodePool(d.Settings)
	if err != nil {
		return err
	}

	_, err = l.tx.Exec(`INSERT INTO pools
		(pool_id, account, region, settings, version, created, updated, deleting, owned_since)
		VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE, $8)`,
		d.ID, d.Account, d.Region, settings, d.Version, d.Created, d.Updated, d.OwnedSince)

	return err
}

// clearSecret seals the secrets of a pool's settings; without a master key it leaves
// that to the next start.
func (l *loader) clearSecret(pool identitypool.PoolID, p *storedPool) error {
	if l.store.options.Sealer != nil {
		l.sealed = true
		return l.store.sealSettings(l.store.options.Sealer, pool, p)
	}
	if l.marked {
		return nil
	}
	l.marked = true

	return markClear(l.tx, uuid.NewString())
}

// beside checks a sealed value of the dump against the secrets sealed on the way.
func (l *loader) beside(sealed []byte) error {
	if !l.sealed {
		return nil
	}
	return l.store.sealsBeside(sealed)
}

func (l *loader) identity(d *dumpIdentity) error {
	if err := errors.Join(
		checkID("identity ID", d.ID),
		checkID("pool ID", d.Pool),
		checkText("merged to", d.MergedTo, maxID),
	); err != nil {
		return err
	}

	_, err := l.tx.Exec(`INSERT INTO identities
			(identity_id, pool_id, disabled, merged_to, ever_linked, revision, created, modified)
		VALUES ($1, $2, $3, $4, $5, 1, $6, $7)`,
		d.ID, d.Pool, d.Disabled, d.MergedTo, d.EverLinked, d.Created, d.Modified)

	return err
}

func (l *loader) key(k Key) error {
	if err := errors.Join(k.check(), l.beside(k.Sealed)); err != nil {
		return err
	}
	if !l.purposes[k.Purpose] {
		l.purposes[k.Purpose] = true
		// A store that once had keys still has the row of the set.
		if _, err := l.tx.Exec(`INSERT INTO key_sets (purpose, revision) VALUES ($1, 1)
			ON CONFLICT (purpose) DO UPDATE SET revision = key_sets.revision + 1`, k.Purpose); err != nil {
			return err
		}
	}

	return insertKey(l.tx, k)
}
