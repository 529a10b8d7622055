package devpage

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/devstyle"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/devuserpool"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Only a browser that opens / gets the page: clients of the APIs see no change.
func TestWants(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"

	for _, test := range []struct {
		method, target, accept string
		want                   bool
	}{
		{"GET", "/", browser, true},
		{"HEAD", "/", browser, true},
		{"GET", "/", "*/*", false},
		{"GET", "/", "", false},
		{"GET", "/", "Text/HTML", true},
		{"GET", "/", "*/*, text/html;q=0.1", true},
		{"GET", "/", "text/html;q=0, */*", false},
		{"GET", "/", "text/html; q=0.000", false},
		{"GET", "/", "text/html;q=x", false},
		{"GET", "/", "application/json;x=\"text/html\"", false},
		{"GET", "/", "application/x-text/html", false},
		{"GET", "/", "application/json", false},
		{"POST", "/", browser, false},
		{"OPTIONS", "/", browser, false},
		{"GET", "/?Action=GetCallerIdentity", browser, false},
		{"GET", "/other", browser, false},
	} {
		r := httptest.NewRequest(test.method, test.target, nil)
		r.Header.Set("Accept", test.accept)
		if Wants(r) != test.want {
			t.Errorf("%s %s with Accept %q: %t", test.method, test.target, test.accept, !test.want)
		}
	}
}

// shown returns the page and its header.
func shown(t *testing.T, o Options) (string, http.Header) {
	t.Helper()
	if o.Calls == nil {
		o.Calls = &devcalls.Calls{}
	}
	if o.Users == nil {
		o.Users = func() []devuser.User { return nil }
	}
	if o.UserPools == nil {
		o.UserPools = func(int) []devuserpool.Summary { return nil }
	}
	if o.Codes == nil {
		o.Codes = func() []devuserpool.SentCode { return nil }
	}
	o.Logger = slog.New(slog.DiscardHandler)
	w := httptest.NewRecorder()
	New(o).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}

	return w.Body.String(), w.Header()
}

func pools(list ...identitypool.Pool) func(context.Context, int) ([]devpool.Pool, error) {
	return func(_ context.Context, limit int) ([]devpool.Pool, error) {
		var all []devpool.Pool
		for _, pool := range list[:min(limit, len(list))] {
			all = append(all, devpool.Of(pool, "arn:1", "127.0.0.1:4599/dev-issuer"))
		}

		return all, nil
	}
}

