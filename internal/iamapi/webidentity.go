package iamapi

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// Codes of the operations about web identity tokens (IAM API reference).
const (
	featureEnabled  = "FeatureEnabled"
	featureDisabled = "FeatureDisabled"
)

// WebIdentities lets accounts get web identity tokens. *webidentity.Issuers is one; its errors are those of
// that package.
type WebIdentities interface {
	Enable(ctx context.Context, account identitypool.AccountID) (issuer string, err error)
	Disable(ctx context.Context, account identitypool.AccountID) error
	URL(ctx context.Context, account identitypool.AccountID) (issuer string, err error)
}

type outboundFederationInput struct{}

type enableOutboundFederationOutput struct{ IssuerIdentifier string }

// enableOutboundFederation lets the account's principals get web identity tokens. The first time it makes
// the account's issuer; later the issuer stays the same.
func (s *Service) enableOutboundFederation(
	ctx context.Context, c awsapi.Caller, _ *outboundFederationInput,
) (*enableOutboundFederationOutput, error) {
	issuer, err := s.webIdentities.Enable(ctx, accountOf(c))
	if errors.Is(err, webidentity.ErrEnabled) {
		return nil, refuse(featureEnabled, federationEnabled.With())
	} else if err != nil {
		return nil, err
	}

	return &enableOutboundFederationOutput{IssuerIdentifier: issuer}, nil
}

// disableOutboundFederation ends the account's permission to get web identity tokens. Those that it has stay
// valid until they expire.
func (s *Service) disableOutboundFederation(
	ctx context.Context, c awsapi.Caller, _ *outboundFederationInput,
) (*awsapi.NoOutput, error) {
	err := s.webIdentities.Disable(ctx, accountOf(c))
	if errors.Is(err, webidentity.ErrDisabled) {
		return nil, refuse(featureDisabled, federationDisabled.With())
	} else if err != nil {
		return nil, err
	}

	return &awsapi.NoOutput{}, nil
}

type outboundFederationInfoOutput struct {
	IssuerIdentifier  string
	JwtVendingEnabled bool
}

// getOutboundFederationInfo returns the account's issuer. It refuses if the tokens are not enabled, as the
// acceptance tests of Terraform's AWS provider show for AWS.
func (s *Service) getOutboundFederationInfo(
	ctx context.Context, c awsapi.Caller, _ *outboundFederationInput,
) (*outboundFederationInfoOutput, error) {
	issuer, err := s.webIdentities.URL(ctx, accountOf(c))
	if errors.Is(err, webidentity.ErrDisabled) {
		return nil, refuse(featureDisabled, federationDisabled.With())
	} else if err != nil {
		return nil, err
	}

	return &outboundFederationInfoOutput{IssuerIdentifier: issuer, JwtVendingEnabled: true}, nil
}

// Reasons about web identity tokens.
var (
	federationEnabled = Refusals.Add(explain.Reason{
		Code:     "web-identity-federation-enabled",
		Check:    "web identity federation",
		Expected: "an account that has not enabled web identity tokens",
		Got:      "the caller's account, which has",
		Fix:      "nothing is left to do; GetOutboundWebIdentityFederationInfo returns the issuer",
		Message: "The request failed because outbound identity federation is already enabled for your AWS account. " +
			"You cannot enable the feature multiple times. To fetch the current configuration (including the unique " +
			"issuer URL), use the GetOutboundWebIdentityFederationInfo operation.",
	})
	federationDisabled = Refusals.Add(explain.Reason{
		Code:     "web-identity-federation-disabled",
		Check:    "web identity federation",
		Expected: "an account that has enabled web identity tokens",
		Got:      "the caller's account, which has not, or has disabled them",
		Fix:      "call EnableOutboundWebIdentityFederation if the account's callers need web identity tokens",
		Message: "The request failed because outbound identity federation is already disabled for your AWS account. " +
			"You cannot disable the feature multiple times",
	})
)
