package adminapi

import (
	"context"
	"maps"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

type listProviderSettingsInput struct{}

type listProviderSettingsOutput struct{ Providers []providerSettings }

type providerSettings struct {
	Arn      string
	Settings []providerSetting
}

type providerSetting struct {
	Name  string
	Value string `json:",omitzero"`
}

// listProviderSettings lists the settings of the account's providers that the IAM API
// cannot show, by ARN.
func (s *Service) listProviderSettings(
	_ context.Context, c awsapi.Caller, _ *listProviderSettingsInput,
) (*listProviderSettingsOutput, error) {
	all := s.options.Directory.ProviderSettings(identitypool.AccountID(c.Account))

	out := &listProviderSettingsOutput{Providers: []providerSettings{}}
	for _, arn := range slices.Sorted(maps.Keys(all)) {
		p := providerSettings{Arn: iam.ShownARN(arn, identitypool.Partition(c.Region))}
		for _, s := range all[arn] {
			p.Settings = append(p.Settings, providerSetting(s))
		}
		out.Providers = append(out.Providers, p)
	}

	return out, nil
}
