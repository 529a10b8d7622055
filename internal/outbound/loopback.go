package outbound

import (
	"net/netip"
	"strings"
)

// IsLoopback reports whether a host, as url.URL's Hostname returns it, is this machine: localhost, or a
// loopback address. Other names under .localhost are not: a resolver may send them elsewhere.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)

	return err == nil && address.Unmap().IsLoopback()
}
