package forwardauth

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// arrived is a request as a service saw it.
type arrived struct {
	method, uri, host string
	header            http.Header
	body              []byte
	whole             bool
}

// backend is a service that notes what it gets.
type backend struct {
	*httptest.Server
	mu   sync.Mutex
	list []arrived
	seen chan struct{} // one for each request that ended
}

func newBackend(t *testing.T, answer http.HandlerFunc) *backend {
	t.Helper()
	b := &backend{seen: make(chan struct{}, 1000)}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		b.mu.Lock()
		b.list = append(b.list, arrived{
			method: r.Method,
			uri:    r.RequestURI,
			host:   r.Host,
			header: r.Header,
			body:   body,
			whole:  err == nil,
		})
		b.mu.Unlock()

		b.seen <- struct{}{}
		if err == nil && answer != nil {
			answer(w, r)
		}
	}))

	t.Cleanup(b.Close)

	return b
}

// got returns what arrived since it was asked last.
func (b *backend) got() []arrived {
	b.mu.Lock()
	defer b.mu.Unlock()

	list := b.list
	b.list = nil
	return list
}

// front is a forwarder with a key that may use it.
type front struct {
	*httptest.Server
	f   *Forwarder
	key sigv4.Credentials

	mu    sync.Mutex
	trace *explain.Trace // of the last request
}

const allowFiles = `{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],
	"Resource":"arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*"}`

func newFront(t *testing.T, service string, change func(*Config)) *front {
	t.Helper()
	return newFrontWith(t, allowFiles, service, change)
}

// newFrontWith is newFront for a role with other statements.
func newFrontWith(t *testing.T, statements, service string, change func(*Config)) *front {
	t.Helper()

	config := Config{Region: "us-east-1"}
	for _, r := range []Route{
		{Match: "GET /files/{path...}", Action: "s3:GetObject"},
		{Match: "PUT /files/{path...}", Action: "s3:PutObject"},
		{Match: "OPTIONS /files/{path...}", Action: "s3:GetObject"},
	} {
		r.Resource, r.ForwardTo = "arn:aws:s3:::files/{path}", service
		config.Routes = append(config.Routes, r)
	}

	config.Routes = append(config.Routes, Route{
		Match:    "PUT /here/{path...}",
		Action:   "s3:PutObject",
		Resource: "arn:aws:s3:::files/" + alice + "/{path}",
	})
	if change != nil {
		change(&config)
	}

	b := newBucketWith(t, statements, config)
	f := &front{f: b.Forwarder(), key: b.key}
	f.Server = httptest.NewServer(CutOff(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace := &explain.Trace{}
		f.mu.Lock()
		f.trace = trace
		f.mu.Unlock()
		f.f.ServeHTTP(w, r.WithContext(explain.NewContext(r.Context(), trace)))
	})))

	t.Cleanup(f.Close)
	t.Cleanup(f.f.Close)

	return f
}

const ownFile = "/files/" + alice + "/a.txt"

// signed is a request as Amplify and botocore sign it: the hash of the body is signed,
// and stated only if so wished.
func (f *front) signed(t *testing.T, method, uri, body string, stated bool, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.URL+uri, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "files.example.com"
	if stated {
		sum := sha256.Sum256([]byte(body))
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	}

	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	r.RequestURI = uri
	if err := sigv4.Sign(r, []byte(body), f.key, "us-east-1", defaultService, now); err != nil {
		t.Fatal(err)
	}
	r.RequestURI = ""

	return r
}

func (f *front) steps() []explain.Step {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.trace.Steps()
}

type answered struct {
	status int
	header http.Header
	body   string
}

func send(t *testing.T, r *http.Request) (answered, error) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return answered{}, err
	}

	defer func() { _ = response.Body.Close() }()

	body, err := io.ReadAll(response.Body)

	return answered{response.StatusCode, response.Header, string(body)}, err
}

// chunked has a body without a length.
func chunked(r *http.Request) { r.ContentLength = -1 }

