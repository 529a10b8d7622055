package main

import (
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A server that crashes while nobody reads its log ends, with the runtime's status; one
// whose log is read tells where it was. SIGQUIT has the runtime do what a panic does.
func TestCrashDoesNotWait(t *testing.T) {
	for _, command := range []string{"serve", "dev"} {
		for _, read := range []bool{true, false} {
			t.Run(fmt.Sprint(command, " read ", read), func(t *testing.T) {
				p := newUnread(t)
				args, url := serverArguments(t, command, "json")
				cmd := launchInto(t, p.writer, p.writer, args...)
				waitReady(t, url)
				if read {
					if _, err := io.CopyN(io.Discard, p.reader, int64(p.filled)); err != nil {
						t.Fatal(err)
					}
					p.filled = 0
					p.read()
				}
				if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
					t.Fatal(err)
				}

				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				select {
				case err := <-ended:
					if statusOf(err) != 2 {
						t.Errorf("ended with %v", err)
					}
				case <-time.After(20 * time.Second):
					t.Fatal("the crash waits for a reader")
				}
				if !read {
					return
				}
				printed := strings.Join(p.lines(t), "")
				if !strings.Contains(printed, "SIGQUIT: quit") || !strings.Contains(printed, ".serveUntil(") {
					t.Errorf("printed %.300q", printed)
				}
			})
		}
	}
}
