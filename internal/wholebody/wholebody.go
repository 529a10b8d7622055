// Package wholebody lets AWS SDKs call a server in their own process. Start at Transport.
package wholebody

import (
	"bytes"
	"io"
	"net/http"
)

// Transport reads the body of each response to its end before its caller, an SDK, sees the response. The SDK
// closes the request's body as soon as there is a response. If that comes before net/http has looked for the end
// of the request's body, which can happen within one process, the connection is lost while the response is only
// half read. It has no bound: the server is the test's own.
type Transport struct {
	Base http.RoundTripper // sends the requests
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.Base.RoundTrip(r)
	if err != nil {
		return nil, err
	}

	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))

	return response, nil
}

// CloseIdleConnections closes the idle connections of Base (http.Client.CloseIdleConnections).
func (t Transport) CloseIdleConnections() {
	if base, can := t.Base.(interface{ CloseIdleConnections() }); can {
		base.CloseIdleConnections()
	}
}
