package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteEngine is SQLite in WAL mode: one connection that writes, owned by the
// writer, one that copies the write-ahead log back, and several that read. In
// memory there is one connection for all.
type sqliteEngine struct {
	readDB, copyDB, writeDB *sql.DB
	readers                 *sessions
	writer                  *writer
	inMemory                bool
}

// sqliteBusy is how long a statement waits for another process's lock: the
// command line may write to the file that a server has open.
const sqliteBusy = 5 * time.Second

// sqliteDSN is the address of a database file. synchronous=FULL makes a commit
// wait for its fsync; it is what acknowledged rests on. The write-ahead log is
// copied back beside the writer from 94 MiB on (checkpointer), by the writer as
// well from 250 MiB on: identity IDs are random, so the same pages are written again and
// again, and each copy serves more of them; a longer log makes finding pages in it
// dearer than that saves. Connections that read cache 16 MiB each. The one that
// writes caches 4 MiB: a split of an index page has SQLite go through the whole
// cache at the commit (it renumbers pages by way of a number past the database's
// end, and pages past the end are sought and dropped), which costs more than reading
// pages again.
func sqliteDSN(path string, readOnly bool) string {
	pragmas := []string{
		fmt.Sprintf("busy_timeout(%d)", sqliteBusy.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		"trusted_schema(OFF)", "cell_size_check(ON)",
		"wal_autocheckpoint(64000)", "journal_size_limit(134217728)",
	}
	if readOnly {
		pragmas = append(pragmas, "query_only(ON)", "cache_size(-16384)")
	} else {
		pragmas = append(pragmas, "cache_size(-4096)")
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path // C:/… on Windows
	}
	return u.String()
}

func openSQLite(ctx context.Context, o Options, c *cache, commits *histogram) (_ *sqliteEngine, err error) {
	e := &sqliteEngine{inMemory: o.Path == ""}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.closeDBs())
		}
	}()
	if e.inMemory {
		e.writeDB, err = sql.Open("sqlite", "file::memory:?_pragma=foreign_keys(ON)")
		if err != nil {
			return nil, err
		}
	} else {
		path, err := filepath.Abs(o.Path)
		if err != nil {
			return nil, err
		}
		if err := createFile(path); err != nil {
			return nil, fmt.Errorf("creating the database file: %w", err)
		}
		if e.writeDB, err = sql.Open("sqlite", sqliteDSN(path, false)); err != nil {
			return nil, err
		}
		if e.copyDB, err = sql.Open("sqlite", sqliteDSN(path, false)); err != nil {
			return nil, err
		}
		if e.readDB, err = sql.Open("sqlite", sqliteDSN(path, true)); err != nil {
			return nil, err
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			o.Logger.Warn("other users can read the database file", "path", path, "mode", info.Mode().Perm(), "fix", "chmod 600 "+path)
		}
	}
	e.writeDB.SetMaxOpenConns(1)
	if _, err := migrate(ctx, e.writeDB, goose.DialectSQLite3); err != nil {
		return nil, fmt.Errorf("opening SQLite database %q: %w", o.Path, err)
	}

	writing, err := openSessions(ctx, e.writeDB, 1)
	if err != nil {
		return nil, err
	}
	e.readers = writing
	e.writer = &writer{
		sessions: writing,
		cache:    c,
		log:      o.Logger,
		queue:    make(chan *request, o.WriteQueue),
		commits:  commits,
	}
	if !e.inMemory {
		if e.readers, err = openSessions(ctx, e.readDB, o.ReadConns); err != nil {
			writing.close()
			return nil, err
		}
		copying, err := openSessions(ctx, e.copyDB, 1)
		if err != nil {
			e.closeSessions()
			return nil, err
		}
		e.writer.checkpoints = newCheckpointer(copying, o.Logger, e.writer.halt)
	}
	if err := e.writer.start(!e.inMemory); err != nil {
		e.closeSessions()
		return nil, err
	}
	return e, nil
}

// createFile creates the database file if it is absent, readable by its owner
// alone, and makes its name durable. SQLite gives its side files the same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

func (e *sqliteEngine) name() string { return "sqlite" }

func (e *sqliteEngine) ping(ctx context.Context) error {
	if err := e.writer.stopped(); err != nil {
		return err
	}
	return e.read(ctx, func(q querier) error {
		_, err := collect(q, scanInt, "SELECT 1")
		return err
	})
}

func (e *sqliteEngine) read(ctx context.Context, fn func(querier) error) error {
	s, err := e.readers.take(ctx)
	if err != nil {
		return err
	}
	defer e.readers.put(s)
	return fn(s)
}

func (e *sqliteEngine) snapshot(ctx context.Context, _ time.Duration, fn func(querier) error) (err error) {
	return e.read(ctx, func(q querier) error {
		// DEFERRED: the first read fixes the instant.
		if _, err := q.exec("BEGIN DEFERRED"); err != nil {
			return err
		}
		defer func() { _, _ = q.exec("ROLLBACK") }() // nothing was written
		return fn(q)
	})
}

func (e *sqliteEngine) write(ctx context.Context, limit time.Duration, fn func(*tx) error) error {
	return e.writer.write(ctx, limit, fn)
}

func (e *sqliteEngine) close() error {
	e.writer.close()
	e.closeSessions()
	if e.writer.stopped() != nil {
		// Closing it would copy the rest of the log and delete it, although pages that
		// were copied before may not have reached the disk. The next start, which
		// trusts no copy, needs the log.
		e.writeDB = nil
	}
	return e.closeDBs()
}

func (e *sqliteEngine) closeSessions() {
	e.readers.close()
	if !e.inMemory {
		e.writer.sessions.close()
	}
	if e.writer.checkpoints != nil {
		e.writer.checkpoints.close()
	}
}

// closeDBs closes the writing side last: the last connection to close copies
// the write-ahead log back, which a read-only one may not.
func (e *sqliteEngine) closeDBs() error {
	var errs []error
	for _, db := range []*sql.DB{e.readDB, e.copyDB, e.writeDB} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// sqliteCode is the extended result code of err, 0 if SQLite did not make it.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

func (e *sqliteEngine) race(err error) bool {
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, sqlite3.SQLITE_CONSTRAINT_TRIGGER:
		return true
	}
	return false
}

// sqliteTransient reports whether err leaves the database as it was and may go
// away by itself: another process's lock, a full disk.
func sqliteTransient(err error) bool {
	code := sqliteCode(err) & 0xff
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_FULL
}

// sqliteBroken reports whether err says that the file cannot be relied on.
func sqliteBroken(err error) bool {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}

// scrub builds the file anew, which leaves no free page and no remains within
// pages, then copies the write-ahead log back and cuts it to nothing.
func (e *sqliteEngine) scrub(context.Context) error {
	if e.inMemory {
		return nil
	}
	s := <-e.writer.sessions.free
	defer e.writer.sessions.put(s)
	if _, err := s.exec("VACUUM"); err != nil {
		return err
	}
	l, err := checkpointLog(s, "TRUNCATE")
	if err == nil && l.busy {
		err = errors.New("another process reads the database, so the write-ahead log could not be emptied")
	}
	return err
}
