package poolhouse_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// A signed-in user reaches their own prefix and no other; whatever was changed on
// the way is refused; and the service behind learns who it is.
func TestCheckEndpoint(t *testing.T) {
	s := start(t, files)
	s.filesPool(t)
	alice, guest := s.user(t, s.logins(t, "alice")), s.user(t, nil)
	now := time.Now()
	own := alice.signed(t, "PUT", filesURL+alice.id+"/a.txt", "hello", now)
	got := s.asked(t, own)
	equal(t, "own file", got.status, http.StatusOK)
	info := devInfo(s)
	for name, want := range map[string]string{
		auth.HeaderIdentityID: alice.id, auth.HeaderIdentityPoolID: filesPool, auth.HeaderRoleARN: authenticatedRole, auth.HeaderAccount: "000000000000",
		auth.HeaderAccessKeyID: alice.key.AccessKeyID, auth.HeaderTags: "client=" + info.Audience + "&username=alice",
		auth.HeaderAMR:               "authenticated," + info.LoginKey + "," + info.OIDCProviderARN + ":OIDC:alice",
		"X-Poolhouse-Content-Sha256": own.Header.Get("X-Amz-Content-Sha256"),
	} {
		equal(t, name, got.header.Get(name), want)
	}
	for name, test := range map[string]struct {
		request *http.Request
		change  func(*http.Request)
		status  int
		code    string
	}{
		"own file, read":     {request: alice.signed(t, "GET", filesURL+alice.id+"/a.txt?x-id=GetObject", "", now), status: 200},
		"own file, version":  {request: alice.signed(t, "GET", filesURL+alice.id+"/a.txt?versionId=1", "", now), status: 403, code: "Subresource"},
		"own file, ACL":      {request: alice.signed(t, "PUT", filesURL+alice.id+"/a.txt?acl", "", now), status: 403, code: "Subresource"},
		"own file, head":     {request: alice.signed(t, "HEAD", filesURL+alice.id+"/a%20b.txt", "", now), status: 200},
		"public file, guest": {request: guest.signed(t, "GET", filesURL+"public/a", "", now), status: 200},
		"another's":          {request: alice.signed(t, "GET", filesURL+guest.id+"/a.txt", "", now), status: 403, code: "AccessDenied"},
		"guest's own":        {request: guest.signed(t, "GET", filesURL+guest.id+"/a.txt", "", now), status: 403, code: "AccessDenied"},
		"no route":           {request: alice.signed(t, "DELETE", filesURL+alice.id+"/a.txt", "", now), status: 403, code: "NoRoute"},
		"dots":               {request: alice.signed(t, "GET", filesURL+alice.id+"/%2e%2e/"+guest.id+"/a", "", now), status: 403, code: "AmbiguousPath"},
		"unsigned":           {request: alice.signed(t, "GET", filesURL+alice.id+"/a", "", now), change: func(r *http.Request) { r.Header.Del("Authorization") }, status: 401, code: "MissingAuthentication"},
		"other method":       {request: own, change: func(r *http.Request) { r.Header.Set("X-Original-Method", "GET") }, status: 403, code: "BadSignature"},
		"other path":         {request: own, change: func(r *http.Request) { r.Header.Set("X-Original-URI", "/files/"+alice.id+"/b.txt") }, status: 403, code: "BadSignature"},
		"other query":        {request: own, change: func(r *http.Request) { r.Header.Set("X-Original-URI", "/files/"+alice.id+"/a.txt?acl") }, status: 403, code: "BadSignature"},
		"other host":         {request: own, change: func(r *http.Request) { r.Header.Set("X-Original-Host", "evil.example.com") }, status: 403, code: "BadSignature"},
		"other hash":         {request: own, change: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64)) }, status: 403, code: "BadSignature"},
		"other length":       {request: own, change: func(r *http.Request) { r.Header.Set("X-Original-Content-Length", "6") }, status: 403, code: "BadSignature"},
		"another's token":    {request: own, change: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", guest.key.SessionToken) }, status: 403, code: "InvalidToken"},
		"no token":           {request: own, change: func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, status: 403, code: "BadSignature"},
		"added header":       {request: own, change: func(r *http.Request) { r.Header.Set(auth.HeaderIdentityID, guest.id) }, status: 403, code: "ReservedHeader"},
		"added AWS header":   {request: own, change: func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "b") }, status: 403, code: "BadSignature"},
		"old":                {request: alice.signed(t, "GET", filesURL+alice.id+"/a", "", now.Add(-16*time.Minute)), status: 403, code: "Expired"},
		"long-lived key":     {request: user{"", aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}}.signed(t, "GET", filesURL+"public/a", "", now), status: 403, code: "UnknownKey"},
		"no method":          {request: own, change: func(r *http.Request) { r.Header.Del("X-Original-Method") }, status: 403, code: "MissingOriginalRequest"},
		"two URIs":           {request: own, change: func(r *http.Request) { r.Header.Add("X-Original-URI", "/files/x") }, status: 403, code: "MissingOriginalRequest"},
		"two hosts":          {request: own, change: func(r *http.Request) { r.Header.Set("X-Original-Host", "a, b") }, status: 403, code: "MissingOriginalRequest"},
		"the other convention": {request: own, change: func(r *http.Request) {
			r.Header.Del("X-Original-Uri")
			r.Header.Set("X-Forwarded-Uri", "/files/"+alice.id+"/a.txt")
		}, status: 403, code: "MissingOriginalRequest"},
	} {
		change := test.change
		if change == nil {
			change = func(*http.Request) {}
		}
		got := s.asked(t, test.request, change)
		if got.status != test.status || got.header.Get("X-Poolhouse-Reason") != test.code {
			t.Errorf("%s: %d %s, want %d %s", name, got.status, got.body, test.status, test.code)
		}
		if test.status == 200 {
			continue
		}
		if got.header.Get(auth.HeaderIdentityID) != "" {
			t.Errorf("%s: a refusal names an identity", name)
		}
		explained := s.adminCall(t, "Explain", `{"RequestId":"`+got.header.Get("X-Amzn-Requestid")+`"}`)
		if !strings.Contains(explained.body, test.code) || !strings.Contains(explained.body, `"Fix"`) || strings.Contains(explained.body, alice.key.SessionToken) {
			t.Errorf("%s: explained as %s", name, explained.body)
		}
	}
	equal(t, "a preflight", s.asked(t, own, func(r *http.Request) { r.Method = http.MethodOptions; r.Header.Del("Authorization") }).status, 401)

	// For gateways and emulators: what API Gateway would say.
	got = s.asked(t, own, func(r *http.Request) { r.Header.Set("Accept", "application/json") })
	var context struct {
		RequestContext struct {
			Identity   auth.RequestIdentity
			Authorizer struct{ IAM auth.IAMAuthorizer }
		}
	}
	if err := json.Unmarshal([]byte(got.body), &context); err != nil {
		t.Fatal(err)
	}
	identity := context.RequestContext.Identity
	equal(t, "cognitoIdentityId", *identity.CognitoIdentityID, alice.id)
	equal(t, "cognitoIdentityPoolId", *identity.CognitoIdentityPoolID, filesPool)
	equal(t, "cognitoAuthenticationType", *identity.CognitoAuthenticationType, "authenticated")
	equal(t, "cognitoAuthenticationProvider", *identity.CognitoAuthenticationProvider, info.LoginKey+","+info.OIDCProviderARN+":OIDC:alice")
	equal(t, "userArn", *identity.UserARN, "arn:aws:sts::000000000000:assumed-role/Authenticated/CognitoIdentityCredentials")
	equal(t, "caller", strings.HasSuffix(*identity.Caller, ":CognitoIdentityCredentials"), true)
	equal(t, "amr", context.RequestContext.Authorizer.IAM.CognitoIdentity.AMR[0], "authenticated")
}

