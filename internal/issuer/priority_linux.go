package issuer

import (
	"os"

	"golang.org/x/sys/unix"
)

// signingNice is by how much threads that sign give way to the others of the process.
const signingNice = 10

// lowerPriority has the thread of the caller give way to others. It never fails: a
// thread may always be nicer than it is.
func lowerPriority() { _ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), signingNice) }

// isMainThread reports whether the caller runs on the thread that the process began with.
func isMainThread() bool { return unix.Gettid() == os.Getpid() }
