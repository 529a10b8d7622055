package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Server is a PostgreSQL for one test alone, which may stop and freeze it.
type Server struct {
	*server
	tb testing.TB
}

// NewServer starts a server like those of URL, and ends it with the test.
func NewServer(tb testing.TB) *Server {
	tb.Helper()
	s, err := start("off")
	if errors.Is(err, errNotInstalled) && os.Getenv(SkipVariable) == "1" {
		tb.Skipf("SKIPPED WITHOUT POSTGRESQL, nothing was tested: %v", err)
	}
	if err != nil {
		tb.Fatal(err)
	}

	own := &Server{server: s, tb: tb}
	tb.Cleanup(func() {
		own.Thaw() // a frozen server would not stop
		if err := errors.Join(s.admin.Close(), s.lifeline.Close()); err != nil {
			tb.Error(err)
		}
	})

	return own
}

// URL returns the URL of its database postgres.
func (s *Server) URL() string { return s.url("postgres") }

// Socket returns the path of its socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// Freeze stops all its processes (SIGSTOP): the kernel accepts connections, and
// nothing answers.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets all its processes go on.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) {
	s.tb.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	if err != nil {
		s.tb.Fatal(err)
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	postmaster, err := strconv.Atoi(string(first))
	if err != nil {
		s.tb.Fatal(err)
	}

	// The postmaster first, so that no child is missed.
	for _, pid := range append([]int{postmaster}, s.children(postmaster)...) {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			s.tb.Fatalf("signal to PostgreSQL's process %d: %v", pid, err)
		}
	}
}

// children returns the processes that the postmaster started.
func (s *Server) children(postmaster int) (pids []int) {
	s.tb.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		s.tb.Fatalf("processes cannot be listed: %v", err)
	}

	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the process has ended
		}

		// The format is pid (name) state ppid … (proc(5)); the name may hold anything.
		_, rest, _ := bytes.Cut(text, []byte(") "))
		var state string
		var parent int
		if _, err := fmt.Sscan(string(rest), &state, &parent); err != nil || parent != postmaster {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}

	return pids
}
