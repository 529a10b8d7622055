// Package signout ends logins before their tokens expire. A sign-out leaves a mark
// (store.SignOut) on a provider's subject or session, for one account or for all.
// Service.Check refuses every token that was issued before the mark; start reading there.
// Marks come from an administrator (SignOut) and from providers, by OpenID Connect
// Back-Channel Logout 1.0 (backchannel.go) or by Shared Signals security events that they
// push (RFC 8935, events.go). Credentials that were already issued stay valid until they
// expire, unless session.Revocations is set to check the marks, too.
package signout

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Kept is the time for which a mark counts: longer than any provider's ID tokens are
// valid. Later refreshes are for the provider to refuse.
const Kept = 400 * 24 * time.Hour

// MessageSignedOut is the API's message for a login that was signed out. AWS's
// message is not known.
const MessageSignedOut = "Invalid login token. Token has been revoked."

// Store keeps the marks.
type Store interface {
	MarkSignOuts(ctx context.Context, marks ...store.SignOut) error
	SignOuts(
		ctx context.Context, account identitypool.AccountID, provider, subject string, sessions []string, now time.Time,
	) ([]store.SignOut, error)
	RemoveSignOuts(ctx context.Context, now time.Time, limit int) (int, error)
}

// Verifier proves the tokens that providers send.
type Verifier interface {
	VerifyEvent(ctx context.Context, trust login.Trust, types []string, token string) (login.Claims, error)
}

// Provider is a login provider that may report sign-outs, as some accounts have
// registered it.
type Provider struct {
	Name  string // the Logins key
	Trust login.Trust
	// Clients are the client IDs under which single accounts have registered the
	// provider. Its events end the logins of those accounts that have registered
	// one of the event's audiences. nil = they end the logins of all accounts.
	Clients map[identitypool.AccountID][]string
	// CredentialChange makes a changed credential, such as a new password, end
	// the user's logins, too.
	CredentialChange bool
}

// ErrUnknownProvider means that a Logins key belongs to no provider that may report
// sign-outs.
var ErrUnknownProvider = errors.New("no such provider is registered")

// Options are the parts of a Service.
type Options struct {
	Store    Store
	Verifier Verifier
	// Providers returns the provider of a Logins key, once for each way in which it
	// is trusted. One whose events count for all accounts comes first. It returns
	// ErrUnknownProvider if there is none that may report sign-outs.
	Providers func(ctx context.Context, key string) ([]Provider, error)
	Now       func() time.Time
	Logger    *slog.Logger // nil = none
}

// Service marks sign-outs and refuses the logins that they end.
type Service struct {
	o        Options
	log      *slog.Logger
	replays  *replays
	incoming *limiter
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{
		o:        o,
		log:      cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		replays:  newReplays(),
		incoming: newLimiter(),
	}
}

// AllAccounts is the scope of a sign-out that ends the logins of every account.
var AllAccounts = []identitypool.AccountID{""}

// SignOut ends logins of a provider's subject in accounts. Without a session, it ends all
// that were issued before at. With a session, it ends that session, and tokens of the
// subject that name no session, since they may belong to it. One of subject and session
// may be "". at counts in whole seconds, rounded down, so that a sign-in in the same second
// stays valid.
func (s *Service) SignOut(
	ctx context.Context, accounts []identitypool.AccountID, provider, subject, session string, at time.Time,
) error {
	at = at.Truncate(time.Second)
	expires := s.o.Now().Add(Kept)

	var marks []store.SignOut
	for _, account := range accounts {
		if session != "" {
			marks = append(marks, store.SignOut{
				Kind:     store.SessionSignOut,
				Account:  account,
				Provider: provider,
				Value:    session,
				Expires:  expires,
			})
		}
		if subject != "" {
			kind := store.SubjectSignOut
			if session != "" {
				kind = store.UnnamedSignOut
			}
			marks = append(marks, store.SignOut{
				Kind:      kind,
				Account:   account,
				Provider:  provider,
				Value:     subject,
				NotBefore: at,
				Expires:   expires,
			})
		}
	}
	if len(marks) == 0 {
		return fmt.Errorf("%w: a sign-out needs a subject or a session, and an account", store.ErrInvalid)
	}

	if err := s.o.Store.MarkSignOuts(ctx, marks...); err != nil {
		return err
	}

	// Each sign-out removes up to twice as many expired marks as it adds, so the table stays
	// bounded.
	if _, err := s.o.Store.RemoveSignOuts(ctx, s.o.Now(), max(sweep, 2*len(marks))); err != nil && ctx.Err() == nil {
		s.log.Warn("expired sign-outs could not be removed", "error", err)
	}

	return nil
}