// Nothing of a request reaches the service before its signature holds, and of a
// streamed body that is not the signed one never the end.
func TestForwardedOnlyWhatWasSigned(t *testing.T) {
	service := newBackend(t, nil)
	f := newFront(t, service.URL, nil)
	small, large := "hello", strings.Repeat("0123456789abcdef", 200_000/16)
	huge := strings.Repeat("0123456789abcdef", 3<<20/16)
	other := func(size int) func(*http.Request) {
		return func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			body[size-1] ^= 1
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
	}

	changes := map[string]struct {
		change func(*http.Request)
		reason string
	}{
		"path":             {func(r *http.Request) { r.URL.Path += "x" }, "BadSignature"},
		"method":           {func(r *http.Request) { r.Method = "GET" }, "BadSignature"},
		"host":             {func(r *http.Request) { r.Host = "other.example.com" }, "BadSignature"},
		"header":           {func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "c") }, "BadSignature"},
		"no signature":     {func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthentication"},
		"no token":         {func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, "BadSignature"},
		"reserved header":  {func(r *http.Request) { r.Header.Set("X-Poolhouse-Amr", "x") }, "ReservedHeader"},
		"ambiguous path":   {func(r *http.Request) { r.URL.Opaque = "/files/%2e%2e/x" }, "AmbiguousPath"},
		"another's folder": {func(r *http.Request) { r.URL.Path = "/files/bob/a" }, "BadSignature"},
	}

	for size, body := range map[string]string{"small": small, "large": large, "huge": huge} {
		for _, stated := range []bool{false, true} {
			for _, length := range []string{"length", "chunks"} {
				prepare := func(r *http.Request) *http.Request {
					if length == "chunks" {
						chunked(r)
					}
					return r
				}
				name := fmt.Sprintf("%s, stated %t, %s", size, stated, length)

				r := prepare(f.signed(t, "PUT", ownFile, body, stated, "X-Amz-Meta-A", "b"))
				if a, err := send(t, r); err != nil || a.status != http.StatusOK {
					t.Fatalf("%s: %v %+v", name, err, a)
				}
				if got := service.got(); len(got) != 1 || !got[0].whole || string(got[0].body) != body {
					t.Fatalf("%s: %d requests arrived", name, len(got))
				}
				<-service.seen

				for what, test := range changes {
					r := prepare(f.signed(t, "PUT", ownFile, body, stated, "X-Amz-Meta-A", "b"))
					test.change(r)
					reason := test.reason
					if what == "another's folder" && !stated {
						reason = "AccessDenied" // known before the body is there, and so before the signature is
					}

					a, err := send(t, r)
					if err == nil && (a.status/100 != 4 || a.header.Get(headerReason) != reason) {
						t.Errorf("%s, other %s: %+v", name, what, a)
					}
					if got := service.got(); len(got) != 0 {
						t.Errorf("%s, other %s: %d requests arrived", name, what, len(got))
					}
				}

				r = prepare(f.signed(t, "PUT", ownFile, body, stated))
				other(len(body))(r)
				a, err := send(t, r)
				want := "BadSignature"
				if stated {
					want = "BodyMismatch"
				}
				if err != nil || a.status != http.StatusForbidden || a.header.Get(headerReason) != want {
					t.Errorf("%s, other body: %v %+v", name, err, a)
				}

				if stated && size != "small" {
					<-service.seen // it saw the head, and a body that was cut off
				}

				for _, got := range service.got() {
					if !stated || got.whole || len(got.body) > len(body)-withheld {
						t.Errorf("%s, other body: whole %t, %d bytes arrived", name, got.whole, len(got.body))
					}
				}
			}
		}
	}

	// Policies and routes count as much as the signature.
	for uri, want := range map[string]string{"/files/bob/a": "AccessDenied", "/none": "NoRoute",
		"/here/a": "NotForwarded"} {
		for _, stated := range []bool{false, true} {
			a, err := send(t, f.signed(t, "PUT", uri, small, stated))
			if err != nil || a.header.Get(headerReason) != want || len(service.got()) != 0 {
				t.Errorf("%s, stated %t: %v %+v", uri, stated, err, a)
			}
		}
	}
}

