package forwardauth_test

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
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// A signed-in user reaches their own prefix and no other; whatever was changed on
// the way is refused; and the service behind learns who it is.
func TestCheckEndpoint(t *testing.T) {
	s := wiretest.Start(t, wiretest.Files)
	s.FilesPool(t)
	alice, guest := s.User(t, s.Logins(t, "alice")), s.User(t, nil)
	now := time.Now()
	own := alice.Signed(t, "PUT", wiretest.FilesURL+alice.ID+"/a.txt", "hello", now)
	got := s.Asked(t, own)
	wiretest.Equal(t, "own file", got.Status, http.StatusOK)

	info := wiretest.DevInfo(s)
	for name, want := range map[string]string{
		auth.HeaderIdentityID: alice.ID, auth.HeaderIdentityPoolID: wiretest.FilesPool,
		auth.HeaderRoleARN: wiretest.AuthenticatedRole, auth.HeaderAccount: "000000000000",
		auth.HeaderAccessKeyID: alice.Key.AccessKeyID, auth.HeaderTags: "client=" + info.Audience + "&username=alice",
		auth.HeaderAMR:               "authenticated," + info.LoginKey + "," + info.OIDCProviderARN + ":OIDC:alice",
		"X-Poolhouse-Content-Sha256": own.Header.Get("X-Amz-Content-Sha256"),
	} {
		wiretest.Equal(t, name, got.Header.Get(name), want)
	}

	for name, test := range map[string]struct {
		request *http.Request
		change  func(*http.Request)
		status  int
		code    string
	}{
		"own file, read": {request: alice.Signed(t, "GET", wiretest.FilesURL+alice.ID+"/a.txt?x-id=GetObject", "",
			now), status: 200},
		"own file, version": {request: alice.Signed(t, "GET", wiretest.FilesURL+alice.ID+"/a.txt?versionId=1", "",
			now), status: 403, code: "Subresource"},
		"own file, ACL": {request: alice.Signed(t, "PUT", wiretest.FilesURL+alice.ID+"/a.txt?acl", "", now),
			status: 403, code: "Subresource"},
		"own file, head": {request: alice.Signed(t, "HEAD", wiretest.FilesURL+alice.ID+"/a%20b.txt", "", now),
			status: 200},
		"public file, guest": {request: guest.Signed(t, "GET", wiretest.FilesURL+"public/a", "", now), status: 200},
		"another's": {request: alice.Signed(t, "GET", wiretest.FilesURL+guest.ID+"/a.txt", "", now),
			status: 403, code: "AccessDenied"},
		"guest's own": {request: guest.Signed(t, "GET", wiretest.FilesURL+guest.ID+"/a.txt", "", now),
			status: 403, code: "AccessDenied"},
		"no route": {request: alice.Signed(t, "DELETE", wiretest.FilesURL+alice.ID+"/a.txt", "", now),
			status: 403, code: "NoRoute"},
		"dots": {request: alice.Signed(t, "GET", wiretest.FilesURL+alice.ID+"/%2e%2e/"+guest.ID+"/a",
			"", now), status: 403, code: "AmbiguousPath"},
		"unsigned": {request: alice.Signed(t, "GET", wiretest.FilesURL+alice.ID+"/a", "", now),
			change: func(r *http.Request) { r.Header.Del("Authorization") }, status: 401,
			code: "MissingAuthentication"},
		"other method": {request: own, change: func(r *http.Request) {
			r.Header.Set("X-Original-Method", "GET")
		}, status: 403, code: "BadSignature"},
		"other path": {request: own, change: func(r *http.Request) {
			r.Header.Set("X-Original-URI", "/files/"+alice.ID+"/b.txt")
		}, status: 403, code: "BadSignature"},
		"other query": {request: own, change: func(r *http.Request) {
			r.Header.Set("X-Original-URI", "/files/"+alice.ID+"/a.txt?acl")
		}, status: 403, code: "BadSignature"},
		"other host": {request: own, change: func(r *http.Request) {
			r.Header.Set("X-Original-Host", "evil.example.com")
		}, status: 403, code: "BadSignature"},
		"other hash": {request: own, change: func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64))
		}, status: 403, code: "BadSignature"},
		"other length": {request: own, change: func(r *http.Request) {
			r.Header.Set("X-Original-Content-Length", "6")
		}, status: 403, code: "BadSignature"},
		"another's token": {request: own, change: func(r *http.Request) {
			r.Header.Set("X-Amz-Security-Token", guest.Key.SessionToken)
		}, status: 403, code: "InvalidToken"},
		"no token": {request: own, change: func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") },
			status: 403, code: "BadSignature"},
		"added header": {request: own, change: func(r *http.Request) {
			r.Header.Set(auth.HeaderIdentityID, guest.ID)
		}, status: 403, code: "ReservedHeader"},
		"added AWS header": {request: own, change: func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "b") },
			status: 403, code: "BadSignature"},
		"old": {request: alice.Signed(t, "GET", wiretest.FilesURL+alice.ID+"/a", "",
			now.Add(-16*time.Minute)), status: 403, code: "Expired"},
		"long-lived key": {request: wiretest.User{ID: "",
			Key: aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}}.Signed(t, "GET",
			wiretest.FilesURL+"public/a", "", now), status: 403, code: "UnknownKey"},
		"no method": {request: own, change: func(r *http.Request) { r.Header.Del("X-Original-Method") },
			status: 403, code: "MissingOriginalRequest"},
		"two URIs": {request: own, change: func(r *http.Request) {
			r.Header.Add("X-Original-URI", "/files/x")
		}, status: 403, code: "MissingOriginalRequest"},
		"two hosts": {request: own, change: func(r *http.Request) {
			r.Header.Set("X-Original-Host", "a, b")
		}, status: 403, code: "MissingOriginalRequest"},
		"the other convention": {request: own, change: func(r *http.Request) {
			r.Header.Del("X-Original-Uri")
			r.Header.Set("X-Forwarded-Uri", "/files/"+alice.ID+"/a.txt")
		}, status: 403, code: "MissingOriginalRequest"},
	} {
		change := test.change
		if change == nil {
			change = func(*http.Request) {}
		}
		got := s.Asked(t, test.request, change)
		if got.Status != test.status || got.Header.Get("X-Poolhouse-Reason") != test.code {
			t.Errorf("%s: %d %s, want %d %s", name, got.Status, got.Body, test.status, test.code)
		}

		if test.status == 200 {
			continue
		}
		if got.Header.Get(auth.HeaderIdentityID) != "" {
			t.Errorf("%s: a refusal names an identity", name)
		}

		explained := s.AdminCall(t, "Explain", `{"RequestId":"`+got.Header.Get("X-Amzn-Requestid")+`"}`)
		if !strings.Contains(explained.Body, test.code) || !strings.Contains(explained.Body, `"Fix"`) ||
			strings.Contains(explained.Body, alice.Key.SessionToken) {
			t.Errorf("%s: explained as %s", name, explained.Body)
		}
	}

	wiretest.Equal(t, "a preflight", s.Asked(t, own,
		func(r *http.Request) { r.Method = http.MethodOptions; r.Header.Del("Authorization") }).Status, 401)

	// For gateways and emulators: what API Gateway would say.
	got = s.Asked(t, own, func(r *http.Request) { r.Header.Set("Accept", "application/json") })
	var context struct {
		RequestContext struct {
			Identity   auth.RequestIdentity
			Authorizer struct{ IAM auth.IAMAuthorizer }
		}
	}
	if err := json.Unmarshal([]byte(got.Body), &context); err != nil {
		t.Fatal(err)
	}

	identity := context.RequestContext.Identity
	wiretest.Equal(t, "cognitoIdentityId", *identity.CognitoIdentityID, alice.ID)
	wiretest.Equal(t, "cognitoIdentityPoolId", *identity.CognitoIdentityPoolID, wiretest.FilesPool)
	wiretest.Equal(t, "cognitoAuthenticationType", *identity.CognitoAuthenticationType, "authenticated")
	wiretest.Equal(t, "cognitoAuthenticationProvider", *identity.CognitoAuthenticationProvider,
		info.LoginKey+","+info.OIDCProviderARN+":OIDC:alice")
	wiretest.Equal(t, "userArn", *identity.UserARN,
		"arn:aws:sts::000000000000:assumed-role/Authenticated/CognitoIdentityCredentials")
	wiretest.Equal(t, "caller", strings.HasSuffix(*identity.Caller, ":CognitoIdentityCredentials"), true)
	wiretest.Equal(t, "amr", context.RequestContext.Authorizer.IAM.CognitoIdentity.AMR[0], "authenticated")
}

