package ratelimit

import "net/netip"

var (
	// sharedSpace is the address space between a provider's routers and its customers
	// (RFC 6598). It does not reach the Internet; clouds number containers with it.
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
	// translated has the IPv4 addresses as an IPv6 network sees them (RFC 6052).
	translated = netip.MustParsePrefix("64:ff9b::/96")
)

// Source returns the addresses that count as one client: an IPv4 address, or an IPv6 /64,
// the smallest network of one customer, who may use each address in it (RFC 6177). An
// IPv4 address inside an IPv6 one, mapped or translated, counts as IPv4. A zone does not
// count. The zero Prefix means no address.
func Source(ip netip.Addr) netip.Prefix {
	ip = plain(ip)
	bits := 32
	if ip.Is6() {
		bits = 64
	}

	prefix, _ := ip.Prefix(bits) // the zero Addr has no Prefix
	return prefix
}

// plain returns the address without a zone, and an IPv4 address as such.
func plain(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if translated.Contains(ip) {
		bytes := ip.As16()
		return netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return ip
}

// internal reports whether an address is of this machine or of a network that does
// not reach the Internet.
func internal(ip netip.Addr) bool {
	ip = plain(ip)
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() ||
		sharedSpace.Contains(ip)
}
