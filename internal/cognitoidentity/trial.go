package cognitoidentity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// Trial tells how GetId and GetCredentialsForIdentity would answer a login that leads to a new
// identity of a pool. Nobody is signed in for it: no identity is made, nothing is linked, and no
// limit of an address counts it.
type Trial struct {
	Pool         identitypool.Pool
	ProviderName string // in the pool's form; "" = the pool has no provider for the login
	// Refused is the first refusal, which is the one that the app would get; nil = the login is
	// accepted.
	Refused *awsapi.Error
	Reason  explain.Code      // of Refused
	Steps   []explain.Step    // all checks, also those after the refusal
	RoleARN string            // "" = none was chosen
	Trust   *TrustResult      // nil = no role, or the role's trust policy was not asked
	Tags    map[string]string // principal tags of the session
	Rules   []identitypool.RuleResult
}

// TrustResult tells whether a role's trust policy allows a sign-in.
type TrustResult struct {
	Allowed   bool
	Statement string // that allows or denies, for people
}

// trial is a Trial that is under way. Its checks go on after a refusal.
type trial struct {
	*Service
	Trial
	trace  *explain.Trace
	custom string
}

// newTrial returns a trial in a pool, and ctx with its own trace: the trace of the
// administrator's call must not have the steps of another call.
func (s *Service) newTrial(
	ctx context.Context, pool identitypool.Pool, custom string,
) (*trial, context.Context) {
	t := &trial{
		Service: s,
		Trial:   Trial{Pool: pool},
		trace:   new(explain.Trace),
		custom:  custom,
	}

	return t, explain.NewContext(ctx, t.trace)
}

// refused records a refusal, and reports whether err is one. The error is not nil if err is a
// fault of the server, which ends the trial.
func (t *trial) refused(err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	refusal, ok := errors.AsType[*awsapi.Error](err)
	if !ok || refusal.Kind != awsapi.Named {
		return false, err
	}

	why := refusal.Why
	if why == nil {
		why = reasonOf(err)
	}
	t.trace.Refuse(why)

	if t.Refused == nil {
		t.Refused = refusal
		if why != nil {
			t.Reason = why.Reason.Code
		} else if step, found := explain.Deciding(t.trace.Steps()); found {
			t.Reason = step.Code
		}
	}

	return true, nil
}

// result ends the trial.
func (t *trial) result() Trial {
	t.Steps = t.trace.Steps()
	return t.Trial
}

// examine judges the value of a Logins key as a sign-in would, and its role.
func (t *trial) examine(ctx context.Context, deadline time.Time, key, token string) error {
	logins := map[string]string{key: token}
	if t.custom != "" {
		if _, err := t.refused(t.checkCustomRole(t.Pool, t.custom)); err != nil {
			return err
		}
	}
	if _, own, ok := t.Pool.CognitoToken(logins); ok {
		t.ProviderName = own
		return t.examineOwn(ctx, token)
	}

	list, err := t.Providers.Resolve(ctx, t.Pool, logins)
	if err != nil {
		_, err = t.refused(providerError(err, t.Pool))
		return err
	}

	l := &list[0]
	t.ProviderName = t.Pool.ShownName(l.Config.Name)
	claims, err := t.examineLogin(ctx, deadline, l)
	if err != nil || claims.Subject == "" {
		return err
	}

	return t.chooseRole(ctx, identitypool.RoleRequest{
		Logins: []identitypool.VerifiedLogin{verifiedLogin(l, claims)},
	})
}

// examineLogin makes all checks of a login, and returns the claims that could be read. A user
// pool is asked only about a token that is proved: others must not get it.
func (t *trial) examineLogin(ctx context.Context, deadline time.Time, l *provider.Login) (login.Claims, error) {
	providerCtx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()

	claims, proven, err := t.Logins.Examine(providerCtx, l.Trust, l.Token)
	if err != nil {
		err = loginError(err)
	}
	if _, err := t.refused(err); err != nil {
		return login.Claims{}, err
	}
	if claims.Subject == "" {
		return claims, nil
	}

	if _, err := t.refused(t.checkSignOut(ctx, l, claims)); err != nil {
		return login.Claims{}, err
	}
	if !proven || !mustBeChecked(l.Config, claims) {
		return claims, nil
	}

	err = t.UserStatus.Check(tracedFor(providerCtx, l), userstatus.User{
		Provider: l.Config.Name,
		Token:    l.Token,
		Claims:   claims,
		Afresh:   true,
	})
	if err != nil {
		_, err = t.refused(loginError(err))
	}

	return claims, err
}

// examineOwn judges a Cognito token. The identity is that of the token if it belongs to the
// pool, else one that the token cannot be for.
func (t *trial) examineOwn(ctx context.Context, token string) error {
	identity := t.newIdentity()
	if id := cognitoSubject(token); id != "" {
		found, pool, err := t.loadIdentity(ctx, id)
		if err == nil && pool.ID == t.Pool.ID {
			identity = found
		} else if err != nil && callerError(err, id, t.Pool.Region) == err {
			return err
		}
	}

	claims, err := t.proveOwn(ctx, t.Pool, identity, token)
	if refused, err := t.refused(err); refused || err != nil {
		return err
	}

	request := t.roleRequest(ctx, t.Pool)
	request.AMR, request.Tags = claims.AMR, claims.PrincipalTags
	request.Provider = t.Pool.DeveloperProviderName

	return t.decide(ctx, identity, identitypool.RoleRequest{CognitoToken: true}, request)
}

// chooseRole decides about the role of a new identity with the logins of choice.
func (t *trial) chooseRole(ctx context.Context, choice identitypool.RoleRequest) error {
	request := t.roleRequest(ctx, t.Pool)
	if choice.CognitoToken {
		request.AMR = []string{identitypool.Authenticated}
		request.Provider = t.Pool.DeveloperProviderName
	} else if _, err := t.refused(t.describeLogins(ctx, t.Pool, choice.Logins, &request)); err != nil {
		return err
	}
	if len(choice.Logins) > 0 {
		t.Rules = t.Pool.RuleResults(choice.Logins[0], t.custom)
	}

	return t.decide(ctx, t.newIdentity(), choice, request)
}

// decide chooses the role, and asks whether the identity may assume it.
func (t *trial) decide(
	ctx context.Context, identity identitypool.Identity, choice identitypool.RoleRequest, request assume.Request,
) error {
	t.Tags = request.Tags
	choice.CustomARN = t.custom
	if refused, err := t.refused(chooseRole(ctx, t.Pool, identity, choice, &request)); refused || err != nil {
		return err
	}
	t.RoleARN = t.Pool.ShownName(request.Role.String())

	before := len(t.trace.Steps())
	err := t.Credentials.Decide(ctx, request)
	t.Trust = trustResult(t.trace.Steps()[before:])
	if err != nil {
		_, err = t.refused(engineError(err))
	}

	return err
}

// trustResult finds what the trust policy said in the steps of a credential engine.
func trustResult(steps []explain.Step) *TrustResult {
	var result *TrustResult
	for _, step := range steps {
		if step.Check != "trust policy" {
			continue
		}

		_, statement, found := strings.Cut(step.Got, " by ")
		if !step.OK || !found {
			statement = step.Got
		}
		if result == nil || result.Allowed {
			result = &TrustResult{Allowed: step.OK, Statement: statement}
		}
	}

	return result
}

// newIdentity returns the identity that a first sign-in would make.
func (t *trial) newIdentity() identitypool.Identity {
	return identitypool.Identity{
		ID:     identitypool.IdentityID(newID(t.Pool.Region)),
		PoolID: t.Pool.ID,
	}
}
