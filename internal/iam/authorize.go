package iam

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// RoleSource finds roles by ARN; its error wraps ErrNotFound if there is no such
// role. *Directory is one.
type RoleSource interface {
	Role(ctx context.Context, arn RoleARN) (Role, error)
}

// Authorizer decides what callers may do. It is safe for concurrent use.
type Authorizer struct {
	roles RoleSource
	now   func() time.Time
}

// NewAuthorizer returns an Authorizer that finds the roles of sessions in roles.
// now returns aws:CurrentTime; nil = time.Now.
func NewAuthorizer(roles RoleSource, now func() time.Time) *Authorizer {
	if now == nil {
		now = time.Now
	}
	return &Authorizer{roles: roles, now: now}
}

// DeniedError is the refusal of an action; errors.Is(err, ErrDenied) is true for it.
type DeniedError struct {
	CallerARN string
	Action    string
	Resource  string
	Explicit  bool   // a Deny statement refused it
	Reason    string // for the log, not for the wire
	// Why is the reason with its fix, for the trace.
	Why *explain.Refusal
	// Unknown lists the condition keys that could not be evaluated in the statements
	// that decided.
	Unknown []policy.Unknown
}

// Error returns AWS's text.
func (e *DeniedError) Error() string {
	text := "User: " + e.CallerARN + " is not authorized to perform: " + e.Action + " on resource: " + e.Resource
	if e.Explicit {
		text += " with an explicit deny"
	}
	return text
}

// unknownHelp returns the fix for a condition key that could not be evaluated.
func unknownHelp(u policy.Unknown) string {
	if u.BadValue {
		return "change the condition on " + u.Key +
			", or the value that the request has under that key: it must be of the operator's type"
	}
	return "remove " + u.Key + " from the policy, or narrow the statement to actions of services " +
		"that know it; docs/iam.md lists the keys that are known"
}

// Is reports whether target is ErrDenied.
func (e *DeniedError) Is(target error) bool { return target == ErrDenied }

// Authorize returns nil if c may have the access, and a *DeniedError if not. Any other
// error means that the role could not be looked up; the caller must refuse then, too.
//
// An access key without a policy is the root of its account and may do everything
// there; one with a policy may do what that allows; a session may do what its role's
// policies, the role's boundary and the session policies all allow. Nobody has access
// to another account: the resource would need a policy, and resources have none here.
// The caller's condition keys replace the request's.
func (a *Authorizer) Authorize(ctx context.Context, c Caller, access Access) error {
	return a.authorize(ctx, c, access, resourceSilent)
}

// Access is a permission that a caller needs.
type Access struct {
	Action   string // such as cognito-identity:CreateIdentityPool
	Resource string // an ARN, or "*" for actions without one
	// Context has the facts of the request. The authorizer adds those of the caller and the
	// clock.
	Context policy.RequestContext
}

// resourceSays is the effect of the resource's own policy for the caller.
type resourceSays uint8

const (
	resourceSilent resourceSays = iota // the resource has no policy
	trustsAccount                      // it leaves the decision to the caller's account
	trustsCaller                       // it names the caller, in whose account it is
)

// authorize takes the steps of AWS's evaluation logic (IAM User Guide, "Policy
// evaluation logic") in this order:
//
//  1. what no policy can allow: a call without a caller, temporary credentials where
//     AWS does not accept them, another account's resource
//  2. the root of an account, whom no policy bounds
//  3. an explicit Deny in any policy of the caller
//  4. an Allow of an identity policy, of the permissions boundary if there is one, and
//     of a session policy if there are any
//
// AWS's service and resource control policies do not exist here.
func (a *Authorizer) authorize(ctx context.Context, c Caller, access Access, says resourceSays) error {
	if refusal := neverAllowed(c, access, says); refusal != nil {
		return refusal
	}
	if c.kind == accountRoot {
		return nil
	}

	b, err := a.boundsOf(ctx, c, access)
	if err != nil {
		return err
	}
	b.request = a.request(c, access, b.role.Tags)

	d := b.decide(says)
	if d.Allowed {
		return nil
	}

	refusal := denied(c, access, reasonOf(d), b.why(d))
	refusal.Explicit, refusal.Unknown = d.Explicit, d.Unknown

	return refusal
}

