package outbound

import (
	"crypto/sha1" //nolint:gosec // IAM's thumbprints are SHA-1; they narrow the usual verification and never replace it
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

const maxURLBytes = 2 << 10

// Policy holds the rules for requests to one provider. It is comparable: a document
// fetched under one policy is never used under another.
type Policy struct {
	CABundle  string // PEM; "" = the system's roots
	AllowHTTP bool   // http: as well as https:, for development
	// AllowPrivate admits loopback, private and shared addresses, for an
	// in-house provider. Link-local and instance-metadata addresses stay refused.
	AllowPrivate bool
	// Pins are lower-case hex SHA-1 digests of certificates, joined by commas. If
	// Pinned is set, one of them must be in the verified TLS chain, in addition to
	// the usual verification.
	Pinned bool
	Pins   string
}

// Validate returns an error if the CA bundle holds no certificate. The error names the
// setting, its value and the fix.
func (p Policy) Validate() error {
	if len(p.CABundle) > 0 && !x509.NewCertPool().AppendCertsFromPEM([]byte(p.CABundle)) {
		return fmt.Errorf("ca_bundle (%d bytes): give PEM certificates", len(p.CABundle))
	}

	return nil
}

// CheckURL reads a provider's address: absolute, https (or http where allowed),
// without user name, fragment or empty host.
func CheckURL(address string, allowHTTP bool) (*url.URL, error) {
	bad := func(why, fix string) (*url.URL, error) {
		return nil, &Error{Problem: "address " + showAddress(address) + " " + why, Fix: fix, Reached: true}
	}
	if len(address) > maxURLBytes {
		return bad("is too long", "correct the provider's address")
	}

	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		!explain.Printable(address) {
		return bad("is not a plain absolute URL", "correct the provider's address: scheme, host and path only")
	}

	switch {
	case u.Scheme == "https", u.Scheme == "http" && allowHTTP:
		return u, nil
	case u.Scheme == "http":
		return bad("is not https", "use https, or allow http for this provider if it is a development one")
	default:
		return bad("is not https", "use https")
	}
}

// IsLoopback reports whether a host is this machine: localhost, or a loopback address. Names below localhost are
// not: resolvers may ask the network for them.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)

	return err == nil && address.Unmap().IsLoopback()
}

// showAddress returns an address without user, password and query, which may be
// secrets.
func showAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil && strings.ContainsAny(address, "@?") {
		return "(not shown)"
	} else if err != nil {
		return explain.ShownText(address)
	}
	if u.User != nil {
		u.User = url.User("xxxxx")
	}
	if u.RawQuery != "" {
		u.RawQuery = "xxxxx"
	}

	return explain.ShownText(u.String())
}

// tlsConfig returns a configuration that verifies certificates as usual, and the
// thumbprints in addition.
func tlsConfig(p Policy, now func() time.Time) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, Time: now}
	if p.CABundle != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(p.CABundle)) {
			return nil, &Error{
				Problem: "the provider's CA bundle holds no certificate",
				Reached: true,
				Fix:     "give the CA bundle as PEM certificates",
			}
		}
	}

	if p.Pinned {
		// The presented chain is not enough: whoever has any valid certificate for
		// the host can send the pinned one too. Only the verified chains count.
		config.VerifyConnection = func(state tls.ConnectionState) error {
			accepted := strings.Split(p.Pins, ",")
			for _, chain := range state.VerifiedChains {
				for _, certificate := range chain {
					sum := sha1.Sum(certificate.Raw) //nolint:gosec // see the import
					if slices.Contains(accepted, hex.EncodeToString(sum[:])) {
						return nil
					}
				}
			}

			return errThumbprint
		}
	}

	return config, nil
}

var errThumbprint = errors.New("no certificate of the TLS chain has a registered thumbprint")
