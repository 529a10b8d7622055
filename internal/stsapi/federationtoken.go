package stsapi

import (
	"context"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

const federateAction = "sts:GetFederationToken"

type federatedUser struct {
	Arn             string
	FederatedUserId string
}

type getFederationTokenResult struct {
	Credentials   credentialsResult
	FederatedUser federatedUser
	sizes
}

// federationNeeds asks for permission on the federated user, and to set its tags. It asks
// for nothing if the caller is no access key: the operation itself refuses that caller.
func (a *API) federationNeeds(
	_ context.Context, c awsapi.Caller, in *getFederationTokenInput,
) ([]awsapi.Access, error) {
	who, _ := c.Session.(iam.Caller)
	if !isAccessKey(who) {
		return nil, nil
	}

	needed := awsapi.Access{
		Resource: iam.FederatedUserARN(identitypool.Partition(a.Region), who.Account, *in.Name),
	}
	for _, t := range in.Tags {
		needed.RequestTags = append(needed.RequestTags, awsapi.Tag{Key: *t.Key, Value: *t.Value})
	}

	all := []awsapi.Access{needed}
	if len(in.Tags) > 0 {
		needed.Action = assume.TagAction
		all = append(all, needed)
	}

	return all, nil
}

// getFederationToken issues temporary credentials for a user whom the owner of an access
// key names. They may do what both the key and a session policy allow.
func (a *API) getFederationToken(
	ctx context.Context, c awsapi.Caller, in *getFederationTokenInput,
) (*getFederationTokenResult, error) {
	who, _ := c.Session.(iam.Caller)
	trace := explain.FromContext(ctx)
	trace.Plan(federationPlan)
	if !isAccessKey(who) {
		return nil, awsapi.RefusedAs(
			awsapi.AccessDenied, callerIsSession.With(), "Cannot call GetFederationToken with session credentials",
		)
	}

	tags, err := readTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if err := refuseTags(trace, tags); err != nil {
		return nil, err
	}

	partition := identitypool.Partition(a.region(c))
	policies, err := a.sessionPolicies(ctx, trace, narrowing{
		inline:    in.Policy,
		managed:   in.PolicyArns,
		account:   who.Account,
		partition: partition,
	})
	if err != nil {
		return nil, err
	}

	now := a.Now()
	g, err := a.mint(ctx, session.Session{
		Account:       who.Account,
		Key:           who.AccessKeyID,
		FederatedUser: *in.Name,
		Tags:          tags,
		Policies:      policies,
		Region:        a.region(c),
		Issued:        now,
		Expires:       now.Add(keyDuration(who, in.DurationSeconds)),
	}, number(in.MinimumSessionTokenSize))
	if err != nil {
		return nil, err
	}

	return &getFederationTokenResult{
		Credentials: g.credentials(),
		FederatedUser: federatedUser{
			Arn:             iam.FederatedUserARN(partition, who.Account, *in.Name),
			FederatedUserId: iam.FederatedUserID(who.Account, *in.Name),
		},
		sizes: g.sizes(),
	}, nil
}

// readTags returns the tags of a request. It refuses keys that differ only in letter case.
func readTags(list []tag) (map[string]string, error) {
	tags, seen := map[string]string{}, map[string]bool{}
	for _, t := range list {
		folded := strings.ToLower(*t.Key)
		if seen[folded] {
			return nil, awsapi.Refused("ValidationError", tagsTwice.With(), messageDuplicateTag)
		}
		seen[folded] = true
		tags[*t.Key] = *t.Value
	}

	return tags, nil
}
