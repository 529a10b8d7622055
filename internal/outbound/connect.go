package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// maxDialled bounds the addresses of one host that connect tries.
const maxDialled = 4

// connect resolves hostPort once and dials an address that it checked.
//
// A net.Dialer with Control could check addresses too, but it gives each address at
// least two seconds, which is dialTimeout: one address that swallows packets would
// hide the others. It also tries any number of addresses, and accepts an IPv4
// address in IPv6 form.
func (c *Client) connect(ctx context.Context, p Policy, network, hostPort string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()

	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	addresses, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}

	var allowed []netip.Addr
	for _, a := range addresses {
		if mayConnect(a, p.AllowPrivate) {
			allowed = append(allowed, a.Unmap())
		}
	}
	if len(allowed) == 0 {
		return nil, &Error{
			Problem: host + " has no address that may be asked",
			Reached: true,
			nowhere: host,
			Fix: "providers must have a public address; if this one is in-house, allow private addresses for it " +
				"(link-local addresses stay refused)",
		}
	}

	allowed = allowed[:min(len(allowed), maxDialled)]
	var failures []error
	for i, a := range allowed {
		conn, err := c.dialShare(ctx, network, net.JoinHostPort(a.String(), port), len(allowed)-i)
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}

	return nil, errors.Join(failures...)
}

// dialShare dials with an equal share of the time left, so that one address
// that never responds leaves time for the others.
func (c *Client) dialShare(ctx context.Context, network, address string, shares int) (net.Conn, error) {
	if deadline, set := ctx.Deadline(); set {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
		defer cancel()
	}
	return c.o.Dial(ctx, network, address)
}

func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if literal, err := netip.ParseAddr(host); err == nil {
		if literal.Is4In6() {
			return nil, &Error{
				Problem: "address " + host + " is an IPv4 address in IPv6 form",
				Reached: true,
				Fix:     "write the provider's address as IPv4",
			}
		}
		return []netip.Addr{literal}, nil
	}

	return c.o.Resolver.LookupNetIP(ctx, "ip", host)
}
