package assume

import (
	"maps"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// Actions that a role's trust policy must allow, depending on how the role is assumed and
// on what the session is to have.
const (
	RoleAction           = "sts:AssumeRole"
	WebIdentityAction    = "sts:AssumeRoleWithWebIdentity"
	SAMLAction           = "sts:AssumeRoleWithSAML"
	TagAction            = "sts:TagSession"
	SourceIdentityAction = "sts:SetSourceIdentity"
)

// Attempt is a request to assume a role, which its caller fills with what is proved. Trusted
// decides about it. NewAttempt makes one.
type Attempt struct {
	client policy.Client

	Action    string
	Role      iam.Role
	Principal policy.Principal
	Keys      policy.Keys   // condition keys that the token proves
	Claims    policy.Claims // the token's other condition keys
	Caller    iam.Caller    // the zero Caller = the request is not signed
	// RoleTags are the tags of the caller's role; RoleTagsUnknown = nobody knows them.
	RoleTags        map[string]string
	RoleTagsUnknown bool

	Region         string
	Partition      string // of the call's ARNs and of the answer's
	SessionName    string
	Tags           map[string]string
	Transitive     []string // keys of Tags that sessions inherit from this one
	SourceIdentity string
	ExternalID     string // "" = none

	Who Asker // for explanations
}

// NewAttempt returns an attempt of a client to assume a role by an action.
func NewAttempt(client policy.Client, action string) Attempt {
	return Attempt{client: client, Action: action, Who: Asker{Action: action}}
}

// Actions returns all actions that the trust policy must allow.
func (a *Attempt) Actions() []string {
	list := []string{a.Action}
	if len(a.Tags) > 0 {
		list = append(list, TagAction)
	}
	if a.SourceIdentity != "" {
		list = append(list, SourceIdentityAction)
	}
	return list
}

// PolicyRequest returns the attempt as the trust policy sees it, without an action.
func (a *Attempt) PolicyRequest(now time.Time) policy.Request {
	r := a.subject()
	r.Action = ""
	r.Context = policy.RequestContext{
		Client:          a.client.Find,
		Time:            now,
		Caller:          a.Keys,
		RoleTags:        a.RoleTags,
		RoleTagsUnknown: a.RoleTagsUnknown,
		Claims:          a.Claims,
		CallerOnly:      a.Caller.Knows,
		Region:          a.Region,
		ResourceAccount: string(a.Role.Account),
		ResourceTags:    a.roleTag,
		RequestTags:     maps.All(a.Tags),
		Service:         a.service,
	}
	if !a.Caller.Nobody() {
		r.Context.Caller = a.Caller.Conditions()
	}

	return r
}

func (a *Attempt) roleTag(name string) (values []string, known bool) {
	return policy.TagValues(maps.All(a.Role.Tags), name)
}

// service finds the condition keys of STS.
func (a *Attempt) service(key string) (values []string, known bool) {
	switch key {
	case "sts:rolesessionname":
		return policy.Present(a.SessionName), true
	case "sts:transitivetagkeys":
		return a.Transitive, true
	case "sts:sourceidentity":
		return policy.Present(a.SourceIdentity), true
	case policy.ExternalID:
		return policy.Present(a.ExternalID), true
	}

	if name, ok := strings.CutPrefix(key, "iam:resourcetag/"); ok {
		return a.roleTag(name)
	}

	return nil, iam.STSAPI.Knows(key, RoleAction)
}

// Trusted evaluates the role's trust policy for every action of a. The error wraps
// ErrDenied and the reason.
func (a *Attempt) Trusted(trace *explain.Trace, now time.Time) error {
	return trusts(trace, a.Role, a.PolicyRequest(now), a.Actions(), a.Who)
}

// TrustedToAsk evaluates the role's trust policy for the main action only, not for those
// that tags and a source identity need. The error wraps ErrDenied and the reason; denied
// reports that a Deny statement refuses.
func (a *Attempt) TrustedToAsk(trace *explain.Trace, now time.Time) (denied bool, err error) {
	request := a.PolicyRequest(now)
	request.Action = a.Action
	effect, statement := a.Role.Trust.Evaluate(request)
	if effect == policy.Allow {
		return false, nil
	}
	return statement != nil, untrusted(trace, a.Role, request, effect, statement, a.Who)
}

// subject returns the part of the attempt that decides whether a statement covers it.
func (a *Attempt) subject() policy.Request {
	return policy.Request{
		Action:    a.Action,
		Resource:  a.Role.ARN.String(),
		Principal: a.Principal,
		Partition: a.Partition,
	}
}

// Covered reports whether a statement of the role's trust policy covers the principal,
// whatever the statement's conditions are.
func (a *Attempt) Covered() bool {
	return a.Role.Trust != nil && a.Role.Trust.Covers(a.subject())
}

// Uncovered explains that no statement of the role's trust policy covers the principal.
func (a *Attempt) Uncovered() *explain.Refusal {
	return explainTrust(a.Role, a.subject(), nil, a.Who)
}

// Named returns the values that the role's trust policy names for a condition key of the
// principal.
func (a *Attempt) Named(key string) []string {
	return a.Role.Trust.Named(a.subject(), key)
}
