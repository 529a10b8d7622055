package outbound

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Bounds on a document that a provider publishes.
const (
	maxDocumentBytes = 1 << 20
	maxETagBytes     = 128
)

// document is a response with a document that a provider publishes.
type document struct {
	body      []byte
	unchanged bool // 304: the caller holds the body already
	etag      string
	maxAge    time.Duration // 0 if the provider states none
	own       bool          // this process publishes it
	expires   time.Time     // of the host's certificate; zero without TLS
}

// get fetches address under p. etag is the ETag of the document that the caller
// holds; "" if it holds none.
func (c *Client) get(ctx context.Context, p Policy, address, etag string) (document, error) {
	u, err := CheckURL(address, p.AllowHTTP)
	if err != nil {
		return document{}, err
	}
	if d, own, err := c.own(ctx, u, address); own {
		return d, err
	}
	if err := checkPinned(p, u); err != nil {
		return document{}, err
	}

	var d document
	err = c.guarded(ctx, c.breaker(breakerKey{host: u.Host, policy: p}), u, func() (err error) {
		d, err = c.exchange(ctx, p, u, etag)
		return err
	})

	return d, err
}

// checkPinned refuses an address without TLS where thumbprints count.
func checkPinned(p Policy, u *url.URL) error {
	if !p.Pinned || u.Scheme == "https" {
		return nil
	}

	return &Error{
		Problem: "thumbprints cannot be checked without TLS",
		Reached: true,
		Fix:     "give the provider an https address, or do not enforce thumbprints",
	}
}

// own returns a document that this process publishes itself.
func (c *Client) own(ctx context.Context, u *url.URL, address string) (d document, own bool, err error) {
	if c.o.Own == nil {
		return document{}, false, nil
	}

	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()

	d.body, own, err = c.o.Own(ctx, address)
	d.own = own
	if !own || err != nil {
		return d, own, err
	}

	fault := c.fault(u)
	response, err := fault.before(ctx, u)
	if err == nil && response != nil {
		d, err = readDocument(u, response, false)
	}

	return fault.after(d), own, err
}

func (c *Client) exchange(ctx context.Context, p Policy, u *url.URL, etag string) (document, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()

	fault := c.fault(u)
	if response, err := fault.before(ctx, u); err != nil {
		return document{}, err
	} else if response != nil {
		return readDocument(u, response, false)
	}

	transport, err := c.transport(p)
	if err != nil {
		return document{}, err
	}

	// One connection per fetch: fetches are minutes apart, so an idle connection
	// would be of no use.
	transport.DisableKeepAlives = true
	defer transport.CloseIdleConnections()

	header := http.Header{}
	if etag != "" {
		header.Set("If-None-Match", etag)
	}
	response, err := roundTrip(ctx, transport, u, header, true)
	if err != nil {
		return document{}, err
	}
	defer response.Body.Close()

	d, err := readDocument(u, response, etag != "")
	if tls := response.TLS; tls != nil && len(tls.PeerCertificates) > 0 {
		d.expires = tls.PeerCertificates[0].NotAfter
	}

	return fault.after(d), err
}

func readDocument(u *url.URL, response *http.Response, conditional bool) (document, error) {
	place := u.String()
	d := document{maxAge: maxAge(response.Header.Values("Cache-Control")), etag: response.Header.Get("ETag")}
	if len(d.etag) > maxETagBytes {
		d.etag = ""
	}

	switch code := response.StatusCode; {
	case code == http.StatusNotModified && conditional:
		d.unchanged = true
		return d, nil
	case code >= 300 && code < 400:
		return document{}, unusable(place, fmt.Sprintf("answers with a redirect (%d)", code),
			"register the final address of the provider's document; redirects are not followed")
	case code != http.StatusOK:
		return document{}, unusable(place, fmt.Sprintf("answers with status %d", code),
			"open this address: it must serve the provider's document with status 200")
	}

	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return document{}, unusable(place, "answers compressed though not asked to",
			"have the provider honour Accept-Encoding")
	}
	if contentType := response.Header.Get("Content-Type"); !mayHoldJSON(contentType) {
		return document{}, unusable(place, "answers with the content type "+explain.ShownText(contentType),
			"open this address: it must serve the provider's document as application/json")
	}

	body, err := readBody(u, place, response, maxDocumentBytes,
		"check the address: no key set or discovery document is this large")
	if err != nil {
		return document{}, err
	}
	d.body = body

	return d, nil
}

// mayHoldJSON reports whether a document of this content type may be JSON. Many
// providers keep theirs in file stores, which send no type, or a general one; a
// page or an image is never JSON.
func mayHoldJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch media {
	case "", "application/json", "text/json", "text/plain", "application/octet-stream", "binary/octet-stream":
		return true
	}
	return strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json") // such as jwk-set+json
}

// maxAge reads from Cache-Control (RFC 9111 section 5.2.2) how long a response stays
// fresh. It returns 0 if the header states no time or forbids storing.
func maxAge(values []string) time.Duration {
	least := time.Duration(-1)
	for _, value := range values {
		for directive := range strings.SplitSeq(value, ",") {
			name, argument, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				seconds, err := strconv.ParseUint(strings.Trim(argument, `"`), 10, 31)
				if err != nil {
					return 0
				}
				age := time.Duration(seconds) * time.Second
				if least < 0 || age < least {
					least = age
				}
			}
		}
	}

	return max(least, 0)
}
