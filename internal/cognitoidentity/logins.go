package cognitoidentity

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// providerTimeout is the time that a call waits for login providers altogether, for all its
// requests: keys, answers about a token, ServerSideTokenCheck.
const providerTimeout = 5 * time.Second

// purpose is the use that a call makes of the proved logins.
type purpose int

const (
	toIdentify purpose = iota
	// toIssue is for a token or credentials. The API reference asks for
	// ServerSideTokenCheck before these, not before GetId.
	toIssue
)

// admit notes the pool of a public call and applies the rate limits: first that of the
// client's address, so that one client cannot use up the account's rate, then that of the
// pool's account.
func (s *Service) admit(ctx context.Context, pool identitypool.Pool, logins map[string]string) error {
	note(ctx, pool)
	if len(logins) > 0 {
		if err := s.Addresses.MayLogin(ctx, logins); err != nil {
			return err
		}
	}

	return awsapi.Count(ctx, string(pool.Account))
}

// proveLogins proves the logins of a call on a pool, and returns the pool as it is afterwards:
// proving may wait for a provider, and the pool's settings may change meanwhile.
// identityID is the identity that the call names, if any. The logins are sorted by the
// providers' names.
func (s *Service) proveLogins(
	ctx context.Context, pool identitypool.Pool, identityID string, logins map[string]string, use purpose,
) ([]identitypool.VerifiedLogin, identitypool.Pool, error) {
	if len(logins) == 0 {
		return nil, pool, nil
	}

	deadline := providerDeadline(ctx)
	verified, err := s.proveAll(ctx, deadline, pool, logins, use)
	if err != nil {
		return nil, pool, err
	}

	current, err := s.Store.SharedPool(ctx, pool.ID)
	switch {
	case err != nil:
		return nil, pool, resolveError(err, pool, identityID)
	case current.Version == pool.Version:
		return verified, pool, nil
	}

	verified, err = s.proveAll(ctx, deadline, current, logins, use)

	return verified, current, err
}

// providerDeadline returns when a call that begins now stops waiting for login providers. It is
// the time of a context, since all waits end by contexts, and s.Now may be a test's clock.
func providerDeadline(ctx context.Context) time.Time {
	ctx, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()

	deadline, _ := ctx.Deadline()
	return deadline
}

// proveAll proves every login, or refuses the call: one bad login is enough
// (developer guide, "Authentication flow"). It asks no provider before it knows that
// the pool has the providers of all logins, and none after deadline.
func (s *Service) proveAll(
	ctx context.Context, deadline time.Time, pool identitypool.Pool, logins map[string]string, use purpose,
) ([]identitypool.VerifiedLogin, error) {
	list, err := s.Providers.Resolve(ctx, pool, logins)
	if err != nil {
		return nil, providerError(err, pool)
	}
	if len(list) > 1 {
		return s.proveParallel(ctx, deadline, list, use)
	}
	verified, err := s.proveCounted(ctx, deadline, &list[0], use)

	return []identitypool.VerifiedLogin{verified}, err
}

// proveParallel asks several providers at once, so that slow ones do not add up.
// The first refusal cancels the others. Their cancellation is no finding about them, so
// their traces are dropped.
func (s *Service) proveParallel(
	ctx context.Context, deadline time.Time, list []provider.Login, use purpose,
) ([]identitypool.VerifiedLogin, error) {
	trace := explain.FromContext(ctx)
	verified := make([]identitypool.VerifiedLogin, len(list))
	traces, failures := make([]explain.Trace, len(list)), make([]error, len(list))

	group, ctx := errgroup.WithContext(ctx)
	for i := range list {
		group.Go(func() error {
			verified[i], failures[i] = s.proveRecovered(explain.NewContext(ctx, &traces[i]), deadline, &list[i], use)
			return failures[i]
		})
	}
	err := group.Wait()

	for i := range traces {
		if failures[i] == nil || failures[i] == err {
			trace.Join(&traces[i])
		}
	}

	return verified, err
}

// proveRecovered is proveCounted for a separate goroutine: it recovers from a panic, which
// would end the whole server there, not just the request.
func (s *Service) proveRecovered(
	ctx context.Context, deadline time.Time, l *provider.Login, use purpose,
) (v identitypool.VerifiedLogin, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("verifying a login of %s panicked: %v\n%s", l.Config.Name, r, debug.Stack())
		}
	}()

	return s.proveCounted(ctx, deadline, l, use)
}

