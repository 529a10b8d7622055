package main

import (
	"database/sql"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
)

// eachDatabase are the flags that name a new database of each kind.
func eachDatabase(t *testing.T, test func(t *testing.T, flags []string)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, []string{"--data", filepath.Join(t.TempDir(), "data")})
	})
	t.Run("postgresql", func(t *testing.T) {
		test(t, []string{"--database", pgtest.URL(t), "--master-key-file", filepath.Join(t.TempDir(), "master.key")})
	})
}

func statusOf(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}

// The statuses tell scripts what a database is; several may initialise it at once.
func TestInitStatuses(t *testing.T) {
	t.Parallel()

	eachDatabase(t, func(t *testing.T, flags []string) {
		serve := append([]string{"serve", "--issuer-url", "https://id.example", "--listen", "127.0.0.1:0"}, flags...)
		out, err := run1(t, serve...)
		if statusOf(err) != 4 || !strings.Contains(out, "poolhouse init ") || strings.Contains(out, "Account ") {
			t.Errorf("serve before: status %d: %s", statusOf(err), out)
		}

		for _, path := range flags {
			if _, err := os.Stat(path); strings.HasPrefix(path, "/") && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("serve made %s: %v", path, err)
			}
		}

		statuses := make([]int, 3)
		var group sync.WaitGroup
		for n := range statuses {
			group.Go(func() {
				out, err := run1(t, append([]string{"init"}, flags...)...)
				statuses[n] = statusOf(err)
				if shown := strings.Contains(out, "AWS_SECRET_ACCESS_KEY="); shown != (err == nil) {
					t.Errorf("status %d: %s", statuses[n], out)
				}
			})
		}

		group.Wait()
		slices.Sort(statuses)
		if !slices.Equal(statuses, []int{0, 3, 3}) {
			t.Errorf("init thrice at once: statuses %v", statuses)
		}
	})
}

// A key that nobody has seen is not left behind.
func TestInitThatCannotShowTheKey(t *testing.T) {
	t.Parallel()

	for name, output := range map[string]func(t *testing.T) *os.File{
		"full disk": func(t *testing.T) *os.File {
			file, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			return file
		},
		"closed pipe": func(t *testing.T) *os.File {
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := reader.Close(); err != nil {
				t.Fatal(err)
			}
			return writer
		},
		"not writable": func(t *testing.T) *os.File {
			file, err := os.Open("init_test.go")
			if err != nil {
				t.Fatal(err)
			}
			return file
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, flags []string) {
				stdout := output(t)
				defer stdout.Close()

				var stderr strings.Builder
				cmd := exec.CommandContext(t.Context(), "poolhouse", append([]string{"init"}, flags...)...)
				cmd.Stdout, cmd.Stderr = stdout, &stderr
				err := cmd.Run()
				if statusOf(err) != 1 || !strings.Contains(stderr.String(), "could not be shown and was deleted") {
					t.Errorf("init: %v: %s", err, stderr.String())
				}

				if out, err := run1(t, append([]string{"keys", "list"}, flags...)...); err != nil ||
					strings.Contains(out, "AKIA") {
					t.Errorf("keys: %s, %v", out, err)
				}

				key := initialised(t, flags...)
				if out, err := run1(t, append([]string{"keys", "list"}, flags...)...); err != nil ||
					!strings.Contains(out, key.id) {
					t.Errorf("keys after the next init: %s, %v", out, err)
				}
			})
		})
	}
}

// An output that swallows the key is refused before anything is made.
func TestOutputThatSwallowsTheKey(t *testing.T) {
	t.Parallel()

	for name, redirect := range map[string]string{
		"closed":      ">&-",
		"null device": ">/dev/null",
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, flags []string) {
				line := append([]string{"-c", `exec poolhouse "$@" ` + redirect, "sh", "init"}, flags...)
				out, err := exec.CommandContext(t.Context(), "sh", line...).CombinedOutput()
				if statusOf(err) != 1 || !strings.Contains(string(out), "standard output, which would show the key") {
					t.Errorf("init: status %d: %s", statusOf(err), out)
				}

				for _, path := range flags {
					if _, err := os.Stat(path); strings.HasPrefix(path, "/") && !errors.Is(err, os.ErrNotExist) {
						t.Errorf("init made %s: %v", path, err)
					}
				}
				initialised(t, flags...)

				line = append(line[:3:3], append([]string{"keys", "create"}, flags...)...)
				out, err = exec.CommandContext(t.Context(), "sh", line...).CombinedOutput()
				if statusOf(err) != 1 || !strings.Contains(string(out), "standard output, which would show the key") {
					t.Errorf("keys create: status %d: %s", statusOf(err), out)
				}
				if out, err := run1(t, append([]string{"keys", "list"}, flags...)...); err != nil ||
					strings.Count(out, "AKIA") != 1 {
					t.Errorf("keys: %s, %v", out, err)
				}
			})
		})
	}
}

