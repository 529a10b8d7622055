package outbound

import "net/netip"

// neverConnected are addresses that no provider has; even Policy.AllowPrivate does
// not open them. The link-local ranges and the listed hosts serve the instance
// metadata of clouds, which hands out credentials.
var neverConnected = prefixes(
	"0.0.0.0/8", "255.255.255.255/32", "224.0.0.0/4", "169.254.0.0/16",
	"100.100.100.200/32", // Alibaba Cloud metadata
	"168.63.129.16/32",   // Azure host agent
	"::/128", "ff00::/8", "fe80::/10",
	"fd00:ec2::/32",  // AWS metadata over IPv6
	"2001::/32",      // Teredo: the IPv4 address behind it is obfuscated
	"64:ff9b:1::/48", // local-use NAT64: the layout is the network's own
)

// privateOnly are the special-purpose ranges (IANA registries, RFC 6890) that
// Policy.AllowPrivate opens.
var privateOnly = prefixes(
	"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"240.0.0.0/4",
	"::1/128", "::/96", "fc00::/7", "fec0::/10", "64:ff9b::/96", "100::/64", "2001::/23", "2001:db8::/32",
	"2002::/16", "3fff::/20", "5f00::/16",
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

func within(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// mayConnect reports whether a provider may have the address a.
func mayConnect(a netip.Addr, allowPrivate bool) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" || within(neverConnected, a) {
		return false
	}
	if inner, embeds := embedded(a); embeds {
		return allowPrivate && mayConnect(inner, true)
	}
	return allowPrivate || !within(privateOnly, a)
}

// embedded returns the IPv4 address to which a translator or tunnel would
// forward packets for a.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}

	b := a.As16()
	switch {
	case nat64.Contains(a), compatible.Contains(a) && a != netip.IPv6Loopback():
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}

	return netip.Addr{}, false
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	compatible = netip.MustParsePrefix("::/96")        // RFC 4291 section 2.5.5.1
	sixToFour  = netip.MustParsePrefix("2002::/16")    // RFC 3056
)
