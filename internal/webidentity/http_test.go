package webidentity_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// inMemory returns issuers on a database in memory.
func inMemory(t testing.TB, admit func() bool) (*webidentity.Issuers, *store.Store) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	sealer, err := envelope.New(bytes.Repeat([]byte{7}, envelope.KeySize))
	if err != nil {
		t.Fatal(err)
	}

	return webidentity.New(webidentity.Options{Store: s, Sealer: sealer, URL: server, Admit: admit}), s
}

// get asks for a path.
func get(t testing.TB, i *webidentity.Issuers, path string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	i.Register(mux, func(_ string, h http.Handler) http.Handler { return h })
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))

	return w
}

// While the server is overloaded, made-up IDs do not reach the database; issuers that the node holds are served.
func TestDocumentsOfABusyServer(t *testing.T) {
	busy := false
	i, _ := inMemory(t, func() bool { return !busy })
	url, err := i.Enable(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	const keys = "/.well-known/jwks.json"
	known, unknown := strings.TrimPrefix(url, server)+keys, webidentity.Path+"00000000-0000-4000-8000-000000000000"+keys

	for _, step := range []struct {
		busy           bool
		known, unknown int
	}{
		{false, http.StatusOK, http.StatusNotFound},
		{true, http.StatusOK, http.StatusServiceUnavailable},
	} {
		busy = step.busy
		if got := get(t, i, known); got.Code != step.known {
			t.Errorf("busy %t: a known issuer: %d", busy, got.Code)
		}
		got := get(t, i, unknown)
		if got.Code != step.unknown || got.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("busy %t: an unknown issuer: %d %v", busy, got.Code, got.Header())
		}
	}
}

// A database that does not answer is no missing issuer.
func TestDocumentsWithoutADatabase(t *testing.T) {
	i, s := inMemory(t, nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := get(t, i, webidentity.Path+"00000000-0000-4000-8000-000000000000/.well-known/jwks.json")
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", got.Code, got.Header())
	}
}

// No address but those of the account's issuer has its documents.
func FuzzDocument(f *testing.F) {
	i, _ := inMemory(f, nil)
	url, err := i.Enable(f.Context(), account)
	if err != nil {
		f.Fatal(err)
	}
	documents := []string{url + "/.well-known/openid-configuration", url + "/.well-known/jwks.json"}
	for _, address := range documents {
		f.Add(address)
		f.Add(address + "/")
		f.Add(strings.TrimPrefix(address, server))
	}

	f.Fuzz(func(t *testing.T, address string) {
		body, own, err := i.Document(t.Context(), address)
		want := address == documents[0] || address == documents[1]
		if own != want || own != (body != nil) || err != nil {
			t.Errorf("%q: %t, %d bytes, %v", address, own, len(body), err)
		}
	})
}
