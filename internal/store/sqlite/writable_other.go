//go:build !unix

package sqlite

// mayWrite allows everything: SQLite opens the files next and finds out.
func mayWrite(string, bool) error { return nil }

func isReadOnlyFileSystem(error) bool { return false }

func isNoSpace(error) bool { return false }