func TestPageShowsPoolsAndCalls(t *testing.T) {
	var calls devcalls.Calls
	calls.Add(devcalls.Call{RequestID: "r-1", Service: "sts", Operation: "GetCallerIdentity", Status: 200})
	calls.Explain("r-2", "Token is not from a supported provider of this identity pool.", []explain.Step{
		{Code: "token-form", Check: "token form", OK: true, Got: "a JWT"},
		{Code: "token-issuer", Check: "token issuer", Expected: "one issuer", Got: "another", Fix: "mend the issuer"},
	}, []explain.Code{"token-times", "token-subject"})
	calls.Add(devcalls.Call{RequestID: "r-3", Operation: "Authorize", Status: 400})
	calls.Add(devcalls.Call{RequestID: "r-2", Operation: "GetId", Status: 400, Outcome: "NotAuthorizedException"})

	body, _ := shown(t, Options{
		Info: devissuer.Info{
			Endpoint:        "http://127.0.0.1:4599",
			Region:          "us-east-1",
			LoginKey:        "127.0.0.1:4599/dev-issuer",
			OIDCProviderARN: "arn:1",
		},
		Data:  "in .poolhouse",
		Calls: &calls,
		Pools: pools(identitypool.Pool{
			ID:                   "us-east-1:1",
			Name:                 "shop",
			AllowUnauthenticated: true,
			OIDCProviderARNs:     []string{"arn:1"},
			Roles: map[string]string{
				"authenticated":   "arn:aws:iam::000000000000:role/path/Member",
				"unauthenticated": "arn:aws:iam::000000000000:role/Guest",
			},
			RoleMappings: map[string]identitypool.RoleMapping{"127.0.0.1:4599/dev-issuer": {Rules: []identitypool.Rule{
				{Claim: "cognito:groups", MatchType: "Contains", Value: "admins", RoleARN: "arn:aws:iam::0:role/Admin"},
			}}},
		}),
		Users: func() []devuser.User {
			return []devuser.User{{Name: "zoe", Subject: "0815", Claims: map[string]any{"name": "Zoe Z.", "x": "<b>"}}}
		},
	})
	for _, want := range []string{
		"<dd>in .poolhouse</dd>", "<code>http://example.com</code>", "refused: status 400",
		"<strong>shop</strong>", "with guests", "&#34;allowGuestAccess&#34;: true",
		"<dt>guests</dt><dd>get the role <code>Guest</code>",
		"<dt>users whose cognito:groups contains admins</dt><dd>get the role <code>Admin</code>",
		"<dt>other users</dt><dd>get the role <code>Member</code>",
		"get-id --endpoint-url http://example.com \\\n  --identity-pool-id us-east-1:1</pre>",
		`--logins "127.0.0.1:4599/dev-issuer=$(poolhouse dev token --endpoint http://example.com --user zoe)`,
		"<a href=\"/dev-issuer/device\">",
		"<strong>zoe</strong> Zoe Z.", "&#34;sub&#34;: &#34;0815&#34;", "&#34;&lt;b&gt;&#34;",
		"GetCallerIdentity", "refused: NotAuthorizedException", "Token is not from a supported provider",
		"<dd>mend the issuer</dd>", "not reached: token-times, token-subject",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Index(body, "r-2") > strings.Index(body, "r-1") {
		t.Error("the newest call is not first")
	}
}

// What clients send is text on the page, whatever it looks like.
func TestPageEscapes(t *testing.T) {
	const hostile = `</title><script>alert(1)</script>"\'><img src=x onerror=alert(1)>`
	var calls devcalls.Calls
	calls.Explain("r", hostile, []explain.Step{{Check: hostile, Got: hostile, Fix: hostile, Provider: hostile}}, nil)
	calls.Add(devcalls.Call{RequestID: "r", Operation: hostile,
		Outcome: hostile, Service: hostile, Pool: hostile, Status: 400})

	body, header := shown(t, Options{
		Info:  devissuer.Info{Region: hostile, LoginKey: hostile},
		Data:  hostile,
		Calls: &calls,
		Pools: pools(identitypool.Pool{
			ID:    hostile,
			Name:  hostile,
			Roles: map[string]string{identitypool.Authenticated: hostile},
		}),
		Users: func() []devuser.User {
			claims := map[string]any{hostile: hostile, "name": hostile, "groups": []any{hostile}}
			return []devuser.User{{Name: hostile, Subject: hostile, Claims: claims}}
		},
	})
	if strings.Contains(body, "<script") || strings.Contains(body, "<img") {
		t.Error("a client's text became markup")
	}

	// The policy allows the page's own styles, and nothing else.
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(body)
	if len(style) != 2 {
		t.Fatal("the page has no styles")
	}
	policy := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", devstyle.Digest(style[1]), "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %s lacks %s", policy, want)
		}
	}
	if header.Get("Cache-Control") != "no-store" || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers: %v", header)
	}
}

func TestPageWithManyUsersAndNone(t *testing.T) {
	some := func(n int) func() []devuser.User {
		return func() []devuser.User { return make([]devuser.User, n) }
	}
	for n, want := range map[int]string{
		0:            "This server has no named users",
		maxUsers + 1: "There are more users",
	} {
		body, _ := shown(t, Options{Pools: pools(), Users: some(n)})
		if !strings.Contains(body, want) || strings.Count(body, "Its claims") > maxUsers {
			t.Errorf("with %d users the page lacks %q, or has too many", n, want)
		}
	}
}

func TestPageWithoutPools(t *testing.T) {
	for want, read := range map[string]func(context.Context, int) ([]devpool.Pool, error){
		"There are no pools in this region yet": pools(),
		"could not be read": func(context.Context, int) ([]devpool.Pool, error) {
			return nil, errors.New("the database does not answer")
		},
		"There are more pools": pools(make([]identitypool.Pool, maxPools+1)...),
	} {
		if body, _ := shown(t, Options{Pools: read}); !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// User pools are shown with their clients, and codes with whom they are for, whatever users are called.
func TestPageShowsUserPools(t *testing.T) {
	body, _ := shown(t, Options{
		Pools: pools(),
		UserPools: func(limit int) []devuserpool.Summary {
			return slices.Repeat([]devuserpool.Summary{{ID: "us-east-1_Abc", Name: "shop", Users: 1,
				Clients: []devuserpool.ClientSummary{{ID: "app1", Name: "app"}}}}, limit)
		},
		Codes: func() []devuserpool.SentCode {
			return []devuserpool.SentCode{{Code: "123456", Username: "<b>", Purpose: "confirm the sign-up"}}
		},
	})
	for _, want := range []string{
		"<strong>shop</strong> <code>us-east-1_Abc</code> <span class=\"quiet\">1 user</span>", "<code>app1</code>",
		"There are more user pools", "<code>123456</code> to confirm the sign-up, for &lt;b&gt;",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
	if n := strings.Count(body, "us-east-1_Abc</code>"); n != maxPools {
		t.Errorf("%d user pools", n)
	}

	body, _ = shown(t, Options{Pools: pools()})
	if !strings.Contains(body, "create-user-pool-client") || strings.Contains(body, "Newest codes") {
		t.Errorf("without user pools:\n%s", body)
	}
}
