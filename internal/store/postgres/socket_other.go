//go:build !linux

package postgres

import (
	"net"
	"syscall"
)

func limitUnacknowledged(string, string, syscall.RawConn) error { return nil }

// hasInput reports what cannot be told without waiting: ResetSession pings a
// connection that was idle for long, and what meets a closed one runs again.
func hasInput(net.Conn) bool { return false }
