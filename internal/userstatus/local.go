package userstatus

import (
	"context"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// SignInOf returns the sign-in that a user's token shows.
func SignInOf(u User) identitypool.SignIn {
	return identitypool.SignIn{
		Provider: u.Provider,
		Subject:  u.Claims.Subject,
		ID:       identitypool.SignInID(u.Claims.All),
		Until:    u.Claims.IssuedAt,
	}
}

// CheckIssued is Check for a Cognito token, which was issued at a time for a login of a user of a
// user pool. It asks only the user pools of this server: others were asked when the token was
// issued. c has the pool's settings for the user pool.
func (p Pools) CheckIssued(
	ctx context.Context, c identitypool.ProviderConfig, subject string, issued time.Time,
) error {
	if p.Local == nil || len(c.ServerSideTokenCheck) == 0 {
		return nil
	}
	if _, configured := p.ByProvider[c.Name]; configured {
		return nil
	}

	standing := p.Local.Standing(identitypool.SignIn{Provider: c.Name, Subject: subject, Until: issued})
	if standing == identitypool.NotHere {
		return nil
	}

	return judgeStanding(ctx, c.Name, standing)
}

// judgeStanding refuses a user of a user pool of this server whose sign-in has ended.
func judgeStanding(ctx context.Context, userPool string, s identitypool.Standing) error {
	id := userPool[strings.LastIndexByte(userPool, '/')+1:]
	switch s {
	case identitypool.Good:
		explain.FromContext(ctx).Pass(check, "the user pool "+id+" of this server knows the sign-in")
		return nil
	case identitypool.SignedOut:
		return refuse(ctx, localSignedOut.With("pool", id))
	case identitypool.UserDisabled:
		return refuse(ctx, localDisabled.With("pool", id))
	case identitypool.UserDeleted:
		return refuse(ctx, localDeleted.With("pool", id))
	default:
		return refuse(ctx, localGone.With("pool", id))
	}
}

// Reasons of the user pools of this server.
var (
	localSignedOut = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-local-signed-out",
		Check:    check,
		Expected: "a sign-in at the user pool {pool} that has not ended",
		Got: "a token of a sign-in that has ended: by a sign-out everywhere, because its refresh token was revoked, " +
			"or because the user has signed in too often since",
		Fix: "sign in again. Clients for which ServerSideTokenCheck is false keep their tokens until these expire, " +
			"as at AWS",
		Message: messageRefused,
	})
	localDisabled = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-local-disabled",
		Check:    check,
		Expected: "a user of the user pool {pool} who may sign in",
		Got:      "a user who is disabled",
		Fix:      "call AdminEnableUser for the user at the user pool {pool}, and sign in again",
		Message:  messageRefused,
	})
	localDeleted = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-local-deleted",
		Check:    check,
		Expected: "a user of the user pool {pool} of this server",
		Got:      "a user whom it does not have, or no longer",
		Fix: "sign in as a user of the user pool {pool}; a user who is made anew has another sub, and gets another " +
			"identity",
		Message: messageRefused,
	})
	localGone = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-local-pool",
		Check:    check,
		Expected: "the user pool {pool} of this server",
		Got:      "none: it was deleted",
		Fix:      "sign in at a user pool that this server has, and that the identity pool trusts",
		Message:  messageRefused,
	})
)
