package assume

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const (
	pool     = "us-east-1:11111111-2222-3333-4444-555555555555"
	identity = "us-east-1:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	account  = "123456789012"
	userRole = "arn:aws:iam::123456789012:role/app/User"
	theToken = "eyJhbGciOiJSUzUxMiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
)

func user() Request {
	return Request{
		Account:    account,
		Region:     "us-east-1",
		PoolID:     pool,
		IdentityID: identity,
		Role:       ReadPoolRole(userRole),
		AMR:        []string{"authenticated", "idp.example", "idp.example:" + pool + ":sub-1"},
		Tags:       map[string]string{"team": "blue", "list": "a,admin"},
	}
}

func guest() Request {
	r := user()
	r.Guest, r.AMR, r.Tags = true, []string{"unauthenticated"}, nil
	return r
}

// signer returns theToken and keeps what it should say.
type signer struct {
	shape  issuer.Shape
	claims issuer.Claims
}

func (s *signer) SignShaped(_ context.Context, shape issuer.Shape, c issuer.Claims) (string, error) {
	s.shape, s.claims = shape, c
	return theToken, nil
}

// fakeSTS answers with answer and keeps what it was asked.
type fakeSTS struct {
	*httptest.Server
	mu     sync.Mutex
	asked  int
	path   string
	header http.Header
	form   url.Values
}

func newFakeSTS(t *testing.T, answer http.HandlerFunc) *fakeSTS {
	t.Helper()
	f := &fakeSTS{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		f.mu.Lock()
		f.asked, f.path, f.header, f.form = f.asked+1, r.Method+" "+r.URL.String(), r.Header, form
		f.mu.Unlock()
		answer(w, r)
	}))

	t.Cleanup(f.Close)

	return f
}

func (f *fakeSTS) questions() int {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.asked
}

// answering answers with a status and a body.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const (
	theKey    = "ASIAEXAMPLEEXAMPLE22"
	theSecret = "secretsecretsecretsecretsecretsecretsecr"
)

// granted is the answer of AWS's STS, with some of it replaced.
func granted(replace ...string) string {
	return strings.NewReplacer(replace...).Replace(
		`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>` + identity + `</SubjectFromWebIdentityToken>
    <Audience>` + pool + `</Audience>
    <AssumedRoleUser>
      <AssumedRoleId>AROAEXAMPLE:x</AssumedRoleId>
      <Arn>arn:aws:sts::123456789012:assumed-role/User/x</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>` + theKey + `</AccessKeyId>
      <SecretAccessKey>` + theSecret + `</SecretAccessKey>
      <SessionToken>c2Vzc2lvbg==</SessionToken>
      <Expiration>2026-11-24T13:00:00Z</Expiration>
    </Credentials>
    <Provider>arn:aws:iam::123456789012:oidc-provider/id.example.com</Provider>
    <SessionTokenSize>700</SessionTokenSize>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>`)
}

// refusing is an error answer.
func refusing(code, message string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` +
		code + `</Code><Message>` + message +
		`</Message></Error><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ErrorResponse>`
}

// fixture is an STS engine under test.
type fixture struct {
	*RemoteEngine
	signer *signer
	log    *bytes.Buffer
	trace  *explain.Trace
	ahead  time.Duration // of the breaker's clock
}

func newFixture(t *testing.T, c EngineConfig, timeout time.Duration) *fixture {
	t.Helper()
	f := &fixture{signer: &signer{}, log: &bytes.Buffer{}, trace: &explain.Trace{}}
	client := outbound.New(outbound.Options{Timeout: timeout, Now: func() time.Time { return now.Add(f.ahead) }})
	t.Cleanup(client.Close)

	var err error
	f.RemoteEngine, err = newRemoteEngine(RemoteEngineOptions{
		Name:   "storage",
		Config: c,
		Signer: f.signer,
		Poster: client,
		Now:    func() time.Time { return now },
		Logger: slog.New(slog.NewTextHandler(f.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}

	return f
}

// at is c at a fake.
func (f *fakeSTS) at(c EngineConfig) EngineConfig {
	c.Endpoint, c.AllowHTTP, c.AllowPrivate = f.URL, true, true
	return c
}

func (f *fixture) ask(t *testing.T, r Request) (session.Credentials, error) {
	t.Helper()
	return f.AssumeRoleForIdentity(explain.NewContext(t.Context(), f.trace), r)
}

// quiet fails the test if log, trace or error hold what is secret.
func (f *fixture) quiet(t *testing.T, err error) {
	t.Helper()
	steps, _ := json.Marshal(f.trace.Steps())
	said := f.log.String() + string(steps)
	if err != nil {
		said += err.Error()
	}

	for _, secret := range []string{theToken, "eyJ", theSecret, "c2lnbmF0dXJl", "hushhush", "aHVzaGh1c2g"} {
		if strings.Contains(said, secret) {
			t.Errorf("%q is in %s", secret, said)
		}
	}
}
