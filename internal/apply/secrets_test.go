package apply_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A refusal repeats what it refuses, whole or cut off; the error does not repeat the
// secrets of login providers. Other text stays as it came.
func TestErrorsHideSecrets(t *testing.T) {
	long := strings.Repeat("s", 300) + "SECRET"
	pool := map[string]any{"SupportedLoginProviders": map[string]string{
		"api.twitter.com":     "ck;SECRET",
		"graph.facebook.com":  "1234|SECRET",
		"accounts.google.com": "GOCSPX-SECRET",
		"www.amazon.com":      "amzn1.oa2-cs.v1.SECRET",
		"www.digits.com":      long,
		"x;SECRET":            "api.twitter.com",
		"appleid.apple.com":   "com.example.app",
	}}

	const demand = "Map value must satisfy constraint: [Member must have length less than or equal to 128]"
	for name, test := range map[string]struct {
		in            any
		message, want string
	}{
		"whole": {
			pool,
			"1 validation error detected: Value '{accounts.google.com=GOCSPX-SECRET, api.twitter.com=ck;SECRET}' at " +
				"'supportedLoginProviders' failed to satisfy constraint: " + demand,
			"1 validation error detected: Value '{accounts.google.com=(hidden), api.twitter.com=ck;(hidden), " +
				"appleid.apple.com=com.example.app, graph.facebook.com=(hidden), www.amazon.com=(hidden), " +
				"www.digits.com=(hidden), x;(hidden)=api.twitter.com}' at " +
				"'supportedLoginProviders' failed to satisfy constraint: " + demand,
		},
		"cut off": {pool, "Value '{api.twitter.com=ck;SECR...' at 'supportedLoginProviders' failed",
			"api.twitter.com=ck;(hidden)"},
		"below another member": {
			map[string]any{"IdentityPoolId": "x", "Pool": pool},
			"Value '{api.twitter.com=ck;SECRET}' at 'pool.supportedLoginProviders' failed",
			"at 'pool.supportedLoginProviders' failed",
		},
		"in a list": {
			map[string]any{"Pools": []any{1, pool}}, "1234|SECRET is no application", "(hidden) is no application",
		},
		"in other words": {pool, "1234|SECRET is no application, nor is x;SECRET",
			"(hidden) is no application, nor is x;(hidden)"},
		"another member": {
			pool, "Value '{a=b}' at 'identityPoolTags' failed", "Value '{a=b}' at 'identityPoolTags' failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := rigAt(t, emptyServer{})
			r.refuse = func(string) *http.Response {
				return answer(http.StatusBadRequest,
					fmt.Sprintf(`{"__type":"ValidationException","message":%q}`, test.message))
			}

			err := r.client.JSON(t.Context(), "cognito-identity", "AWSCognitoIdentityService",
				"UpdateIdentityPool", test.in, nil)
			if err == nil || strings.Contains(err.Error(), "SECR") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

// Neither the plan nor an error has the secrets of login providers, whether they are
// new, change or go; what the server gets and what export writes has them.
func TestApplyHidesSecrets(t *testing.T) {
	file := func(providers string) string {
		return "Resources:\n  P:\n    Type: AWS::Cognito::IdentityPool\n" +
			"    Properties: {AllowUnauthenticatedIdentities: true, " +
			"SupportedLoginProviders: {" + providers + "}}\n"
	}
	shown := func(out string) string {
		lines := strings.Split(out, "\n")
		var kept []string
		for _, line := range lines {
			if !strings.HasPrefix(line, ">") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "\n")
	}

	r := newRig(t)
	for _, step := range []struct{ providers, plan string }{
		{`api.twitter.com: "ck;CANARY1"`, `SupportedLoginProviders: {"api.twitter.com":"ck;(hidden)"}`},
		{`api.twitter.com: "ck;CANARY2"`, `SupportedLoginProviders.api.twitter.com: "ck;(hidden)" -> "ck;(hidden)"`},
		{`accounts.google.com: GOCSPX-CANARY`, `SupportedLoginProviders.accounts.google.com: "(hidden)"`},
		{`graph.facebook.com: "1234567"`, `SupportedLoginProviders.graph.facebook.com: "1234567"`},
	} {
		out, err := r.run(file(step.providers))
		if err == nil {
			contains(t, out, "SupportedLoginProviders")
		}
		plan := shown(out) + fmt.Sprint(err)
		contains(t, plan, step.plan)
		lacks(t, plan, "CANARY")
	}

	r.must(file(`api.twitter.com: "ck;CANARY3", graph.facebook.com: "1234567"`))
	exported := r.export(false)
	contains(t, string(exported.File), "ck;CANARY3")
	if len(exported.Secrets) != 1 ||
		!strings.HasSuffix(exported.Secrets[0], ", SupportedLoginProviders: api.twitter.com") {
		t.Errorf("secrets: %q", exported.Secrets)
	}
	lacks(t, fmt.Sprint(exported.Notes, exported.Secrets), "CANARY")
}