// The service sees the request as it was signed, and who signed.
func TestForwardedRequest(t *testing.T) {
	service := newBackend(t, nil)
	f := newFront(t, service.URL, nil)
	for _, uri := range []string{
		ownFile, ownFile + "?", ownFile + "?b=1&a=%2F%20+&c&=d", "/files/" + alice + "/%C3%A4%20b+c,d=e!$'()*,",
	} {
		r := f.signed(t, "GET", uri, "", false, "X-Custom", "1", "Connection", "close", "Te", "trailers",
			"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Host", "evil", "X-Forwarded-Proto", "https", "Forwarded",
			"for=6.6.6.6",
			"X_forwarded_for", "6.6.6.6", "X-Forwarded-Prefix", "/admin", "X-Real-Ip", "6.6.6.6", "X.original.length",
			"5",
			"X-Host", "evil", "X_HOST", "evil", "X-Http-Host-Override", "evil", "x.http_host-override", "evil",
			"X-Host-Override", "evil", "X-Forwarded", "for=6.6.6.6",
			"Keep-Alive", "x", "Proxy-Authorization", "x")
		r.URL.Opaque, r.URL.RawQuery, r.URL.ForceQuery = uri, "", false
		if a, err := send(t, r); err != nil || a.status != http.StatusOK {
			t.Errorf("%s: %v %+v", uri, err, a)
			continue
		}

		got := service.got()
		if len(got) != 1 || got[0].uri != uri || got[0].host != "files.example.com" {
			t.Errorf("%s: arrived as %+v", uri, got)
			continue
		}

		for name, want := range map[string]string{
			"X-Amz-Cognito-Identity-Id":      alice,
			"X-Amz-Cognito-Identity-Pool-Id": pool,
			"X-Poolhouse-Role-Arn":           roleARN,
			"X-Poolhouse-Account":            account,
			"X-Poolhouse-Access-Key-Id":      f.key.AccessKeyID,
			headerContentSHA256:              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			"X-Custom":                       "1",
			"X-Forwarded-For":                "127.0.0.1",
			"X-Forwarded-Host":               "files.example.com",
			"X-Forwarded-Proto":              "http",
			"Forwarded":                      "",
			"Authorization":                  "",
			"X-Amz-Security-Token":           "",
			"X-Amz-Date":                     "",
			"X_Forwarded_For":                "",
			"X-Forwarded-Prefix":             "",
			"X-Real-Ip":                      "",
			"X.original.length":              "",
			"X-Host":                         "",
			"X_host":                         "",
			"X-Http-Host-Override":           "",
			"X.http_host-Override":           "",
			"X-Host-Override":                "",
			"X-Forwarded":                    "",
			"Keep-Alive":                     "",
			"Proxy-Authorization":            "",
			"Accept-Encoding":                "gzip", // of the test's client
		} {
			if value := strings.Join(got[0].header[name], " and "); value != want {
				t.Errorf("%s: %q, want %q", name, value, want)
			}
		}
	}

	f.f.h.c.PassSignature = true
	if _, err := send(t, f.signed(t, "GET", ownFile, "", false)); err != nil {
		t.Fatal(err)
	}
	if got := service.got()[0].header; got.Get("Authorization") == "" || got.Get("X-Amz-Security-Token") == "" ||
		got.Get("X-Amz-Date") == "" {
		t.Errorf("with the signature: %v", got)
	}

	// Behind a proxy, its word about the client goes on.
	f.f.h.options.BehindProxy = true
	if _, err := send(t, f.signed(t, "GET", ownFile, "", false, "X-Forwarded-For", "192.0.2.1",
		"X-Forwarded-Proto", "https")); err != nil {
		t.Fatal(err)
	}
	got := service.got()[0].header
	if got.Get("X-Forwarded-For") != "192.0.2.1, 127.0.0.1" || got.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("behind a proxy: %v", got)
	}
}

