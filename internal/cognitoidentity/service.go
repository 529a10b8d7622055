// Package cognitoidentity implements the Amazon Cognito identity pools API (Federated
// Identities, version 2014-06-30). Each of its 23 operations is a method with AWS's
// name; files group them by resource. Package identitypool decides (which identity, which
// role, which tags), package store keeps the data, and this package applies them in AWS's
// order and words. Start reading at Operations.
//
// API reference: https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/
package cognitoidentity

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// Limits are the quotas of an account and region.
type Limits struct {
	Pools             int `setting:"pools"`               // identity pools per account and region
	UserPoolProviders int `setting:"user_pool_providers"` // user-pool app clients per pool
	RulesPerMapping   int `setting:"rules_per_mapping"`   // role-mapping rules per provider
	LoginsPerIdentity int `setting:"logins_per_identity"`
	TagsPerPool       int `setting:"tags_per_pool"`
	TokenBytes        int `setting:"token_bytes"` // one OpenID Connect login token
}

// SettingHelp documents the settings, by name.
func (Limits) SettingHelp() map[string]string {
	return map[string]string{
		"pools":               "Identity pools per account and region.",
		"user_pool_providers": "User-pool app clients per identity pool.",
		"rules_per_mapping":   "Role-mapping rules per provider; the API allows at most 400.",
		"logins_per_identity": "Logins linked to one identity.",
		"tags_per_pool":       "Tags per identity pool.",
		"token_bytes": "Size of one OpenID Connect login token in bytes. " +
			"A value above 50000 has no effect: the API allows 50000 characters in Logins.",
	}
}

// WithDefaults returns l with AWS's numbers in place of zero fields.
func (l Limits) WithDefaults() Limits {
	return Limits{
		Pools:             cmp.Or(l.Pools, DefaultLimits.Pools),
		UserPoolProviders: cmp.Or(l.UserPoolProviders, DefaultLimits.UserPoolProviders),
		RulesPerMapping:   cmp.Or(l.RulesPerMapping, DefaultLimits.RulesPerMapping),
		LoginsPerIdentity: cmp.Or(l.LoginsPerIdentity, DefaultLimits.LoginsPerIdentity),
		TagsPerPool:       cmp.Or(l.TagsPerPool, DefaultLimits.TagsPerPool),
		TokenBytes:        cmp.Or(l.TokenBytes, DefaultLimits.TokenBytes),
	}
}

// DefaultLimits are AWS's numbers (developer guide, "Quotas in Amazon Cognito").
var DefaultLimits = Limits{
	Pools:             1000,
	UserPoolProviders: 50,
	RulesPerMapping:   25,
	LoginsPerIdentity: 20,
	TagsPerPool:       50,
	TokenBytes:        idtoken.DefaultMaxTokenBytes,
}

// Issuer signs Cognito tokens and verifies those that clients send back.
type Issuer interface {
	Sign(ctx context.Context, algorithm string, c issuer.Claims) (string, error)
	Verify(ctx context.Context, token string) (issuer.Claims, error)
}

// CredentialEngine exchanges an identity and a role for temporary credentials.
type CredentialEngine interface {
	AssumeRoleForIdentity(ctx context.Context, r assume.Request) (session.Credentials, error)
	// Decide returns the refusal of AssumeRoleForIdentity without giving credentials.
	Decide(ctx context.Context, r assume.Request) error
}

// Logins proves one login.
type Logins interface {
	Verify(ctx context.Context, trust login.Trust, credential string) (login.Claims, error)
	// Examine makes all checks of Verify that have a meaning by themselves, and returns the
	// claims even if they are not proved.
	Examine(ctx context.Context, trust login.Trust, credential string) (c login.Claims, proven bool, err error)
}

// SignOuts refuses the claims of a verified login (*login.Refused) if the user has
// signed out since, in the account of the login's pool.
type SignOuts interface {
	Check(ctx context.Context, account identitypool.AccountID, providerName string, c login.Claims) error
	// CheckIssued is Check for a Cognito token that was issued at a given time for a
	// login of the subject.
	CheckIssued(
		ctx context.Context, account identitypool.AccountID, providerName, subject string, issued time.Time,
	) error
}

// UserStatus asks a user pool whether a verified user may still sign in. It returns
// *login.Refused if not, *login.Unavailable if the user pool cannot be asked.
type UserStatus interface {
	Check(ctx context.Context, u userstatus.User) error
	// CheckIssued is Check for a Cognito token that was issued at a given time for a login of
	// the subject at one of the pool's providers.
	CheckIssued(ctx context.Context, c identitypool.ProviderConfig, subject string, issued time.Time) error
}

