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

// ErrRevoked means that the session was ended before it expired.
var ErrRevoked = errors.New("the session was revoked")

// revocationFresh is the greatest age of an answer about a session.
const revocationFresh = 2 * time.Second

// revocationKept is how long a revocation counts: until the last session that it can
// concern has ended, with a margin for clocks that differ.
const revocationKept = iam.MaxSession + time.Hour

// defaultEntries bounds the memory for sessions, to about 20 MB.
const defaultEntries = 100_000

// maxMerges bounds how far an identity's merges are followed.
const maxMerges = 10

// revocationSweep is the most expired revocations that one new revocation removes.
const revocationSweep = 100

// RevocationStore is the part of the store that Revocations needs.
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

// RevocationRoles finds the roles that exist now: *iam.Directory.
type RevocationRoles interface {
	// RoleID returns a role's unique ID; its error wraps iam.ErrNotFound if there is
	// none. It must not answer from memory: revocationFresh is the only delay allowed.
	RoleID(ctx context.Context, arn iam.RoleARN) (string, error)
}

// UserPools knows what has become of sign-ins at the user pools of this server.
type UserPools interface {
	Standing(s identitypool.SignIn) identitypool.Standing
	// Changes returns a number that is another one after each change of a Standing.
	Changes() uint64
}

// RevocationOptions configure Revocations.
type RevocationOptions struct {
	Store RevocationStore
	// Roles must know a session's role, under the ID that the session has.
	Roles RevocationRoles
	// AcceptUnknownRoles accepts sessions of roles that were never defined.
	AcceptUnknownRoles bool
	// SignOuts makes a user's sign-out end the sessions that came from the login.
	SignOuts bool
	// UserPools makes the end of a sign-in at a user pool of this server end the sessions that came
	// from it, where the identity pool has ServerSideTokenCheck. nil = there are none.
	UserPools UserPools
	Now       func() time.Time
	Logger    *slog.Logger // nil = none
	Entries   int          // sessions remembered; 0 = 100,000
}

// Revocations checks whether sessions are revoked. A session token does not show what
// happened since it was issued: that its identity, pool or role was deleted, that its user
// signed out, or that an administrator revoked it. Revocations asks the store, at most once
// in revocationFresh for a session, so that a revocation holds on every node within that
// time. It is safe for concurrent use.
type Revocations struct {
	o       RevocationOptions
	entries *lru.Cache[string, revocationAnswer] // cache: revocation answers
	// generations counts, by account, the revocations by this process. An answer from
	// before a revocation must not be used after it. Counting by account keeps one
	// account's revocations from slowing down the sessions of others.
	generations sync.Map // cache: revocation counts; identitypool.AccountID to *atomic.Uint64
}

// revocationAnswer is the store's answer about a session.
type revocationAnswer struct {
	asked      time.Time
	generation uint64 // of the session's account and of the user pools, before the store was asked
	reason     string // "" = not revoked
}

// generation returns the count of an account's revocations. The map has at most one entry
// for each account that exists: only its sessions can be opened or revoked.
func (l *Revocations) generation(account identitypool.AccountID) *atomic.Uint64 {
	count, known := l.generations.Load(account)
	if !known {
		count, _ = l.generations.LoadOrStore(account, new(atomic.Uint64))
	}
	return count.(*atomic.Uint64)
}

// NewRevocations returns Revocations.
func NewRevocations(o RevocationOptions) *Revocations {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	// lru.New fails only for sizes below 1.
	entries, _ := lru.New[string, revocationAnswer](max(1, cmp.Or(o.Entries, defaultEntries)))
	return &Revocations{o: o, entries: entries}
}

