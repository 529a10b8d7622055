package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// SignOutKind says what a sign-out mark ends.
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
	Kind      SignOutKind
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
	return errors.Join(checkText("login provider", m.Provider, maxProvider), checkBytes("subject or session", []byte(m.Value), maxSubject))
}

// key is sign_outs.mark_key, made like logins.login_key.
func (m SignOut) key() []byte {
	key := keyOf(identitypool.Login{Kind: identitypool.LoginKind(m.Kind), Provider: m.Provider, Subject: m.Value})
	return key[:]
}

// signOutsKey is the cache's entry for whether a provider has any marks.
func signOutsKey(provider string) cacheKey { return cacheKey{'s', provider} }

const signOutColumns = `kind, provider, value, not_before, expires`

func scanSignOut(row scanner) (m SignOut, err error) {
	var value []byte
	var notBefore, expires int64
	err = row.Scan(&m.Kind, &m.Provider, &value, &notBefore, &expires)
	m.Value, m.NotBefore, m.Expires = string(value), fromMillis(notBefore), fromMillis(expires)
	return m, err
}

// upsertSignOut keeps the later of two marks: a sign-out is never taken back.
func upsertSignOut(t *tx, m SignOut) error {
	t.touch(signOutsKey(m.Provider))
	_, err := t.exec(`INSERT INTO sign_outs (mark_key, `+signOutColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (mark_key) DO UPDATE SET
			not_before = CASE WHEN excluded.not_before > sign_outs.not_before THEN excluded.not_before ELSE sign_outs.not_before END,
			expires = CASE WHEN excluded.expires > sign_outs.expires THEN excluded.expires ELSE sign_outs.expires END`,
		m.key(), string(m.Kind), m.Provider, []byte(m.Value), millis(m.NotBefore), millis(m.Expires))
	return err
}

// insertSignOut adds a mark of a dump, where none occurs twice.
func insertSignOut(t *tx, m SignOut) error {
	t.touch(signOutsKey(m.Provider))
	_, err := t.exec(`INSERT INTO sign_outs (mark_key, `+signOutColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		m.key(), string(m.Kind), m.Provider, []byte(m.Value), millis(m.NotBefore), millis(m.Expires))
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
	return s.write(ctx, func(t *tx) error {
		for _, m := range marks {
			if err := upsertSignOut(t, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxSessions is how many sessions SignOuts looks for in one statement.
const maxSessions = 3

// SignOuts returns the marks of a provider, unexpired at now, for a subject and
// for up to three sessions. It sees what other nodes have committed, on SQLite
// what other processes did up to 100 ms ago; while a provider has no mark at
// all, the cache of SQLite says so. Error: ErrInvalid.
func (s *Store) SignOuts(ctx context.Context, provider, subject string, sessions []string, now time.Time) ([]SignOut, error) {
	if len(sessions) > maxSessions {
		return nil, fmt.Errorf("%w: more than %d sessions", ErrInvalid, maxSessions)
	}
	if err := checkText("login provider", provider, maxProvider); err != nil {
		return nil, err
	}
	entry := signOutsKey(provider)
	none, known := s.cache.get(entry)
	if known && none.(bool) {
		return nil, nil
	}
	ticket := s.cache.begin(entry)
	args := make([]any, 0, 3+maxSessions)
	args = append(args, millis(now), SignOut{Kind: SubjectSignOut, Provider: provider, Value: subject}.key(),
		SignOut{Kind: UnnamedSignOut, Provider: provider, Value: subject}.key())
	for _, session := range sessions {
		args = append(args, SignOut{Kind: SessionSignOut, Provider: provider, Value: session}.key())
	}
	for len(args) < cap(args) {
		args = append(args, args[1]) // one statement for any number
	}
	var marks []SignOut
	some := true // the provider has marks
	err := s.engine.read(ctx, func(q querier) (err error) {
		marks, err = collect(q, scanSignOut, `SELECT `+signOutColumns+` FROM sign_outs
			WHERE mark_key IN ($2, $3, $4, $5, $6) AND expires > $1 ORDER BY kind, value`, args...)
		if err == nil && len(marks) == 0 && !known && s.cache != nil {
			var found []int64
			found, err = collect(q, scanInt, `SELECT EXISTS (SELECT 1 FROM sign_outs WHERE provider = $1)`, provider)
			some = len(found) != 1 || found[0] != 0
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !known {
		s.cache.fill(entry, ticket, !some)
	}
	return marks, nil
}

// RemoveSignOuts removes up to limit marks that expired by now and returns how
// many those were.
func (s *Store) RemoveSignOuts(ctx context.Context, now time.Time, limit int) (int, error) {
	return s.removeExpired(ctx, "sign_outs", now, limit)
}

// removeExpired removes at most limit expired rows of a table of marks, which has
// mark_key and expires, and returns how many.
func (s *Store) removeExpired(ctx context.Context, table string, now time.Time, limit int) (int, error) {
	var keys [][]byte
	err := s.engine.read(ctx, func(q querier) (err error) {
		keys, err = collect(q, scanBytes, `SELECT mark_key FROM `+table+` WHERE expires <= $1 ORDER BY expires, mark_key LIMIT $2`, millis(now), limit)
		return err
	})
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	slices.SortFunc(keys, bytes.Compare) // in one order everywhere, so that two nodes do not wait for each other
	removed := 0
	err = s.write(ctx, func(t *tx) error {
		removed = 0
		for _, key := range keys {
			// Still expired: it may have been set again meanwhile.
			n, err := t.exec(`DELETE FROM `+table+` WHERE mark_key = $1 AND expires <= $2`, key, millis(now))
			if err != nil {
				return err
			}
			removed += int(n)
		}
		return nil
	})
	return removed, err
}

func scanBytes(row scanner) (b []byte, err error) {
	err = row.Scan(&b)
	return b, err
}