// sweep is the limit of expired marks that one sign-out removes.
const sweep = 100

// sessionClaims are the claims that can name a session: a session of the provider
// (OpenID Connect Front-Channel Logout 1.0), a sign-in at a user pool with all tokens
// that were refreshed from it, and the token itself.
var sessionClaims = []string{"sid", "origin_jti", "jti"}

// Check refuses the claims of a verified token with *login.Refused if it was signed out in
// account, whose identity pool or role it is for: if its session is marked, or if it is
// older than the subject's mark. A token counts from auth_time or iat, whichever is earlier,
// so refreshing it does not help. One that has neither is refused once there is a mark.
func (s *Service) Check(ctx context.Context, account identitypool.AccountID, provider string, c login.Claims) error {
	at, known := signedInAt(c)
	return s.check(ctx, account, provider, c, signIn{at: at, known: known})
}

// CheckIssued is Check for a Cognito token that was issued at a given time for a login of
// the subject. The token does not contain the time of the login. A token that was issued in
// the second of a sign-out is refused, since its login may have been earlier.
func (s *Service) CheckIssued(
	ctx context.Context, account identitypool.AccountID, provider, subject string, issued time.Time,
) error {
	return s.check(ctx, account, provider, login.Claims{Subject: subject},
		signIn{at: issued, known: true, orBefore: true})
}

// signIn is the time of the sign-in, as far as a token shows it.
type signIn struct {
	at       time.Time // whole seconds
	known    bool
	orBefore bool // it may have been earlier
}

// endedBy reports whether a sign-out at a given time ends the sign-in.
func (s signIn) endedBy(signOut time.Time) bool {
	return s.at.Before(signOut) || s.orBefore && !s.at.After(signOut)
}

func (s *Service) check(
	ctx context.Context, account identitypool.AccountID, provider string, c login.Claims, since signIn,
) error {
	var sessions []string
	for _, name := range sessionClaims {
		if id, isString := c.All[name].(string); isString && id != "" {
			sessions = append(sessions, id)
		}
	}

	marks, err := s.o.Store.SignOuts(ctx, account, provider, c.Subject, sessions, s.o.Now())
	if err != nil {
		return err
	}

	trace := explain.FromContext(ctx)
	sid, _ := c.All["sid"].(string)
	for _, m := range marks {
		var refusal *explain.Refusal
		switch {
		case m.Kind == store.SessionSignOut && slices.Contains(sessions, m.Value):
			refusal = signedOutSession.With()
		case m.Kind == store.UnnamedSignOut && sid != "":
			continue // the token names its session, which was not signed out
		case !since.known:
			refusal = signedOutUndated.With("signOut", stamp(m.NotBefore))
		case since.endedBy(m.NotBefore):
			refusal = signedOut.With("signIn", stamp(since.at), "signOut", stamp(m.NotBefore))
		default:
			continue
		}

		return &login.Refused{Refusal: trace.Refuse(refusal)}
	}

	if trace != nil {
		trace.Pass("sign-out", "not signed out since")
	}

	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// signedInAt returns the time of a token's sign-in in whole seconds, and whether the token
// contains one.
func signedInAt(c login.Claims) (time.Time, bool) {
	at := c.IssuedAt
	if n, isNumber := c.All["auth_time"].(json.Number); isNumber {
		if seconds, err := n.Float64(); err == nil && seconds >= 0 && seconds < 1e12 {
			if t := time.Unix(int64(math.Floor(seconds)), 0); at.IsZero() || t.Before(at) {
				at = t
			}
		}
	}

	return at, !at.IsZero()
}
