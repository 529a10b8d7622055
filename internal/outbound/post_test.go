package outbound_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

func TestPost(t *testing.T) {
	client := outbound.New(outbound.Options{Timeout: time.Second})
	defer client.Close()

	var seen atomic.Pointer[http.Request]
	release := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r)

		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusTemporaryRedirect)
		case "/large":
			_, _ = w.Write([]byte(strings.Repeat(" ", 100_000)))
		case "/text":
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html>"))
		case "/slow":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		default: // /media/type answers with that type
			w.Header().Set("Content-Type", strings.TrimPrefix(r.URL.Path, "/"))
			_, _ = w.Write([]byte(`{"a":1}`))
		}
	}))
	t.Cleanup(web.Close)
	t.Cleanup(func() { close(release) })

	at := func(path string) outbound.Endpoint {
		return outbound.Endpoint{URL: web.URL + path, Policy: outbound.Policy{AllowHTTP: true, AllowPrivate: true}}
	}
	for media, isJSON := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "application/x-amz-json-1.1": true,
		"application/problem+json": true,
		"text/html":                false, "text/plain": false, "application/octet-stream": false,
		"application/jwt": false,
		"json":            false,
	} {
		response, err := client.Post(t.Context(), at("/"+media), nil, nil)
		if err != nil || (response.Object != nil) != isJSON || string(response.Body) != `{"a":1}` {
			t.Errorf("Post to an endpoint that answers with %s = %+v, %v", media, response, err)
		}
	}

	response, err := client.Post(t.Context(), at("/application/json"), http.Header{"X-Test": {"1"}}, []byte("body"))
	if err != nil || response.Status != 200 || len(response.Object) != 1 || seen.Load().Header.Get("X-Test") != "1" ||
		seen.Load().Method != http.MethodPost {
		t.Errorf("Post = %+v, %v", response, err)
	}
	response, err = client.Post(t.Context(), at("/text"), nil, nil)
	if err != nil || response.Status != 502 || response.Object != nil {
		t.Errorf("Post to an endpoint that answers no JSON = %+v, %v", response, err)
	}
	public := at("/")

	public.AllowPrivate = false
	secure := at("/")
	secure.AllowHTTP = false

	for name, e := range map[string]outbound.Endpoint{
		"redirect": at("/redirect"), "too large": at("/large"), "slow": at("/slow"), "private address": public,
		"http":   secure,
		"no URL": {URL: "::"}, "no certificates": {URL: "https://idp.example", Policy: outbound.Policy{CABundle: "x"}},
	} {
		if response, err := client.Post(t.Context(), e, nil, []byte("secret")); err == nil {
			t.Errorf("%s: Post = %+v", name, response)
		} else if outbound.FixOf(err) == "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, fix %q", name, err, outbound.FixOf(err))
		}
	}

	for name, e := range map[string]outbound.Endpoint{"http": secure, "no URL": {},
		"no certificates": {URL: "https://idp.example", Policy: outbound.Policy{CABundle: "x"}}} {
		if e.Validate() == nil {
			t.Errorf("Validate accepts %s", name)
		}
	}

	if err := at("/").Validate(); err != nil {
		t.Error(err)
	}
	client.Close()
	if _, err := client.Post(t.Context(), at("/"), nil, nil); err == nil {
		t.Error("a closed client sends")
	}
}
