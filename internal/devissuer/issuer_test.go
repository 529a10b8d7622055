package devissuer_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/devissuer"
)

func newIssuer(t *testing.T, url, keyFile string) *devissuer.Issuer {
	t.Helper()
	dev, err := devissuer.New(url, "poolhouse-dev", keyFile, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func TestTokenVerifiesFromDiscoveryAlone(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	defer server.Close()

	dev := newIssuer(t, "http://"+server.Listener.Addr().String(), "")
	server.Config.Handler = mounted(dev.Routes())
	server.Start()

	provider, err := oidc.NewProvider(t.Context(), dev.URL)
	if err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		request devissuer.TokenRequest
		aud     string
		refused bool
	}{
		{devissuer.TokenRequest{Subject: "alice", Claims: map[string]any{"email": "a@b.c"}}, "poolhouse-dev", false},
		{devissuer.TokenRequest{Subject: "alice", Audience: "other"}, "other", false},
		{devissuer.TokenRequest{Subject: "alice", Audience: "other"}, "poolhouse-dev", true},
		{devissuer.TokenRequest{Subject: "alice", ExpiresIn: -3600}, "poolhouse-dev", true},
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
	dev := newIssuer(t, "http://127.0.0.1:1", "")
	for name, r := range map[string]devissuer.TokenRequest{
		"no subject":     {},
		"long subject":   {Subject: strings.Repeat("s", 256)},
		"long life":      {Subject: "a", ExpiresIn: 25 * 3600},
		"reserved claim": {Subject: "a", Claims: map[string]any{"iss": "x"}},
		"bad claim":      {Subject: "a", Claims: map[string]any{"c": func() {}}},
	} {
		if token, err := dev.Token(t.Context(), r); !errors.Is(err, devissuer.ErrRequest) {
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
	file := filepath.Join(t.TempDir(), devissuer.KeyFile)
	keyID := func(keyFile string) string {
		t.Helper()
		dev := newIssuer(t, "http://127.0.0.1:1", keyFile)
		token, err := dev.Token(t.Context(), devissuer.TokenRequest{Subject: "a"})
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
	good := filepath.Join(t.TempDir(), devissuer.KeyFile)
	if _, err := newIssuer(t, "http://127.0.0.1:1", good).Token(t.Context(),
		devissuer.TokenRequest{Subject: "a"}); err != nil { // waits for the key
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
		file := filepath.Join(t.TempDir(), devissuer.KeyFile)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := devissuer.New("http://127.0.0.1:1", "a", file, time.Now, nil)
		if !errors.Is(err, devissuer.ErrKey) || !strings.Contains(err.Error(), "delete the file for a new key") {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A pipe has no end until somebody closes it.
	pipe := filepath.Join(t.TempDir(), devissuer.KeyFile)
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = devissuer.New("http://127.0.0.1:1", "a", pipe, time.Now, nil)
	if !errors.Is(err, devissuer.ErrKey) || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a pipe: %v", err)
	}
}

// TestDevIssuerRemembersItsName checks that an issuer with another URL than at the last start tells
// the former one, once, and keeps its key.
func TestDevIssuerRemembersItsName(t *testing.T) {
	file := filepath.Join(t.TempDir(), devissuer.KeyFile)
	const first, second = "http://127.0.0.1:4599", "http://poolhouse:4599"
	var keys string
	for n, test := range []struct{ url, former string }{
		{first, ""},
		{first, ""},
		{second, first + devissuer.Path},
		{second, ""},
		{first, second + devissuer.Path},
	} {
		dev := newIssuer(t, test.url, file)
		if dev.Former != test.former {
			t.Errorf("start %d: the former issuer is %q, want %q", n, dev.Former, test.former)
		}

		body, own, err := dev.Document(t.Context(), test.url+"/dev-issuer/jwks")
		if err != nil || !own || keys != "" && string(body) != keys {
			t.Errorf("start %d: the keys are %s, %t, %v, before %s", n, body, own, err, keys)
		}
		keys = string(body)
	}

	// A file of an earlier version has the key alone.
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	delete(members, "poolhouse_issuer")
	if text, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if dev := newIssuer(t, second, file); dev.Former != "" {
		t.Errorf("an old file tells the former issuer %q", dev.Former)
	}
}

// TestDevDocuments checks that an issuer has documents only at its own URLs.
func TestDevDocuments(t *testing.T) {
	dev := newIssuer(t, "http://poolhouse:4599", "")
	for _, address := range []string{
		"http://poolhouse:4599/dev-issuer", "http://poolhouse:4599/dev-issuer/jwks?x",
		"https://poolhouse:4599/dev-issuer/jwks", "http://poolhouse:4598/dev-issuer/jwks",
		"http://poolhouse.evil.example:4599/dev-issuer/jwks", "/jwks", "",
	} {
		if body, own, err := dev.Document(t.Context(), address); own || body != nil || err != nil {
			t.Errorf("%q: %s, %t, %v", address, body, own, err)
		}
	}

	body, own, err := dev.Document(t.Context(), "http://poolhouse:4599/dev-issuer/.well-known/openid-configuration")
	if err != nil || !own || !strings.Contains(string(body), `"jwks_uri":"http://poolhouse:4599/dev-issuer/jwks"`) {
		t.Errorf("discovery: %s, %t, %v", body, own, err)
	}
}
