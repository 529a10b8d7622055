package wholebody_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/wholebody"
)

// base answers each request with a body, and tells whether that was read and closed.
type base struct {
	body   io.Reader
	closed bool
	idle   bool
}

func (b *base) RoundTrip(*http.Request) (*http.Response, error) {
	if b.body == nil {
		return nil, errors.ErrUnsupported
	}
	return &http.Response{StatusCode: http.StatusTeapot, Body: b}, nil
}

func (b *base) Read(p []byte) (int, error) { return b.body.Read(p) }
func (b *base) Close() error               { b.closed = true; return nil }
func (b *base) CloseIdleConnections()      { b.idle = true }

func TestTransport(t *testing.T) {
	text := strings.NewReader("whole")
	b := &base{body: text}
	client := &http.Client{Transport: wholebody.Transport{Base: b}}
	response, err := client.Get("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if !b.closed || text.Len() != 0 {
		t.Errorf("closed: %v, %d bytes are unread", b.closed, text.Len())
	}
	if body, err := io.ReadAll(response.Body); string(body) != "whole" || err != nil || response.StatusCode != 418 {
		t.Errorf("%d %q, %v", response.StatusCode, body, err)
	}

	client.CloseIdleConnections()
	if !b.idle {
		t.Error("idle connections stay open")
	}
}

func TestErrors(t *testing.T) {
	cut := io.MultiReader(strings.NewReader("ha"), cutReader{})
	for name, b := range map[string]*base{"no response": {}, "half a response": {body: cut}} {
		client := &http.Client{Transport: wholebody.Transport{Base: b}}
		response, err := client.Get("http://127.0.0.1:1")
		if err == nil {
			_ = response.Body.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// cutReader is a body whose connection is lost.
type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
