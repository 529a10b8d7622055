package adminapi

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

type validatePoolOutput struct {
	Violations []poolViolation // in the order of the checks
	// Refusals has what each of the operations would answer that would refuse.
	Refusals []poolViolation
	Warnings []cognitoidentity.PoolWarning
}

// poolViolation is one reason for which an operation would refuse the pool.
type poolViolation struct {
	Operation string
	Field     string `json:",omitzero"`
	Error     string // type
	Message   string
	Reason    explain.Code `json:",omitzero"`
	Fix       string       `json:",omitzero"`
}

// validateIdentityPool checks a pool as the operations that make and change it do.
func (s *Service) validateIdentityPool(
	ctx context.Context, c awsapi.Caller, in *cognitoidentity.ValidateIdentityPoolInput,
) (*validatePoolOutput, error) {
	v, err := s.options.Pools.ValidateIdentityPool(ctx, c, in)
	if err != nil {
		return nil, err
	}

	return &validatePoolOutput{
		Violations: shownFaults(v.Faults),
		Refusals:   shownFaults(v.Refused),
		Warnings:   append([]cognitoidentity.PoolWarning{}, v.Warnings...),
	}, nil
}

func shownFaults(faults []cognitoidentity.PoolFault) []poolViolation {
	list := make([]poolViolation, 0, len(faults))
	for _, f := range faults {
		one := poolViolation{
			Operation: f.Operation,
			Field:     f.Field,
			Error:     f.Error,
			Message:   f.Message,
		}
		if one.Error == "" {
			one.Error = "ValidationException"
		}
		if f.Why != nil {
			one.Reason, one.Fix = f.Why.Reason.Code, f.Why.Fix
		}
		list = append(list, one)
	}

	return list
}

func (s *Service) validatePoolNeeds(
	_ context.Context, c awsapi.Caller, in *cognitoidentity.ValidateIdentityPoolInput,
) ([]awsapi.Access, error) {
	if in.IdentityPoolId == nil {
		return []awsapi.Access{{RequestTags: awsapi.TagsOf(in.IdentityPoolTags)}}, nil
	}
	return s.about(c, in.IdentityPoolId, nil, nil), nil
}