// Check refuses a session that was opened with its access key and is revoked, with an error
// that wraps ErrRevoked and a step in ctx's explain.Trace. Another error means that the
// answer is unknown; the caller must refuse then, too. An answer is at most revocationFresh
// old.
func (l *Revocations) Check(ctx context.Context, accessKeyID string, s *Session) error {
	now := l.o.Now()
	generation := l.generation(s.Account).Load()
	if l.o.UserPools != nil {
		generation += l.o.UserPools.Changes() // both only grow
	}
	a, ok := l.entries.Get(accessKeyID)
	// A clock that was set back must not lengthen an answer's life.
	if age := now.Sub(a.asked); !ok || a.generation != generation || age < 0 || age >= revocationFresh {
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

// reason asks the store why a session has ended; "" = it has not.
func (l *Revocations) reason(ctx context.Context, accessKeyID string, s *Session, now time.Time) (string, error) {
	of := []store.Revocation{
		{Kind: store.AccessKeyRevocation, Account: s.Account, Value: accessKeyID},
	}

	if !s.RoleARN.IsZero() { // temporary credentials of a long-lived key have none
		of = append(of, store.Revocation{Kind: store.RoleRevocation, Account: s.Account, Value: s.RoleARN.String()})
	}
	if s.IdentityID != "" {
		of = append(of, store.Revocation{
			Kind:    store.IdentityRevocation,
			Account: s.Account,
			Value:   string(s.IdentityID),
		})
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
	unknown := s.RoleID == iam.RoleID(s.RoleARN.String()) // as a role has that is only a name
	if s.RoleARN.IsZero() || l.o.AcceptUnknownRoles && unknown {
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
	if err != nil || !l.o.SignOuts && l.o.UserPools == nil {
		return "", err
	}

	// The logins of an identity that was merged into another are there now.
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

	if reason := l.signInEnded(pool, identity, s); reason != "" || !l.o.SignOuts {
		return reason, nil
	}

	// The pool's account may sign out its users, and the role's account the users of its
	// role. These can be two accounts.
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

// signInEnded returns why a sign-in at a user pool of this server, from which the session came, has
// ended; "" = none has. The session names those of the enhanced flow. In the classic flow it came
// from a Cognito token, which names none: there the time of the session counts.
func (l *Revocations) signInEnded(pool identitypool.Pool, identity identitypool.Identity, s *Session) string {
	if l.o.UserPools == nil {
		return ""
	}

	signIns := slices.DeleteFunc(slices.Clone(s.SignIns), func(i identitypool.SignIn) bool { return i.ID == "" })
	for _, login := range identity.Logins {
		named := func(i identitypool.SignIn) bool { return i.Provider == login.Provider }
		if slices.Contains(s.AMR, login.Provider) && pool.Checks(login.Provider) &&
			!slices.ContainsFunc(s.SignIns, named) {
			signIns = append(signIns, identitypool.SignIn{
				Provider: login.Provider,
				Subject:  login.Subject,
				Until:    s.Issued,
			})
		}
	}

	for _, signIn := range signIns {
		if reason, ended := endings[l.o.UserPools.Standing(signIn)]; ended {
			return reason + signIn.Provider
		}
	}

	return ""
}

// endings has the reasons for which sessions end with a sign-in, before the user pool's name.
var endings = map[identitypool.Standing]string{
	identitypool.SignedOut:    "the user signed out at ",
	identitypool.UserDisabled: "the user was disabled at ",
	identitypool.UserDeleted:  "the user was deleted at ",
	identitypool.UserPoolGone: "the user pool was deleted: ",
}

// signedOut checks whether an account signed out one of the logins that led to the
// session; amr names them.
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
			// Both times are whole seconds. If a user signs out and in again within one
			// second, the new session is refused, too: better than accepting an older one.
			if !s.Issued.After(m.NotBefore) {
				return "the user signed out at " + login.Provider, nil
			}
		}
	}

	return "", nil
}

// Revoke ends the sessions of an account's role, identity or pool that were issued until
// now, or the session of an access key, whenever it was issued. It returns the time of the
// revocation. Error: store.ErrInvalid.
func (l *Revocations) Revoke(
	ctx context.Context, kind store.RevocationKind, account identitypool.AccountID, value string,
) (time.Time, error) {
	now := l.o.Now()
	m := store.Revocation{
		Kind:      kind,
		Account:   account,
		Value:     value,
		NotBefore: now,
		Expires:   now.Add(revocationKept),
	}
	if kind == store.AccessKeyRevocation {
		m.NotBefore = m.Expires // the key has one session, which may be younger than now
	}

	err := l.o.Store.Revoke(ctx, m)
	// Counted even after an error: a write whose answer was lost may have succeeded.
	l.generation(account).Add(1)
	if err != nil {
		return time.Time{}, err
	}
	l.o.Logger.InfoContext(ctx, "sessions revoked", "kind", string(kind), "account", string(account), "value", value)

	// Each revocation removes more expired ones than it adds, so the table stays bounded.
	if _, err := l.o.Store.RemoveRevocations(ctx, now, revocationSweep); err != nil && ctx.Err() == nil {
		l.o.Logger.WarnContext(ctx, "expired revocations could not be removed", "error", err)
	}

	return now, nil
}
