package forwardauth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/yardstick"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

const (
	account = "123456789012"
	roleARN = "arn:aws:iam::" + account + ":role/app"
	pool    = "us-east-1:11111111-2222-3333-4444-555555555555"
	alice   = "us-east-1:99999999-2222-3333-4444-555555555555"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

type noneRevoked struct{}

func (noneRevoked) Check(context.Context, string, *session.Session) error { return nil }

// newHandler returns an endpoint and a request that it lets through.
func newHandler(tb testing.TB) (*Handler, *http.Request) {
	tb.Helper()
	clock := func() time.Time { return now }
	s, err := store.Open(tb.Context(), store.Options{})
	if err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(func() { _ = s.Close() })
	sealer, err := envelope.New(make([]byte, 32))
	if err != nil {
		tb.Fatal(err)
	}

	minter, err := session.NewMinter(tb.Context(), session.MinterOptions{Store: s, Sealer: sealer, Now: clock})
	if err != nil {
		tb.Fatal(err)
	}

	directory, err := iam.NewDirectory(iam.Config{Account: account, Roles: []iam.RoleConfig{{ARN: roleARN,
		TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
			"Principal":{"Federated":"cognito-identity.amazonaws.com"},
			"Action":"sts:AssumeRoleWithWebIdentity",
			"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pool + `"}}}]}`,
		Policies: map[string]string{
			"files": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],
			"Resource":"arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*"}]}`}}}})
	if err != nil {
		tb.Fatal(err)
	}

	h, err := New(Options{Account: account, Owner: nobodys, Now: clock,
		Sessions:   gate.NewSessions(minter, noneRevoked{}, iam.NewAuthorizer(directory, clock), clock),
		Authorizer: iam.NewAuthorizer(directory, clock),
		Config: Config{Region: "us-east-1", Routes: []Route{{Match: "GET /files/{path...}", Action: "s3:GetObject",
			Resource: "arn:aws:s3:::files/{path}"}}}})
	if err != nil {
		tb.Fatal(err)
	}

	c, err := minter.Mint(tb.Context(), session.Session{Account: account, RoleARN: roleOf(roleARN),
		RoleID: iam.RoleID(roleARN), SessionName: "CognitoIdentityCredentials",
		IdentityID: alice, PoolID: pool, AMR: []string{"authenticated", "idp.example.com"},
		Tags: map[string]string{"team": "blue"}, Issued: now, Expires: now.Add(time.Hour)})
	if err != nil {
		tb.Fatal(err)
	}

	const path = "/files/" + alice + "/a.txt"
	r := httptest.NewRequest("GET", "http://files.example.com"+path, nil)
	key := sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey,
		SessionToken: c.SessionToken}
	if err := sigv4.Sign(r, nil, key, "us-east-1", defaultService, now); err != nil {
		tb.Fatal(err)
	}

	q := httptest.NewRequest("GET", "/check", nil)
	q.Header = r.Header
	q.Header.Set("X-Original-Method", "GET")
	q.Header.Set("X-Original-Uri", path)
	q.Header.Set("X-Original-Host", "files.example.com")

	return h, q
}

