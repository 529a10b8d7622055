package outbound

import (
	"context"
	"crypto/sha1" //nolint:gosec // thumbprints are SHA-1
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// local is the policy for servers of tests.
var local = Policy{AllowHTTP: true, AllowPrivate: true}

// answering is a server whose response has a status, a header and a body.
func answering(t *testing.T, status int, header, body string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if name, value, set := strings.Cut(header, ": "); set {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		if f, ok := w.(http.Flusher); ok && len(body) > 4096 {
			f.Flush() // a long body comes without its length
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)

	return server
}

func newClient(t *testing.T) *Client {
	t.Helper()
	c := New(Options{})
	t.Cleanup(c.Close)

	return c
}

// wantProblem fails the test unless err has the problem, a fix, and reports a living host.
func wantProblem(t *testing.T, err error, problem string) {
	t.Helper()
	var failed *Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Problem, problem) || failed.Fix == "" || !failed.Reached {
		t.Errorf("%+v, want the problem %q", err, problem)
	}
}

// A published document is taken only whole, in JSON, and from its own address.
func TestDocuments(t *testing.T) {
	const asJSON = "Content-Type: application/json"

	for name, test := range map[string]struct {
		status               int
		header, body, refuse string // refuse "" = taken
	}{
		"JSON":            {200, asJSON, "{}", ""},
		"text":            {200, "Content-Type: text/plain; charset=utf-8", "{}", ""},
		"key set":         {200, "Content-Type: application/jwk-set+json", "{}", ""},
		"page":            {200, "Content-Type: text/html", "{}", "content type text/html"},
		"redirect":        {302, "Location: /elsewhere", "", "redirect (302)"},
		"not found":       {404, asJSON, "{}", "status 404"},
		"fault":           {503, asJSON, "{}", "status 503"},
		"unasked 304":     {304, "", "", "redirect (304)"},
		"compressed":      {200, "Content-Encoding: gzip", "{}", "compressed"},
		"just not long":   {200, asJSON, strings.Repeat(" ", maxDocumentBytes), ""},
		"long":            {200, asJSON, strings.Repeat(" ", maxDocumentBytes+1), "more than 1048576 bytes"},
		"long, by header": {200, "Content-Length: 1048577", "", "more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			server := answering(t, test.status, test.header, test.body)
			document := NewPublished(newClient(t), server.URL, local, func(body []byte) (int, error) {
				return len(body), nil
			})

			e, err := document.Get(t.Context(), time.Now())
			if test.refuse != "" {
				wantProblem(t, err, test.refuse)
				return
			}

			if err != nil || e.Value != len(test.body) {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

// A response about a login is taken only whole, as a JSON object, and without a
// contradiction. No error repeats the query.
func TestResponses(t *testing.T) {
	const asJSON = "Content-Type: application/json"

	for name, test := range map[string]struct {
		status               int
		header, body, refuse string // refuse "" = taken
	}{
		"object":        {200, asJSON, `{"a":1}`, ""},
		"refusal":       {400, asJSON, `{"error":"x"}`, ""},
		"script":        {200, "Content-Type: text/javascript", `{"a":1}`, ""},
		"page":          {200, "Content-Type: text/html", `{"a":1}`, "something else than JSON"},
		"list":          {200, asJSON, `[1]`, "answers with "},
		"name twice":    {200, asJSON, `{"a":1,"a":2}`, "answers with "},
		"redirect":      {307, "Location: /elsewhere", "", "redirect (307)"},
		"too often":     {429, asJSON, "{}", "too often"},
		"fault":         {500, asJSON, "{}", "status 500"},
		"compressed":    {200, "Content-Encoding: br", `{"a":1}`, "compressed"},
		"contradiction": {200, asJSON, `{"error":"x"}`, "and an error in it"},
		"long": {200, asJSON, `{"a":"` + strings.Repeat("b", maxResponseBytes) + `"}`,
			"more than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			server := answering(t, test.status, test.header, test.body)
			r, err := newClient(t).Get(t.Context(), local, Request{
				BaseURL: server.URL,
				Path:    "/me",
				Query:   url.Values{"token": {"canary"}},
			})

			if test.refuse != "" {
				wantProblem(t, err, test.refuse)
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("the error repeats the query: %v", err)
				}
				return
			}

			if err != nil || r.Status != test.status || r.Object == nil {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// A policy decides which addresses and certificates are accepted, before any byte is sent.
func TestPolicyOfRequests(t *testing.T) {
	asked := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{}`))
	})
	plain := httptest.NewServer(handler)
	defer plain.Close()

	secure := httptest.NewTLSServer(handler)
	defer secure.Close()

	root := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	sum := sha1.Sum(secure.Certificate().Raw) //nolint:gosec // see the import
	pin := hex.EncodeToString(sum[:])

	for name, test := range map[string]struct {
		server *httptest.Server
		policy Policy
		refuse string // "" = accepted
	}{
		"http allowed":      {plain, local, ""},
		"http":              {plain, Policy{AllowPrivate: true}, "is not https"},
		"private address":   {plain, Policy{AllowHTTP: true}, "no address that may be asked"},
		"own CA":            {secure, Policy{AllowPrivate: true, CABundle: root}, ""},
		"unknown CA":        {secure, Policy{AllowPrivate: true}, "does not verify"},
		"no CA":             {secure, Policy{AllowPrivate: true, CABundle: "x"}, "holds no certificate"},
		"own CA, right pin": {secure, Policy{AllowPrivate: true, CABundle: root, Pinned: true, Pins: "00," + pin}, ""},
		"own CA, other pin": {
			secure, Policy{AllowPrivate: true, CABundle: root, Pinned: true, Pins: "00"}, "another certificate",
		},
		"right pin, unknown CA": {secure, Policy{AllowPrivate: true, Pinned: true, Pins: pin}, "does not verify"},
		"no pins": {
			secure, Policy{AllowPrivate: true, CABundle: root, Pinned: true}, "another certificate",
		},
	} {
		t.Run(name, func(t *testing.T) {
			asked = 0
			_, err := newClient(t).Get(context.Background(), test.policy, Request{BaseURL: test.server.URL})
			if test.refuse == "" {
				if err != nil || asked != 1 {
					t.Errorf("%v, %d requests", err, asked)
				}
				return
			}
			wantProblem(t, err, test.refuse)
			if asked != 0 {
				t.Errorf("%d requests came through", asked)
			}
		})
	}
}
