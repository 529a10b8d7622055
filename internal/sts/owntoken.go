package sts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// ownToken proves a token of GetOpenIdToken or GetOpenIdTokenForDeveloperIdentity.
func (a *API) ownToken(ctx context.Context, w *webIdentity, token string) error {
	trace := explain.FromContext(ctx)
	c, err := a.verifyOwn(ctx, token)
	if err != nil {
		return err
	}
	region, account, pool, ok := identitypool.ParsePoolARN(c.PoolARN)
	if !ok || string(pool) != c.Audience {
		return fmt.Errorf("sts: our token names the pool %q as %q", c.Audience, c.PoolARN)
	}
	record := awsapi.RecordFrom(ctx)
	record.Account, record.Region, record.Pool = string(account), region, string(pool)

	identity, err := a.Identities.Identity(ctx, identitypool.IdentityID(c.Subject))
	if err != nil && !a.IsNotFound(err) {
		return err
	}
	if err != nil || identity.Disabled || identity.PoolID != pool {
		trace.Fail("identity of the token", "an identity that exists and is enabled", "it was deleted or merged",
			"call GetId again, and ask for a new token")
		return awsapi.Errorf("IDPRejectedClaim", messageRejected)
	}
	settings, err := a.classicPool(ctx, account, pool)
	if err != nil {
		return err
	}
	if err := a.stillProven(ctx, settings, identity, c); err != nil {
		return err
	}
	trace.Pass("token", "of pool "+c.Audience)

	w.pool = settings
	w.subject, w.audience, w.provider = c.Subject, c.Audience, policy.CognitoPrincipal
	w.principal = policy.Principal{Federated: policy.CognitoPrincipal}
	w.conditions = policy.Context{}
	setIdentity(w.conditions, pool, identity.ID, c.AMR)
	w.tags = c.PrincipalTags
	w.fix = func(action string, m policy.Mismatch) string {
		return fix(Request{PoolID: pool, IdentityID: identity.ID, Guest: slices.Contains(c.AMR, identitypool.Unauthenticated)}, action, m)
	}
	w.session = Session{IdentityID: identity.ID, PoolID: pool, AMR: c.AMR, Region: region}
	if len(c.AMR) > 1 {
		w.session.Provider = c.AMR[1]
	}
	return nil
}

// verifyOwn reads a token of ours.
func (a *API) verifyOwn(ctx context.Context, token string) (issuer.Claims, error) {
	trace := explain.FromContext(ctx)
	c, err := a.OwnTokens.Verify(ctx, token)
	switch {
	case errors.Is(err, issuer.ErrExpired):
		trace.Fail("token expiry", "an unexpired token", "expired at "+c.Expires.UTC().Format(time.RFC3339),
			"ask for a new token: they last 10 minutes, those for developers as long as was asked for")
		return issuer.Claims{}, a.expired(c.Expires)
	case errors.Is(err, issuer.ErrKeyRetired):
		trace.Fail("token signature", "a token whose signing key is in use", err.Error(), "ask for a new token")
		return issuer.Claims{}, awsapi.Errorf(invalidIdentityToken, messageNotValidated).Because(err)
	case errors.Is(err, issuer.ErrNotOurs):
		trace.Fail("token signature", "a token that this server signed", "another one",
			"pass the Token of GetOpenIdToken as it came")
		return issuer.Claims{}, awsapi.Errorf(invalidIdentityToken, messageNotValidated).Because(err)
	}
	return c, err
}

