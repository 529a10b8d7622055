package idtoken

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// However many providers come by, a bounded number is held, and those that gave
// way are asked again.
func TestProvidersHeldAreBounded(t *testing.T) {
	i := logintest.NewIssuer(t)
	i.Answer("/", nil)

	client := outbound.New(outbound.Options{})
	defer client.Close()

	v := New(client, time.Now)

	v.keySets = outbound.NewBounded[keySetKey, *keySet](3)
	trust := Rule{Provider: "p", Issuers: []string{i.URL}, Audiences: []string{logintest.Audience},
		Policy: outbound.Policy{AllowHTTP: true, AllowPrivate: true}}
	token := i.Token(nil)
	for n := range 20 {
		path := fmt.Sprintf("/keys-%d", n%10)
		i.Answer(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(i.KeySet()) })
		trust.JWKSURL = i.URL + path
		if _, err := v.Verify(t.Context(), &trust, token); err != nil {
			t.Fatal(err)
		}
		if held := v.keySets.Len(); held > 3 {
			t.Fatalf("%d key sets are held, want at most 3", held)
		}
	}
	if n := i.Requests(); n != 20 {
		t.Errorf("%d fetches, want 20", n)
	}
}

// New's own bounds hold for key sets and discovery documents.
func TestProvidersHeldByDefault(t *testing.T) {
	client := outbound.New(outbound.Options{})
	defer client.Close()

	v := New(client, time.Now)
	for n := range outbound.MaxHosts + 10 {
		issuer := fmt.Sprintf("https://issuer-%d.test", n)
		v.keySet(issuer, outbound.Policy{})
		v.discovery(&Rule{Issuers: []string{issuer}}, outbound.Policy{})
	}
	if sets, documents := v.keySets.Len(), v.discoveries.Len(); sets != outbound.MaxHosts ||
		documents != outbound.MaxHosts {
		t.Errorf("%d key sets and %d discovery documents are held, want %d", sets, documents, outbound.MaxHosts)
	}
}

// Refusing what is too large or too dotted costs next to nothing.
func TestRefusingLargeTokensIsCheap(t *testing.T) {
	client := outbound.New(outbound.Options{})
	defer client.Close()

	v := New(client, time.Now)
	trust := Rule{Provider: "p", Issuers: []string{"https://issuer.test"}, Audiences: []string{"a"}}
	for name, token := range map[string]string{"8 MiB": strings.Repeat("a", 8<<20),
		"dots": strings.Repeat(".", DefaultMaxTokenBytes), "a million dots": strings.Repeat(".", 1_000_000)} {
		allocations := testing.AllocsPerRun(10, func() {
			if _, err := v.Verify(t.Context(), &trust, token); err == nil {
				t.Fatal("accepted")
			}
		})
		if allocations > 20 {
			t.Errorf("%s: %.0f allocations", name, allocations)
		}
	}
}
