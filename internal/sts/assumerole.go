package sts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

type assumeRoleResult struct {
	AssumedRoleUser assumedRoleUser
	Credentials     credentialsResult
	SourceIdentity  string `xml:",omitempty"`
	sizes
}

// assumeRole lets a caller take a role that trusts it. The trust policy must
// allow it; so must the caller's own policies, unless the trust policy of a role
// in its own account names it.
func (a *API) assumeRole(ctx context.Context, c awsapi.Caller, in *assumeRoleInput) (*assumeRoleResult, error) {
	trace := explain.FromContext(ctx)
	who, _ := c.Session.(iam.Caller)
	arn, err := iam.ParseRoleARN(*in.RoleArn)
	if err != nil {
		trace.Fail("role", "the ARN of a role", printableARN(*in.RoleArn), "pass arn:"+identitypool.Partition(a.region(c))+":iam::ACCOUNT:role/NAME")
		return nil, refusal("ValidationError", "%s is invalid", printableARN(*in.RoleArn))
	}
	partition := identitypool.Partition(a.region(c))
	if err := a.checkRolePartition(ctx, *in.RoleArn, partition); err != nil {
		return nil, err
	}
	arn.Partition = partition
	if err := noSecondFactor(ctx, in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	if len(in.ProvidedContexts) > 0 {
		trace.Fail("provided contexts", "none", fmt.Sprint(len(in.ProvidedContexts)), "leave ProvidedContexts out: there is no context provider here")
		return nil, refusal("ValidationError", "ProvidedContexts are not supported.")
	}
	e := entry{
		action: assumeRoleAction, name: *in.RoleSessionName, duration: seconds(in.DurationSeconds, defaultDuration),
		inline: in.Policy, managed: in.PolicyArns, minBytes: number(in.MinimumSessionTokenSize), principal: who.Principal(),
		from: who.Account, caller: who, region: a.region(c), partition: partition,
		fix: func(action string, m policy.Mismatch) string { return fixFor(who.ARN, assumeRoleAction, action, m) },
	}
	if err := e.inherit(ctx, who, in); err != nil {
		return nil, err
	}
	if err := e.checkTags(ctx); err != nil {
		return nil, err
	}
	denied := func(action string, cause error) error {
		return awsapi.Refuse(awsapi.AccessDenied, "User: "+who.ARN+" is not authorized to perform: "+action+" on resource: "+arn.String()).Because(cause)
	}
	if e.role, err = a.Service.roles.Role(ctx, arn.String()); errors.Is(err, iam.ErrNotFound) {
		explainMissing(ctx, arn)
		return nil, denied(assumeRoleAction, err)
	} else if err != nil {
		return nil, fmt.Errorf("sts: %w", err)
	}
	reached(ctx, e.role)
	ofRole(ctx, e.role.Account).Pass("role", e.role.ARN)
	e.conditions = policy.Context{}
	if in.ExternalId != nil {
		e.conditions.Set("sts:ExternalId", *in.ExternalId)
	}
	e.conditions = a.Authorizer.Context(who, e.conditions)
	if err := e.trusted(ctx, a.Now()); err != nil {
		return nil, denied(assumeRoleAction, err)
	}
	if err := a.mayAssume(ctx, who, &e); err != nil {
		return nil, err
	}
	if err := e.checkDuration(ctx); err != nil {
		return nil, err
	}
	if who.AssumedRole() && e.duration > maxChained {
		trace.Fail("session duration", "up to "+maxChained.String()+" for a role assumed by a role", e.duration.String(), "ask for an hour at most")
		return nil, refusal("ValidationError", messageChained)
	}
	g, err := a.grant(ctx, &e, Session{Region: a.region(c)})
	if err != nil {
		return nil, err
	}
	return &assumeRoleResult{AssumedRoleUser: g.user(), Credentials: g.credentials(), SourceIdentity: e.sourceIdentity, sizes: g.sizes()}, nil
}

// inherit joins the tags and the source identity of the request with those that
// the calling session hands on and nobody can change.
func (e *entry) inherit(ctx context.Context, who iam.Caller, in *assumeRoleInput) error {
	trace := explain.FromContext(ctx)
	e.tags = who.TransitiveTags()
	if e.tags == nil {
		e.tags = map[string]string{}
	}
	inherited := sortedKeys(e.tags)
	given := map[string]bool{}
	for _, t := range in.Tags {
		folded := strings.ToLower(*t.Key)
		if given[folded] {
			trace.Fail("session tags", "each key once, whatever its case", "one twice", "remove one of the two")
			return refusal("ValidationError", messageDuplicateTag)
		}
		given[folded] = true
		if slices.ContainsFunc(inherited, func(key string) bool { return strings.EqualFold(key, *t.Key) }) {
			trace.Fail("session tags", "no key that the calling session hands on", "one of them", "leave the tag out: the new session inherits it")
			return refusal("ValidationError", messageInherited)
		}
		e.tags[*t.Key] = *t.Value
	}
	e.transitive = inherited
	for _, key := range in.TransitiveTagKeys {
		if !slices.Contains(e.transitive, key) {
			e.transitive = append(e.transitive, key)
		}
	}
	e.sourceIdentity = who.SourceIdentity()
	asked := text(in.SourceIdentity)
	if e.sourceIdentity != "" && asked != "" && asked != e.sourceIdentity {
		trace.Fail("source identity", "the calling session's, or none", "another one", "leave SourceIdentity out: the new session inherits it")
		return awsapi.Refuse(awsapi.AccessDenied, "User: "+who.ARN+" is not authorized to perform: "+sourceIdentityAction+" on resource: "+text(in.RoleArn))
	}
	if asked != "" {
		e.sourceIdentity = asked
	}
	return nil
}

// mayAssume asks the caller's own policies.
func (a *API) mayAssume(ctx context.Context, who iam.Caller, e *entry) error {
	direct := e.request(ctx, a.Now())
	direct.Principal.Itself = true
	for _, action := range e.actions() {
		direct.Action = action
		effect, _ := e.role.Trust.Evaluate(direct)
		access := iam.Access{Action: action, Conditions: direct.Context, Facts: e.facts(ctx)}
		err := a.Authorizer.AuthorizeTrusted(ctx, who, access, e.role, effect == policy.Allow)
		if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
			fix := "allow the action in the caller's policy, or name the caller itself in the role's trust policy"
			if len(denied.Unknown) > 0 {
				fix = denied.Fix()
			}
			e.ofCaller(ctx).Fail("policies of "+who.ARN, "one that allows "+action+" on "+e.role.ARN,
				denied.Reason, fix)
			return awsapi.Refuse(awsapi.AccessDenied, denied.Error()).Because(denied)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// noSecondFactor refuses one-time codes: no device is registered here, and
// taking a code without looking at it would feign a second factor.
func noSecondFactor(ctx context.Context, serial, code *string) error {
	if serial == nil && code == nil {
		return nil
	}
	explain.FromContext(ctx).Fail("second factor", "none", "SerialNumber or TokenCode", "leave both out: access keys have no second factor here")
	return awsapi.Refuse(awsapi.AccessDenied, messageNoSecondFactor)
}
