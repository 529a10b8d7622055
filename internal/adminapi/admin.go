// Package adminapi is the administrators' API: the operations that AWS's APIs do not offer,
// in the same protocol (AWS JSON 1.1) and signed with the same keys. It also keeps the traces
// of refused calls, which Explain shows. Start reading at Service.Operations.
package adminapi

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/store"
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

// Options are the parts and settings of a Service.
type Options struct {
	Store     *store.Store
	Traces    *Traces
	Pools     *cognitoidentity.Service
	Directory *iam.Directory
	Sessions  *gate.Sessions
	Revoked   *session.Revocations
	SignOuts  *signout.Service
	Providers Providers
	// Opaque reports whether a provider's tokens have no time of issue.
	Opaque func(name string) bool
	Home   identitypool.AccountID
	// SignOutEverywhere makes sign-outs by the home account count for all accounts.
	SignOutEverywhere bool
	Now               func() time.Time
}

// Service has the administrators' operations.
type Service struct{ o Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o: o} }

// Operations returns the API's table: name, IAM action, method, access needed.
func (a *Service) Operations() []awsapi.Operation {
	return []awsapi.Operation{
		awsapi.Signed("Explain", "poolhouse:Explain", a.explain, awsapi.OnUnknown[explainInput]),
		awsapi.Signed("LookupIdentity", "poolhouse:LookupIdentity", a.lookupIdentity, a.lookupIdentityNeeds),
		awsapi.Signed("SignOut", "poolhouse:SignOut", a.signOut, awsapi.OnUnknown[signOutInput]),
		awsapi.Signed("CreateIdentityPoolWithId", "poolhouse:CreateIdentityPoolWithId", a.createIdentityPoolWithID,
			createWithIDNeeds),
		awsapi.Signed("LoadIdentities", "poolhouse:LoadIdentities", a.o.Pools.LoadIdentities, a.loadIdentitiesNeeds),
		awsapi.Signed("ListProviderSettings", "poolhouse:ListProviderSettings", a.listProviderSettings,
			awsapi.OnUnknown[listProviderSettingsInput]),
		awsapi.Signed("VerifySession", "poolhouse:VerifySession", a.verifySession,
			awsapi.OnUnknown[verifySessionInput]),
		awsapi.Signed("RevokeSessions", "poolhouse:RevokeSessions", a.revokeSessions, a.revokeSessionsNeeds),
	}
}

// explainInput names a refused call.
type explainInput struct {
	RequestId *string
}

type explainOutput struct {
	RequestId string
	Time      awsapi.Timestamp
	Operation string
	Outcome   string
	Message   string
	Reason    explain.Code // of the deciding step: the last that is not OK
	Steps     []explainStep
	Planned   []explain.Code // checks that were not reached
}

type explainStep struct {
	Code     explain.Code
	Provider string `json:",omitzero"`
	Check    string
	Subject  string `json:",omitzero"`
	OK       bool
	Expected string       `json:",omitzero"`
	Got      string       `json:",omitzero"`
	Fix      string       `json:",omitzero"`
	Link     *explainLink `json:",omitzero"`
	Detail   string       `json:",omitzero"`
}

// explainLink names the thing that a fix changes.
type explainLink struct {
	Kind   string
	Id     string `json:",omitzero"`
	Field  string `json:",omitzero"`
	Add    string `json:",omitzero"`
	Source string `json:",omitzero"`
}

// shownLink returns l in the API's form; nil for nil.
func shownLink(l *explain.Link) *explainLink {
	if l == nil {
		return nil
	}

	return &explainLink{
		Kind:   l.Kind,
		Id:     l.ID,
		Field:  l.Field,
		Add:    l.Add,
		Source: l.Source,
	}
}

// badInput refuses an input that breaks a rule of the operation.
func badInput(why *explain.Refusal, message string) *awsapi.Error {
	return awsapi.Refused("InvalidParameterException", why, "%s", message)
}