// What bounds guests of the built-in engine is the settings' to say, for all
// pools and for single ones, and concerns nobody else.
func TestGuestPolicies(t *testing.T) {
	longest := wiretest.GuestPolicy("app:Open", "")
	longest = wiretest.GuestPolicy("app:Open", strings.Repeat(" ", 2048-len(longest)))
	for name, test := range map[string]struct {
		all   string
		pools map[string]string
		want  string // what a guest may: s3 is among what AWS lets guests do, app is not
	}{
		"AWS's":          {want: "s3"},
		"AWS's, by name": {all: "aws", want: "s3"},
		"off":            {all: "off", want: "s3 app"},
		"a document":     {all: longest, want: "app"},
		"a pool's document": {all: "off",
			pools: map[string]string{wiretest.FilesPool: wiretest.GuestPolicy("app:*", "")}, want: "app"},
		"off for a pool": {all: wiretest.GuestPolicy("sns:*", ""),
			pools: map[string]string{wiretest.FilesPool: "off"}, want: "s3 app"},
		"AWS's for a pool": {all: "off", pools: map[string]string{wiretest.FilesPool: "aws"}, want: "s3"},
		"another pool's": {all: "aws",
			pools: map[string]string{"us-east-1:22222222-2222-3333-4444-555555555555": "off"}, want: "s3"},
		"more than its role":    {all: wiretest.GuestPolicy("*", ""), want: "s3 app"},
		"nothing its role lets": {all: wiretest.GuestPolicy("sns:*", ""), want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := wiretest.Start(t, wiretest.Files, func(c *poolhouse.Config) {
				c.GuestPolicy, c.PoolGuestPolicies = test.all, test.pools
				for n := range c.Roles {
					c.Roles[n].Policies = map[string]string{"both": `{"Version":"2012-10-17",` +
						`"Statement":[{"Effect":"Allow","Action":["s3:GetObject","app:Open"],"Resource":"*"}]}`}
				}
				c.Check.Routes = []poolhouse.CheckRoute{{Match: "GET /s3", Action: "s3:GetObject", Resource: "*"},
					{Match: "GET /app", Action: "app:Open", Resource: "*"},
					{Match: "GET /other", Action: "sns:Publish", Resource: "*"}}
			})
			s.FilesPool(t)

			may := func(u wiretest.User) string {
				var all []string
				for _, path := range []string{"s3", "app", "other"} {
					if s.Asked(t, u.Signed(t, "GET", "https://example.com/"+path, "",
						time.Now())).Status == http.StatusOK {
						all = append(all, path)
					}
				}

				return strings.Join(all, " ")
			}

			wiretest.Equal(t, "a guest", may(s.User(t, nil)), test.want)
			wiretest.Equal(t, "a user", may(s.User(t, s.Logins(t, "alice"))), "s3 app")
		})
	}
}

