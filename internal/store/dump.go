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
	"time"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
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
	Header    *dumpHeader    `json:"header,omitzero"`
	Pool      *dumpPool      `json:"pool,omitzero"`
	Identity  *dumpIdentity  `json:"identity,omitzero"`
	Login     *dumpLogin     `json:"login,omitzero"`
	AccessKey *dumpAccessKey `json:"accessKey,omitzero"`
	Key       *dumpKey       `json:"key,omitzero"`
	SignOut   *dumpSignOut   `json:"signOut,omitzero"`
	Revoked   *dumpRevoked   `json:"revoked,omitzero"`
	IAM       *dumpIAM       `json:"iam,omitzero"`
	Former    *dumpFormer    `json:"former,omitzero"`
	Trust     *dumpTrust     `json:"settingsTrust,omitzero"`
	Binding   *dumpBinding   `json:"samlBinding,omitzero"`
	End       *dumpEnd       `json:"end,omitzero"`
}

const (
	dumpFormat = "poolhouse-dump"
	// dumpSchema increases when lines are added or change their meaning. Older dumps
	// can be read. 2 added sign-outs and the home account; 3 revocations and what
	// the IAM API made; 4 former IDs, the order of ownership, the scopes of logins,
	// sealed settings of pools, withdrawn signing keys and the accounts of sign-outs.
	dumpSchema = 4
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

type dumpPool struct {
	ID       string     `json:"id"`
	Account  string     `json:"account"`
	Region   string     `json:"region"`
	Settings storedPool `json:"settings"`
	Version  int64      `json:"version"`
	Created  int64      `json:"created"`
	Updated  int64      `json:"updated"`

	OwnedSince int64 `json:"ownedSince,omitzero"` // a number of the order of ownership
}

type dumpIdentity struct {
	ID         string `json:"id"`
	Pool       string `json:"pool"`
	Disabled   bool   `json:"disabled,omitzero"`
	MergedTo   string `json:"mergedTo,omitzero"`
	EverLinked bool   `json:"everLinked,omitzero"`
	Created    int64  `json:"created"`
	Modified   int64  `json:"modified"`
}

type dumpLogin struct {
	Pool     string `json:"pool"`
	Identity string `json:"identity"`
	Kind     string `json:"kind"`
	Provider string `json:"provider"`
	Subject  []byte `json:"subject"` // any bytes
	Scope    string `json:"scope,omitzero"`
}

// dumpBinding is a SAMLBinding.
type dumpBinding struct {
	Provider string `json:"provider"`
	EntityID string `json:"entityId,omitzero"`
}

type dumpAccessKey struct {
	ID           string `json:"id"`
	Account      string `json:"account"`
	SealedSecret []byte `json:"sealedSecret"`
	Disabled     bool   `json:"disabled,omitzero"`
	Description  string `json:"description,omitzero"`
	Policy       string `json:"policy,omitzero"`
	Created      int64  `json:"created"`
}

type dumpKey struct {
	Purpose   string `json:"purpose"`
	ID        string `json:"id"`
	Algorithm string `json:"algorithm,omitzero"`
	Sealed    []byte `json:"sealed"`
	Public    []byte `json:"public"`
	Created   int64  `json:"created"`
	NotBefore int64  `json:"notBefore,omitzero"`
	NotAfter  int64  `json:"notAfter,omitzero"`
	Withdrawn int64  `json:"withdrawn,omitzero"`
}

type dumpSignOut struct {
	Kind      string `json:"kind"`
	Account   string `json:"account,omitzero"` // "" = all
	Provider  string `json:"provider"`
	Value     []byte `json:"value"` // any bytes
	NotBefore int64  `json:"notBefore,omitzero"`
	Expires   int64  `json:"expires"`
}

type dumpRevoked struct {
	Kind      string `json:"kind"`
	Account   string `json:"account"`
	Value     string `json:"value"`
	NotBefore int64  `json:"notBefore"`
	Expires   int64  `json:"expires"`
}

// dumpIAM is a role, managed policy or provider; only one of its last four
// members is set.
type dumpIAM struct {
	Account      string         `json:"account"`
	Created      int64          `json:"created"`
	Role         *Role          `json:"role,omitzero"`
	Policy       *ManagedPolicy `json:"policy,omitzero"`
	OIDCProvider *OIDCProvider  `json:"oidcProvider,omitzero"`
	SAMLProvider *SAMLProvider  `json:"samlProvider,omitzero"`
}

// dumpFormer is an ID that was deleted, or that is in a pool being removed.
type dumpFormer struct {
	Kind       string `json:"kind"`
	ID         string `json:"id"`
	Account    string `json:"account"`
	OwnedSince int64  `json:"ownedSince,omitzero"`
	Deleted    int64  `json:"deleted"`
}

// dumpTrust is a trust policy of the settings.
type dumpTrust struct {
	Role    string `json:"role"`
	SHA256  []byte `json:"sha256"`
	Written int64  `json:"written"`
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

	wasClear, err := s.dumpPools(ctx, q, d)
	if err != nil {
		return err
	}
	if err := dumpIdentities(ctx, q, d); err != nil {
		return err
	}
	if err := s.dumpSealed(ctx, q, d, wasClear); err != nil {
		return err
	}
	if err := dumpMarks(ctx, q, d); err != nil {
		return err
	}

	return dumpAccounts(ctx, q, d, s.now())
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

// dumpPools writes the pools. wasClear reports whether it sealed a secret that was
// in clear.
func (s *Store) dumpPools(ctx context.Context, q engine.Querier, d *dumpWriter) (wasClear bool, err error) {
	err = dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		p, err := scanPoolRow(row)
		if err != nil {
			return dumpLine{}, err
		}

		if hasClearSecret(p) {
			wasClear = true
			if err := s.sealSettings(p.ID, &p); err != nil {
				return dumpLine{}, err
			}
		}

		return dumpLine{Pool: &dumpPool{
			ID:         string(p.ID),
			Account:    string(p.Account),
			Region:     p.Region,
			Settings:   p,
			Version:    p.Version,
			Created:    millis(p.Created),
			Updated:    millis(p.Updated),
			OwnedSince: int64(p.OwnedSince),
		}}, nil
	}, `SELECT `+poolColumns+` FROM pools AS p WHERE NOT p.deleting ORDER BY p.pool_id`)

	return wasClear, err
}