// What bounds guests of the built-in engine is the settings' to say, for all
// pools and for single ones, and concerns nobody else.
func TestGuestPolicies(t *testing.T) {
	longest := guestPolicy("app:Open", "")
	longest = guestPolicy("app:Open", strings.Repeat(" ", 2048-len(longest)))
	for name, test := range map[string]struct {
		all   string
		pools map[string]string
		want  string // what a guest may: s3 is among what AWS lets guests do, app is not
	}{
		"AWS's":                 {want: "s3"},
		"AWS's, by name":        {all: "aws", want: "s3"},
		"off":                   {all: "off", want: "s3 app"},
		"a document":            {all: longest, want: "app"},
		"a pool's document":     {all: "off", pools: map[string]string{filesPool: guestPolicy("app:*", "")}, want: "app"},
		"off for a pool":        {all: guestPolicy("sns:*", ""), pools: map[string]string{filesPool: "off"}, want: "s3 app"},
		"AWS's for a pool":      {all: "off", pools: map[string]string{filesPool: "aws"}, want: "s3"},
		"another pool's":        {all: "aws", pools: map[string]string{"us-east-1:22222222-2222-3333-4444-555555555555": "off"}, want: "s3"},
		"more than its role":    {all: guestPolicy("*", ""), want: "s3 app"},
		"nothing its role lets": {all: guestPolicy("sns:*", ""), want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, files, func(c *poolhouse.Config) {
				c.GuestPolicy, c.PoolGuestPolicies = test.all, test.pools
				for n := range c.Roles {
					c.Roles[n].Policies = map[string]string{"both": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","app:Open"],"Resource":"*"}]}`}
				}
				c.Check.Routes = []poolhouse.CheckRoute{{Match: "GET /s3", Action: "s3:GetObject", Resource: "*"}, {Match: "GET /app", Action: "app:Open", Resource: "*"},
					{Match: "GET /other", Action: "sns:Publish", Resource: "*"}}
			})
			s.filesPool(t)
			may := func(u user) string {
				var all []string
				for _, path := range []string{"s3", "app", "other"} {
					if s.asked(t, u.signed(t, "GET", "https://example.com/"+path, "", time.Now())).status == http.StatusOK {
						all = append(all, path)
					}
				}
				return strings.Join(all, " ")
			}
			equal(t, "a guest", may(s.user(t, nil)), test.want)
			equal(t, "a user", may(s.user(t, s.logins(t, "alice"))), "s3 app")
		})
	}
}

