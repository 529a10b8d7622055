package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// RateLimits bounds how often each account may call; the server checks its values.
type RateLimits struct {
	Preset     string           `yaml:"preset" json:"preset,omitempty"`
	Operations map[string]*Rate `yaml:"operations" json:"operations,omitempty"`
}

// Rate is how fast a token bucket fills, and how much it holds. Both are zero for
// "off".
type Rate struct {
	Rate  float64 `yaml:"rate"`  // calls a second
	Burst int     `yaml:"burst"` // calls at once; 0 is rate, rounded up

	fault string // why the file's value is none; checkRates names the setting
}

// off lifts a limit, or a section of limits. YAML 1.1 reads it as false.
const off = "off"

// noRate is the fault of a value that is neither off nor a mapping.
const noRate = "give off, or a mapping with rate and burst"

func isOff(value any) bool { return value == off || value == false }

// UnmarshalYAML takes off, or a mapping with a rate.
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
			r.fault = "burst: give a whole number of calls above 0, or leave it out"
		}
	}
	return nil
}

func number(value any) (n float64, ok bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case uint64:
		return float64(v), true
	case int64:
		return float64(v), true
	default:
		return 0, false
	}
}

// MarshalJSON shows the rate as the file has it.
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

// checkRates reports values that are no rates.
func (f File) checkRates() []error {
	if f.RateLimits == nil {
		return nil
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
