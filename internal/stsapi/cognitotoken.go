package stsapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// verifiedCognitoToken is the result of verifying a Cognito token.
type verifiedCognitoToken struct {
	claims issuer.Claims
	err    error // nil = claims are proven
}

// readCognitoToken verifies a Cognito token and notes its pool's account, but refuses
// nothing: proveCognitoToken does, in its turn. It runs before the other checks, so that the
// pool's account can read why one of them refused the request. As it has checked the
// signature, it counts a bad token for the client's address.
func (a *API) readCognitoToken(ctx context.Context, w *webIdentity) {
	claims, err := a.CognitoTokens.Verify(ctx, w.token)
	w.cognito = verifiedCognitoToken{claims: claims, err: err}
	a.Addresses.Checked(ctx, w.token, a.cognitoTokenError(w.cognito))
	if err != nil && !errors.Is(err, issuer.ErrExpired) {
		return
	}

	region, account, pool, ok := identitypool.ParsePoolARN(claims.PoolARN)
	if !ok {
		return
	}

	w.askerAccount, w.Partition = account, identitypool.Partition(region)
	record := awsapi.RecordFrom(ctx)
	record.Account, record.Region, record.Pool = string(account), region, string(pool)
}

// findCognitoRole finds the role that a Cognito token asks for. In development any role is
// accepted. A missing role of another account than the token's is noted, and refused where a
// role would not trust the token: otherwise the token's other faults would reveal whether the
// role exists.
func (a *API) findCognitoRole(ctx context.Context, w *webIdentity) error {
	if a.AcceptUnknown != nil && w.arnErr == nil {
		trace := ofRole(ctx, w.arn.Account)
		role, known, err := a.AcceptUnknown.FindRole(ctx, w.arn, trace)
		w.Role, w.undefinedRole = role, !known
		if err == nil && known {
			trace.Pass("role", w.text)
			reached(ctx, role)
		}

		return err
	}

	if w.arnErr == nil && w.askerAccount != "" && w.askerAccount != w.arn.Account {
		_, err := a.Roles.Role(ctx, w.arn)
		switch {
		case errors.Is(err, iam.ErrNotFound):
			w.missing = true
			w.Role = iam.Role{ARN: w.arn, Account: w.arn.Account, MaxSession: w.duration}
			return nil
		case err != nil:
			return fmt.Errorf("stsapi: %w", err)
		}
	}

	return a.findRole(ctx, &w.entry)
}

// proveCognitoToken judges a token of GetOpenIdToken or GetOpenIdTokenForDeveloperIdentity that
// readCognitoToken has read: signature and age, then what changed since it was issued.
func (a *API) proveCognitoToken(ctx context.Context, w *webIdentity) (provenToken, error) {
	trace := w.ofCaller(ctx)
	ctx = explain.NewContext(ctx, trace)
	if err := a.cognitoTokenError(w.cognito); err != nil {
		return provenToken{}, refuseIn(trace, err)
	}

	claims := w.cognito.claims
	region, account, poolID, ok := identitypool.ParsePoolARN(claims.PoolARN)
	if !ok || string(poolID) != claims.Audience {
		return provenToken{}, fmt.Errorf("stsapi: our token names the pool %q as %q", claims.Audience, claims.PoolARN)
	}

	var pool identitypool.Pool
	identity, gone, err := a.tokenIdentity(ctx, claims, poolID)
	if err == nil && gone == nil {
		pool, gone, err = a.tokenPool(ctx, poolID, account)
	}
	if gone != nil {
		err = awsapi.Refused("IDPRejectedClaim", trace.Refuse(gone), messageRejected)
		a.Addresses.Checked(ctx, w.token, err)
	}
	if err != nil {
		return provenToken{}, err
	}

	if why := offersClassicFlow(pool); why != nil {
		denied := fmt.Errorf("%w: pool %s: %w", assume.ErrDenied, poolID, trace.Refuse(why))
		return provenToken{}, notAuthorized(w.Action, denied)
	}

	err = a.stillProven(ctx, w.Role.Account, pool, identity, claims)
	if refused, ok := errors.AsType[*explain.Refusal](err); ok {
		trace.Refuse(refused)
	}
	a.Addresses.Checked(ctx, w.token, err)
	if err != nil {
		return provenToken{}, err
	}
	trace.Pass("token", "of pool "+claims.Audience)

	return provenIdentity(claims, identity, pool, region), nil
}

