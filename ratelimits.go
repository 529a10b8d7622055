package poolhouse

import (
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/stsapi"
)

// Types of the rate settings.
type (
	Rate          = ratelimit.Rate
	RateLimits    = ratelimit.Settings
	AddressLimits = ratelimit.AddressLimits
)

// PresetAWS is the preset with the rates that AWS documents.
const PresetAWS = ratelimit.PresetAWS

// DefaultAddressLimits leave room for an office, or a mobile operator's customers, behind one
// address.
var DefaultAddressLimits = ratelimit.DefaultAddressLimits

// checkRates reports invalid rates and unknown names.
func (c *Config) checkRates() []error {
	var faults []error
	if c.RateLimits.Preset != "" && c.RateLimits.Preset != PresetAWS {
		fault := fmt.Errorf("rate_limits.preset %q: use %s, or leave it out", c.RateLimits.Preset, PresetAWS)
		faults = append(faults, fault)
	}
	faults = append(faults, ratelimit.CheckOperations(c.RateLimits.Operations, namedAPIs())...)

	addresses := c.AddressLimits.WithDefaults()
	for _, r := range []struct {
		setting string
		Rate
	}{
		{setting: "guest", Rate: addresses.Guests},
		{setting: "refused_login", Rate: addresses.RefusedLogins},
	} {
		if err := r.Check(); err != nil {
			faults = append(faults, fmt.Errorf("address_limits.%s_%w", r.setting, err))
		}
	}

	return faults
}

// namedAPIs returns awsAPIs only for the names of their operations: when the settings are
// checked, the services behind them do not exist yet.
func namedAPIs() []awsapi.API {
	return awsAPIs(
		cognitoidentity.New(cognitoidentity.Options{}),
		stsapi.NewAPI(stsapi.APIOptions{}),
		iamapi.New(iamapi.Options{}),
	)
}

// wireAddresses builds the limits by client address; nil = they are off.
func (s *Server) wireAddresses() *ratelimit.Addresses {
	c := &s.config
	// The metrics are made later, with the APIs, which need the result of this function.
	observe := func(limit, operation string) { s.metrics.RateLimited(limit, operation) }
	s.rates = ratelimit.NewReporter(c.Logger, observe)
	if c.AddressLimits.Off {
		return nil
	}
	limits := c.AddressLimits.WithDefaults()

	return ratelimit.NewAddresses(ratelimit.AddressOptions{
		Guests:        limits.Guests,
		RefusedLogins: limits.RefusedLogins,
		BehindProxy:   c.BehindProxy,
		Now:           c.Now,
		Reporter:      s.rates,
		Logger:        c.Logger,
	})
}