// What is at the data folder's path is told apart, with the cure, and left as it is.
func TestWhatIsNoDataFolder(t *testing.T) {
	t.Parallel()

	write := func(name, text string) func(t *testing.T, data string) {
		return func(t *testing.T, data string) {
			err := errors.Join(os.MkdirAll(data, 0o700), os.WriteFile(filepath.Join(data, name), []byte(text), 0o600))
			if err != nil {
				t.Fatal(err)
			}
		}
	}

	for name, test := range map[string]struct {
		prepare     func(t *testing.T, data string)
		below       string // the data folder is this below data
		serve, init int
		wantServe   []string
		wantInit    []string
	}{
		"mount point of a missing mount": {
			prepare:   func(t *testing.T, data string) { mustDo(t, os.Mkdir(data, 0o755), os.Chmod(data, 0o755)) },
			serve:     4,
			init:      1,
			wantServe: []string{"not initialised", "no volume or mount is missing"},
			wantInit:  []string{"chmod 700"},
		},
		"mount point with something else in it": {
			prepare: func(t *testing.T, data string) {
				write("lost+found", "")(t, data)
				mustDo(t, os.Chmod(data, 0o755))
			},
			serve:     4,
			init:      1,
			wantServe: []string{"not initialised"},
			wantInit:  []string{"chmod 700"},
		},
		"open folder with a master key": {
			prepare: func(t *testing.T, data string) {
				write("master.key", "")(t, data)
				mustDo(t, os.Chmod(data, 0o755))
			},
			serve:     1,
			init:      1,
			wantServe: []string{"chmod 700"},
			wantInit:  []string{"chmod 700"},
		},
		"write-ahead log without its database": {
			prepare:   write("poolhouse.db-wal", "acknowledged writes"),
			serve:     1,
			init:      1,
			wantServe: []string{"poolhouse.db-wal", "poolhouse.db is not", "put the database file back"},
			wantInit:  []string{"poolhouse.db-wal", "poolhouse.db is not", "put the database file back"},
		},
		"write-ahead log of an emptied database": {
			prepare: func(t *testing.T, data string) {
				write("poolhouse.db-wal", "acknowledged writes")(t, data)
				write("poolhouse.db", "")(t, data)
			},
			serve:     1,
			init:      1,
			wantServe: []string{"poolhouse.db-wal", "put the database file back"},
			wantInit:  []string{"poolhouse.db-wal", "put the database file back"},
		},
		"file": {
			prepare:   func(t *testing.T, data string) { mustDo(t, os.WriteFile(data, []byte("x"), 0o644)) },
			serve:     1,
			init:      1,
			wantServe: []string{"is a file and not a folder"},
			wantInit:  []string{"is a file and not a folder"},
		},
		"dangling link": {
			prepare:   func(t *testing.T, data string) { mustDo(t, os.Symlink("/nowhere/else", data)) },
			serve:     4,
			init:      1,
			wantServe: []string{"is a link to /nowhere/else"},
			wantInit:  []string{"is a link to /nowhere/else"},
		},
		"folder below a dangling link": {
			prepare:   func(t *testing.T, data string) { mustDo(t, os.Symlink("/nowhere/else", data)) },
			below:     "below",
			serve:     4,
			init:      1,
			wantServe: []string{"is a link to /nowhere/else"},
			wantInit:  []string{"is a link to /nowhere/else"},
		},
		"garbage": {
			prepare:   write("poolhouse.db", strings.Repeat("garbage ", 1000)),
			serve:     74,
			init:      74,
			wantServe: []string{"poolhouse.db", "restore the newest backup"},
			wantInit:  []string{"poolhouse.db", "restore the newest backup"},
		},
		"a few bytes of garbage": {
			prepare:   write("poolhouse.db", "garbage"),
			serve:     74,
			init:      74,
			wantServe: []string{"poolhouse.db", "restore the newest backup"},
			wantInit:  []string{"poolhouse.db", "restore the newest backup"},
		},
		"database of another program": {
			prepare:   foreignDatabase,
			serve:     1,
			init:      1,
			wantServe: []string{"poolhouse.db is the database of another program", "albums"},
			wantInit:  []string{"poolhouse.db is the database of another program", "albums"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			test.prepare(t, data)
			before, _ := os.ReadDir(data)
			flags := []string{"--data", filepath.Join(data, test.below)}

			want := func(what string, status int, words []string, args ...string) {
				t.Helper()
				out, err := run1(t, append(args, flags...)...)
				if statusOf(err) != status {
					t.Errorf("%s: status %d, want %d: %s", what, statusOf(err), status, out)
				}

				for _, word := range words {
					if !strings.Contains(out, word) {
						t.Errorf("%s: %s, without %q", what, out, word)
					}
				}
				if after, _ := os.ReadDir(data); len(after) != len(before) {
					t.Errorf("%s: %v became %v", what, before, after)
				}
			}

			key := filepath.Join(t.TempDir(), "master.key")
			mustDo(t, os.WriteFile(key, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600))
			serve := []string{"serve", "--issuer-url", "https://id.example", "--listen", "127.0.0.1:0"}
			want("serve", test.serve, test.wantServe, serve...)
			want("serve with a key elsewhere", test.serve, test.wantServe, append(serve, "--master-key-file", key)...)
			if test.serve != 74 && name != "database of another program" {
				want("serve without its key", test.serve, test.wantServe,
					append(serve, "--master-key-file", key+".none")...)
			}

			want("init", test.init, test.wantInit, "init")
		})
	}
}

