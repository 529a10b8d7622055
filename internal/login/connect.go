package login

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// connect resolves hostPort once and dials an address that it checked.
func (f *fetcher) connect(ctx context.Context, p policy, network, hostPort string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, f.dialTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	addresses, err := f.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var allowed []netip.Addr
	for _, a := range addresses {
		if mayAsk(a, p.allowPrivate) {
			allowed = append(allowed, a.Unmap())
		}
	}
	if len(allowed) == 0 {
		return nil, &fetchError{what: host + " has no address that may be asked", reached: true,
			fix: "providers must have a public address; if this one is in-house, allow private addresses for it (link-local addresses stay refused)"}
	}
	allowed = allowed[:min(len(allowed), maxDialled)]
	var failures []error
	for i, a := range allowed {
		conn, err := f.dialShare(ctx, network, net.JoinHostPort(a.String(), port), len(allowed)-i)
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// dialShare dials with an equal share of the time left, so that one address
// that swallows packets leaves time for the others.
func (f *fetcher) dialShare(ctx context.Context, network, address string, shares int) (net.Conn, error) {
	if deadline, set := ctx.Deadline(); set {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
		defer cancel()
	}
	return f.dial(ctx, network, address)
}

func (f *fetcher) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if literal, err := netip.ParseAddr(host); err == nil {
		if literal.Is4In6() {
			return nil, &fetchError{what: "address " + host + " is an IPv4 address in IPv6 form", reached: true,
				fix: "write the provider's address as IPv4"}
		}
		return []netip.Addr{literal}, nil
	}
	return f.resolver.LookupNetIP(ctx, "ip", host)
}
