package assume

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
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

// Client describes the client of a request, for aws:SourceIp, aws:SecureTransport,
// aws:UserAgent and aws:Referer.
type Client struct {
	IP        netip.Addr // the zero Addr = unknown
	TLS       bool
	UserAgent string
	Referer   string
}

// Attempt is a request to assume a role by an asker who is proven but not yet let in.
type Attempt struct {
	Action         string
	Role           iam.Role
	Principal      policy.Principal
	Conditions     policy.Context // condition keys from the token or the caller
	Claims         ClaimKeys      // the token's other condition keys
	Caller         iam.Caller     // the zero Caller = the request is not signed
	Client         Client
	Region         string
	Partition      string // of the call's ARNs and of the answer's
	SessionName    string
	Tags           map[string]string
	Transitive     []string // keys of Tags that sessions inherit from this one
	SourceIdentity string

	Who Asker // for explanations
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

// PolicyRequest returns the attempt as the trust policy sees it, without an action: the
// attempt's condition keys and those of the request (STS condition keys; IAM User Guide,
// "Global condition context keys").
func (a *Attempt) PolicyRequest(now time.Time) policy.Request {
	c := make(policy.Context, len(a.Conditions)+len(a.Tags)+8)
	for key, values := range a.Conditions {
		c.Set(key, values...)
	}

	c.Set("sts:RoleSessionName", a.SessionName)
	c.Set("aws:CurrentTime", now.UTC().Format(time.RFC3339))
	c.Set("aws:EpochTime", strconv.FormatInt(now.Unix(), 10))
	c.Set("aws:SecureTransport", strconv.FormatBool(a.Client.TLS))
	if a.Client.IP.IsValid() {
		c.Set("aws:SourceIp", a.Client.IP.String())
	}
	if len(a.Tags) > 0 {
		for key, value := range a.Tags {
			c.Set("aws:RequestTag/"+key, value)
		}
		c.Set("aws:TagKeys", slices.Sorted(maps.Keys(a.Tags))...)
	}
	if len(a.Transitive) > 0 {
		c.Set("sts:TransitiveTagKeys", a.Transitive...)
	}
	if a.SourceIdentity != "" {
		c.Set("sts:SourceIdentity", a.SourceIdentity)
	}

	return policy.Request{
		Resource:  a.Role.ARN,
		Principal: a.Principal,
		Context:   c,
		Partition: a.Partition,
		Later:     a.Facts().Condition,
	}
}

// Facts finds the condition keys that PolicyRequest leaves out.
func (a *Attempt) Facts() iam.Facts {
	return &roleFacts{
		role:   a.Role,
		caller: a.Caller,
		client: a.Client,
		region: a.Region,
		claims: a.Claims,
	}
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
		Resource:  a.Role.ARN,
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