// dumpIdentities writes the identities, their logins and the bindings of SAML
// providers.
func dumpIdentities(ctx context.Context, q engine.Querier, d *dumpWriter) error {
	err := dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		var i dumpIdentity
		err := row.Scan(&i.ID, &i.Pool, &i.Disabled, &i.MergedTo, &i.EverLinked, &i.Created, &i.Modified)
		return dumpLine{Identity: &i}, err
	}, `SELECT i.identity_id, i.pool_id, i.disabled, i.merged_to, i.ever_linked, i.created, i.modified
		FROM identities AS i JOIN pools AS p ON p.pool_id = i.pool_id AND NOT p.deleting ORDER BY i.identity_id`)
	if err != nil {
		return err
	}

	err = dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		var l dumpLogin
		err := row.Scan(&l.Pool, &l.Identity, &l.Kind, &l.Provider, &l.Subject, &l.Scope)
		return dumpLine{Login: &l}, err
	}, `SELECT l.pool_id, l.identity_id, l.kind, l.provider, l.subject, l.scope
		FROM logins AS l JOIN pools AS p ON p.pool_id = l.pool_id AND NOT p.deleting ORDER BY l.pool_id, l.login_key`)
	if err != nil {
		return err
	}

	return dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		b, err := scanBinding(row)
		return dumpLine{Binding: &dumpBinding{Provider: b.Provider, EntityID: b.EntityID}}, err
	}, `SELECT provider, entity_id FROM saml_bindings ORDER BY provider`)
}

