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
func (s *Service) verifySession(
	ctx context.Context, c awsapi.Caller, in *verifySessionInput,
) (*verifySessionOutput, error) {
	for _, member := range []*string{in.AccessKeyId, in.SessionToken, in.Date, in.Region, in.Service} {
		if member == nil {
			return nil, missing("AccessKeyId, SessionToken, Date, Region and Service")
		}
	}

	day, err := time.Parse("20060102", *in.Date)
	age := s.options.Now().Sub(day)
	// Yesterday began at most 48 hours ago, and tomorrow begins within 24. Clocks differ, and
	// requests cross midnight.
	if err != nil || age < -24*time.Hour || age > 48*time.Hour {
		return nil, badInput(verifyDate.With(), "Date must be yesterday, today or tomorrow (UTC), as YYYYMMDD.")
	}

	switch {
	case !scopePart.MatchString(*in.Region) || !scopePart.MatchString(*in.Service):
		return nil, badInput(verifyNames.With(), "Region and Service are lower-case letters, digits and hyphens.")
	case ownServices[*in.Service]:
		return nil, badInput(verifyOwn.With("service", *in.Service),
			"No signing key is given for a service of this server.")
	}

	v, err := s.options.Sessions.Verify(
		ctx, c.Account, *in.AccessKeyId, *in.SessionToken, *in.Date, *in.Region, *in.Service)
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

	return &verifySessionOutput{
		SigningKey: base64.StdEncoding.EncodeToString(v.SigningKey[:]),
		Principal:  v.Principal,
	}, nil
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
	// find returns the value as sessions have it, and whether the account has such a thing
	// now; nil = the server cannot know.
	find func(ctx context.Context, value, account string) (stored string, known bool, err error)
}

func (s *Service) revocables(in *revokeSessionsInput) []revocable {
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
			find:  s.findRevokedIdentity,
		},
		{
			kind:  store.PoolRevocation,
			value: in.IdentityPoolId,
			valid: validID,
			fault: "IdentityPoolId is not of the form REGION:GUID, in lower case.",
			find:  s.findRevokedPool,
		},
		{
			kind:  store.RoleRevocation,
			value: in.RoleArn,
			valid: isRoleOf,
			fault: "RoleArn is not that of a role of this account.",
			find:  s.findRevokedRole,
		},
	}
}

// revokeSessions ends sessions of the caller's account: one session, by its access key, or
// all earlier sessions of an identity, a pool or a role. The identity, pool or role may have
// been deleted since.
func (s *Service) revokeSessions(
	ctx context.Context, c awsapi.Caller, in *revokeSessionsInput,
) (*revokeSessionsOutput, error) {
	given := slices.DeleteFunc(s.revocables(in), func(r revocable) bool { return r.value == nil })
	if len(given) != 1 {
		return nil, missing("one of AccessKeyId, IdentityId, IdentityPoolId and RoleArn")
	}

	of, value := given[0], *given[0].value
	if !of.valid(value, c.Account) {
		return nil, badInput(revokeForm.With("help", of.fault), of.fault)
	}

	out := &revokeSessionsOutput{}
	if of.find != nil {
		stored, known, err := of.find(ctx, value, c.Account)
		if err != nil {
			return nil, err
		}
		value, out.Known = stored, &known
	}

	at, err := s.options.Revoked.Revoke(ctx, of.kind, identitypool.AccountID(c.Account), value)
	if errors.Is(err, store.ErrInvalid) {
		return nil, badInput(valueInvalid.With("members", "the member"),
			"The value is empty, too long or not valid text.").Because(err)
	} else if err != nil {
		return nil, err
	}
	out.NotBefore = awsapi.Timestamp(at)

	return out, nil
}

func (s *Service) findRevokedIdentity(ctx context.Context, id, account string) (string, bool, error) {
	identity, err := s.options.Store.Identity(ctx, identitypool.IdentityID(id))
	if errors.Is(err, store.ErrNotFound) {
		return id, false, nil
	} else if err != nil {
		return "", false, err
	}

	_, known, err := s.findRevokedPool(ctx, string(identity.PoolID), account)

	return id, known, err
}

func (s *Service) findRevokedPool(ctx context.Context, id, account string) (string, bool, error) {
	pool, err := s.options.Store.Pool(ctx, identitypool.PoolID(id))
	if errors.Is(err, store.ErrNotFound) {
		return id, false, nil
	}
	return id, err == nil && string(pool.Account) == account, err
}

// findRevokedRole finds a role of the account. Sessions have the role's ARN in its stored
// form; those of a deleted role, as the server wrote it.
func (s *Service) findRevokedRole(ctx context.Context, arn, _ string) (string, bool, error) {
	role, err := s.options.Directory.RoleOf(ctx, arn)
	if errors.Is(err, iam.ErrNotFound) {
		return s.options.Directory.ToStored(arn), false, nil
	}
	return role.ARN.String(), err == nil, err
}

// isRoleOf reports whether arn is that of a role of the account, existing or not.
func isRoleOf(arn, account string) bool {
	role, err := iam.ParseRoleARN(arn)
	return err == nil && string(role.Account) == account
}
