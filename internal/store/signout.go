package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// SignOutKind is the kind of tokens and sessions that a sign-out mark ends.
type SignOutKind string

// The kinds of mark.
const (
	// SubjectSignOut ends what was issued to a subject before NotBefore.
	SubjectSignOut SignOutKind = "subject"
	// SessionSignOut ends what was issued in a session, whenever that was.
	SessionSignOut SignOutKind = "session"
	// UnnamedSignOut ends what was issued to a subject before NotBefore and
	// names no session: it may belong to a session that was ended.
	UnnamedSignOut SignOutKind = "unnamed"
)

// SignOut is a sign-out mark of one login provider.
type SignOut struct {
	Kind SignOutKind
	// Account is the account whose identity pools and roles refuse the logins; "" =
	// all accounts.
	Account   identitypool.AccountID
	Provider  string    // the Logins key
	Value     string    // the subject, or the session's ID; any bytes
	NotBefore time.Time // to the millisecond; zero for sessions
	Expires   time.Time // when the mark stops counting
}

func (m SignOut) check() error {
	switch m.Kind {
	case SubjectSignOut, SessionSignOut, UnnamedSignOut:
	default:
		return fmt.Errorf("%w: kind of sign-out", ErrInvalid)
	}
	if m.Provider == "" || m.Value == "" || m.Expires.IsZero() {
		return fmt.Errorf("%w: a sign-out needs a provider, a subject or session, and an end", ErrInvalid)
	}

	return errors.Join(
		checkText("account", string(m.Account), maxID),
		checkText("login provider", m.Provider, maxProvider),
		checkBytes("subject or session", []byte(m.Value), maxSubject),
	)
}

// key returns sign_outs.mark_key, made like logins.login_key. The account stands
// beside the kind: marks for all accounts are older than accounts in marks, and
// their keys must not change.
func (m SignOut) key() []byte {
	kind := string(m.Kind)
	if m.Account != "" {
		kind += " " + string(m.Account)
	}

	key := keyOf(identitypool.Login{Kind: identitypool.LoginKind(kind), Provider: m.Provider, Subject: m.Value})
	return key[:]
}

// signOutsKey returns the key of the cache's entry that records whether a provider
// has any marks for an account. Marks for all accounts ("") have their own entry.
func signOutsKey(account identitypool.AccountID, provider string) engine.Key {
	if account == "" {
		return engine.Key{Kind: 's', ID: provider} // no provider has a NUL
	}
	return engine.Key{Kind: 's', ID: string(account) + "\x00" + provider}
}

const signOutColumns = `kind, account, provider, value, not_before, expires`

func scanSignOut(row scanner) (m SignOut, err error) {
	var value []byte
	var notBefore, expires int64
	err = row.Scan(&m.Kind, &m.Account, &m.Provider, &value, &notBefore, &expires)
	m.Value, m.NotBefore, m.Expires = string(value), fromMillis(notBefore), fromMillis(expires)
	return m, err
}