// dumpSealed writes the access keys and the keys. If the dump has a secret that was
// sealed on the way, all of them must be sealed under the same master key.
func (s *Store) dumpSealed(ctx context.Context, q engine.Querier, d *dumpWriter, wasClear bool) error {
	err := dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		k, err := scanAccessKey(row)
		if err == nil && wasClear {
			err = s.sealsBeside(k.SealedSecret)
		}

		return dumpLine{AccessKey: &dumpAccessKey{
			ID:           k.ID,
			Account:      string(k.Account),
			SealedSecret: k.SealedSecret,
			Disabled:     k.Disabled,
			Description:  k.Description,
			Policy:       k.Policy,
			Created:      millis(k.Created),
		}}, err
	}, `SELECT `+accessKeyColumns+` FROM access_keys ORDER BY access_key_id`)
	if err != nil {
		return err
	}

	return dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		k, err := scanKey(row)
		if err == nil && wasClear {
			err = s.sealsBeside(k.Sealed)
		}

		return dumpLine{Key: &dumpKey{
			Purpose:   k.Purpose,
			ID:        k.ID,
			Algorithm: k.Algorithm,
			Sealed:    k.Sealed,
			Public:    k.Public,
			Created:   millis(k.Created),
			NotBefore: millis(k.NotBefore),
			NotAfter:  millis(k.NotAfter),
			Withdrawn: millis(k.Withdrawn),
		}}, err
	}, `SELECT `+keyColumns+` FROM keys AS k ORDER BY k.purpose, k.key_id`)
}

// dumpMarks writes the revocations and sign-outs.
func dumpMarks(ctx context.Context, q engine.Querier, d *dumpWriter) error {
	err := dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		m, err := scanRevocation(row)
		return dumpLine{Revoked: &dumpRevoked{
			Kind:      string(m.Kind),
			Account:   string(m.Account),
			Value:     m.Value,
			NotBefore: millis(m.NotBefore),
			Expires:   millis(m.Expires),
		}}, err
	}, `SELECT `+revocationColumns+` FROM revocations ORDER BY mark_key`)
	if err != nil {
		return err
	}

	return dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		m, err := scanSignOut(row)

		return dumpLine{SignOut: &dumpSignOut{
			Kind:      string(m.Kind),
			Account:   string(m.Account),
			Provider:  m.Provider,
			Value:     []byte(m.Value),
			NotBefore: millis(m.NotBefore),
			Expires:   millis(m.Expires),
		}}, err
	}, `SELECT `+signOutColumns+` FROM sign_outs ORDER BY mark_key`)
}

// dumpAccounts writes the former IDs, the times when trust policies of the
// settings were written, and the resources of the IAM API. IDs in pools that are
// being removed become former IDs with the time now.
func dumpAccounts(ctx context.Context, q engine.Querier, d *dumpWriter, now time.Time) error {
	err := dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		f, err := scanFormerID(row)
		return dumpLine{Former: &dumpFormer{
			Kind:       string(f.kind),
			ID:         f.id,
			Account:    string(f.account),
			OwnedSince: int64(f.ownedSince),
			Deleted:    f.deleted,
		}}, err
	}, allFormerIDs, millis(now))
	if err != nil {
		return err
	}

	err = dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		t, err := scanSettingsTrust(row)
		return dumpLine{Trust: &dumpTrust{Role: t.role, SHA256: t.sha256[:], Written: int64(t.written)}}, err
	}, `SELECT role_arn, sha256, written FROM settings_trust ORDER BY role_arn, sha256`)
	if err != nil {
		return err
	}

	return dumpRows(ctx, q, d, func(row scanner) (dumpLine, error) {
		r, err := scanResource(row)
		if err != nil {
			return dumpLine{}, err
		}
		i, err := dumpedIAM(r)
		return dumpLine{IAM: i}, err
	}, `SELECT `+resourceColumns+` FROM iam_resources ORDER BY account, kind, resource_key`)
}

