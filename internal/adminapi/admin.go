// Package adminapi is the admin API: the operations that AWS's APIs do not offer,
// in the same protocol (AWS JSON 1.1) and signed with the same keys.
//
// Whoever a policy allows may call it. A call sees the caller's account only; for an
// identity or a pool also only the caller's region. The answer for another account's thing is
// the one for a thing that does not exist. The home account, which belongs to the operator,
// also sees the refusals of calls that reached no account; sign-outs by it may count for
// all accounts.
//
// Start reading at Service.Operations.
package adminapi

import (
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/providercheck"
	"github.com/poolhouse-id/poolhouse/internal/serverstatus"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/settingtable"
	"github.com/poolhouse-id/poolhouse/internal/signingkeys"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/traces"
)

// Name and Target are the API's signing name and its part of X-Amz-Target.
const (
	Name   = "poolhouse"
	Target = "PoolhouseAdmin"
)

// Providers finds the login providers of accounts. *signout.Sources implements it.
type Providers interface {
	// Name returns the name that an account has for the provider of a Logins key.
	Name(ctx context.Context, account identitypool.AccountID, key string) (string, error)
	// Known reports whether a provider can vouch for anybody in one of the accounts.
	Known(ctx context.Context, accounts []identitypool.AccountID, name string) (bool, error)
}

// Options are the parts and settings of a Service: those that operations of several families
// need, and those of one family each.
type Options struct {
	CommonParts
	RefusalParts
	TrialParts
	SessionParts
	KeyParts
	OverviewParts
	OperatorParts
}

// CommonParts are needed by operations of several families.
type CommonParts struct {
	Store     *store.Store
	Pools     *cognitoidentity.Service
	Directory *iam.Directory
	Sealer    *envelope.Sealer // seals page tokens
	// Authorize decides whether a caller has a permission. (*gate.Gate).Authorize does.
	Authorize func(ctx context.Context, c awsapi.Caller, needed awsapi.Access) error
	Home      identitypool.AccountID // the operator's account
	Now       func() time.Time
}

// RefusalParts are those of Explain and ListRefusals.
type RefusalParts struct {
	Traces *traces.Everywhere
	// Reasons are the codes of all reasons for which calls are refused.
	Reasons []string
}

// TrialParts are those of the operations that find out what would happen, and change nothing.
type TrialParts struct {
	// WebIssuer returns the issuer of an account's web identity tokens; "" = it has none.
	WebIssuer func(ctx context.Context, account identitypool.AccountID) (string, error)
	Checker   *providercheck.Checker
}

// SessionParts are those of the operations that end logins and sessions.
type SessionParts struct {
	Sessions  *gate.Sessions
	Revoked   *session.Revocations
	SignOuts  *signout.Service
	Providers Providers
	// Opaque reports whether a provider's tokens have no time of issue.
	Opaque func(name string) bool
	// SignOutEverywhere makes sign-outs by the home account count for all accounts.
	SignOutEverywhere bool
}

// KeyParts are those of the operations on access keys and signing keys.
type KeyParts struct {
	Keys        *iam.AccessKeys
	Authorizer  *iam.Authorizer
	SigningKeys *signingkeys.Keys
}

// OverviewParts are those of the operations that show what the nodes have counted.
type OverviewParts struct {
	// Fresh stores what this node has counted, unless it did so a moment ago.
	Fresh func(context.Context)
	// Counted is the clock of statistics; in development it is not the one that tests move.
	Counted func() time.Time
}

// OperatorParts are those of the operations that only the home account may call.
type OperatorParts struct {
	Status   *serverstatus.Everywhere
	Settings []settingtable.Setting
}

// Service implements the operations of the table in Operations. It is safe for concurrent
// use.
type Service struct{ options Options }

// New returns a Service.
func New(o Options) *Service { return &Service{options: o} }