// proveCounted proves a login, and counts it for the client's address if it is refused.
func (s *Service) proveCounted(
	ctx context.Context, deadline time.Time, l *provider.Login, use purpose,
) (identitypool.VerifiedLogin, error) {
	v, err := s.proveOne(ctx, deadline, l, use)
	s.Addresses.Checked(ctx, l.Token, err)

	return v, err
}

// proveOne proves a login, and returns it in the form in which the store has it.
func (s *Service) proveOne(
	ctx context.Context, deadline time.Time, l *provider.Login, use purpose,
) (identitypool.VerifiedLogin, error) {
	claims, err := s.provenClaims(ctx, deadline, l, use)
	if err != nil {
		return identitypool.VerifiedLogin{}, err
	}

	v := verifiedLogin(l, claims)
	if l.Trust.Kind == login.SAML {
		err = s.rescope(ctx, l.Config.Pool, v.Login, l.Trust.SAML)
	}

	return v, err
}

// verifiedLogin returns a login with the claims that its provider vouches for.
func verifiedLogin(l *provider.Login, claims login.Claims) identitypool.VerifiedLogin {
	v := l.Config.Verified(claims.Subject, claims.Audience)
	v.Claims, v.Roles, v.Expires = claims.All, claims.Roles, claims.Expires
	v.Checked = mustBeChecked(l.Config, claims)
	if l.Trust.Kind == login.SAML {
		v.Scope = claims.Scope
	}

	return v
}

// provenClaims returns the claims that the provider of a login vouches for. It refuses the
// login if the user has signed out since, or may no longer sign in where the pool asks
// for that check.
func (s *Service) provenClaims(
	ctx context.Context, deadline time.Time, l *provider.Login, use purpose,
) (login.Claims, error) {
	providerCtx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()

	claims, err := s.Logins.Verify(providerCtx, l.Trust, l.Token)
	if err != nil {
		return login.Claims{}, loginError(err)
	}

	if err := s.checkSignOut(ctx, l, claims); err != nil {
		return login.Claims{}, err
	}
	if use == toIssue && mustBeChecked(l.Config, claims) {
		user := userstatus.User{
			Provider: l.Config.Name,
			Token:    l.Token,
			Claims:   claims,
		}
		if err := s.UserStatus.Check(tracedFor(providerCtx, l), user); err != nil {
			return login.Claims{}, loginError(err)
		}
	}

	return claims, nil
}

// tracedFor returns ctx with a trace for the steps of one login.
func tracedFor(ctx context.Context, l *provider.Login) context.Context {
	return explain.NewContext(ctx, explain.FromContext(ctx).For(l.Config.Name))
}

// checkSignOut refuses a login if the user has signed out since. Opaque tokens carry no time
// of issue: their provider answers for them.
func (s *Service) checkSignOut(ctx context.Context, l *provider.Login, claims login.Claims) error {
	if l.Trust.Kind != login.OIDC && claims.IssuedAt.IsZero() {
		return nil
	}

	err := s.SignOuts.Check(
		tracedFor(ctx, l), l.Config.Account, s.Providers.ToStored(l.Config.Name), claims)
	if err != nil {
		return loginError(err)
	}

	return nil
}

// signInsOf returns the sign-ins at user pools of this server that led to the logins, for the
// session. It leaves out one that is checked and has no ID: the time of the session stands for it.
func (s *Service) signInsOf(logins []identitypool.VerifiedLogin) []identitypool.SignIn {
	var signIns []identitypool.SignIn
	for _, l := range logins {
		id := ""
		if l.Checked {
			id = identitypool.SignInID(l.Claims)
		}
		if s.Providers.IsLocal(l.Provider) && l.Checked == (id != "") {
			signIns = append(signIns, identitypool.SignIn{Provider: l.Provider, Subject: l.Subject, ID: id})
		}
	}

	return signIns
}

// mustBeChecked reports whether the pool asks for a server-side check for any
// client that the token names: the first of several must not hide the others.
func mustBeChecked(c identitypool.ProviderConfig, claims login.Claims) bool {
	checked := func(client string) bool { return slices.Contains(c.ServerSideTokenCheck, client) }
	return checked(claims.Audience) || slices.ContainsFunc(claims.Audiences(), checked)
}
