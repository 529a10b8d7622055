// Package gate finds the caller of a request from its signature, by access keys and sessions. There is no other way to
// authenticate: Gate is for this server's APIs, Sessions.Verifier for requests to other services, which only sessions
// sign. Start reading at Gate.Authenticate. refused.go explains refusals of signatures.
package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// Options configures a Gate.
type Options struct {
	Keys       *iam.AccessKeys
	Sessions   *Sessions
	Authorizer *iam.Authorizer
	Services   []string // the signing names of this server's APIs
	Now        func() time.Time
	Dev        bool // whether this is a development server, whose key everybody knows
	// Signing is a second clock that dates of signatures may have, of development: clients sign by the
	// machine's clock when a developer has moved the server's. It returns the zero time while it does not
	// count. nil = none.
	Signing func() time.Time
}

// Gate authenticates and authorises calls of this server's APIs. It refuses all that it does not recognise.
type Gate struct {
	keys       *iam.AccessKeys
	sessions   *Sessions
	authorizer *iam.Authorizer
	verifier   *sigv4.Verifier
	second     *sigv4.Verifier // with the clock Options.Signing; nil = none
	signing    func() time.Time
	dev        bool
}

// New returns a Gate.
func New(o Options) *Gate {
	g := &Gate{
		keys:       o.Keys,
		sessions:   o.Sessions,
		authorizer: o.Authorizer,
		dev:        o.Dev,
		signing:    o.Signing,
	}

	g.verifier = &sigv4.Verifier{Keys: g.key, Services: map[string]sigv4.Service{}, Now: o.Now}
	if o.Signing != nil {
		g.second = &sigv4.Verifier{Keys: g.key, Services: g.verifier.Services, Now: o.Signing}
	}

	for _, service := range o.Services {
		g.verifier.Services[service] = sigv4.Service{Presigned: sigv4.PresignedWindow}
	}

	return g
}

// signer is the owner of a key. The account is known even if the key must be refused.
type signer struct {
	caller  iam.Caller
	account identitypool.AccountID
}

// Authenticate verifies the request's signature for service.
func (g *Gate) Authenticate(r *http.Request, body []byte, service string) (awsapi.Caller, error) {
	result, err := g.verify(r, body, service)
	who, known := result.Owner.(*signer)
	if err != nil {
		var account identitypool.AccountID
		if known {
			account = who.account
		} else { // refused before its key was looked up
			account = g.Owner(r.Context(), r)
		}
		record := awsapi.RecordFrom(r.Context())
		record.Account, record.ClaimedKeyID = string(account), claimedKey(r, account)

		return awsapi.Caller{}, g.refused(r.Context(), err, account, r.Header.Get("Authorization"), len(body))
	}

	caller := who.caller.In(identitypool.Partition(result.Region))

	return awsapi.Caller{
		Account:     string(caller.Account),
		ARN:         caller.ARN,
		UserID:      caller.UserID,
		AccessKeyID: caller.AccessKeyID,
		Region:      result.Region,
		Session:     caller,
	}, nil
}

// maxKeyID bounds an access key ID that is kept, in bytes. IAM's have at most 128.
const maxKeyID = 128

// claimedKey returns the access key that a request names, in the form that may be shown.
func claimedKey(r *http.Request, account identitypool.AccountID) string {
	id, _ := sigv4.UnverifiedKey(r)
	if account != "" {
		return strings.ToValidUTF8(id[:min(len(id), maxKeyID)], "")
	}
	if id == "" {
		return ""
	}

	return iam.ShownKeyID(id)
}

// verify verifies a signature by the clock, or by the second one if the first makes it too old or too new.
func (g *Gate) verify(r *http.Request, body []byte, service string) (sigv4.Result, error) {
	result, err := g.verifier.Verify(r, body, service)
	if err == nil || g.second == nil || !isUntimely(err) || g.signing().IsZero() {
		return result, err
	}

	second, secondErr := g.second.Verify(r, body, service)
	if isUntimely(secondErr) {
		return result, err
	}

	return second, secondErr
}

// isUntimely reports whether a signature is refused because of its date.
func isUntimely(err error) bool {
	refused, ok := errors.AsType[*sigv4.Error](err)
	return ok && (refused.Code == sigv4.Expired || refused.Code == sigv4.NotYetCurrent)
}

