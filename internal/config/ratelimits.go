package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// RateLimits bounds how often each account may call. The server checks its values.
type RateLimits struct {
	Preset     string           `yaml:"preset" json:"preset,omitempty"`
	Operations map[string]*Rate `yaml:"operations" json:"operations,omitempty"`

	fault string // why the value in the file is not valid; checkRates reports it
}

// UnmarshalYAML accepts off, or a mapping.
func (l *RateLimits) UnmarshalYAML(unmarshal func(any) error) error {
	var value any
	if err := unmarshal(&value); err != nil {
		return err
	}

	if *l = (RateLimits{}); isOff(value) {
		return nil
	}

	given, ok := value.(map[string]any)
	if !ok {
		l.fault = "rate_limits must be off, or a mapping with preset and operations"
		return nil
	}

	if operations := given["operations"]; operations != nil {
		if _, ok := operations.(map[string]any); !ok {
			l.fault = "rate_limits.operations must be a mapping of operations to rates"
			return nil
		}
	}

	type mapping RateLimits // without this method

	return unmarshal((*mapping)(l))
}

// Rate is the rate at which a token bucket fills, and its size. Both are zero for "off".
type Rate struct {
	Rate  float64 `yaml:"rate"`  // calls a second
	Burst int     `yaml:"burst"` // calls at once; 0 is rate, rounded up

	fault string // why the value in the file is not valid; checkRates adds the setting
}

// off lifts a limit, or a section of limits. In YAML 1.1 it means false.
const off = "off"

// noRate is the fault of a value that is neither off nor a mapping.
const noRate = "give off, or a mapping with rate and burst"

func isOff(value any) bool {
	enabled, ok := boolean(value)
	return ok && !enabled
}

// UnmarshalYAML accepts off, or a mapping with a rate.
func (r *Rate) UnmarshalYAML(unmarshal func(any) error) error {
	var value any
	if err := unmarshal(&value); err != nil {
		return err
	}

	if *r = (Rate{}); isOff(value) {
		return nil
	}

	given, ok := value.(map[string]any)
	if !ok {
		r.fault = noRate
		return nil
	}

	if r.Rate, ok = number(given["rate"]); !ok || r.Rate == 0 {
		r.fault = "rate: give the number of calls a second; off lifts the limit"
		return nil
	}

	if burst, has := given["burst"]; has {
		n, ok := number(burst)
		if r.Burst = int(n); !ok || float64(r.Burst) != n || r.Burst < 1 {
			r.fault = "burst: give a whole number of calls from 1 to 1000000, or leave it out"
		}
	}

	return nil
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

// MarshalJSON returns the rate as in the file.
func (r Rate) MarshalJSON() ([]byte, error) {
	if r == (Rate{}) {
		return json.Marshal(off)
	}

	shown := map[string]float64{"rate": r.Rate}
	if r.Burst != 0 {
		shown["burst"] = float64(r.Burst)
	}

	return json.Marshal(shown)
}

// checkRates reports values that are not rates.
func (f File) checkRates() []error {
	if f.RateLimits == nil {
		return nil
	}
	if f.RateLimits.fault != "" {
		return []error{errors.New(f.RateLimits.fault)}
	}

	var faults []error
	for _, name := range slices.Sorted(maps.Keys(f.RateLimits.Operations)) {
		fault := noRate
		if r := f.RateLimits.Operations[name]; r != nil {
			fault = r.fault
		}
		if fault != "" {
			faults = append(faults, fmt.Errorf("rate_limits.operations.%s: %s", name, fault))
		}
	}

	return faults
}
