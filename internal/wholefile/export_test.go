package wholefile

import "testing"

// SyncFolders calls f in place of what writes the names in a folder to disk.
func SyncFolders(t *testing.T, f func(path string) error) {
	original := syncFolder
	syncFolder = f
	t.Cleanup(func() { syncFolder = original })
}
