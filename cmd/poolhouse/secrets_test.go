package main

import (
	"fmt"
	"strings"
	"testing"
)

// Neither the plan nor the server's refusal shows the secret of a login provider.
func TestApplyHidesSecrets(t *testing.T) {
	devKeys(t)

	url := devServer(t)
	const tooLong = "tooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo" +
		"oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo"
	for provider, value := range map[string]string{
		"api.twitter.com":     "ck;CANARY",
		"graph.facebook.com":  "1234|CANARY",
		"accounts.google.com": "GOCSPX-CANARY",
		"www.amazon.com":      "amzn1.oa2-cs.v1.CANARY",
		"ck;CANARY":           "api.twitter.com",
	} {
		file := written(t, "p.yaml", fmt.Sprintf("Resources:\n  P: {Type: AWS::Cognito::IdentityPool, Properties: "+
			"{AllowUnauthenticatedIdentities: true, SupportedLoginProviders: {%q: %q, %s: x}}}\n", provider,
			value, tooLong))

		stdout, stderr, err := commandOutputs(t, "apply", "--endpoint", url, "-f", file)
		if err == nil || !strings.Contains(err.Error(), "ValidationException") ||
			strings.Contains(stdout+stderr+err.Error(), "CANARY") {
			t.Errorf("%s:\n%s%s%v", provider, stdout, stderr, err)
		}
	}
}

// Revoking or signing out what is not there does not read as if it had been done.
func TestWhatIsNotThere(t *testing.T) {
	devKeys(t)

	url := devServer(t)
	const missing = "no such identity, pool or role"
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"keys", "revoke-session", "ASIAIOSFODNN7EXAMPLE"}, "revoked; every node"},
		{[]string{"keys", "revoke-session", "--pool", "us-east-1:00000000-0000-4000-8000-000000000000"}, missing},
		{[]string{"keys", "revoke-session", "--identity", "us-east-1:00000000-0000-4000-8000-000000000000"}, missing},
		{[]string{"keys", "revoke-session", "--role", "arn:aws:iam::000000000000:role/Gone"}, missing},
		{[]string{"identity", "sign-out", "--provider", "idp.example", "--subject", "alice"}, "no such login provider"},
	} {
		out := mustRun(t, append(test.args, "--endpoint", url)...)
		contains(t, out, test.want)
		if test.want == missing && strings.Contains(out, "revoked;") {
			t.Errorf("%v: %s", test.args, out)
		}
	}

	for _, flag := range []string{"--pool", "--identity", "--role"} {
		if out, err := command(t, "keys", "revoke-session", flag, "nonsense", "--endpoint", url); err == nil {
			t.Errorf("%s nonsense: %s", flag, out)
		}
	}
}

// Neither faults nor the list of settings show user, password or query of a URL.
func TestConfigHidesSecretsInAddresses(t *testing.T) {
	const good = `issuer_url: https://id.example.com
account_id: "123456789012"
oidc_providers:
  - {url: "https://idp.example.com", client_ids: [app], jwks_url: %[1]q}
`

	for name, test := range map[string]struct {
		text string
		// fault is a part of the error; "" = the settings are good, and listed.
		fault string
	}{
		"jwks_url over http":    {fmt.Sprintf(good, "http://x.example/?k=CANARY"), "jwks_url"},
		"jwks_url with user":    {fmt.Sprintf(good, "https://u:CANARY@x.example/k"), "jwks_url"},
		"jwks_url of no host":   {fmt.Sprintf(good, "u:CANARY@x.example"), "jwks_url"},
		"issuer_url with user":  {"issuer_url: https://u:CANARY@id.example.com\n", "issuer_url"},
		"issuer_url with query": {"issuer_url: https://id.example.com/?k=CANARY\n", "issuer_url"},
		"allowed_origins":       {"allowed_origins: [\"https://u:CANARY@app.example.com\"]\n", "allowed_origins"},
		"one of many": {"allowed_origins: [\"https://a.example\", \"https://CANARY@app.example.com\"]\n",
			"allowed_origins"},
		"origins with a comma": {"allowed_origins: [\"https://u:CANARY@app.example.com,x\"]\n", "allowed_origins"},
		"dev.allowed_origins": {"dev: {allowed_origins: [\"https://u:CANARY@app.example.com\"]}\n",
			"dev.allowed_origins"},
		"dev.allowed_hosts": {"dev: {allowed_hosts: [\"u:CANARY@app.example.com\"]}\n", "dev.allowed_hosts"},
		"listen":            {"listen: u:CANARY@127.0.0.1\n", ""},
		"user pool's endpoint": {
			"user_pools: [{provider_name: p.example/a, endpoint: \"https://u:CANARY@x.example\"}]\n", "endpoint",
		},
		"user pool's name":    {"user_pools: [{provider_name: \"https://u:CANARY@x.example\"}]\n", "provider_name"},
		"engine's endpoint":   {"credential_engines: {e: {endpoint: \"https://x.example?k=CANARY\"}}\n", "endpoint"},
		"provider's base_url": {"providers: {amazon: {base_url: \"https://u:CANARY@x.example\"}}\n", "base_url"},
		"user pool's keys": {"user_pools: [{provider_name: p.example/a, issuer: \"https://p.example/a\", " +
			"jwks_url: \"https://x.example/k?k=CANARY\"}]\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := written(t, "poolhouse.yaml", test.text)
			for _, args := range [][]string{{"config", "--config", file}, {"config", "--json", "--config", file}} {
				out, err := command(t, args...)
				if strings.Contains(fmt.Sprint(out, err), "CANARY") {
					t.Errorf("%v: %s%v", args, out, err)
				}

				if test.fault == "" && err != nil ||
					test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
					t.Errorf("%v: %v, want %q", args, err, test.fault)
				}
			}
		})
	}
}
