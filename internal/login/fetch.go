package login

import (
	"context"
	"crypto/sha1" //nolint:gosec // IAM's thumbprints are SHA-1; they narrow the usual verification and never replace it
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds on what a provider may send.
const (
	maxBodyBytes           = 1 << 20
	maxResponseHeaderBytes = 32 << 10
	maxURLBytes            = 2 << 10
	maxDialled             = 4 // addresses of one host
)

// policy is how one provider may be asked. It is comparable: what was fetched
// under one policy is never used under another.
type policy struct {
	allowHTTP, allowPrivate bool
	roots                   string // PEM; "" is the system's
	pinned                  bool
	thumbprints             string // joined by commas
}

func policyOf(t *Trust) policy {
	p := policy{allowHTTP: t.AllowHTTP, allowPrivate: t.AllowPrivate, roots: string(t.CABundle)}
	if t.EnforceThumbprints {
		p.pinned, p.thumbprints = true, strings.Join(t.Thumbprints, ",")
	}
	return p
}

// answer is what a provider published.
type answer struct {
	body      []byte
	unchanged bool // 304: body is the one whose ETag was sent
	etag      string
	maxAge    time.Duration // 0 when the provider does not say
}

// fetchError tells why a provider could not be asked.
type fetchError struct {
	what string // for the log
	fix  string // for whoever runs the server
	// reached says that the host is alive, so that its breaker stays closed.
	reached bool
	cause   error
}

func (e *fetchError) Error() string {
	if e.cause == nil {
		return e.what
	}
	return e.what + ": " + oneLine(e.cause.Error(), maxCause)
}

func (e *fetchError) Unwrap() error { return e.cause }

// fetcher asks providers. It follows no redirect, uses no proxy, and connects
// only to addresses that it resolved and checked itself, so a name that
// resolves differently the second time gains nothing.
type fetcher struct {
	resolver     Resolver
	dial         func(ctx context.Context, network, address string) (net.Conn, error)
	dialTimeout  time.Duration
	fetchTimeout time.Duration
	now          func() time.Time
	breakers     *bounded[breakerKey, *breaker]    // cache: breakers
	transports   *bounded[policy, pooledTransport] // cache: provider connections; for questions about single logins
}

// breakerKey names a breaker: that of a host, or of one address of it.
type breakerKey struct {
	host    string
	policy  policy
	address string // "" is the host
}

func (f *fetcher) breaker(k breakerKey) *breaker {
	return f.breakers.get(k, func() *breaker { return &breaker{} })
}

// get fetches address under p. etag, when set, is the ETag of what the caller holds.
func (f *fetcher) get(ctx context.Context, p policy, address, etag string) (answer, error) {
	u, err := checkURL(address, p.allowHTTP)
	if err != nil {
		return answer{}, err
	}
	if p.pinned && u.Scheme != "https" {
		return answer{}, &fetchError{what: "thumbprints cannot be checked without TLS", reached: true,
			fix: "give the provider an https address, or do not enforce thumbprints"}
	}
	var a answer
	err = f.guarded(ctx, f.breaker(breakerKey{host: u.Host, policy: p}), u, func() (err error) {
		a, err = f.exchange(ctx, p, u, etag)
		return err
	})
	return a, err
}

// guarded runs one exchange with u's host, unless its breaker b is open.
func (f *fetcher) guarded(ctx context.Context, b *breaker, u *url.URL, exchange func() error) error {
	if !b.allow(f.now()) {
		return &fetchError{what: "host " + u.Host + " failed to answer several times in a row and is left alone for a while",
			fix: "check that " + u.Host + " is up and reachable from this server"}
	}
	err := exchange()
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		b.abandon() // the caller left: that says nothing about the host
		return err
	}
	var failed *fetchError
	b.done(f.now(), err == nil || errors.As(err, &failed) && failed.reached)
	return err
}

func (f *fetcher) exchange(ctx context.Context, p policy, u *url.URL, etag string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, f.fetchTimeout)
	defer cancel()
	// One connection per fetch: fetches are minutes apart, and an idle
	// connection would only be something more to keep.
	transport, err := f.transport(p)
	if err != nil {
		return answer{}, err
	}
	transport.DisableKeepAlives = true
	defer transport.CloseIdleConnections()

	header := http.Header{}
	if etag != "" {
		header.Set("If-None-Match", etag)
	}
	response, err := roundTrip(ctx, transport, u, header, true)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	return readAnswer(u, response, etag != "")
}

// transport returns what asks under p: without proxy or compression, connecting
// to checked addresses only.
func (f *fetcher) transport(p policy) (*http.Transport, error) {
	config, err := tlsConfig(p, f.now)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, hostPort string) (net.Conn, error) {
			return f.connect(ctx, p, network, hostPort)
		},
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    f.fetchTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxResponseHeaderBytes,
	}, nil
}

