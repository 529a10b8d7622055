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

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// A dump is gzip-compressed lines of JSON. Each line is an object whose one member
// names its kind: first the header, then rows, a row after those it refers to, and
// last the end, with the number of rows and the SHA-256 of all bytes before it. It
// is the same for both database engines. Secrets are sealed, as the store holds
// them. Secrets that an older version left in clear are sealed on the way; without
// a master key they cannot be dumped. The checksum finds accidents, not forgers, so
// protect a dump like the database itself.
type dumpLine struct {
	Header      *dumpHeader      `json:"header,omitzero"`
	Pool        *dumpPool        `json:"pool,omitzero"`
	Identity    *dumpIdentity    `json:"identity,omitzero"`
	Login       *dumpLogin       `json:"login,omitzero"`
	AccessKey   *dumpAccessKey   `json:"accessKey,omitzero"`
	Key         *dumpKey         `json:"key,omitzero"`
	SignOut     *dumpSignOut     `json:"signOut,omitzero"`
	Revoked     *dumpRevoked     `json:"revoked,omitzero"`
	IAM         *dumpIAM         `json:"iam,omitzero"`
	Former      *dumpFormer      `json:"former,omitzero"`
	Trust       *dumpTrust       `json:"settingsTrust,omitzero"`
	Binding     *dumpBinding     `json:"samlBinding,omitzero"`
	WebIdentity *dumpWebIdentity `json:"webIdentity,omitzero"`
	End         *dumpEnd         `json:"end,omitzero"`
}

const (
	dumpFormat = "poolhouse-dump"
	// dumpSchema increases when lines are added or change their meaning. Older dumps
	// can be read. 2 added sign-outs and the home account; 3 revocations and what
	// the IAM API made; 4 former IDs, the order of ownership, the scopes of logins,
	// sealed settings of pools, withdrawn signing keys and the accounts of sign-outs; 5 the
	// issuers of web identity tokens.
	dumpSchema = 5
	// maxDumpLine bounds a line: pool settings and little more.
	maxDumpLine = 4 << 20
)

type dumpHeader struct {
	Format  string `json:"format"`
	Schema  int    `json:"schema"`
	Created int64  `json:"created"`        // epoch milliseconds, as all times in a dump
	Home    string `json:"home,omitzero"`  // account
	Order   int64  `json:"order,omitzero"` // last number drawn from the order of ownership
}

type dumpEnd struct {
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// dumpWriter writes lines and counts and hashes them.
type dumpWriter struct {
	w    *bufio.Writer
	sum  hash.Hash
	rows int64
}

func (d *dumpWriter) line(l dumpLine) error {
	text, err := json.Marshal(l, json.Deterministic(true))
	if err != nil {
		return err
	}
	text = append(text, '\n')
	d.sum.Write(text)
	_, err = d.w.Write(text)
	return err
}

func (d *dumpWriter) row(l dumpLine) error {
	d.rows++
	return d.line(l)
}

// Dump writes a backup of the database as it was at one instant, while reads and
// writes go on. (An in-memory store has one connection: there they wait until
// the backup is compressed, but not for w.) Of pools whose deletion is under way
// the backup has only the IDs. What Dump wrote before an error is not a backup:
// Load refuses it.
func (s *Store) Dump(ctx context.Context, w io.Writer) error {
	target := w
	var spool *memorySpool
	if s.options.inMemory() {
		spool = &memorySpool{}
		target = spool
	}

	zip := gzip.NewWriter(target)
	d := &dumpWriter{w: bufio.NewWriterSize(zip, 64<<10), sum: sha256.New()}
	err := s.engine.Snapshot(ctx, 0, func(q engine.Querier) error { return s.dump(ctx, q, d) })
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}

	end := dumpLine{End: &dumpEnd{Rows: d.rows, SHA256: hex.EncodeToString(d.sum.Sum(nil))}}
	if err := errors.Join(d.line(end), d.w.Flush(), zip.Close()); err != nil {
		return fmt.Errorf("dump: %w", err)
	}

	if spool != nil {
		if _, err := w.Write(spool.data); err != nil {
			return fmt.Errorf("dump: %w", err)
		}
	}

	return nil
}

