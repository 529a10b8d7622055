package wiretest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wholebody"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

// Flip changes one character in the middle of s.
func Flip(s string) string {
	b := []byte(s)
	if b[len(b)/2] == 'A' {
		b[len(b)/2] = 'B'
	} else {
		b[len(b)/2] = 'A'
	}
	return string(b)
}

// DevInfo returns what clients of a development server need.
func DevInfo(s *Server) poolhouse.DevInfo {
	info, _ := s.DevInfo()
	return info
}

// Get fetches a path of the server.
func (s *Server) Get(t *testing.T, path string) Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Do(t, request)
}

// Server is a listening development server.
type Server struct {
	*poolhouse.Server
	URL  string
	Stop func() // stops the server before the test ends
}

// Start runs a development server on a free port until the test ends. The test fails
// if the server refuses a call without a complete reason.
func Start(t testing.TB, change ...func(*poolhouse.Config)) *Server {
	t.Helper()
	s := poolhousetest.Start(t, append(change, func(c *poolhouse.Config) {
		c.OnTrace = wantReasons(t, c.OnTrace)
	})...)
	return &Server{Server: s.Server, URL: s.URL, Stop: s.Stop}
}

// EachStore runs a test on the embedded database and on PostgreSQL.
func EachStore(t *testing.T, test func(t *testing.T, s *Server), change ...func(*poolhouse.Config)) {
	t.Run("sqlite", func(t *testing.T) { test(t, Start(t, change...)) })
	t.Run("postgresql", func(t *testing.T) {
		test(t, Start(t, append(slices.Clone(change), func(c *poolhouse.Config) {
			c.DatabaseURL = pgtest.URL(t)
			c.MasterKey = bytes.Repeat([]byte{7}, 32)
		})...))
	})
}

// Region is the region of development servers.
const Region = "us-east-1"

// Connections are shared by the clients of all tests. Otherwise each client of the SDK would
// open its own.
var Connections = &http.Client{Transport: wholebody.Transport{
	Base: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Second},
}}

// SignedBy returns a client that signs with the given keys.
func (s *Server) SignedBy(region, id, secret, token string) *ci.Client {
	return ci.New(ci.Options{
		BaseEndpoint:     &s.URL,
		Region:           region,
		RetryMaxAttempts: 1,
		HTTPClient:       Connections,
		Credentials:      credentials.NewStaticCredentialsProvider(id, secret, token),
	})
}

// Admin returns a client that signs with the development keys.
func (s *Server) Admin() *ci.Client { return s.SignedBy(Region, "test", "test", "") }

// Public returns a client without keys.
func (s *Server) Public() *ci.Client {
	return ci.New(ci.Options{
		BaseEndpoint:     &s.URL,
		Region:           Region,
		RetryMaxAttempts: 1,
		HTTPClient:       Connections,
		Credentials:      aws.AnonymousCredentials{},
	})
}

// Whoami asks STS for the owner of the keys.
func (s *Server) Whoami(t *testing.T, id, secret, token string) (*sts.GetCallerIdentityOutput, error) {
	t.Helper()
	client := sts.New(sts.Options{
		BaseEndpoint:     &s.URL,
		Region:           Region,
		RetryMaxAttempts: 1,
		HTTPClient:       Connections,
		Credentials:      credentials.NewStaticCredentialsProvider(id, secret, token),
	})

	return client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
}

// Token mints a development ID token.
func (s *Server) Token(t testing.TB, subject string, change ...func(*poolhouse.DevTokenRequest)) string {
	t.Helper()

	request := poolhouse.DevTokenRequest{Subject: subject}
	for _, f := range change {
		f(&request)
	}

	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	call, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+poolhouse.DevTokenPath,
		bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	call.Header.Set("Content-Type", "application/json")
	call.Header.Set("X-Forwarded-For", "127.0.0.1") // with BehindProxy, this tells that the caller is local
	response, err := http.DefaultClient.Do(call)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	var out poolhouse.DevTokenResponse
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil || out.Token == "" {
		t.Fatalf("no token: %v, %+v", err, out)
	}

	return out.Token
}

// Logins returns a Logins map with a development token of subject.
func (s *Server) Logins(t testing.TB, subject string, change ...func(*poolhouse.DevTokenRequest)) map[string]string {
	info, _ := s.DevInfo()
	return map[string]string{info.LoginKey: s.Token(t, subject, change...)}
}

// Answer is a raw answer of the server.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Raw posts a body for an operation, signed with the development keys unless public.
func (s *Server) Raw(t *testing.T, operation, body string, signed bool, change ...func(*http.Request)) Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
	if signed {
		Sign(t, request, body, "cognito-identity")
	}

	for _, f := range change {
		f(request)
	}

	return Do(t, request)
}

// AdminCall posts a body for an operation of the admin API, signed.
func (s *Server) AdminCall(t *testing.T, operation, body string) Answer {
	t.Helper()
	return s.Raw(t, "", body, false, func(r *http.Request) {
		r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+operation)
		Sign(t, r, body, "poolhouse")
	})
}

// Sign signs a request with the development keys.
func Sign(t *testing.T, r *http.Request, body, service string) {
	t.Helper()
	SignWith(t, r, body, service, Region, "test", "test")
}

// SignWith signs a request with an access key.
func SignWith(t *testing.T, r *http.Request, body, service, region, id, secret string) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(
		t.Context(), key, r, hex.EncodeToString(sum[:]), service, region, time.Now(),
	); err != nil {
		t.Fatal(err)
	}
}

// Do sends a request and reads the answer.
func Do(t *testing.T, request *http.Request) Answer {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	return Answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}
}

// WantError fails the test unless err is an API error with the code and, if given, the message.
func WantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Errorf("error = %v, want %s", err, code)
		return
	}
	if api.ErrorCode() != code || message != "" && api.ErrorMessage() != message {
		t.Errorf("error = %s: %s\nwant    %s: %s", api.ErrorCode(), api.ErrorMessage(), code, message)
	}
}

// Must returns v, or ends the test.
func Must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Roles of the pools that NewPool makes.
const (
	AuthenticatedRole = "arn:aws:iam::000000000000:role/Authenticated"
	GuestRole         = "arn:aws:iam::000000000000:role/Guest"
)

// NewPool makes a pool that accepts guests, the development issuer and the developer provider
// login.my.app, with both default roles.
func (s *Server) NewPool(t testing.TB, change ...func(*ci.CreateIdentityPoolInput)) string {
	t.Helper()
	info, _ := s.DevInfo()

	in := &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("test pool"),
		AllowUnauthenticatedIdentities: true,
		DeveloperProviderName:          aws.String("login.my.app"),
		OpenIdConnectProviderARNs:      []string{info.OIDCProviderARN},
	}
	for _, f := range change {
		f(in)
	}

	pool := Must(s.Admin().CreateIdentityPool(t.Context(), in))(t)
	Must(s.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: pool.IdentityPoolId,
		Roles: map[string]string{
			"authenticated":   AuthenticatedRole,
			"unauthenticated": GuestRole,
		},
	}))(t)

	return *pool.IdentityPoolId
}

// GetID returns the identity that logins lead to in a pool.
func (s *Server) GetID(t testing.TB, pool string, logins map[string]string) string {
	t.Helper()
	return *Must(s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins}))(t).IdentityId
}

// Equal fails the test unless both are equal.
func Equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// Sorted sorts list in place and returns it.
func Sorted(list []string) []string { slices.Sort(list); return list }