// The body is what the settings say it is.
func TestCheckBodies(t *testing.T) {
	now := time.Now()
	for mode, want := range map[string][3]int{"hash-required": {200, 403, 200}, "unchecked": {200, 200, 200}, "forwarded": {403, 403, 403}} {
		t.Run(mode, func(t *testing.T) {
			s := start(t, files, func(c *poolhouse.Config) { c.Check.Body = mode })
			s.filesPool(t)
			alice := s.user(t, s.logins(t, "alice"))
			stated := alice.signed(t, "PUT", filesURL+alice.id+"/a", "hello", now)
			unsigned := alice.signed(t, "PUT", filesURL+alice.id+"/a", "hello", now)
			unsigned.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
			unsigned.Header.Del("Authorization")
			if err := v4.NewSigner().SignHTTP(t.Context(), alice.key, unsigned, "UNSIGNED-PAYLOAD", "execute-api", region, now); err != nil {
				t.Fatal(err)
			}
			for n, r := range []*http.Request{stated, unsigned, stated} {
				if got := s.asked(t, r); got.status != want[n] {
					t.Errorf("request %d: %d %s, want %d", n, got.status, got.body, want[n])
				}
			}
			if mode != "forwarded" {
				return
			}
			forward := func(body string) func(*http.Request) {
				return func(r *http.Request) {
					r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(strings.NewReader(body)), int64(len(body))
				}
			}
			equal(t, "the body", s.asked(t, stated, forward("hello")).status, 200)
			equal(t, "another body", s.asked(t, stated, forward("hullo")).status, 403)
			equal(t, "half of the body", s.asked(t, stated, forward("hel")).status, 403)
		})
	}
}

