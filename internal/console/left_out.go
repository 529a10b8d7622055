//go:build noconsole

package console

import "io/fs"

// Files returns the built console; nil in a program that was built with the tag noconsole.
func Files() fs.FS { return nil }