// The client sees the service's answer, without the headers that only this server may set.
func TestForwardedAnswer(t *testing.T) {
	next := make(chan struct{})
	service := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		switch {
		case r.URL.Query().Has("hints"):
			h.Set("Link", "</a.css>")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
		case r.URL.Query().Has("redirect"):
			http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
		case r.URL.Query().Has("stream"):
			h.Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "first")
			_ = http.NewResponseController(w).Flush()
			<-next
			_, _ = io.WriteString(w, " last")
			h.Set("X-Sum", "9")
		case r.URL.Query().Has("cut"):
			_, _ = io.WriteString(w, "first")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			h.Set(headerReason, "Invented")
			h.Set("X-Amz-Cognito-Identity-Id", "someone")
			h.Set("Etag", `"x"`)
			h.Set("Connection", "X-Secret")
			h.Set("X-Secret", "y")
			h.Set("Access-Control-Allow-Origin", "https://service.example.com")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "tea")
		}
	})
	f := newFront(t, service.URL, nil)

	a, err := send(t, f.signed(t, "GET", ownFile, "", false))
	if err != nil || a.status != http.StatusTeapot || a.body != "tea" || a.header.Get("Etag") != `"x"` ||
		a.header.Get(headerReason) != "" || a.header.Get("X-Amz-Cognito-Identity-Id") != "" ||
		a.header.Get("X-Secret") != "" ||
		a.header.Get("Access-Control-Allow-Origin") != "https://service.example.com" {
		t.Errorf("%v %+v", err, a)
	}

	if a, err := send(t, f.signed(t, "HEAD", ownFile, "", false)); err != nil || a.status != http.StatusTeapot ||
		a.body != "" {
		t.Errorf("HEAD: %v %+v", err, a)
	}
	if a, err := send(t, f.signed(t, "GET", ownFile+"?redirect", "", false)); err != nil ||
		a.status != http.StatusFound {
		t.Errorf("redirect: %v %+v", err, a)
	}

	var hints atomic.Int32
	r := f.signed(t, "GET", ownFile+"?hints", "", false)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == http.StatusEarlyHints && h.Get("Link") == "</a.css>" {
				hints.Add(1)
			}
			return nil
		},
	}))
	if a, err := send(t, r); err != nil || a.status != http.StatusNoContent || hints.Load() != 1 {
		t.Errorf("early hints: %v %+v, %d", err, a, hints.Load())
	}

	response, err := http.DefaultTransport.RoundTrip(f.signed(t, "GET", ownFile+"?stream", "", false, "Te", "trailers"))
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 5)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "first" {
		t.Errorf("the beginning of a stream: %v %q", err, first)
	}

	close(next)
	rest, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || string(rest) != " last" || response.Trailer.Get("X-Sum") != "9" {
		t.Errorf("the rest of a stream: %v %q %v", err, rest, response.Trailer)
	}

	// An answer that the service cut off is cut off for the client, too.
	if a, err := send(t, f.signed(t, "GET", ownFile+"?cut", "", false)); err == nil {
		t.Errorf("half of an answer arrived as a whole one: %+v", a)
	}
}

// dial connects to the forwarder.
func (f *front) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// raw sends a text over a connection of its own and returns what can be read there.
func (f *front) raw(t *testing.T, r *http.Request, more string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c := f.dial(t)
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.URL.RequestURI(), r.Host)
	if err := r.Header.Write(&head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, head.String()+more); err != nil {
		t.Fatal(err)
	}

	return c, bufio.NewReader(c)
}

