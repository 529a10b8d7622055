package issuer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

func TestTokenVerifiesFromDiscoveryAlone(t *testing.T) {
	mux := http.NewServeMux()

	server := httptest.NewServer(mux)
	defer server.Close()

	dev := issuer.NewDevIssuer(server.URL, "poolhouse-dev", time.Now)
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
	dev := issuer.NewDevIssuer("http://127.0.0.1:1", "a", time.Now)
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