// refuseIn records the reason of a refusal.
func refuseIn(trace *explain.Trace, err error) error {
	if refused, ok := errors.AsType[*awsapi.Error](err); ok {
		trace.Refuse(refused.Why)
	}
	return err
}

// tokenIdentity finds the identity of a Cognito token. gone is the reason for which the token
// does not count any more; nil = it counts.
func (a *API) tokenIdentity(
	ctx context.Context, c issuer.Claims, pool identitypool.PoolID,
) (identity identitypool.Identity, gone *explain.Refusal, err error) {
	identity, err = a.Identities.Identity(ctx, identitypool.IdentityID(c.Subject))
	switch {
	case err != nil && !a.IsNotFound(err):
		return identity, nil, err
	case err != nil || identity.Disabled || identity.PoolID != pool:
		return identity, identitypool.TokenIdentityGone.With(), nil
	case identity.Predecessor.Had(c.IssuedAt):
		return identity, tokenIdentityReplaced.With(), nil
	}

	return identity, nil, nil
}

// tokenPool finds the pool of a Cognito token, which names its account. gone is as for
// tokenIdentity.
func (a *API) tokenPool(
	ctx context.Context, id identitypool.PoolID, account identitypool.AccountID,
) (pool identitypool.Pool, gone *explain.Refusal, err error) {
	pool, err = a.Identities.Pool(ctx, id)
	switch {
	case err != nil && a.IsNotFound(err):
		return pool, tokenPoolGone.With(), nil
	case err == nil && pool.Account != account:
		return pool, tokenPoolOfOther.With("account", string(account)), nil
	}

	return pool, nil, err
}

// offersClassicFlow returns the reason for which a pool's identities cannot choose a role; nil
// if they can.
func offersClassicFlow(pool identitypool.Pool) *explain.Refusal {
	switch {
	case !pool.ClassicFlow():
		// A token may be older than the setting, or issued for a developer identity,
		// where it is meant as a login of the enhanced flow.
		return identitypool.ClassicFlowOff.With().At(pool.ID.Link("AllowClassicFlow"))
	case pool.MapsRoles():
		// The pool's mappings choose the role; here the caller would choose.
		return identitypool.ClassicFlowMapped.With().At(pool.ID.Link("RoleMappings"))
	}

	return nil
}

// provenIdentity returns the facts that a proven Cognito token has about its identity.
func provenIdentity(
	c issuer.Claims, identity identitypool.Identity, pool identitypool.Pool, region string,
) provenToken {
	amr, service := pool.StoredNames(c.AMR), identitypool.ServiceName(region)

	keys := policy.Keys{}
	session.SetIdentity(keys, pool.ID, identity.ID, amr)

	content := session.Session{
		IdentityID: identity.ID,
		PoolID:     pool.ID,
		AMR:        amr,
		Region:     region,
	}
	if len(amr) > 1 {
		content.Provider = amr[1]
	}

	return provenToken{
		subject:   c.Subject,
		audience:  c.Audience,
		provider:  service,
		principal: policy.Principal{Federated: service},
		keys:      keys,
		tags:      c.PrincipalTags,
		session:   content,
		identity:  identity,
		pool:      pool,
		guest:     slices.Contains(amr, identitypool.Unauthenticated),
	}
}

// cognitoTokenError words the error of CognitoTokens as STS does.
func (a *API) cognitoTokenError(t verifiedCognitoToken) error {
	switch {
	case errors.Is(t.err, issuer.ErrExpired):
		why := cognitoTokenExpired.With("time", t.claims.Expires.UTC().Format(time.RFC3339))
		return a.expired(t.claims.Expires, why)
	case errors.Is(t.err, issuer.ErrKeyRetired):
		why := cognitoTokenRetired.With("fault", t.err.Error())
		return awsapi.Refused(invalidIdentityToken, why, messageNotValidated).Because(t.err)
	case errors.Is(t.err, issuer.ErrNotOurs):
		return awsapi.Refused(invalidIdentityToken, cognitoTokenForged.With(), messageNotValidated).Because(t.err)
	}

	return t.err
}