// key finds the secret of an access key, and its owner. The secret of a temporary key is in
// its session token. That of a long-lived one is in the store; it never comes with a token.
func (g *Gate) key(ctx context.Context, scope sigv4.Scope, sessionToken string) (sigv4.Key, error) {
	var who signer
	var secret string
	var err error
	if sessionToken == "" {
		who, secret, err = g.longLived(ctx, scope.AccessKeyID)
	} else {
		who, secret, err = g.temporary(ctx, scope.AccessKeyID, sessionToken)
	}

	return sigv4.Key{Secret: secret, Owner: &who}, err
}

// longLived looks up an access key in the store.
func (g *Gate) longLived(ctx context.Context, accessKeyID string) (signer, string, error) {
	caller, secret, err := g.keys.Lookup(ctx, accessKeyID)
	switch {
	case errors.Is(err, iam.ErrDisabled):
		account := g.ownerOf(ctx, accessKeyID, "")
		return signer{account: account}, "", fmt.Errorf("%w: %w", sigv4.ErrUnknownKey, err)
	case errors.Is(err, iam.ErrNotFound):
		return signer{}, "", fmt.Errorf("%w: %w", sigv4.ErrUnknownKey, err)
	}

	return signer{caller: caller, account: caller.Account}, secret, err
}

// temporary opens the session of an access key.
func (g *Gate) temporary(ctx context.Context, accessKeyID, sessionToken string) (signer, string, error) {
	opened, err := g.sessions.open(ctx, accessKeyID, sessionToken)
	if err != nil {
		return signer{account: g.ownerOf(ctx, accessKeyID, sessionToken)}, "", refusable(err)
	}

	who := signer{caller: opened.Caller, account: opened.Content.Account}
	if err := g.sessions.checkRevoked(ctx, accessKeyID, opened); err != nil {
		return who, "", refusable(err)
	}

	if opened.Content.Key == "" {
		return who, opened.secret, nil
	}

	// Temporary credentials of an access key end with it.
	caller, _, err := g.keys.Lookup(ctx, opened.Content.Key)
	if errors.Is(err, iam.ErrNotFound) || errors.Is(err, iam.ErrDisabled) {
		return who, "", fmt.Errorf("%w: %w", sigv4.ErrInvalidToken, err)
	}
	who.caller = ofKey(caller, accessKeyID, &opened.Content)

	return who, opened.secret, err
}

// ofKey returns the caller with temporary credentials of an access key, whose owner is
// caller.
func ofKey(caller iam.Caller, accessKeyID string, s *session.Session) iam.Caller {
	if s.FederatedUser == "" {
		return caller.Temporary(accessKeyID, s.Issued)
	}

	return caller.Federated(iam.FederatedUser{
		AccessKeyID: accessKeyID,
		Name:        s.FederatedUser,
		Policies:    s.Policies,
		Tags:        s.Tags,
		Issued:      s.Issued,
	})
}

// Owner returns the account of the key that a request names, without a check of the
// signature; "" if there is no such key.
func (g *Gate) Owner(ctx context.Context, r *http.Request) identitypool.AccountID {
	accessKeyID, sessionToken := sigv4.UnverifiedKey(r)

	return g.ownerOf(ctx, accessKeyID, sessionToken)
}

// ownerOf returns the account of a session or of a long-lived key, even of one that
// is refused; "" if there is none, or if the database does not answer.
func (g *Gate) ownerOf(ctx context.Context, accessKeyID, sessionToken string) identitypool.AccountID {
	if account := g.sessions.minter.Owner(ctx, accessKeyID, sessionToken); account != "" {
		return account
	}

	account, err := g.keys.Owner(ctx, accessKeyID)
	if err != nil {
		return ""
	}

	return account
}

// refusalKinds maps the verifier's codes to the kinds for which each protocol has words.
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

	facts := callFacts{ctx: ctx, needed: &needed}
	err := g.authorizer.Authorize(ctx, who, iam.Access{
		Action:   needed.Action,
		Resource: needed.Resource,
		Context:  facts.context(caller),
	})
	if facts.err != nil {
		return fmt.Errorf("authorising %s: %w", who.ARN, facts.err)
	}
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return awsapi.RefusedAs(awsapi.AccessDenied, denied.Why, denied.Error()).Because(errors.New(denied.Reason))
	}

	return err
}
