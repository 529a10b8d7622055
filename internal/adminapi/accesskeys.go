package adminapi

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

const (
	keyActive   = "Active"
	keyInactive = "Inactive"

	maxKeysPage = 100
)

var (
	keyIDShape          = awsapi.String{Min: 3, Max: 128}
	keyStatusShape      = awsapi.String{Enum: []string{keyActive, keyInactive}}
	keyPolicyShape      = awsapi.String{Min: 1, Max: 10_240}
	keyDescriptionShape = awsapi.String{Max: 256}
	keysPageShape       = awsapi.Integer{Min: 1, Max: maxKeysPage}
	pageTokenShape      = awsapi.String{Min: 1, Max: 2048}
)

// accessKey is a key as this API shows it. Its secret is never in it.
type accessKey struct {
	AccessKeyId string
	Status      string // Active or Inactive
	Description string `json:",omitzero"`
	CreateDate  awsapi.Timestamp
	// Root is true for a key without a policy, which may do everything in the account.
	Root   bool
	Own    bool   // the caller signs with it, or with temporary credentials of it
	Policy string `json:",omitzero"`
}

type createAccessKeyInput struct {
	Policy      *string
	Description *string
}

func (in *createAccessKeyInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("policy", in.Policy, &keyPolicyShape, false) // its absence has a reason of its own
	v.String("description", in.Description, &keyDescriptionShape, false)

	return v.Violations()
}

type createAccessKeyOutput struct {
	AccessKey       accessKey
	SecretAccessKey string // no other call returns it
	// Warnings are about condition keys in the policy that the server cannot know.
	Warnings []string
}

// createAccessKey makes a key of the caller's account that is bound by a policy.
func (s *Service) createAccessKey(
	ctx context.Context, c awsapi.Caller, in *createAccessKeyInput,
) (*createAccessKeyOutput, error) {
	who := iamCaller(c)
	key, secret, err := s.keys().Create(ctx, who, iam.NewAccessKey{
		Description: awsapi.Text(in.Description),
		Policy:      awsapi.Text(in.Policy),
	})
	if err != nil {
		return nil, keyRefusal(c, err)
	}

	return &createAccessKeyOutput{
		AccessKey:       shownKey(key, who),
		SecretAccessKey: secret,
		Warnings:        append([]string{}, iam.AccessKeyPolicyWarnings(key.Policy)...),
	}, nil
}

type listAccessKeysInput struct {
	MaxResults *int
	NextToken  *string
}

func (in *listAccessKeysInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.Integer("maxResults", in.MaxResults, &keysPageShape, false)
	v.String("nextToken", in.NextToken, &pageTokenShape, false)

	return v.Violations()
}

type listAccessKeysOutput struct {
	AccessKeys []accessKey
	NextToken  *string `json:",omitzero"`
}

// listAccessKeys lists the keys of the caller's account, by ID.
func (s *Service) listAccessKeys(
	ctx context.Context, c awsapi.Caller, in *listAccessKeysInput,
) (*listAccessKeysOutput, error) {
	scope := []string{"access-keys"}
	after, err := s.pageStart(c, scope, in.NextToken)
	if err != nil {
		return nil, err
	}
	all, err := s.options.Keys.List(ctx, identitypool.AccountID(c.Account))
	if err != nil {
		return nil, err
	}

	size := pageSize(in.MaxResults, maxKeysPage)
	first, _ := slices.BinarySearchFunc(all, after, func(k iam.AccessKey, after string) int {
		if k.ID <= after {
			return -1
		}
		return 1
	})
	rest := all[first:]

	out, who := &listAccessKeysOutput{AccessKeys: []accessKey{}}, iamCaller(c)
	if len(rest) > size {
		rest = rest[:size]
		out.NextToken = s.pageToken(c, scope, rest[size-1].ID)
	}

	for _, key := range rest {
		out.AccessKeys = append(out.AccessKeys, shownKey(key, who))
	}

	return out, nil
}