// checkPoolAge refuses a pool of another account that is younger than the trust policy. The
// zero pool passes: only a Cognito token has one.
func (w *webIdentity) checkPoolAge(ctx context.Context, pool identitypool.Pool) error {
	if pool.ID == "" || w.undefinedRole {
		return nil
	}
	why := assume.TooYoung(w.Role, pool)
	if why == nil {
		return nil
	}

	return fmt.Errorf("%w: %w", assume.ErrDenied, ofRole(ctx, w.Role.Account).Refuse(why))
}

// stillProven refuses a Cognito token, shown for a role of an account, that the identity
// could not get any more. What was revoked since it was issued counts in the classic
// flow, too.
func (a *API) stillProven(
	ctx context.Context, roleAccount identitypool.AccountID,
	pool identitypool.Pool, identity identitypool.Identity, c issuer.Claims,
) error {
	proofs, err := pool.Proofs(identity, c.AMR)
	if lapsed, ok := errors.AsType[*identitypool.Lapsed](err); ok {
		return awsapi.Refused("IDPRejectedClaim", lapsed.Why, messageRejected).Because(err)
	} else if err != nil {
		return err
	}

	for _, proof := range proofs {
		switch proof.Config.Kind {
		case identitypool.DeveloperProviderKind:
			continue
		case identitypool.SAMLProviderKind:
			// Developer guide, "SAML identity providers": the assertion chooses the
			// role, which only the enhanced flow looks at.
			why := identitypool.ClassicFlowSAML.With("provider", pool.ShownName(proof.Config.Name))
			return notAuthorized(assume.WebIdentityAction, fmt.Errorf("%w: %w", assume.ErrDenied, why))
		case identitypool.OIDCProviderKind:
			_, err := a.Providers.OIDCProvider(ctx, proof.Config.ARN)
			if errors.Is(err, iam.ErrNotFound) {
				arn := pool.ShownName(proof.Config.ARN)
				why := tokenProviderGone.With("provider", arn).At(explain.Link{
					Kind:   explain.LinkOIDCProvider,
					ID:     arn,
					Source: explain.SourceAPI,
				})

				return awsapi.Refused("IDPRejectedClaim", why, messageRejected).Because(err)
			} else if err != nil {
				return err
			}
		}

		if err := a.loginEnded(ctx, roleAccount, pool, proof, c.IssuedAt); err != nil {
			return err
		}
	}

	return nil
}

// loginEnded refuses a Cognito token that was issued at a time for a login if the user has signed
// out since, or the user pool would not let the user in any more. The login itself was looked at
// when the token was issued.
func (a *API) loginEnded(
	ctx context.Context, roleAccount identitypool.AccountID,
	pool identitypool.Pool, proof identitypool.Proof, issued time.Time,
) error {
	var checks []func() error
	if a.UserStatus != nil {
		checks = append(checks, func() error {
			return a.UserStatus.CheckIssued(ctx, proof.Config, proof.Login.Subject, issued)
		})
	}

	// Users are signed out in an account's pools, and for its roles: these can be two accounts'.
	accounts := []identitypool.AccountID{pool.Account}
	if roleAccount != pool.Account {
		accounts = append(accounts, roleAccount)
	}
	if a.SignOuts != nil {
		for _, account := range accounts {
			checks = append(checks, func() error {
				return a.SignOuts.CheckIssued(ctx, account, proof.Config.Name, proof.Login.Subject, issued)
			})
		}
	}

	for _, check := range checks {
		err := check()
		if refused, ok := errors.AsType[*login.Refused](err); ok {
			return rejected(refused)
		} else if err != nil {
			return err
		}
	}

	return nil
}