// The setting decides how the endpoint treats the body.
func TestCheckBodies(t *testing.T) {
	now := time.Now()
	for mode, want := range map[string][3]int{"hash-required": {200, 403, 200}, "unchecked": {200, 200, 200},
		"forwarded": {403, 403, 403}} {
		t.Run(mode, func(t *testing.T) {
			s := wiretest.Start(t, wiretest.Files, func(c *poolhouse.Config) { c.Check.Body = mode })
			s.FilesPool(t)
			alice := s.User(t, s.Logins(t, "alice"))
			stated := alice.Signed(t, "PUT", wiretest.FilesURL+alice.ID+"/a", "hello", now)
			unsigned := alice.Signed(t, "PUT", wiretest.FilesURL+alice.ID+"/a", "hello", now)
			unsigned.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
			unsigned.Header.Del("Authorization")

			if err := v4.NewSigner().SignHTTP(t.Context(), alice.Key, unsigned, "UNSIGNED-PAYLOAD", "execute-api",
				wiretest.Region, now); err != nil {
				t.Fatal(err)
			}

			for n, r := range []*http.Request{stated, unsigned, stated} {
				if got := s.Asked(t, r); got.Status != want[n] {
					t.Errorf("request %d: %d %s, want %d", n, got.Status, got.Body, want[n])
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
			wiretest.Equal(t, "the body", s.Asked(t, stated, forward("hello")).Status, 200)
			wiretest.Equal(t, "another body", s.Asked(t, stated, forward("hullo")).Status, 403)
			wiretest.Equal(t, "half of the body", s.Asked(t, stated, forward("hel")).Status, 403)
		})
	}
}

// A presigned URL signs no body. The head of a request rarely tells whether there is one, so the service is told to
// expect the empty body; a body that shows is refused.
func TestCheckPresignedBody(t *testing.T) {
	const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	describe := func(prefix string) func(s *wiretest.Server, r, q *http.Request) {
		return func(_ *wiretest.Server, r, q *http.Request) {
			q.Header.Set(prefix+"Method", r.Method)
			q.Header.Set(prefix+"Uri", r.URL.RequestURI())
			q.Header.Set(prefix+"Host", r.URL.Host)
		}
	}

	for convention, ask := range map[string]func(s *wiretest.Server, r, q *http.Request){
		"x-original":  describe("X-Original-"),
		"x-forwarded": describe("X-Forwarded-"),
		"request": func(s *wiretest.Server, r, q *http.Request) {
			q.Method, q.Host = r.Method, r.URL.Host
			q.URL = wiretest.Must(q.URL.Parse(s.URL + "/check" + r.URL.RequestURI()))(t)
		},
	} {
		t.Run(convention, func(t *testing.T) {
			s := wiretest.Start(t, wiretest.Files, func(c *poolhouse.Config) {
				c.Check.Request, c.Check.Service, c.Check.Presigned = convention, "s3", true
			})
			s.FilesPool(t)
			alice := s.User(t, s.Logins(t, "alice"))

			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r := wiretest.Must(http.NewRequestWithContext(t.Context(), method,
					wiretest.FilesURL+strings.ReplaceAll(alice.ID, ":", "%3A")+"/a?X-Amz-Expires=60", nil))(t)
				signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
				signed, _, err := signer.PresignHTTP(
					t.Context(), alice.Key, r, "UNSIGNED-PAYLOAD", "s3", wiretest.Region, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				r.URL = wiretest.Must(r.URL.Parse(signed))(t)

				answer := func(change func(*http.Request)) wiretest.Answer {
					return s.Asked(t, r, func(q *http.Request) {
						for _, name := range []string{"Method", "Uri", "Host"} {
							q.Header.Del("X-Original-" + name)
						}
						ask(s, r, q)
						change(q)
					})
				}
				allowed := func(name string, got wiretest.Answer) {
					t.Helper()
					if hash := got.Header.Get("X-Poolhouse-Content-Sha256"); got.Status != 200 || hash != emptyHash {
						t.Errorf("%s, %s: %d %s, hash %q", method, name, got.Status, got.Body, hash)
					}
				}
				refused := func(name string, got wiretest.Answer) {
					t.Helper()
					reason := got.Header.Get("X-Poolhouse-Reason")
					if got.Status != 403 || reason != "UnsignedPayload" {
						t.Errorf("%s, %s: %d %s", method, name, got.Status, reason)
					}
				}

				allowed("unknown length", answer(func(*http.Request) {}))
				refused("chunked body", answer(func(q *http.Request) {
					q.Body, q.ContentLength = io.NopCloser(strings.NewReader("evil")), -1
				}))
				refused("body", answer(func(q *http.Request) {
					q.Body, q.ContentLength = io.NopCloser(strings.NewReader("evil")), 4
				}))

				if convention == "request" {
					continue
				}
				length := map[string]string{"x-original": "X-Original-", "x-forwarded": "X-Forwarded-"}[convention] +
					"Content-Length"
				allowed("length 0", answer(func(q *http.Request) { q.Header.Set(length, "0") }))
				refused("length 4", answer(func(q *http.Request) { q.Header.Set(length, "4") }))
			}
		})
	}
}

// Other proxies ask in other ways.
func TestCheckConventions(t *testing.T) {
	for convention, ask := range map[string]func(s *wiretest.Server, r, q *http.Request){
		"x-forwarded": func(_ *wiretest.Server, r, q *http.Request) {
			q.Header.Set("X-Forwarded-Method", r.Method)
			q.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
			q.Header.Set("X-Forwarded-Host", r.URL.Host)
		},
		"request": func(s *wiretest.Server, r, q *http.Request) {
			q.Method, q.Host = r.Method, r.URL.Host
			q.URL = wiretest.Must(q.URL.Parse(s.URL + "/auth/check" + r.URL.RequestURI()))(t)
		},
	} {
		t.Run(convention, func(t *testing.T) {
			s := wiretest.Start(t, wiretest.Files,
				func(c *poolhouse.Config) { c.Check.Request, c.Check.Path = convention, "/auth/check" })
			s.FilesPool(t)

			alice := s.User(t, s.Logins(t, "alice"))
			for path, status := range map[string]int{alice.ID + "/a?x=y%20z": 200, "public/a": 403} {
				r := alice.Signed(t, "GET", wiretest.FilesURL+path, "", time.Now())
				got := s.Asked(t, r, func(q *http.Request) {
					q.URL.Path = "/auth/check"
					for _, name := range []string{"Method", "Uri", "Host"} {
						q.Header.Del("X-Original-" + name)
					}
					ask(s, r, q)
				})
				if got.Status != status {
					t.Errorf("%s: %d %s, want %d", path, got.Status, got.Body, status)
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
		"no routes": {poolhouse.CheckConfig{}, "check.routes"},
		"headers": {poolhouse.CheckConfig{Request: "nginx", Routes: []poolhouse.CheckRoute{route}},
			"check.request"},
		"body": {poolhouse.CheckConfig{Body: "any", Routes: []poolhouse.CheckRoute{route}}, "check.body"},
		"path": {poolhouse.CheckConfig{Path: "/", Routes: []poolhouse.CheckRoute{route}}, "check.path"},
		"max body": {poolhouse.CheckConfig{MaxBody: -1, Routes: []poolhouse.CheckRoute{route}},
			"check.max_body"},
		"method":          {with(func(r *poolhouse.CheckRoute) { r.Match = "get /" }), "not an HTTP method"},
		"no slash":        {with(func(r *poolhouse.CheckRoute) { r.Match = "GET files" }), "write it like"},
		"half a variable": {with(func(r *poolhouse.CheckRoute) { r.Match = "/x{a}/{b}" }), "neither a whole"},
		"rest first":      {with(func(r *poolhouse.CheckRoute) { r.Match = "/{a...}/{b}" }), "at the end"},
		"twice":           {with(func(r *poolhouse.CheckRoute) { r.Match = "/{a}/{a}" }), "twice"},
		"escaped":         {with(func(r *poolhouse.CheckRoute) { r.Match = "/a%20b/{a}/{b}" }), "unescaped"},
		"action":          {with(func(r *poolhouse.CheckRoute) { r.Action = "GetObject" }), "action"},
		"action wildcard": {with(func(r *poolhouse.CheckRoute) { r.Action = "s3:*" }), "action"},
		"resource":        {with(func(r *poolhouse.CheckRoute) { r.Resource = "files/{a}" }), "resource"},
		"unknown variable": {with(func(r *poolhouse.CheckRoute) { r.Resource = "arn:aws:s3:::{c}" }),
			"not in the match"},
	} {
		c := poolhouse.Config{Check: &test.check}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}

	wiretest.Equal(t, "the path without the setting", wiretest.Start(t).Asked(t,
		wiretest.User{}.Signed(t, "GET", wiretest.FilesURL, "", time.Now())).Status == 200, false)
}

// Forward auth cannot take the place of another path of the server.
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
		"/.well-known/openid-configuration", "/.well-known/jwks.json", "/backchannel-logout",
		"/backchannel-logout/idp.example.com",
		"/shared-signals", "/shared-signals/x", "/_poolhouse", "/_poolhouse/check", poolhouse.DevInfoPath,
		poolhouse.DevTokenPath,
		devissuer.Path, devissuer.Path + "/jwks", "/console", "/console/check",
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
	s := wiretest.Start(t, wiretest.Files)
	s.FilesPool(t)
	alice, guest := s.User(t, s.Logins(t, "alice")), s.User(t, nil)
	verifier := wiretest.Must(auth.New(auth.Options{Endpoint: s.URL, Region: wiretest.Region,
		Credentials: sigv4.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, MaxBody: 10}))(t)

	service := httptest.NewServer(verifier.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		p := auth.FromContext(r.Context())
		_ = json.NewEncoder(w).Encode([]string{p.IdentityID, p.IdentityPoolID, p.RoleARN, p.AccountID,
			p.Tags["username"], strconv.FormatBool(p.Authenticated()), string(body)})
	})))
	defer service.Close()

	call := func(r *http.Request) wiretest.Answer { return wiretest.Do(t, r) }
	got := call(alice.Signed(t, "POST", service.URL+"/x?b=1&a=2", "hello", time.Now()))
	wiretest.Equal(t, "alice", got.Body, `["`+strings.Join([]string{alice.ID, wiretest.FilesPool,
		wiretest.AuthenticatedRole, "000000000000", "alice", "true", "hello"}, `","`)+"\"]\n")

	got = call(guest.Signed(t, "GET", service.URL+"/", "", time.Now()))
	wiretest.Equal(t, "guest", got.Body, `["`+strings.Join([]string{guest.ID, wiretest.FilesPool, wiretest.GuestRole,
		"000000000000", "", "false", ""}, `","`)+"\"]\n")
	tampered := alice.Signed(t, "POST", service.URL+"/x", "hello", time.Now())
	tampered.Body = io.NopCloser(strings.NewReader("hullo"))
	wiretest.Equal(t, "another body", call(tampered).Status, 403)

	unsigned := alice.Signed(t, "GET", service.URL+"/", "", time.Now())
	unsigned.Header.Del("Authorization")
	wiretest.Equal(t, "unsigned", call(unsigned).Status, 401)
	wiretest.Equal(t, "too large", call(alice.Signed(t, "POST", service.URL+"/", "hello, world", time.Now())).Status,
		413)
	stolen := wiretest.User{ID: "", Key: alice.Key}
	stolen.Key.SessionToken = guest.Key.SessionToken
	wiretest.Equal(t, "another's token", call(stolen.Signed(t, "GET", service.URL+"/", "", time.Now())).Status, 403)

	// A key that may do nothing but ask suffices, one that may not ask does not,
	// and sessions of other accounts are nobody's business.
	for name, test := range map[string]struct {
		body, code string
	}{
		"own service": {`{"AccessKeyId":"` + alice.Key.AccessKeyID + `","SessionToken":"x","Date":"` +
			time.Now().UTC().Format("20060102") + `","Region":"us-east-1","Service":"sts"}`,
			"InvalidParameterException"},
		"another day": {`{"AccessKeyId":"` + alice.Key.AccessKeyID +
			`","SessionToken":"x","Date":"20200101","Region":"us-east-1","Service":"x"}`, "InvalidParameterException"},
		"no token": {`{"AccessKeyId":"` + alice.Key.AccessKeyID + `"}`, "InvalidParameterException"},
		"invalid token": {`{"AccessKeyId":"` + alice.Key.AccessKeyID + `","SessionToken":"x","Date":"` +
			time.Now().UTC().Format("20060102") + `","Region":"us-east-1","Service":"x"}`, "InvalidSessionException"},
	} {
		if got := s.AdminCall(t, "VerifySession", test.body); !strings.Contains(got.Body, test.code) {
			t.Errorf("%s: %s, want %s", name, got.Body, test.code)
		}
	}
}

// With the key that VerifySession gives, a proxy checks an upload that is signed
// in chunks, as S3's clients send it, one chunk after the other.
func TestSigningKeyOfStreams(t *testing.T) {
	s := wiretest.Start(t, wiretest.Files)
	s.FilesPool(t)
	alice := s.User(t, s.Logins(t, "alice"))
	now := time.Now().UTC().Truncate(time.Second)
	day, stamp := now.Format("20060102"), now.Format("20060102T150405Z")
	var verified struct{ SigningKey []byte }
	body := wiretest.Must(json.Marshal(map[string]string{"AccessKeyId": alice.Key.AccessKeyID,
		"SessionToken": alice.Key.SessionToken, "Date": day, "Region": wiretest.Region, "Service": "s3"}))(t)
	if err := json.Unmarshal([]byte(s.AdminCall(t, "VerifySession", string(body)).Body), &verified); err != nil {
		t.Fatal(err)
	}

	scope := day + "/" + wiretest.Region + "/s3/aws4_request"
	sha := func(data string) string { sum := sha256.Sum256([]byte(data)); return hex.EncodeToString(sum[:]) }
	signature := func(lines ...string) string {
		mac := hmac.New(sha256.New, verified.SigningKey)
		mac.Write([]byte(strings.Join(lines, "\n")))
		return hex.EncodeToString(mac.Sum(nil))
	}

	// The client: AWS's signers for the request and for what follows in it.
	const streaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	r := wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodPut,
		"https://files.example.com/bucket/a.txt", nil))(t)
	r.Header.Set("X-Amz-Content-Sha256", streaming)
	r.Header.Set("X-Amz-Decoded-Content-Length", "70000")
	if err := v4.NewSigner().SignHTTP(t.Context(), alice.Key, r, streaming, "s3", wiretest.Region, now); err != nil {
		t.Fatal(err)
	}
	_, seed, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")

	signer := v4.NewStreamSigner(alice.Key, "s3", wiretest.Region, wiretest.Must(hex.DecodeString(seed))(t))
	var upload strings.Builder
	for _, chunk := range []string{strings.Repeat("a", 65536), strings.Repeat("b", 4464), ""} {
		signed := wiretest.Must(signer.GetSignature(t.Context(), nil, []byte(chunk), now))(t)
		fmt.Fprintf(&upload, "%x;chunk-signature=%x\r\n%s\r\n", len(chunk), signed, chunk)
	}

	// The proxy.
	canonical := strings.Join([]string{"PUT", "/bucket/a.txt", "", "host:files.example.com",
		"x-amz-content-sha256:" + streaming, "x-amz-date:" + stamp,
		"x-amz-decoded-content-length:70000", "x-amz-security-token:" + alice.Key.SessionToken, "",
		"host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-security-token", streaming}, "\n")
	wiretest.Equal(t, "the request's signature", signature("AWS4-HMAC-SHA256", stamp, scope, sha(canonical)), seed)
	check := func(upload string) (chunks int, valid bool) {
		previous := seed
		for valid = true; upload != ""; chunks++ {
			head, rest, _ := strings.Cut(upload, "\r\n")
			size, sent, _ := strings.Cut(head, ";chunk-signature=")
			n := int(wiretest.Must(strconv.ParseInt(size, 16, 32))(t))
			previous = signature("AWS4-HMAC-SHA256-PAYLOAD", stamp, scope, previous, sha(""), sha(rest[:n]))
			valid = valid && previous == sent
			upload = rest[n+len("\r\n"):]
		}

		return chunks, valid
	}

	chunks, valid := check(upload.String())
	wiretest.Equal(t, "chunks", chunks, 3)
	wiretest.Equal(t, "their signatures", valid, true)
	_, valid = check(strings.Replace(upload.String(), "bbbb", "bbbc", 1))
	wiretest.Equal(t, "those of a changed chunk", valid, false)
}

