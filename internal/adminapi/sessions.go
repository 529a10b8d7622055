package adminapi

import (
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

type verifySessionInput struct {
	AccessKeyId  *string
	SessionToken *string
	Date         *string // YYYYMMDD
	Region       *string
	Service      *string
}

type verifySessionOutput struct {
	SigningKey string // base64
	Principal  *auth.Principal
}

// ownServices are this server's services. VerifySession returns no signing keys for them:
// whoever has such a key could call this server in the session's name.
var ownServices = map[string]bool{"cognito-identity": true, "sts": true, "iam": true, Name: true}

var scopePart = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// verifySession vouches for a session of the caller's account to a service that
// checks signatures itself. Its errors InvalidSessionException and
// ExpiredSessionException concern the session.
func (a *Service) verifySession(
	ctx context.Context, c awsapi.Caller, in *verifySessionInput,
) (*verifySessionOutput, error) {
	for _, member := range []*string{in.AccessKeyId, in.SessionToken, in.Date, in.Region, in.Service} {
		if member == nil {
			why := membersMissing.With("members", "AccessKeyId, SessionToken, Date, Region and Service")
			return nil, badInput(why, "AccessKeyId, SessionToken, Date, Region and Service are required.")
		}
	}

	day, err := time.Parse("20060102", *in.Date)
	switch distance := a.o.Now().Sub(day); {
	case err != nil || distance < -24*time.Hour || distance > 48*time.Hour:
		return nil, badInput(verifyDate.With(), "Date is not today's, in the form YYYYMMDD.")
	case !scopePart.MatchString(*in.Region) || !scopePart.MatchString(*in.Service):
		return nil, badInput(verifyNames.With(), "Region and Service are lower-case letters, digits and hyphens.")
	case ownServices[*in.Service]:
		return nil, badInput(verifyOwn.With("service", *in.Service),
			"No signing key is given for a service of this server.")
	}

	v, err := a.o.Sessions.Verify(ctx, c.Account, *in.AccessKeyId, *in.SessionToken, *in.Date, *in.Region, *in.Service)
	switch {
	case errors.Is(err, session.ErrExpiredToken):
		return nil, awsapi.Refused("ExpiredSessionException", verifyExpired.With(),
			"The session has expired.").Because(err)
	case errors.Is(err, session.ErrInvalidToken), errors.Is(err, session.ErrRevoked):
		return nil, awsapi.Refused("InvalidSessionException", verifyInvalid.With("account", c.Account),
			"The session token is not one of this account, does not belong to the access key, or was revoked.").
			Because(err)
	case err != nil:
		return nil, err
	}

	return &verifySessionOutput{base64.StdEncoding.EncodeToString(v.SigningKey[:]), v.Principal}, nil
}

type revokeSessionsInput struct {
	AccessKeyId    *string
	IdentityId     *string
	IdentityPoolId *string
	RoleArn        *string
}

type revokeSessionsOutput struct {
	NotBefore awsapi.Timestamp // sessions issued before it are refused
	// Known is true if the account has such an identity, pool or role now. It is nil for an
	// access key: sessions are not stored.
	Known *bool `json:",omitzero"`
}

var sessionKeyPattern = regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`)

// revocable is one way to name the sessions that RevokeSessions ends.
type revocable struct {
	kind  store.RevocationKind
	value *string
	valid func(value, account string) bool
	fault string // the message for an invalid value
	// known reports whether an account has the thing that value names; nil = the server
	// cannot know.
	known func(ctx context.Context, value, account string) (bool, error)
}

func (a *Service) revocables(in *revokeSessionsInput) []revocable {
	validID := func(value, _ string) bool { return identitypool.ValidID(value) }

	return []revocable{
		{
			kind:  store.AccessKeyRevocation,
			value: in.AccessKeyId,
			valid: func(value, _ string) bool { return sessionKeyPattern.MatchString(value) },
			fault: "AccessKeyId is not that of a session, which begins with ASIA. " +
				"Disable a long-lived key with `poolhouse keys disable`.",
		},
		{
			kind:  store.IdentityRevocation,
			value: in.IdentityId,
			valid: validID,
			fault: "IdentityId is not of the form REGION:GUID, in lower case.",
			known: a.hasIdentity,
		},
		{
			kind:  store.PoolRevocation,
			value: in.IdentityPoolId,
			valid: validID,
			fault: "IdentityPoolId is not of the form REGION:GUID, in lower case.",
			known: a.hasPool,
		},
		{
			kind:  store.RoleRevocation,
			value: in.RoleArn,
			valid: isRoleOf,
			fault: "RoleArn is not that of a role of this account.",
			known: a.hasRole,
		},
	}
}

// revokeSessions ends sessions of the caller's account: that of one access key, or all
// that were issued until now to an identity, in a pool or of a role. That identity, pool
// or role may have been deleted since.
func (a *Service) revokeSessions(
	ctx context.Context, c awsapi.Caller, in *revokeSessionsInput,
) (*revokeSessionsOutput, error) {
	given := slices.DeleteFunc(a.revocables(in), func(r revocable) bool { return r.value == nil })
	if len(given) != 1 {
		const choice = "one of AccessKeyId, IdentityId, IdentityPoolId and RoleArn"
		return nil, badInput(membersMissing.With("members", choice), "Give "+choice+".")
	}

	of := given[0]
	if of.kind == store.RoleRevocation {
		arn, err := a.storedRole(ctx, *of.value)
		if err != nil {
			return nil, err
		}
		of.value = &arn
	}
	if !of.valid(*of.value, c.Account) {
		return nil, badInput(revokeForm.With("help", of.fault), of.fault)
	}

	out := &revokeSessionsOutput{}
	if of.known != nil {
		known, err := of.known(ctx, *of.value, c.Account)
		if err != nil {
			return nil, err
		}
		out.Known = &known
	}

	at, err := a.o.Revoked.Revoke(ctx, of.kind, identitypool.AccountID(c.Account), *of.value)
	if errors.Is(err, store.ErrInvalid) {
		return nil, badInput(valueInvalid.With("members", "the member"),
			"The value is empty, too long or not valid text.").Because(err)
	} else if err != nil {
		return nil, err
	}
	out.NotBefore = awsapi.Timestamp(at)

	return out, nil
}

func (a *Service) hasIdentity(ctx context.Context, id, account string) (bool, error) {
	identity, err := a.o.Store.Identity(ctx, identitypool.IdentityID(id))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return a.hasPool(ctx, string(identity.PoolID), account)
}

func (a *Service) hasPool(ctx context.Context, id, account string) (bool, error) {
	pool, err := a.o.Store.Pool(ctx, identitypool.PoolID(id))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && string(pool.Account) == account, err
}

func (a *Service) hasRole(ctx context.Context, arn, _ string) (bool, error) {
	_, err := a.o.Directory.RoleOf(ctx, arn)
	if errors.Is(err, iam.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// storedRole returns the ARN of a role in the form that sessions have.
func (a *Service) storedRole(ctx context.Context, arn string) (string, error) {
	role, err := a.o.Directory.RoleOf(ctx, arn)
	if errors.Is(err, iam.ErrNotFound) { // deleted; its sessions have the ARN that the server wrote
		return a.o.Directory.For("").Home(arn), nil
	}
	return role.ARN.String(), err
}

func isRoleOf(arn, account string) bool {
	role, err := iam.ParseRoleARN(arn)
	return err == nil && string(role.Account) == account
}
