package apply

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/sigv4"
)

// A refusal repeats what it refuses, whole or cut off; the error does not repeat the
// secrets of login providers. Other text stays as it came.
func TestErrorsHideSecrets(t *testing.T) {
	long := strings.Repeat("s", 300) + "SECRET"
	pool := map[string]any{loginProviders: map[string]string{
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
		"cut off": {pool, "Value '{api.twitter.com=ck;SECR...' at 'supportedLoginProviders' failed", "api.twitter.com=ck;(hidden)"},
		"below another member": {
			map[string]any{"IdentityPoolId": "x", "Pool": pool},
			"Value '{api.twitter.com=ck;SECRET}' at 'pool.supportedLoginProviders' failed", "at 'pool.supportedLoginProviders' failed",
		},
		"in other words": {pool, "1234|SECRET is no application, nor is x;SECRET", "(hidden) is no application, nor is x;(hidden)"},
		"another member": {
			pool, "Value '{a=b}' at 'identityPoolTags' failed", "Value '{a=b}' at 'identityPoolTags' failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `{"__type":"ValidationException","message":%q}`, test.message)
			}))
			defer server.Close()
			client := Client{
				Endpoint:    func(string) string { return server.URL },
				Credentials: sigv4.Credentials{AccessKeyID: "a", SecretAccessKey: "b"},
				Region:      "us-east-1",
				HTTP:        server.Client(),
				Now:         time.Now,
			}

			err := client.pools(t.Context(), "UpdateIdentityPool", test.in, nil)
			if err == nil || strings.Contains(err.Error(), "SECR") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}