// decide asks the policies about the request.
func (b *bounds) decide(says resourceSays) policy.Decision {
	identity := b.identity
	if says == trustsCaller { // as good as an identity policy
		identity = append(slices.Clip(identity), everything)
	}

	return policy.Allowed(b.request, identity, b.boundary, b.session)
}

// denied returns the refusal of access to c.
func denied(c Caller, access Access, reason string, why *explain.Refusal) *DeniedError {
	return &DeniedError{
		CallerARN: c.ARN,
		Action:    access.Action,
		Resource:  ShownARN(access.Resource, c.partition),
		Reason:    reason,
		Why:       why.Of(c.ARN),
	}
}

// neverAllowed refuses what no policy of the caller can allow; nil = the policies
// decide.
func neverAllowed(c Caller, access Access, says resourceSays) *DeniedError {
	owner := accountOfARN(access.Resource)
	switch {
	case c.kind == nobody:
		c.ARN = "anonymous"
		return denied(c, access, "the request has no caller", policyNobody.With("action", access.Action))
	case c.limited && !c.limitedMay(access.Action):
		return denied(c, access, "temporary credentials of an access key may not call "+access.Action,
			policyTemporary.With("action", access.Action))
	case c.kind == federatedUser && len(c.policies) == 0:
		return denied(c, access, "a federated user without session policies has no permissions",
			policyFederated.With("action", access.Action, "resource", ShownARN(access.Resource, c.partition)))
	case says == resourceSilent && owner != "" && owner != c.Account:
		return denied(c, access, fmt.Sprintf("the resource belongs to account %s, the caller to %s", owner, c.Account),
			policyAccount.With(
				"account", string(c.Account),
				"resource", ShownARN(access.Resource, c.partition),
				"owner", string(owner),
			))
	}

	return nil
}

// bounds has the request and the policies that bound its caller.
type bounds struct {
	caller   Caller
	access   Access
	request  policy.Request
	role     Role // zero for access keys
	identity []*policy.Document
	boundary *policy.Document   // nil = none
	session  []*policy.Document // empty = none
}

// boundsOf looks up the policies that bound c. The error is a *DeniedError if c is the
// session of a role that is gone, or has a session policy that cannot be read.
func (a *Authorizer) boundsOf(ctx context.Context, c Caller, access Access) (*bounds, error) {
	b := &bounds{caller: c, access: access}
	if c.ofAccessKey() {
		b.identity = []*policy.Document{c.document}
	} else if err := b.addRole(ctx, a.roles); err != nil {
		return nil, err
	}

	var err error
	if b.session, err = SessionPolicies(c.policies); err != nil {
		return nil, denied(c, access, err.Error(), policyUnreadable.With("fault", err.Error()))
	}

	return b, nil
}

// addRole adds the policies of the caller's role.
func (b *bounds) addRole(ctx context.Context, roles RoleSource) error {
	var err error
	if b.role, err = sessionRole(ctx, roles, b.caller, b.access); err != nil {
		return err
	}
	b.identity, b.boundary = b.role.Policies, b.role.Boundary

	return nil
}

// sessionRole returns the role of a session that asks for access. The error is a *DeniedError if the role
// is gone, or another one has its name.
func sessionRole(ctx context.Context, roles RoleSource, c Caller, access Access) (Role, error) {
	role, err := roles.Role(ctx, c.roleARN)
	switch {
	case errors.Is(err, ErrNotFound):
		return Role{}, denied(c, access, "the session's role "+c.shownRole()+" does not exist",
			policyRole.With("role", c.shownRole()))
	case err != nil:
		return Role{}, fmt.Errorf("authorising %s: %w", c.ARN, err)
	case role.ID != c.roleID:
		return Role{}, denied(c, access,
			"the session's role "+c.shownRole()+" was deleted; one of the same name is another role",
			policyRoleReplaced.With("role", c.shownRole()))
	}

	return role, nil
}

