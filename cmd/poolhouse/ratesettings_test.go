package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRates(t *testing.T) {
	const (
		name     = "rate_limits.operations.sts:*: "
		noRate   = "give off, or a mapping with rate and burst"
		noNumber = name + "rate: give the number of calls a second; off lifts the limit"
		noBurst  = name + "burst: give a whole number of calls from 1 to 1000000, or leave it out"
	)
	for _, test := range []struct {
		value string
		want  string // as shown, or the fault
	}{
		{"{rate: 25}", `{"rate":25}`},
		{"{rate: 0.5, burst: 3}", `{"burst":3,"rate":0.5}`},
		{"off", `"off"`},
		{"false", `"off"`},
		{"no", `"off"`},
		{"Off", `"off"`},
		{"{rate: 1e308}", `{"rate":1e+308}`}, // and these
		{"{rate: 1e-300}", `{"rate":1e-300}`},
		{"{rate: -1}", `{"rate":-1}`}, // the server refuses it
		{"", name + noRate},
		{"5", name + noRate},
		{"on", name + noRate},
		{"[1, 2]", name + noRate},
		{"{burst: 3}", noNumber},
		{"{rate: 0}", noNumber},
		{"{rate: fast}", noNumber},
		{"{rate: 1, burst: 1e308}", noBurst},
		{"{rate: 1, burst: .inf}", noBurst},
		{"{rate: 1, burst: 0}", noBurst},
		{"{rate: 1, burst: -1}", noBurst},
		{"{rate: 1, burst: 1.5}", noBurst},
		{"{rate: 1, burst: 99999999999999999999}", noBurst},
		{"{rate: 1, brust: 3}", "unknown setting rate_limits.operations.sts:*.brust"},
	} {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		text := "rate_limits:\n  operations:\n    \"sts:*\": " + test.value + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}

		s, err := load(nil, nil, path)
		got := ""
		if err != nil {
			got = err.Error()
		} else if shown, err := json.Marshal(s.file.RateLimits.Operations["sts:*"]); err == nil {
			got = string(shown)
		}
		if !strings.Contains(got, test.want) || err == nil && got != test.want {
			t.Errorf("%q: %s, want %s", test.value, got, test.want)
		}
	}
}

func TestAddressLimits(t *testing.T) {
	for _, test := range []struct{ text, enabled, rate, fault string }{
		{"", "true", "100", ""},
		{"address_limits: off", "false", "100", ""},
		{"address_limits: false", "false", "100", ""},
		{"address_limits: {guest_rate: 7}", "true", "7", ""},
		{"address_limits: {enabled: false}", "false", "100", ""},
		{"address_limits: no", "false", "100", ""},
		{"address_limits: OFF", "false", "100", ""},
		{"address_limits: on", "true", "100", ""},
		{"address_limits: yes", "true", "100", ""},
		{"address_limits: true", "true", "100", ""},
		{"address_limits: {enabled: off}", "false", "100", ""},
		{"address_limits: {enabled: yes}", "true", "100", ""},
		{"address_limits: 5", "", "", "address_limits must be on, off or a mapping"},
		{"address_limits: [off]", "", "", "address_limits must be on, off or a mapping"},
		{"address_limits: {guest_rate: 0}", "", "", `"0": use a whole number from 1`},
		{"address_limits: {guest_rate: 1000000}", "true", "1000000", ""},
		{"address_limits: {guest_rate: 1000001}", "", "", `"1000001": use a whole number from 1 to 1000000`},
		{"address_limits: {guest_rate: -1}", "", "", `"-1": use a whole number from 1`},
		{"address_limits: {guest_rate: 0.5}", "", "", `"0.5": use a whole number from 1`},
		{"address_limits: {guest_rate: .nan}", "", "", `".nan": use a whole number from 1`},
		{"address_limits: {guest_rate: .inf}", "", "", `".inf": use a whole number from 1`},
		{"address_limits: {guest_rate: 1e3}", "", "", `"1e3": use a whole number from 1`},
		{"address_limits: {guest_rate: [1]}", "", "", "guest_rate must be a single value, not a list or a mapping"},
		{"address_limits: {guest_rat: 7}", "", "", "did you mean address_limits.guest_rate?"},
	} {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}

		s, err := load(nil, nil, path)
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %v, want %s", test.text, err, test.fault)
			}
			continue
		}

		if err != nil || s.text(&s.AddressLimits.Off) != test.enabled ||
			s.text(&s.AddressLimits.Guests.PerSecond) != test.rate {
			t.Errorf("%q: %v, %s, %s", test.text, err, s.text(&s.AddressLimits.Off),
				s.text(&s.AddressLimits.Guests.PerSecond))
		}
	}
}

// Rates as a whole are off, or a mapping.
func TestRateLimitsAsAWhole(t *testing.T) {
	for _, test := range []struct{ value, fault string }{
		{"off", ""},
		{"no", ""},
		{"false", ""},
		{"", ""},
		{"{}", ""},
		{"{preset: aws}", ""},
		{"{operations: {}}", ""},
		{"on", "rate_limits must be off, or a mapping with preset and operations"},
		{"5", "rate_limits must be off, or a mapping with preset and operations"},
		{"[aws]", "rate_limits must be off, or a mapping with preset and operations"},
		{`{"": 1}`, "unknown setting rate_limits.; known are operations, preset"},
		{"{operations: off}", "rate_limits.operations must be a mapping of operations to rates"},
	} {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(path, []byte("rate_limits: "+test.value), 0o600); err != nil {
			t.Fatal(err)
		}

		want := ""
		if test.fault != "" {
			want = "settings file " + path + ": " + test.fault
		}
		got := ""
		s, err := load(nil, nil, path)
		if err != nil {
			got = err.Error()
		}

		if (test.value == "off" || test.value == "no") && len(s.file.counts()) > 0 {
			t.Errorf("%q is shown as defined", test.value)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", test.value, got, want)
		}
	}
}

// A number is the text that was written, for settings that are no numbers as well.
func TestNumbersAsText(t *testing.T) {
	for written, want := range map[string]string{
		"1.10": "1.10",
		".inf": ".inf",
		".NaN": ".NaN",
		"1.5":  "1.5",
		"0":    "0",
	} {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(path, []byte("max_wait: "+written), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := load(nil, nil, path)
		if err != nil || s.text(&s.MaxWait) != want {
			t.Errorf("%s: %q, %v", written, s.text(&s.MaxWait), err)
		}
	}
}