// Other proxies ask in other ways.
func TestCheckConventions(t *testing.T) {
	for convention, ask := range map[string]func(s *testServer, r, q *http.Request){
		"x-forwarded": func(_ *testServer, r, q *http.Request) {
			q.Header.Set("X-Forwarded-Method", r.Method)
			q.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
			q.Header.Set("X-Forwarded-Host", r.URL.Host)
		},
		"request": func(s *testServer, r, q *http.Request) {
			q.Method, q.Host = r.Method, r.URL.Host
			q.URL = must(q.URL.Parse(s.URL + "/auth/check" + r.URL.RequestURI()))(t)
		},
	} {
		t.Run(convention, func(t *testing.T) {
			s := start(t, files, func(c *poolhouse.Config) { c.Check.Request, c.Check.Path = convention, "/auth/check" })
			s.filesPool(t)
			alice := s.user(t, s.logins(t, "alice"))
			for path, status := range map[string]int{alice.id + "/a?x=y%20z": 200, "public/a": 403} {
				r := alice.signed(t, "GET", filesURL+path, "", time.Now())
				got := s.asked(t, r, func(q *http.Request) {
					q.URL.Path = "/auth/check"
					for _, name := range []string{"Method", "Uri", "Host"} {
						q.Header.Del("X-Original-" + name)
					}
					ask(s, r, q)
				})
				if got.status != status {
					t.Errorf("%s: %d %s, want %d", path, got.status, got.body, status)
				}
			}
		})
	}
}