// request returns the request that policies decide about. tags are those of the caller's role.
func (a *Authorizer) request(c Caller, access Access, tags map[string]string) policy.Request {
	facts := access.Context
	facts.RoleTags, facts.RoleTagsUnknown = tags, false
	facts.Caller, facts.CallerOnly, facts.Time = c.conditions, c.Knows, a.now()

	return policy.Request{
		Action:    access.Action,
		Resource:  access.Resource,
		Context:   facts,
		Partition: c.partition,
	}
}

// why explains a decision that refuses.
func (b *bounds) why(d policy.Decision) *explain.Refusal {
	action, resource := b.access.Action, ShownARN(b.access.Resource, b.caller.partition)
	statement, of, uncertain, help := "", "", "", ""
	if d.Statement != nil {
		statement, of = d.Statement.String(), b.policyOf(d)
	}
	if len(d.Unknown) > 0 {
		uncertain, help = unknownText(d.Unknown), unknownHelp(d.Unknown[0])
	}

	switch {
	case d.Explicit && d.Statement == nil:
		return policyUTF8.With("action", action)
	case d.Explicit && uncertain != "":
		return policyDenyUnknown.With("action", action, "resource", resource,
			"statement", statement, "policy", of, "unknown", uncertain, "help", help).At(b.link(d.Layer))
	case d.Explicit && b.caller.ofAccessKey() && d.Layer == policy.IdentityLayer:
		return policyKeyDeny.With("action", action, "resource", resource,
			"statement", statement, "policy", of).At(b.link(d.Layer))
	case d.Explicit:
		return policyDeny.With("action", action, "resource", resource,
			"statement", statement, "policy", of).At(b.link(d.Layer))
	case uncertain != "":
		return policyNoneUnknown.With("action", action, "resource", resource,
			"policies", b.policies(d.Layer), "unknown", uncertain, "help", help).At(b.link(d.Layer))
	case b.caller.ofAccessKey() && d.Layer == policy.IdentityLayer:
		return policyKeyNone.With("action", action, "resource", resource,
			"policies", b.policies(d.Layer)).At(b.link(d.Layer))
	case d.Layer == policy.BoundaryLayer:
		return policyBoundary.With("action", action, "resource", resource,
			"policies", b.policies(d.Layer)).At(b.link(d.Layer))
	case d.Layer == policy.SessionLayer && b.caller.guest:
		return policyGuest.With("action", action, "resource", resource)
	case d.Layer == policy.SessionLayer:
		return policySession.With("action", action, "resource", resource, "policies", b.policies(d.Layer))
	}

	return b.noStatement(action, resource).At(b.link(d.Layer))
}

// noStatement explains that no policy of the session's role allows the action on the
// resource. It names a statement that allows the action on another resource, if there
// is one: a caller who asks for another user's things mostly has the path wrong.
func (b *bounds) noStatement(action, resource string) *explain.Refusal {
	policies, owner := b.policies(policy.IdentityLayer), b.owner()

	bound := ""
	if b.caller.guest && len(b.session) > 0 && !policy.Allowed(b.request, b.session, nil, nil).Allowed {
		bound = "; the session is a guest's: the setting guest_policy must allow it, too " +
			"(docs/engines/builtin.md#guests)"
	}

	statement, other := policy.Nearest(b.request, b.role.Policies)
	if statement == nil {
		return policyNone.With(
			"action", action, "resource", resource, "policies", policies, "owner", owner, "bound", bound,
		)
	}
	of := b.policyOf(policy.Decision{Layer: policy.IdentityLayer, Statement: statement})

	return policyNoneResource.With("action", action, "resource", resource, "policies", policies,
		"statement", statement.String(), "policy", of, "other", other, "owner", owner, "bound", bound)
}

