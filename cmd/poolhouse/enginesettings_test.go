package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestCredentialEngines(t *testing.T) {
	_, file, err := parseText("f", []byte(`
credential_engines:
  storage:
    endpoint: https://s3.example
    client_id: broker
    client_secret: canary
    guest_policy: {Version: "2012-10-17", Statement: []}
    duration: 30m
    token: {lifetime: 5m, tags: false, claims: {policy: ["${role_name}", {n: 1}]}}
pool_credential_engines: {"us-east-1:a": storage, "us-east-1:b": builtin}
`))
	if err != nil {
		t.Fatal(err)
	}

	e := file.CredentialEngines["storage"]
	if e.Duration != 30*time.Minute || e.Token.Lifetime != 5*time.Minute || e.Token.Tags ||
		e.GuestPolicy != `{"Statement":[],"Version":"2012-10-17"}` {
		t.Errorf("%+v", e)
	}
	if text, err := json.Marshal(file.show()); err != nil ||
		strings.Contains(string(text), "canary") {
		t.Errorf("shown as %s, %v", text, err)
	}

	for text, want := range map[string]string{
		`credential_engines: {builtin: {endpoint: "https://a"}}`:       "credential_engines.builtin",
		`credential_engines: {a: {endpoint: "http://a"}}`:              "credential_engines.a.endpoint",
		`credential_engines: {a: {region: x, duration: hour}}`:         "credential_engines.a.duration",
		`credential_engines: {a: {region: x, token: {lifetime: -1m}}}`: "credential_engines.a.token.lifetime",
		`credential_engines: {a: {region: x, token: {audiences: b}}}`: "did you mean " +
			"credential_engines.a.token.audience",
		`pool_credential_engines: {"us-east-1:a": b}`: `pool_credential_engines.us-east-1:a: ` +
			`credential_engines has no "b"`,
		`credential_engines: {a: {region: x, client_secrets: "a secret"}}`: "credential_engines.a.client_secrets",
	} {
		if _, _, err := parseText("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "a secret") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// The settings that the pages about engines show are settings.
func TestEnginePages(t *testing.T) {
	pages, err := filepath.Glob("../../docs/engines/*.md")
	if err != nil || len(pages) < 6 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}

	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
		if len(blocks) == 0 {
			t.Errorf("%s shows no settings", page)
		}

		for _, block := range blocks {
			if _, _, err := parseText(page, block[1]); err != nil {
				t.Error(err)
			}
		}
	}
}