// explain returns the decision trace of a refused call that concerns the caller's account,
// as far as that account may see it, in the call's region. Only the home account, which
// belongs to the operator, may see calls that reached no account. A call may have reached an
// account but no region.
func (a *Service) explain(_ context.Context, c awsapi.Caller, in *explainInput) (*explainOutput, error) {
	if in.RequestId == nil {
		return nil, badInput(membersMissing.With("members", "RequestId"), "RequestId is required.")
	}

	t, ok := a.o.Traces.find(c.Account, *in.RequestId)
	if !ok && c.Account == string(a.o.Home) {
		t, ok = a.o.Traces.find("", *in.RequestId)
	}
	if !ok || t.Region != "" && t.Region != c.Region {
		why := traceForgotten.With("account", c.Account, "region", c.Region, "kept", strconv.Itoa(KeptTraces))
		return nil, awsapi.Refused("ResourceNotFoundException", why,
			"No refused call of account %s in the region %s with this request ID is remembered. If the call was for "+
				"another region, set AWS_REGION to that. "+
				"The newest %d of all accounts are kept, in memory; the log has them all.",
			c.Account, c.Region, KeptTraces)
	}

	out := &explainOutput{
		RequestId: t.RequestID,
		Time:      awsapi.Timestamp(t.Time),
		Operation: t.Operation,
		Outcome:   t.Outcome,
		Message:   t.Message,
		Reason:    t.Reason,
		Steps:     []explainStep{},
		Planned:   append([]explain.Code{}, t.Planned...),
	}
	for _, s := range t.Steps {
		out.Steps = append(out.Steps, explainStep{
			Code:     s.Code,
			Provider: s.Provider,
			Check:    s.Check,
			Subject:  s.Subject,
			OK:       s.OK,
			Expected: s.Expected,
			Got:      s.Got,
			Fix:      s.Fix,
			Link:     shownLink(s.Link),
			Detail:   s.Detail,
		})
	}

	return out, nil
}

type lookupIdentityInput struct {
	IdentityPoolId *string
	ProviderName   *string
	Subject        *string
	IdentityId     *string
}

type lookupIdentityOutput struct {
	IdentityId     string
	IdentityPoolId string
	Disabled       bool
	MergedTo       string `json:",omitzero"`
	Logins         []lookupLogin
}

type lookupLogin struct {
	ProviderName string
	Subject      string
	Kind         string // public or developer
}

