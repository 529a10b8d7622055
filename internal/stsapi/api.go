// Package stsapi is the STS API: its operations and refusals in AWS's words.
//
// Start reading at API.Operations. An operation proves who asks, fills an entry, lets
// package assume decide, and grants a session of package session.
package stsapi

import (
	"cmp"
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// Names by which requests call the STS API (AWS Query).
const (
	APIName      = "sts"
	APIVersion   = "2011-06-15"
	APINamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// APIStatuses has the HTTP status of each STS error that is not answered with 400.
var APIStatuses = map[string]int{
	"IDPRejectedClaim":                               403,
	"RegionDisabledException":                        403,
	"OutboundWebIdentityFederationDisabledException": 403,
	"SessionDurationEscalationException":             403,
}

// CognitoTokens reads Cognito tokens. Its error wraps issuer.ErrNotOurs for other tokens
// and issuer.ErrExpired for old ones.
type CognitoTokens interface {
	Verify(ctx context.Context, token string) (issuer.Claims, error)
}

// Logins proves tokens of other issuers.
type Logins interface {
	Verify(ctx context.Context, trust login.Trust, credential string) (login.Claims, error)
}

// Providers finds the registered identity providers; errors wrap iam.ErrNotFound.
type Providers interface {
	OIDCProvider(ctx context.Context, arn string) (iam.OIDCProvider, error)
	SAMLProvider(ctx context.Context, arn string) (iam.SAMLProvider, error)
}

// ManagedPolicies finds the document of a managed policy; its error wraps
// iam.ErrNotFound.
type ManagedPolicies interface {
	ManagedPolicyDocument(ctx context.Context, arn string) (string, error)
}

// AccessKeys finds long-lived access keys; errors wrap iam.ErrNotFound or iam.ErrDisabled.
type AccessKeys interface {
	Lookup(ctx context.Context, id string) (iam.Caller, string, error)
}

// Identities reads the identity of a token and its pool as they are now.
type Identities interface {
	Identity(ctx context.Context, id identitypool.IdentityID) (identitypool.Identity, error)
	Pool(ctx context.Context, id identitypool.PoolID) (identitypool.Pool, error)
}

// SignOuts refuses the claims of a verified token whose user has signed out since, in
// the account of the role (*login.Refused).
type SignOuts interface {
	Check(ctx context.Context, account identitypool.AccountID, providerName string, c login.Claims) error
	// CheckIssued is Check for a Cognito token that was issued at a moment for a login
	// of the subject.
	CheckIssued(
		ctx context.Context, account identitypool.AccountID, providerName, subject string, issued time.Time,
	) error
}

// UserStatus refuses a Cognito token if the user of the user pool for which it was issued may not
// sign in any more (*login.Refused).
type UserStatus interface {
	CheckIssued(ctx context.Context, c identitypool.ProviderConfig, subject string, issued time.Time) error
}

// APIOptions configure an API. All fields without "may be" are required.
type APIOptions struct {
	Sessions *session.Minter
	Roles    iam.RoleSource
	// AcceptUnknown may be nil: then roles that nobody defined are refused. Otherwise it finds
	// the roles of Cognito tokens, those too.
	AcceptUnknown *assume.Service
	CognitoTokens CognitoTokens
	IssuerURL     string // iss of Cognito tokens
	Logins        Logins
	Providers     Providers
	Authorizer    *iam.Authorizer
	Keys          AccessKeys
	Identities    Identities
	// IsNotFound recognises the error of Identities for an identity or pool that is gone.
	IsNotFound func(error) bool
	Policies   ManagedPolicies      // may be nil: there are none
	SignOuts   SignOuts             // may be nil: nobody signs out
	UserStatus UserStatus           // may be nil: nobody is asked
	Addresses  *ratelimit.Addresses // limits refused logins by client address; may be nil
	Region     string               // of sessions whose request names none
	Now        func() time.Time
	// WebIdentities signs tokens for services outside.
	WebIdentities WebIdentities
	// LoginProviders has the providers that trust policies name by their Logins key.
	LoginProviders *provider.Registry
}

// API is the STS API.
type API struct{ APIOptions }

// NewAPI returns the STS API.
func NewAPI(o APIOptions) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &API{o}
}

// Operations returns the operations of the STS API.
func (a *API) Operations() []awsapi.Operation {
	return []awsapi.Operation{
		// The operations themselves check the role's trust policy against the token or
		// the caller.
		awsapi.Public("AssumeRoleWithWebIdentity", overload.Reads, a.assumeRoleWithWebIdentity),
		awsapi.Public("AssumeRoleWithSAML", overload.Reads, a.assumeRoleWithSAML),
		awsapi.Signed("AssumeRole", assume.RoleAction, a.assumeRole, needsNothing[assumeRoleInput]),
		// A caller needs no permission to learn who it is or to get temporary
		// credentials for itself (STS API reference).
		awsapi.Signed(
			"GetCallerIdentity", "sts:GetCallerIdentity", getCallerIdentity, needsNothing[getCallerIdentityInput],
		),
		awsapi.Signed("GetSessionToken", "sts:GetSessionToken", a.getSessionToken, needsNothing[getSessionTokenInput]),
		awsapi.Signed("GetFederationToken", federateAction, a.getFederationToken, a.federationNeeds),
		awsapi.Signed("GetWebIdentityToken", webTokenAction, a.getWebIdentityToken, webTokenNeeds).
			InClass(overload.Signing),
		awsapi.Signed("GetAccessKeyInfo", "sts:GetAccessKeyInfo", a.getAccessKeyInfo, nil),
	}
}

func needsNothing[In any](context.Context, awsapi.Caller, *In) ([]awsapi.Access, error) {
	return nil, nil
}

type getCallerIdentityInput struct{}

type getCallerIdentityResult struct {
	UserId  string
	Account string
	Arn     string
}

func getCallerIdentity(
	_ context.Context, c awsapi.Caller, _ *getCallerIdentityInput,
) (*getCallerIdentityResult, error) {
	who, _ := c.Session.(iam.Caller)
	return &getCallerIdentityResult{UserId: who.UserID, Account: string(who.Account), Arn: who.ARN}, nil
}

// region returns the region of the caller's signature, or the default.
func (a *API) region(c awsapi.Caller) string { return cmp.Or(c.Region, a.Region) }
