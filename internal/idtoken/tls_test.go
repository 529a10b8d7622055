package idtoken_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// secure is a provider at https://issuer.test on a public address.
type secure struct {
	*fixture
	net *network
	ca  *authority
}

const publicAddress = "93.184.215.14"

func newSecure(t *testing.T, config func(ca *authority) *tls.Config) *secure {
	t.Helper()
	n := newNetwork()
	s := &secure{net: n, ca: newAuthority(t, nil)}
	s.fixture = newFixture(t, func(o *outbound.Options) { o.Resolver, o.Dial = n, n.Dial })
	s.issuer.URL = "https://issuer.test"
	n.name("issuer.test", publicAddress)
	if config == nil {
		config = func(ca *authority) *tls.Config { return ca.leaf(t, "issuer.test").server() }
	}

	n.serve(t, publicAddress+":443", config(s.ca), s.issuer)
	s.trust = idtoken.Rule{
		Provider: "issuer.test", Issuers: []string{"https://issuer.test"}, Audiences: []string{logintest.Audience},
		Policy: outbound.Policy{CABundle: string(s.ca.pem())},
	}

	return s
}

func TestTLS(t *testing.T) {
	now := logintest.NewClock().Now()

	cases := []struct {
		name   string
		config func(t *testing.T, ca *authority) *tls.Config
		want   string // "" is accepted
	}{
		{"good", func(t *testing.T, ca *authority) *tls.Config { return ca.leaf(t, "issuer.test").server() }, ""},
		{"with intermediate", func(t *testing.T, ca *authority) *tls.Config {
			middle := newAuthority(t, ca)
			return middle.leaf(t, "issuer.test").server(middle)
		}, ""},
		{"intermediate not sent", func(t *testing.T, ca *authority) *tls.Config {
			return newAuthority(t, ca).leaf(t, "issuer.test").server()
		}, "does not verify"},
		{"self-signed", func(t *testing.T, _ *authority) *tls.Config {
			return issue(t, nil, x509.Certificate{DNSNames: []string{"issuer.test"}}).server()
		}, "does not verify"},
		{"another authority", func(t *testing.T, _ *authority) *tls.Config {
			return newAuthority(t, nil).leaf(t, "issuer.test").server()
		}, "does not verify"},
		{"another host", func(t *testing.T, ca *authority) *tls.Config { return ca.leaf(t, "evil.test").server() },
			"does not verify"},
		{"expired", func(t *testing.T, ca *authority) *tls.Config {
			return issue(t, ca,
				x509.Certificate{DNSNames: []string{"issuer.test"}, NotBefore: now.Add(-2 * time.Hour),
					NotAfter: now.Add(-time.Hour)}).server()
		}, "does not verify"},
		{"not yet valid", func(t *testing.T, ca *authority) *tls.Config {
			return issue(t, ca,
				x509.Certificate{DNSNames: []string{"issuer.test"}, NotBefore: now.Add(time.Hour),
					NotAfter: now.Add(2 * time.Hour)}).server()
		}, "does not verify"},
		{"TLS 1.1", func(t *testing.T, ca *authority) *tls.Config {
			config := ca.leaf(t, "issuer.test").server()
			config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			return config
		}, "could not be asked"},
		{"no TLS at all", func(*testing.T, *authority) *tls.Config { return nil }, "could not be asked"},
	}

	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSecure(t, func(ca *authority) *tls.Config { return c.config(t, ca) })
			if c.want == "" {
				s.accepts(t, s.issuer.Token(nil))
				return
			}

			if err := s.unavailability(t, s.issuer.Token(nil)); !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if n := s.issuer.Requests(); n != 0 {
				t.Errorf("%d requests reached the handler", n)
			}
		})
	}

	t.Run("system roots do not hold the test's authority", func(t *testing.T) {
		s := newSecure(t, nil)
		s.trust.CABundle = ""
		s.unavailable(t, s.issuer.Token(nil))
	})
	t.Run("CA bundle without certificates", func(t *testing.T) {
		s := newSecure(t, nil)
		s.trust.CABundle = "not PEM"
		if err := s.unavailability(t, s.issuer.Token(nil)); !strings.Contains(err.Error(), "holds no certificate") {
			t.Error(err)
		}
	})
}

func TestThumbprints(t *testing.T) {
	s := newSecure(t, nil)
	leaf := s.ca.leaf(t, "issuer.test")
	s.net.serve(t, publicAddress+":443", leaf.server(s.ca), s.issuer)

	stranger := newAuthority(t, nil)
	for _, c := range []struct {
		name        string
		thumbprints []string
		enforce, ok bool
	}{
		{"of the leaf", []string{leaf.thumbprint()}, true, true},
		{"of the authority", []string{s.ca.thumbprint()}, true, true},
		{"second of two", []string{stranger.thumbprint(), s.ca.thumbprint()}, true, true},
		{"of another", []string{stranger.thumbprint()}, true, false},
		{"in capitals", []string{strings.ToUpper(leaf.thumbprint())}, true, false},
		{"none", nil, true, false},
		{"empty", []string{""}, true, false},
		{"of another, not enforced", []string{stranger.thumbprint()}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.trust.Thumbprints, s.trust.EnforceThumbprints = c.thumbprints, c.enforce
			if c.ok {
				s.accepts(t, s.issuer.Token(nil))
				return
			}
			if err := s.unavailability(t, s.issuer.Token(nil)); !strings.Contains(err.Error(), "thumbprint") {
				t.Error(err)
			}
		})
	}

	// Whoever holds any certificate for the host that some accepted authority
	// issued can send the pinned certificate along: it does not count unless
	// the verification used it.
	t.Run("pinned certificate sent along", func(t *testing.T) {
		s := newSecure(t, nil)
		rogue := newAuthority(t, nil)
		s.net.serve(t, publicAddress+":443", rogue.leaf(t, "issuer.test").server(s.ca), s.issuer)
		s.trust.CABundle = string(s.ca.pem()) + string(rogue.pem())
		s.accepts(t, s.issuer.Token(nil)) // both are accepted without thumbprints
		s.trust.Thumbprints, s.trust.EnforceThumbprints = []string{s.ca.thumbprint()}, true
		s.unavailable(t, s.issuer.Token(nil))
	})

	t.Run("without TLS", func(t *testing.T) {
		f := newFixture(t, noNetwork(t))
		f.trust.Thumbprints, f.trust.EnforceThumbprints = []string{stranger.thumbprint()}, true
		if err := f.unavailability(t, f.issuer.Token(nil)); !strings.Contains(err.Error(), "without TLS") {
			t.Error(err)
		}
	})
}
