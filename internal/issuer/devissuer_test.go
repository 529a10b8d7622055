package issuer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

func newDevIssuer(t *testing.T, url, keyFile string) *issuer.DevIssuer {
	t.Helper()
	dev, err := issuer.NewDevIssuer(url, "poolhouse-dev", keyFile, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func TestTokenVerifiesFromDiscoveryAlone(t *testing.T) {
	mux := http.NewServeMux()

	server := httptest.NewServer(mux)
	defer server.Close()

	dev := newDevIssuer(t, server.URL, "")
	dev.Register(mux)

	provider, err := oidc.NewProvider(t.Context(), dev.URL)
	if err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		request issuer.DevTokenRequest
		aud     string
		refused bool
	}{
		{issuer.DevTokenRequest{Subject: "alice", Claims: map[string]any{"email": "a@b.c"}}, "poolhouse-dev", false},
		{issuer.DevTokenRequest{Subject: "alice", Audience: "other"}, "other", false},
		{issuer.DevTokenRequest{Subject: "alice", Audience: "other"}, "poolhouse-dev", true},
		{issuer.DevTokenRequest{Subject: "alice", ExpiresIn: -3600}, "poolhouse-dev", true},
	} {
		token, err := dev.Token(t.Context(), test.request)
		if err != nil {
			t.Fatal(err)
		}
		verified, err := provider.Verifier(&oidc.Config{ClientID: test.aud}).Verify(t.Context(), token)
		if refused := err != nil; refused != test.refused {
			t.Errorf("%+v for %s: %v", test.request, test.aud, err)
		} else if !refused && verified.Subject != "alice" {
			t.Errorf("subject = %q", verified.Subject)
		}
	}
}

func TestTokenRefusals(t *testing.T) {
	dev := newDevIssuer(t, "http://127.0.0.1:1", "")
	for name, r := range map[string]issuer.DevTokenRequest{
		"no subject":     {},
		"long subject":   {Subject: strings.Repeat("s", 256)},
		"long life":      {Subject: "a", ExpiresIn: 25 * 3600},
		"reserved claim": {Subject: "a", Claims: map[string]any{"iss": "x"}},
		"bad claim":      {Subject: "a", Claims: map[string]any{"c": func() {}}},
	} {
		if token, err := dev.Token(t.Context(), r); !errors.Is(err, issuer.ErrDevRequest) {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}

	if key := dev.LoginKey(); key != "127.0.0.1:1/dev-issuer" {
		t.Errorf("LoginKey = %q", key)
	}
}

// TestDevKeyIsKept checks that a development issuer keeps its key in its file, and that each new
// key has another ID: a verifier that has cached the old key must not take the new one for it.
func TestDevKeyIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), issuer.DevKeyFile)
	keyID := func(keyFile string) string {
		t.Helper()
		dev := newDevIssuer(t, "http://127.0.0.1:1", keyFile)
		token, err := dev.Token(t.Context(), issuer.DevTokenRequest{Subject: "a"})
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}

		return parsed.Signatures[0].Header.KeyID
	}

	first, again := keyID(file), keyID(file)
	if first == "" || again != first {
		t.Errorf("the key IDs are %q and %q", first, again)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info, err)
	}

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{first: true}
	for _, keyFile := range []string{file, "", ""} {
		id := keyID(keyFile)
		if seen[id] {
			t.Errorf("a new key has the ID %s of an older one", id)
		}
		seen[id] = true
	}
}

func TestDevKeyFilesThatHaveNone(t *testing.T) {
	good := filepath.Join(t.TempDir(), issuer.DevKeyFile)
	if _, err := newDevIssuer(t, "http://127.0.0.1:1", good).Token(t.Context(),
		issuer.DevTokenRequest{Subject: "a"}); err != nil { // waits for the key
		t.Fatal(err)
	}
	kept, err := os.ReadFile(good)
	if err != nil || !strings.Contains(string(kept), `"use":"sig"`) ||
		!strings.Contains(string(kept), `"alg":"RS256"`) {
		t.Fatalf("the key is %s, %v", kept, err)
	}

	for name, text := range map[string]string{
		"empty":       "",
		"not JSON":    "key",
		"public":      `{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}`,
		"symmetric":   `{"kty":"oct","kid":"k","k":"c2VjcmV0"}`,
		"no key here": `{}`,
		"encryption":  strings.Replace(string(kept), `"use":"sig"`, `"use":"enc"`, 1),
		"algorithm":   strings.Replace(string(kept), `"alg":"RS256"`, `"alg":"RSA-OAEP"`, 1),
	} {
		file := filepath.Join(t.TempDir(), issuer.DevKeyFile)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := issuer.NewDevIssuer("http://127.0.0.1:1", "a", file, time.Now)
		if !errors.Is(err, issuer.ErrDevKey) || !strings.Contains(err.Error(), "delete the file for a new key") {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A pipe has no end until somebody closes it.
	pipe := filepath.Join(t.TempDir(), issuer.DevKeyFile)
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = issuer.NewDevIssuer("http://127.0.0.1:1", "a", pipe, time.Now)
	if !errors.Is(err, issuer.ErrDevKey) || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a pipe: %v", err)
	}
}
