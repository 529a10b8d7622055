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
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Pool modes of PgBouncer: when it gives a client's connection to the server to another client.
const (
	SessionPooling     = "session"
	TransactionPooling = "transaction"
)

// pgBouncer is where Debian has the program, which is in no user's PATH.
const pgBouncer = "/usr/sbin/pgbouncer"

// poolerSettings is the whole configuration, for a database, PostgreSQL's folder, its own folder and a pool mode.
const poolerSettings = `[databases]
%[1]s = host=%[2]s dbname=%[1]s user=postgres
[pgbouncer]
unix_socket_dir = %[3]s
listen_port = 6432
auth_type = any
pool_mode = %[4]s
default_pool_size = 60
`

// superviseBouncer is a shell script. It runs PgBouncer until its standard input ends, as supervise does.
const superviseBouncer = `
"$1" "$2/settings" </dev/null >"$2/log" 2>&1 &
pooler=$!
read -r never
kill -TERM $pooler
wait $pooler
rm -rf "$2"
`

// PgBouncer starts a PgBouncer in front of the server of a URL of this package, and
// returns the URL with it in the server's place. It ends with the test. Where PgBouncer
// is not installed the test fails.
func PgBouncer(tb testing.TB, of, mode string) string {
	tb.Helper()
	u, err := url.Parse(of)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(pgBouncer); err != nil {
		tb.Fatalf("install the Debian package pgbouncer: %v", err)
	}
	dir, err := os.MkdirTemp("", "bouncer") // a short path, as for the server
	if err != nil {
		tb.Fatal(err)
	}

	q := u.Query()
	settings := fmt.Sprintf(poolerSettings, strings.TrimPrefix(u.Path, "/"), q.Get("host"), dir, mode)
	if err := os.WriteFile(filepath.Join(dir, "settings"), []byte(settings), 0o600); err != nil {
		tb.Fatal(err)
	}
	owner, err := serverOwner()
	if err == nil && owner != nil {
		err = errors.Join(os.Chown(dir, int(owner.Uid), int(owner.Gid)),
			os.Chown(filepath.Join(dir, "settings"), int(owner.Uid), int(owner.Gid)))
	}
	if err != nil {
		tb.Fatal(err)
	}

	supervisor := exec.Command("/bin/sh", "-c", superviseBouncer, "sh", pgBouncer, dir)
	supervisor.Dir = dir
	supervisor.SysProcAttr = &syscall.SysProcAttr{Credential: owner, Setpgid: true}
	lifeline, err := supervisor.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = lifeline.Close()
		_ = supervisor.Wait()
	})

	q.Set("host", dir)
	q.Set("port", "6432")
	u.RawQuery = q.Encode()
	if err := awaitPooler(tb.Context(), u.String()); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		tb.Fatalf("PgBouncer did not start: %v\n%s", err, bytes.TrimSpace(log))
	}

	return u.String()
}

// awaitPooler tries to connect until a statement is answered, for at most 30 seconds.
func awaitPooler(ctx context.Context, of string) error {
	db, err := sql.Open("pgx", of)
	if err != nil {
		return err
	}
	defer db.Close()

	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()

	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}

		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}