// owner names the access key or the role that has the identity policies.
func (b *bounds) owner() string {
	if b.caller.ofAccessKey() {
		return "access key " + b.caller.keyID
	}
	return "role " + b.caller.shownRole()
}

// link points at the resource that the fix changes: the access key or the role.
func (b *bounds) link(layer policy.Layer) explain.Link {
	if layer == policy.SessionLayer {
		return explain.Link{} // only a new session has another policy
	}
	if b.caller.ofAccessKey() { // the policy of a key cannot be changed
		return explain.Link{
			Kind:   explain.LinkAccessKey,
			ID:     b.caller.keyID,
			Source: explain.SourceAPI,
		}
	}

	field, member := "Policies", "policies"
	if layer == policy.BoundaryLayer {
		field, member = "PermissionsBoundary", "permissions_boundary"
	}
	if b.role.Setting != "" {
		return explain.Setting(b.role.Setting).In(member)
	}

	return explain.Link{
		Kind:   explain.LinkRole,
		ID:     b.caller.shownRole(),
		Field:  field,
		Source: explain.SourceAPI,
	}
}

// policyOf names the policy that has the statement of a decision.
func (b *bounds) policyOf(d policy.Decision) string {
	switch {
	case d.Layer == policy.BoundaryLayer:
		return b.policies(d.Layer)
	case d.Layer == policy.SessionLayer:
		return "a session policy"
	case b.caller.ofAccessKey():
		return "the policy of " + b.owner()
	}

	for i, document := range b.role.Policies {
		if document.Has(d.Statement) && i < len(b.role.PolicyNames) {
			return "the policy " + ShownARN(b.role.PolicyNames[i], b.caller.partition) + " of " + b.owner()
		}
	}

	return "a policy of " + b.owner()
}

// maxNamed bounds how many policies a reason names.
const maxNamed = 5

// policies names the policies of a layer.
func (b *bounds) policies(layer policy.Layer) string {
	switch {
	case layer == policy.BoundaryLayer && b.role.BoundaryName != "":
		return "the boundary " + ShownARN(b.role.BoundaryName, b.caller.partition)
	case layer == policy.BoundaryLayer:
		return "the boundary of role " + b.caller.shownRole()
	case layer == policy.SessionLayer:
		return "the session policies (" + strconv.Itoa(len(b.session)) + ")"
	case b.caller.ofAccessKey():
		return "the policy of " + b.owner()
	case len(b.role.PolicyNames) == 0:
		return "the policies of " + b.owner() + ", which has none"
	}

	names := slices.Clone(b.role.PolicyNames[:min(len(b.role.PolicyNames), maxNamed)])
	for i, name := range names { // those of managed policies are ARNs
		names[i] = ShownARN(name, b.caller.partition)
	}

	text := "the policies of " + b.owner() + " (" + strings.Join(names, ", ")
	if more := len(b.role.PolicyNames) - len(names); more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}

	return text + ")"
}

// unknownText lists the condition keys that could not be evaluated.
func unknownText(list []policy.Unknown) string {
	var texts []string
	for i, u := range list {
		if i == maxUnknown {
			texts = append(texts, "and more")
			break
		}
		texts = append(texts, u.String())
	}

	return strings.Join(texts, "; ")
}

// reasonOf returns the reason of a refusal for the log, with the condition keys that
// could not be evaluated.
func reasonOf(d policy.Decision) string {
	reason := fmt.Sprintf("no %s allows it", d.Layer)
	switch {
	case d.Explicit && d.Statement != nil:
		reason = fmt.Sprintf("%s of the %s denies it", d.Statement, d.Layer)
	case d.Explicit:
		return "the request is not valid UTF-8"
	}
	if len(d.Unknown) > 0 {
		reason += "; " + unknownText(d.Unknown)
	}

	return reason
}

// maxUnknown bounds how many keys a reason names.
const maxUnknown = 3
