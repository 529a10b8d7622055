package login

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"io"
	"net/http"
)

// Endpoint is an address of a provider that answers questions about users.
type Endpoint struct {
	URL          string
	CABundle     []byte // PEM; nil is the system's roots
	AllowHTTP    bool   // http: as well as https:, for development
	AllowPrivate bool   // loopback and private addresses
	// FaultsCount gives the address a breaker of its own, for which an answer of
	// status 5xx is as bad as none. It is for services whose every question is alike.
	FaultsCount bool
}

// errFault tells the breaker of a fault that the caller gets as an answer.
var errFault = errors.New("the endpoint has a fault")

func (e Endpoint) policy() policy {
	return policyOf(&Trust{CABundle: e.CABundle, AllowHTTP: e.AllowHTTP, AllowPrivate: e.AllowPrivate})
}

// Validate reports whether the endpoint could be asked at all.
func (e Endpoint) Validate() error {
	if _, err := checkURL(e.URL, e.AllowHTTP); err != nil {
		var failed *fetchError
		if errors.As(err, &failed) {
			return fmt.Errorf("%s: %s", failed.what, failed.fix)
		}
		return err
	}
	_, err := tlsConfig(e.policy(), nil)
	return err
}

// Reply is what an endpoint answered.
type Reply struct {
	Status int
	// Object is the body if the endpoint calls it JSON, and it is an object with
	// unique names; else nil. Numbers are json.Number.
	Object map[string]any
	Body   []byte // as it came
}

// Post sends body to an endpoint under the rules by which providers are asked:
// checked addresses, no redirect followed, bounded time and answer, and a
// breaker for hosts that do not answer. It tries once. Its error says why there
// is no answer, and quotes neither body nor header.
func (v *Verifier) Post(ctx context.Context, e Endpoint, header http.Header, body []byte) (Reply, error) {
	p := e.policy()
	u, err := checkURL(e.URL, e.AllowHTTP)
	if err != nil {
		return Reply{}, err
	}
	ctx, end, err := v.dialogue(ctx)
	if err != nil {
		return Reply{}, err
	}
	defer end()
	k := breakerKey{host: u.Host, policy: p}
	if e.FaultsCount {
		k.address = e.URL
	}
	b := v.fetcher.breaker(k)
	defer b.asking.Add(-1)
	if b.asking.Add(1) > maxAsking {
		return Reply{}, errBusy
	}
	pooled := v.fetcher.pooled(p)
	if pooled.err != nil {
		return Reply{}, pooled.err
	}
	client := &http.Client{Transport: pooled.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var reply Reply
	err = v.fetcher.guarded(ctx, b, u, func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
		if err != nil {
			return &fetchError{what: "address " + explain.ShownText(u.Host+u.Path) + " is not usable", reached: true, fix: "correct the endpoint's address"}
		}
		if header != nil {
			request.Header = header.Clone()
		}
		if request.Header.Get("Accept") == "" {
			request.Header.Set("Accept", "application/json")
		}
		request.Header.Set("User-Agent", "poolhouse")
		response, err := client.Do(request)
		if err != nil {
			return withoutEcho(u, explainTransport(u, err))
		}
		defer response.Body.Close()
		if code := response.StatusCode; code >= 300 && code < 400 {
			return &fetchError{what: fmt.Sprintf("%s answers with a redirect (%d)", explain.ShownText(u.Host+u.Path), code), reached: true,
				fix: "set the endpoint to its final address; redirects are not followed"}
		}
		text, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes+1))
		if err != nil {
			return withoutEcho(u, explainTransport(u, err))
		}
		if len(text) > maxReplyBytes {
			return &fetchError{what: fmt.Sprintf("%s answers with more than %d bytes", explain.ShownText(u.Host+u.Path), maxReplyBytes), reached: true,
				fix: "check the endpoint's address"}
		}
		reply.Status, reply.Body = response.StatusCode, text
		if isJSON(response.Header.Get("Content-Type")) {
			if object, err := parseObject(text, maxReplyDepth); err == nil {
				reply.Object = object
			}
		}
		if e.FaultsCount && reply.Status >= 500 {
			return errFault
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFault) {
		return Reply{}, err
	}
	return reply, nil
}

// FixOf returns what to do about an error of Post or the cause of an
// Unavailable, in plain words; "" when nothing better is known than to retry.
func FixOf(err error) string {
	var failed *fetchError
	if errors.As(err, &failed) {
		return failed.fix
	}
	return ""
}
