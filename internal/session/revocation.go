package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// ErrRevoked: the session was ended before it expired.
var ErrRevoked = errors.New("the session was revoked")

// RevocationFresh is how old the answer about a session may be.
const RevocationFresh = 2 * time.Second

// revocationKept is how long a mark counts: until the last session that it can concern is
// over, and for clocks that differ.
const revocationKept = iam.MaxSession + time.Hour

// defaultEntries bounds the memory of sessions: some 20 MB.
const defaultEntries = 100_000

// maxMerges bounds how far an identity's merges are followed.
const maxMerges = 10

// revocationSweep is how many expired marks one revocation removes at most.
const revocationSweep = 100

// RevocationStore is what Revocations needs of the store.
type RevocationStore interface {
	Identity(ctx context.Context, id identitypool.IdentityID) (identitypool.Identity, error)
	Pool(ctx context.Context, id identitypool.PoolID) (identitypool.Pool, error)
	SignOuts(
		ctx context.Context, account identitypool.AccountID, provider, subject string, sessions []string, now time.Time,
	) ([]store.SignOut, error)
	Revocations(ctx context.Context, now time.Time, of ...store.Revocation) ([]store.Revocation, error)
	Revoke(ctx context.Context, m store.Revocation) error
	RemoveRevocations(ctx context.Context, now time.Time, limit int) (int, error)
}

// RevocationRoles tells which roles there are now: *iam.Directory.
type RevocationRoles interface {
	// RoleID returns a role's unique ID; its error wraps iam.ErrNotFound when
	// there is none. It must not answer from memory: Fresh is all the delay
	// that there may be.
	RoleID(ctx context.Context, arn string) (string, error)
}

// RevocationOptions are what Revocations needs.
type RevocationOptions struct {
	Store RevocationStore
	// Roles must know a session's role, under the ID that the session has.
	Roles RevocationRoles
	// AcceptUnknownRoles takes sessions of roles that were never defined.
	AcceptUnknownRoles bool
	// SignOuts makes a user's sign-out end the sessions that the login led to.
	SignOuts bool
	Now      func() time.Time
	Logger   *slog.Logger // nil = none
	Entries  int          // sessions remembered; 0 = 100,000
}

// Revocations tells which sessions are revoked. A session token does not tell what happened
// since it was issued: that its identity, pool or role was deleted, that its user signed
// out, or that an administrator put it on the deny list. Revocations asks the store for
// that, at most once in RevocationFresh for a session, so that a revocation holds on every
// node within that time. It is safe for concurrent use.
type Revocations struct {
	o       RevocationOptions
	entries *lru.Cache[string, revocationAnswer] // cache: revocation answers
	// generations count, by account, revocations by this process: what was asked
	// before one must not be used after it. One account's revocations cost the
	// sessions of others nothing.
	generations sync.Map // cache: revocation counts; identitypool.AccountID to *atomic.Uint64
}

// revocationAnswer is what the store said of a session: "" or why it is revoked.
type revocationAnswer struct {
	asked      time.Time
	generation uint64 // of the session's account, before the store was asked
	reason     string
}

// generation is the count of an account's revocations. There are as many as
// accounts: nobody else's sessions can be opened, nor ended.
func (l *Revocations) generation(account identitypool.AccountID) *atomic.Uint64 {
	count, known := l.generations.Load(account)
	if !known {
		count, _ = l.generations.LoadOrStore(account, new(atomic.Uint64))
	}

	return count.(*atomic.Uint64)
}

// NewRevocations returns Revocations.
func NewRevocations(o RevocationOptions) *Revocations {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	entries, _ := lru.New[string, revocationAnswer](max(1, cmp.Or(o.Entries, defaultEntries))) // fails for sizes < 1 only
	return &Revocations{o: o, entries: entries}
}

// Check refuses a session that was opened with its access key and is revoked,
// with an error that wraps ErrRevoked and a step of ctx's explain.Trace. Another
// error means that the answer is not known, which refuses too. An answer is up
// to Fresh old.
func (l *Revocations) Check(ctx context.Context, accessKeyID string, s *Session) error {
	now := l.o.Now()
	generation := l.generation(s.Account).Load()
	a, ok := l.entries.Get(accessKeyID)
	// A clock that was set back must not lengthen a life.
	if age := now.Sub(a.asked); !ok || a.generation != generation || age < 0 || age >= RevocationFresh {
		reason, err := l.reason(ctx, accessKeyID, s, now)
		if err != nil {
			return fmt.Errorf("asking whether a session is revoked: %w", err)
		}
		a = revocationAnswer{asked: now, generation: generation, reason: reason}
		l.entries.Add(accessKeyID, a)
	}
	if a.reason == "" {
		return nil
	}
	explain.FromContext(ctx).Refuse(sessionRevoked.With("reason", a.reason))
	return fmt.Errorf("%w: %s", ErrRevoked, a.reason)
}

// reason asks the store: "" when nothing ended the session.
func (l *Revocations) reason(ctx context.Context, accessKeyID string, s *Session, now time.Time) (string, error) {
	of := []store.Revocation{
		{Kind: store.AccessKeyRevocation, Account: s.Account, Value: accessKeyID},
	}
	if s.RoleARN != "" { // temporary credentials of a long-lived key have none
		of = append(of, store.Revocation{Kind: store.RoleRevocation, Account: s.Account, Value: s.RoleARN})
	}
	if s.IdentityID != "" {
		of = append(of, store.Revocation{Kind: store.IdentityRevocation, Account: s.Account, Value: string(s.IdentityID)})
	}
	if s.PoolID != "" {
		of = append(of, store.Revocation{Kind: store.PoolRevocation, Account: s.Account, Value: string(s.PoolID)})
	}
	marks, err := l.o.Store.Revocations(ctx, now, of...)
	if err != nil {
		return "", err
	}
	for _, m := range marks {
		if s.Issued.Before(m.NotBefore) {
			return "an administrator ended the sessions of this " + revocableNames[m.Kind], nil
		}
	}
	if reason, err := l.roleGone(ctx, s); reason != "" || err != nil {
		return reason, err
	}
	return l.identityGone(ctx, s, now)
}

