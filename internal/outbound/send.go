package outbound

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Bounds on the traffic with one host.
const (
	maxResponseHeaderBytes = 32 << 10
	maxInFlight            = 256 // requests of Get and Post, to one host
	maxIdlePerHost         = 8
	idleTimeout            = 30 * time.Second
)

// pooledTransport keeps a few connections, since a login may need two requests and
// the next login asks the same host. Each was dialled to a checked address.
type pooledTransport struct {
	transport *http.Transport
	err       error
}

func (c *Client) pooled(p Policy) pooledTransport {
	return c.transports.Get(p, func() pooledTransport {
		transport, err := c.transport(p)
		if err == nil {
			transport.MaxIdleConnsPerHost, transport.IdleConnTimeout = maxIdlePerHost, idleTimeout
		}

		return pooledTransport{transport: transport, err: err}
	})
}

// send runs one exchange over a kept connection. It fails if too many are under way
// with the host, or if the breaker of k is open.
func (c *Client) send(ctx context.Context, k breakerKey, u *url.URL, exchange func(*http.Transport) error) error {
	b := c.breaker(k)
	inFlight := b.inFlight.Add(1)
	defer b.inFlight.Add(-1)

	if inFlight > maxInFlight {
		return errBusy
	}

	pooled := c.pooled(k.policy)
	if pooled.err != nil {
		return pooled.err
	}

	return c.guarded(ctx, b, u, func() error { return exchange(pooled.transport) })
}

// guarded runs one exchange with u's host, unless its breaker b is open.
func (c *Client) guarded(ctx context.Context, b *breaker, u *url.URL, exchange func() error) error {
	if !b.allow(c.o.Now()) {
		return &Error{
			Problem: "host " + u.Host + " failed to answer several times in a row and is left alone for a while",
			Fix:     "check that " + u.Host + " is up and reachable from this server",
		}
	}

	err := exchange()
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		b.abandon() // the caller left, which proves nothing about the host
		return err
	}

	var failed *Error
	b.done(c.o.Now(), err == nil || errors.As(err, &failed) && failed.Reached)

	return err
}

// transport returns an HTTP transport for p: it uses no proxy and no compression,
// and connects only to checked addresses.
func (c *Client) transport(p Policy) (*http.Transport, error) {
	config, err := tlsConfig(p, c.o.Now)
	if err != nil {
		return nil, err
	}

	return &http.Transport{
		DialContext: func(ctx context.Context, network, hostPort string) (net.Conn, error) {
			return c.connect(ctx, p, network, hostPort)
		},
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    c.o.Timeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxResponseHeaderBytes,
	}, nil
}

// roundTrip sends a GET and returns the response, even if it is a redirect. It sets
// Accept and User-Agent in header, which becomes the request's. With
// once it closes the connection afterwards: over a kept one, which may just have
// ended, the HTTP client would send the request a second time.
func roundTrip(
	ctx context.Context,
	transport *http.Transport, u *url.URL, header http.Header, once bool,
) (*http.Response, error) {
	client := &http.Client{Transport: transport, CheckRedirect: noRedirect}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, &Error{
			Problem: "address " + explain.ShownText(u.Host+u.Path) + " is not usable",
			Reached: true,
			Fix:     "correct the provider's address",
		}
	}

	request.Header, request.Close = header, once
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "poolhouse")

	response, err := client.Do(request)
	if err != nil {
		return nil, explainTransport(u, err)
	}

	return response, nil
}