// Whatever ends a session ends it on both nodes, at each of the three places
// that take sessions, within auth.RevocationDelay.
func TestRevokedEverywhere(t *testing.T) {
	database := pgtest.URL(t)
	var skipped atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(skipped.Load())) }
	node := func() *wiretest.Server {
		return wiretest.Start(t, wiretest.Files, func(c *poolhouse.Config) {
			c.DatabaseURL, c.MasterKey, c.Now, c.SignOutEndsSessions = database, bytes.Repeat([]byte{7}, 32), clock,
				true
		})
	}

	nodes := []*wiretest.Server{node(), node()}
	s := nodes[0]
	s.FilesPool(t)

	var verifiers []*auth.Verifier
	for _, n := range nodes {
		verifiers = append(verifiers,
			wiretest.Must(auth.New(auth.Options{Endpoint: n.URL, Region: wiretest.Region, Now: clock,
				Credentials: sigv4.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}}))(t))
	}
	states := func(u wiretest.User) string {
		state := ""
		for n, s := range nodes {
			r := u.Signed(t, "GET", wiretest.FilesURL+u.ID+"/a", "", clock())
			state += strconv.Itoa(s.Asked(t, r).Status) + " "
			r.RequestURI, r.Host = r.URL.RequestURI(), r.URL.Host
			if _, err := verifiers[n].Verify(r, nil); err == nil {
				state += "verified "
			}
			if _, err := s.Whoami(t, u.Key.AccessKeyID, u.Key.SecretAccessKey, u.Key.SessionToken); err == nil {
				state += "known "
			}
		}

		return strings.TrimSpace(state)
	}

	revoke := func(body string) func(u wiretest.User) {
		return func(u wiretest.User) {
			text := strings.NewReplacer("KEY", u.Key.AccessKeyID, "ID", u.ID).Replace(body)
			if got := s.AdminCall(t, "RevokeSessions", text); got.Status != 200 {
				t.Errorf("RevokeSessions %s: %s", text, got.Body)
			}
		}
	}

	logins := s.Logins(t, "alice")
	for _, test := range []struct {
		name string
		end  func(u wiretest.User)
	}{
		{"access key", revoke(`{"AccessKeyId":"KEY"}`)},
		{"identity", revoke(`{"IdentityId":"ID"}`)},
		{"role", revoke(`{"RoleArn":"` + wiretest.AuthenticatedRole + `"}`)},
		{"pool's sessions", revoke(`{"IdentityPoolId":"` + wiretest.FilesPool + `"}`)},
		{"signed-out user", func(wiretest.User) {
			wiretest.Equal(t, "sign out", s.AdminCall(t, "SignOut",
				`{"ProviderName":"`+wiretest.DevInfo(s).LoginKey+`","Subject":"alice"}`).Status, 200)
		}},
		{"deleted role", func(wiretest.User) {
			wiretest.Must(s.IAM().DeleteRolePolicy(t.Context(),
				&iamclient.DeleteRolePolicyInput{RoleName: aws.String("Stored"), PolicyName: aws.String("files")}))(t)
			wiretest.Must(s.IAM().DeleteRole(t.Context(),
				&iamclient.DeleteRoleInput{RoleName: aws.String("Stored")}))(t)
		}},
		{"deleted identity", func(u wiretest.User) {
			wiretest.Must(s.Admin().DeleteIdentities(t.Context(),
				&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{u.ID}}))(t)
		}},
		{"deleted pool", func(wiretest.User) {
			wiretest.Must(s.Admin().DeleteIdentityPool(t.Context(),
				&ci.DeleteIdentityPoolInput{IdentityPoolId: aws.String(wiretest.FilesPool)}))(t)
		}},
	} {
		skipped.Add(int64(2 * time.Second)) // sessions are younger than what ended those before

		switch test.name {
		case "deleted role": // of the settings none can be deleted
			role := s.NewIAMRole(t, "Stored", wiretest.FilesTrust)
			wiretest.Must(s.IAM().PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: role.RoleName,
				PolicyName: aws.String("files"), PolicyDocument: aws.String(wiretest.FilesPolicy)}))(t)
			s.UseRole(t, wiretest.FilesPool, *role.Arn)
			logins = s.Logins(t, "carol")
		case "deleted identity":
			s.UseRole(t, wiretest.FilesPool, wiretest.AuthenticatedRole)
			logins = s.Logins(t, "bob")
		}

		u := s.User(t, logins)
		wiretest.Equal(t, test.name+": before", states(u), "200 verified known 200 verified known")
		test.end(u)
		skipped.Add(int64(auth.RevocationDelay))

		wiretest.Equal(t, test.name+": after", states(u), "403 403")
	}

	for body, code := range map[string]string{
		`{}`: "InvalidParameterException", `{"IdentityId":"x","RoleArn":"y"}`: "InvalidParameterException",
		`{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE"}`:             "InvalidParameterException",
		`{"RoleArn":"arn:aws:iam::123456789012:role/other"}`: "InvalidParameterException",
		`{"IdentityId":""}`:                                  "InvalidParameterException",
	} {
		if got := s.AdminCall(t, "RevokeSessions", body); !strings.Contains(got.Body, code) {
			t.Errorf("%s: %s, want %s", body, got.Body, code)
		}
	}
}

