package iam

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// SourcePolicy is a policy of a simulation.
type SourcePolicy struct {
	ID       string // its name in results
	Document *policy.Document
}

// Simulation describes requests that nobody makes, and the policies that decide about them.
type Simulation struct {
	Principal SimulatedPrincipal
	Identity  []SourcePolicy
	Boundary  *SourcePolicy // nil = none
	Resource  *SourcePolicy // the policy of every resource; nil = resources have none
	// ResourceOwner is the account of resources whose ARNs name none; "" = the principal's.
	ResourceOwner identitypool.AccountID
	// Keys are the values of condition keys. They count before what is known of the principal. A key
	// without values is known to be absent.
	Keys      policy.Keys
	Partition string // of the call; "" = the stored one
}

// SimulatedPrincipal is who would make the requests of a simulation. The zero value is somebody of whom
// nothing is known, who may be in any account.
type SimulatedPrincipal struct {
	account identitypool.AccountID
	arn     string // of a user; "" = a role, or nobody in particular
	keys    policy.Keys
	tags    map[string]string
	lacks   func(key string) bool // keys, in lower case, that the principal never has; nil = none
}

// SimulatedRole returns a role as the principal of a simulation, and its policies. Facts that differ
// from session to session are not known.
func SimulatedRole(r Role) (p SimulatedPrincipal, identity []SourcePolicy, boundary *SourcePolicy) {
	session := NewSessionCaller(SessionCaller{RoleARN: r.ARN, RoleID: r.ID})
	p = SimulatedPrincipal{
		account: r.Account,
		keys:    maps.Clone(session.conditions),
		tags:    r.Tags,
		lacks:   func(key string) bool { return key == "aws:username" },
	}
	delete(p.keys, "aws:userid")

	for i, document := range r.Policies {
		id := "policy " + strconv.Itoa(i+1)
		if i < len(r.PolicyNames) {
			id = simulatedID(r.Name, r.PolicyNames[i])
		}
		identity = append(identity, SourcePolicy{ID: id, Document: document})
	}

	if r.Boundary != nil {
		name := cmp.Or(r.BoundaryName, "arn:"+settingsBoundary+r.Name)
		boundary = &SourcePolicy{ID: simulatedID(r.Name, name), Document: r.Boundary}
	}

	return p, identity, boundary
}

// simulatedID returns the name of a role's policy as IAM's simulator has it: managed policies by
// their names, inline ones after their role.
func simulatedID(role, name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name[strings.LastIndexAny(name, "/:")+1:]
	}
	return "role_" + role + "_" + name
}

// SimulatedKey returns the user of an access key with a policy as the principal of a simulation, and
// that policy. ok is false for other callers.
func SimulatedKey(c Caller) (p SimulatedPrincipal, identity []SourcePolicy, ok bool) {
	if c.kind != boundedUser {
		return SimulatedPrincipal{}, nil, false
	}
	p = SimulatedPrincipal{
		account: c.Account,
		arn:     c.ARN,
		keys:    c.conditions,
		lacks:   c.Knows,
	}

	return p, []SourcePolicy{{ID: "user_" + c.keyID + "_policy", Document: c.document}}, true
}

// SimulatedUser returns the user with an ARN, in the stored partition, as the principal of a
// simulation. The user need not exist. ok is false for other ARNs.
func SimulatedUser(arn string) (p SimulatedPrincipal, ok bool) {
	account := accountOfARN(arn)
	_, path, isUser := strings.Cut(arn, ":iam::"+string(account)+":user/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	if !isUser || !isAccount(string(account)) || name == "" {
		return SimulatedPrincipal{}, false
	}

	p = SimulatedPrincipal{account: account, arn: arn, keys: policy.Keys{}}
	p.keys.Set("aws:PrincipalArn", arn)
	p.keys.Set("aws:PrincipalAccount", string(account))
	p.keys.Set("aws:PrincipalType", "User")
	p.keys.Set("aws:PrincipalIsAWSService", "false")
	p.keys.Set("aws:username", name)

	return p, true
}

// Is reports whether p is the user with that ARN.
func (p SimulatedPrincipal) Is(arn string) bool { return p.arn != "" && p.arn == arn }

// IsUser reports whether p is a user.
func (p SimulatedPrincipal) IsUser() bool { return p.arn != "" }

// SimulatedDecision is a decision of a simulation in IAM's words.
type SimulatedDecision string

// The decisions (IAM API reference, PolicyEvaluationDecisionType).
const (
	SimulatedAllow        SimulatedDecision = "allowed"
	SimulatedExplicitDeny SimulatedDecision = "explicitDeny"
	SimulatedImplicitDeny SimulatedDecision = "implicitDeny"
)

func simulatedDecision(allowed, explicit bool) SimulatedDecision {
	switch {
	case explicit:
		return SimulatedExplicitDeny
	case allowed:
		return SimulatedAllow
	default:
		return SimulatedImplicitDeny
	}
}

// MatchedStatement is a statement that determines the result of a simulation.
type MatchedStatement struct {
	Source    SourcePolicy
	Statement *policy.Statement
	Layer     policy.Layer // ResourceLayer for the policy of a resource
}

// ResourceLayer is the layer of a resource's policy in a simulation.
const ResourceLayer policy.Layer = "resource policy"

// Simulated is the result of a simulation for one action and one resource.
type Simulated struct {
	Decision SimulatedDecision
	Matched  []MatchedStatement
	// BoundaryAllows reports whether the permissions boundary, if there is one, allows the request.
	BoundaryAllows bool
	// CrossAccount means that the resource is in another account than the principal. By has what the
	// principal's and the resource's policies decide then.
	CrossAccount bool
	ByIdentity   SimulatedDecision
	ByResource   SimulatedDecision
}

