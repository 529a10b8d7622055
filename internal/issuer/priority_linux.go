package issuer

import (
	"os"

	"golang.org/x/sys/unix"
)

// signingNice is how much signing threads give way to the other threads of the process:
// they get a third of a full share. With much less than 5, clients that do not wait after
// a refusal could keep all processors busy with refusals.
const signingNice = 5

// lowerPriority makes the caller's thread give way to others. It never fails, because
// every thread may lower its own priority.
func lowerPriority() { _ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), signingNice) }

// isMainThread reports whether the caller runs on the process's first thread.
func isMainThread() bool { return unix.Gettid() == os.Getpid() }
