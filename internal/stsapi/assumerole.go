package stsapi

import (
	"cmp"
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

	e, err := a.readAssumeRole(ctx, c, in)
	if err != nil {
		return nil, err
	}
	if err := a.findCallersRole(ctx, &e); err != nil {
		return nil, err
	}
	if err := a.authorizeCaller(ctx, &e); err != nil {
		return nil, err
	}

	if err := e.checkDuration(ctx); err != nil {
		return nil, err
	}
	if e.Caller.AssumedRole() && e.duration > maxChained {
		why := durationChained.With("limit", maxChained.String(), "duration", e.duration.String())
		return nil, awsapi.Refused("ValidationError", why, messageChained)
	}

	g, err := a.grant(ctx, &e, session.Session{Region: e.Region})
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

// readAssumeRole reads a request of AssumeRole, and refuses what needs no look-up.
func (a *API) readAssumeRole(ctx context.Context, c awsapi.Caller, in *assumeRoleInput) (entry, error) {
	e := newEntry(ctx, assume.RoleAction, a.region(c), sessionInput{
		role:     in.RoleArn,
		policy:   in.Policy,
		policies: in.PolicyArns,
		seconds:  in.DurationSeconds,
		minBytes: in.MinimumSessionTokenSize,
	})
	if e.arnErr != nil {
		shown, example := printableARN(e.text), exampleARN(e.Region, ":role/NAME")
		why := roleForm.With("role", shown, "example", example)
		return entry{}, awsapi.Refused("ValidationError", why, "%s is invalid", shown)
	}

	e.Partition = identitypool.Partition(e.Region)
	if err := a.checkRolePartition(ctx, &e); err != nil {
		return entry{}, err
	}
	e.arn = e.arn.In(e.Partition)

	if err := noSecondFactor(in.SerialNumber, in.TokenCode); err != nil {
		return entry{}, err
	}
	if len(in.ProvidedContexts) > 0 {
		why := contextsProvided.With("count", strconv.Itoa(len(in.ProvidedContexts)))
		return entry{}, awsapi.Refused("ValidationError", why, "ProvidedContexts are not supported.")
	}

	who, _ := c.Session.(iam.Caller)
	e.Principal, e.Caller, e.askerAccount = who.Principal(), who, who.Account
	e.SessionName, e.ExternalID = *in.RoleSessionName, awsapi.Text(in.ExternalId)
	if err := e.inherit(who, in); err != nil {
		return entry{}, err
	}

	return e, e.checkTags(ctx)
}

// findCallersRole finds the role that a caller asks for.
func (a *API) findCallersRole(ctx context.Context, e *entry) (err error) {
	if e.Role, err = a.Roles.Role(ctx, e.arn); errors.Is(err, iam.ErrNotFound) {
		return e.callerDenied(explainMissing(ctx, e.arn, e.askerAccount, "the caller's"))
	} else if err != nil {
		return fmt.Errorf("stsapi: %w", err)
	}

	reached(ctx, e.Role)
	ofRole(ctx, e.Role.Account).Pass("role", e.arn.String())

	return nil
}

// authorizeCaller checks the role's trust policy and the caller's own policies.
func (a *API) authorizeCaller(ctx context.Context, e *entry) error {
	tags, known, err := a.Authorizer.RoleTags(ctx, e.Caller)
	if err != nil {
		return fmt.Errorf("stsapi: %w", err)
	}
	e.RoleTags, e.RoleTagsUnknown = tags, !known

	if err := e.checkTrust(ctx, a.Now()); err != nil {
		return e.callerDenied(err)
	}

	return a.checkCallerPolicies(ctx, e)
}

// callerDenied refuses a caller, both for a role that does not exist and for one that does not
// trust the caller.
func (e *entry) callerDenied(cause error) error {
	why, _ := errors.AsType[*explain.Refusal](cause)
	message := userMay(e.Caller, assume.RoleAction, e.arn.String())
	return awsapi.RefusedAs(awsapi.AccessDenied, why, message).Because(cause)
}

// userMay returns AWS's text for a caller that may not perform an action.
func userMay(who iam.Caller, action, resource string) string {
	return "User: " + who.ARN + " is not authorized to perform: " + action + " on resource: " + resource
}

// inherit adds to the request's tags and source identity those that the calling session
// passes on. A request cannot change those.
func (e *entry) inherit(who iam.Caller, in *assumeRoleInput) error {
	e.Tags = map[string]string{}
	maps.Copy(e.Tags, who.TransitiveTags())

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
	asked := awsapi.Text(in.SourceIdentity)
	if e.SourceIdentity != "" && asked != "" && asked != e.SourceIdentity {
		why := sourceIdentityInherited.With()
		text := userMay(who, assume.SourceIdentityAction, awsapi.Text(in.RoleArn))
		return awsapi.RefusedAs(awsapi.AccessDenied, why, text)
	}
	e.SourceIdentity = cmp.Or(asked, e.SourceIdentity)

	return nil
}

// checkCallerPolicies checks that the caller's own policies let it assume the role.
func (a *API) checkCallerPolicies(ctx context.Context, e *entry) error {
	direct := e.PolicyRequest(a.Now())
	direct.Principal.Itself = true
	for _, action := range e.Actions() {
		direct.Action = action
		effect, _ := e.Role.Trust.Evaluate(direct)
		access := iam.Access{Action: action, Context: direct.Context}
		err := a.Authorizer.AuthorizeTrusted(ctx, e.Caller, access, e.Role, effect == policy.Allow)
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
