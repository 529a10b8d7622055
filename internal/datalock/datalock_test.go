package datalock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"
)

func take(t *testing.T, folder string, h Holder) *Lock {
	t.Helper()
	l, err := Take(t.Context(), folder, Options{Holder: h, NoWait: true})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func release(t *testing.T, l *Lock) {
	t.Helper()
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}

// The folder is held by whatever path it is reached, and whatever happens to the
// lock file and the folder's name.
func TestHeld(t *testing.T) {
	for name, reach := range map[string]func(t *testing.T, folder string) (path string){
		"same path": func(_ *testing.T, folder string) string { return folder },
		"relative path": func(t *testing.T, folder string) string {
			t.Chdir(filepath.Dir(folder))
			return "./x/../" + filepath.Base(folder)
		},
		"symbolic link": func(t *testing.T, folder string) string {
			link := folder + "-link"
			if err := os.Symlink(folder, link); err != nil {
				t.Fatal(err)
			}
			return link
		},
		"folder renamed": func(t *testing.T, folder string) string {
			if err := os.Rename(folder, folder+"-new"); err != nil {
				t.Fatal(err)
			}
			return folder + "-new"
		},
		"lock file deleted": func(t *testing.T, folder string) string {
			if err := os.Remove(filepath.Join(folder, File)); err != nil {
				t.Fatal(err)
			}
			return folder
		},
		"lock file replaced": func(t *testing.T, folder string) string {
			path := filepath.Join(folder, File)
			if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("{}"), 0o600)); err != nil {
				t.Fatal(err)
			}
			return folder
		},
		"lock file emptied": func(t *testing.T, folder string) string {
			if err := os.Truncate(filepath.Join(folder, File), 0); err != nil {
				t.Fatal(err)
			}
			return folder
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			first := take(t, folder, Holder{Command: "first"})

			path := reach(t, folder)
			_, err := Take(t.Context(), path, Options{Holder: Holder{Command: "second"}, NoWait: true})
			held, ok := errors.AsType[*HeldError](err)
			if !ok || !strings.Contains(err.Error(), filepath.Base(path)) {
				t.Fatalf("a second one: %v, want a HeldError that names the folder", err)
			}
			if name == "same path" && held.Holder.Command != "first" {
				t.Errorf("the holder is %+v", held.Holder)
			}

			if err := first.unlock(); err != nil { // as the end of the process does
				t.Fatal(err)
			}
			release(t, take(t, path, Holder{Command: "second"}))
		})
	}
}

func TestHolderFile(t *testing.T) {
	folder := t.TempDir()
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := take(t, folder, Holder{
		Command:     "server",
		Version:     "1.2.3",
		Address:     "127.0.0.1:4599",
		Started:     started,
		StopSeconds: 5,
	})

	path := filepath.Join(folder, File)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var h Holder
	if err := json.Unmarshal(text, &h); err != nil {
		t.Fatal(err)
	}

	host, _ := os.Hostname()
	want := fmt.Sprintf("server, process %d on %s, at 127.0.0.1:4599, version 1.2.3, since 2026-01-02T03:04:05Z",
		os.Getpid(), host)
	if h.String() != want || h.StopSeconds != 5 {
		t.Errorf("the file names %s, want %s", h, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want mode 0600", info, err)
	}

	release(t, l)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the release: %v", err)
	}

	next := take(t, folder, Holder{Command: "next"})
	release(t, l) // which must not end somebody else's
	_, err = Take(t.Context(), folder, Options{NoWait: true})
	if err == nil || !strings.Contains(err.Error(), "next") {
		t.Errorf("beside the next one: %v", err)
	}
	release(t, next)
}

const longHolder = `{"pid":1,"stop_seconds":99999999999}`

var hugeHolder = strings.Repeat(" ", 1<<20) + `{"pid":1,"stop_seconds":25}`

