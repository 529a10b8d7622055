package issuer

import (
	"os"

	"golang.org/x/sys/unix"
)

// signingNice is by how much threads that sign give way to the others of the process: a
// third of their share. With much less, a flood of clients that do not wait after a
// refusal would keep all processors busy with refusals.
const signingNice = 5

// lowerPriority has the thread of the caller give way to others. It never fails: a
// thread may always be nicer than it is.
func lowerPriority() { _ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), signingNice) }

// isMainThread reports whether the caller runs on the thread that the process began with.
func isMainThread() bool { return unix.Gettid() == os.Getpid() }
