package cognitoidentity

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// createNeeds asks for CreateIdentityPool, and TagResource when tags come along
// (Service Authorization Reference).
func createNeeds(_ context.Context, c awsapi.Caller, in *CreateIdentityPoolInput) ([]awsapi.Access, error) {
	needed := []awsapi.Access{{Resource: callerPoolARN(c, ""), RequestTags: awsapi.TagsOf(in.IdentityPoolTags)}}
	if len(in.IdentityPoolTags) > 0 {
		tag := needed[0]
		tag.Action = "cognito-identity:TagResource"
		needed = append(needed, tag)
	}

	return needed, nil
}

// updateNeeds asks for UpdateIdentityPool, and both tag permissions when the
// update carries tags: it may add and remove some.
func (s *Service) updateNeeds(ctx context.Context, c awsapi.Caller, in *IdentityPool) ([]awsapi.Access, error) {
	update := s.poolAccess(c, *in.IdentityPoolId)
	if in.IdentityPoolTags == nil {
		return []awsapi.Access{update}, nil
	}

	have, err := update.ResourceTags(ctx)
	if err != nil {
		return nil, err
	}

	untag := update
	untag.Action = "cognito-identity:UntagResource"
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if _, stays := in.IdentityPoolTags[key]; !stays {
			untag.TagKeys = append(untag.TagKeys, key)
		}
	}

	update.RequestTags = awsapi.TagsOf(in.IdentityPoolTags)
	tag := update
	tag.Action = "cognito-identity:TagResource"

	return []awsapi.Access{update, tag, untag}, nil
}

// CreateIdentityPool makes a new pool with a new ID at every call.
func (s *Service) CreateIdentityPool(
	ctx context.Context, c awsapi.Caller, in *CreateIdentityPoolInput,
) (*IdentityPool, error) {
	explain.FromContext(ctx).Plan(createPoolChecks)
	pool, err := s.newPool(c, in)
	if err != nil {
		return nil, err
	}
	if err := s.configure(&pool, configurationOf(in), false); err != nil {
		return nil, err
	}

	return s.addPool(ctx, c, pool)
}

// CreateIdentityPoolWithID makes a new pool with an ID that the caller chooses:
// one that clients know from elsewhere. It keeps the names that the pool has there,
// even those that a new pool cannot have. AWS has no such operation.
func (s *Service) CreateIdentityPoolWithID(
	ctx context.Context, c awsapi.Caller, id string, in *CreateIdentityPoolInput,
) (*IdentityPool, error) {
	explain.FromContext(ctx).Plan(createPoolChecks)
	if err := s.mayChooseIDs(c); err != nil {
		return nil, err
	}

	pool, err := s.newPool(c, in)
	if err != nil {
		return nil, err
	}
	if !identitypool.ValidID(id) || identitypool.RegionOf(id) != c.Region {
		return nil, awsapi.Refused(invalidParameter, poolIDForm.With("region", c.Region),
			"IdentityPoolId must be a pool ID of this region, %s:<lower-case GUID>.", c.Region)
	}
	pool.ID = identitypool.PoolID(id)

	if err := s.configure(&pool, configurationOf(in), true); err != nil {
		return nil, err
	}

	return s.addPool(ctx, c, pool)
}

// mayChooseIDs refuses callers whose account may not choose IDs. An ID stays with
// the account that first had it, so a caller who chooses could take one that another
// account is about to import.
func (s *Service) mayChooseIDs(c awsapi.Caller) error {
	if s.MayChooseIDs(identitypool.AccountID(c.Account)) {
		return nil
	}

	const text = "IDs are chosen by the home account of this server only; " +
		"for other accounts its operator can set chosen_ids to all."
	setting := explain.Setting("chosen_ids")

	return awsapi.RefusedAs(awsapi.AccessDenied, idChoice.With("account", c.Account).At(setting), text)
}

// CreateNeeds returns the access that CreateIdentityPool needs, with its actions.
func CreateNeeds(ctx context.Context, c awsapi.Caller, in *CreateIdentityPoolInput) ([]awsapi.Access, error) {
	needed, err := createNeeds(ctx, c, in)
	for i := range needed {
		if needed[i].Action == "" {
			needed[i].Action = "cognito-identity:CreateIdentityPool"
		}
	}

	return needed, err
}

func (s *Service) addPool(ctx context.Context, c awsapi.Caller, pool identitypool.Pool) (*IdentityPool, error) {
	switch err := s.Store.CreatePool(ctx, pool, s.Limits.Pools); {
	case errors.Is(err, store.ErrLimit):
		return nil, s.poolLimitError(c.Region)
	case errors.Is(err, store.ErrConflict):
		return nil, poolConflict(pool.ID)
	case err != nil:
		return nil, err
	}
	note(ctx, pool)

	return poolOutput(pool), nil
}

