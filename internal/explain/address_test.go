package explain_test

import (
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"testing"
)

func TestShown(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"*":                                  "*",
		"/certs/ca.pem":                      "/certs/ca.pem",
		"127.0.0.1:4599":                     "127.0.0.1:4599",
		"https://idp.example:8443/a/b":       "https://idp.example:8443/a/b",
		"https://idp.example/@scope/keys":    "https://idp.example/@scope/keys",
		"https://idp.example/keys?k=canary":  "https://idp.example/keys?********",
		"https://idp.example/keys#canary":    "https://idp.example/keys#********",
		"https://u:canary@idp.example/a?b=c": "https://xxxxx@idp.example/a?********",
		"https://canary@idp.example":         "https://xxxxx@idp.example",
		"//u:canary@idp.example":             "//xxxxx@idp.example",
		"u:canary@idp.example":               "xxxxx@idp.example",
		"canary@idp.example/x":               "xxxxx@idp.example/x",
		"https://u:can/ary@idp.example":      "https://xxxxx@idp.example",
		"https://u:can?ary@idp.example":      "https://xxxxx@idp.example",
		"https://u:can#ary@idp.example":      "https://xxxxx@idp.example",
		"https://u:can%ary@idp.example/x":    "https://xxxxx@idp.example/x",
		"https://u:can ary@idp.example?x=1":  "https://xxxxx@idp.example?********",
		"https://idp example?k=canary":       "https://idp example?********",
	} {
		if got := explain.ShownAddress(text); got != want {
			t.Errorf("Shown(%q) = %q, want %q", text, got, want)
		}
	}
}