// classicPool returns the pool that a token of ours is for, if the account still has
// it and its classic flow is open.
func (a *API) classicPool(
	ctx context.Context, account identitypool.AccountID, id identitypool.PoolID,
) (identitypool.Pool, error) {
	trace := explain.FromContext(ctx)
	pool, err := a.Identities.Pool(ctx, id)
	switch {
	case err != nil && a.IsNotFound(err):
		trace.Fail("pool of the token", "a pool that exists", "it was deleted", "ask for a token of another pool")
		return pool, awsapi.Errorf("IDPRejectedClaim", messageRejected)
	case err != nil:
		return pool, err
	case pool.Account != account:
		trace.Fail("pool of the token", "the pool of account "+string(account)+" that the token was given for",
			"the ID is another account's now", "ask for a new token")
		return pool, awsapi.Errorf("IDPRejectedClaim", messageRejected)
	case !pool.ClassicFlow():
		// A token may be older than the setting, or one for developers, whose
		// other use is as a login of the enhanced flow.
		trace.Fail("classic flow", "AllowClassicFlow true, or never set", "it is false",
			"call GetCredentialsForIdentity, or set AllowClassicFlow to true")
		return pool, notAuthorized(assumeAction, fmt.Errorf("%w: pool %s does not allow the classic flow", ErrDenied, id))
	case pool.MapsRoles():
		// The pool's mappings say who gets which role; here the caller would choose.
		trace.Fail("classic flow", "a pool without role mappings", "it has some",
			"call GetCredentialsForIdentity, or remove RoleMappings with SetIdentityPoolRoles")
		return pool, notAuthorized(assumeAction, fmt.Errorf("%w: pool %s has role mappings", ErrDenied, id))
	}
	return pool, nil
}

// meantPool refuses a pool of another account that got its ID only after the
// trust policy was written. The author cannot have meant that account: nobody had
// the ID then, and whoever takes it later would get the role. In the role's own
// account the ID may come later, as roles are often written before their pool.
func (w *webIdentity) meantPool(ctx context.Context) error {
	if w.pool.ID == "" || w.unknown || w.role.Account == w.pool.Account || w.role.TrustWritten >= w.pool.OwnedSince {
		return nil
	}

	explain.FromContext(ctx).Fail("age of the trust policy of "+w.role.ARN,
		"one that was written after account "+string(w.pool.Account)+" had the pool "+string(w.pool.ID),
		"one that is older than the pool, which is another account's",
		"if the role is for this pool, write its trust policy again: UpdateAssumeRolePolicy with the same document, "+
			"or, in the settings, with another Sid")
	return fmt.Errorf("%w: the trust policy of %s is older than pool %s of account %s",
		ErrDenied, w.role.ARN, w.pool.ID, w.pool.Account)
}

// stillProven refuses a token of ours that the identity could not get any more:
// what was revoked since it was issued counts in the classic flow too.
func (a *API) stillProven(
	ctx context.Context, pool identitypool.Pool, identity identitypool.Identity, c issuer.Claims,
) error {
	trace := explain.FromContext(ctx)
	proofs, err := pool.Proofs(identity, c.AMR)
	if lapsed, ok := errors.AsType[*identitypool.Lapsed](err); ok {
		trace.Fail(lapsed.Check, lapsed.Expected, lapsed.Got, lapsed.Fix)
		return awsapi.Errorf("IDPRejectedClaim", messageRejected).Because(err)
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
			trace.Fail("classic flow", "logins that it supports", proof.Config.Name+" is a SAML provider",
				"call GetCredentialsForIdentity")
			return notAuthorized(assumeAction, ErrDenied)
		case identitypool.OIDCProviderKind:
			_, err := a.Providers.OIDCProvider(ctx, proof.Config.ARN)
			if errors.Is(err, iam.ErrNotFound) {
				trace.Fail("OpenID Connect provider", "a registered provider",
					proof.Config.ARN+" is not registered any more", "register the provider, or sign in through another one")
				return awsapi.Errorf("IDPRejectedClaim", messageRejected).Because(err)
			} else if err != nil {
				return err
			}
		}

		if a.SignOuts == nil {
			continue
		}
		// The login itself was looked at when the token was issued.
		user := login.Claims{Subject: proof.Login.Subject, IssuedAt: c.IssuedAt}
		if err := a.SignOuts.Check(ctx, pool.Account, proof.Config.Name, user); err != nil {
			return a.loginError(err, nil)
		}
	}
	return nil
}
