package main

import (
	"encoding/json"
	"slices"
	"testing"
)

// config --json shows durations as the file has them, and a default that the file states.
func TestShownAsWritten(t *testing.T) {
	for name, test := range map[string]struct{ file, want string }{
		"durations": {
			file: `{credential_engines: {a: {region: x, duration: 60m, token: {lifetime: "3600s"}}}}`,
			want: `{"credential_engines":{"a":{"region":"x","duration":"60m","token":{"lifetime":"3600s"}}}}`,
		},
		"a duration of an alias": {
			file: `{check: {path: /c, body_time: &t 90s, forward_timeout: *t, ` +
				`routes: [{match: GET /, action: "a:b", resource: r}]}}`,
			want: `{"check":{"path":"/c","routes":[{"match":"GET /","action":"a:b","resource":"r"}],` +
				`"body_time":"90s","forward_timeout":"90s"}}`,
		},
		"in a list": {
			file: `{user_pools: [{provider_name: cognito-idp.us-east-1.amazonaws.com/us-east-1_A, ` +
				`status: {check: push, cache: 2500ms}}]}`,
			want: `{"user_pools":[{"provider_name":"cognito-idp.us-east-1.amazonaws.com/us-east-1_A",` +
				`"status":{"check":"push","cache":"2500ms"}}]}`,
		},
		"a default that is true": {
			file: `{credential_engines: {a: {region: x, token: {tags: true}}, ` +
				`b: {region: x, token: {tags: false}}, c: {region: x}}}`,
			want: `{"credential_engines":{"a":{"region":"x","token":{"tags":true}},` +
				`"b":{"region":"x","token":{"tags":false}},"c":{"region":"x"}}}`,
		},
		"empty values": {
			file: `{credential_engines: {a: {region: x, allow_http: false, duration: "", token: {tags: , typ: ""}}}}`,
			want: `{"credential_engines":{"a":{"region":"x"}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, file, err := parseText("f", []byte(test.file))
			if err != nil {
				t.Fatal(err)
			}

			text, err := json.Marshal(file.show())
			if err != nil || string(text) != test.want {
				t.Errorf("shown as %s, %v\nwant     %s", text, err, test.want)
			}
		})
	}
}

// Related settings are shown side by side, and those of sections last.
func TestOrderOfSettings(t *testing.T) {
	var names []string
	for _, r := range newSettings().rows {
		names = append(names, r.Name)
	}

	for _, want := range [][]string{
		{"listen", "data"},
		{"account_id", "tls_cert", "tls_key", "behind_proxy"},
		{"max_wait", "master_key_file", "master_key", "token_algorithm", "strict_roles", "chosen_ids"},
		{"lame_duck", "allowed_origins", "dev.allowed_hosts"},
	} {
		at := slices.Index(names, want[0])
		if got := names[at:min(at+len(want), len(names))]; !slices.Equal(got, want) {
			t.Errorf("after %s: %v, want %v", want[0], got, want)
		}
	}
}