// Simulate asks the policies of s about one request, as Authorize asks those of a caller: the policy of
// the resource may take the place of an identity policy if it names the principal and is of the
// same account; in another account, both must allow. Nobody has access to a resource of another
// account that has no policy.
//
// One rule is that of users only, whom no permissions boundary of this server bounds: what the policy of
// a resource allows a user by name, the boundary limits by explicit Deny only (IAM User Guide,
// "Permissions boundaries for IAM entities", "Resource-based policies for IAM users").
func (a *Authorizer) Simulate(s *Simulation, action, resource string) Simulated {
	b := &bounds{request: s.request(action, resource, a.now()), identity: documentsOf(s.Identity)}
	if s.Boundary != nil {
		b.boundary = s.Boundary.Document
	}

	result := Simulated{
		CrossAccount:   s.crosses(resource),
		BoundaryAllows: b.boundary == nil,
	}
	if b.boundary != nil {
		effect, _ := b.boundary.Evaluate(b.request)
		result.BoundaryAllows = effect == policy.Allow
	}

	effect, says := s.resourceSays(b.request)
	if result.CrossAccount {
		says = min(says, trustsAccount) // both accounts must allow
	}

	d := b.decide(says)
	byName := says == trustsCaller && d.Layer == policy.BoundaryLayer
	allowed := d.Allowed || byName
	result.ByIdentity = simulatedDecision(d.Allowed, d.Explicit)
	result.ByResource = simulatedDecision(effect == policy.Allow, effect == policy.Deny)
	if result.CrossAccount {
		allowed = allowed && effect == policy.Allow
	}

	result.Decision = simulatedDecision(allowed, d.Explicit || effect == policy.Deny)
	result.Matched = s.matched(b.request, result.Decision)

	return result
}

// MissingKeys returns the condition keys of the policies of s that are not known of requests for an action. A
// Deny that depends on one of them applies, an Allow does not.
func (a *Authorizer) MissingKeys(s *Simulation, action string) []string {
	return policy.Missing(s.request(action, "*", a.now()), documentsOf(s.All()))
}

// request returns the request about which s asks.
func (s *Simulation) request(action, resource string, now time.Time) policy.Request {
	r := policy.Request{
		Action:    action,
		Resource:  resource,
		Partition: s.Partition,
		Context: policy.RequestContext{
			Caller:   maps.Clone(s.Principal.keys),
			RoleTags: s.Principal.tags,
			Time:     now,
			CallerOnly: func(key string) bool {
				return absentKeys.Has(key) || neverOf(action, key) ||
					s.Principal.lacks != nil && s.Principal.lacks(key)
			},
		},
	}
	if s.Principal.arn != "" {
		r.Principal.AWS = []string{s.Principal.arn}
	}

	if r.Context.Caller == nil {
		r.Context.Caller = policy.Keys{}
	}

	for key, values := range s.Keys {
		r.Context.Caller.Set(key, values...)
	}

	// A given time takes the place of the clock's.
	for _, key := range []string{"aws:currenttime", "aws:epochtime"} {
		if _, given := r.Context.Caller[key]; given {
			r.Context.Time = time.Time{}
		}
	}

	return r
}

// neverOf reports whether requests for an action never have a key, in lower case, because it belongs to
// another service.
func neverOf(action, key string) bool {
	service, _, _ := strings.Cut(strings.ToLower(action), ":")
	if isKeyOfOther(key, service) {
		return true
	}
	prefix := prefixOf(key)

	return slices.Contains(ownPlaces, Place(service)) && prefix != service && slices.Contains(awsServices, prefix)
}

// crosses reports whether a resource is in another account than the principal.
func (s *Simulation) crosses(resource string) bool {
	owner := cmp.Or(accountOfARN(resource), s.ResourceOwner, s.Principal.account)
	return s.Principal.account != "" && owner != s.Principal.account
}

// resourceSays asks the policy of the resource.
func (s *Simulation) resourceSays(r policy.Request) (policy.Effect, resourceSays) {
	if s.Resource == nil {
		return policy.NoMatch, resourceSilent
	}

	effect, _ := s.Resource.Document.Evaluate(r)
	r.Principal.Itself = true
	if named, _ := s.Resource.Document.Evaluate(r); effect == policy.Allow && named == policy.Allow {
		return effect, trustsCaller
	}

	return effect, trustsAccount
}

// All returns every policy of s.
func (s *Simulation) All() []SourcePolicy {
	list := slices.Clone(s.Identity)
	for _, one := range []*SourcePolicy{s.Boundary, s.Resource} {
		if one != nil {
			list = append(list, *one)
		}
	}
	return list
}

func documentsOf(sources []SourcePolicy) []*policy.Document {
	list := make([]*policy.Document, len(sources))
	for i, source := range sources {
		list[i] = source.Document
	}
	return list
}

// matched returns the statements that determine a decision: every Deny that applies, or else every
// Allow of an identity policy and of the resource's.
func (s *Simulation) matched(r policy.Request, decision SimulatedDecision) []MatchedStatement {
	if decision == SimulatedImplicitDeny {
		return nil
	}
	effect := policy.Allow
	if decision == SimulatedExplicitDeny {
		effect = policy.Deny
	}

	var list []MatchedStatement
	add := func(source SourcePolicy, layer policy.Layer) {
		for _, statement := range source.Document.Applying(r, effect) {
			list = append(list, MatchedStatement{Source: source, Statement: statement, Layer: layer})
		}
	}

	for _, source := range s.Identity {
		add(source, policy.IdentityLayer)
	}
	if s.Boundary != nil && effect == policy.Deny {
		add(*s.Boundary, policy.BoundaryLayer)
	}
	if s.Resource != nil {
		add(*s.Resource, ResourceLayer)
	}

	return list
}
