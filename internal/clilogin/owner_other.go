//go:build !unix

package clilogin

import "io/fs"

// checkOwner does nothing: folders of Windows inherit the permissions of the user's profile.
func checkOwner(string, fs.FileInfo) error { return nil }
