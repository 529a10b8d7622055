package config

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
		noNumber = name + "rate: give the number of calls a second; off lifts the limit"
		noBurst  = name + "burst: give a whole number of calls above 0, or leave it out"
	)
	for _, test := range []struct {
		value string
		want  string // as shown, or the fault
	}{
		{"{rate: 25}", `{"rate":25}`},
		{"{rate: 0.5, burst: 3}", `{"burst":3,"rate":0.5}`},
		{"off", `"off"`},
		{"false", `"off"`},
		{"{rate: -1}", `{"rate":-1}`}, // the server refuses it
		{"", name + noRate},
		{"5", name + noRate},
		{"on", name + noRate},
		{"[1, 2]", name + noRate},
		{"{burst: 3}", noNumber},
		{"{rate: 0}", noNumber},
		{"{rate: fast}", noNumber},
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

		s, err := Load(nil, nil, path)
		got := ""
		if err != nil {
			got = err.Error()
		} else if shown, err := json.Marshal(s.File.RateLimits.Operations["sts:*"]); err == nil {
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
		{"address_limits: on", "", "", "address_limits must be a mapping"},
		{"address_limits: {guest_rate: 0}", "", "", `"0" is not a positive whole number`},
		{"address_limits: {guest_rat: 7}", "", "", "did you mean address_limits.guest_rate?"},
	} {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}

		s, err := Load(nil, nil, path)
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%q: %v, want %s", test.text, err, test.fault)
			}
			continue
		}
		if err != nil || s.Text(AddressLimits) != test.enabled || s.Text(AddressGuestRate) != test.rate {
			t.Errorf("%q: %v, %s, %s", test.text, err, s.Text(AddressLimits), s.Text(AddressGuestRate))
		}
	}
}
