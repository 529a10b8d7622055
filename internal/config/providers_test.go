package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A secret is masked however it is shown; only Secrets and a conversion give it.
func TestSecretIsMasked(t *testing.T) {
	w := WellKnown{AppSecret: "canary", AppSecrets: map[string]Secret{"1": "canary", "2": ""}}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}

	for _, shown := range []string{string(text), fmt.Sprint(w), fmt.Sprintf("%s %v", w.AppSecret, w.AppSecrets)} {
		if strings.Contains(shown, "canary") || !strings.Contains(shown, mask) {
			t.Errorf("shown as %s", shown)
		}
	}
	if got := w.Secrets()["1"]; got != "canary" || string(w.AppSecret) != "canary" {
		t.Errorf("in clear: %q", got)
	}
}

// Application IDs are digits, quoted or not.
func TestAppSecrets(t *testing.T) {
	for text, want := range map[string]string{
		`{"1234": s}`: "", `{1234: s}`: "", `{"12a": s}`: "12a", `{"": s}`: "app_secrets", `{"1": ""}`: `"1"`,
		`{"1": "a b"}`: `"1"`,
	} {
		_, file, err := parse("f", []byte("providers: {facebook: {app_secrets: "+text+"}}"))
		switch {
		case want == "" && (err != nil || file.Providers["facebook"].AppSecrets["1234"] != "s"):
			t.Errorf("%s: %v, %v", text, file.Providers, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "providers.facebook.app_secrets") ||
			!strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"https://api.example.com": true, "https://api.example.com:8443/path": true, "https://[2001:db8::1]": true,
		"": false, "api.example.com": false, "//api.example.com": false, "ftp://api.example.com": false,
		"https://": false, "https:api": false,
		"https://a?": false, "https://a#b": false, "https://u:p@a": false, "http://a": false, "https://a b": false,
		"https://a\n": false,
	} {
		if err := checkAddress(Address(address), false); (err == nil) != want {
			t.Errorf("checkAddress(%q) = %v", address, err)
		}
	}

	if err := checkAddress("http://127.0.0.1:1", true); err != nil {
		t.Error(err)
	}
}
