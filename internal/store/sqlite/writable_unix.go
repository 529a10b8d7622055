//go:build unix

package sqlite

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// mayWrite asks the kernel, which knows modes, access lists and read-only mounts.
// It must not open the files: closing them would drop the locks that another store
// of this process has on them.
func mayWrite(path string, folder bool) error {
	mode := uint32(unix.R_OK | unix.W_OK)
	if folder {
		mode |= unix.X_OK
	}
	return unix.Faccessat(unix.AT_FDCWD, path, mode, unix.AT_EACCESS)
}

func isReadOnlyFileSystem(err error) bool { return errors.Is(err, syscall.EROFS) }

// isNoSpace reports whether a full disk or an exceeded quota is the cause.
func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