// The second waits as long as the first needs to stop and ten seconds, and tells so.
func TestWait(t *testing.T) {
	for name, test := range map[string]struct {
		content string // of the lock file; "" is the holder's own
		stop    int
		free    time.Duration // when the holder ends; 0 = never
		want    time.Duration
		held    bool
	}{
		"holder ends":             {stop: 5, free: 3*time.Second - poll/2, want: 3 * time.Second},
		"ends at the last moment": {stop: 5, free: 14*time.Second + poll/2, want: 14*time.Second + poll},
		"never ends":              {stop: 5, want: 15 * time.Second, held: true},
		"no lame duck":            {want: 10 * time.Second, held: true},
		"far too long":            {content: longHolder, want: 35 * time.Second, held: true},
		"negative":                {content: `{"pid":1,"stop_seconds":-5}`, want: 10 * time.Second, held: true},
		"not JSON":                {content: `what`, want: 10 * time.Second, held: true},
		"huge":                    {content: hugeHolder, want: 10 * time.Second, held: true},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				first := take(t, folder, Holder{Command: "server", Address: "127.0.0.1:1", StopSeconds: test.stop})
				if test.content != "" {
					if err := os.WriteFile(filepath.Join(folder, File), []byte(test.content), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if test.free > 0 {
					time.AfterFunc(test.free, func() { release(t, first) })
				}

				var log bytes.Buffer
				begin := time.Now()
				second, err := Take(t.Context(), folder, Options{
					Holder: Holder{Command: "second"},
					Logger: slog.New(slog.NewJSONHandler(&log, nil)),
				})
				if waited := time.Since(begin); waited != test.want {
					t.Errorf("waited %v, want %v", waited, test.want)
				}

				if _, held := errors.AsType[*HeldError](err); held != test.held || !held && err != nil {
					t.Errorf("Take: %v", err)
				}

				n := strings.Count(log.String(), "waiting for it to end")
				if n != 1 || !strings.Contains(log.String(), folder) {
					t.Errorf("told %d times:\n%s", n, log.String())
				}

				atMost := `"at_most":"`
				if test.held {
					atMost += test.want.String()
				}
				if !strings.Contains(log.String(), atMost) {
					t.Errorf("the log is without %s:\n%s", atMost, log.String())
				}
				if test.content == "" && !strings.Contains(log.String(), fmt.Sprintf("process %d on", os.Getpid())) {
					t.Errorf("the holder is not named:\n%s", log.String())
				}

				if second != nil {
					release(t, second)
				} else {
					release(t, first)
				}
			})
		})
	}
}

// Attempts that take long, as on a network file system, count as waiting.
func TestSlowAttemptsCount(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		try := func(*flock.Flock) (bool, error) { <-time.After(time.Second); return false, nil }
		begin := time.Now()
		_, err := Take(t.Context(), folder, Options{try: try})
		if _, held := errors.AsType[*HeldError](err); !held {
			t.Errorf("Take: %v", err)
		}
		if waited := time.Since(begin); waited > Grace+time.Second+poll {
			t.Errorf("waited %v, want about %v", waited, Grace)
		}
	})
}

func TestWaitEndsWithTheContext(t *testing.T) {
	folder := t.TempDir()
	first := take(t, folder, Holder{Command: "server"})
	defer release(t, first)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Take(ctx, folder, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Take: %v", err)
	}
}

// Of many that start at once, one has the folder at a time.
func TestMany(t *testing.T) {
	for name, try := range map[string]func(*flock.Flock) (bool, error){
		"folders can be locked": (*flock.Flock).TryLock,
		"only files":            filesOnly,
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			var holding sync.Mutex
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					for range 20 {
						l, err := Take(t.Context(), folder, Options{NoWait: true, try: try})
						if _, held := errors.AsType[*HeldError](err); held {
							continue
						}
						if err != nil {
							t.Error(err)
							return
						}

						if !holding.TryLock() {
							t.Error("two hold the folder")
						}

						holding.Unlock()
						release(t, l)
					}
				})
			}
			group.Wait()
		})
	}
}

// filesOnly is a file system that locks no folders, such as NFS.
func filesOnly(f *flock.Flock) (bool, error) {
	if filepath.Base(f.Path()) != File {
		return false, syscall.EBADF
	}
	return f.TryLock()
}

// A folder that cannot be locked is not served; the message has the path and the cure.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"ENOTSUP":    {err: syscall.ENOTSUP, want: "has no locks"},
		"EOPNOTSUPP": {err: syscall.EOPNOTSUPP, want: "has no locks"},
		"ENOLCK":     {err: syscall.ENOLCK, want: "has no locks"},
		"ENOSYS":     {err: syscall.ENOSYS, want: "has no locks"},
		"EROFS":      {err: &fs.PathError{Op: "open", Err: syscall.EROFS}, want: "mount the file system of"},
		"EACCES":     {err: &fs.PathError{Op: "open", Err: syscall.EACCES}, want: "give the folder and the files"},
		"EIO":        {err: syscall.EIO, want: "locking the data folder by"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			try := func(*flock.Flock) (bool, error) { return false, test.err }
			_, err := Take(t.Context(), folder, Options{try: try})
			if !errors.Is(err, test.err) {
				t.Fatalf("Take: %v", err)
			}

			for _, want := range []string{test.want, filepath.Join(folder, File)} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Take: %v, without %q", err, want)
				}
			}
		})
	}

	if _, err := Take(t.Context(), filepath.Join(t.TempDir(), "none"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, File), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Take(t.Context(), folder, Options{}); err == nil || !strings.Contains(err.Error(), File) {
		t.Errorf("a folder in the lock file's place: %v", err)
	}
}
