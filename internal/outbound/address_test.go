package outbound

import (
	"net/netip"
	"testing"
)

func TestMayConnect(t *testing.T) {
	const (
		public  = "always"
		private = "with AllowPrivate"
		never   = "never"
	)
	for address, want := range map[string]string{
		"8.8.8.8": public, "93.184.215.14": public, "172.15.255.255": public, "172.32.0.1": public,
		"100.63.255.255": public, "100.128.0.1": public,
		"192.167.255.255": public, "169.253.255.255": public, "2606:2800:220:1::1": public, "::ffff:8.8.8.8": public,
		"2a00::1": public,

		"127.0.0.1": private, "127.255.255.254": private, "10.0.0.1": private, "172.16.0.1": private,
		"172.31.255.255": private,
		"192.168.1.1":    private, "100.64.0.1": private, "100.127.255.255": private, "192.0.0.1": private,
		"192.0.2.1":  private,
		"198.18.0.1": private, "198.19.255.255": private, "198.51.100.1": private, "203.0.113.1": private,
		"240.0.0.1": private, "192.88.99.1": private,
		"::1": private, "fc00::1": private, "fd12:3456::1": private, "fec0::1": private, "2001:db8::1": private,
		"100::1": private, "3fff::1": private, "5f00::1": private,
		"2001:10::1": private, "::ffff:127.0.0.1": private, "::ffff:10.0.0.1": private,
		"64:ff9b::7f00:1": private, "64:ff9b::808:808": private, "2002:0a00:0001::": private, "::127.0.0.1": private,

		"0.0.0.0": never, "0.1.2.3": never, "255.255.255.255": never, "224.0.0.1": never, "239.255.255.255": never,
		"169.254.169.254": never, "169.254.0.1": never, "100.100.100.200": never, "168.63.129.16": never,
		"::": never, "fe80::1": never, "febf::1": never, "ff02::1": never, "fd00:ec2::254": never,
		"fe80::1%eth0": never, "fd12::1%eth0": never,
		"::ffff:169.254.169.254": never, "::ffff:0.0.0.0": never, "64:ff9b::a9fe:a9fe": never,
		"2002:a9fe:a9fe::1": never, "::169.254.169.254": never,
		"64:ff9b:1::a9fe:a9fe": never, "2001:0:a9fe:a9fe::1": never,
	} {
		a := netip.MustParseAddr(address)
		if got := mayConnect(a, false); got != (want == public) {
			t.Errorf("mayConnect(%s, false) = %v, want it asked %s", address, got, want)
		}
		if got := mayConnect(a, true); got != (want != never) {
			t.Errorf("mayConnect(%s, true) = %v, want it asked %s", address, got, want)
		}
	}

	if mayConnect(netip.Addr{}, true) {
		t.Error("the zero address may be asked")
	}
}
