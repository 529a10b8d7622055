// Package storetest breaks stores for tests: DamageLog a file, FaultyKeys the answers.
package storetest

import (
	"bytes"
	"os"
	"testing"
)

// DamageLog overwrites the write-ahead log at path behind its header. Its database
// may be open.
func DamageLog(t *testing.T, path string) {
	t.Helper()

	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	const header = 32 // bytes
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xa5}, int(info.Size())-header), header); err != nil {
		t.Fatal(err)
	}
}
