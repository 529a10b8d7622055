package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// A secret is masked however it is shown; only a conversion gives it.
func TestSecretIsMasked(t *testing.T) {
	o := provider.Override{AppSecret: "canary", AppSecrets: map[string]explain.Secret{"1": "canary", "2": ""}}
	text, err := json.Marshal(shownStruct(reflect.ValueOf(o), nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		string(text), fmt.Sprint(o), fmt.Sprintf("%#v", o), fmt.Sprintf("%s %v", o.AppSecret, o.AppSecrets),
	} {
		if strings.Contains(shown, "canary") || !strings.Contains(shown, explain.Mask) {
			t.Errorf("shown as %s", shown)
		}
	}
	if string(o.AppSecrets["1"]) != "canary" || string(o.AppSecret) != "canary" {
		t.Errorf("in clear: %q", string(o.AppSecret))
	}
}

// Application IDs are digits, quoted or not.
func TestAppSecrets(t *testing.T) {
	for text, want := range map[string]string{
		`{"1234": s}`: "", `{1234: s}`: "", `{"12a": s}`: "12a",
		`{"": s}`: "app_secrets", `{"1": ""}`: `"1"`, `{"1": "a b"}`: `"1"`,
	} {
		_, file, err := parseText("f", []byte("providers: {facebook: {app_secrets: "+text+"}}"))
		switch {
		case want == "" && (err != nil || file.Providers["facebook"].AppSecrets["1234"] != "s"):
			t.Errorf("%s: %v, %v", text, file.Providers, err)
		case want != "" && (err == nil ||
			!strings.Contains(err.Error(), "providers.facebook.app_secrets") ||
			!strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v", text, err)
		}
	}
}