// A client that asks first hears 100 only when its signature holds or, where that needs
// the body, everything else does.
func TestForwardedExpect(t *testing.T) {
	service := newBackend(t, nil)
	f := newFront(t, service.URL, nil)
	const expect = "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
	for name, test := range map[string]struct {
		stated bool
		change func(*http.Request)
		want   string
	}{
		"stated":               {true, nil, "100 Continue"},
		"not stated":           {false, nil, "100 Continue"},
		"stated, wrong":        {true, func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "c") }, "403 Forbidden"},
		"stated, unsigned":     {true, func(r *http.Request) { r.Header.Del("Authorization") }, "401 Unauthorized"},
		"not stated, unsigned": {false, func(r *http.Request) { r.Header.Del("Authorization") }, "401 Unauthorized"},
		"not stated, no token": {false, func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") },
			"403 Forbidden"},
		"not stated, no route":    {false, func(r *http.Request) { r.Method = "POST" }, "403 Forbidden"},
		"not stated, not allowed": {false, func(r *http.Request) { r.URL.Path = "/files/bob/x" }, "403 Forbidden"},
		"not stated, not there":   {false, func(r *http.Request) { r.URL.Path = "/here/x" }, "403 Forbidden"},
	} {
		r := f.signed(t, "PUT", ownFile, "hello", test.stated, "X-Amz-Meta-A", "b")
		if test.change != nil {
			test.change(r)
		}
		c, reader := f.raw(t, r, expect)
		line, err := reader.ReadString('\n')
		if err != nil || !strings.Contains(line, test.want) {
			t.Errorf("%s: %v %q, want %s", name, err, line, test.want)
			continue
		}

		if test.want != "100 Continue" {
			continue
		}
		if _, err := io.WriteString(c, "hello"); err != nil {
			t.Fatal(err)
		}

		if _, err := reader.ReadString('\n'); err != nil { // the end of the 100
			t.Fatal(err)
		}
		if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "200 OK") {
			t.Errorf("%s: %v %q", name, err, line)
		}
	}
}

// What changes the request on its way is refused.
func TestForwardedHops(t *testing.T) {
	service := newBackend(t, nil)
	f := newFront(t, service.URL, nil)
	for name, headers := range map[string][2][]string{
		"websocket":        {{"Connection", "Upgrade", "Upgrade", "websocket"}, {"Upgrade"}},
		"upgrade alone":    {{"Upgrade", "h2c"}, {"Upgrade"}},
		"header taken out": {{"Connection", "keep-alive, X-Amz-Acl"}, {"ConnectionHeader"}},
		"identity header":  {{"Connection", "X-Poolhouse-Amr"}, {"ConnectionHeader"}},
	} {
		r := f.signed(t, "GET", ownFile, "", false)
		for n := 0; n < len(headers[0]); n += 2 {
			r.Header.Set(headers[0][n], headers[0][n+1])
		}
		a, err := send(t, r)
		if err != nil || a.status != http.StatusForbidden || a.header.Get(headerReason) != headers[1][0] ||
			len(service.got()) != 0 {
			t.Errorf("%s: %v %+v", name, err, a)
		}
	}

	for _, target := range []string{"http://files.example.com" + ownFile, "*", "files"} {
		r := f.signed(t, "GET", ownFile, "", false)
		r.URL.Opaque = target
		_, reader := f.raw(t, r, "\r\n")
		if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, " 40") {
			t.Errorf("%s: %v %q", target, err, line)
		}
	}
}

// Preflights are answered here, for the origins of the settings.
func TestForwardedPreflight(t *testing.T) {
	service := newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://service.example.com")
	})
	f := newFront(t, service.URL, func(c *Config) { c.AllowedOrigins = []string{"https://app.example.com"} })
	none := newFront(t, service.URL, nil)
	preflight := func(f *front, origin string) answered {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, f.URL+ownFile, nil)
		if err != nil {
			t.Fatal(err)
		}

		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "PUT")
		r.Header.Set("Access-Control-Request-Headers", "authorization,x-amz-date")
		a, err := send(t, r)
		if err != nil {
			t.Fatal(err)
		}

		return a
	}

	a := preflight(f, "https://app.example.com")
	if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		a.header.Get("Access-Control-Allow-Methods") != "PUT" ||
		a.header.Get("Access-Control-Allow-Headers") != "authorization,x-amz-date" {
		t.Errorf("%+v", a)
	}

	if a := preflight(f, "https://evil.example.com"); a.status != http.StatusForbidden ||
		a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("foreign: %+v", a)
	}
	if a := preflight(none, "https://app.example.com"); a.status != http.StatusUnauthorized {
		t.Errorf("without the setting: %+v", a)
	}
	if got := service.got(); len(got) != 0 {
		t.Errorf("preflights arrived: %+v", got)
	}

	for _, test := range []struct {
		method string
		status int
	}{{"GET", 200}, {"OPTIONS", 200}, {"DELETE", 403}} {
		a, err := send(t, f.signed(t, test.method, ownFile, "", false, "Origin", "https://app.example.com"))
		if err != nil || a.status != test.status ||
			strings.Join(a.header["Access-Control-Allow-Origin"], "") != "https://app.example.com" {
			t.Errorf("%s: %v %+v", test.method, err, a)
		}
	}
}

