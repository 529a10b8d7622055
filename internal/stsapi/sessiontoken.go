package stsapi

import (
	"context"
	"errors"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

type getSessionTokenResult struct {
	Credentials credentialsResult
	sizes
}

// Longest durations of temporary credentials for an access key (STS API reference,
// GetSessionToken and GetFederationToken): 12 hours by default, 1 hour for an account's
// root user.
const (
	keySession  = 12 * time.Hour
	rootSession = time.Hour
)

// getSessionToken issues temporary credentials for an access key. They last at most
// 12 hours, like any session here.
func (a *API) getSessionToken(
	ctx context.Context, c awsapi.Caller, in *getSessionTokenInput,
) (*getSessionTokenResult, error) {
	who, _ := c.Session.(iam.Caller)
	explain.FromContext(ctx).Plan(sessionTokenPlan)
	if !isAccessKey(who) {
		return nil, awsapi.RefusedAs(
			awsapi.AccessDenied, callerIsSession.With(), "Cannot call GetSessionToken with session credentials",
		)
	}
	if err := noSecondFactor(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}

	duration := keyDuration(who, in.DurationSeconds)
	now := a.Now()
	g, err := a.mint(ctx, session.Session{
		Account: who.Account,
		Key:     who.AccessKeyID,
		Region:  a.region(c),
		Issued:  now,
		Expires: now.Add(duration),
	}, number(in.MinimumSessionTokenSize))
	if err != nil {
		return nil, err
	}

	return &getSessionTokenResult{Credentials: g.credentials(), sizes: g.sizes()}, nil
}

// isAccessKey reports whether who signs with a long-lived access key.
func isAccessKey(who iam.Caller) bool {
	return !who.AssumedRole() && !who.IsTemporary() && !who.Nobody()
}

// keyDuration returns how long temporary credentials of an access key last.
func keyDuration(who iam.Caller, wanted *int) time.Duration {
	longest := keySession
	if who.Root() {
		longest = rootSession
	}
	return min(seconds(wanted, keySession), longest)
}

type getAccessKeyInfoResult struct{ Account string }

// getAccessKeyInfo returns the account of an access key. Temporary keys are not stored,
// so of those only the caller's own is known.
func (a *API) getAccessKeyInfo(
	ctx context.Context, c awsapi.Caller, in *getAccessKeyInfoInput,
) (*getAccessKeyInfoResult, error) {
	explain.FromContext(ctx).Plan(keyInfoPlan)
	id := *in.AccessKeyId
	if id == c.AccessKeyID {
		return &getAccessKeyInfoResult{c.Account}, nil
	}

	owner, _, err := a.Keys.Lookup(ctx, id)
	if errors.Is(err, iam.ErrNotFound) || errors.Is(err, iam.ErrDisabled) {
		why := accessKeyUnknown.With()
		return nil, awsapi.Refused("ValidationError", why, "The access key ID is not known.").Because(err)
	} else if err != nil {
		return nil, err
	}

	return &getAccessKeyInfoResult{string(owner.Account)}, nil
}