// dumpRows writes a line for each row of a query.
func dumpRows(ctx context.Context, q engine.Querier, d *dumpWriter, lineOf func(scanner) (dumpLine, error),
	text string, args ...any,
) error {
	return each(ctx, q, func(row scanner) error {
		l, err := lineOf(row)
		if err != nil {
			return err
		}
		return d.row(l)
	}, text, args...)
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

// The methods below turn lines of a dump into rows of the database.

func (l *dumpLogin) login() identitypool.Login {
	return identitypool.Login{
		Kind:     identitypool.LoginKind(l.Kind),
		Provider: l.Provider,
		Subject:  string(l.Subject),
		Scope:    l.Scope,
	}
}

func (k *dumpAccessKey) accessKey() AccessKey {
	return AccessKey{
		ID:           k.ID,
		Account:      identitypool.AccountID(k.Account),
		SealedSecret: k.SealedSecret,
		Disabled:     k.Disabled,
		Description:  k.Description,
		Policy:       k.Policy,
		Created:      fromMillis(k.Created),
	}
}

func (k *dumpKey) key() Key {
	return Key{
		Purpose:   k.Purpose,
		ID:        k.ID,
		Algorithm: k.Algorithm,
		Sealed:    k.Sealed,
		Public:    k.Public,
		Created:   fromMillis(k.Created),
		NotBefore: fromMillis(k.NotBefore),
		NotAfter:  fromMillis(k.NotAfter),
		Withdrawn: fromMillis(k.Withdrawn),
	}
}

func (m *dumpSignOut) signOut() SignOut {
	return SignOut{
		Kind:      SignOutKind(m.Kind),
		Account:   identitypool.AccountID(m.Account),
		Provider:  m.Provider,
		Value:     string(m.Value),
		NotBefore: fromMillis(m.NotBefore),
		Expires:   fromMillis(m.Expires),
	}
}

func (m *dumpRevoked) revocation() Revocation {
	return Revocation{
		Kind:      RevocationKind(m.Kind),
		Account:   identitypool.AccountID(m.Account),
		Value:     m.Value,
		NotBefore: fromMillis(m.NotBefore),
		Expires:   fromMillis(m.Expires),
	}
}

func (f *dumpFormer) insert(t *engine.Tx) error {
	if f.Kind != string(poolIDs) && f.Kind != string(identityIDs) {
		return fmt.Errorf("%w: a former ID of the kind %q", ErrBadDump, f.Kind)
	}
	if err := errors.Join(checkID("former ID", f.ID), checkID("account", f.Account)); err != nil {
		return err
	}
	_, err := t.Exec(`INSERT INTO former_ids (`+formerIDColumns+`) VALUES ($1, $2, $3, $4, $5)`,
		f.Kind, f.ID, f.Account, f.OwnedSince, f.Deleted)

	return err
}

func (d *dumpTrust) insert(t *engine.Tx) error {
	if err := checkText("role ARN", d.Role, maxARN); err != nil {
		return err
	}
	trust := settingsTrust{role: d.Role, written: identitypool.Sequence(d.Written)}
	if len(d.SHA256) != len(trust.sha256) {
		return fmt.Errorf("%w: a hash of %d bytes", ErrBadDump, len(d.SHA256))
	}
	copy(trust.sha256[:], d.SHA256)

	return insertSettingsTrust(t, trust)
}

func (d *dumpBinding) insert(t *engine.Tx) error {
	if err := checkText("provider", d.Provider, maxProvider); err != nil {
		return err
	}
	return insertBinding(t, SAMLBinding{Provider: d.Provider, EntityID: d.EntityID})
}

func dumpedIAM(row resourceRow) (*dumpIAM, error) {
	i := &dumpIAM{Account: string(row.account), Created: row.createdMillis}
	var err error

	switch row.kind {
	case roleKind:
		i.Role, err = pointed(resourceOf[Role](row))
	case policyKind:
		i.Policy, err = pointed(resourceOf[ManagedPolicy](row))
	case oidcKind:
		i.OIDCProvider, err = pointed(resourceOf[OIDCProvider](row))
	case samlKind:
		i.SAMLProvider, err = pointed(resourceOf[SAMLProvider](row))
	default:
		err = fmt.Errorf("an IAM resource of the kind %q", row.kind)
	}

	return i, err
}

func pointed[T any](v T, err error) (*T, error) { return &v, err }

// insert adds the resource to the database. The attachments follow from it.
func (i *dumpIAM) insert(t *engine.Tx) error {
	h := header{account: identitypool.AccountID(i.Account), created: fromMillis(i.Created)}
	switch {
	case i.Role != nil:
		return loadResource(t, *i.Role, h)
	case i.Policy != nil:
		return loadResource(t, *i.Policy, h)
	case i.OIDCProvider != nil:
		return loadResource(t, *i.OIDCProvider, h)
	case i.SAMLProvider != nil:
		return loadResource(t, *i.SAMLProvider, h)
	}

	return fmt.Errorf("%w: an IAM resource without content", ErrBadDump)
}

func loadResource[T iamResource, P setter[T]](t *engine.Tx, v T, h header) error {
	P(&v).setHeader(h)
	row, err := rowOf(v)
	if err != nil {
		return err
	}
	return insertResource(t, row, v)
}
