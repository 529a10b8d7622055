package outbound

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// names is a resolver with a fixed answer for each name.
type names map[string]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if address, found := n[host]; found {
		return []netip.Addr{netip.MustParseAddr(address)}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// A test of an address tells nothing about the server's own network.
func TestProbeHidesTheNetwork(t *testing.T) {
	var dialled atomic.Int32
	c := New(Options{
		Resolver: names{"in-house.test": "10.0.0.7", "outside.test": "8.8.8.8"},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			dialled.Add(1)
			return nil, errors.New("connection refused")
		},
	})
	defer c.Close()

	texts := map[string]bool{}
	for _, address := range []string{
		"https://in-house.test/", "https://in-house.test:22/", "https://nobody.test/", "https://127.0.0.1:1/",
		"https://169.254.169.254/latest/meta-data",
	} {
		_, err := c.Probe(t.Context(), Policy{}, address)
		if err == nil {
			t.Fatalf("%s was answered", address)
		}
		_, rest, _ := strings.Cut(err.Error(), " ")
		texts[rest+" "+FixOf(err)] = true
	}
	if len(texts) != 1 || dialled.Load() != 0 {
		t.Errorf("%d connections, and different errors: %v", dialled.Load(), texts)
	}

	// Control: an address that may be asked is asked.
	if _, err := c.Probe(t.Context(), Policy{}, "https://outside.test/"); err == nil || dialled.Load() != 1 {
		t.Errorf("%d connections, %v", dialled.Load(), err)
	}
}

// A test of an address leaves sign-ins as they are.
func TestProbeKeepsNothing(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"a":1}`))
	}))
	c, p := New(Options{}), Policy{AllowHTTP: true, AllowPrivate: true}
	defer c.Close()

	d, err := c.Probe(t.Context(), p, server.URL)
	if err != nil || string(d.Body) != `{"a":1}` {
		t.Errorf("%q, %v", d.Body, err)
	}
	if _, err := c.Probe(t.Context(), Policy{AllowPrivate: true}, server.URL); err == nil {
		t.Error("http was asked though it is not allowed")
	}
	status = http.StatusFound
	if _, err := c.Probe(t.Context(), p, server.URL); err == nil || !strings.Contains(err.Error(), "redirect") {
		t.Errorf("a redirect: %v", err)
	}

	server.Close()
	for range 2 * breakerThreshold {
		if _, err := c.Probe(t.Context(), p, server.URL); err == nil {
			t.Error("a server that is gone answers")
		}
	}
	if n := len(c.breakers.cache.Values()) + len(c.transports.cache.Values()); n != 0 {
		t.Errorf("%d breakers and connections are kept", n)
	}
}
