package auth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/yardstick"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

const (
	accessKey = "ASIAQAAAAAAAAAAAAAAA"
	secret    = "session secret"
	token     = "session token"
)

// world is a Poolhouse that knows one session, a service and a clock.
type world struct {
	*httptest.Server
	asked    atomic.Int64
	answer   atomic.Pointer[string] // an error's type, "" = the session
	now      time.Time
	verifier *auth.Verifier
}

func newWorld(tb testing.TB, change ...func(*auth.Options)) *world {
	tb.Helper()
	w := &world{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	w.says("")
	expires := w.now.Add(time.Hour)
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		var in struct{ AccessKeyId, SessionToken, Date, Region, Service string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil ||
			r.Header.Get("X-Amz-Target") != "PoolhouseAdmin.VerifySession" ||
			!strings.Contains(r.Header.Get("Authorization"),
				"Credential=AKIDEXAMPLE/20261124/eu-central-1/poolhouse/aws4_request") {
			tb.Errorf("an odd question: %v %v", err, r.Header)
		}

		code := *w.answer.Load()
		if code == "" && (in.AccessKeyId != accessKey || in.SessionToken != token) {
			code = "InvalidSessionException"
		}
		if code != "" {
			rw.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(rw).Encode(map[string]string{"__type": code, "message": "no"})
			return
		}

		key := sigv4.DeriveSigningKey(secret, in.Date, in.Region, in.Service)
		_ = json.NewEncoder(rw).Encode(map[string]any{"SigningKey": base64.StdEncoding.EncodeToString(key[:]),
			"Principal": auth.Principal{AccessKeyID: accessKey, IdentityID: "eu-central-1:1",
				IdentityPoolID: "eu-central-1:2", AMR: []string{"authenticated", "p", "p:OIDC:s"},
				Tags: map[string]string{"team": "blue"}, Expires: expires}})
	}))
	tb.Cleanup(w.Close)

	o := auth.Options{Endpoint: w.URL, Region: "eu-central-1",
		Credentials: sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "s"},
		Now:         func() time.Time { return w.now }}
	for _, f := range change {
		f(&o)
	}
	var err error
	if w.verifier, err = auth.New(o); err != nil {
		tb.Fatal(err)
	}

	return w
}

func (w *world) says(code string) { w.answer.Store(&code) }

// request is one to the service, signed now.
func (w *world) request(tb testing.TB, key sigv4.Credentials, region string) *http.Request {
	tb.Helper()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/a?b=c", nil)
	r.Host = "service.example.com"
	if err := sigv4.Sign(r, nil, key, region, auth.DefaultService, w.now); err != nil {
		tb.Fatal(err)
	}
	return r
}

var session = sigv4.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret, SessionToken: token}

// The server is asked once, and again when the answer is old; while it is, no
// revocation goes unnoticed.
func TestFreshness(t *testing.T) {
	w := newWorld(t)
	verify := func() error {
		p, err := w.verifier.Verify(w.request(t, session, "eu-central-1"), nil)
		if err == nil && p.IdentityID != "eu-central-1:1" {
			t.Errorf("principal %+v", p)
		}
		return err
	}

	step := func(what string, got error, want error, asked int64) {
		t.Helper()
		if !errors.Is(got, want) || w.asked.Load() != asked {
			t.Errorf("%s: %v after %d questions, want %v after %d", what, got, w.asked.Load(), want, asked)
		}
	}

	step("first", verify(), nil, 1)
	w.says("InvalidSessionException")
	w.now = w.now.Add(auth.Fresh - time.Millisecond)
	step("fresh", verify(), nil, 1)

	w.now = w.now.Add(time.Millisecond)
	step("old", verify(), sigv4.ErrInvalidToken, 2)
	w.says("ExpiredSessionException")
	step("expired", verify(), sigv4.ErrExpiredToken, 3)
	w.says("AccessDeniedException")
	step("may not ask", verify(), auth.ErrUnavailable, 4)
	w.says("")
	step("well again", verify(), nil, 5)

	w.now = w.now.Add(-time.Minute)
	step("clock set back", verify(), nil, 6)
	w.Close()
	step("down, known", verify(), nil, 6)
	w.now = w.now.Add(auth.Fresh)
	step("down", verify(), auth.ErrUnavailable, 6)
}