var revocableNames = map[store.RevocationKind]string{
	store.AccessKeyRevocation: "access key",
	store.RoleRevocation:      "role",
	store.IdentityRevocation:  "identity",
	store.PoolRevocation:      "identity pool",
}

func (l *Revocations) roleGone(ctx context.Context, s *Session) (string, error) {
	unknown := s.RoleID == iam.RoleID(s.RoleARN) // as a role has that is only a name
	if s.RoleARN == "" || l.o.AcceptUnknownRoles && unknown {
		return "", nil
	}
	id, err := l.o.Roles.RoleID(ctx, s.RoleARN)
	switch {
	case errors.Is(err, iam.ErrNotFound):
		return "the role was deleted", nil
	case err != nil:
		return "", err
	case s.RoleID != "" && id != s.RoleID:
		return "the role was deleted; another has its name now", nil
	}
	return "", nil
}

func (l *Revocations) identityGone(ctx context.Context, s *Session, now time.Time) (string, error) {
	if s.IdentityID == "" {
		if s.PoolID == "" {
			return "", nil
		}
		pool, err := l.o.Store.Pool(ctx, s.PoolID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return "the identity pool was deleted", nil
		case err == nil && pool.Predecessor.Had(s.Issued):
			return "the identity pool was deleted; another has its ID now", nil
		}
		return "", err
	}

	identity, err := l.o.Store.Identity(ctx, s.IdentityID)
	if errors.Is(err, store.ErrNotFound) {
		return "the identity or its pool was deleted", nil
	}
	if err == nil && identity.Predecessor.Had(s.Issued) {
		return "the identity was deleted; another has its ID now", nil
	}
	if err != nil || !l.o.SignOuts {
		return "", err
	}
	// The logins of an identity that became part of another are there now.
	for hops := 0; identity.MergedTo != "" && hops < maxMerges; hops++ {
		if identity, err = l.o.Store.Identity(ctx, identity.MergedTo); errors.Is(err, store.ErrNotFound) {
			return "the identity that it became part of was deleted", nil
		} else if err != nil {
			return "", err
		}
		if identity.Predecessor.Had(s.Issued) {
			return "the identity that it became part of was deleted; another has its ID now", nil
		}
	}

	pool, err := l.o.Store.Pool(ctx, identity.PoolID)
	if errors.Is(err, store.ErrNotFound) {
		return "the identity pool was deleted", nil
	}
	if err != nil {
		return "", err
	}

	// The pool's account may sign its users out, and the role's account those who
	// have its role: they can be two.
	accounts := []identitypool.AccountID{pool.Account}
	if s.Account != pool.Account {
		accounts = append(accounts, s.Account)
	}
	for _, account := range accounts {
		if reason, err := l.signedOut(ctx, account, identity, s, now); reason != "" || err != nil {
			return reason, err
		}
	}
	return "", nil
}

// signedOut looks at the sign-outs by an account of the logins that led to the
// session, which amr names.
func (l *Revocations) signedOut(
	ctx context.Context, account identitypool.AccountID, identity identitypool.Identity, s *Session, now time.Time,
) (string, error) {
	for _, login := range identity.Logins {
		if !slices.Contains(s.AMR, login.Provider) {
			continue
		}

		marks, err := l.o.Store.SignOuts(ctx, account, login.Provider, login.Subject, nil, now)
		if err != nil {
			return "", err
		}
		for _, m := range marks {
			// Both are whole seconds: who signs out and in again within one must
			// wait for the next, rather than an older session outlive the sign-out.
			if !s.Issued.After(m.NotBefore) {
				return "the user signed out at " + login.Provider, nil
			}
		}
	}
	return "", nil
}

// Revoke ends the sessions of a thing of account that were issued until now: an
// access key's, whenever it was issued. It returns the time. Error:
// store.ErrInvalid.
func (l *Revocations) Revoke(ctx context.Context, kind store.RevocationKind, account identitypool.AccountID, value string) (time.Time, error) {
	now := l.o.Now()
	m := store.Revocation{Kind: kind, Account: account, Value: value, NotBefore: now, Expires: now.Add(revocationKept)}
	if kind == store.AccessKeyRevocation {
		m.NotBefore = m.Expires // there is one session of it, and it may be young
	}
	err := l.o.Store.Revoke(ctx, m)
	// Forgotten whatever the outcome: a write whose answer was lost may stand.
	l.generation(account).Add(1)
	if err != nil {
		return time.Time{}, err
	}
	l.o.Logger.InfoContext(ctx, "sessions revoked", "kind", string(kind), "account", string(account), "value", value)
	// Each revocation clears away more than it adds, so the table stays bounded.
	if _, err := l.o.Store.RemoveRevocations(ctx, now, revocationSweep); err != nil && ctx.Err() == nil {
		l.o.Logger.WarnContext(ctx, "expired revocations could not be removed", "error", err)
	}
	return now, nil
}
