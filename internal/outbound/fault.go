package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// Fault is how a request goes wrong because a developer wants to see what happens then. It is for
// development only.
type Fault struct {
	// Wait waits before the request, at most until ctx ends; nil = no wait.
	Wait func(ctx context.Context)
	// Down means that nobody can be reached.
	Down bool
	// Status and Body are the response, of JSON; 0 = that of the host.
	Status int
	Body   []byte
	// Alter changes a published document; nil = it stays.
	Alter func(body []byte) []byte
}

var errFaultDown = errors.New("connection refused, by an injected fault")

// fault returns the fault of a request; nil = none.
func (c *Client) fault(u *url.URL) *Fault {
	if c.o.Fault == nil {
		return nil
	}
	return c.o.Fault(u)
}

// before makes a fault come true before a request is sent. The response is nil if the request should be
// sent.
func (f *Fault) before(ctx context.Context, u *url.URL) (*http.Response, error) {
	if f == nil {
		return nil, nil
	}
	if f.Wait != nil {
		f.Wait(ctx)
		if err := ctx.Err(); err != nil {
			return nil, explainTransport(u, err)
		}
	}

	switch {
	case f.Down:
		return nil, explainTransport(u, errFaultDown)
	case f.Status == 0:
		return nil, nil
	}

	return &http.Response{
		StatusCode:    f.Status,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(f.Body)),
		ContentLength: int64(len(f.Body)),
	}, nil
}

// after makes a fault come true in a document that a host publishes.
func (f *Fault) after(d document) document {
	if f == nil || f.Alter == nil || d.unchanged {
		return d
	}

	d.body = f.Alter(d.body)
	d.etag = "" // of another document

	return d
}

// ForgiveHosts forgets which hosts did not answer lately.
func (c *Client) ForgiveHosts() { c.breakers.Clear() }