// roundTrip sends a GET and returns the answer, a redirect as it is. With once
// its connection serves no other request: over a kept one, which may just have
// ended, the client would ask a second time.
func roundTrip(ctx context.Context, transport *http.Transport, u *url.URL, header http.Header, once bool) (*http.Response, error) {
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, &fetchError{what: "address " + showText(u.Host+u.Path) + " is not usable", reached: true,
			fix: "correct the provider's address"}
	}
	request.Header, request.Close = header, once
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "poolhouse")
	response, err := client.Do(request)
	if err != nil {
		return nil, explainTransport(u, err)
	}
	return response, nil
}

func readAnswer(u *url.URL, response *http.Response, conditional bool) (answer, error) {
	refuse := func(what, fix string) (answer, error) {
		return answer{}, &fetchError{what: showText(u.String()) + " " + what, reached: true, fix: fix}
	}
	a := answer{maxAge: maxAge(response.Header.Values("Cache-Control")), etag: response.Header.Get("ETag")}
	if len(a.etag) > maxShown {
		a.etag = ""
	}
	switch code := response.StatusCode; {
	case code == http.StatusNotModified && conditional:
		a.unchanged = true
		return a, nil
	case code >= 300 && code < 400:
		return refuse(fmt.Sprintf("answers with a redirect (%d)", code), "register the final address of the provider's document; redirects are not followed")
	case code != http.StatusOK:
		return refuse(fmt.Sprintf("answers with status %d", code), "open this address: it must serve the provider's document with status 200")
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return refuse("answers compressed though not asked to", "have the provider honour Accept-Encoding")
	}
	if contentType := response.Header.Get("Content-Type"); !mayHoldJSON(contentType) {
		return refuse("answers with the content type "+showText(contentType), "open this address: it must serve the provider's document as application/json")
	}
	if response.ContentLength > maxBodyBytes {
		return refuse(fmt.Sprintf("answers with more than %d bytes", maxBodyBytes), "check the address: no key set or discovery document is this large")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBodyBytes+1))
	if err != nil {
		return answer{}, explainTransport(u, err)
	}
	if len(body) > maxBodyBytes {
		return refuse(fmt.Sprintf("answers with more than %d bytes", maxBodyBytes), "check the address: no key set or discovery document is this large")
	}
	a.body = body
	return a, nil
}

// mayHoldJSON reports whether a document of this content type can be one of a
// provider's. Many providers keep theirs in file stores, which name no type, or
// a general one; a page or an image is never one.
func mayHoldJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch media {
	case "", "application/json", "text/json", "text/plain", "application/octet-stream", "binary/octet-stream":
		return true
	}
	return strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json") // application/jwk-set+json among them
}

// maxAge reads Cache-Control (RFC 9111 section 5.2.2), as far as it says how
// long an answer stays fresh; 0 when it does not or forbids storing.
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

// checkURL reads a provider's address: absolute, https (or http where allowed),
// without user name, fragment or empty host.
func checkURL(address string, allowHTTP bool) (*url.URL, error) {
	bad := func(why, fix string) (*url.URL, error) {
		return nil, &fetchError{what: "address " + showAddress(address) + " " + why, fix: fix, reached: true}
	}
	if len(address) > maxURLBytes {
		return bad("is too long", "correct the provider's address")
	}
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || !printable(address) {
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

// tlsConfig verifies certificates as usual, and on top of it the thumbprints.
func tlsConfig(p policy, now func() time.Time) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, Time: now}
	if p.roots != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(p.roots)) {
			return nil, &fetchError{what: "the provider's CA bundle holds no certificate", reached: true,
				fix: "give the CA bundle as PEM certificates"}
		}
	}
	if p.pinned {
		// The presented chain alone would not do: whoever has any valid
		// certificate for the host may send the pinned one along. Only what
		// the verification used counts.
		config.VerifyConnection = func(state tls.ConnectionState) error {
			accepted := strings.Split(p.thumbprints, ",")
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

// explainTransport says what to do about a failed exchange.
func explainTransport(u *url.URL, err error) error {
	var known *fetchError
	if errors.As(err, &known) {
		return known
	}
	// The client's own error repeats the URL, which may hold a credential.
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var invalid *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errThumbprint):
		return &fetchError{what: u.Host + " presents another certificate", reached: true, cause: errThumbprint,
			fix: "if the provider changed its certificate authority, register the new thumbprint"}
	case errors.As(err, &invalid):
		return &fetchError{what: u.Host + " presents a certificate that does not verify", reached: true, cause: invalid.Err,
			fix: "mend the provider's certificate, or register the CA that issued it as the provider's CA bundle"}
	case errors.Is(err, context.DeadlineExceeded):
		return &fetchError{what: u.Host + " did not answer in time", cause: context.DeadlineExceeded,
			fix: "check that " + u.Host + " is up and reachable from this server"}
	default:
		return &fetchError{what: u.Host + " could not be asked", cause: err,
			fix: "check that " + u.Host + " is up and reachable from this server"}
	}
}
