package ratelimit

import (
	"cmp"
	"maps"
)

// PresetAWS names the rates that AWS documents.
const PresetAWS = "aws"

// Settings has the rates at which each account may call. Public operations count for the
// account of the pool or role that they name, signed ones for the caller's account.
type Settings struct {
	// Preset is PresetAWS, or "" for no rates but those of Operations.
	Preset string
	// Operations has rates by SERVICE:OPERATION, such as cognito-identity:GetId. The
	// operations without one share the rate of SERVICE:signed, SERVICE:public or
	// SERVICE:*. These rates replace the preset's. The zero Rate removes a limit.
	Operations map[string]Rate
}

// AddressLimits has the rates of unproven calls from one client address: an IPv4 address
// or an IPv6 /64. DefaultAddressLimits replaces zero fields of the rates.
type AddressLimits struct {
	Off           bool
	Guests        Rate // new guests
	RefusedLogins Rate // calls whose login is refused
}

// DefaultAddressLimits has rates that leave room for an office, or a mobile operator's
// customers, behind one address. They stop a client that fills the database with guests,
// or has signatures checked for nothing.
var DefaultAddressLimits = AddressLimits{
	Guests:        Rate{PerSecond: 100, Burst: 1000},
	RefusedLogins: Rate{PerSecond: 20, Burst: 200},
}

// WithDefaults returns l with defaults in place of zero fields of the rates.
func (l AddressLimits) WithDefaults() AddressLimits {
	fill := func(r *Rate, standard Rate) {
		r.PerSecond = cmp.Or(r.PerSecond, standard.PerSecond)
		r.Burst = cmp.Or(r.Burst, standard.Burst)
	}
	fill(&l.Guests, DefaultAddressLimits.Guests)
	fill(&l.RefusedLogins, DefaultAddressLimits.RefusedLogins)

	return l
}

// Rates returns the rates in force, by operation or group.
func (l Settings) Rates() map[string]Rate {
	rates := map[string]Rate{}
	if l.Preset == PresetAWS {
		rates = AWS()
	}
	maps.Copy(rates, l.Operations)

	return rates
}
