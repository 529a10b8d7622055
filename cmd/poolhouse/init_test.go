package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/seal"
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
			file, err := os.Open(os.DevNull)
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
				if out, err := run1(t, append([]string{"keys", "list"}, flags...)...); err != nil || strings.Contains(out, "AKIA") {
					t.Errorf("keys: %s, %v", out, err)
				}

				key := initialised(t, flags...)
				if out, err := run1(t, append([]string{"keys", "list"}, flags...)...); err != nil || !strings.Contains(out, key[0]) {
					t.Errorf("keys after the next init: %s, %v", out, err)
				}
			})
		})
	}
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
		if out, err := run1(t, init...); statusOf(err) != 1 || !strings.Contains(out, key) || !strings.Contains(out, "put your copy back") {
			t.Errorf("without the master key: %v: %s", err, out)
		}
		if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a master key was made: %v", err)
		}

		if _, _, err := seal.LoadOrCreate(key); err != nil {
			t.Fatal(err)
		}
		serve := append([]string{"serve", "--issuer-url", "https://id.example", "--listen", "127.0.0.1:0"}, flags...)
		for _, args := range [][]string{init, serve} {
			if out, err := run1(t, args...); statusOf(err) != 1 || !strings.Contains(out, "master") || !strings.Contains(out, "put your copy back") {
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
