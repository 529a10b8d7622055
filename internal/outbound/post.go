package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Endpoint is an address that takes requests by POST.
type Endpoint struct {
	URL string
	Policy
	// FaultsCount gives the address its own breaker, which counts a response of
	// status 5xx as a failure. It is for services whose requests are all alike.
	FaultsCount bool
}

// errFault reports a fault to the breaker; the caller gets the response instead.
var errFault = errors.New("the endpoint has a fault")

// Validate reports whether requests could be sent to the endpoint at all.
func (e Endpoint) Validate() error {
	if _, err := CheckURL(e.URL, e.AllowHTTP); err != nil {
		var failed *Error
		if errors.As(err, &failed) {
			return fmt.Errorf("%s: %s", failed.Problem, failed.Fix)
		}
		return err
	}

	_, err := tlsConfig(e.Policy, nil)

	return err
}

// Post sends body to an endpoint, once. Its error gives the reason why there is no
// response, and quotes neither body nor header.
func (c *Client) Post(ctx context.Context, e Endpoint, header http.Header, body []byte) (Response, error) {
	u, err := CheckURL(e.URL, e.AllowHTTP)
	if err != nil {
		return Response{}, err
	}

	ctx, end, err := c.Begin(ctx)
	if err != nil {
		return Response{}, err
	}
	defer end()

	k := breakerKey{host: u.Host, policy: e.Policy}
	if e.FaultsCount {
		k.address = e.URL
	}
	var r Response
	err = c.send(ctx, k, u, func(transport *http.Transport) error {
		r, err = c.post(ctx, transport, u, header, body)
		if err == nil && e.FaultsCount && r.Status >= http.StatusInternalServerError {
			return errFault
		}

		return err
	})
	if err != nil && !errors.Is(err, errFault) {
		return Response{}, err
	}

	return r, nil
}

func (c *Client) post(
	ctx context.Context,
	transport *http.Transport, u *url.URL, header http.Header, body []byte,
) (Response, error) {
	place := u.Host + u.Path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return Response{}, &Error{
			Problem: "address " + explain.ShownText(place) + " is not usable",
			Fix:     "correct the endpoint's address",
			Reached: true,
		}
	}

	if header != nil {
		request.Header = header.Clone()
	}
	if request.Header.Get("Accept") == "" {
		request.Header.Set("Accept", "application/json")
	}
	request.Header.Set("User-Agent", "poolhouse")
	client := &http.Client{Transport: transport, CheckRedirect: noRedirect}
	response, err := c.fault(u).before(ctx, u)
	if err == nil && response == nil {
		response, err = client.Do(request)
	}
	if err != nil {
		return Response{}, withoutEcho(u, explainTransport(u, err))
	}
	defer response.Body.Close()

	if code := response.StatusCode; code >= 300 && code < 400 {
		return Response{}, unusable(place, fmt.Sprintf("answers with a redirect (%d)", code),
			"set the endpoint to its final address; redirects are not followed")
	}

	text, err := readBody(u, place, response, maxResponseBytes, "check the endpoint's address")
	if err != nil {
		return Response{}, withoutEcho(u, err)
	}

	r := Response{Status: response.StatusCode, Body: text}
	if isJSON(response.Header.Get("Content-Type")) {
		if object, err := ParseObject(text, maxResponseDepth); err == nil {
			r.Object = object
		}
	}

	return r, nil
}