func mustDo(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// foreignDatabase makes a data folder with another program's database, which keeps a
// version of its schema too.
func foreignDatabase(t *testing.T, data string) {
	t.Helper()
	mustDo(t, os.Mkdir(data, 0o700))
	db, err := sql.Open("sqlite", filepath.Join(data, "poolhouse.db"))
	mustDo(t, err)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE albums (name TEXT); CREATE TABLE schema_version (n INTEGER)`)
	mustDo(t, err, db.Close(), os.Chmod(filepath.Join(data, "poolhouse.db"), 0o600))
}

// The command line that serve proposes holds no password, however the database is
// named, and is one that a shell takes.
func TestInitCommandLineHoldsNoSecret(t *testing.T) {
	for name, database := range map[string]string{
		"URL":                 "postgres://poolhouse:hunter2@db/poolhouse",
		"URL with parameters": "postgres://db/poolhouse?user=a&password=hunter2",
		"both":                "postgres://a:hunter2@db/poolhouse?sslpassword=hunter2",
		"keywords":            "host=db user=a password=hunter2",
		"quoted keyword":      "host=db password='hunter2 and more'",
		"unparsable":          "postgres://a:hunter2@db:port/%zz\x00",
		"no scheme":           "a:hunter2@db/poolhouse",
	} {
		t.Run(name, func(t *testing.T) {
			c := serveCommand()
			if err := c.ParseFlags([]string{"--database", database, "--master-key-file", "my key"}); err != nil {
				t.Fatal(err)
			}

			got := initCommandLine(c)
			if strings.Contains(got, "hunter2") {
				t.Errorf("the password is in %s", got)
			}
			if !strings.Contains(got, ` init --database "$POOLHOUSE_DATABASE" --master-key-file 'my key'`) {
				t.Errorf("the command is %s", got)
			}
		})
	}

	c := serveCommand()
	if err := c.ParseFlags([]string{"--data", "here"}); err != nil {
		t.Fatal(err)
	}
	if got := initCommandLine(c); !strings.HasSuffix(got, " init --data here") {
		t.Errorf("the command is %s", got)
	}
}

// What no server would start on is not called initialised.
func TestInitWithoutTheMasterKey(t *testing.T) {
	t.Parallel()

	eachDatabase(t, func(t *testing.T, flags []string) {
		initialised(t, flags...)
		key := flags[len(flags)-1]
		if flags[0] == "--data" {
			key = filepath.Join(key, "master.key")
		}
		if err := os.Rename(key, key+".copy"); err != nil {
			t.Fatal(err)
		}

		init := append([]string{"init"}, flags...)
		if out, err := run1(t, init...); statusOf(err) != 1 || !strings.Contains(out, key) ||
			!strings.Contains(out, "put your copy back") {
			t.Errorf("without the master key: %v: %s", err, out)
		}
		if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a master key was made: %v", err)
		}

		if _, _, err := envelope.LoadOrCreate(key); err != nil {
			t.Fatal(err)
		}

		serve := append([]string{"serve", "--issuer-url", "https://id.example", "--listen", "127.0.0.1:0"}, flags...)
		for _, args := range [][]string{init, serve} {
			if out, err := run1(t, args...); statusOf(err) != 1 || !strings.Contains(out, "master") ||
				!strings.Contains(out, "put your copy back") {
				t.Errorf("%s with another master key: %v: %s", args[0], err, out)
			}
		}

		if err := os.Rename(key+".copy", key); err != nil {
			t.Fatal(err)
		}
		if out, err := run1(t, init...); statusOf(err) != 3 {
			t.Errorf("with the right master key: %v: %s", err, out)
		}
	})
}
