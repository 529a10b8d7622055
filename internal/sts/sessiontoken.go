package sts

import (
	"context"
	"errors"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
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
	if who.AssumedRole() || who.IsTemporary() || who.Nobody() {
		explain.FromContext(ctx).Fail("caller", "a long-lived access key", "temporary credentials", "sign with an access key, or use AssumeRole")
		return nil, awsapi.Refuse(awsapi.AccessDenied, "Cannot call GetSessionToken with session credentials")
	}
	if err := noSecondFactor(ctx, in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	duration := min(seconds(in.DurationSeconds, keySession), keySession)
	if who.Root() {
		duration = min(duration, rootSession)
	}
	now := a.Now()
	g, err := a.mint(ctx, Session{Account: who.Account, Key: who.AccessKeyID, Region: a.region(c), Issued: now, Expires: now.Add(duration)},
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
	id := *in.AccessKeyId
	if id == c.AccessKeyID {
		return &getAccessKeyInfoResult{c.Account}, nil
	}
	owner, _, err := a.Keys.Lookup(ctx, id)
	if errors.Is(err, iam.ErrNotFound) || errors.Is(err, iam.ErrDisabled) {
		explain.FromContext(ctx).Fail("access key", "a long-lived access key of this server, or the caller's own", "another one",
			"temporary keys of others are known to nobody but their session token: call GetCallerIdentity with them")
		return nil, awsapi.Errorf("ValidationError", "The access key ID is not known.").Because(err)
	} else if err != nil {
		return nil, err
	}
	return &getAccessKeyInfoResult{string(owner.Account)}, nil
}