func TestCheckSettings(t *testing.T) {
	route := poolhouse.CheckRoute{Match: "GET /{a}/{b...}", Action: "s3:GetObject", Resource: "arn:aws:s3:::{a}/{b}"}
	with := func(change func(*poolhouse.CheckRoute)) poolhouse.CheckConfig {
		r := route
		change(&r)
		return poolhouse.CheckConfig{Routes: []poolhouse.CheckRoute{r}}
	}
	for name, test := range map[string]struct {
		check poolhouse.CheckConfig
		want  string
	}{
		"no routes":        {poolhouse.CheckConfig{}, "check.routes"},
		"headers":          {poolhouse.CheckConfig{Request: "nginx", Routes: []poolhouse.CheckRoute{route}}, "check.request"},
		"body":             {poolhouse.CheckConfig{Body: "any", Routes: []poolhouse.CheckRoute{route}}, "check.body"},
		"path":             {poolhouse.CheckConfig{Path: "/", Routes: []poolhouse.CheckRoute{route}}, "check.path"},
		"max body":         {poolhouse.CheckConfig{MaxBody: -1, Routes: []poolhouse.CheckRoute{route}}, "check.max_body"},
		"method":           {with(func(r *poolhouse.CheckRoute) { r.Match = "get /" }), "not an HTTP method"},
		"no slash":         {with(func(r *poolhouse.CheckRoute) { r.Match = "GET files" }), "write it like"},
		"half a variable":  {with(func(r *poolhouse.CheckRoute) { r.Match = "/x{a}/{b}" }), "neither a whole"},
		"rest first":       {with(func(r *poolhouse.CheckRoute) { r.Match = "/{a...}/{b}" }), "at the end"},
		"twice":            {with(func(r *poolhouse.CheckRoute) { r.Match = "/{a}/{a}" }), "twice"},
		"escaped":          {with(func(r *poolhouse.CheckRoute) { r.Match = "/a%20b/{a}/{b}" }), "unescaped"},
		"action":           {with(func(r *poolhouse.CheckRoute) { r.Action = "GetObject" }), "action"},
		"action wildcard":  {with(func(r *poolhouse.CheckRoute) { r.Action = "s3:*" }), "action"},
		"resource":         {with(func(r *poolhouse.CheckRoute) { r.Resource = "files/{a}" }), "resource"},
		"unknown variable": {with(func(r *poolhouse.CheckRoute) { r.Resource = "arn:aws:s3:::{c}" }), "not in the match"},
	} {
		c := poolhouse.Config{Check: &test.check}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	equal(t, "the path without the setting", start(t).asked(t, user{}.signed(t, "GET", filesURL, "", time.Now())).status == 200, false)
}

// The check endpoint cannot take the place of another path of the server.
func TestCheckPathIsNotAnother(t *testing.T) {
	config := func(path string) *poolhouse.Config {
		return &poolhouse.Config{Check: &poolhouse.CheckConfig{
			Path:   path,
			Routes: []poolhouse.CheckRoute{{Match: "GET /a", Action: "app:Open", Resource: "*"}},
		}}
	}
	taken := func(path string) bool {
		err := config(path).Validate()
		return err != nil && strings.Contains(err.Error(), "check.path "+strconv.Quote(path))
	}
	for _, path := range []string{
		"/", "/readyz", "/healthz", "/metrics", "/authorize", "/.well-known", "/.well-known/jwks_uri", "/.well-known/x",
		"/.well-known/openid-configuration", "/.well-known/jwks.json", "/backchannel-logout", "/backchannel-logout/idp.example.com",
		"/shared-signals", "/shared-signals/x", "/_poolhouse", "/_poolhouse/check", poolhouse.DevInfoPath, poolhouse.DevTokenPath,
		issuer.DevPath, issuer.DevPath + "/jwks",
	} {
		if !taken(path) {
			t.Errorf("check.path %s is accepted", path)
		}
	}
	for _, path := range []string{"", "/check", "/auth/metrics", "/metrics2", "/authorize-request", "/a/readyz"} {
		if taken(path) {
			t.Errorf("check.path %s is refused", path)
		}
	}
}

// A service in Go verifies signatures itself and asks once per session.
func TestAuthMiddleware(t *testing.T) {
	s := start(t, files)
	s.filesPool(t)
	alice, guest := s.user(t, s.logins(t, "alice")), s.user(t, nil)
	verifier := must(auth.New(auth.Options{Endpoint: s.URL, Region: region, Credentials: sigv4.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, MaxBody: 10}))(t)
	service := httptest.NewServer(verifier.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		p := auth.FromContext(r.Context())
		_ = json.NewEncoder(w).Encode([]string{p.IdentityID, p.IdentityPoolID, p.RoleARN, p.AccountID, p.Tags["username"], strconv.FormatBool(p.Authenticated()), string(body)})
	})))
	defer service.Close()
	call := func(r *http.Request) answer { return do(t, r) }
	got := call(alice.signed(t, "POST", service.URL+"/x?b=1&a=2", "hello", time.Now()))
	equal(t, "alice", got.body, `["`+strings.Join([]string{alice.id, filesPool, authenticatedRole, "000000000000", "alice", "true", "hello"}, `","`)+"\"]\n")
	got = call(guest.signed(t, "GET", service.URL+"/", "", time.Now()))
	equal(t, "guest", got.body, `["`+strings.Join([]string{guest.id, filesPool, guestRole, "000000000000", "", "false", ""}, `","`)+"\"]\n")
	tampered := alice.signed(t, "POST", service.URL+"/x", "hello", time.Now())
	tampered.Body = io.NopCloser(strings.NewReader("hullo"))
	equal(t, "another body", call(tampered).status, 403)
	unsigned := alice.signed(t, "GET", service.URL+"/", "", time.Now())
	unsigned.Header.Del("Authorization")
	equal(t, "unsigned", call(unsigned).status, 401)
	equal(t, "too large", call(alice.signed(t, "POST", service.URL+"/", "hello, world", time.Now())).status, 413)
	stolen := user{"", alice.key}
	stolen.key.SessionToken = guest.key.SessionToken
	equal(t, "another's token", call(stolen.signed(t, "GET", service.URL+"/", "", time.Now())).status, 403)

	// A key that may do nothing but ask suffices, one that may not ask does not,
	// and sessions of other accounts are nobody's business.
	for name, test := range map[string]struct {
		body, code string
	}{
		"own service":   {`{"AccessKeyId":"` + alice.key.AccessKeyID + `","SessionToken":"x","Date":"` + time.Now().UTC().Format("20060102") + `","Region":"us-east-1","Service":"sts"}`, "InvalidParameterException"},
		"another day":   {`{"AccessKeyId":"` + alice.key.AccessKeyID + `","SessionToken":"x","Date":"20200101","Region":"us-east-1","Service":"x"}`, "InvalidParameterException"},
		"no token":      {`{"AccessKeyId":"` + alice.key.AccessKeyID + `"}`, "InvalidParameterException"},
		"invalid token": {`{"AccessKeyId":"` + alice.key.AccessKeyID + `","SessionToken":"x","Date":"` + time.Now().UTC().Format("20060102") + `","Region":"us-east-1","Service":"x"}`, "InvalidSessionException"},
	} {
		if got := s.adminCall(t, "VerifySession", test.body); !strings.Contains(got.body, test.code) {
			t.Errorf("%s: %s, want %s", name, got.body, test.code)
		}
	}
}

