package awsapi

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// The client's address is the peer's, or behind a proxy what the proxy added last.
// Nothing else that a client sends changes it.
func TestClientAddress(t *testing.T) {
	const peer = "198.51.100.9:4711"
	for _, test := range []struct {
		name        string
		peer        string
		forwarded   []string // lines of X-Forwarded-For
		behindProxy bool
		want        string // "" = it cannot be told
	}{
		{"IPv4 peer", peer, nil, false, "198.51.100.9"},
		{"IPv6 peer", "[2001:db8::1]:443", nil, false, "2001:db8::1"},
		{"mapped peer", "[::ffff:192.0.2.1]:443", nil, false, "192.0.2.1"},
		{"peer with a zone", "[fe80::1%eth0]:443", nil, false, "fe80::1"},
		{"Unix socket without a name", "@", nil, false, ""},
		{"Unix socket", "/run/poolhouse.sock", nil, false, ""},
		{"no peer", "", nil, false, ""},
		{"header without a proxy", peer, []string{"192.0.2.1"}, false, "198.51.100.9"},

		{"one entry", peer, []string{"192.0.2.1"}, true, "192.0.2.1"},
		{"no header", peer, nil, true, ""},
		{"empty header", peer, []string{""}, true, ""},
		{"blank header", peer, []string{" \t"}, true, ""},
		{"spoofed entries", peer, []string{"10.0.0.1, 127.0.0.1, 192.0.2.1"}, true, "192.0.2.1"},
		{"blanks around", peer, []string{"10.0.0.1 ,\t192.0.2.1 "}, true, "192.0.2.1"},
		{"several lines", peer, []string{"10.0.0.1", "10.0.0.2, 192.0.2.1"}, true, "192.0.2.1"},
		{"last line empty", peer, []string{"192.0.2.1", ""}, true, ""},
		{"last entry empty", peer, []string{"192.0.2.1,"}, true, ""},
		{"last entry malformed", peer, []string{"192.0.2.1, unknown"}, true, ""},
		{"last line malformed", peer, []string{"192.0.2.1", "_hidden"}, true, ""},
		{"quoted", peer, []string{`"192.0.2.1"`}, true, ""},
		{"quoted list", peer, []string{`"10.0.0.1, 192.0.2.1"`}, true, ""},
		{"port", peer, []string{"192.0.2.1:50000"}, true, "192.0.2.1"},
		{"IPv6", peer, []string{"2001:db8::1"}, true, "2001:db8::1"},
		{"IPv6 and port", peer, []string{"[2001:db8::1]:50000"}, true, "2001:db8::1"},
		{"IPv6 in capitals", peer, []string{"2001:DB8::A"}, true, "2001:db8::a"},
		{"IPv6 with a zone", peer, []string{"fe80::1%eth0"}, true, "fe80::1"},
		{"mapped IPv4", peer, []string{"::ffff:192.0.2.1"}, true, "192.0.2.1"},
		{"mapped IPv4 in hexadecimal", peer, []string{"::ffff:c000:201"}, true, "192.0.2.1"},
		{"mapped IPv4 with a port", peer, []string{"[::ffff:192.0.2.1]:1"}, true, "192.0.2.1"},
		{"bad port", peer, []string{"192.0.2.1:99999"}, true, ""},
		{"leading zero", peer, []string{"192.0.2.01"}, true, ""},
		{"short form of old", peer, []string{"192.0.513"}, true, ""},
		{"number", peer, []string{"3221225985"}, true, ""},
		{"name", peer, []string{"localhost"}, true, ""},
		{"range", peer, []string{"192.0.2.0/24"}, true, ""},
		{"digits of another script", peer, []string{"１９２.0.2.1"}, true, ""},
		{"semicolon", peer, []string{"10.0.0.1; 192.0.2.1"}, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.RemoteAddr = test.peer
			r.Header["X-Forwarded-For"] = test.forwarded
			r.Header.Set("Forwarded", "for=203.0.113.66")
			r.Header.Set("X-Real-Ip", "203.0.113.66")

			got := clientOf(r, test.behindProxy).IP
			if want, _ := netip.ParseAddr(test.want); got != want {
				t.Errorf("address = %v, want %q", got, test.want)
			}
		})
	}
}

// Whatever a client sends, the address is of the last entry alone, without a zone
// and not mapped.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{
		"192.0.2.1", "10.0.0.1, 192.0.2.1", "[2001:db8::1]:80", "::ffff:192.0.2.1%x", "fe80::1%eth0", `"192.0.2.1"`,
		",", "",
	} {
		f.Add(seed, seed)
	}

	f.Fuzz(func(t *testing.T, before, last string) {
		alone := forwardedAddress(lastForwarded([]string{last}))
		if alone.Zone() != "" || alone.Is4In6() {
			t.Errorf("address of %q = %v", last, alone)
		}
		if got := forwardedAddress(lastForwarded([]string{before, last})); got != alone {
			t.Errorf("a line before %q changed %v to %v", last, alone, got)
		}

		if got := forwardedAddress(lastForwarded([]string{before + "," + last})); got != alone {
			t.Errorf("an entry before %q changed %v to %v", last, alone, got)
		}
		if got := forwardedAddress(last); strings.TrimSpace(last) == last && !strings.Contains(last, ",") &&
			got != alone {
			t.Errorf("address of %q = %v, alone %v", last, got, alone)
		}
	})
}

// The address of a client costs no memory in its usual form: each call asks for it.
func TestAddressAllocatesNothing(t *testing.T) {
	for _, test := range []struct {
		peer, forwarded string
	}{
		{peer: "192.0.2.1:443"},
		{peer: "[2001:db8::1]:443"},
		{peer: "10.0.0.1:443", forwarded: "192.0.2.1"},
		{peer: "10.0.0.1:443", forwarded: "198.51.100.1, 2001:db8::1"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{}}
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		var c Client

		allocations := testing.AllocsPerRun(100, func() { c = clientOf(r, test.forwarded != "") })
		if allocations != 0 || !c.IP.IsValid() {
			t.Errorf("%+v: %v allocations, %s", test, allocations, c.IP)
		}
	}
}
