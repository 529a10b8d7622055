//go:build unix

package clilogin

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// currentUser is a variable for tests.
var currentUser = os.Geteuid

// checkOwner refuses what another user owns, who could replace it. Root's files are trusted, and root may have
// the files of anybody, as in a container.
func checkOwner(path string, info fs.FileInfo) error {
	stat, is := info.Sys().(*syscall.Stat_t)
	user := currentUser()
	if !is || user == 0 || stat.Uid == 0 || int(stat.Uid) == user {
		return nil
	}

	return fmt.Errorf("%s belongs to another user (%d), who may have made the sign-in: remove it, and sign in again",
		path, stat.Uid)
}
