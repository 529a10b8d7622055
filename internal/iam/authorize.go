package iam

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// RoleSource finds roles by ARN; its error wraps ErrNotFound when there is no
// such role. *Directory is one.
type RoleSource interface {
	Role(ctx context.Context, arn string) (Role, error)
}

// Authorizer decides what callers may do. It is safe for concurrent use.
type Authorizer struct {
	roles RoleSource
	now   func() time.Time
	// second holds the clock's condition keys, made once a second.
	second atomic.Pointer[clockConditions]
}

// NewAuthorizer returns an Authorizer that evaluates sessions against roles.
// now gives aws:CurrentTime; nil = time.Now.
func NewAuthorizer(roles RoleSource, now func() time.Time) *Authorizer {
	if now == nil {
		now = time.Now
	}
	return &Authorizer{roles: roles, now: now}
}

// DeniedError says that a caller may not do an action; errors.Is(err, ErrDenied).
type DeniedError struct {
	CallerARN string
	Action    string
	Resource  string
	Explicit  bool   // a Deny statement refused it
	Reason    string // for the log, not for the wire
	// Unknown lists what could not be evaluated of the statements that decided.
	Unknown []policy.Unknown
}

// Error is AWS's text.
func (e *DeniedError) Error() string {
	text := "User: " + e.CallerARN + " is not authorized to perform: " + e.Action + " on resource: " + e.Resource
	if e.Explicit {
		text += " with an explicit deny"
	}
	return text
}

// Fix tells what to change, in plain words.
func (e *DeniedError) Fix() string {
	if len(e.Unknown) == 0 {
		return "allow the action in the caller's policies"
	}
	if e.Unknown[0].BadValue {
		return "change the condition on " + e.Unknown[0].Key +
			", or what the request says under that key: it must be of the operator's type"
	}
	return "remove " + e.Unknown[0].Key + " from the policy, or narrow the statement to actions of services " +
		"that know it; docs/iam.md lists the keys that are known"
}

// Is reports whether target is ErrDenied.
func (e *DeniedError) Is(target error) bool { return target == ErrDenied }

// Authorize returns nil when c may do action ("cognito-identity:CreateIdentityPool")
// on resource (an ARN, or "*" for actions without one), a *DeniedError when not,
// and another error when the role could not be looked up, which denies too.
//
// An access key without a policy is the root of its account; one with a policy
// may do what that allows; a session may do what its role's policies, the
// role's boundary and the session policies all allow. Nobody reaches into
// another account: that would take a policy of the resource, and ours have none.
// The condition keys that the caller brings with it win over the request's.
func (a *Authorizer) Authorize(ctx context.Context, c Caller, access Access) error {
	return a.authorize(ctx, c, access, resourceSilent)
}

// Access is a permission that a caller asks for, with what the place that asks
// knows of the request.
type Access struct {
	Action   string // such as cognito-identity:CreateIdentityPool
	Resource string // an ARN, or "*" for actions without one
	// Conditions are condition keys of the request, stored by policy.Context.Set.
	Conditions policy.Context
	// Facts answers for other condition keys once a policy asks for them. Without
	// it only Conditions, the caller and the clock are known.
	Facts Facts
}

// Facts answers for the condition keys of one request.
type Facts interface {
	// Condition answers for a key in lower case: policy.Request.Later.
	Condition(key string) (values []string, known bool)
	// Err is the error of a look-up that Condition made, if one failed: the decision
	// does not count then.
	Err() error
}

// resourceSays is what the policy of the resource itself says about the caller.
type resourceSays uint8

const (
	resourceSilent resourceSays = iota // there is none
	trustsAccount                      // it leaves the decision to the caller's account
	trustsCaller                       // it names the caller, in whose account it is
)

