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
}

// Error is AWS's text.
func (e *DeniedError) Error() string {
	text := "User: " + e.CallerARN + " is not authorized to perform: " + e.Action + " on resource: " + e.Resource
	if e.Explicit {
		text += " with an explicit deny"
	}
	return text
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
// conditions are the request's condition keys, stored by policy.Context.Set; those
// that the caller brings with it win.
func (a *Authorizer) Authorize(ctx context.Context, c Caller, action, resource string, conditions policy.Context) error {
	return a.authorize(ctx, c, action, resource, conditions, resourceSilent)
}

// resourceSays is what the policy of the resource itself says about the caller.
type resourceSays uint8

const (
	resourceSilent resourceSays = iota // there is none
	trustsAccount                      // it leaves the decision to the caller's account
	trustsCaller                       // it names the caller, in whose account it is
)

func (a *Authorizer) authorize(ctx context.Context, c Caller, action, resource string, conditions policy.Context, says resourceSays) error {
	denied := func(explicit bool, reason string) error {
		return &DeniedError{CallerARN: c.ARN, Action: action, Resource: resource, Explicit: explicit, Reason: reason}
	}
	if c.kind == nobody {
		c.ARN = "anonymous"
		return denied(false, "the request has no caller")
	}
	if c.limited && !limitedMay(action) {
		return denied(false, "temporary credentials of an access key may not call "+action)
	}
	if owner := accountOfARN(resource); says == resourceSilent && owner != "" && owner != c.Account {
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
	at := a.clock(a.now())
	d := policy.Allowed(policy.Request{Action: action, Resource: resource, Context: c.conditions, Later: func(key string) []string {
		switch key {
		case clockDate:
			return at.date[:]
		case clockEpoch:
			return at.epoch[:]
		}
		return conditions[key]
	}}, identity, boundary, session)
	switch {
	case d.Allowed:
		return nil
	case d.Explicit && d.Statement != nil:
		return denied(true, fmt.Sprintf("%s of the %s denies it", d.Statement, d.Layer))
	case d.Explicit:
		return denied(true, "the request is not valid UTF-8")
	default:
		return denied(false, fmt.Sprintf("no %s allows it", d.Layer))
	}
}

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
