package iamapi

import (
	"context"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// Operations that clients call when they start, to learn the account's number.

type getUserInput struct{ UserName *string }

func (in *getUserInput) Validate() []awsapi.Violation {
	return checked(optional("userName", in.UserName, &userName)).Violations()
}

type user struct {
	Path       *string `xml:",omitempty"`
	UserName   *string `xml:",omitempty"`
	UserId     string
	Arn        string
	CreateDate string
}

type getUserOutput struct{ User user }

// getUser describes the caller itself, root or an access key with a policy:
// there are no other users.
func (s *Service) getUser(_ context.Context, c awsapi.Caller, in *getUserInput) (*getUserOutput, error) {
	_, resource, _ := strings.Cut(c.ARN, ":iam::"+c.Account+":")
	path, isUser := strings.CutPrefix(resource, "user")
	out := user{UserId: c.UserID, Arn: c.ARN, CreateDate: timestamp(time.Time{})}
	if isUser {
		slash := strings.LastIndexByte(path, '/') + 1
		out.Path, out.UserName = new(path[:slash]), new(path[slash:])
	}

	switch {
	case in.UserName != nil && *in.UserName != awsapi.Text(out.UserName):
		return nil, refuse(noSuchEntity, userMissing.With("name", *in.UserName))
	case !isUser && resource != "root":
		return nil, awsapi.RefusedAs(awsapi.InvalidInput, userUnnamed.With(), userUnnamed.Message)
	}

	return &getUserOutput{User: out}, nil
}

type listAccountAliasesInput struct{ paging }

func (in *listAccountAliasesInput) Validate() []awsapi.Violation {
	return listed(in.paging)
}

type listAccountAliasesOutput struct {
	AccountAliases list[string]
	pageEnd
}

// listAccountAliases returns an empty list: accounts have no aliases here.
func (s *Service) listAccountAliases(
	context.Context, awsapi.Caller, *listAccountAliasesInput,
) (*listAccountAliasesOutput, error) {
	return &listAccountAliasesOutput{}, nil
}