// With the key that VerifySession gives, a proxy checks an upload that is signed
// in chunks, as S3's clients send it, one chunk after the other.
func TestSigningKeyOfStreams(t *testing.T) {
	s := start(t, files)
	s.filesPool(t)
	alice := s.user(t, s.logins(t, "alice"))
	now := time.Now().UTC().Truncate(time.Second)
	day, stamp := now.Format("20060102"), now.Format("20060102T150405Z")
	var verified struct{ SigningKey []byte }
	body := must(json.Marshal(map[string]string{"AccessKeyId": alice.key.AccessKeyID, "SessionToken": alice.key.SessionToken, "Date": day, "Region": region, "Service": "s3"}))(t)
	if err := json.Unmarshal([]byte(s.adminCall(t, "VerifySession", string(body)).body), &verified); err != nil {
		t.Fatal(err)
	}
	scope := day + "/" + region + "/s3/aws4_request"
	sha := func(data string) string { sum := sha256.Sum256([]byte(data)); return hex.EncodeToString(sum[:]) }
	signature := func(lines ...string) string {
		mac := hmac.New(sha256.New, verified.SigningKey)
		mac.Write([]byte(strings.Join(lines, "\n")))
		return hex.EncodeToString(mac.Sum(nil))
	}

	// The client: AWS's signers for the request and for what follows in it.
	const streaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	r := must(http.NewRequestWithContext(t.Context(), http.MethodPut, "https://files.example.com/bucket/a.txt", nil))(t)
	r.Header.Set("X-Amz-Content-Sha256", streaming)
	r.Header.Set("X-Amz-Decoded-Content-Length", "70000")
	if err := v4.NewSigner().SignHTTP(t.Context(), alice.key, r, streaming, "s3", region, now); err != nil {
		t.Fatal(err)
	}
	_, seed, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	signer := v4.NewStreamSigner(alice.key, "s3", region, must(hex.DecodeString(seed))(t))
	var upload strings.Builder
	for _, chunk := range []string{strings.Repeat("a", 65536), strings.Repeat("b", 4464), ""} {
		signed := must(signer.GetSignature(t.Context(), nil, []byte(chunk), now))(t)
		fmt.Fprintf(&upload, "%x;chunk-signature=%x\r\n%s\r\n", len(chunk), signed, chunk)
	}

	// The proxy.
	canonical := strings.Join([]string{"PUT", "/bucket/a.txt", "", "host:files.example.com", "x-amz-content-sha256:" + streaming, "x-amz-date:" + stamp,
		"x-amz-decoded-content-length:70000", "x-amz-security-token:" + alice.key.SessionToken, "",
		"host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-security-token", streaming}, "\n")
	equal(t, "the request's signature", signature("AWS4-HMAC-SHA256", stamp, scope, sha(canonical)), seed)
	check := func(upload string) (chunks int, valid bool) {
		previous := seed
		for valid = true; upload != ""; chunks++ {
			head, rest, _ := strings.Cut(upload, "\r\n")
			size, sent, _ := strings.Cut(head, ";chunk-signature=")
			n := int(must(strconv.ParseInt(size, 16, 32))(t))
			previous = signature("AWS4-HMAC-SHA256-PAYLOAD", stamp, scope, previous, sha(""), sha(rest[:n]))
			valid = valid && previous == sent
			upload = rest[n+len("\r\n"):]
		}
		return chunks, valid
	}
	chunks, valid := check(upload.String())
	equal(t, "chunks", chunks, 3)
	equal(t, "their signatures", valid, true)
	_, valid = check(strings.Replace(upload.String(), "bbbb", "bbbc", 1))
	equal(t, "those of a changed chunk", valid, false)
}

