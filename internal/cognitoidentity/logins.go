package cognitoidentity

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// proof is one Logins entry about to be verified.
type proof struct {
	pool    identitypool.PoolID
	account identitypool.AccountID // of the pool
	config  identitypool.ProviderConfig
	trust   login.Trust
	token   string
}

// askingTime is how long a call waits for login providers, whatever and how
// often it asks them: keys, answers about a token, ServerSideTokenCheck.
const askingTime = 5 * time.Second

// purpose is what the proved logins are for.
type purpose int

const (
	toIdentify purpose = iota
	// toIssue: a token or credentials. The API reference asks for
	// ServerSideTokenCheck before these, not before GetId.
	toIssue
)

// verifyLogins proves every entry of a Logins map, or refuses the call: one bad
// login spoils the rest (developer guide, "Authentication flow"). Nothing is
// asked of any provider before all entries are known to be configured, and
// nothing once asking has ended. The result is in the order of the provider names.
func (s *Service) verifyLogins(ctx, asking context.Context, pool identitypool.Pool, logins map[string]string, why purpose) ([]identitypool.VerifiedLogin, error) {
	if len(logins) == 0 {
		return nil, nil
	}
	logins, err := s.named(pool, logins)
	if err != nil {
		return nil, err
	}
	if err := s.checkKeys(pool, logins); err != nil {
		return nil, err
	}
	trace := explain.FromContext(ctx)
	proofs := make([]proof, 0, len(logins))
	names := sortedNames(logins)
	for i, name := range names {
		config := pool.Provider(name)
		switch {
		case pool.IsOwnProvider(name):
			return nil, awsapi.Refused(notAuthorized, providerOwnToken.With("provider", name), messageOwnToken)
		case config.Kind == identitypool.DeveloperProviderKind:
			why := providerDeveloper.With("provider", name, "service", identitypool.ServiceName(pool.Region))
			return nil, awsapi.Refused(invalidParameter, why, messagePublicProvider)
		}
		if config.Kind == identitypool.UnknownProvider {
			return nil, s.keysFirst(ctx, pool, logins, names[:i+1], nil)
		}
		trust, err := s.trust(ctx, config)
		if _, refused := errors.AsType[*awsapi.Error](err); refused {
			return nil, s.keysFirst(ctx, pool, logins, names[:i+1], err)
		} else if err != nil {
			return nil, err
		}
		proofs = append(proofs, proof{
			pool:    pool.ID,
			account: pool.Account,
			config:  config,
			trust:   trust,
			token:   logins[name],
		})
	}
	verified := make([]identitypool.VerifiedLogin, len(proofs))
	if len(proofs) == 1 {
		verified[0], err = s.verify(ctx, asking, proofs[0], why)
		return verified, err
	}
	// Several providers are asked at once: a slow one must cost its own time only.
	// The first refusal ends the others; that they ended is no finding about them,
	// so their traces are dropped.
	group, ctx := errgroup.WithContext(ctx)
	by, _ := asking.Deadline()
	asking, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	traces, failures := make([]explain.Trace, len(proofs)), make([]error, len(proofs))
	for i, p := range proofs {
		group.Go(func() error {
			verified[i], failures[i] = s.verifyApart(explain.NewContext(ctx, &traces[i]), explain.NewContext(asking, &traces[i]), p, why)
			return failures[i]
		})
	}
	err = group.Wait()
	for i := range traces {
		if failures[i] == nil || failures[i] == err {
			trace.Join(&traces[i])
		}
	}
	return verified, err
}