// Bodies are bounded in size, together, and in time; services in time.
func TestForwardedBounds(t *testing.T) {
	silent := make(chan struct{})
	defer close(silent)

	service := newBackend(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("wait") {
			<-silent
		}
	})

	folder := t.TempDir()
	f := newFront(t, service.URL, func(c *Config) {
		c.MaxBody, c.MaxBodies = 3<<20, 4<<20
		c.BodyTime, c.ForwardTimeout = 300*time.Millisecond, 300*time.Millisecond
	})
	f.f.holder.folder = folder
	left := f.f.holder.total.left.Load()
	refused := func(name string, r *http.Request, status int, reason string) {
		t.Helper()
		a, err := send(t, r)
		if err != nil || a.status != status || a.header.Get(headerReason) != reason {
			t.Errorf("%s: %v %+v", name, err, a)
		}

		steps := f.steps()
		if len(steps) == 0 || steps[len(steps)-1].OK || steps[len(steps)-1].Fix == "" {
			t.Errorf("%s: explained by %+v", name, steps)
		}
		if f.f.holder.total.left.Load() != left || f.f.holder.memory.left.Load() != allInMemory {
			t.Errorf("%s: room is not given back", name)
		}
	}

	much := strings.Repeat("x", 3<<20+1)
	refused("too large", f.signed(t, "PUT", ownFile, much, false), http.StatusRequestEntityTooLarge, "BodyTooLarge")
	r := f.signed(t, "PUT", ownFile, much, false)
	chunked(r)
	if a, err := send(t, r); err == nil && a.status != http.StatusRequestEntityTooLarge { // or the connection is reset
		t.Errorf("too large, in chunks: %+v", a)
	}

	f.f.holder.total.take(2 << 20)
	left -= 2 << 20
	refused("together too large", f.signed(t, "PUT", ownFile, much[:3<<20-1], false), http.StatusServiceUnavailable,
		"Busy")
	f.f.holder.total.give(2 << 20)
	left += 2 << 20

	f.f.inFlight.Add(maxForwarded)
	refused("too many", f.signed(t, "GET", ownFile, "", false), http.StatusServiceUnavailable, "Busy")
	f.f.inFlight.Add(-maxForwarded)

	for name, stated := range map[string]bool{"slow, read": false, "slow, streamed": true} {
		r := f.signed(t, "PUT", ownFile, much[:1<<20], stated)
		unblock, body := io.Pipe()
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(much[:500_000]), unblock))
		refused(name, r, http.StatusRequestTimeout, "RequestTimeout")
		_ = body.Close()
	}

	<-service.seen // the streamed one, cut off

	for _, got := range service.got() {
		if got.whole {
			t.Errorf("a part arrived as a whole: %d bytes", len(got.body))
		}
	}

	f.f.holder.folder = folder + "/missing"
	refused("no file", f.signed(t, "PUT", ownFile, much[:2<<20], false), http.StatusServiceUnavailable, "Unavailable")
	f.f.holder.folder = folder

	refused("silent service", f.signed(t, "GET", ownFile+"?wait", "", false), http.StatusGatewayTimeout,
		"ServiceTimeout")
	service.CloseClientConnections()
	if list, err := os.ReadDir(folder); err != nil || len(list) > 0 {
		t.Errorf("files are left: %v %v", err, list)
	}

	down := newBackend(t, nil)
	f = newFront(t, down.URL, nil)
	left = f.f.holder.total.left.Load()
	down.Close()
	refused("service down", f.signed(t, "PUT", ownFile, "hello", false), http.StatusBadGateway, "ServiceUnreachable")
	refused("service down, streamed", f.signed(t, "PUT", ownFile, "hello", true), http.StatusBadGateway,
		"ServiceUnreachable")
}

