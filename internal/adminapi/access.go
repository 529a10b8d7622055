package adminapi

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

func (s *Service) lookupIdentityNeeds(
	_ context.Context, c awsapi.Caller, in *lookupIdentityInput,
) ([]awsapi.Access, error) {
	return s.about(c, in.IdentityPoolId, in.IdentityId, nil), nil
}

func (s *Service) loadIdentitiesNeeds(
	_ context.Context, c awsapi.Caller, in *cognitoidentity.LoadIdentitiesInput,
) ([]awsapi.Access, error) {
	return s.about(c, in.IdentityPoolId, nil, nil), nil
}

// revokeSessionsNeeds looks for the pool in the region of its ID: a revocation reaches
// all regions of the account, whatever region the call is signed for.
func (s *Service) revokeSessionsNeeds(
	_ context.Context, c awsapi.Caller, in *revokeSessionsInput,
) ([]awsapi.Access, error) {
	for _, id := range []*string{in.IdentityId, in.IdentityPoolId} {
		if id != nil {
			c.Region = identitypool.RegionOf(*id)
		}
	}

	return s.about(c, in.IdentityPoolId, in.IdentityId, in.RoleArn), nil
}

// about asks for the operation's action. The administrators' operations have no resource,
// but policies can use the tags of the pool, identity or role that the input names. The tags
// are unknown if it names none or several: only the operation finds out whose an access key
// is, for example.
func (s *Service) about(c awsapi.Caller, pool, identity, role *string) []awsapi.Access {
	needed := awsapi.Access{ResourceTags: awsapi.UnknownTags}
	switch {
	case pool != nil && identity == nil && role == nil:
		needed.ResourceTags = s.options.Pools.PoolTags(c, *pool)
	case pool == nil && identity != nil && role == nil:
		needed.ResourceTags = s.options.Pools.IdentityTags(c, *identity)
	case pool == nil && identity == nil && role != nil:
		needed.ResourceTags = s.roleTags(c, *role)
	}

	return []awsapi.Access{needed}
}

// roleTags returns a look-up of the tags of a role of the caller's account. It finds none
// if the role does not exist.
func (s *Service) roleTags(c awsapi.Caller, arn string) func(context.Context) (map[string]string, error) {
	return func(ctx context.Context) (map[string]string, error) {
		if !isRoleOf(arn, c.Account) {
			return nil, nil
		}

		found, err := s.options.Directory.RoleOf(ctx, arn)
		if errors.Is(err, iam.ErrNotFound) {
			return nil, nil
		}

		return found.Tags, err
	}
}

// createWithIDNeeds asks for the operation's action and for the access that
// CreateIdentityPool needs.
func createWithIDNeeds(ctx context.Context, c awsapi.Caller, in *createWithIDInput) ([]awsapi.Access, error) {
	if in.Pool == nil {
		return []awsapi.Access{{}}, nil
	}

	needed, err := cognitoidentity.CreateNeeds(ctx, c, in.Pool)
	return append(needed, awsapi.Access{RequestTags: awsapi.TagsOf(in.Pool.IdentityPoolTags)}), err
}

// homeOnly refuses callers of other accounts than the home account, which belongs to the operator.
func (s *Service) homeOnly(c awsapi.Caller, operation string) error {
	if c.Account == string(s.options.Home) {
		return nil
	}

	why := homeAccountOnly.With("account", c.Account, "operation", operation)
	return awsapi.RefusedAs(awsapi.AccessDenied, why, "Only the home account may call "+operation+".")
}

// ownAccount returns the account whose web identity tokens a call is about: the caller's, or another
// one that the home account names.
func (s *Service) ownAccount(
	c awsapi.Caller, named *string, operation string,
) (account identitypool.AccountID, pools bool, err error) {
	if named == nil || *named == c.Account {
		return identitypool.AccountID(c.Account), named == nil && c.Account == string(s.options.Home), nil
	}

	return identitypool.AccountID(*named), false, s.homeOnly(c, operation+" for another account")
}