// memorySpool holds a dump until the database is free again.
type memorySpool struct{ data []byte }

func (m *memorySpool) Write(p []byte) (int, error) {
	m.data = append(m.data, p...)
	return len(p), nil
}

func (s *Store) dump(ctx context.Context, q engine.Querier, d *dumpWriter) error {
	if err := s.dumpStart(q, d); err != nil {
		return err
	}

	for _, part := range s.dumpParts() {
		err := each(ctx, q, func(row scanner) error {
			l, err := part.line(row)
			if err != nil {
				return err
			}
			return d.row(l)
		}, part.text, part.args...)
		if err != nil {
			return err
		}
	}

	return nil
}

// dumpStart writes the header.
func (s *Store) dumpStart(q engine.Querier, d *dumpWriter) error {
	home, err := homeAccount(q)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	order, err := collect(q, scanInt, `SELECT last FROM ownership_order WHERE one = 1`)
	if err != nil {
		return err
	}

	return d.line(dumpLine{Header: &dumpHeader{
		Format:  dumpFormat,
		Schema:  dumpSchema,
		Created: millis(s.now()),
		Home:    string(home),
		Order:   order[0],
	}})
}

// dumpPart is a query, and how a row that it finds becomes a line.
type dumpPart struct {
	line func(scanner) (dumpLine, error)
	text string
	args []any
}

// lineOf makes lines of what scan reads.
func lineOf[T any](scan func(scanner) (T, error), line func(T) (dumpLine, error)) func(scanner) (dumpLine, error) {
	return func(row scanner) (dumpLine, error) {
		v, err := scan(row)
		if err != nil {
			return dumpLine{}, err
		}
		return line(v)
	}
}

// dumpParts returns the parts of a dump in their order. The lines of pools come first:
// if one of them has a secret that was sealed on the way, all other secrets must be
// sealed under the same master key.
func (s *Store) dumpParts() []dumpPart {
	wasClear := false
	pool := func(p storedPool) (dumpLine, error) {
		wasClear = wasClear || s.hasClearSecret(p)
		err := s.sealSettings(s.options.Sealer, p.ID, &p)
		return dumpLine{Pool: dumpedPool(p)}, err
	}
	beside := func(sealed []byte) error {
		if !wasClear {
			return nil
		}
		return s.sealsBeside(sealed)
	}

	return []dumpPart{
		{line: lineOf(scanPoolRow, pool), text: `SELECT ` + poolColumns + ` FROM pools AS p
			WHERE NOT p.deleting ORDER BY p.pool_id`},
		{line: identityLine, text: `SELECT i.identity_id, i.pool_id, i.disabled, i.merged_to, i.ever_linked,
				i.created, i.modified
			FROM identities AS i JOIN pools AS p ON p.pool_id = i.pool_id AND NOT p.deleting ORDER BY i.identity_id`},
		{line: loginLine, text: `SELECT l.pool_id, l.identity_id, l.kind, l.provider, l.subject, l.scope
			FROM logins AS l JOIN pools AS p ON p.pool_id = l.pool_id AND NOT p.deleting
			ORDER BY l.pool_id, l.login_key`},
		{line: lineOf(scanBinding, func(b samlBinding) (dumpLine, error) {
			return dumpLine{Binding: &dumpBinding{Provider: b.Provider, EntityID: b.EntityID}}, nil
		}), text: `SELECT provider, entity_id FROM saml_bindings ORDER BY provider`},
		{line: lineOf(scanAccessKey, func(k AccessKey) (dumpLine, error) {
			return dumpLine{AccessKey: dumpedAccessKey(k)}, beside(k.SealedSecret)
		}), text: `SELECT ` + accessKeyColumns + ` FROM access_keys ORDER BY access_key_id`},
		{line: lineOf(scanKey, func(k Key) (dumpLine, error) {
			return dumpLine{Key: dumpedKey(k)}, beside(k.Sealed)
		}), text: `SELECT ` + keyColumns + ` FROM keys AS k ORDER BY k.purpose, k.key_id`},
		{line: lineOf(scanRevocation, func(m Revocation) (dumpLine, error) {
			return dumpLine{Revoked: dumpedRevoked(m)}, nil
		}), text: `SELECT ` + revocations.columns + ` FROM revocations ORDER BY mark_key`},
		{line: lineOf(scanSignOut, func(m SignOut) (dumpLine, error) {
			return dumpLine{SignOut: dumpedSignOut(m)}, nil
		}), text: `SELECT ` + signOuts.columns + ` FROM sign_outs ORDER BY mark_key`},
		{line: lineOf(scanFormerID, func(f formerID) (dumpLine, error) {
			return dumpLine{Former: dumpedFormer(f)}, nil
		}), text: allFormerIDs, args: []any{millis(s.now())}},
		{line: lineOf(scanSettingsTrust, func(trust settingsTrust) (dumpLine, error) {
			return dumpLine{Trust: dumpedTrust(trust)}, nil
		}), text: `SELECT role_arn, sha256, written FROM settings_trust ORDER BY role_arn, sha256`},
		{line: lineOf(scanResource, dumpedIAM), text: `SELECT ` + resourceColumns + ` FROM iam_resources
			ORDER BY account, kind, resource_key`},
		{line: lineOf(scanWebIdentityIssuer, dumpedWebIdentity), text: `SELECT ` + webIdentityColumns + `
			FROM web_identity_issuers ORDER BY account`},
	}
}

