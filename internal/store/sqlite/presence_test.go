package sqlite

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// losses are the ways in which the files of a database get lost under a server.
// back undoes one that can be undone.
var losses = map[string]struct {
	lose, back func(t *testing.T, path string)
}{
	"folder deleted": {lose: func(t *testing.T, path string) { noError(t, os.RemoveAll(filepath.Dir(path))) }},
	"folder moved": {
		lose: func(t *testing.T, path string) { rename(t, filepath.Dir(path), filepath.Dir(path)+"-away") },
		back: func(t *testing.T, path string) { rename(t, filepath.Dir(path)+"-away", filepath.Dir(path)) },
	},
	"folder replaced by an empty one": {
		lose: func(t *testing.T, path string) {
			rename(t, filepath.Dir(path), filepath.Dir(path)+"-away")
			noError(t, os.Mkdir(filepath.Dir(path), 0o700))
		},
		back: func(t *testing.T, path string) {
			noError(t, os.Remove(filepath.Dir(path)))
			rename(t, filepath.Dir(path)+"-away", filepath.Dir(path))
		},
	},
	"database deleted": {lose: func(t *testing.T, path string) { noError(t, os.Remove(path)) }},
	"database moved": {
		lose: func(t *testing.T, path string) { rename(t, path, path+".away") },
		back: func(t *testing.T, path string) { rename(t, path+".away", path) },
	},
	"database replaced by a copy": {
		lose: func(t *testing.T, path string) { replaceByCopy(t, path) },
		back: func(t *testing.T, path string) { rename(t, path+".away", path) },
	},
	"log deleted": {lose: func(t *testing.T, path string) { noError(t, os.Remove(path+"-wal")) }},
	"log moved": {
		lose: func(t *testing.T, path string) { rename(t, path+"-wal", path+"-wal.away") },
		back: func(t *testing.T, path string) { rename(t, path+"-wal.away", path+"-wal") },
	},
	"log replaced":   {lose: func(t *testing.T, path string) { replaceByCopy(t, path+"-wal") }},
	"index deleted":  {lose: func(t *testing.T, path string) { noError(t, os.Remove(path+"-shm")) }},
	"index replaced": {lose: func(t *testing.T, path string) { replaceByCopy(t, path+"-shm") }},
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	noError(t, os.Rename(from, to))
}

func replaceByCopy(t *testing.T, path string) {
	t.Helper()
	in, err := os.ReadFile(path)
	noError(t, err)
	rename(t, path, path+".away")
	noError(t, os.WriteFile(path, in, 0o600))
}