// Directory finds the registered SAML providers and roles of accounts.
type Directory interface {
	SAMLProvider(ctx context.Context, arn string) (iam.SAMLProvider, error)
	RoleOf(ctx context.Context, arn string) (iam.Role, error)
}

// Options are the parts and settings of a Service. All fields without "may be nil" are
// required.
type Options struct {
	Store       *store.Store
	Logins      Logins
	Directory   Directory
	Providers   *provider.Registry
	Issuer      Issuer
	Credentials CredentialEngine
	Sealer      *envelope.Sealer // seals page tokens
	// Authorize asks IAM about a permission that depends on an operation's
	// input, such as iam:PassRole.
	Authorize func(ctx context.Context, caller awsapi.Caller, needed awsapi.Access) error
	Limits    Limits
	// Addresses limits guests and refused logins by client address; may be nil.
	Addresses *ratelimit.Addresses
	// CredentialsByToken is true if the enhanced flow signs a token for an outside
	// credential engine. Settings of single pools may differ.
	CredentialsByToken bool
	// SAMLBindings maps a provider's ARN to the entity ID that its SAML logins without a
	// scope belong to (store.BindSAMLLogins).
	SAMLBindings map[string]string
	// SignOuts refuses logins that were signed out; UserStatus asks user pools
	// for ServerSideTokenCheck.
	SignOuts   SignOuts
	UserStatus UserStatus
	// Algorithms names the signing algorithm of single pools; may be nil.
	Algorithms map[identitypool.PoolID]string
	// PinnedPoolIDs lets the tag _custom_id_ choose a new pool's ID. For development.
	PinnedPoolIDs bool
	// MayChooseIDs reports whether an account may choose the IDs of its pools and
	// identities.
	MayChooseIDs func(identitypool.AccountID) bool
	Now          func() time.Time
	Logger       *slog.Logger
}

// Service implements the operations of the API.
type Service struct{ Options }

// New returns a Service.
func New(o Options) *Service { return &Service{Options: o} }

// Names by which requests call the API.
const (
	Name         = apiSigningName  // in the credential scope
	TargetPrefix = apiTargetPrefix // of X-Amz-Target, before the last dot
)

// credentialsClass returns the class of GetCredentialsForIdentity. An outside STS needs a
// Cognito token, which must be signed.
func (s *Service) credentialsClass() overload.Class {
	if s.CredentialsByToken {
		return overload.Signing
	}
	return overload.Reads
}

