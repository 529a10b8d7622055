package sts

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// Names by which requests call the STS API (AWS Query).
const (
	APIName      = "sts"
	APIVersion   = "2011-06-15"
	APINamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// Operations is the STS API's table.
func Operations() []awsapi.Operation {
	return []awsapi.Operation{
		// No permission is needed to learn who one is (STS API reference).
		awsapi.Signed("GetCallerIdentity", "sts:GetCallerIdentity", getCallerIdentity, needsNothing[getCallerIdentityInput]),
	}
}

func needsNothing[In any](context.Context, awsapi.Caller, *In) ([]awsapi.Access, error) {
	return nil, nil
}

type getCallerIdentityInput struct{}

type getCallerIdentityResult struct {
	UserId  string
	Account string
	Arn     string
}

func getCallerIdentity(_ context.Context, c awsapi.Caller, _ *getCallerIdentityInput) (*getCallerIdentityResult, error) {
	who, _ := c.Session.(iam.Caller)
	id := CallerIdentityOf(who)
	return &getCallerIdentityResult{UserId: id.UserID, Account: string(id.Account), Arn: id.ARN}, nil
}
