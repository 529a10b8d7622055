package clilogin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

const (
	// exchangeTime bounds one request with its response.
	exchangeTime = 20 * time.Second
	// maxAnswer bounds a response, in bytes.
	maxAnswer = 256 << 10
	// mostSkew is the difference between this clock and a server's that is worth a warning. AWS SDKs
	// sign with the clock, and servers refuse signatures that are older.
	mostSkew = 5 * time.Minute
)

// web sends requests: to https addresses, or to this machine. It follows no redirect, and reads no
// response of more than maxAnswer bytes.
type web struct {
	http *http.Client
}

func newWeb(transport http.RoundTripper) *web {
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment, // not for loopback addresses
			DialContext:            (&net.Dialer{Timeout: exchangeTime / 2}).DialContext,
			TLSHandshakeTimeout:    exchangeTime / 2,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
			IdleConnTimeout:        time.Minute,
		}
	}

	return &web{http: &http.Client{
		Transport:     &bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       exchangeTime,
	}}
}

// bounded is a transport with the rules of web, so that they hold for requests of libraries too.
type bounded struct{ next http.RoundTripper }

func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := checkAddress(r.URL.String()); err != nil {
		return nil, err
	}

	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "poolhouse")
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}

	switch code := response.StatusCode; {
	case code >= 300 && code < 400:
		_ = response.Body.Close()
		return nil, untrusted("%s answers with a redirect (%d): redirects are not followed", r.URL.Host, code)
	case response.ContentLength > maxAnswer:
		_ = response.Body.Close()
		return nil, errTooLarge(r.URL.Host)
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxAnswer, host: r.URL.Host}

	return response, nil
}

func errTooLarge(host string) error {
	return untrusted("%s answers with more than %d bytes", host, maxAnswer)
}

// boundedBody fails once more than left bytes were read.
type boundedBody struct {
	io.ReadCloser

	left int
	host string
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= n
	if b.left < 0 {
		return 0, errTooLarge(b.host)
	}

	return n, err
}

// checkAddress refuses an address to which secrets may not be sent: it must be https, or http on
// this machine. It must be ASCII without spaces (RFC 3986), so that an address that a server sent looks like no
// other one, and like no sentence, when a person reads it.
func checkAddress(address string) error {
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return untrusted("address %s has characters that no URL has", explain.ShownText(address))
	}

	u, err := url.Parse(address)
	allowHTTP := err == nil && outbound.IsLoopback(u.Hostname())
	if _, err := outbound.CheckURL(address, allowHTTP); err != nil {
		if failed, is := errors.AsType[*outbound.Error](err); is {
			return untrusted("%s: use https (http is for this machine only)", failed.Problem)
		}
		return err
	}

	return nil
}

// get returns the body of a document.
func (w *web) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, untrusted("the address of a document is no URL")
	}
	r.Header.Set("Accept", "application/json")

	status, body, err := w.do(r)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, untrusted("%s answers with status %d", r.URL.Host+r.URL.Path, status)
	}

	return body, nil
}

// do sends a request. Errors: *UnavailableError, also for responses of status 429, 500 and more;
// *UntrustedError.
func (w *web) do(r *http.Request) (status int, body []byte, err error) {
	response, err := w.http.Do(r)
	if err == nil {
		defer response.Body.Close()

		body, err = io.ReadAll(response.Body)
	}

	if failed, is := errors.AsType[*UntrustedError](err); is {
		return 0, nil, failed
	}
	if err != nil {
		return 0, nil, &UnavailableError{Server: r.URL.Host, Cause: err}
	}
	if code := response.StatusCode; code >= 500 || code == http.StatusTooManyRequests {
		return 0, nil, &UnavailableError{Server: r.URL.Host, Cause: fmt.Errorf("it answers with status %d", code)}
	}

	return response.StatusCode, body, nil
}

// wireError is an error of AWS's JSON protocol.
type wireError struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
	Upper   string `json:"Message"`
}

// call sends an operation in AWS's JSON protocol. Errors: *RefusedError, *UnavailableError,
// *UntrustedError.
func (w *web) call(ctx context.Context, endpoint, service, operation string, input, output any) error {
	body, err := json.Marshal(input)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return untrusted("the endpoint is no URL")
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", service+"."+operation)

	status, answer, err := w.do(r)
	if err != nil {
		return err
	}
	if status == http.StatusOK {
		if json.Unmarshal(answer, output) != nil {
			return untrusted("%s answers %s with something that is no JSON object", r.URL.Host, operation)
		}
		return nil
	}

	var failed wireError
	if json.Unmarshal(answer, &failed) != nil || failed.Type == "" {
		return untrusted("%s answers %s with status %d and no error of AWS: is it the right endpoint?",
			r.URL.Host, operation, status)
	}
	_, code, namespaced := strings.Cut(failed.Type, "#")
	if !namespaced {
		code = failed.Type
	}

	return awsError(r.URL.Host, operation, code, cmp.Or(failed.Message, failed.Upper))
}

// passingCodes are the errors of AWS with status 400 after which the same request may succeed later. AWS
// sends others of this kind with status 500 and more.
var passingCodes = map[string]bool{
	"TooManyRequestsException": true,
	"LimitExceededException":   true, // of user pools, for attempts
	"ExternalServiceException": true,
	"Throttling":               true,
	"ThrottlingException":      true,
	"IDPCommunicationError":    true,
}

// awsError returns the error for what AWS's protocols name with a code.
func awsError(server, operation, code, message string) error {
	refused := refusedBy(server, operation, code, message)
	if passingCodes[code] {
		return &UnavailableError{Server: server, Cause: refused}
	}
	return refused
}
