package outbound

import (
	"context"
	"time"
)

// Probed is a document that Probe fetched.
type Probed struct {
	Body    []byte
	Took    time.Duration
	Expires time.Time // end of the host's certificate; zero without TLS
}

// Probe fetches a document once, for somebody who tests an address. It obeys the same rules as the
// requests of sign-ins but leaves no trace in what those use: it keeps no document and no connection,
// and neither asks nor moves the breaker. Its error does not tell a name that does not resolve from one
// with an address that may not be asked, so that nobody can look into the server's network.
func (c *Client) Probe(ctx context.Context, p Policy, address string) (Probed, error) {
	u, err := CheckURL(address, p.AllowHTTP)
	if err == nil {
		err = checkPinned(p, u)
	}
	if err != nil {
		return Probed{}, err
	}

	began := c.o.Now()
	d, own, err := c.own(ctx, u, address)
	if !own {
		d, err = c.exchange(ctx, p, u, "")
	}
	if err != nil {
		return Probed{}, Told(err)
	}

	return Probed{Body: d.body, Took: c.o.Now().Sub(began), Expires: d.expires}, nil
}
