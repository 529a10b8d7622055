package devseed

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// InProcess returns a client that gives its calls to a server in this process, which need not
// listen. They have the user agent, by which the server knows them.
func InProcess(
	server http.Handler, userAgent, endpoint, region string, keys sigv4.Credentials,
) *apply.Client {
	return &apply.Client{
		Endpoint:    func(string) string { return endpoint },
		Credentials: keys,
		Region:      region,
		IAMRegion:   region,
		HTTP:        &http.Client{Transport: transport{handler: server, agent: userAgent}},
		Now:         time.Now,
	}
}

// transport gives requests to a handler.
type transport struct {
	handler http.Handler
	agent   string
}

// RoundTrip answers a request with what the handler answers.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.Host, in.RequestURI, in.RemoteAddr = r.URL.Host, r.URL.RequestURI(), "127.0.0.1:1"
	in.Header.Set("User-Agent", t.agent)
	if in.Body == nil {
		in.Body = http.NoBody
	}

	w := &answer{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(w, in)

	return &http.Response{
		Status:        http.StatusText(w.status),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.header,
		Body:          io.NopCloser(&w.body),
		ContentLength: int64(w.body.Len()),
		Request:       r,
	}, nil
}

// answer is a response that is kept in memory.
type answer struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}

func (a *answer) Write(text []byte) (int, error) {
	a.wrote = true
	return a.body.Write(text)
}