// upsertSignOut keeps the later of two marks: a sign-out cannot be undone.
func upsertSignOut(t *engine.Tx, m SignOut) error {
	t.Touch(signOutsKey(m.Account, m.Provider))
	_, err := t.Exec(`INSERT INTO sign_outs (mark_key, `+signOutColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (mark_key) DO UPDATE SET
			not_before = CASE WHEN excluded.not_before > sign_outs.not_before THEN excluded.not_before ELSE sign_outs.not_before END,
			expires = CASE WHEN excluded.expires > sign_outs.expires THEN excluded.expires ELSE sign_outs.expires END`,
		m.key(), string(m.Kind), string(m.Account), m.Provider, []byte(m.Value), millis(m.NotBefore), millis(m.Expires))
	return err
}

// insertSignOut adds a mark of a dump, where none occurs twice.
func insertSignOut(t *engine.Tx, m SignOut) error {
	t.Touch(signOutsKey(m.Account, m.Provider))
	_, err := t.Exec(`INSERT INTO sign_outs (mark_key, `+signOutColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		m.key(), string(m.Kind), string(m.Account), m.Provider, []byte(m.Value), millis(m.NotBefore), millis(m.Expires))
	return err
}

// MarkSignOuts sets marks, all or none. Of two for the same subject or session
// the later one holds. Error: ErrInvalid.
func (s *Store) MarkSignOuts(ctx context.Context, marks ...SignOut) error {
	for _, m := range marks {
		if err := m.check(); err != nil {
			return err
		}
	}

	// In one order everywhere, so that two nodes do not wait for each other.
	marks = slices.SortedFunc(slices.Values(marks), func(a, b SignOut) int { return bytes.Compare(a.key(), b.key()) })

	return s.write(ctx, func(t *engine.Tx) error {
		for _, m := range marks {
			if err := upsertSignOut(t, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxSessions is the most sessions that SignOuts looks for in one statement.
const maxSessions = 3

// SignOuts returns the marks of a provider that count for an account, unexpired
// at now, for a subject and for up to three sessions. It sees the commits of other
// nodes; on SQLite it may miss another process's commits of the last 100 ms. As long
// as a provider has no mark at all that counts for the account, the cache of SQLite
// answers. Error: ErrInvalid.
func (s *Store) SignOuts(ctx context.Context, account identitypool.AccountID, provider, subject string,
	sessions []string, now time.Time,
) ([]SignOut, error) {
	if len(sessions) > maxSessions {
		return nil, fmt.Errorf("%w: more than %d sessions", ErrInvalid, maxSessions)
	}
	err := errors.Join(checkID("account", string(account)), checkText("login provider", provider, maxProvider))
	if err != nil {
		return nil, err
	}

	scopes := [...]identitypool.AccountID{"", account}
	var entries [len(scopes)]engine.Key
	var tickets [len(scopes)]ticket
	var known [len(scopes)]bool

	none := true // the cache shows that there are no marks
	for i, scope := range scopes {
		entries[i] = signOutsKey(scope, provider)
		cached, hit := s.cache.get(entries[i])
		known[i] = hit
		none = none && hit && cached.(bool)
	}
	if none {
		return nil, nil
	}

	for i, entry := range entries {
		tickets[i] = s.cache.begin(entry)
	}

	args := make([]any, 0, 1+len(scopes)*(2+maxSessions))
	args = append(args, millis(now))
	for _, scope := range scopes {
		args = append(args,
			SignOut{Kind: SubjectSignOut, Account: scope, Provider: provider, Value: subject}.key(),
			SignOut{Kind: UnnamedSignOut, Account: scope, Provider: provider, Value: subject}.key())
		for _, session := range sessions {
			args = append(args, SignOut{Kind: SessionSignOut, Account: scope, Provider: provider, Value: session}.key())
		}
	}

	for len(args) < cap(args) {
		args = append(args, args[1]) // one statement for any number
	}

	var marks []SignOut
	some := [len(scopes)]bool{true, true} // the provider has marks of the scope
	err = s.read(ctx, func(q engine.Querier) (err error) {
		marks, err = collect(q, scanSignOut, `SELECT `+signOutColumns+` FROM sign_outs
			WHERE mark_key IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AND expires > $1
			ORDER BY kind, value, account`, args...)
		if err != nil || len(marks) > 0 || s.cache == nil {
			return err
		}

		for i, scope := range scopes {
			if known[i] {
				continue
			}
			found, err := collect(q, scanInt, `SELECT EXISTS
				(SELECT 1 FROM sign_outs WHERE provider = $1 AND account = $2)`, provider, string(scope))
			if err != nil {
				return err
			}
			some[i] = len(found) != 1 || found[0] != 0
		}

		return nil
	})
	if err != nil {
		return nil, err
	}

	for i, entry := range entries {
		if !known[i] {
			s.cache.fill(entry, tickets[i], !some[i])
		}
	}

	return marks, nil
}

// RemoveSignOuts removes up to limit marks that expired by now and returns their
// number.
func (s *Store) RemoveSignOuts(ctx context.Context, now time.Time, limit int) (int, error) {
	return s.removeExpired(ctx, "sign_outs", now, limit)
}

// removeExpired removes at most limit expired rows of a table of marks, which has
// mark_key and expires, and returns their number.
func (s *Store) removeExpired(ctx context.Context, table string, now time.Time, limit int) (int, error) {
	var keys [][]byte
	err := s.read(ctx, func(q engine.Querier) (err error) {
		keys, err = collect(q, scanBytes,
			`SELECT mark_key FROM `+table+` WHERE expires <= $1 ORDER BY expires, mark_key LIMIT $2`,
			millis(now), limit)
		return err
	})
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	slices.SortFunc(keys, bytes.Compare) // in one order everywhere, so that two nodes do not wait for each other

	removed := 0
	err = s.write(ctx, func(t *engine.Tx) error {
		removed = 0
		for _, key := range keys {
			// Only if it is still expired: it may have been set again meanwhile.
			n, err := t.Exec(`DELETE FROM `+table+` WHERE mark_key = $1 AND expires <= $2`, key, millis(now))
			if err != nil {
				return err
			}
			removed += int(n)
		}

		return nil
	})
	if err != nil {
		return 0, err
	}

	return removed, nil
}

func scanBytes(row scanner) (b []byte, err error) {
	err = row.Scan(&b)
	return b, err
}
