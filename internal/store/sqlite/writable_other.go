//go:build !unix

package sqlite

// mayWrite leaves the question to SQLite, which opens the files next.
func mayWrite(string, bool) error { return nil }

func isReadOnlyFileSystem(error) bool { return false }

func isNoSpace(error) bool { return false }
