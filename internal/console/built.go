//go:build !noconsole

package console

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the built console; nil in a program that was built with the tag noconsole.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil { // only for a name that is no path
		return nil
	}
	return files
}
