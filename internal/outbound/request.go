package outbound

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Bounds on the response to one request.
const (
	maxResponseBytes = 64 << 10
	maxResponseDepth = 8
)

// Request is a GET for JSON about one login. Neither it nor its response is kept,
// and no error quotes its query or header.
type Request struct {
	BaseURL       string
	Path          string // appended to BaseURL
	Query         url.Values
	Authorization string // the header; "" sends none
	Once          bool   // if set, not even the HTTP client may repeat it
}

// Response is the part of a host's response that callers use.
type Response struct {
	Status int
	// Object is the body if its content type is JSON and it is an object with unique
	// names; else nil. Numbers are json.Number.
	Object map[string]any
	Body   []byte // unchanged; only Post sets it
}

// Unusable returns the error for a response that neither proves nor refuses
// anything. In its text, what follows the status.
func (r *Response) Unusable(what, fix string) error {
	return &Error{
		Problem: fmt.Sprintf("the provider answers with status %d %s", r.Status, what),
		Fix:     fix,
		Reached: true,
	}
}

// Get sends a request once. The response of any status holds a JSON object;
// without one, or with a contradictory one, Get returns an error.
func (c *Client) Get(ctx context.Context, p Policy, q Request) (Response, error) {
	u, err := CheckURL(q.BaseURL+q.Path, p.AllowHTTP)
	if err != nil {
		return Response{}, err
	}
	u.RawQuery = q.Query.Encode()

	var r Response
	err = c.send(ctx, breakerKey{host: u.Host, policy: p}, u, func(transport *http.Transport) error {
		header := http.Header{}
		if q.Authorization != "" {
			header.Set("Authorization", q.Authorization)
		}

		response, err := c.fault(u).before(ctx, u)
		if err == nil && response == nil {
			response, err = roundTrip(ctx, transport, u, header, q.Once)
		}
		if err != nil {
			return withoutEcho(u, err)
		}
		defer response.Body.Close()

		r, err = readResponse(u, response)

		return err
	})
	if err == nil && r.Status == http.StatusOK && (r.Object["error"] != nil || r.Object["errors"] != nil) {
		return Response{}, r.Unusable("and an error in it", "an answer that contradicts itself proves nothing: "+
			"look at the provider's state, and at its address in the settings")
	}

	return r, err
}

// readResponse reads a JSON object from a response of any status: providers explain their
// refusals in JSON too. Errors name host and path only.
func readResponse(u *url.URL, response *http.Response) (Response, error) {
	place := u.Host + u.Path
	const address = "check the provider's base_url in the settings: no login provider answers so"

	switch code := response.StatusCode; {
	case code >= 300 && code < 400:
		return Response{}, unusable(place, fmt.Sprintf("answers with a redirect (%d)", code),
			"set the provider's base_url to its final address; redirects are not followed")
	case code == http.StatusTooManyRequests:
		return Response{}, unusable(place, "answers that it was asked too often (429)",
			"wait, or raise the application's rate limit at the provider")
	case code >= 500:
		return Response{}, unusable(place, fmt.Sprintf("answers with status %d", code),
			"try again; the provider has a fault")
	}

	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return Response{}, unusable(place, "answers compressed though not asked to", address)
	}
	if !isJSON(response.Header.Get("Content-Type")) {
		return Response{}, unusable(place,
			fmt.Sprintf("answers with status %d in something else than JSON", response.StatusCode), address)
	}

	body, err := readBody(u, place, response, maxResponseBytes, address)
	if err != nil {
		return Response{}, withoutEcho(u, err)
	}
	object, err := ParseObject(body, maxResponseDepth)
	if err != nil {
		return Response{}, unusable(place, "answers with "+err.Error(), address)
	}

	return Response{Status: response.StatusCode, Object: object}, nil
}

// readBody reads the body of a response from place, which has at most limit bytes. fix is
// the advice about a larger one.
func readBody(u *url.URL, place string, response *http.Response, limit int64, fix string) ([]byte, error) {
	tooLarge := unusable(place, fmt.Sprintf("answers with more than %d bytes", limit), fix)
	if response.ContentLength > limit {
		return nil, tooLarge
	}

	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return nil, explainTransport(u, err)
	case int64(len(body)) > limit:
		return nil, tooLarge
	}

	return body, nil
}

// isJSON reports whether a media type stands for JSON. Facebook sometimes sends that
// of a script, and AWS's APIs have special ones.
func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "text/javascript" ||
		media == "application/x-amz-json-1.0" || media == "application/x-amz-json-1.1" ||
		strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"))
}