// A client that hangs up leaves the service with a request that was cut off.
func TestForwardedHangUp(t *testing.T) {
	service := newBackend(t, nil)
	f := newFront(t, service.URL, nil)
	body := strings.Repeat("x", 200_000)
	for _, framing := range []string{"Content-Length: 200000\r\n\r\n" + body[:150_000],
		"Transfer-Encoding: chunked\r\n\r\n249f0\r\n" + body[:150_000] + "\r\n"} {
		c, _ := f.raw(t, f.signed(t, "PUT", ownFile, body, true), framing)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		<-service.seen

		for _, got := range service.got() {
			if got.whole {
				t.Errorf("%.20s: arrived whole, with %d bytes", framing, len(got.body))
			}
		}
	}
}

// Bodies come back unchanged wherever they were kept, and nothing of them is left.
func TestHeldBodies(t *testing.T) {
	h := newHolder(4<<20, 8<<20)
	h.folder = t.TempDir()
	for _, memory := range []int64{allInMemory, 3 * chunkSize, 0} {
		h.memory = newQuota(memory)
		for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, maxInMemory, maxInMemory + 1,
			3<<20 + 7} {
			for _, announced := range []int64{-1, int64(size)} {
				body := bytes.Repeat([]byte("abcdefg"), size/7+1)[:size]
				b, err := h.hold(iotest.OneByteReader(bytes.NewReader(body[:min(size, 100)])), -1)
				if err != nil {
					t.Fatal(err)
				}
				b.Close()

				b, err = h.hold(bytes.NewReader(body), announced)
				if err != nil {
					t.Fatalf("%d bytes: %v", size, err)
				}
				if inFile := b.file != nil; inFile != (size > maxInMemory ||
					int64((size+chunkSize-1)/chunkSize)*chunkSize > memory) {
					t.Errorf("%d bytes with %d of memory: in a file %t", size, memory, inFile)
				}

				for range 2 {
					got, err := io.ReadAll(b.Reader())
					if err != nil || !bytes.Equal(got, body) || b.sum != sha256.Sum256(body) || b.size != int64(size) {
						t.Errorf("%d bytes: %v, %d came back", size, err, len(got))
					}
				}

				if size <= chunkSize+1 {
					if err := iotest.TestReader(io.NewSectionReader(b, 0, b.size), body); err != nil {
						t.Errorf("%d bytes: %v", size, err)
					}
				}
				if list, err := os.ReadDir(h.folder); err != nil || len(list) > 0 {
					t.Errorf("a file with a name: %v %v", err, list)
				}

				b.Close()
				b.Close()
				if size > 0 {
					if _, err := b.Reader().Read(make([]byte, 1)); err == nil {
						t.Error("a closed body can be read")
					}
				}
			}
		}

		if h.memory.left.Load() != memory || h.total.left.Load() != 8<<20 {
			t.Errorf("room is not given back: %d, %d", h.memory.left.Load(), h.total.left.Load())
		}
	}

	if _, err := h.hold(iotest.TimeoutReader(bytes.NewReader(make([]byte, 100))), -1); !errors.Is(err,
		iotest.ErrTimeout) {
		t.Errorf("a body that ended early: %v", err)
	}
}