// Operations is the API's table. The row of a signed operation has its name, the IAM action,
// the method, and the resource; InClass sets its class. That of a public one has its name,
// class and method.
func (s *Service) Operations() []awsapi.Operation {
	return []awsapi.Operation{
		awsapi.Signed("CreateIdentityPool", "cognito-identity:CreateIdentityPool", s.CreateIdentityPool, createNeeds),
		awsapi.Signed("DeleteIdentities", "cognito-identity:DeleteIdentities", s.DeleteIdentities,
			s.deleteIdentitiesNeeds),
		awsapi.Signed("DeleteIdentityPool", "cognito-identity:DeleteIdentityPool", s.DeleteIdentityPool,
			onPool(s, func(in *DeleteIdentityPoolInput) *string { return in.IdentityPoolId })),
		awsapi.Signed("DescribeIdentity", "cognito-identity:DescribeIdentity", s.DescribeIdentity,
			s.describeIdentityNeeds),
		awsapi.Signed("DescribeIdentityPool", "cognito-identity:DescribeIdentityPool", s.DescribeIdentityPool,
			onPool(s, func(in *DescribeIdentityPoolInput) *string { return in.IdentityPoolId })),

		awsapi.Public("GetCredentialsForIdentity", s.credentialsClass(), s.GetCredentialsForIdentity),
		awsapi.Public("GetId", overload.Writes, s.GetId),
		awsapi.Signed("GetIdentityPoolRoles", "cognito-identity:GetIdentityPoolRoles", s.GetIdentityPoolRoles,
			onPool(s, func(in *GetIdentityPoolRolesInput) *string { return in.IdentityPoolId })),
		awsapi.Public("GetOpenIdToken", overload.Signing, s.GetOpenIdToken),
		awsapi.Signed("GetOpenIdTokenForDeveloperIdentity", "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
			s.GetOpenIdTokenForDeveloperIdentity,
			onPool(s, func(in *GetOpenIdTokenForDeveloperIdentityInput) *string { return in.IdentityPoolId }),
		).InClass(overload.Signing),
		awsapi.Signed("GetPrincipalTagAttributeMap", "cognito-identity:GetPrincipalTagAttributeMap",
			s.GetPrincipalTagAttributeMap,
			onPool(s, func(in *GetPrincipalTagAttributeMapInput) *string { return in.IdentityPoolId })),

		awsapi.Signed("ListIdentities", "cognito-identity:ListIdentities", s.ListIdentities,
			onPool(s, func(in *ListIdentitiesInput) *string { return in.IdentityPoolId })),
		awsapi.Signed("ListIdentityPools", "cognito-identity:ListIdentityPools", s.ListIdentityPools, onAllPools),
		awsapi.Signed("ListTagsForResource", "cognito-identity:ListTagsForResource", s.ListTagsForResource,
			onARN(s, func(in *ListTagsForResourceInput) *string { return in.ResourceArn })),
		awsapi.Signed("LookupDeveloperIdentity", "cognito-identity:LookupDeveloperIdentity", s.LookupDeveloperIdentity,
			onPool(s, func(in *LookupDeveloperIdentityInput) *string { return in.IdentityPoolId })),
		awsapi.Signed("MergeDeveloperIdentities", "cognito-identity:MergeDeveloperIdentities",
			s.MergeDeveloperIdentities,
			onPool(s, func(in *MergeDeveloperIdentitiesInput) *string { return in.IdentityPoolId })),

		awsapi.Signed("SetIdentityPoolRoles", "cognito-identity:SetIdentityPoolRoles", s.SetIdentityPoolRoles,
			onPool(s, func(in *SetIdentityPoolRolesInput) *string { return in.IdentityPoolId })),
		awsapi.Signed("SetPrincipalTagAttributeMap", "cognito-identity:SetPrincipalTagAttributeMap",
			s.SetPrincipalTagAttributeMap,
			onPool(s, func(in *SetPrincipalTagAttributeMapInput) *string { return in.IdentityPoolId })),
		awsapi.Signed("TagResource", "cognito-identity:TagResource", s.TagResource, s.tagNeeds),
		awsapi.Signed("UnlinkDeveloperIdentity", "cognito-identity:UnlinkDeveloperIdentity", s.UnlinkDeveloperIdentity,
			onPool(s, func(in *UnlinkDeveloperIdentityInput) *string { return in.IdentityPoolId })),
		awsapi.Public("UnlinkIdentity", overload.Writes, s.UnlinkIdentity),
		awsapi.Signed("UntagResource", "cognito-identity:UntagResource", s.UntagResource, s.untagNeeds),
		awsapi.Signed("UpdateIdentityPool", "cognito-identity:UpdateIdentityPool", s.UpdateIdentityPool, s.updateNeeds),
	}
}

// onPool asks for the operation's action on the pool that the input names.
func onPool[In any](s *Service, id func(*In) *string) awsapi.Needs[In] {
	return func(_ context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		return []awsapi.Access{s.poolAccess(c, *id(in))}, nil
	}
}

// onARN asks for the operation's action on the ARN that the input names, unchanged:
// IAM decides before anything is looked up.
func onARN[In any](s *Service, arn func(*In) *string) awsapi.Needs[In] {
	return func(_ context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		return []awsapi.Access{s.arnAccess(c, *arn(in))}, nil
	}
}

// onAllPools asks for the operation's action on all pools of the caller's account and
// region.
func onAllPools(_ context.Context, c awsapi.Caller, _ *ListIdentityPoolsInput) ([]awsapi.Access, error) {
	return []awsapi.Access{{Resource: callerPoolARN(c, "")}}, nil
}

// poolAccess is access to a pool of the caller's account and region, if one has that
// ID.
func (s *Service) poolAccess(c awsapi.Caller, id string) awsapi.Access {
	return awsapi.Access{Resource: callerPoolARN(c, id), ResourceTags: s.PoolTags(c, id)}
}

// arnAccess is access to the pool that an ARN names.
func (s *Service) arnAccess(c awsapi.Caller, arn string) awsapi.Access {
	needed := awsapi.Access{Resource: arn}

	region, account, id, ok := identitypool.ParsePoolARN(arn)
	if ok && region == c.Region && string(account) == c.Account {
		needed.ResourceTags = s.PoolTags(c, string(id))
	}

	return needed
}

// PoolTags returns a look-up of the tags of a pool of the caller's account and
// region. It finds none if the pool does not exist or belongs to others.
func (s *Service) PoolTags(c awsapi.Caller, id string) func(context.Context) (map[string]string, error) {
	return func(ctx context.Context) (map[string]string, error) {
		pool, err := s.Store.SharedPool(ctx, identitypool.PoolID(id))
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		} else if err != nil || string(pool.Account) != c.Account || pool.Region != c.Region {
			return nil, err
		}
		return pool.Tags, nil
	}
}

