package postgres

import (
	"net"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged sets TCP_USER_TIMEOUT (tcp(7)): keepalives alone do not end a
// connection on which data waits for its acknowledgement.
func limitUnacknowledged(network, _ string, c syscall.RawConn) (err error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	failed := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledged.Milliseconds()))
	})
	if failed != nil {
		return failed
	}

	return err
}

// hasInput looks at the socket without waiting and without taking any bytes.
func hasInput(c net.Conn) bool {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}

	var looked error
	var one [1]byte
	err = raw.Control(func(fd uintptr) {
		_, _, looked = unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})

	return err != nil || looked != unix.EAGAIN
}
