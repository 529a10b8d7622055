package adminapi

import (
	"context"
	"errors"
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

const (
	// maxChecks is the number of permissions that one call may ask for.
	maxChecks = 100
	// maxCheckWork bounds the bytes of policies that one call reads: all of them for each check, and once
	// more for every 64 bytes of its resource, as a pattern with question marks takes that long.
	maxCheckWork = 32 << 20
)

var (
	checksShape        = awsapi.List{Min: 1, Max: maxChecks}
	checkActionShape   = awsapi.String{Min: 3, Max: 128, Pattern: awsapi.NewPattern(`[a-zA-Z0-9-]+:[a-zA-Z0-9]+`)}
	checkResourceShape = awsapi.String{Min: 1, Max: 2048, Pattern: awsapi.NewPattern(`\*|arn:[!-~]+`)}
)

type checkAccessInput struct{ Checks []accessCheck }

type accessCheck struct {
	Action   *string
	Resource *string // an ARN; absent = "*"
}

func (in *checkAccessInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	awsapi.Structures(&v, "checks", in.Checks, &checksShape, true, func(check *accessCheck, v *awsapi.Validator) {
		v.String("action", check.Action, &checkActionShape, true)
		v.String("resource", check.Resource, &checkResourceShape, false)
	})

	return v.Violations()
}

type checkAccessOutput struct{ Results []checkedAccess }

type checkedAccess struct {
	Action   string
	Resource string
	Allowed  bool
	Why      *explainStep `json:",omitzero"` // of a refusal
}

// checkAccess decides about the caller's own permissions, as a call that needs them would. It knows
// no such call's tags and conditions: where a policy asks for them, an Allow does not apply and a Deny
// does.
func (s *Service) checkAccess(ctx context.Context, c awsapi.Caller, in *checkAccessInput) (*checkAccessOutput, error) {
	if err := s.boundChecks(ctx, c, in.Checks); err != nil {
		return nil, err
	}

	out := &checkAccessOutput{Results: make([]checkedAccess, 0, len(in.Checks))}
	for _, check := range in.Checks {
		result := checkedAccess{Action: *check.Action, Resource: "*"}
		if check.Resource != nil {
			result.Resource = *check.Resource
		}

		err := s.options.Authorize(ctx, c, awsapi.Access{
			Action:       result.Action,
			Resource:     identitypool.InPartition(result.Resource, "aws"),
			ResourceTags: s.tagsOf(c, result.Resource),
		})
		refused, denied := errors.AsType[*awsapi.Error](err)
		switch {
		case err == nil:
			result.Allowed = true
		case denied && refused.Kind == awsapi.AccessDenied && refused.Why != nil:
			result.Why = shownReason(refused.Why)
		default:
			return nil, err
		}

		out.Results = append(out.Results, result)
	}

	return out, nil
}

// boundChecks refuses checks that would take too long.
func (s *Service) boundChecks(ctx context.Context, c awsapi.Caller, checks []accessCheck) error {
	size, err := s.options.Authorizer.PolicySize(ctx, iamCaller(c))
	if err != nil {
		return err
	}

	times := 0
	for _, check := range checks {
		times += 1 + len(awsapi.Text(check.Resource))/64
	}
	if size*times > maxCheckWork {
		return badInput(checksTooLarge.With("limit", strconv.Itoa(maxCheckWork)),
			"The checks are too many for the caller's policies: ask in several calls.")
	}

	return nil
}

// tagsOf returns a look-up of the tags of the pool or role that an ARN names.
func (s *Service) tagsOf(c awsapi.Caller, arn string) func(context.Context) (map[string]string, error) {
	region, account, pool, ok := identitypool.ParsePoolARN(arn)
	switch {
	case ok && region == c.Region && string(account) == c.Account:
		return s.options.Pools.PoolTags(c, string(pool))
	case isRoleOf(arn, c.Account):
		return s.roleTags(c, arn)
	}

	return awsapi.UnknownTags
}

// shownReason returns a refusal as Explain shows it.
func shownReason(r *explain.Refusal) *explainStep {
	return &explainStep{
		Code:     r.Reason.Code,
		Check:    r.Reason.Check,
		Subject:  r.Subject,
		Expected: r.Expected,
		Got:      r.Got,
		Fix:      r.Fix,
		Link:     shownLink(r.Link),
	}
}
