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

// Lengths of temporary credentials of access keys (STS API reference,
// GetSessionToken): 12 hours, for an account's root one at most.
const (
	keySession  = 12 * time.Hour
	rootSession = time.Hour
)

// getSessionToken makes temporary credentials of an access key. They last no
// longer than any session does here, 12 hours.
func (a *API) getSessionToken(ctx context.Context, c awsapi.Caller, in *getSessionTokenInput) (*getSessionTokenResult, error) {
	who, _ := c.Session.(iam.Caller)
	explain.FromContext(ctx).Plan(sessionTokenPlan)
	if who.AssumedRole() || who.IsTemporary() || who.Nobody() {
		return nil, awsapi.RefusedAs(awsapi.AccessDenied, callerIsSession.With(), "Cannot call GetSessionToken with session credentials")
	}
	if err := noSecondFactor(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	duration := min(seconds(in.DurationSeconds, keySession), keySession)
	if who.Root() {
		duration = min(duration, rootSession)
	}
	now := a.Now()
	g, err := a.mint(ctx, session.Session{Account: who.Account, Key: who.AccessKeyID, Region: a.region(c), Issued: now, Expires: now.Add(duration)},
		number(in.MinimumSessionTokenSize))
	if err != nil {
		return nil, err
	}
	return &getSessionTokenResult{Credentials: g.credentials(), sizes: g.sizes()}, nil
}

type getAccessKeyInfoResult struct{ Account string }

// getAccessKeyInfo says whose an access key is. Temporary keys are written down
// nowhere, so only the caller's own is known.
func (a *API) getAccessKeyInfo(ctx context.Context, c awsapi.Caller, in *getAccessKeyInfoInput) (*getAccessKeyInfoResult, error) {
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