func (a *Authorizer) authorize(ctx context.Context, c Caller, access Access, says resourceSays) error {
	denied := func(explicit bool, reason string) *DeniedError {
		return &DeniedError{
			CallerARN: c.ARN,
			Action:    access.Action,
			Resource:  ShownARN(access.Resource, c.partition),
			Explicit:  explicit,
			Reason:    reason,
		}
	}
	if c.kind == nobody {
		c.ARN = "anonymous"
		return denied(false, "the request has no caller")
	}
	if c.limited && !limitedMay(access.Action) {
		return denied(false, "temporary credentials of an access key may not call "+access.Action)
	}
	if owner := accountOfARN(access.Resource); says == resourceSilent && owner != "" && owner != c.Account {
		return denied(false, fmt.Sprintf("the resource belongs to account %s, the caller to %s", owner, c.Account))
	}

	var identity, session []*policy.Document
	var boundary *policy.Document
	switch c.kind {
	case accountRoot:
		return nil
	case boundedUser:
		identity = []*policy.Document{c.document}
	default:
		role, err := a.roles.Role(ctx, c.roleARN)
		if errors.Is(err, ErrNotFound) {
			return denied(false, "the session's role "+c.roleARN+" does not exist")
		}
		if err != nil {
			return fmt.Errorf("authorising %s: %w", c.ARN, err)
		}
		if role.ID != c.roleID {
			return denied(false, "the session's role "+c.roleARN+" was deleted; one of the same name is another role")
		}
		if session, err = SessionPolicies(c.policies); err != nil {
			return denied(false, err.Error())
		}
		identity, boundary = role.Policies, role.Boundary
	}
	if says == trustsCaller {
		identity = append(slices.Clip(identity), everything)
	}

	at, brought, given, facts := a.clock(a.now()), c.conditions, access.Conditions, access.Facts
	later := func(key string) (values []string, known bool) {
		switch key {
		case clockDate:
			return at.date[:], true
		case clockEpoch:
			return at.epoch[:], true
		case viaService, isService:
			return falseValue, true
		}
		if knows(brought, key) { // before the request's: it cannot pose as the caller
			return nil, true
		}
		if values, ok := given[key]; ok {
			return values, true
		}
		if facts == nil {
			return nil, false
		}
		return facts.Condition(key)
	}
	request := policy.Request{
		Action:    access.Action,
		Resource:  access.Resource,
		Context:   c.conditions,
		Partition: c.partition,
		Later:     later,
	}
	d := policy.Allowed(request, identity, boundary, session)

	if facts != nil && facts.Err() != nil {
		return fmt.Errorf("authorising %s: %w", c.ARN, facts.Err())
	}
	if d.Allowed {
		return nil
	}
	refusal := denied(d.Explicit, reasonOf(d))
	refusal.Unknown = d.Unknown
	return refusal
}

// reasonOf explains a refusal, with the condition keys that could not be evaluated.
func reasonOf(d policy.Decision) string {
	reason := fmt.Sprintf("no %s allows it", d.Layer)
	switch {
	case d.Explicit && d.Statement != nil:
		reason = fmt.Sprintf("%s of the %s denies it", d.Statement, d.Layer)
	case d.Explicit:
		return "the request is not valid UTF-8"
	}

	for i, u := range d.Unknown {
		if i == maxUnknown {
			return reason + "; and more"
		}
		reason += "; " + u.String()
	}
	return reason
}

// maxUnknown bounds how many keys a reason names.
const maxUnknown = 3

// Condition keys that AWS fills in every signed request: whether a service of its
// own makes it. None does here.
const (
	viaService = "aws:viaawsservice"
	isService  = "aws:principalisawsservice"
)

var falseValue = []string{"false"}

// Condition keys of the clock.
const (
	clockDate  = "aws:currenttime"
	clockEpoch = "aws:epochtime"
)

// clockConditions are the clock's condition keys in one second.
type clockConditions struct {
	second      int64
	date, epoch [1]string
}

func (a *Authorizer) clock(now time.Time) *clockConditions {
	if at := a.second.Load(); at != nil && at.second == now.Unix() {
		return at
	}
	at := &clockConditions{now.Unix(), [1]string{now.UTC().Format(time.RFC3339)}, [1]string{strconv.FormatInt(now.Unix(), 10)}}
	a.second.Store(at)
	return at
}
