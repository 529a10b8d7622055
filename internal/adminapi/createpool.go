package adminapi

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
)

// createWithIDInput is a pool's ID and the input of CreateIdentityPool.
type createWithIDInput struct {
	IdentityPoolId *string
	Pool           *cognitoidentity.CreateIdentityPoolInput
}

func (in *createWithIDInput) Validate() []awsapi.Violation {
	if in.Pool == nil {
		return nil
	}
	return in.Pool.Validate()
}

// createIdentityPoolWithID makes a pool with an ID that clients already know.
func (s *Service) createIdentityPoolWithID(
	ctx context.Context, c awsapi.Caller, in *createWithIDInput,
) (*cognitoidentity.IdentityPool, error) {
	if in.IdentityPoolId == nil || in.Pool == nil {
		return nil, missing("IdentityPoolId and Pool")
	}
	return s.options.Pools.CreateIdentityPoolWithID(ctx, c, *in.IdentityPoolId, in.Pool)
}
