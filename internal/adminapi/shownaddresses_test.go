package adminapi_test

import (
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Whoever tests a provider by its name does not learn the address that the server resolves the name to.
func TestTestProviderTellsNoAddress(t *testing.T) {
	w := wiretest.StartTenants(t, nil)
	closed := httptest.NewServer(nil)
	_, port, err := net.SplitHostPort(closed.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	for _, issuer := range []string{"https://localhost:" + port, "http://localhost:" + port} {
		got := w.Administer(t, wiretest.HomeAccount, "TestProvider", `{"Issuer":"`+issuer+`"}`)
		if !strings.Contains(got.Body, `"Passed":false`) {
			t.Errorf("%s: %d %s", issuer, got.Status, got.Body)
		}
		for _, address := range []string{"127.0.0.1", "::1"} {
			if strings.Contains(got.Body, address) {
				t.Errorf("%s tells %s: %s", issuer, address, got.Body)
			}
		}
	}
}
