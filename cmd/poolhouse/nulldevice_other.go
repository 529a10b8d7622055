//go:build !unix

package main

import (
	"io/fs"
	"os"
)

// isNullDevice reports whether a file is the null device.
func isNullDevice(info fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}
