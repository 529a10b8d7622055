package idtoken_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// network is an internet inside the test: names, and servers at addresses.
// Packets to an address without server get no answer.
type network struct {
	mu      sync.Mutex
	names   map[string]func() []netip.Addr
	servers map[string]func(context.Context) (net.Conn, error)
	lookups []string
	dials   []string
}

func newNetwork() *network {
	return &network{names: map[string]func() []netip.Addr{},
		servers: map[string]func(context.Context) (net.Conn, error){}}
}

// name makes host resolve to addresses; each look-up takes the next one of
// answers, the last one for ever.
func (n *network) name(host string, answers ...string) {
	next := 0
	n.names[host] = func() []netip.Addr {
		answer := answers[min(next, len(answers)-1)]
		next++
		return []netip.Addr{netip.MustParseAddr(answer)}
	}
}

// LookupNetIP makes network a outbound.Resolver.
func (n *network) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()

	n.lookups = append(n.lookups, host)
	answer, known := n.names[host]
	if !known {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}

	return answer(), nil
}

// Dial is a outbound.Options.Dial.
func (n *network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, address)
	accept := n.servers[address]
	n.mu.Unlock()
	if accept == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}

	return accept(ctx)
}

// cut makes address swallow packets.
func (n *network) cut(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()

	delete(n.servers, address)
}

func (n *network) dialled() []string {
	n.mu.Lock()
	defer n.mu.Unlock()

	return append([]string(nil), n.dials...)
}

// serve runs handler at address until the test ends: over pipes, which a
// synctest bubble understands, or with TLS, over loopback connections.
func (n *network) serve(tb testing.TB, address string, config *tls.Config, handler http.Handler) {
	tb.Helper()
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	var listener net.Listener
	var connect func(context.Context) (net.Conn, error)
	if config == nil {
		pipes := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		listener, connect = pipes, pipes.connect
	} else {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		listener = tls.NewListener(tcp, config)
		connect = func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", tcp.Addr().String())
		}
	}

	n.mu.Lock()
	n.servers[address] = connect
	n.mu.Unlock()
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) })
	tb.Cleanup(func() {
		_ = server.Close()
		served.Wait()
	})
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) connect(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// authority is a certificate authority.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

var serial int64

// issue makes a certificate; a nil signer signs itself.
func issue(tb testing.TB, signer *authority, template x509.Certificate) *authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	serial++
	template.SerialNumber = big.NewInt(serial)
	template.Subject = pkix.Name{CommonName: fmt.Sprintf("certificate %d", serial)}
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = logintest.NewClock().Now().Add(-time.Hour),
			logintest.NewClock().Now().Add(1000*time.Hour)
	}

	parent, by := &template, key
	if signer != nil {
		parent, by = signer.certificate, signer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key.Public(), by)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}

	return &authority{certificate, key}
}

func newAuthority(tb testing.TB, signer *authority) *authority {
	return issue(tb, signer, x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
}

func (a *authority) leaf(tb testing.TB, hosts ...string) *authority {
	return issue(tb, a, x509.Certificate{DNSNames: hosts})
}

// server presents a, followed by chain.
func (a *authority) server(chain ...*authority) *tls.Config {
	c := tls.Certificate{Certificate: [][]byte{a.certificate.Raw}, PrivateKey: a.key}
	for _, more := range chain {
		c.Certificate = append(c.Certificate, more.certificate.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

func (a *authority) thumbprint() string {
	sum := sha1.Sum(a.certificate.Raw)
	return hex.EncodeToString(sum[:])
}