// Forgeries are refused, and what cannot be a session costs no question.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		key    sigv4.Credentials
		region string
		code   sigv4.Code
		asks   bool
	}{
		"secret": {sigv4.Credentials{AccessKeyID: accessKey, SecretAccessKey: "x", SessionToken: token},
			"eu-central-1", sigv4.BadSignature, true},
		"token": {sigv4.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret, SessionToken: "x"},
			"eu-central-1", sigv4.InvalidToken, true},
		"no token": {sigv4.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}, "eu-central-1",
			sigv4.UnknownKey, false},
		"long-lived key": {sigv4.Credentials{AccessKeyID: "AKIAQAAAAAAAAAAAAAAA", SecretAccessKey: secret,
			SessionToken: token}, "eu-central-1", sigv4.InvalidToken, false},
		"long token": {sigv4.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret,
			SessionToken: strings.Repeat("x", 4097)}, "eu-central-1", sigv4.InvalidToken, false},
		"region": {session, "us-east-1", sigv4.WrongScope, false},
	} {
		w.now = w.now.Add(auth.Fresh)
		before := w.asked.Load()
		_, err := w.verifier.Verify(w.request(t, test.key, test.region), nil)
		refusal, ok := errors.AsType[*sigv4.Error](err)
		if !ok || refusal.Code != test.code || (w.asked.Load() != before) != test.asks {
			t.Errorf("%s: %v after %d questions, want %s", name, err, w.asked.Load()-before, test.code)
		}
	}

	for name, change := range map[string]func(*auth.Options){
		"no endpoint": func(o *auth.Options) { o.Endpoint = "" },
		"plain HTTP":  func(o *auth.Options) { o.Endpoint = "http://id.example.com" },
		"no key":      func(o *auth.Options) { o.Credentials = sigv4.Credentials{} },
		"no region":   func(o *auth.Options) { o.Region = "" },
		"negative":    func(o *auth.Options) { o.Sessions = -1 },
	} {
		o := auth.Options{Endpoint: "https://id.example.com", Region: "r", Credentials: session}
		change(&o)
		if _, err := auth.New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// However many ask at once, the server is asked once; what is remembered is bounded.
func TestOneQuestion(t *testing.T) {
	w := newWorld(t, func(o *auth.Options) { o.Sessions = 1 })
	r := w.request(t, session, "eu-central-1")
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := w.verifier.Verify(r, nil); err != nil {
				t.Error(err)
			}
		})
	}

	group.Wait()
	if n := w.asked.Load(); n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
}

func TestContextOfAPIGateway(t *testing.T) {
	p := &auth.Principal{AccountID: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/r/s",
		UserID: "AROAX:s", AccessKeyID: accessKey,
		IdentityID: "i", IdentityPoolID: "p", AMR: []string{"authenticated", "a", "a:CognitoSignIn:s"}}
	guest := &auth.Principal{IdentityID: "i", IdentityPoolID: "p", AMR: []string{"unauthenticated"}}
	for want, value := range map[string]any{
		`{"accessKey":"ASIAQAAAAAAAAAAAAAAA","accountId":"123456789012","caller":"AROAX:s",` +
			`"cognitoAuthenticationProvider":"a,a:CognitoSignIn:s","cognitoAuthenticationType":"authenticated",` +
			`"cognitoIdentityId":"i","cognitoIdentityPoolId":"p","user":"AROAX:s",` +
			`"userArn":"arn:aws:sts::123456789012:assumed-role/r/s"}`: p.RequestIdentity(),
		`{"accessKey":null,"accountId":null,"caller":null,` +
			`"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":"unauthenticated",` +
			`"cognitoIdentityId":"i","cognitoIdentityPoolId":"p","user":null,"userArn":null}`: guest.RequestIdentity(),
		`{"accessKey":"ASIAQAAAAAAAAAAAAAAA","accountId":"123456789012","callerId":"AROAX:s",` +
			`"cognitoIdentity":{"amr":["authenticated","a","a:CognitoSignIn:s"],` +
			`"identityId":"i","identityPoolId":"p"},` +
			`"principalOrgId":null,"userArn":"arn:aws:sts::123456789012:assumed-role/r/s",` +
			`"userId":"AROAX:s"}`: p.IAMAuthorizer(),
	} {
		if got, err := json.Marshal(value); err != nil || string(got) != want {
			t.Errorf("got %s, %v\nwant %s", got, err, want)
		}
	}

	// Headers hold whatever a user may be called.
	h := http.Header{auth.HeaderIdentityID: {"claimed", "twice"}}
	(&auth.Principal{AMR: []string{"a,b", "ä\r\nX-Admin: yes"}, Tags: map[string]string{"k&": "v=\n"}}).SetHeaders(h)

	for name, want := range map[string]string{auth.HeaderIdentityID: "",
		auth.HeaderAMR: "a%2Cb,%C3%A4%0D%0AX-Admin:%20yes", auth.HeaderTags: "k%26=v%3D%0A"} {
		if got := h[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

// A service that greets whoever signed the request.
func Example() {
	verifier, err := auth.New(auth.Options{
		Endpoint:    "https://id.example.com",
		Region:      "eu-central-1",
		Credentials: sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "Hello,", auth.FromContext(r.Context()).IdentityID)
	})
	answer := httptest.NewRecorder()
	verifier.Middleware(app).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil)) // nobody signed it
	fmt.Println(answer.Code, answer.Body)
	// Output: 401 {"message":"Request is missing Authentication Token"}
}

// BenchmarkMiddleware is a request of a known session.
func BenchmarkMiddleware(b *testing.B) {
	w := newWorld(b)
	h := w.verifier.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := w.request(b, session, "eu-central-1")
	answer := httptest.NewRecorder()
	yardstick.HMACs(b, func() { h.ServeHTTP(answer, r) })

	if answer.Code != http.StatusOK || w.asked.Load() != 1 {
		b.Fatalf("%d %s after %d questions", answer.Code, answer.Body, w.asked.Load())
	}
}
