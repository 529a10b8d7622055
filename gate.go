package poolhouse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/revocation"
	"github.com/poolhouse-id/poolhouse/internal/sts"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// Gate joins signature, keys, sessions and IAM for signed operations. There is
// one way through it: whatever is not recognised is refused.
type Gate struct {
	verifier   *sigv4.Verifier
	keys       *iam.AccessKeys
	sessions   *sts.Minter
	revoked    *revocation.List
	authorizer *iam.Authorizer
	dev        bool // a development server, whose key everybody knows
}

// signer is filled by the verifier's look-up of a secret: who signs with it, and
// which account the key is of even if it must be refused.
type signer struct {
	caller  iam.Caller
	account identitypool.AccountID
	asked   bool // the look-up took place
}

type signerKey struct{}

// NewGate returns a gate for the services with these signing names.
func NewGate(
	keys *iam.AccessKeys, sessions *sts.Minter, revoked *revocation.List, authorizer *iam.Authorizer,
	now func() time.Time, services ...string,
) *Gate {
	g := &Gate{keys: keys, sessions: sessions, revoked: revoked, authorizer: authorizer}
	g.verifier = &sigv4.Verifier{Credentials: g.secret, Services: map[string]sigv4.Service{}, Now: now}
	for _, service := range services {
		g.verifier.Services[service] = sigv4.Service{Presigned: sigv4.PresignedWindow}
	}
	return g
}

// Authenticate verifies the request's signature for service.
func (g *Gate) Authenticate(r *http.Request, body []byte, service string) (awsapi.Caller, error) {
	var s signer
	result, err := g.verifier.Verify(r.WithContext(context.WithValue(r.Context(), signerKey{}, &s)), body, service)
	if err != nil {
		if !s.asked {
			s.account = g.owner(r.Context(), r)
		}
		awsapi.RecordFrom(r.Context()).Account = string(s.account)
		return awsapi.Caller{}, g.refused(r.Context(), err, s.account, r.Header.Get("Authorization"), len(body))
	}

	s.caller = s.caller.In(identitypool.Partition(result.Region))
	return awsapi.Caller{
		Account:     string(s.caller.Account),
		ARN:         s.caller.ARN,
		UserID:      s.caller.UserID,
		AccessKeyID: s.caller.AccessKeyID,
		Region:      result.Region,
		Session:     s.caller,
	}, nil
}

// secret finds the secret of an access key, and who signs with it. Temporary
// keys live in their session token; long-lived ones in the store, and never
// come with a token.
func (g *Gate) secret(ctx context.Context, accessKeyID, sessionToken string) (string, error) {
	s := ctx.Value(signerKey{}).(*signer)
	s.asked = true

	if sessionToken == "" {
		caller, secret, err := g.keys.Lookup(ctx, accessKeyID)
		if errors.Is(err, iam.ErrDisabled) {
			s.account = g.ownerOf(ctx, accessKeyID, "")
		}
		if errors.Is(err, iam.ErrNotFound) || errors.Is(err, iam.ErrDisabled) {
			return "", fmt.Errorf("%w: %w", sigv4.ErrUnknownKey, err)
		}
		s.caller, s.account = caller, caller.Account

		return secret, err
	}

	session, secret, err := g.sessions.Open(ctx, accessKeyID, sessionToken)
	s.account = session.Account
	if err != nil {
		s.account = g.ownerOf(ctx, accessKeyID, sessionToken)
	}
	switch {
	case errors.Is(err, sts.ErrInvalidToken):
		return "", sigv4.ErrInvalidToken
	case errors.Is(err, sts.ErrExpiredToken):
		return "", sigv4.ErrExpiredToken
	case err != nil:
		return "", err
	}

	if err := g.revoked.Check(ctx, accessKeyID, &session); errors.Is(err, revocation.ErrRevoked) {
		return "", fmt.Errorf("%w: %w", sigv4.ErrInvalidToken, err)
	} else if err != nil {
		return "", err
	}
	if session.Key == "" {
		s.caller = session.Caller(accessKeyID)
		return secret, nil
	}

	// Temporary credentials of an access key end with it.
	caller, _, err := g.keys.Lookup(ctx, session.Key)
	if errors.Is(err, iam.ErrNotFound) || errors.Is(err, iam.ErrDisabled) {
		return "", fmt.Errorf("%w: %w", sigv4.ErrInvalidToken, err)
	}
	s.caller = caller.Temporary(accessKeyID, session.Issued)
	return secret, err
}

// owner returns the account of the key that a request names, without looking at the
// signature; "" when there is no such key.
func (g *Gate) owner(ctx context.Context, r *http.Request) identitypool.AccountID {
	accessKeyID, sessionToken := sigv4.UnverifiedKey(r)

	return g.ownerOf(ctx, accessKeyID, sessionToken)
}

// ownerOf returns the account of a session or of a long-lived key, also of one that
// is refused; "" when there is none, and when the database does not answer.
func (g *Gate) ownerOf(ctx context.Context, accessKeyID, sessionToken string) identitypool.AccountID {
	if account := g.sessions.Owner(ctx, accessKeyID, sessionToken); account != "" {
		return account
	}

	account, err := g.keys.Owner(ctx, accessKeyID)
	if err != nil {
		return ""
	}

	return account
}

// refusalKinds maps the verifier's codes to what each protocol words.
var refusalKinds = map[sigv4.Code]awsapi.Kind{
	sigv4.MissingAuthentication: awsapi.MissingAuthentication,
	sigv4.IncompleteSignature:   awsapi.IncompleteSignature,
	sigv4.MalformedQuery:        awsapi.IncompleteSignature,
	sigv4.WrongScope:            awsapi.BadSignature,
	sigv4.Expired:               awsapi.RequestExpired,
	sigv4.NotYetCurrent:         awsapi.RequestExpired,
	sigv4.BadSignature:          awsapi.BadSignature,
	sigv4.UnknownKey:            awsapi.UnknownKey,
	sigv4.InvalidToken:          awsapi.InvalidToken,
	sigv4.ExpiredToken:          awsapi.ExpiredToken,
}

// Authorize asks IAM whether caller has a permission.
func (g *Gate) Authorize(ctx context.Context, caller awsapi.Caller, needed awsapi.Access) error {
	who, ok := caller.Session.(iam.Caller)
	if !ok {
		return awsapi.RefusedAs(awsapi.AccessDenied, callerUnknown.With(), "")
	}

	facts := &callFacts{ctx: ctx, region: caller.Region, account: caller.Account, needed: &needed}
	err := g.authorizer.Authorize(ctx, who, iam.Access{Action: needed.Action, Resource: needed.Resource, Facts: facts})

	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return awsapi.RefusedAs(awsapi.AccessDenied, denied.Why, denied.Error()).Because(errors.New(denied.Reason))
	}
	return err
}