// A text that is no ID is refused. One with the form of an ID may be that of a deleted
// identity: it is revoked, and the answer tells whether it exists now.
func TestRevokeSessionsOfWhatIsNotThere(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	identity := s.GetID(t, pool, nil)
	role := s.NewIAMRole(t, "Revocable", wiretest.FilesTrust)

	const guid = ":00000000-0000-4000-8000-000000000000"
	arn := "arn:aws:iam::" + s.Account() + ":role/"
	for _, test := range []struct{ member, value, want string }{
		{"IdentityPoolId", pool, `"Known":true`},
		{"IdentityId", identity, `"Known":true`},
		{"RoleArn", *role.Arn, `"Known":true`},
		{"IdentityPoolId", wiretest.Region + guid, `"Known":false`},
		{"IdentityPoolId", "eu-west-1" + guid, `"Known":false`},
		{"IdentityPoolId", identity, `"Known":false`},
		{"IdentityId", wiretest.Region + guid, `"Known":false`},
		{"IdentityId", pool, `"Known":false`},
		{"RoleArn", arn + "Gone", `"Known":false`},
		{"RoleArn", arn + "path/Revocable", `"Known":false`},
		{"AccessKeyId", "ASIAIOSFODNN7EXAMPLE", `{"NotBefore":`},

		{"IdentityPoolId", "nonsense", "InvalidParameterException"},
		{"IdentityPoolId", "", "InvalidParameterException"},
		{"IdentityPoolId", strings.ToUpper(pool), "InvalidParameterException"},
		{"IdentityPoolId", wiretest.Region + strings.ToUpper(pool[len(wiretest.Region):]), "InvalidParameterException"},
		{"IdentityPoolId", " " + pool, "InvalidParameterException"},
		{"IdentityPoolId",
			"arn:aws:cognito-identity:" + wiretest.Region + ":" + s.Account() + ":identitypool/" + pool,
			"InvalidParameterException"},
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
		body := string(wiretest.Must(json.Marshal(map[string]string{test.member: test.value}))(t))
		got := s.AdminCall(t, "RevokeSessions", body)
		if !strings.Contains(got.Header.Get("X-Amzn-Errortype")+got.Body, test.want) {
			t.Errorf("%s: %d %s, want %s", body, got.Status, got.Body, test.want)
		}
		if test.member == "AccessKeyId" && strings.Contains(got.Body, "Known") {
			t.Errorf("%s: %s", body, got.Body)
		}
	}
}
