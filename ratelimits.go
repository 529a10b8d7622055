package poolhouse

import (
	"cmp"
	"fmt"
	"maps"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/sts"
)

// Rate is how fast a token bucket fills, and how much it holds.
type Rate = ratelimit.Rate

// PresetAWS names the rates that AWS documents.
const PresetAWS = "aws"

// RateLimits bounds how often each account may call. Public operations count for the
// account of the pool or role that they name, signed ones for the caller's.
type RateLimits struct {
	// Preset is "" for no rates but those of Operations, or PresetAWS.
	Preset string
	// Operations are rates by SERVICE:OPERATION, such as cognito-identity:GetId, or of
	// the operations without one together by SERVICE:signed, SERVICE:public or
	// SERVICE:*. They replace the preset's. The zero Rate lifts a limit.
	Operations map[string]Rate
}

// AddressLimits bounds what one client address may do without having proved anything:
// an IPv4 address or an IPv6 /64. Zero fields of the rates are DefaultAddressLimits.
type AddressLimits struct {
	Off           bool
	Guests        Rate // new guests
	RefusedLogins Rate // calls whose login is refused
}

// DefaultAddressLimits leave room for an office or a mobile operator's customers
// behind one address. What they keep out is a client that fills the database with
// guests, or has signatures checked for nothing.
var DefaultAddressLimits = AddressLimits{
	Guests:        Rate{PerSecond: 100, Burst: 1000},
	RefusedLogins: Rate{PerSecond: 20, Burst: 200},
}

// withDefaults fills the zero fields of the rates.
func (l AddressLimits) withDefaults() AddressLimits {
	fill := func(r *Rate, standard Rate) {
		r.PerSecond = cmp.Or(r.PerSecond, standard.PerSecond)
		r.Burst = cmp.Or(r.Burst, standard.Burst)
	}
	fill(&l.Guests, DefaultAddressLimits.Guests)
	fill(&l.RefusedLogins, DefaultAddressLimits.RefusedLogins)
	return l
}

// rates returns the rates in force, by operation or group.
func (l RateLimits) rates() map[string]Rate {
	rates := map[string]Rate{}
	if l.Preset == PresetAWS {
		rates = ratelimit.AWS()
	}
	maps.Copy(rates, l.Operations)
	return rates
}

// checkRates reports rates and names that cannot be.
func (c *Config) checkRates() []error {
	var faults []error
	if c.RateLimits.Preset != "" && c.RateLimits.Preset != PresetAWS {
		fault := fmt.Errorf("rate_limits.preset %q: use %s, or leave it out", c.RateLimits.Preset, PresetAWS)
		faults = append(faults, fault)
	}
	faults = append(faults, ratelimit.CheckOperations(c.RateLimits.Operations, namedAPIs())...)

	addresses := c.AddressLimits.withDefaults()
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

// namedAPIs are awsAPIs for their operations' names alone: what does the work is not
// there yet when the settings are checked.
func namedAPIs() []awsapi.API {
	return awsAPIs(
		cognitoidentity.New(cognitoidentity.Options{}),
		sts.NewAPI(sts.APIOptions{}),
		iamapi.New(iamapi.Options{}),
	)
}

// wireAddresses builds the limits by client address; nil = they are off.
func (s *Server) wireAddresses() *ratelimit.Addresses {
	c := &s.config
	// The metrics are made with the APIs, which need this.
	observe := func(limit, operation string) { s.metrics.RateLimited(limit, operation) }
	s.rates = ratelimit.NewReporter(c.Logger, observe)
	if c.AddressLimits.Off {
		return nil
	}

	limits := c.AddressLimits.withDefaults()
	return ratelimit.NewAddresses(ratelimit.AddressOptions{
		Guests:        limits.Guests,
		RefusedLogins: limits.RefusedLogins,
		BehindProxy:   c.BehindProxy,
		Now:           c.Now,
		Reporter:      s.rates,
		Logger:        c.Logger,
	})
}