// A refusal has the form that the clients of the service can read.
func TestRefusalBodies(t *testing.T) {
	for service, want := range map[string]struct{ contentType, body string }{
		defaultService: {"application/json", `{"code":"Unsigned","message":"a < b"}`},
		"s3": {"application/xml", `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
			`<Error><Code>Unsigned</Code><Message>a &lt; b</Message><RequestId>7</RequestId></Error>`},
	} {
		refusal := problem{Code: "Unsigned", Message: "a < b", RequestID: "7"}
		if body, contentType := refusal.body(service); string(body) != want.body || contentType[0] != want.contentType {
			t.Errorf("%s: %v %s", service, contentType, body)
		}

		h, q := newHandler(t)
		h.c.Service = service
		w := httptest.NewRecorder()
		h.ServeHTTP(w, q.WithContext(t.Context())) // signed for one service only, so refused by the other
		if got := w.Header().Get("Content-Type"); service == "s3" && got != want.contentType {
			t.Errorf("%s: %d %s", service, w.Code, got)
		}
	}
}

// What a server could read otherwise than we do is refused, whatever the routes.
func TestSplitPath(t *testing.T) {
	for path, want := range map[string]string{
		"/": "", "/a": "a", "/a/": "a|", "/a%20b/c": "a b|c", "/%C3%A4": "ä", "/a+b": "a+b", "/a;b=c": "a;b=c",
		"/...": "...", "/100%25": "100%",
	} {
		if got, err := splitPath(path); err != nil || strings.Join(got, "|") != want {
			t.Errorf("splitPath(%q) = %q, %v; want %q", path, got, err, want)
		}
	}

	for _, path := range []string{"", "a", "//", "//a", "/a//b", "/.", "/..", "/a/../b", "/a/%2e%2E/b", "/a/.%2e",
		"/a%2fb", "/a%5Cb", "/..;/b", "/.;x/b",
		"/%252e%252e/b", "/a%252fb", "/a%255cb", "/%00", "/a%0a", "/%ff", "/%", "/%2", "/%zz", "/%7f"} {
		if got, err := splitPath(path); err == nil {
			t.Errorf("splitPath(%q) = %q, want a refusal", path, got)
		}
	}
}

func TestRoutes(t *testing.T) {
	routes, err := newTable([]Route{
		{Match: "GET /files/{owner}/public/{path...}", Action: "s3:GetObject",
			Resource: "arn:aws:s3:::public/{owner}/{path}"},
		{Match: "GET /files/{path...}", Action: "s3:GetObject", Resource: "arn:aws:s3:::files/{path}"},
		{Match: "PUT /files/{name}", Action: "s3:PutObject", Resource: "arn:aws:s3:::files/{name}"},
		{Match: "/exact/", Action: "app:Open", Resource: "*"},
	})
	if err != nil {
		t.Fatal(err)
	}

	for request, want := range map[string]string{
		"GET /files/a/b":        "s3:GetObject arn:aws:s3:::files/a/b",
		"HEAD /files/a":         "s3:GetObject arn:aws:s3:::files/a",
		"GET /files/a/public/b": "s3:GetObject arn:aws:s3:::public/a/b",
		"GET /files/a/":         "s3:GetObject arn:aws:s3:::files/a/",
		"GET /files/":           "s3:GetObject arn:aws:s3:::files/",
		"GET /files/%7Bx%7D/*":  "s3:GetObject arn:aws:s3:::files/{x}/*",
		"PUT /files/a":          "s3:PutObject arn:aws:s3:::files/a",
		"DELETE /exact/":        "app:Open *",
		"GET /files":            "", "PUT /files/": "", "PUT /files/a/b": "", "POST /files/a": "", "GET /exact": "",
		"GET /exact/a": "", "GET /": "", "HEAD /FILES/a": "",
	} {
		method, path, _ := strings.Cut(request, " ")
		segments, err := splitPath(path)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if found, err := routes.find(method, segments, ""); err == nil {
			got = found.action + " " + found.resource
		}

		if got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}

// A client that could send the headers of the answer could claim any identity, wherever a
// proxy does not overwrite them: the request is refused.
func TestReservedHeaders(t *testing.T) {
	h, base := newHandler(t)
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, base)
	if answer.Code != http.StatusOK {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	names := []string{headerReason, "X-Poolhouse-Anything", "x-poolhouse-amr", "X_Poolhouse_Amr", "X-Poolhouse_Amr",
		"X_AMZ_COGNITO_IDENTITY_ID"}

	for name := range answer.Header() {
		if strings.HasPrefix(name, "X-") {
			names = append(names, name)
		}
	}
	if len(names) != 6+9 {
		t.Errorf("the answer's headers and others: %q", names)
	}

	for _, name := range names {
		for _, value := range []string{"", "authenticated"} {
			r := base.Clone(t.Context())
			r.Header[name] = []string{value}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)

			if w.Code != http.StatusForbidden || w.Header().Get(headerReason) != "ReservedHeader" {
				t.Errorf("%s: %q: %d %s", name, value, w.Code, w.Body)
			}
		}
	}

	for _, name := range []string{"X-Poolhouse", "X-Amz-Cognito", "Poolhouse-X-Amr", "X-Poolhouses-Amr",
		"Y-Poolhouse-Amr"} {
		if reserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}

// The documented configuration of each proxy overwrites every header of the
// answer.
func TestDocumentedProxies(t *testing.T) {
	page, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	h, r := newHandler(t)
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)

	for proxy, name := range map[string]func(string) string{
		"nginx":   func(name string) string { return "proxy_set_header " + name + " $" },
		"Traefik": func(name string) string { return "- " + name + "\n" },
		"Caddy":   func(name string) string { return " " + name + "\n" },
		"Envoy": func(name string) string {
			for _, prefix := range reservedPrefixes {
				if strings.HasPrefix(name, prefix) {
					return "{prefix: " + strings.ToLower(prefix) + "}"
				}
			}
			return name
		},
	} {
		_, section, found := strings.Cut(string(page), "\n### "+proxy+"\n")
		_, section, fenced := strings.Cut(section, "\n```")
		recipe, _, closed := strings.Cut(section, "```\n")
		if !found || !fenced || !closed {
			t.Errorf("docs/check.md has no configuration of %s", proxy)
		}

		for header := range answer.Header() {
			if want := name(header); strings.HasPrefix(header, "X-") && !strings.Contains(recipe, want) {
				t.Errorf("%s: the configuration has no %q", proxy, want)
			}
		}
	}
}

func FuzzOriginal(f *testing.F) {
	f.Add("GET", "/files/a?b=c", "example.com")
	f.Add("GET", "/files/"+alice+"/a.txt", "files.example.com")
	f.Add("PUT", "/a/%2e%2e/b", "[::1]:80")

	h, base := newHandler(f)
	f.Fuzz(func(t *testing.T, method, uri, host string) {
		r := base.Clone(t.Context())
		r.Header["X-Original-Method"], r.Header["X-Original-Uri"], r.Header["X-Original-Host"] = []string{method},
			[]string{uri}, []string{host}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			return
		}

		// Only what the signature's own rules take for the same may pass.
		path, query, _ := strings.Cut(uri, "?")
		if method != "GET" || host != "files.example.com" || path != base.Header.Get("X-Original-Uri") ||
			strings.Trim(query, "&") != "" {
			t.Errorf("%q %q %q is let through", method, uri, host)
		}
	})
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkCheck is a request that is let through, with its session known:
// everything but the network.
func BenchmarkCheck(b *testing.B) {
	h, r := newHandler(b)
	w := discard{http.Header{}}
	if _, _, err := h.decide(r); err != nil {
		b.Fatal(err)
	}
	yardstick.HMACs(b, func() { h.ServeHTTP(w, r) })
}

// nobodys is the account of keys that nobody has.
func nobodys(context.Context, *http.Request) identitypool.AccountID { return "" }

// The short cuts decide as the whole rules do.
func TestShortCuts(t *testing.T) {
	for _, name := range []string{
		"Host", "X-Amz-Date", "x-amz-date", "X.Poolhouse.Amr", "X_Http_Method", "X-http-method-override", "X--A",
		"X-1a", "X-1A", "Xa-B", "XA", "-X", "",
	} {
		folded := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, name)
		if want := http.CanonicalHeaderKey(folded); foldHeader(name) != want {
			t.Errorf("foldHeader(%q) = %q, want %q", name, foldHeader(name), want)
		}
	}

	for _, segment := range []string{"", "a", "a.b", "a..b", ".", "..", "...", ".a", "a.", "a-b_c.D9",
		"us-east-1:a=b@c~d", "a b", "a;b", "a%2fb", "ä", "a/b", "\x00"} {
		whole := plainFault(segment)
		if whole == nil && fold(segment) != nil {
			whole = errLookAlike
		}
		if isOrdinary(segment) && (whole != nil || unescape(segment) != segment) {
			t.Errorf("%q counts as ordinary: %v", segment, whole)
		}
	}
}

// roleOf reads the ARN of a role; the zero ARN if the text is none.
func roleOf(text string) iam.RoleARN {
	arn, _ := iam.ParseRoleARN(text)
	return arn
}