// Operations returns the API's table: name, IAM action, method, access needed. Refused lookups with permission are not
// in the list of refusals: a console that looks at the list would fill it. VerifySession is no lookup: services ask it
// about their users, whose refusals people look for.
func (s *Service) Operations() []awsapi.Operation {
	return []awsapi.Operation{
		// Refusals, and what would be refused.
		awsapi.Signed("Explain", "poolhouse:Explain", s.explain, awsapi.OnUnknown[explainInput]).AsLookup(),
		awsapi.Signed("ListRefusals", "poolhouse:ListRefusals", s.listRefusals,
			awsapi.OnUnknown[listRefusalsInput]).AsLookup(),
		awsapi.Signed("ExplainToken", "poolhouse:ExplainToken", s.explainToken, s.explainTokenNeeds).AsLookup(),
		awsapi.Signed("TryRoles", "poolhouse:TryRoles", s.tryRoles, s.tryRolesNeeds).AsLookup(),
		awsapi.Signed("ValidateIdentityPool", "poolhouse:ValidateIdentityPool", s.validateIdentityPool,
			s.validatePoolNeeds).AsLookup(),
		awsapi.Signed("CheckAccess", "poolhouse:CheckAccess", s.checkAccess, nil).AsLookup(),
		awsapi.Signed("TestProvider", "poolhouse:TestProvider", s.testProvider, nil).AsLookup(),

		// Logins and sessions.
		awsapi.Signed("SignOut", "poolhouse:SignOut", s.signOut, awsapi.OnUnknown[signOutInput]),
		awsapi.Signed("VerifySession", "poolhouse:VerifySession", s.verifySession,
			awsapi.OnUnknown[verifySessionInput]),
		awsapi.Signed("RevokeSessions", "poolhouse:RevokeSessions", s.revokeSessions, s.revokeSessionsNeeds),

		// Pools and identities.
		awsapi.Signed("LookupIdentity", "poolhouse:LookupIdentity", s.lookupIdentity, s.lookupIdentityNeeds).AsLookup(),
		awsapi.Signed("SearchIdentities", "poolhouse:SearchIdentities", s.searchIdentities,
			s.searchIdentitiesNeeds).AsLookup(),
		awsapi.Signed("LoadIdentities", "poolhouse:LoadIdentities",
			s.options.Pools.LoadIdentities, s.loadIdentitiesNeeds),
		awsapi.Signed("CreateIdentityPoolWithId", "poolhouse:CreateIdentityPoolWithId", s.createIdentityPoolWithID,
			createWithIDNeeds),
		awsapi.Signed("ExportPool", "poolhouse:ExportPool", s.exportPool, s.exportPoolNeeds).AsLookup(),
		awsapi.Signed("ListProviderSettings", "poolhouse:ListProviderSettings", s.listProviderSettings,
			awsapi.OnUnknown[listProviderSettingsInput]).AsLookup(),
		awsapi.Signed("ListPrincipalTagMaps", "poolhouse:ListPrincipalTagMaps", s.listPrincipalTagMaps,
			s.listPrincipalTagMapsNeeds).AsLookup(),

		// Overviews.
		awsapi.Signed("ListPoolSummaries", "poolhouse:ListPoolSummaries", s.listPoolSummaries,
			awsapi.OnUnknown[listPoolSummariesInput]).AsLookup(),
		awsapi.Signed("GetStatistics", "poolhouse:GetStatistics", s.getStatistics, s.getStatisticsNeeds).AsLookup(),
		awsapi.Signed("PreviewDeletion", "poolhouse:PreviewDeletion", s.previewDeletion,
			s.previewDeletionNeeds).AsLookup(),

		// Access keys and signing keys.
		awsapi.Signed("CreateAccessKey", "poolhouse:CreateAccessKey", s.createAccessKey, nil),
		awsapi.Signed("ListAccessKeys", "poolhouse:ListAccessKeys", s.listAccessKeys, nil).AsLookup(),
		awsapi.Signed("UpdateAccessKey", "poolhouse:UpdateAccessKey", s.updateAccessKey, nil),
		awsapi.Signed("DeleteAccessKey", "poolhouse:DeleteAccessKey", s.deleteAccessKey, nil),
		awsapi.Signed("ListSigningKeys", "poolhouse:ListSigningKeys", s.listSigningKeys, nil).AsLookup(),
		awsapi.Signed("RotateSigningKeys", "poolhouse:RotateSigningKeys", s.rotateSigningKeys, nil),
		awsapi.Signed("RetireSigningKey", "poolhouse:RetireSigningKey", s.retireSigningKey, nil),

		// For the operator.
		awsapi.Signed("GetServerStatus", "poolhouse:GetServerStatus", s.getServerStatus, nil).AsLookup(),
		awsapi.Signed("ListSettings", "poolhouse:ListSettings", s.listSettings, nil).AsLookup(),
	}
}

// missing refuses an input without the members that the operation needs.
func missing(members string) *awsapi.Error {
	return badInput(membersMissing.With("members", members), "Give "+members+".")
}

// badInput refuses an input that breaks a rule of the operation.
func badInput(why *explain.Refusal, message string) *awsapi.Error {
	return awsapi.Refused("InvalidParameterException", why, "%s", message)
}
