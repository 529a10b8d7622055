//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// isNullDevice reports whether a file is the null device, under any name: containers and chroots
// have their own nodes for it.
func isNullDevice(info fs.FileInfo) bool {
	if info.Mode()&fs.ModeCharDevice == 0 {
		return false
	}

	null, err := os.Stat(os.DevNull)
	if err != nil {
		return false
	}

	a, isUnix := info.Sys().(*syscall.Stat_t)
	b, areUnix := null.Sys().(*syscall.Stat_t)

	return isUnix && areUnix && a.Rdev == b.Rdev
}