// Whatever ends a session ends it on both nodes, at each of the three places
// that take sessions, within auth.RevocationDelay.
func TestRevokedEverywhere(t *testing.T) {
	database := pgtest.URL(t)
	var skipped atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(skipped.Load())) }
	node := func() *testServer {
		return start(t, files, func(c *poolhouse.Config) {
			c.DatabaseURL, c.MasterKey, c.Now, c.SignOutEndsSessions = database, bytes.Repeat([]byte{7}, 32), clock, true
		})
	}
	nodes := []*testServer{node(), node()}
	s := nodes[0]
	s.filesPool(t)
	var verifiers []*auth.Verifier
	for _, n := range nodes {
		verifiers = append(verifiers, must(auth.New(auth.Options{Endpoint: n.URL, Region: region, Now: clock,
			Credentials: sigv4.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}}))(t))
	}
	states := func(u user) string {
		state := ""
		for n, s := range nodes {
			r := u.signed(t, "GET", filesURL+u.id+"/a", "", clock())
			state += strconv.Itoa(s.asked(t, r).status) + " "
			r.RequestURI, r.Host = r.URL.RequestURI(), r.URL.Host
			if _, err := verifiers[n].Verify(r, nil); err == nil {
				state += "verified "
			}
			if _, err := s.whoami(t, u.key.AccessKeyID, u.key.SecretAccessKey, u.key.SessionToken); err == nil {
				state += "known "
			}
		}
		return strings.TrimSpace(state)
	}
	revoke := func(body string) func(u user) {
		return func(u user) {
			text := strings.NewReplacer("KEY", u.key.AccessKeyID, "ID", u.id).Replace(body)
			if got := s.adminCall(t, "RevokeSessions", text); got.status != 200 {
				t.Errorf("RevokeSessions %s: %s", text, got.body)
			}
		}
	}
	logins := s.logins(t, "alice")
	for _, test := range []struct {
		name string
		end  func(u user)
	}{
		{"access key", revoke(`{"AccessKeyId":"KEY"}`)},
		{"identity", revoke(`{"IdentityId":"ID"}`)},
		{"role", revoke(`{"RoleArn":"` + authenticatedRole + `"}`)},
		{"pool's sessions", revoke(`{"IdentityPoolId":"` + filesPool + `"}`)},
		{"signed-out user", func(user) {
			equal(t, "sign out", s.adminCall(t, "SignOut", `{"ProviderName":"`+devInfo(s).LoginKey+`","Subject":"alice"}`).status, 200)
		}},
		{"deleted role", func(user) {
			must(s.iam().DeleteRolePolicy(t.Context(), &iamclient.DeleteRolePolicyInput{RoleName: aws.String("Stored"), PolicyName: aws.String("files")}))(t)
			must(s.iam().DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("Stored")}))(t)
		}},
		{"deleted identity", func(u user) {
			must(s.admin().DeleteIdentities(t.Context(), &ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{u.id}}))(t)
		}},
		{"deleted pool", func(user) {
			must(s.admin().DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: aws.String(filesPool)}))(t)
		}},
	} {
		skipped.Add(int64(2 * time.Second)) // sessions are younger than what ended those before
		switch test.name {
		case "deleted role": // of the settings none can be deleted
			role := s.newIAMRole(t, "Stored", filesTrust)
			must(s.iam().PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: role.RoleName, PolicyName: aws.String("files"), PolicyDocument: aws.String(filesPolicy)}))(t)
			s.useRole(t, filesPool, *role.Arn)
			logins = s.logins(t, "carol")
		case "deleted identity":
			s.useRole(t, filesPool, authenticatedRole)
			logins = s.logins(t, "bob")
		}
		u := s.user(t, logins)
		equal(t, test.name+": before", states(u), "200 verified known 200 verified known")
		test.end(u)
		skipped.Add(int64(auth.RevocationDelay))
		equal(t, test.name+": after", states(u), "403 403")
	}
	for body, code := range map[string]string{
		`{}`: "InvalidParameterException", `{"IdentityId":"x","RoleArn":"y"}`: "InvalidParameterException", `{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE"}`: "InvalidParameterException",
		`{"RoleArn":"arn:aws:iam::123456789012:role/other"}`: "InvalidParameterException", `{"IdentityId":""}`: "InvalidParameterException",
	} {
		if got := s.adminCall(t, "RevokeSessions", body); !strings.Contains(got.body, code) {
			t.Errorf("%s: %s, want %s", body, got.body, code)
		}
	}
}