// newPool returns a pool that is not configured yet.
func (s *Service) newPool(c awsapi.Caller, in *CreateIdentityPoolInput) (identitypool.Pool, error) {
	// A signature's region may be longer than a pool ID can hold: no call could
	// name such a pool.
	switch {
	case len(c.Region) > identitypool.MaxRegion:
		return identitypool.Pool{}, awsapi.Refused(invalidParameter,
			regionLength.With("limit", strconv.Itoa(identitypool.MaxRegion), "region", c.Region),
			"The region %s is longer than %d characters.", c.Region, identitypool.MaxRegion)
	case !identitypool.ValidRegion(c.Region):
		return identitypool.Pool{}, awsapi.Refused(invalidParameter, regionForm.With("region", c.Region),
			"The region %s does not begin with a letter.", c.Region)
	}

	now := s.Now()
	pool := identitypool.Pool{
		ID:      identitypool.PoolID(newID(c.Region)),
		Account: identitypool.AccountID(c.Account),
		Region:  c.Region,
		Created: now,
		Updated: now,
	}

	if pinned, ok := in.IdentityPoolTags[identitypool.CustomIDTag]; ok && s.PinnedPoolIDs {
		id, err := s.pinnedID(c, pinned)
		if err != nil {
			return identitypool.Pool{}, err
		}
		pool.ID = id
	}

	return pool, nil
}

// pinnedID returns the pool ID that the tag _custom_id_ has, whole or without the region.
func (s *Service) pinnedID(c awsapi.Caller, value string) (identitypool.PoolID, error) {
	if err := s.mayChooseIDs(c); err != nil {
		return "", err
	}

	id := value
	if !strings.Contains(value, ":") {
		id = c.Region + ":" + value
	}
	if !identitypool.ValidID(id) || identitypool.RegionOf(id) != c.Region {
		return "", awsapi.Refused(invalidParameter, pinnedIDForm.With("region", c.Region),
			"The tag %s must hold a pool ID of this region, %s:<lower-case GUID>, or its GUID alone.",
			identitypool.CustomIDTag, c.Region)
	}

	return identitypool.PoolID(id), nil
}

// configurationOf returns the members of a new pool's configuration.
func configurationOf(in *CreateIdentityPoolInput) *IdentityPool {
	return &IdentityPool{
		IdentityPoolName:               in.IdentityPoolName,
		AllowUnauthenticatedIdentities: in.AllowUnauthenticatedIdentities,
		AllowClassicFlow:               in.AllowClassicFlow,
		SupportedLoginProviders:        in.SupportedLoginProviders,
		DeveloperProviderName:          in.DeveloperProviderName,
		OpenIdConnectProviderARNs:      in.OpenIdConnectProviderARNs,
		CognitoIdentityProviders:       in.CognitoIdentityProviders,
		SamlProviderARNs:               in.SamlProviderARNs,
		IdentityPoolTags:               in.IdentityPoolTags,
	}
}

// DescribeIdentityPool returns a pool.
func (s *Service) DescribeIdentityPool(
	ctx context.Context, c awsapi.Caller, in *DescribeIdentityPoolInput,
) (*IdentityPool, error) {
	explain.FromContext(ctx).Plan(namedPoolChecks)
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	return poolOutput(pool), nil
}

// UpdateIdentityPool replaces a pool's configuration. Absent members return to
// their defaults, except the developer provider name and the tags, which are
// kept (Terraform leaves them out of updates). Concurrent updates wait for each
// other, so ConcurrentModificationException never occurs.
func (s *Service) UpdateIdentityPool(ctx context.Context, c awsapi.Caller, in *IdentityPool) (*IdentityPool, error) {
	explain.FromContext(ctx).Plan(updatePoolChecks)
	if _, err := s.callerPool(ctx, c, *in.IdentityPoolId); err != nil {
		return nil, err
	}

	pool, err := s.Store.UpdatePool(ctx, identitypool.PoolID(*in.IdentityPoolId), func(p *identitypool.Pool) error {
		return s.configure(p, in, false)
	})
	if err != nil {
		return nil, poolError(err, *in.IdentityPoolId)
	}

	return poolOutput(pool), nil
}

// DeleteIdentityPool removes a pool with all its identities. After the first
// durable step no other call finds the pool.
func (s *Service) DeleteIdentityPool(
	ctx context.Context, c awsapi.Caller, in *DeleteIdentityPoolInput,
) (*awsapi.NoOutput, error) {
	explain.FromContext(ctx).Plan(namedPoolChecks)
	if _, err := s.callerPool(ctx, c, *in.IdentityPoolId); err != nil {
		return nil, err
	}

	err := s.Store.DeletePool(ctx, identitypool.PoolID(*in.IdentityPoolId))
	if errors.Is(err, store.ErrUnfinished) {
		return nil, nil // gone for everybody; the store logged what is left to do
	}

	return nil, poolError(err, *in.IdentityPoolId)
}

// ListIdentityPools lists the caller's pools in the order of their IDs.
func (s *Service) ListIdentityPools(
	ctx context.Context, c awsapi.Caller, in *ListIdentityPoolsInput,
) (*ListIdentityPoolsResponse, error) {
	explain.FromContext(ctx).Plan(listPoolsChecks)
	scope := "pools/" + c.Account + "/" + c.Region
	after, err := s.pageStart(scope, in.NextToken)
	if err != nil {
		return nil, err
	}

	size := int(*in.MaxResults)
	account := identitypool.AccountID(c.Account)
	pools, err := s.Store.ListPools(ctx, account, c.Region, identitypool.PoolID(after), size+1)
	if err != nil {
		return nil, err
	}

	out := &ListIdentityPoolsResponse{IdentityPools: []IdentityPoolShortDescription{}}
	if len(pools) > size {
		pools = pools[:size]
		out.NextToken = s.pageToken(scope, string(pools[size-1].ID))
	}

	for _, p := range pools {
		out.IdentityPools = append(out.IdentityPools, IdentityPoolShortDescription{
			IdentityPoolId:   new(string(p.ID)),
			IdentityPoolName: new(p.Name),
		})
	}

	return out, nil
}
