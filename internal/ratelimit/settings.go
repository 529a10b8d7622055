package ratelimit

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// PresetAWS names the rates that AWS documents.
const PresetAWS = "aws"

// Settings has the rates at which each account may call. Public operations count for the
// account of the pool or role that they name, signed ones for the caller's account.
type Settings struct {
	// Preset is PresetAWS, or "" for no rates but those of Operations.
	Preset string `yaml:"preset"`
	// Operations has rates by SERVICE:OPERATION, such as cognito-identity:GetId. The
	// operations without one share the rate of SERVICE:signed, SERVICE:public or
	// SERVICE:*. These rates replace the preset's. The zero Rate removes a limit.
	Operations map[string]Rate `yaml:"operations"`
}

// IsZero reports whether nothing is limited.
func (l Settings) IsZero() bool { return l.Preset == "" && l.Operations == nil }

// UnmarshalYAML accepts off, or a mapping. Each operation has off, or a mapping with a rate.
func (l *Settings) UnmarshalYAML(unmarshal func(any) error) error {
	var value any
	if err := unmarshal(&value); err != nil {
		return err
	}

	*l = Settings{}
	if isOff(value) {
		return nil
	}
	given, ok := value.(map[string]any)
	if !ok {
		return errors.New("rate_limits must be off, or a mapping with preset and operations")
	}
	operations, ok := given["operations"].(map[string]any)
	if given["operations"] != nil && !ok {
		return errors.New("rate_limits.operations must be a mapping of operations to rates")
	}

	var preset struct {
		Preset string `yaml:"preset"`
	}
	if err := unmarshal(&preset); err != nil {
		return err
	}
	l.Preset, l.Operations = preset.Preset, make(map[string]Rate, len(operations))

	var faults []error
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		r, err := readRate(operations[name])
		if err != nil {
			faults = append(faults, fmt.Errorf("%s.%s: %w", operationsSetting, name, err))
		}
		l.Operations[name] = r
	}

	return errors.Join(faults...)
}

// off lifts a limit, or all of them. In YAML 1.1 it means false.
const off = "off"

func isOff(value any) bool {
	switch v := value.(type) {
	case bool:
		return !v
	case string:
		return slices.Contains([]string{off, "no", "false"}, strings.ToLower(v))
	default:
		return false
	}
}

// readRate reads a rate of the settings file.
func readRate(value any) (r Rate, err error) {
	if isOff(value) {
		return r, nil
	}
	given, ok := value.(map[string]any)
	if !ok {
		return r, errors.New("give off, or a mapping with rate and burst")
	}

	r.PerSecond, ok = number(given["rate"])
	if !ok || r.PerSecond == 0 {
		return r, errors.New("rate: give the number of calls a second; off lifts the limit")
	}
	if burst, has := given["burst"]; has {
		n, ok := number(burst)
		r.Burst = int(n)
		if !ok || float64(r.Burst) != n || r.Burst < 1 {
			return r, fmt.Errorf("burst: give a whole number of calls from 1 to %d, or leave it out", maxBurst)
		}
	}

	return r, nil
}

// number reads a number. The YAML library reads one with an exponent but without a point,
// such as 1e308, as text. A number beyond any float64 is infinite.
func number(value any) (n float64, ok bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case uint64:
		return float64(v), true
	case int64:
		return float64(v), true
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil || errors.Is(err, strconv.ErrRange)
	default:
		return 0, false
	}
}

// MarshalJSON returns the rate as in the settings file.
func (r Rate) MarshalJSON() ([]byte, error) {
	if !r.limits() {
		return json.Marshal(off)
	}

	shown := map[string]float64{"rate": r.PerSecond}
	if r.Burst != 0 {
		shown["burst"] = float64(r.Burst)
	}

	return json.Marshal(shown)
}

// AddressLimits has the rates of unproven calls from one client address: an IPv4 address
// or an IPv6 /64. DefaultAddressLimits replaces zero fields of the rates.
type AddressLimits struct {
	Off           bool `setting:"enabled,not"`
	Guests        Rate `setting:"guest_"`         // new guests
	RefusedLogins Rate `setting:"refused_login_"` // calls whose login is refused
}

// SettingHelp documents the settings, by name.
func (AddressLimits) SettingHelp() map[string]string {
	return map[string]string{
		"enabled": "Limit new guests and refused logins from one client address (IPv6: /64). " +
			"The file may also have address_limits: on or off. See docs/operations.md, \"Rate limits\".",
		"guest_rate":          "New guests per second from one client address, a whole number from 1 to 1000000.",
		"guest_burst":         "New guests at once from one client address, a whole number from 1 to 1000000.",
		"refused_login_rate":  "Refused logins per second from one client address, a whole number from 1 to 1000000.",
		"refused_login_burst": "Refused logins at once from one client address, a whole number from 1 to 1000000.",
	}
}

// Validate returns an error for each rate that no bucket can have.
func (l AddressLimits) Validate() error {
	l = l.WithDefaults()
	var faults []error
	if err := l.Guests.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("address_limits.guest_%w", err))
	}
	if err := l.RefusedLogins.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("address_limits.refused_login_%w", err))
	}

	return errors.Join(faults...)
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

// Rates returns the rates in force, by operation or group: those of builtIn, which apply
// without any setting, then those of the preset, then Operations.
func (l Settings) Rates(builtIn map[string]Rate) map[string]Rate {
	rates := maps.Clone(builtIn)
	if rates == nil {
		rates = map[string]Rate{}
	}
	if l.Preset == PresetAWS {
		maps.Copy(rates, awsRates())
	}
	maps.Copy(rates, l.Operations)

	return rates
}
