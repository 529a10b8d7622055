package ratelimit

import (
	"cmp"
	"maps"
)

// PresetAWS names the rates that AWS documents.
const PresetAWS = "aws"

// Settings bound how often each account may call. Public operations count for the
// account of the pool or role that they name, signed ones for the caller's.
type Settings struct {
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

// WithDefaults fills the zero fields of the rates.
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