func identityLine(row scanner) (dumpLine, error) {
	var i dumpIdentity
	err := row.Scan(&i.ID, &i.Pool, &i.Disabled, &i.MergedTo, &i.EverLinked, &i.Created, &i.Modified)
	return dumpLine{Identity: &i}, err
}

func loginLine(row scanner) (dumpLine, error) {
	var l dumpLogin
	err := row.Scan(&l.Pool, &l.Identity, &l.Kind, &l.Provider, &l.Subject, &l.Scope)
	return dumpLine{Login: &l}, err
}

// allFormerIDs selects the rows of former_ids and the IDs of pools that are being
// removed, which are in no backup themselves; $1 is the time of their deletion. An
// ID that was made again and is being removed again has its last deletion.
const allFormerIDs = `SELECT f.kind, f.id, f.account, f.owned_since,
		CASE WHEN EXISTS (SELECT 1 FROM identities AS i JOIN pools AS p ON p.pool_id = i.pool_id AND p.deleting
				WHERE f.kind = 'identity' AND i.identity_id = f.id)
			OR EXISTS (SELECT 1 FROM pools AS p WHERE f.kind = 'pool' AND p.pool_id = f.id AND p.deleting)
			THEN CAST($1 AS BIGINT) ELSE f.deleted END
		FROM former_ids AS f
	UNION ALL SELECT CAST('pool' AS keytext), p.pool_id, p.account, p.owned_since, CAST($1 AS BIGINT) FROM pools AS p
		WHERE p.deleting AND NOT EXISTS (SELECT 1 FROM former_ids AS f WHERE f.kind = 'pool' AND f.id = p.pool_id)
	UNION ALL SELECT CAST('identity' AS keytext), i.identity_id, p.account, 0, CAST($1 AS BIGINT)
		FROM identities AS i JOIN pools AS p ON p.pool_id = i.pool_id AND p.deleting
		WHERE NOT EXISTS (SELECT 1 FROM former_ids AS f WHERE f.kind = 'identity' AND f.id = i.identity_id)
	ORDER BY 1, 2`

// each calls fn with every row of a query, without holding all rows in memory.
func each(ctx context.Context, q engine.Querier, fn func(scanner) error, text string, args ...any) (err error) {
	rows, err := q.Query(text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()

	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(rows); err != nil {
			return err
		}
	}

	return rows.Err()
}
