// Package outbound is the guarded HTTP client: every request that this server
// sends to a login provider, user pool or credential engine goes through it. A
// request may go to any address that a tenant registered, so the client trusts
// neither the address nor the response.
//
// Start reading at request.go (Get), post.go (Post) and published.go (documents
// that are kept and refreshed). connect.go decides which addresses are allowed,
// breaker.go which hosts get no requests for a while.
package outbound

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

const (
	defaultTimeout = 5 * time.Second
	dialTimeout    = 2 * time.Second // name resolution and connection
	// maxBackground bounds the refreshes that run in the background.
	maxBackground = 8
)

// MaxHosts bounds the hosts, and the documents of one kind, that are held at once.
// A new one replaces the one used longest ago.
const MaxHosts = 1024

var errClosed = errors.New("the HTTP client is closed")

// Resolver looks host names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options configure a Client; the zero value is ready for production.
type Options struct {
	Now      func() time.Time // nil = time.Now
	Logger   *slog.Logger     // nil = none
	Timeout  time.Duration    // for a whole exchange, and for all that one caller waits for; 0 = 5 seconds
	Resolver Resolver         // nil = net.DefaultResolver
	// Dial connects to an address that was already checked; nil = net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Own returns a document that this process publishes itself, so that it is read without the
	// network; own is false for any other address. nil = there are none.
	Own func(ctx context.Context, address string) (body []byte, own bool, err error)
	// Fault returns the fault that a developer wants a request to have; nil = none. A nil Fault means that
	// no request has one, as always in production.
	Fault func(address *url.URL) *Fault
}

// Client sends requests. It follows no redirect, uses no proxy, and connects
// only to addresses that it resolved and checked itself, so a name that
// resolves differently the second time gains nothing. It is safe for concurrent
// use, and must be closed.
type Client struct {
	o          Options                           // with every default filled in
	breakers   *Bounded[breakerKey, *breaker]    // cache: breakers
	transports *Bounded[Policy, pooledTransport] // cache: provider connections; of Get and Post

	root       context.Context // ends with Close
	stop       context.CancelFunc
	background chan struct{} // one element per refresh under way

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New returns a Client. It makes no connection before one is needed.
func New(o Options) *Client {
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}

	c := &Client{
		o:          o,
		breakers:   NewBounded[breakerKey, *breaker](MaxHosts),
		transports: NewBounded[Policy, pooledTransport](MaxHosts),
		background: make(chan struct{}, maxBackground),
	}
	c.root, c.stop = context.WithCancel(context.Background())

	return c
}

// Close cancels the requests under way and waits for them. Later ones fail.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()

	c.stop()
	c.running.Wait()

	for _, p := range c.transports.cache.Values() {
		if p.transport != nil {
			p.transport.CloseIdleConnections()
		}
	}
}

// WaitIdle waits for the work under way, such as refreshes in the background.
func (c *Client) WaitIdle() { c.running.Wait() }

// WithTimeout bounds the time that one caller waits. The caller must call the
// returned function.
func (c *Client) WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.o.Timeout)
}

// Begin bounds several requests for one caller: by one timeout, and by Close.
// It fails once the client is closed. The caller must call the returned function.
func (c *Client) Begin(ctx context.Context) (context.Context, func(), error) {
	if !c.begin() {
		return nil, nil, errClosed
	}

	ctx, cancel := c.WithTimeout(ctx)
	unlink := context.AfterFunc(c.root, cancel)

	return ctx, func() {
		unlink()
		cancel()
		c.running.Done()
	}, nil
}

// begin announces work that Close waits for. It returns false once the client is
// closed; else the caller must call running.Done.
func (c *Client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()

	if c.closed {
		return false
	}
	c.running.Add(1)
	return true
}

// inBackground runs work in the background. It returns false, and runs nothing, if
// maxBackground are running or the client is closed.
func (c *Client) inBackground(work func()) bool {
	select {
	case c.background <- struct{}{}:
	default:
		return false
	}
	if !c.begin() {
		<-c.background
		return false
	}

	go func() {
		defer func() {
			<-c.background
			c.running.Done()
		}()

		work()
	}()

	return true
}

// noRedirect makes an HTTP client return a redirect, for the caller to refuse.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
