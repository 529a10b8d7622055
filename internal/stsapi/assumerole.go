package stsapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

type assumeRoleResult struct {
	AssumedRoleUser assumedRoleUser
	Credentials     credentialsResult
	SourceIdentity  string `xml:",omitempty"`
	sizes
}

// assumeRole lets a caller take a role that trusts it. The trust policy must allow it.
// So must the caller's own policies, unless the trust policy of a role in the caller's
// account names the caller.
func (a *API) assumeRole(ctx context.Context, c awsapi.Caller, in *assumeRoleInput) (*assumeRoleResult, error) {
	explain.FromContext(ctx).Plan(assumeRolePlan)
	who, _ := c.Session.(iam.Caller)

	arn, err := iam.ParseRoleARN(*in.RoleArn)
	if err != nil {
		shown, example := printableARN(*in.RoleArn), exampleARN(a.region(c), ":role/NAME")
		return nil, awsapi.Refused(
			"ValidationError", roleForm.With("role", shown, "example", example), "%s is invalid", shown,
		)
	}

	partition := identitypool.Partition(a.region(c))
	if err := a.checkRolePartition(ctx, *in.RoleArn, partition); err != nil {
		return nil, err
	}
	arn.Partition = partition

	if err := noSecondFactor(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	if len(in.ProvidedContexts) > 0 {
		why := contextsProvided.With("count", strconv.Itoa(len(in.ProvidedContexts)))
		return nil, awsapi.Refused("ValidationError", why, "ProvidedContexts are not supported.")
	}

	e := entry{
		Attempt:  attempt(ctx, assume.RoleAction),
		from:     who.Account,
		duration: seconds(in.DurationSeconds, assume.DefaultDuration),
		inline:   in.Policy,
		managed:  in.PolicyArns,
		minBytes: number(in.MinimumSessionTokenSize),
	}

	e.Principal, e.Caller, e.ExternalID = who.Principal(), who, text(in.ExternalId)
	e.Region, e.Partition, e.SessionName = a.region(c), partition, *in.RoleSessionName

	if err := e.inherit(who, in); err != nil {
		return nil, err
	}
	if err := e.checkTags(ctx); err != nil {
		return nil, err
	}

	denied := func(action string, cause error) error {
		why, _ := errors.AsType[*explain.Refusal](cause)
		return awsapi.RefusedAs(awsapi.AccessDenied, why, userMay(who, action, arn.String())).Because(cause)
	}

	if e.Role, err = a.Roles.Role(ctx, arn.String()); errors.Is(err, iam.ErrNotFound) {
		return nil, denied(assume.RoleAction, explainMissing(ctx, arn, who.Account, "the caller's"))
	} else if err != nil {
		return nil, fmt.Errorf("sts: %w", err)
	}
	reached(ctx, e.Role)
	ofRole(ctx, e.Role.Account).Pass("role", arn.String())

	if err := e.trusted(ctx, a.Now()); err != nil {
		return nil, denied(assume.RoleAction, err)
	}
	if err := a.mayAssume(ctx, who, &e); err != nil {
		return nil, err
	}

	if err := e.checkDuration(ctx); err != nil {
		return nil, err
	}
	if who.AssumedRole() && e.duration > maxChained {
		why := durationChained.With("limit", maxChained.String(), "duration", e.duration.String())
		return nil, awsapi.Refused("ValidationError", why, messageChained)
	}

	g, err := a.grant(ctx, &e, session.Session{Region: a.region(c)})
	if err != nil {
		return nil, err
	}

	return &assumeRoleResult{
		AssumedRoleUser: g.user(),
		Credentials:     g.credentials(),
		SourceIdentity:  e.SourceIdentity,
		sizes:           g.sizes(),
	}, nil
}

// userMay returns AWS's text for a caller that may not perform an action.
func userMay(who iam.Caller, action, resource string) string {
	return "User: " + who.ARN + " is not authorized to perform: " + action + " on resource: " + resource
}

// inherit adds to the request's tags and source identity those that the calling session
// passes on. A request cannot change those.
func (e *entry) inherit(who iam.Caller, in *assumeRoleInput) error {
	e.Tags = who.TransitiveTags()
	if e.Tags == nil {
		e.Tags = map[string]string{}
	}

	inherited := slices.Sorted(maps.Keys(e.Tags))
	given := map[string]bool{}
	for _, t := range in.Tags {
		folded := strings.ToLower(*t.Key)
		if given[folded] {
			return awsapi.Refused("ValidationError", tagsTwice.With(), messageDuplicateTag)
		}
		given[folded] = true
		if slices.ContainsFunc(inherited, func(key string) bool { return strings.EqualFold(key, *t.Key) }) {
			return awsapi.Refused("ValidationError", tagsInherited.With(), messageInherited)
		}
		e.Tags[*t.Key] = *t.Value
	}

	e.Transitive = inherited
	for _, key := range in.TransitiveTagKeys {
		if !slices.Contains(e.Transitive, key) {
			e.Transitive = append(e.Transitive, key)
		}
	}
	e.SourceIdentity = who.SourceIdentity()
	asked := text(in.SourceIdentity)
	if e.SourceIdentity != "" && asked != "" && asked != e.SourceIdentity {
		why := sourceIdentityInherited.With()
		return awsapi.RefusedAs(awsapi.AccessDenied, why, userMay(who, assume.SourceIdentityAction, text(in.RoleArn)))
	}
	if asked != "" {
		e.SourceIdentity = asked
	}

	return nil
}

// mayAssume checks the caller's own policies.
func (a *API) mayAssume(ctx context.Context, who iam.Caller, e *entry) error {
	direct := e.PolicyRequest(a.Now())
	direct.Principal.Itself = true
	for _, action := range e.Actions() {
		direct.Action = action
		effect, _ := e.Role.Trust.Evaluate(direct)
		access := iam.Access{Action: action, Context: direct.Context}
		err := a.Authorizer.AuthorizeTrusted(ctx, who, access, e.Role, effect == policy.Allow)
		if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
			why := e.ofCaller(ctx).Refuse(denied.Why)
			return awsapi.RefusedAs(awsapi.AccessDenied, why, denied.Error()).Because(denied)
		} else if err != nil {
			return err
		}
	}

	return nil
}

// noSecondFactor refuses one-time codes. No device is registered here, and accepting a
// code without checking it would feign a second factor.
func noSecondFactor(serial, code *string) error {
	if serial == nil && code == nil {
		return nil
	}
	return awsapi.RefusedAs(awsapi.AccessDenied, secondFactor.With(), messageNoSecondFactor)
}