// sortedNames are the keys of logins in order; sorting an iterator's would
// allocate for each sign-in.
func sortedNames(logins map[string]string) []string {
	names := make([]string, 0, len(logins))
	for name := range logins {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// verifyCurrent is verifyLogins by what holds afterwards: proving may wait for a
// provider, and the pool's own providers may have changed meanwhile. pool is then
// what it is now. identityID is the identity that the call names, if any.
func (s *Service) verifyCurrent(ctx context.Context, pool *identitypool.Pool, identityID string, logins map[string]string, why purpose) ([]identitypool.VerifiedLogin, error) {
	asking, cancel := context.WithTimeout(ctx, askingTime)
	defer cancel()
	verified, err := s.verifyLogins(ctx, asking, *pool, logins, why)
	if err != nil || len(logins) == 0 {
		return nil, err
	}
	current, err := s.Store.SharedPool(ctx, pool.ID)
	if err != nil {
		return nil, resolveError(err, *pool, identityID)
	}
	if current.Version == pool.Version {
		return verified, nil
	}
	*pool = current
	return s.verifyLogins(ctx, asking, current, logins, why)
}

// providerName is the form of provider names: host[:port][/path], or an ARN.
var providerName = regexp.MustCompile(`^(?:https?://)?(?:localhost|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+)(?::\d{1,5})?(?:/[\w./~-]*)?$|` +
	`^arn:aws[a-z-]*:iam::\d{12}:(?:oidc|saml)-provider/[\w./:+=,@~-]+$`)

// shownName is a Logins key that the pool does not know, for traces and logs: a
// client that swaps key and value sends its token there. Keys of role mappings have a
// client ID after the name of a user pool.
func shownName(key string) string {
	if providerName.MatchString(key) {
		return key
	}
	n := max(0, strings.LastIndexByte(key, ':'))
	if strings.Contains(key[:n], "/") && providerName.MatchString(key[:n]) {
		return fmt.Sprintf("%s:(a client ID of %d bytes)", key[:n], len(key)-n-1)
	}

	return shownBytes(key)
}

func shownBytes(key string) string { return fmt.Sprintf("(a name of %d bytes)", len(key)) }

// verifyApart is verify on a goroutine of its own, where a panic would not end
// the request alone but the server.
func (s *Service) verifyApart(ctx, asking context.Context, p proof, why purpose) (v identitypool.VerifiedLogin, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("verifying a login of %s panicked: %v\n%s", p.config.Name, r, debug.Stack())
		}
	}()
	return s.verify(ctx, asking, p, why)
}

// mustBeChecked reports whether the pool asks for a server-side check of any
// client that the token names: the first of several must not hide the others.
func mustBeChecked(c identitypool.ProviderConfig, claims login.Claims) bool {
	if slices.Contains(c.ServerSideTokenCheck, claims.Audience) {
		return true
	}
	all, isList := claims.All["aud"].([]any)
	if !isList {
		all = []any{claims.All["aud"]}
	}
	return slices.ContainsFunc(all, func(audience any) bool {
		name, ok := audience.(string)
		return ok && slices.Contains(c.ServerSideTokenCheck, name)
	})
}

// verify proves a login, and counts it for the client's address if it is refused.
func (s *Service) verify(ctx, asking context.Context, p proof, why purpose) (identitypool.VerifiedLogin, error) {
	v, err := s.prove(ctx, asking, p, why)
	s.Addresses.Checked(ctx, p.token, err)
	return v, err
}

func (s *Service) prove(ctx, asking context.Context, p proof, why purpose) (identitypool.VerifiedLogin, error) {
	claims, err := s.Logins.Verify(asking, p.trust, p.token)
	if err != nil {
		return identitypool.VerifiedLogin{}, loginError(err)
	}
	traced := func(ctx context.Context) context.Context {
		return explain.NewContext(ctx, explain.FromContext(ctx).For(p.config.Name))
	}
	// Opaque tokens do not say when they were issued: their provider answers for them.
	if p.trust.Kind == login.OIDC || !claims.IssuedAt.IsZero() {
		if err := s.SignOuts.Check(traced(ctx), p.account, s.home(p.config.Name), claims); err != nil {
			return identitypool.VerifiedLogin{}, loginError(err)
		}
	}
	if why == toIssue && mustBeChecked(p.config, claims) {
		if err := s.UserStatus.Check(traced(asking), userstatus.User{Provider: p.config.Name, Token: p.token, Claims: claims}); err != nil {
			return identitypool.VerifiedLogin{}, loginError(err)
		}
	}
	v := p.config.Verified(claims.Subject, claims.Audience)
	v.Claims, v.Roles, v.Expires = claims.All, claims.Roles, claims.Expires
	if p.trust.Kind == login.SAML {
		v.Scope = claims.Scope
		err = s.rescope(ctx, p.pool, v.Login, p.trust.SAML)
	}
	return v, err
}
