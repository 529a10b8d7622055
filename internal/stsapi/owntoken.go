package stsapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

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
				why := ownProviderGone.With("provider", pool.ShownName(proof.Config.ARN))
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
			if err != nil {
				return a.loginError(err, nil)
			}
		}
	}

	return nil
}
