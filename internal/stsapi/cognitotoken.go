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

// readCognitoToken verifies a Cognito token and notes its pool's account, but refuses
// nothing: cognitoToken does, in its turn. It runs before the other checks, so that the
// pool's account can read why one of them refused the request. As it has checked the
// signature, it counts a bad token for the client's address.
func (a *API) readCognitoToken(ctx context.Context, w *webIdentity, token string) {
	w.cognitoClaims, w.tokenErr = a.CognitoTokens.Verify(ctx, token)
	a.Addresses.Checked(ctx, token, a.cognitoTokenError(w.tokenErr, w.cognitoClaims))
	if w.tokenErr != nil && !errors.Is(w.tokenErr, issuer.ErrExpired) {
		return
	}

	region, account, pool, ok := identitypool.ParsePoolARN(w.cognitoClaims.PoolARN)
	if !ok {
		return
	}

	w.askerAccount, w.Partition = account, identitypool.Partition(region)
	record := awsapi.RecordFrom(ctx)
	record.Account, record.Region, record.Pool = string(account), region, string(pool)
}

// cognitoToken judges a token of GetOpenIdToken or GetOpenIdTokenForDeveloperIdentity that
// readCognitoToken has read: signature and age, then what changed since it was issued.
func (a *API) cognitoToken(ctx context.Context, w *webIdentity, token string) error {
	trace := w.ofCaller(ctx)
	ctx = explain.NewContext(ctx, trace)
	if err := a.cognitoTokenError(w.tokenErr, w.cognitoClaims); err != nil {
		return refuseIn(trace, err)
	}

	region, account, pool, ok := identitypool.ParsePoolARN(w.cognitoClaims.PoolARN)
	if !ok || string(pool) != w.cognitoClaims.Audience {
		return fmt.Errorf(
			"stsapi: our token names the pool %q as %q", w.cognitoClaims.Audience, w.cognitoClaims.PoolARN,
		)
	}
	identity, gone, err := a.tokenIdentity(ctx, w, pool, account)
	if gone != nil {
		err = awsapi.Refused("IDPRejectedClaim", trace.Refuse(gone), messageRejected)
		a.Addresses.Checked(ctx, token, err)
	}
	if err != nil {
		return err
	}
	if why := offersClassicFlow(w.pool); why != nil {
		return notAuthorized(w.Action, fmt.Errorf("%w: pool %s: %w", assume.ErrDenied, pool, trace.Refuse(why)))
	}

	err = a.stillProven(ctx, w.Role.Account, w.pool, identity, w.cognitoClaims)
	if refused, ok := errors.AsType[*explain.Refusal](err); ok {
		trace.Refuse(refused)
	}
	a.Addresses.Checked(ctx, token, err)
	if err != nil {
		return err
	}
	trace.Pass("token", "of pool "+w.cognitoClaims.Audience)
	w.speakFor(identity, region)

	return nil
}

// refuseIn records the reason of a refusal.
func refuseIn(trace *explain.Trace, err error) error {
	if refused, ok := errors.AsType[*awsapi.Error](err); ok {
		trace.Refuse(refused.Why)
	}
	return err
}

// tokenIdentity finds the identity of a token, and sets its pool. gone is the reason for which
// the token does not count any more; nil = it counts.
func (a *API) tokenIdentity(
	ctx context.Context, w *webIdentity, pool identitypool.PoolID, account identitypool.AccountID,
) (identity identitypool.Identity, gone *explain.Refusal, err error) {
	identity, err = a.Identities.Identity(ctx, identitypool.IdentityID(w.cognitoClaims.Subject))
	switch {
	case err != nil && !a.IsNotFound(err):
		return identity, nil, err
	case err != nil || identity.Disabled || identity.PoolID != pool:
		return identity, identitypool.TokenIdentityGone.With(), nil
	case identity.Predecessor.Had(w.cognitoClaims.IssuedAt):
		return identity, tokenIdentityReplaced.With(), nil
	}

	w.pool, err = a.Identities.Pool(ctx, pool)
	switch {
	case err != nil && a.IsNotFound(err):
		return identity, tokenPoolGone.With(), nil
	case err == nil && w.pool.Account != account:
		return identity, tokenPoolOfOther.With("account", string(account)), nil
	}

	return identity, nil, err
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

// speakFor sets the facts that a proven Cognito token has about its identity.
func (w *webIdentity) speakFor(identity identitypool.Identity, region string) {
	pool, amr := w.pool.ID, w.pool.StoredNames(w.cognitoClaims.AMR)
	w.predecessor = identity.Predecessor
	w.subject, w.audience = w.cognitoClaims.Subject, w.cognitoClaims.Audience
	w.provider = identitypool.ServiceName(region)

	w.Principal = policy.Principal{Federated: w.provider}
	w.Keys = policy.Keys{}
	session.SetIdentity(w.Keys, pool, identity.ID, amr)

	w.Tags = w.cognitoClaims.PrincipalTags
	w.Who.Pool, w.Who.Identity = pool, identity.ID
	w.Who.Guest = slices.Contains(amr, identitypool.Unauthenticated)
	w.session = session.Session{
		IdentityID: identity.ID,
		PoolID:     pool,
		AMR:        amr,
		Region:     region,
	}
	if len(amr) > 1 {
		w.session.Provider = amr[1]
	}
}

// cognitoTokenError words the error of CognitoTokens as STS does.
func (a *API) cognitoTokenError(err error, c issuer.Claims) error {
	switch {
	case errors.Is(err, issuer.ErrExpired):
		why := cognitoTokenExpired.With("time", c.Expires.UTC().Format(time.RFC3339))
		return a.expired(c.Expires, why)
	case errors.Is(err, issuer.ErrKeyRetired):
		why := cognitoTokenRetired.With("fault", err.Error())
		return awsapi.Refused(invalidIdentityToken, why, messageNotValidated).Because(err)
	case errors.Is(err, issuer.ErrNotOurs):
		return awsapi.Refused(invalidIdentityToken, cognitoTokenForged.With(), messageNotValidated).Because(err)
	}

	return err
}

// meantPool refuses a pool of another account that is younger than the trust policy.
func (w *webIdentity) meantPool(ctx context.Context) error {
	if w.pool.ID == "" || w.undefinedRole {
		return nil
	}
	why := assume.TooYoung(w.Role, w.pool)
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
				why := tokenProviderGone.With("provider", pool.ShownName(proof.Config.ARN))
				return awsapi.Refused("IDPRejectedClaim", why, messageRejected).Because(err)
			} else if err != nil {
				return err
			}
		}

		if a.SignOuts == nil {
			continue
		}
		// The login itself was looked at when the token was issued. Users are signed
		// out in an account's pools, and for its roles: these can be two accounts'.
		accounts := []identitypool.AccountID{pool.Account}
		if roleAccount != pool.Account {
			accounts = append(accounts, roleAccount)
		}

		for _, account := range accounts {
			err := a.SignOuts.CheckIssued(ctx, account, proof.Config.Name, proof.Login.Subject, c.IssuedAt)
			if refused, ok := errors.AsType[*login.Refused](err); ok {
				return rejected(refused)
			} else if err != nil {
				return err
			}
		}
	}

	return nil
}