type updateAccessKeyInput struct {
	AccessKeyId *string
	Status      *string
	AllowOwn    *bool
}

func (in *updateAccessKeyInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("accessKeyId", in.AccessKeyId, &keyIDShape, true)
	v.String("status", in.Status, &keyStatusShape, true)

	return v.Violations()
}

// updateAccessKey enables or disables a key.
func (s *Service) updateAccessKey(
	ctx context.Context, c awsapi.Caller, in *updateAccessKeyInput,
) (*awsapi.NoOutput, error) {
	own := in.AllowOwn != nil && *in.AllowOwn
	err := s.keys().SetDisabled(ctx, iamCaller(c), *in.AccessKeyId, *in.Status == keyInactive, own)

	return nil, keyRefusal(c, err)
}

type deleteAccessKeyInput struct {
	AccessKeyId *string
	AllowOwn    *bool
}

func (in *deleteAccessKeyInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("accessKeyId", in.AccessKeyId, &keyIDShape, true)

	return v.Violations()
}

// deleteAccessKey removes a key.
func (s *Service) deleteAccessKey(
	ctx context.Context, c awsapi.Caller, in *deleteAccessKeyInput,
) (*awsapi.NoOutput, error) {
	own := in.AllowOwn != nil && *in.AllowOwn

	return nil, keyRefusal(c, s.keys().Delete(ctx, iamCaller(c), *in.AccessKeyId, own))
}

func (s *Service) keys() *iam.KeyManager {
	return &iam.KeyManager{Keys: s.options.Keys, Authorizer: s.options.Authorizer}
}

// iamCaller returns the caller as IAM knows it; the zero Caller, which may do nothing, if it does not.
func iamCaller(c awsapi.Caller) iam.Caller {
	who, _ := c.Session.(iam.Caller)
	return who
}

func shownKey(k iam.AccessKey, who iam.Caller) accessKey {
	status := keyActive
	if k.Disabled {
		status = keyInactive
	}

	return accessKey{
		AccessKeyId: k.ID,
		Status:      status,
		Description: k.Description,
		CreateDate:  awsapi.Timestamp(k.Created),
		Root:        k.Policy == "",
		Own:         who.UsesKey(k.ID),
		Policy:      k.Policy,
	}
}

// keyRefusal returns the refusal for an error of the key manager; others it returns as they are.
func keyRefusal(c awsapi.Caller, err error) error {
	switch {
	case errors.Is(err, iam.ErrNotFound):
		return awsapi.Refused("ResourceNotFoundException", keyMissing.With("account", c.Account),
			"No such access key in this account.").Because(err)
	case errors.Is(err, iam.ErrBounded):
		return awsapi.RefusedAs(awsapi.AccessDenied, keyBounded.With("caller", c.ARN),
			"Only a caller that may do everything in the account may make or enable an access key, "+
				"or take a key without a policy out of use.").Because(err)
	case errors.Is(err, iam.ErrRootKey):
		return badInput(keyWithoutPolicy.With(), "Give Policy: a key without a policy may do everything in the "+
			"account, and is made with poolhouse keys create.")
	case errors.Is(err, iam.ErrOwnKey):
		return badInput(keyOwn.With(), "This is the key that signs the call: give AllowOwn to end it all the same.")
	case errors.Is(err, iam.ErrLastKey):
		return badInput(keyLast.With("account", c.Account),
			"This is the account's last enabled access key without a policy.").Because(err)
	case errors.Is(err, iam.ErrKeyLimit):
		return awsapi.Refused("LimitExceededException", keyLimit.With("limit", strconv.Itoa(iam.MaxAccountKeys)),
			"The account has %d access keys.", iam.MaxAccountKeys)
	case errors.Is(err, iam.ErrKeyForm):
		fault := strings.TrimPrefix(err.Error(), iam.ErrKeyForm.Error()+": ")
		return badInput(keyForm.With("fault", fault), "The access key is not valid: "+fault+".").Because(err)
	}

	return err
}
