package adminapi

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/providercheck"
)

var (
	testedIssuerShape = awsapi.String{Min: 1, Max: 255}
	testedARNShape    = awsapi.String{Min: 20, Max: 2048}
	testedSAMLShape   = awsapi.String{Min: 1}
)

type testProviderInput struct {
	Issuer       *string
	ProviderArn  *string
	SamlMetadata *string
}

func (in *testProviderInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("issuer", in.Issuer, &testedIssuerShape, false)
	v.String("providerArn", in.ProviderArn, &testedARNShape, false)
	v.String("samlMetadata", in.SamlMetadata, &testedSAMLShape, false)

	return v.Violations()
}

type testProviderOutput struct {
	// Passed is true if sign-ins by the provider can work.
	Passed   bool
	Found    foundProvider
	Steps    []explainStep
	Warnings []string
}

type foundProvider struct {
	Issuer       string   // or the SAML entity ID; "" = none was found
	Algorithms   []string // that the provider names
	Keys         []foundKey
	UnusableKeys int
	Milliseconds float64
	Certificate  *foundCertificate `json:",omitzero"`
}

type foundKey struct {
	KeyId     string
	Type      string
	Algorithm string `json:",omitzero"`
	Bits      int
}

type foundCertificate struct{ Expires awsapi.Timestamp }

// testProvider fetches what a provider publishes, as a sign-in would.
func (s *Service) testProvider(
	ctx context.Context, c awsapi.Caller, in *testProviderInput,
) (*testProviderOutput, error) {
	account := identitypool.AccountID(c.Account)
	var found *providercheck.Result
	var err error

	switch {
	case in.Issuer != nil && in.ProviderArn == nil && in.SamlMetadata == nil:
		found, err = s.options.Checker.Issuer(ctx, account, *in.Issuer)
	case in.Issuer == nil && in.ProviderArn != nil && in.SamlMetadata == nil:
		found, err = s.options.Checker.Provider(ctx, account, *in.ProviderArn)
	case in.Issuer == nil && in.ProviderArn == nil && in.SamlMetadata != nil:
		found = s.options.Checker.Metadata(*in.SamlMetadata)
	default:
		return nil, missing("one of Issuer, ProviderArn and SamlMetadata")
	}

	switch {
	case errors.Is(err, iam.ErrNotFound):
		return nil, awsapi.Refused("ResourceNotFoundException", testedMissing.With("account", c.Account),
			"No such provider in this account.").Because(err)
	case errors.Is(err, providercheck.ErrBusy):
		return nil, awsapi.RefusedAs(awsapi.Throttled, testsBusy.With(), "")
	case err != nil:
		return nil, err
	}

	return shownTest(found), nil
}

func shownTest(r *providercheck.Result) *testProviderOutput {
	out := &testProviderOutput{
		Passed: true,
		Found: foundProvider{
			Algorithms:   append([]string{}, r.Algorithms...),
			Keys:         []foundKey{},
			UnusableKeys: r.Unusable,
			Milliseconds: float64(r.Took.Microseconds()) / 1000,
		},
		Warnings: append([]string{}, r.Warnings...),
	}
	if r.Issuer != "" {
		out.Found.Issuer = explain.ShownText(r.Issuer)
	}
	if !r.CertExpires.IsZero() {
		out.Found.Certificate = &foundCertificate{Expires: awsapi.Timestamp(r.CertExpires)}
	}

	for _, k := range r.Keys {
		out.Found.Keys = append(out.Found.Keys, foundKey{
			KeyId:     k.ID,
			Type:      k.Type,
			Algorithm: k.Algorithm,
			Bits:      k.Bits,
		})
	}

	for _, step := range r.Steps {
		if step.Refusal != nil {
			out.Passed = false
			out.Steps = append(out.Steps, *shownReason(step.Refusal))
			continue
		}
		out.Steps = append(out.Steps, explainStep{
			Code:  explain.CodeOf(step.Check),
			Check: step.Check,
			OK:    true,
			Got:   step.Got,
		})
	}

	return out
}