// What is no ID is refused. What has the form of one may have been deleted: it is
// revoked, and the answer says whether it is there now.
func TestRevokeSessionsOfWhatIsNotThere(t *testing.T) {
	s := start(t)
	pool := s.newPool(t)
	identity := s.getID(t, pool, nil)
	role := s.newIAMRole(t, "Revocable", filesTrust)

	const guid = ":00000000-0000-4000-8000-000000000000"
	arn := "arn:aws:iam::" + s.Account() + ":role/"
	for _, test := range []struct{ member, value, want string }{
		{"IdentityPoolId", pool, `"Known":true`},
		{"IdentityId", identity, `"Known":true`},
		{"RoleArn", *role.Arn, `"Known":true`},
		{"IdentityPoolId", region + guid, `"Known":false`},
		{"IdentityPoolId", "eu-west-1" + guid, `"Known":false`},
		{"IdentityPoolId", identity, `"Known":false`},
		{"IdentityId", region + guid, `"Known":false`},
		{"IdentityId", pool, `"Known":false`},
		{"RoleArn", arn + "Gone", `"Known":false`},
		{"RoleArn", arn + "path/Revocable", `"Known":false`},
		{"AccessKeyId", "ASIAIOSFODNN7EXAMPLE", `{"NotBefore":`},

		{"IdentityPoolId", "nonsense", "InvalidParameterException"},
		{"IdentityPoolId", "", "InvalidParameterException"},
		{"IdentityPoolId", strings.ToUpper(pool), "InvalidParameterException"},
		{"IdentityPoolId", region + strings.ToUpper(pool[len(region):]), "InvalidParameterException"},
		{"IdentityPoolId", " " + pool, "InvalidParameterException"},
		{"IdentityPoolId", "arn:aws:cognito-identity:" + region + ":" + s.Account() + ":identitypool/" + pool, "InvalidParameterException"},
		{"IdentityId", "nonsense", "InvalidParameterException"},
		{"IdentityId", strings.ToUpper(identity), "InvalidParameterException"},
		{"IdentityId", identity + "\n", "InvalidParameterException"},
		{"RoleArn", "Revocable", "InvalidParameterException"},
		{"RoleArn", arn, "InvalidParameterException"},
		{"RoleArn", strings.ToUpper(*role.Arn), "InvalidParameterException"},
		{"RoleArn", "arn:aws:iam::999999999999:role/Revocable", "InvalidParameterException"},
		{"AccessKeyId", "asiaiosfodnn7example", "InvalidParameterException"},
		{"AccessKeyId", "nonsense", "InvalidParameterException"},
	} {
		body := string(must(json.Marshal(map[string]string{test.member: test.value}))(t))
		got := s.adminCall(t, "RevokeSessions", body)
		if !strings.Contains(got.header.Get("X-Amzn-Errortype")+got.body, test.want) {
			t.Errorf("%s: %d %s, want %s", body, got.status, got.body, test.want)
		}
		if test.member == "AccessKeyId" && strings.Contains(got.body, "Known") {
			t.Errorf("%s: %s", body, got.body)
		}
	}
}