// lookupIdentity finds the identity of a login, or the logins of an identity with their
// subjects, within the caller's account and region.
func (a *Service) lookupIdentity(
	ctx context.Context, c awsapi.Caller, in *lookupIdentityInput,
) (*lookupIdentityOutput, error) {
	var pool identitypool.Pool
	identity, err := a.findIdentity(ctx, c, in)
	if err == nil {
		pool, err = a.o.Store.Pool(ctx, identity.PoolID)
		if err == nil && (string(pool.Account) != c.Account || pool.Region != c.Region) {
			err = store.ErrNotFound
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		why := identityMissing.With("account", c.Account, "region", c.Region)
		return nil, awsapi.Refused("ResourceNotFoundException", why, "No such identity in this account and region.")
	} else if err != nil {
		return nil, err
	}

	out := &lookupIdentityOutput{
		IdentityId:     string(identity.ID),
		IdentityPoolId: string(identity.PoolID),
		Disabled:       identity.Disabled,
		MergedTo:       string(identity.MergedTo),
		Logins:         []lookupLogin{},
	}
	for _, l := range identity.Logins {
		out.Logins = append(out.Logins, lookupLogin{pool.ShownName(l.Provider), l.Subject, string(l.Kind)})
	}

	return out, nil
}

func (a *Service) findIdentity(
	ctx context.Context, c awsapi.Caller, in *lookupIdentityInput,
) (identitypool.Identity, error) {
	switch {
	case in.IdentityId != nil && in.IdentityPoolId == nil && in.ProviderName == nil && in.Subject == nil:
		return a.o.Store.Identity(ctx, identitypool.IdentityID(*in.IdentityId))
	case in.IdentityId == nil && in.IdentityPoolId != nil && in.ProviderName != nil && in.Subject != nil:
		return a.identityOf(ctx, c, identitypool.PoolID(*in.IdentityPoolId), *in.ProviderName, *in.Subject)
	default:
		why := membersMissing.With("members", "IdentityId, or IdentityPoolId, ProviderName and Subject")
		return identitypool.Identity{}, badInput(why,
			"Give either IdentityId, or IdentityPoolId with ProviderName and Subject.")
	}
}

// identityOf finds the identity that has a provider's subject as a login. The name may be
// an alias of the provider, unless a provider of the pool has that name.
func (a *Service) identityOf(
	ctx context.Context, c awsapi.Caller, id identitypool.PoolID, provider, subject string,
) (identitypool.Identity, error) {
	pool, err := a.o.Store.Pool(ctx, id)
	if err != nil {
		return identitypool.Identity{}, err
	}
	if provider == pool.DeveloperProviderName {
		return a.o.Store.IdentityByLogin(ctx, id, pool.DeveloperLogin(subject).Login)
	}

	provider = pool.StoredName(provider)
	if pool.Provider(provider).Kind == identitypool.UnknownProvider {
		if provider, err = a.o.Providers.Name(ctx, identitypool.AccountID(c.Account), provider); err != nil {
			return identitypool.Identity{}, err
		}
	}

	logins, err := a.o.Pools.LoginsOf(ctx, provider, subject)
	if err != nil {
		return identitypool.Identity{}, err
	}

	for _, login := range logins {
		identity, err := a.o.Store.IdentityByLogin(ctx, id, login)
		if !errors.Is(err, store.ErrNotFound) {
			return identity, err
		}
	}

	return identitypool.Identity{}, store.ErrNotFound
}

// signOutInput names the user or session to sign out: a provider's subject, one of the
// subject's sessions, or a session alone.
type signOutInput struct {
	ProviderName *string
	Subject      *string
	Session      *string // sid, origin_jti or jti of the tokens
}

type signOutOutput struct {
	ProviderName string // the provider that an alias stands for
	NotBefore    awsapi.Timestamp
	// Known is true if the provider can vouch for anybody in the account: it is registered,
	// a user pool, or one that every account has. A deleted provider is not known.
	Known bool
}

// signOut makes the server refuse the tokens that a provider issued to a subject before
// now, or in a session. It counts in the identity pools and for the roles of the caller's
// account. It counts in all accounts if the home account asks and the settings allow it.
func (a *Service) signOut(ctx context.Context, c awsapi.Caller, in *signOutInput) (*signOutOutput, error) {
	text := func(value *string) string {
		if value == nil {
			return ""
		}
		return *value
	}
	subject, session := text(in.Subject), text(in.Session)
	account := identitypool.AccountID(c.Account)

	name, err := a.o.Providers.Name(ctx, account, text(in.ProviderName))
	switch {
	case err != nil:
		return nil, err
	case name == "" || subject == "" && session == "":
		why := membersMissing.With("members", "ProviderName, and Subject or Session or both")
		return nil, badInput(why, "Give ProviderName, and Subject or Session or both.")
	case strings.Contains(name, "://"):
		return nil, badInput(providerScheme.With(), "ProviderName is the key in Logins: leave out the scheme.")
	case a.o.Opaque(name):
		return nil, badInput(providerOpaque.With("provider", name),
			"Logins of "+name+" do not say when they were issued: end them at the provider, which is asked about each.")
	}

	accounts := []identitypool.AccountID{account}
	if a.o.SignOutEverywhere && account == a.o.Home {
		accounts = signout.AllAccounts
	}
	known, err := a.o.Providers.Known(ctx, accounts, name)
	if err != nil {
		return nil, err
	}

	now := a.o.Now()
	if err := a.o.SignOuts.SignOut(ctx, accounts, name, subject, session, now); errors.Is(err, store.ErrInvalid) {
		why := valueInvalid.With("members", "ProviderName, Subject or Session")
		return nil, badInput(why, "ProviderName, Subject or Session is too long or not valid text.").Because(err)
	} else if err != nil {
		return nil, err
	}

	return &signOutOutput{
		ProviderName: iam.ShownARN(name, identitypool.Partition(c.Region)),
		NotBefore:    awsapi.Timestamp(now.Truncate(time.Second)),
		Known:        known,
	}, nil
}

// createWithIDInput is a pool's ID and the input of CreateIdentityPool.
type createWithIDInput struct {
	IdentityPoolId *string
	Pool           *cognitoidentity.CreateIdentityPoolInput
}

func (in *createWithIDInput) Validate() []awsapi.Violation {
	if in.Pool == nil {
		return nil
	}
	return in.Pool.Validate()
}

// createWithIDNeeds asks for the operation's action and for the access that
// CreateIdentityPool needs.
func createWithIDNeeds(ctx context.Context, c awsapi.Caller, in *createWithIDInput) ([]awsapi.Access, error) {
	if in.Pool == nil {
		return []awsapi.Access{{}}, nil
	}

	needed, err := cognitoidentity.CreateNeeds(ctx, c, in.Pool)
	return append(needed, awsapi.Access{RequestTags: awsapi.TagsOf(in.Pool.IdentityPoolTags)}), err
}

// The administrators' operations have no resource, but policies can use the tags of the
// pool, identity or role that they concern. The tags are not known if only the operation
// finds that out, as with a session's access key, or if it concerns all pools, as a
// sign-out does.

func (a *Service) lookupIdentityNeeds(
	_ context.Context, c awsapi.Caller, in *lookupIdentityInput,
) ([]awsapi.Access, error) {
	return a.about(c, in.IdentityPoolId, in.IdentityId, nil), nil
}

func (a *Service) loadIdentitiesNeeds(
	_ context.Context, c awsapi.Caller, in *cognitoidentity.LoadIdentitiesInput,
) ([]awsapi.Access, error) {
	return a.about(c, in.IdentityPoolId, nil, nil), nil
}

// revokeSessionsNeeds looks for the pool in the region of its ID: a revocation reaches
// all regions of the account, whatever region the call is signed for.
func (a *Service) revokeSessionsNeeds(
	_ context.Context, c awsapi.Caller, in *revokeSessionsInput,
) ([]awsapi.Access, error) {
	for _, id := range []*string{in.IdentityId, in.IdentityPoolId} {
		if id != nil {
			c.Region = identitypool.RegionOf(*id)
		}
	}

	return a.about(c, in.IdentityPoolId, in.IdentityId, in.RoleArn), nil
}

// about asks for the operation's action, with the tags of the pool, identity or role
// that the input names. They are not known if it names none or several.
func (a *Service) about(c awsapi.Caller, pool, identity, role *string) []awsapi.Access {
	needed := awsapi.Access{ResourceTags: awsapi.UnknownTags}
	switch {
	case pool != nil && identity == nil && role == nil:
		needed.ResourceTags = a.o.Pools.PoolTags(c, *pool)
	case pool == nil && identity != nil && role == nil:
		needed.ResourceTags = a.o.Pools.IdentityTags(c, *identity)
	case pool == nil && identity == nil && role != nil:
		needed.ResourceTags = a.roleTags(c, *role)
	}

	return []awsapi.Access{needed}
}

// roleTags returns a look-up of the tags of a role of the caller's account. It finds none
// if the role does not exist.
func (a *Service) roleTags(c awsapi.Caller, arn string) func(context.Context) (map[string]string, error) {
	return func(ctx context.Context) (map[string]string, error) {
		if !isRoleOf(arn, c.Account) {
			return nil, nil
		}

		found, err := a.o.Directory.RoleOf(ctx, arn)
		if errors.Is(err, iam.ErrNotFound) {
			return nil, nil
		}

		return found.Tags, err
	}
}

// createIdentityPoolWithID makes a pool with an ID that clients already know.
func (a *Service) createIdentityPoolWithID(
	ctx context.Context, c awsapi.Caller, in *createWithIDInput,
) (*cognitoidentity.IdentityPool, error) {
	if in.IdentityPoolId == nil || in.Pool == nil {
		return nil, badInput(membersMissing.With("members", "IdentityPoolId and Pool"), "Give IdentityPoolId and Pool.")
	}
	return a.o.Pools.CreateIdentityPoolWithID(ctx, c, *in.IdentityPoolId, in.Pool)
}

type listProviderSettingsInput struct{}

type listProviderSettingsOutput struct{ Providers []providerSettings }

type providerSettings struct {
	Arn      string
	Settings []providerSetting
}

type providerSetting struct {
	Name  string
	Value string `json:",omitzero"`
}

// listProviderSettings lists the settings of the account's providers that the IAM API
// cannot show, by ARN.
func (a *Service) listProviderSettings(
	_ context.Context, c awsapi.Caller, _ *listProviderSettingsInput,
) (*listProviderSettingsOutput, error) {
	all := a.o.Directory.ProviderSettings(identitypool.AccountID(c.Account))

	out := &listProviderSettingsOutput{Providers: []providerSettings{}}
	for _, arn := range slices.Sorted(maps.Keys(all)) {
		p := providerSettings{Arn: iam.ShownARN(arn, identitypool.Partition(c.Region))}
		for _, s := range all[arn] {
			p.Settings = append(p.Settings, providerSetting(s))
		}
		out.Providers = append(out.Providers, p)
	}

	return out, nil
}
