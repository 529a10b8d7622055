package adminapi

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/signingkeys"
)

var (
	accountShape      = awsapi.String{Pattern: awsapi.NewPattern(`[0-9]{12}`)}
	signingKeyIDShape = awsapi.String{Min: 1, Max: 128}
)

type signingKey struct {
	KeyId          string
	Algorithm      string
	State          string
	AgeSeconds     int64
	Account        string `json:",omitzero"` // whose web identity tokens it signs; absent = identity pools'
	SignsFrom      *awsapi.Timestamp
	SignsUntil     *awsapi.Timestamp `json:",omitzero"`
	PublishedUntil *awsapi.Timestamp `json:",omitzero"`
	RetiredAt      *awsapi.Timestamp `json:",omitzero"`
}

func (s *Service) shownSigningKeys(keys []signingkeys.Key) []signingKey {
	list := make([]signingKey, 0, len(keys))
	for _, k := range keys {
		list = append(list, s.shownSigningKey(k))
	}
	return list
}

func (s *Service) shownSigningKey(k signingkeys.Key) signingKey {
	return signingKey{
		KeyId:          k.ID,
		Algorithm:      k.Algorithm,
		State:          string(k.State),
		AgeSeconds:     int64(s.options.Now().Sub(k.Created).Seconds()),
		Account:        string(k.Account),
		SignsFrom:      moment(k.SignsFrom),
		SignsUntil:     moment(k.SignsUntil),
		PublishedUntil: moment(k.PublishedUntil),
		RetiredAt:      moment(k.Withdrawn),
	}
}

type listSigningKeysInput struct{ Account *string }

func (in *listSigningKeysInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("account", in.Account, &accountShape, false)

	return v.Violations()
}

type listSigningKeysOutput struct{ SigningKeys []signingKey }

// listSigningKeys lists the keys of an account's web identity tokens. For the home account it also
// lists those of identity pools.
func (s *Service) listSigningKeys(
	ctx context.Context, c awsapi.Caller, in *listSigningKeysInput,
) (*listSigningKeysOutput, error) {
	scope, err := s.signingScope(c, in.Account, "ListSigningKeys")
	if err != nil {
		return nil, err
	}
	keys, err := s.options.SigningKeys.List(ctx, scope)
	if err != nil {
		return nil, err
	}

	return &listSigningKeysOutput{SigningKeys: s.shownSigningKeys(keys)}, nil
}

// signingScope returns the keys that a caller means and may have.
func (s *Service) signingScope(c awsapi.Caller, named *string, operation string) (signingkeys.Scope, error) {
	account, pools, err := s.ownAccount(c, named, operation)
	return signingkeys.Scope{Pools: pools, Web: true, Account: account}, err
}

type rotateSigningKeysInput struct {
	Account *string
	Now     *bool
}

func (in *rotateSigningKeysInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("account", in.Account, &accountShape, false)

	return v.Violations()
}

// rotateSigningKeys adds a key for each algorithm.
func (s *Service) rotateSigningKeys(
	ctx context.Context, c awsapi.Caller, in *rotateSigningKeysInput,
) (*listSigningKeysOutput, error) {
	scope, err := s.signingScope(c, in.Account, "RotateSigningKeys")
	if err != nil {
		return nil, err
	}

	err = s.options.SigningKeys.Rotate(ctx, scope, in.Now != nil && *in.Now)
	switch {
	case errors.Is(err, signingkeys.ErrNoIssuer):
		return nil, awsapi.Refused("ResourceNotFoundException", signingKeysNone.With("account", string(scope.Account)),
			"The account has no signing keys.").Because(err)
	case errors.Is(err, issuer.ErrTooManyKeys):
		return nil, awsapi.Refused("LimitExceededException", signingKeysMany.With("fault", err.Error()),
			"Too many signing keys are published: wait until earlier ones end.").Because(err)
	case err != nil:
		return nil, err
	}

	keys, err := s.options.SigningKeys.List(ctx, scope)
	if err != nil {
		return nil, err
	}

	return &listSigningKeysOutput{SigningKeys: s.shownSigningKeys(keys)}, nil
}

type retireSigningKeyInput struct {
	KeyId   *string
	Account *string
}

func (in *retireSigningKeyInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("keyId", in.KeyId, &signingKeyIDShape, true)
	v.String("account", in.Account, &accountShape, false)

	return v.Violations()
}

type retireSigningKeyOutput struct{ SigningKey signingKey }

// retireSigningKey ends a key that leaked, with the tokens that it signed.
func (s *Service) retireSigningKey(
	ctx context.Context, c awsapi.Caller, in *retireSigningKeyInput,
) (*retireSigningKeyOutput, error) {
	scope, err := s.signingScope(c, in.Account, "RetireSigningKey")
	if err != nil {
		return nil, err
	}

	key, err := s.options.SigningKeys.Retire(ctx, scope, *in.KeyId)
	switch {
	case errors.Is(err, issuer.ErrNoKey):
		why := signingKeyMissing.With("account", string(scope.Account))
		return nil, awsapi.Refused("ResourceNotFoundException", why, "No such signing key.").Because(err)
	case errors.Is(err, issuer.ErrKeySigns):
		return nil, badInput(signingKeySigns.With(),
			"The key signs tokens now: call RotateSigningKeys with Now first.").Because(err)
	case err != nil:
		return nil, err
	}

	return &retireSigningKeyOutput{SigningKey: s.shownSigningKey(key)}, nil
}
