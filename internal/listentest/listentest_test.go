package listentest

import (
	"net"
	"testing"
)

func TestFreeAddress(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		address := FreeAddress(t)
		if seen[address] {
			t.Errorf("%s came twice", address)
		}
		seen[address] = true

		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()

		if port := listener.Addr().(*net.TCPAddr).Port; port < firstPort || port >= firstPort+ports {
			t.Errorf("port %d", port)
		}
	}
}
