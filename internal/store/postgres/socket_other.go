//go:build !linux

package postgres

import (
	"net"
	"syscall"
)

func limitUnacknowledged(string, string, syscall.RawConn) error { return nil }

// hasInput returns false, because it cannot look without waiting. Instead,
// ResetSession pings a connection that was idle for long, and work that meets a
// closed one runs again.
func hasInput(net.Conn) bool { return false }
