package poolhouse

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/check"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/revocation"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/sts"
)

// Types of the settings of the check endpoint.
type (
	CheckConfig = check.Config
	CheckRoute  = check.Route
)

// revocations makes the list of revoked sessions.
func (s *Server) revocations(roles *iam.Directory) *revocation.List {
	return revocation.New(revocation.Options{Store: s.store, Roles: roles, AcceptUnknownRoles: s.config.AcceptUnknownRoles,
		SignOuts: s.config.SignOutEndsSessions, Now: s.config.Now, Logger: s.config.Logger})
}

// checkEndpoint makes the check endpoint of the settings; nil without.
func (s *Server) checkEndpoint(
	sessions *check.Sessions, authorizer *iam.Authorizer, gate *gate,
) (*check.Handler, error) {
	c := s.config.Check
	if c == nil {
		return nil, nil
	}
	settings := *c
	if settings.Region == "" {
		settings.Region = s.config.region()
	}

	return check.New(check.Options{
		Config:      settings,
		Account:     s.config.Account,
		Sessions:    sessions,
		Authorizer:  authorizer,
		Owner:       gate.owner,
		BehindProxy: s.config.BehindProxy,
		Now:         s.config.Now,
		Logger:      s.config.Logger,
	})
}

// withCheck puts the check endpoint before everything else: its requests carry
// paths of others, which the APIs' routes must not see.
func withCheck(h *check.Handler, api *awsapi.Service, rest http.Handler) http.Handler {
	if h == nil {
		return rest
	}
	wrapped := api.WrapInternal("Check", h)
	path, below := h.Path(), h.Path()+"/"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := r.URL.EscapedPath()
		if target == path || h.Below() && len(target) >= len(below) && target[:len(below)] == below {
			wrapped.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

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

// Services that a signing key is never given for: who has it could call this
// server in the session's name.
var ownServices = map[string]bool{"cognito-identity": true, "sts": true, "iam": true, adminName: true}

var scopePart = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// verifySession vouches for a session of the caller's account to a service that
// checks signatures itself. Its errors InvalidSessionException and
// ExpiredSessionException are about the session.
func (a *admin) verifySession(ctx context.Context, c awsapi.Caller, in *verifySessionInput) (*verifySessionOutput, error) {
	for _, member := range []*string{in.AccessKeyId, in.SessionToken, in.Date, in.Region, in.Service} {
		if member == nil {
			return nil, awsapi.Errorf("InvalidParameterException", "AccessKeyId, SessionToken, Date, Region and Service are required.")
		}
	}
	day, err := time.Parse("20060102", *in.Date)
	switch distance := a.now().Sub(day); {
	case err != nil || distance < -24*time.Hour || distance > 48*time.Hour:
		return nil, awsapi.Errorf("InvalidParameterException", "Date is not today's, in the form YYYYMMDD.")
	case !scopePart.MatchString(*in.Region) || !scopePart.MatchString(*in.Service):
		return nil, awsapi.Errorf("InvalidParameterException", "Region and Service are lower-case letters, digits and hyphens.")
	case ownServices[*in.Service]:
		return nil, awsapi.Errorf("InvalidParameterException", "No signing key is given for a service of this server.")
	}
	v, err := a.sessions.Verify(ctx, c.Account, *in.AccessKeyId, *in.SessionToken, *in.Date, *in.Region, *in.Service)
	switch {
	case errors.Is(err, sts.ErrExpiredToken):
		return nil, awsapi.Errorf("ExpiredSessionException", "The session has expired.").Because(err)
	case errors.Is(err, sts.ErrInvalidToken), errors.Is(err, revocation.ErrRevoked):
		return nil, awsapi.Errorf("InvalidSessionException", "The session token is not one of this account, does not belong to the access key, or was revoked.").Because(err)
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
}

var sessionKeyPattern = regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`)

// revokeSessions ends sessions of the caller's account: that of one access key,
// or all that were issued until now to an identity, in a pool or of a role.
func (a *admin) revokeSessions(ctx context.Context, c awsapi.Caller, in *revokeSessionsInput) (*revokeSessionsOutput, error) {
	var kind store.RevocationKind
	var value string
	given := 0
	for _, member := range []struct {
		value *string
		kind  store.RevocationKind
	}{
		{in.AccessKeyId, store.AccessKeyRevocation}, {in.IdentityId, store.IdentityRevocation},
		{in.IdentityPoolId, store.PoolRevocation}, {in.RoleArn, store.RoleRevocation},
	} {
		if member.value != nil {
			kind, value = member.kind, *member.value
			given++
		}
	}
	switch {
	case given != 1:
		return nil, awsapi.Errorf("InvalidParameterException", "Give one of AccessKeyId, IdentityId, IdentityPoolId and RoleArn.")
	case kind == store.AccessKeyRevocation && !sessionKeyPattern.MatchString(value):
		return nil, awsapi.Errorf("InvalidParameterException", "AccessKeyId is not that of a session, which begins with ASIA. Disable a long-lived key with `poolhouse keys disable`.")
	case kind == store.RoleRevocation && !isRoleOf(value, c.Account):
		return nil, awsapi.Errorf("InvalidParameterException", "RoleArn is not that of a role of this account.")
	}
	at, err := a.revoked.Revoke(ctx, kind, identitypool.AccountID(c.Account), value)
	if errors.Is(err, store.ErrInvalid) {
		return nil, awsapi.Errorf("InvalidParameterException", "The value is empty, too long or not valid text.").Because(err)
	}
	if err != nil {
		return nil, err
	}
	return &revokeSessionsOutput{awsapi.Timestamp(at)}, nil
}

func isRoleOf(arn, account string) bool {
	role, err := iam.ParseRoleARN(arn)
	return err == nil && string(role.Account) == account
}
