package poolhouse_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
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
)

// flip changes one character in the middle of s.
func flip(s string) string {
	b := []byte(s)
	if b[len(b)/2] == 'A' {
		b[len(b)/2] = 'B'
	} else {
		b[len(b)/2] = 'A'
	}
	return string(b)
}

func devInfo(s *testServer) poolhouse.DevInfo {
	info, _ := s.DevInfo()
	return info
}

func (s *testServer) get(t *testing.T, path string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, request)
}

// testServer is a listening development server.
type testServer struct {
	*poolhouse.Server
	URL  string
	stop func() // ends it before the test does
}

// start runs a development server on a free port until the test ends.
func start(t testing.TB, change ...func(*poolhouse.Config)) *testServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	c := poolhouse.Config{Dev: true, AcceptUnknownRoles: true, IssuerURL: url,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
	for _, f := range change {
		f(&c)
	}
	c.OnTrace = wantReasons(t, c.OnTrace)
	server, err := poolhouse.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { server.Run(ctx); close(done) }()
	web := httptest.NewUnstartedServer(server)
	_ = web.Listener.Close()
	web.Listener = listener
	web.Start()
	stop := sync.OnceFunc(func() {
		web.Close()
		cancel()
		<-done
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &testServer{Server: server, URL: url, stop: stop}
}

// eachStore runs a test on the embedded database and on PostgreSQL.
func eachStore(t *testing.T, test func(t *testing.T, s *testServer)) {
	t.Run("sqlite", func(t *testing.T) { test(t, start(t)) })
	t.Run("postgresql", func(t *testing.T) {
		test(t, start(t, func(c *poolhouse.Config) {
			c.DatabaseURL = pgtest.URL(t)
			c.MasterKey = bytes.Repeat([]byte{7}, 32)
		}))
	})
}

const region = "us-east-1"

// connections are shared by the clients of all tests: a client without them would
// connect anew, as the SDK gives each its own.
var connections = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Second}}

// signedBy returns a client that signs with the given keys.
func (s *testServer) signedBy(region, id, secret, token string) *ci.Client {
	return ci.New(ci.Options{
		BaseEndpoint:     &s.URL,
		Region:           region,
		RetryMaxAttempts: 1,
		HTTPClient:       connections,
		Credentials:      credentials.NewStaticCredentialsProvider(id, secret, token),
	})
}

// admin returns a client that signs with the development keys.
func (s *testServer) admin() *ci.Client { return s.signedBy(region, "test", "test", "") }

// public returns a client without keys.
func (s *testServer) public() *ci.Client {
	return ci.New(ci.Options{
		BaseEndpoint:     &s.URL,
		Region:           region,
		RetryMaxAttempts: 1,
		HTTPClient:       connections,
		Credentials:      aws.AnonymousCredentials{},
	})
}

// whoami asks STS who holds the keys.
func (s *testServer) whoami(t *testing.T, id, secret, token string) (*sts.GetCallerIdentityOutput, error) {
	t.Helper()
	client := sts.New(sts.Options{
		BaseEndpoint:     &s.URL,
		Region:           region,
		RetryMaxAttempts: 1,
		HTTPClient:       connections,
		Credentials:      credentials.NewStaticCredentialsProvider(id, secret, token),
	})
	return client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
}

// token mints a development ID token.
func (s *testServer) token(t testing.TB, subject string, change ...func(*poolhouse.DevTokenRequest)) string {
	t.Helper()
	request := poolhouse.DevTokenRequest{Subject: subject}
	for _, f := range change {
		f(&request)
	}
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(s.URL+poolhouse.DevTokenPath, "application/json", bytes.NewReader(body))
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

// logins returns a Logins map with a development token of subject.
func (s *testServer) logins(t testing.TB, subject string, change ...func(*poolhouse.DevTokenRequest)) map[string]string {
	info, _ := s.DevInfo()
	return map[string]string{info.LoginKey: s.token(t, subject, change...)}
}

// answer is a raw answer of the server.
type answer struct {
	status int
	header http.Header
	body   string
}

// raw posts a body for an operation, signed with the development keys unless public.
func (s *testServer) raw(t *testing.T, operation, body string, signed bool, change ...func(*http.Request)) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
	if signed {
		sign(t, request, body, "cognito-identity")
	}
	for _, f := range change {
		f(request)
	}
	return do(t, request)
}

// adminCall posts a body for an operation of the administrators' API, signed.
func (s *testServer) adminCall(t *testing.T, operation, body string) answer {
	t.Helper()
	return s.raw(t, "", body, false, func(r *http.Request) {
		r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+operation)
		sign(t, r, body, "poolhouse")
	})
}

func sign(t *testing.T, r *http.Request, body, service string) {
	t.Helper()
	signWith(t, r, body, service, region, "test", "test")
}

func signWith(t *testing.T, r *http.Request, body, service, region, id, secret string) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, request *http.Request) answer {
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
	return answer{response.StatusCode, response.Header, string(text)}
}

// wantError fails unless err is an API error with the code and, when given, the message.
func wantError(t *testing.T, err error, code, message string) {
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

// must returns v, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

const (
	authenticatedRole = "arn:aws:iam::000000000000:role/Authenticated"
	guestRole         = "arn:aws:iam::000000000000:role/Guest"
)

// newPool makes a pool that takes guests, the development issuer and the
// developer provider login.my.app, with both default roles.
func (s *testServer) newPool(t testing.TB, change ...func(*ci.CreateIdentityPoolInput)) string {
	t.Helper()
	info, _ := s.DevInfo()
	in := &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("test pool"), AllowUnauthenticatedIdentities: true,
		DeveloperProviderName: aws.String("login.my.app"), OpenIdConnectProviderARNs: []string{info.OIDCProviderARN}}
	for _, f := range change {
		f(in)
	}
	pool := must(s.admin().CreateIdentityPool(t.Context(), in))(t)
	must(s.admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{IdentityPoolId: pool.IdentityPoolId,
		Roles: map[string]string{"authenticated": authenticatedRole, "unauthenticated": guestRole}}))(t)
	return *pool.IdentityPoolId
}

func (s *testServer) getID(t testing.TB, pool string, logins map[string]string) string {
	t.Helper()
	return *must(s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins}))(t).IdentityId
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func sorted(list []string) []string { slices.Sort(list); return list }