// openLosable opens a database in a folder that may be lost.
func openLosable(t *testing.T) (*notes, *writer) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data", "test.db")
	noError(t, os.Mkdir(filepath.Dir(path), 0o700))
	s := open(t, Options{Path: path, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	return s, s.writer
}

// Nothing is acknowledged into files that are gone, whether they went before a
// commit or in the middle of it.
func TestLostFiles(t *testing.T) {
	for name, loss := range losses {
		t.Run(name+", before a commit", func(t *testing.T) {
			s, w := openLosable(t)
			guest := addNote(t, s)
			loss.lose(t, w.path)
			err := s.add(t.Context(), newID())
			wantError(t, "a write", err, engine.ErrGone)
			if errors.Is(err, engine.ErrIndeterminate) {
				t.Errorf("a write: %v, but it was not begun", err)
			}
			wantError(t, "Probe", s.Probe(t.Context()), engine.ErrGone)
			wantError(t, "Readable", s.Readable(t.Context()), nil)

			if err := s.find(t.Context(), guest); err != nil {
				t.Errorf("reading: %v", err)
			}
			wantFailed(t, s, false)

			if loss.back == nil {
				return
			}
			loss.back(t, w.path)
			addNote(t, s)
			wantError(t, "Probe after it is back", s.Probe(t.Context()), nil)
		})

		t.Run(name+", in the middle of a commit", func(t *testing.T) {
			s, w := openLosable(t)
			commit := w.commit
			w.commit = func(c *connection) error {
				loss.lose(t, w.path)
				return commit(c)
			}

			err := s.add(t.Context(), newID())
			wantError(t, "the write", err, engine.ErrGone)
			wantError(t, "the write", err, engine.ErrIndeterminate)
		})
	}
}

// Lost files are noticed while nobody writes or asks, and end all writing when they
// stay away.
func TestLostFilesAreNoticed(t *testing.T) {
	if presenceInterval > time.Second {
		t.Errorf("the files are looked at every %s, which is too rare for the promised two seconds", presenceInterval)
	}

	for name, loss := range losses {
		t.Run(name, func(t *testing.T) {
			s, w := openLosable(t)
			loss.lose(t, w.path)
			began := time.Now()

			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()

			for {
				w.present.mu.Lock()
				noticed := w.present.err
				w.present.mu.Unlock()
				if noticed != nil {
					break
				}
				if <-tick.C; time.Since(began) > 30*time.Second {
					t.Fatal("not noticed")
				}
			}

			w.present.mu.Lock()
			now := w.present.since
			w.present.now = func() time.Time { return now.Add(goneGrace) }
			w.present.mu.Unlock()

			select {
			case <-s.Failed():
			case <-time.After(30 * time.Second):
				t.Fatal("files that stay away did not end all writing")
			}
			wantFailed(t, s, true)
			wantError(t, "the cause", s.Failure(), engine.ErrGone)
		})
	}
}

// What was acknowledged into a log that is deleted alone is copied into the
// database, which the next start finds.
func TestDeletedLogIsRescued(t *testing.T) {
	s, w := openLosable(t)
	for range 20 {
		addNote(t, s)
	}
	noError(t, os.Remove(w.path+"-wal"))
	w.present.look()

	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()

	for began := time.Now(); ; <-tick.C {
		if l := logOf(t, s); l.frames > 0 && l.copied == l.frames {
			break
		}
		if time.Since(began) > 30*time.Second {
			t.Fatal("the log is not copied")
		}
	}

	copied := filepath.Join(t.TempDir(), "copy.db") // what a new process would find
	in, err := os.ReadFile(w.path)
	noError(t, err)
	noError(t, os.WriteFile(copied, in, 0o600))
	wantNotes(t, open(t, Options{Path: copied}), 20)
}

// A store that ends after its files were replaced leaves the new ones alone.
func TestClosingLeavesReplacedFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "test.db")
	noError(t, os.Mkdir(filepath.Dir(path), 0o700))
	s, err := openNotes(t.Context(), Options{Path: path})
	noError(t, err)
	rename(t, filepath.Dir(path), filepath.Dir(path)+"-away")
	noError(t, os.Mkdir(filepath.Dir(path), 0o700))

	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		noError(t, os.WriteFile(name, []byte("another one's"), 0o600))
	}
	noError(t, s.Close())

	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != "another one's" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// What a probe asks after a fresh commit touches no file: a file system that hangs
// would hang it.
func TestPresentDoesNotWaitForFiles(t *testing.T) {
	s, w := openWriter(t, Options{})
	addNote(t, s)
	hung := make(chan struct{})
	w.present = &presence{
		path:  w.path,
		log:   w.log,
		now:   time.Now,
		files: w.present.files,
		stat: func(path string) (os.FileInfo, error) {
			<-hung
			return os.Stat(path)
		},
	}

	release := sync.OnceFunc(func() { close(hung) })
	defer release()

	watchdog := time.AfterFunc(10*time.Second, release)
	wantError(t, "Present", s.Present(), nil)
	wantError(t, "Failure", s.Failure(), nil)
	if _, ok := s.LastCommit().Since(); !ok || s.LastCommit().Failed() {
		t.Error("the commit is not known")
	}

	if !watchdog.Stop() {
		t.Error("somebody waited for a file")
	}
}