// Many large uploads need the memory of a few: 1 MiB of each at most, and 64 MiB of
// all together. 100 bodies of 50 MB are to 64 MiB as these are to the bound here.
func TestForwardedMemory(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	t.Cleanup(service.Close)
	f := newFront(t, service.URL, nil)
	f.f.holder.memory = newQuota(1 << 20)
	const uploads, size = 24, 8 << 20
	body := strings.Repeat("x", size)

	var requests []*http.Request
	for range uploads {
		requests = append(requests, f.signed(t, "PUT", ownFile, body, false))
	}

	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	var peak atomic.Uint64
	ctx, stop := context.WithCancel(t.Context())
	var sampler, group sync.WaitGroup
	sampler.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()

		for ctx.Err() == nil {
			runtime.ReadMemStats(&during)
			peak.Store(max(peak.Load(), during.HeapAlloc))
			<-tick.C
		}
	})

	for _, r := range requests {
		group.Go(func() {
			if a, err := send(t, r); err != nil || a.status != http.StatusOK {
				t.Errorf("%v %+v", err, a)
			}
		})
	}

	group.Wait()
	stop()
	sampler.Wait()
	if grown := int64(peak.Load()) - int64(before.HeapAlloc); grown > uploads*size/12 {
		t.Errorf("%d bodies of %d MiB took %d MiB", uploads, size>>20, grown>>20)
	}
}

// Settings that cannot work are refused at the start.
func TestForwardSettings(t *testing.T) {
	for text, ok := range map[string]bool{
		"http://files:8081": true, "https://files.internal/": true, "http://[::1]:80": true,
		"files:8081": false, "ftp://files": false, "http://": false, "http://files/base": false,
		"http://files?x": false,
		"http://files#x": false, "http://user@files": false, "http://user:secret@files": false,
		"http://fi les": false, "http://:80": false,
	} {
		c := Config{Routes: []Route{{Match: "/a", Action: "app:Open", Resource: "*", ForwardTo: text}}}
		err := c.Validate()
		if (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "forward_to") || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%s: %v", text, err)
		}
	}

	for name, change := range map[string]func(*Config){
		"check.body":            func(c *Config) { c.Body = forwarded },
		"check.max_bodies":      func(c *Config) { c.MaxBody, c.MaxBodies = 10, 5 },
		"check.forward_timeout": func(c *Config) { c.ForwardTimeout = -1 },
		"check.allowed_origins": func(c *Config) { c.AllowedOrigins = []string{"app.example.com"} },
		"check.hosts":           func(c *Config) { c.Hosts = []string{"https://files.example.com"} },
		"check.ca_bundle":       func(c *Config) { c.ServiceCAs = "x" },
	} {
		c := Config{Routes: []Route{{Match: "/a", Action: "app:Open", Resource: "*", ForwardTo: "http://files"}}}
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A service is called by TLS, if its certificate is of an authority that is trusted; and
// clients may speak HTTP/2.
func TestForwardedTLS(t *testing.T) {
	var arrived atomic.Int32
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && string(body) == "hello" {
			arrived.Add(1)
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	t.Cleanup(service.Close)
	service.Config.ErrorLog = log.New(io.Discard, "", 0)

	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw})
	for name, test := range map[string]struct {
		roots  []byte
		status int
	}{"trusted": {authority, http.StatusOK}, "unknown": {nil, http.StatusBadGateway}} {
		f := newFront(t, service.URL, func(c *Config) { c.ServiceCAs = string(test.roots) })
		front := httptest.NewUnstartedServer(f.Config.Handler)
		front.EnableHTTP2 = true
		front.StartTLS()
		t.Cleanup(front.Close)

		for _, stated := range []bool{false, true} {
			arrived.Store(0)
			r := f.signed(t, "PUT", ownFile, "hello", stated)
			r.URL.Scheme, r.URL.Host = "https", front.Listener.Addr().String()
			response, err := front.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()

			if response.StatusCode != test.status || response.ProtoMajor != 2 ||
				(arrived.Load() == 1) != (test.status == http.StatusOK) {
				t.Errorf("%s, stated %t: %s by %s, %d arrived", name, stated, response.Status, response.Proto,
					arrived.Load())
			}
		}
	}
}
