// Package listentest gives tests addresses for programs that must be told their address.
// Start at FreeAddress.
package listentest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// The ports lie below those that systems give to outgoing connections and to listeners on
// port 0 (from 32768 on Linux, 49152 elsewhere). Otherwise any connection on the machine
// could get one before the program listens on it, or between its end and its next start.
const (
	firstPort = 10_000
	ports     = 20_000
)

// next starts at random, because test processes run side by side.
var next atomic.Uint32

func init() { next.Store(rand.Uint32N(ports)) }

// FreeAddress returns a loopback address that nothing listens on. A process gets each
// address once.
func FreeAddress(tb testing.TB) string {
	tb.Helper()

	for range ports {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+next.Add(1)%ports)
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			tb.Fatal(err)
		}

		return address
	}

	tb.Fatal("every port is taken")

	return ""
}
