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

var signOuts = newMarkTable("sign_outs", `kind, account, provider, value, not_before, expires`)

func scanSignOut(row scanner) (m SignOut, err error) {
	var value []byte
	var notBefore, expires int64
	err = row.Scan(&m.Kind, &m.Account, &m.Provider, &value, &notBefore, &expires)
	m.Value, m.NotBefore, m.Expires = string(value), fromMillis(notBefore), fromMillis(expires)
	return m, err
}

// values returns the values of the columns.
func (m SignOut) values() []any {
	return []any{
		string(m.Kind), string(m.Account), m.Provider, []byte(m.Value), millis(m.NotBefore), millis(m.Expires),
	}
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
			t.Touch(signOutsKey(m.Account, m.Provider))
			if err := signOuts.upsert(t, m.key(), m.values()...); err != nil {
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

	scopes := signOutScopes{{account: ""}, {account: account}}
	none := true // the cache shows that there are no marks
	for i := range scopes {
		scope := &scopes[i]
		scope.entry = signOutsKey(scope.account, provider)
		cached, hit := s.cache.get(scope.entry)
		scope.known = hit
		none = none && hit && cached.(bool)
	}
	if none {
		return nil, nil
	}

	return s.readSignOuts(ctx, scopes, provider, scopes.keys(now, provider, subject, sessions))
}

// readSignOuts reads the marks with the keys of args, and tells the cache whether the
// provider has any. scopes is a copy: what a read's closure holds is on the heap, which a
// call that the cache answers must not cost.
func (s *Store) readSignOuts(
	ctx context.Context, scopes signOutScopes, provider string, args []any,
) (marks []SignOut, err error) {
	for i := range scopes {
		scopes[i].ticket = s.cache.begin(scopes[i].entry)
	}

	err = s.read(ctx, func(q engine.Querier) (err error) {
		marks, err = collect(q, scanSignOut, `SELECT `+signOuts.columns+` FROM sign_outs
			WHERE mark_key IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AND expires > $1
			ORDER BY kind, value, account`, args...)
		if err != nil || len(marks) > 0 || s.cache == nil {
			return err
		}

		return scopes.lookForAny(q, provider)
	})
	if err != nil {
		return nil, err
	}

	for _, scope := range scopes {
		if !scope.known {
			s.cache.fill(scope.entry, scope.ticket, scope.none)
		}
	}

	return marks, nil
}

// signOutScope holds the state of the cache's entry about a provider's marks for one
// account.
type signOutScope struct {
	account identitypool.AccountID // "" = all
	entry   engine.Key
	ticket  ticket
	known   bool // the cache has the entry
	none    bool // the provider has no marks for the account
}

// signOutScopes are the scopes whose marks count for an account: all accounts, and its own.
type signOutScopes [2]signOutScope

// keys returns the arguments of the statement that reads marks: the time, then the keys.
// There is one statement for any number of sessions, so the last key may repeat.
func (s *signOutScopes) keys(now time.Time, provider, subject string, sessions []string) []any {
	args := make([]any, 0, 1+len(s)*(2+maxSessions))
	args = append(args, millis(now))
	for _, scope := range s {
		m := SignOut{
			Kind:     SubjectSignOut,
			Account:  scope.account,
			Provider: provider,
			Value:    subject,
		}
		args = append(args, m.key())
		m.Kind = UnnamedSignOut
		args = append(args, m.key())

		m.Kind = SessionSignOut
		for _, m.Value = range sessions {
			args = append(args, m.key())
		}
	}

	return padded(args, cap(args))
}

// lookForAny finds out whether a provider has any marks in the scopes that the cache does
// not have.
func (s *signOutScopes) lookForAny(q engine.Querier, provider string) error {
	for i := range s {
		scope := &s[i]
		if scope.known {
			continue
		}
		found, err := collect(q, scanInt, `SELECT EXISTS
			(SELECT 1 FROM sign_outs WHERE provider = $1 AND account = $2)`, provider, string(scope.account))
		if err != nil {
			return err
		}
		scope.none = len(found) == 1 && found[0] == 0
	}

	return nil
}

// RemoveSignOuts removes up to limit marks that expired by now and returns their
// number.
func (s *Store) RemoveSignOuts(ctx context.Context, now time.Time, limit int) (int, error) {
	return s.removeExpired(ctx, signOuts, now, limit)
}
