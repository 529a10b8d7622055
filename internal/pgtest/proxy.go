package pgtest

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Action is an action of a Proxy on a connection.
type Action int

// The actions.
const (
	Swallow   Action = iota + 1 // pass nothing on any more, in either direction, and close nothing
	Cut                         // close both sides
	HalfClose                   // tell the client that nothing more comes
)

// Rule decides when a Proxy acts, and how.
type Rule struct {
	// Client is text that the client sends; "" = the connection's first message.
	Client string
	// Passed reports whether the message is passed on before the action.
	Passed bool
	// Answer is the number of bytes of the server's answer that are passed on before
	// the action; only with Passed.
	Answer int
	Action Action
	// Times is the number of connections that it happens to; 0 = all.
	Times int
}

// Proxy passes bytes between clients and a server until a rule ends that.
type Proxy struct {
	listener net.Listener
	network  string
	address  string

	mu    sync.Mutex
	rule  *Rule
	acted int
	links map[*link]bool

	cancels atomic.Int64
}

// link is one connection of a client, with its connection to the server.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	mu        sync.Mutex
	first     bool // the next message is the first
	swallowed bool
	left      int // bytes of the answer left before the action; -1 = no action is due
	action    Action
}

// NewProxy returns a proxy in front of the server of a URL of this package, and the
// URL with the proxy in its place. Clients send the text of a statement each time, so
// that rules find it.
func NewProxy(tb testing.TB, of string) (*Proxy, string) {
	tb.Helper()
	u, err := url.Parse(of)
	if err != nil {
		tb.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}

	q := u.Query()
	p := &Proxy{
		listener: listener,
		network:  "unix",
		address:  q.Get("host") + "/.s.PGSQL.5432",
		links:    map[*link]bool{},
	}
	var serving sync.WaitGroup
	serving.Go(p.serve)
	tb.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
		p.Each(Cut)
	})

	host, port, _ := net.SplitHostPort(listener.Addr().String())
	q.Set("host", host)
	q.Set("port", port)
	q.Set("default_query_exec_mode", "exec")
	u.RawQuery = q.Encode()

	return p, u.String()
}

// Set makes a rule the only one; nil removes it. Earlier actions on connections
// stay in force.
func (p *Proxy) Set(r *Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.rule, p.acted = r, 0
}

// Each applies the action to each open connection.
func (p *Proxy) Each(a Action) {
	p.mu.Lock()

	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	p.mu.Unlock()

	for _, l := range links {
		l.do(a)
	}
}

// Open returns the number of open connections.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()

	return len(p.links)
}

// Acted returns how often the rule was applied.
func (p *Proxy) Acted() int {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.acted
}

// Cancels returns the number of cancel requests that clients sent.
func (p *Proxy) Cancels() int { return int(p.cancels.Load()) }

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.network, p.address)
		if err != nil {
			_ = client.Close()
			continue
		}

		l := &link{proxy: p, client: client, server: server, first: true, left: -1}
		p.mu.Lock()
		p.links[l] = true
		p.mu.Unlock()

		go l.pump(client, l.fromClient)
		go l.pump(server, l.fromServer)
	}
}

// pump passes on the bytes that it reads until one side ends. It goes on reading a
// connection that swallows, which stays open until the client closes it.
func (l *link) pump(from net.Conn, pass func([]byte) error) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && pass(buffer[:n]) != nil || err != nil {
			break
		}
	}

	if from == l.server && l.isSwallowed() {
		return
	}
	l.do(Cut)
	l.proxy.mu.Lock()
	delete(l.proxy.links, l)
	l.proxy.mu.Unlock()
}

func (l *link) isSwallowed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.swallowed
}

func (l *link) fromClient(b []byte) error {
	l.mu.Lock()
	first := l.first
	l.first = false
	l.mu.Unlock()
	// A CancelRequest has its length and a code in place of a protocol version,
	// https://www.postgresql.org/docs/current/protocol-message-formats.html.
	if first && len(b) >= 8 && binary.BigEndian.Uint32(b[4:]) == 1234<<16|5678 {
		l.proxy.cancels.Add(1)
	}
	if l.isSwallowed() {
		return nil
	}

	rule := l.proxy.follow(b, first)
	switch {
	case rule == nil:
		_, err := l.server.Write(b)
		return err
	case !rule.Passed:
		l.do(rule.Action)
		return nil
	}

	l.mu.Lock()
	l.left, l.action = rule.Answer, rule.Action
	l.mu.Unlock()
	_, err := l.server.Write(b)

	return err
}

func (l *link) fromServer(b []byte) error {
	if l.isSwallowed() {
		return nil
	}

	l.mu.Lock()
	left, action := l.left, l.action
	if left >= 0 {
		l.left -= min(left, len(b))
	}
	l.mu.Unlock()

	if left < 0 || left > len(b) {
		_, err := l.client.Write(b)
		return err
	}
	if _, err := l.client.Write(b[:left]); err != nil {
		return err
	}
	l.do(action)

	return nil
}

// follow returns the rule if it applies to the message.
func (p *Proxy) follow(message []byte, first bool) *Rule {
	p.mu.Lock()
	defer p.mu.Unlock()

	r := p.rule
	if r == nil || r.Times > 0 && p.acted == r.Times {
		return nil
	}
	if r.Client == "" && !first || !bytes.Contains(message, []byte(r.Client)) {
		return nil
	}
	p.acted++

	return r
}

func (l *link) do(a Action) {
	switch a {
	case Swallow:
		l.mu.Lock()
		l.swallowed = true
		l.mu.Unlock()
	case Cut:
		_ = l.client.Close()
		_ = l.server.Close()
	case HalfClose:
		if c, ok := l.client.(*net.TCPConn); ok {
			_ = c.CloseWrite()
		}
		l.mu.Lock()
		l.swallowed = true
		l.mu.Unlock()
	}
}