// IdentityTags returns a look-up of the tags of an identity's pool, for identities of the
// caller's account and region. It finds none if there is no such identity.
func (s *Service) IdentityTags(c awsapi.Caller, id string) func(context.Context) (map[string]string, error) {
	return func(ctx context.Context) (map[string]string, error) {
		_, pool, err := s.loadCallerIdentity(ctx, c, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		return pool.Tags, err
	}
}

func callerPoolARN(c awsapi.Caller, id string) string {
	return identitypool.PoolARN(c.Region, identitypool.AccountID(c.Account), identitypool.PoolID(id))
}

// callerPool returns a pool of the caller's account and region. The error for other
// accounts' pools is exactly that for pools that do not exist.
func (s *Service) callerPool(ctx context.Context, c awsapi.Caller, id string) (identitypool.Pool, error) {
	pool, err := s.Store.Pool(ctx, identitypool.PoolID(id))
	if err == nil && (string(pool.Account) != c.Account || pool.Region != c.Region) {
		err = store.ErrNotFound
	}

	if errors.Is(err, store.ErrNotFound) {
		return identitypool.Pool{}, askedPoolNotFound(ctx, id, whyNoPool(identitypool.RegionOf(id), c.Region))
	} else if err != nil {
		return identitypool.Pool{}, err
	}
	note(ctx, pool)

	return pool, nil
}

// callerIdentity returns an identity of the caller's account and region, with its pool. Its
// errors are refusals; those of loadCallerIdentity are the store's.
func (s *Service) callerIdentity(
	ctx context.Context, c awsapi.Caller, id string,
) (identitypool.Identity, identitypool.Pool, error) {
	identity, pool, err := s.loadCallerIdentity(ctx, c, id)
	return identity, pool, callerError(err, id, c.Region)
}

func (s *Service) loadCallerIdentity(
	ctx context.Context, c awsapi.Caller, id string,
) (identitypool.Identity, identitypool.Pool, error) {
	identity, pool, err := s.loadIdentity(ctx, id)
	if err == nil && (string(pool.Account) != c.Account || pool.Region != c.Region) {
		return identitypool.Identity{}, identitypool.Pool{}, store.ErrNotFound
	}
	return identity, pool, err
}

// anyIdentity returns an identity and its pool, whoever asks. Its errors are refusals; those of
// loadIdentity are the store's.
func (s *Service) anyIdentity(ctx context.Context, id string) (identitypool.Identity, identitypool.Pool, error) {
	identity, pool, err := s.loadIdentity(ctx, id)
	return identity, pool, identityError(err, id)
}

func (s *Service) loadIdentity(ctx context.Context, id string) (identitypool.Identity, identitypool.Pool, error) {
	identity, err := s.Store.Identity(ctx, identitypool.IdentityID(id))
	if err != nil {
		return identitypool.Identity{}, identitypool.Pool{}, err
	}
	pool, err := s.Store.SharedPool(ctx, identity.PoolID)
	if err != nil {
		return identitypool.Identity{}, identitypool.Pool{}, err
	}

	return identity, pool, nil
}

// note puts the pool in the request's log line.
func note(ctx context.Context, pool identitypool.Pool) {
	r := awsapi.RecordFrom(ctx)
	r.Account, r.Region, r.Pool = string(pool.Account), pool.Region, string(pool.ID)
}

// decision decides which identity a call gets (store.Resolve).
type decision = func(identitypool.View) (identitypool.Plan, error)

// noteNew notes for statistics whether decide makes an identity.
func noteNew(ctx context.Context, decide decision) decision {
	record := awsapi.RecordFrom(ctx)
	return func(v identitypool.View) (identitypool.Plan, error) {
		plan, err := decide(v)
		record.NewIdentity = err == nil && plan.Create // the last decision is the one that is carried out

		return plan, err
	}
}

// newID returns a fresh "REGION:GUID". GUIDs are version 4, from crypto/rand:
// a guest's identity ID is a bearer secret.
func newID(region string) string { return region + ":" + uuid.NewString() }

func (s *Service) resolver(pool identitypool.Pool) identitypool.Resolver {
	return identitypool.Resolver{
		NewID:     func() identitypool.IdentityID { return identitypool.IdentityID(newID(pool.Region)) },
		MaxLogins: s.Limits.LoginsPerIdentity,
	}
}

// Exceptions returns the error types that an operation may answer, as AWS's model of the API has them.
func Exceptions(operation string) []string {
	for _, o := range apiOperations {
		if o.name == operation {
			return o.errors
		}
	}
	return nil
}
