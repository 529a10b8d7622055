package devissuer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/poolhouse-id/poolhouse/internal/devissuer"
)

func TestTokenVerifiesFromDiscoveryAlone(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	issuer := devissuer.New(server.URL, "poolhouse-dev", time.Now)
	issuer.Register(mux)

	provider, err := oidc.NewProvider(t.Context(), issuer.URL)
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
		{devissuer.TokenRequest{Subject: "alice", Lifetime: -time.Hour}, "poolhouse-dev", true},
	} {
		token, err := issuer.Token(t.Context(), test.request)
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
	issuer := devissuer.New("http://127.0.0.1:1", "a", time.Now)
	for name, r := range map[string]devissuer.TokenRequest{
		"no subject":     {},
		"long subject":   {Subject: strings.Repeat("s", 256)},
		"long life":      {Subject: "a", Lifetime: 25 * time.Hour},
		"reserved claim": {Subject: "a", Claims: map[string]any{"iss": "x"}},
		"bad claim":      {Subject: "a", Claims: map[string]any{"c": func() {}}},
	} {
		if token, err := issuer.Token(t.Context(), r); !errors.Is(err, devissuer.ErrRequest) {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
	if key := issuer.LoginKey(); key != "127.0.0.1:1/dev-issuer" {
		t.Errorf("LoginKey = %q", key)
	}
}
