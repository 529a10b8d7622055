//go:build unix

// Package logsinktest has what benchmarks of logs write to, and the time they take.
package logtest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// File returns a file that is appended to.
func File(b *testing.B) io.Writer {
	b.Helper()
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	return f
}

// Pipe returns a pipe to a process that reads it. It blocks as standard error does,
// so it is not one of Go's poller.
func Pipe(b *testing.B) io.Writer {
	b.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	writer.Fd() // has it block

	cat := exec.CommandContext(b.Context(), "sh", "-c", "cat > /dev/null")
	cat.Stdin = reader
	if err := cat.Start(); err != nil {
		b.Fatal(err)
	}
	_ = reader.Close()
	b.Cleanup(func() {
		_ = writer.Close()
		_ = cat.Wait()
	})

	return writer
}

// ProcessorTime returns the processor time that this process has used.
func ProcessorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
