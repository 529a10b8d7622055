package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// RevocationKind is the kind of session credentials that a revocation ends.
type RevocationKind string

// The kinds of revocation.
const (
	AccessKeyRevocation RevocationKind = "access_key" // Value is the ID of a temporary access key
	IdentityRevocation  RevocationKind = "identity"   // Value is an identity ID
	PoolRevocation      RevocationKind = "pool"       // Value is an identity pool ID
	RoleRevocation      RevocationKind = "role"       // Value is the ARN of a role
)

// Revocation ends the session credentials of an access key, identity, pool or
// role of an account that were issued before NotBefore.
type Revocation struct {
	Kind      RevocationKind
	Account   identitypool.AccountID // of the session
	Value     string
	NotBefore time.Time // to the millisecond
	Expires   time.Time // when the mark stops counting
}

// maxRevoked is the length of the longest Value: a role's ARN.
const maxRevoked = 2048

func (m Revocation) check() error {
	switch m.Kind {
	case AccessKeyRevocation, IdentityRevocation, PoolRevocation, RoleRevocation:
	default:
		return fmt.Errorf("%w: kind of revocation", ErrInvalid)
	}
	if m.Value == "" || m.NotBefore.IsZero() || m.Expires.IsZero() {
		return fmt.Errorf("%w: a revocation needs a value, a time and an end", ErrInvalid)
	}

	return errors.Join(checkID("account", string(m.Account)), checkText("what is revoked", m.Value, maxRevoked))
}

// key returns revocations.mark_key, made like logins.login_key.
func (m Revocation) key() []byte {
	key := keyOf(identitypool.Login{
		Kind:     identitypool.LoginKind(m.Kind),
		Provider: string(m.Account),
		Subject:  m.Value,
	})
	return key[:]
}

var revocations = newMarkTable("revocations", `kind, account, value, not_before, expires`)

func scanRevocation(row scanner) (m Revocation, err error) {
	var notBefore, expires int64
	err = row.Scan(&m.Kind, &m.Account, &m.Value, &notBefore, &expires)
	m.NotBefore, m.Expires = fromMillis(notBefore), fromMillis(expires)
	return m, err
}

// values returns the values of the columns.
func (m Revocation) values() []any {
	return []any{string(m.Kind), string(m.Account), m.Value, millis(m.NotBefore), millis(m.Expires)}
}

// Revoke sets a mark. Of two for the same thing the later one holds.
// Error: ErrInvalid.
func (s *Store) Revoke(ctx context.Context, m Revocation) error {
	if err := m.check(); err != nil {
		return err
	}
	return s.write(ctx, func(t *engine.Tx) error { return revocations.upsert(t, m.key(), m.values()...) })
}

// maxRevocations is the most things that Revocations looks for: one of each kind.
const maxRevocations = 4

// Revocations returns the marks, unexpired at now, on up to four things, of
// which Kind, Account and Value count. The store never caches them: it sees the
// commits of every node. Error: ErrInvalid.
func (s *Store) Revocations(ctx context.Context, now time.Time, of ...Revocation) ([]Revocation, error) {
	if len(of) == 0 || len(of) > maxRevocations {
		return nil, fmt.Errorf("%w: revocations of %d things", ErrInvalid, len(of))
	}

	args := make([]any, 0, 1+maxRevocations)
	args = append(args, millis(now))
	for _, m := range of {
		args = append(args, m.key())
	}
	args = padded(args, cap(args))

	return readAll(ctx, s, scanRevocation, `SELECT `+revocations.columns+` FROM revocations
		WHERE mark_key IN ($2, $3, $4, $5) AND expires > $1 ORDER BY kind, value`, args...)
}

// RemoveRevocations removes up to limit marks that expired by now and returns
// their number.
func (s *Store) RemoveRevocations(ctx context.Context, now time.Time, limit int) (int, error) {
	return s.removeExpired(ctx, revocations, now, limit)
}
