// Package pgtest gives tests a real PostgreSQL. Each test process has its own server,
// from the binaries installed on the machine, in a temporary folder, reachable only
// by a socket in it. The server stops and its folder is removed when the test process
// ends, however it ends. Start at URL.
package pgtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx
)

// SkipVariable names the environment variable that, set to 1, makes tests that
// need PostgreSQL skip, visibly, where it is not installed.
const SkipVariable = "POOLHOUSE_SKIP_POSTGRES"

// errNotInstalled differs from the error of a server that does not start.
var errNotInstalled = errors.New(
	"PostgreSQL's initdb and postgres were found neither in PATH nor in /usr/lib/postgresql/*/bin; " +
		"install the Debian package postgresql, or set " + SkipVariable + "=1 to skip these tests")

// URL returns the URL of a fresh, empty database, dropped when the test ends.
// Its collation is a natural language's, so that code fails that relies on byte
// order without asking for it.
//
// The server names a standby that does not exist and commits locally by default
// (synchronous_commit = local). A test that wants commits to wait without end
// runs ALTER DATABASE … SET synchronous_commit = on.
//
// The server of tests runs without fsync, because its data need not outlive the
// machine; the server of benchmarks runs with it.
//
// Where PostgreSQL is not installed the test fails, or skips if SkipVariable is 1.
func URL(tb testing.TB) string {
	tb.Helper()

	shared := forTests
	if _, ok := tb.(*testing.B); ok {
		shared = forBenchmarks
	}
	s, err := shared()
	if errors.Is(err, errNotInstalled) && os.Getenv(SkipVariable) == "1" {
		tb.Skipf("SKIPPED WITHOUT POSTGRESQL, nothing was tested: %v", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	name, err := s.create()
	if err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(func() {
		if err := s.run(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			tb.Errorf("dropping database: %v", err)
		}
	})

	return s.url(name)
}

// Database is URL for programs that are not tests: with the server of benchmarks. The database goes when the program
// ends.
func Database() (address string, err error) {
	s, err := forBenchmarks()
	if err != nil {
		return "", err
	}
	name, err := s.create()

	return s.url(name), err
}

// create makes an empty database.
func (s *server) create() (name string, err error) {
	name = fmt.Sprintf("test_%d", s.databases.Add(1))
	if err := s.run(`CREATE DATABASE ` + name +
		` ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C' TEMPLATE template0`); err != nil {
		return "", fmt.Errorf("creating database: %w", err)
	}

	return name, nil
}

// server is a running PostgreSQL.
type server struct {
	dir       string
	admin     *sql.DB
	databases atomic.Int64
	lifeline  *os.File // open as long as this process lives; when it closes, the server stops
}

var (
	forTests      = sync.OnceValues(func() (*server, error) { return start("off") })
	forBenchmarks = sync.OnceValues(func() (*server, error) { return start("on") })
)

func (s *server) url(database string) string {
	q := url.Values{"host": {s.dir}, "user": {"postgres"}, "sslmode": {"disable"}}
	return "postgres:///" + database + "?" + q.Encode()
}

func (s *server) run(statement string) error {
	_, err := s.admin.ExecContext(context.Background(), statement)
	return err
}

// supervise is a shell script. It runs the server until its standard input ends,
// which happens when this process ends, and then cleans up.
const supervise = `
"$1" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=300 -c timezone=UTC \
	-c synchronous_standby_names=absent -c synchronous_commit=local -c fsync="$3" </dev/null >"$2/log" 2>&1 &
server=$!
read -r never
kill -INT $server
wait $server
rm -rf "$2"
`

func start(fsync string) (*server, error) {
	initdb, postgres, err := binaries()
	if err != nil {
		return nil, err
	}
	owner, err := serverOwner()
	if err != nil {
		return nil, err
	}

	dir, err := os.MkdirTemp("", "pgtest") // a short path: a socket's has at most 107 bytes
	if err != nil {
		return nil, err
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}

	s := &server{dir: dir}
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(name, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "LC_ALL=C", "HOME="+dir)
		// Its own process group: an interrupt from the keyboard ends the test, and the
		// end of the test then stops the server in an orderly way.
		c.SysProcAttr = &syscall.SysProcAttr{Credential: owner, Setpgid: true}
		return c
	}

	out, err := command(initdb, "-D", filepath.Join(dir, "data"), "-U", "postgres", "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}

	stdin, lifeline, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	supervisor := command("/bin/sh", "-c", supervise, "sh", postgres, dir, fsync)
	supervisor.Stdin = stdin
	if err := supervisor.Start(); err != nil {
		return nil, err
	}

	s.lifeline = lifeline
	if err := stdin.Close(); err != nil {
		return nil, err
	}

	return s, s.wait()
}

// wait tries to connect until the server answers, for at most 60 seconds.
func (s *server) wait() (err error) {
	if s.admin, err = sql.Open("pgx", s.url("postgres")); err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()

	for {
		err := s.admin.PingContext(ctx)
		if err == nil {
			return nil
		}

		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, bytes.TrimSpace(log))
		}
	}
}

// binaries finds initdb and postgres in PATH or where Debian keeps them; there it
// takes the newest version.
func binaries() (initdb, postgres string, err error) {
	initdb, err1 := exec.LookPath("initdb")
	postgres, err2 := exec.LookPath("postgres")
	if err1 == nil && err2 == nil {
		return initdb, postgres, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", "", errNotInstalled
	}

	newest, version := "", -1
	for _, path := range found {
		if v, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))); err == nil && v > version {
			newest, version = path, v
		}
	}
	if newest == "" {
		return "", "", errNotInstalled
	}

	return newest, filepath.Join(filepath.Dir(newest), "postgres"), nil
}

// serverOwner returns the user that runs the server: PostgreSQL refuses to run as root.
func serverOwner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root and there is no user postgres: %w", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)

	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}
