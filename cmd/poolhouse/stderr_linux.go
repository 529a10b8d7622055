package main

import (
	"io/fs"
	"os"
	"syscall"
)

// freeCrashes makes Go's runtime print a crash without waiting for a reader. It
// prints to descriptor 2, which becomes another opening of a pipe there, one that
// refuses what it has no room for. Everything else goes on writing as before, by
// os.Stderr. What cannot be opened again, such as another user's pipe, stays.
func freeCrashes() {
	info, err := os.Stderr.Stat()
	if err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return
	}
	impatient, err := syscall.Open("/proc/self/fd/2", syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(impatient)

	kept, err := syscall.Dup(syscall.Stderr)
	if err != nil {
		return
	}
	syscall.CloseOnExec(kept)
	os.Stderr = os.NewFile(uintptr(kept), os.Stderr.Name())
	_ = syscall.Dup3(impatient, syscall.Stderr, 0) // else it stays as it was
}
