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
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// sqliteEngine is SQLite in WAL mode: one connection that writes, owned by the
// writer, one that copies the write-ahead log back, and several that read. In
// memory there is one connection for all.
type sqliteEngine struct {
	readDB, copyDB, writeDB *sql.DB
	readers                 *sessions
	writer                  *writer
	inMemory                bool
	ended                   chan struct{} // closed at the end
	leave                   func()        // counts this store no more; nil in memory
	reading, writing        *overload.Line
}

// sqliteBusy is how long a statement waits for another process's lock: the
// command line may write to the file that a server has open.
const sqliteBusy = 5 * time.Second

// logSizeLimit is the size, in bytes, to which a log that starts over is cut.
const logSizeLimit = 128 << 20

// sqliteDSN returns the address of a database file.
//
// synchronous=FULL makes a commit wait for its fsync, on which every acknowledgement
// rests. The write-ahead log is copied back beside the writer from 94 MiB on, by the
// writer as well from 250 MiB on (checkpointer): identity IDs are random, so the same
// pages are written again and again, and each copy serves more of them; a longer log
// makes finding pages in it dearer than that saves.
//
// Connections that read cache 16 MiB each. The one that writes caches 4 MiB: a split
// of an index page has SQLite go through the whole cache at the commit (it renumbers
// pages by way of a number past the database's end, and pages past the end are sought
// and dropped), which costs more than reading pages again.
//
// Temporary tables and statement journals stay in memory: there may be no folder for
// temporary files, and a fault of one would count as a fault of the database's disk.
func sqliteDSN(path string, readOnly bool) string {
	pragmas := []string{
		fmt.Sprintf("busy_timeout(%d)", sqliteBusy.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		"trusted_schema(OFF)", "cell_size_check(ON)", "temp_store(MEMORY)",
		"wal_autocheckpoint(0)", fmt.Sprintf("journal_size_limit(%d)", logSizeLimit),
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

func openSQLite(
	ctx context.Context, o Options, c *cache, failed chan struct{}, commits *histogram,
) (_ *sqliteEngine, err error) {
	e := newSQLite(o)
	defer func() {
		if err != nil {
			err = errors.Join(err, e.closeDBs())
		}
	}()

	path, before, err := e.prepareFile(o)
	if err != nil {
		return nil, err
	}
	if err := e.openDBs(path); err != nil {
		return nil, err
	}
	if err := refuseForeign(ctx, e.writeDB, path); err != nil {
		return nil, explainOpening(o.Path, err)
	}
	if _, err := migrate(ctx, e.writeDB, goose.DialectSQLite3); err != nil {
		return nil, explainOpening(o.Path, err)
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
		path:     path,
		failed:   failed,
		clock:    o.clock,
		last:     lastCommit{clock: o.clock},
		commits:  commits,
	}
	if !e.inMemory {
		if err := e.openBeside(ctx, o.ReadConns, before); err != nil {
			return nil, err
		}
	}
	if err := e.writer.start(!e.inMemory); err != nil {
		e.closeSessions()
		return nil, err
	}
	if !e.inMemory {
		go e.writer.present.watch(e.ended, presenceInterval)
	}
	return e, nil
}

// newSQLite returns an engine that has nothing open yet.
func newSQLite(o Options) *sqliteEngine {
	readers := o.ReadConns
	if o.Path == "" {
		readers = 1
	}
	return &sqliteEngine{
		inMemory: o.Path == "",
		ended:    make(chan struct{}),
		reading:  overload.NewLine(readers, 1, o.clock),
		writing:  overload.NewLine(1, maxGroup, o.clock),
	}
}

// openDBs names the connections; the first use opens them.
func (e *sqliteEngine) openDBs(path string) (err error) {
	if e.inMemory {
		e.writeDB, err = sql.Open("sqlite", "file::memory:?_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)")
	} else {
		e.writeDB, err = sql.Open("sqlite", sqliteDSN(path, false))
	}
	if err != nil {
		return err
	}
	e.writeDB.SetMaxOpenConns(1)
	if e.inMemory {
		return nil
	}

	if e.copyDB, err = sql.Open("sqlite", sqliteDSN(path, false)); err != nil {
		return err
	}
	e.readDB, err = sql.Open("sqlite", sqliteDSN(path, true))
	return err
}

// openBeside opens what a file has beside its writer: readers, the copies of the
// log, and the watch over the files. before is the file as it was before it was opened.
func (e *sqliteEngine) openBeside(ctx context.Context, readers int, before os.FileInfo) (err error) {
	w := e.writer
	if e.readers, err = openSessions(ctx, e.readDB, readers); err != nil {
		w.sessions.close()
		return err
	}
	copying, err := openSessions(ctx, e.copyDB, 1)
	if err != nil {
		e.closeSessions()
		return err
	}

	w.full = func() bool { return folderIsFull(filepath.Dir(w.path)) }
	w.checkpoints = newCheckpointer(copying, w)
	if w.present, err = newPresence(w.path, before, w.log); err != nil {
		e.closeSessions()
		return err
	}
	w.present.halt = w.halt
	w.present.rescue = func() { leaveWord(w.checkpoints.rest) }
	return nil
}

// explainOpening adds the meaning of SQLite's words about a database that could not
// be opened.
func explainOpening(path string, err error) error {
	switch sqliteFault(err, nil) {
	case faultReadOnly:
		err = fmt.Errorf("%w (%w): check the owner and mode of the folder and of its files, and how it is mounted",
			ErrReadOnly, err)
	case faultDamage:
		err = fmt.Errorf("%w (%w): %s", ErrDamaged, err, cureDamage)
	case faultFull:
		err = fmt.Errorf("%w (%w)", ErrDiskFull, err)
	}
	return fmt.Errorf("opening SQLite database %q: %w", path, err)
}

// prepareFile makes sure that the database can be opened and written, and tells what
// its write-ahead log lacks. It returns the absolute path and the file as SQLite will
// find it; nothing in memory.
func (e *sqliteEngine) prepareFile(o Options) (path string, before os.FileInfo, err error) {
	if e.inMemory {
		return "", nil, nil
	}
	if path, err = filepath.Abs(o.Path); err != nil {
		return "", nil, err
	}
	if err := CheckWritable(path); err != nil {
		return "", nil, err
	}
	if err := refuseOrphanedLog(path); err != nil {
		return "", nil, err
	}

	e.leave = enterPath(path, o.Logger)
	if err := createFile(path); err != nil {
		return "", nil, fmt.Errorf("creating the database file: %w", err)
	}
	if before, err = os.Stat(path); err != nil {
		return "", nil, err
	}
	if mode := before.Mode().Perm(); mode&0o077 != 0 {
		o.Logger.Warn("other users can read the database file", "path", path, "mode", mode, "fix", "chmod 600 "+path)
	}
	return path, before, nil
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
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes the names in a folder durable.
func syncFolder(folder string) error {
	dir, err := os.Open(folder)
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

func (e *sqliteEngine) readLine() *overload.Line  { return e.reading }
func (e *sqliteEngine) writeLine() *overload.Line { return e.writing }

func (e *sqliteEngine) ping(ctx context.Context) error {
	if err := e.writer.stopped(); err != nil {
		return err
	}
	return e.read(ctx, func(q querier) error {
		_, err := collect(q, scanInt, "SELECT 1")
		return err
	})
}

func (e *sqliteEngine) read(ctx context.Context, fn func(querier) error) (err error) {
	ticket := e.reading.Enter()
	defer func() { settle(e, e.reading, ticket, err) }()
	return e.withReader(ctx, fn)
}

// withReader waits for a reader for as long as the budget of ctx allows. The time
// that fn takes is spent too, but fn is not cut: SQLite reads local files.
func (e *sqliteEngine) withReader(ctx context.Context, fn func(querier) error) error {
	bounded, end := overload.Bound(ctx, 0)
	defer end()
	s, err := e.readers.take(bounded)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("%w: all %d connections for a read are in use", ErrUnavailable, cap(e.readers.free))
	}
	if err != nil {
		return err
	}
	defer e.readers.put(s)

	err = fn(s)
	if f := sqliteFault(err, nil); f == faultDamage {
		e.writer.halt(stopError("reading", e.writer.path, f, err))
	}
	return err
}

func (e *sqliteEngine) failure() error { return e.writer.stopped() }

func (e *sqliteEngine) present() error { return e.writer.present.last() }

func (e *sqliteEngine) lastCommit() *lastCommit { return &e.writer.last }

func (e *sqliteEngine) snapshot(ctx context.Context, _ time.Duration, fn func(querier) error) (err error) {
	return e.withReader(ctx, func(q querier) error { // a dump that takes minutes tells nothing about other reads
		// DEFERRED: the first read fixes the instant.
		if _, err := q.exec("BEGIN DEFERRED"); err != nil {
			return err
		}
		defer func() { _, _ = q.exec("ROLLBACK") }() // nothing was written
		return fn(q)
	})
}

func (e *sqliteEngine) write(ctx context.Context, limit time.Duration, fn func(*tx) error) error {
	limit, end := overload.StartWait(ctx, limit)
	defer end()
	return e.writer.write(ctx, limit, fn)
}

func (e *sqliteEngine) close() error {
	e.writer.close()
	close(e.ended)
	e.closeSessions()
	if e.writer.stopped() != nil || e.writer.present.check() != nil {
		// Closing it would copy the rest of the log and delete it, although pages that
		// were copied before may not have reached the disk, or the log at that path
		// may belong to another database. The next start, which trusts no copy, needs
		// the log.
		e.writeDB, e.leave = nil, nil
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
	if e.leave != nil {
		e.leave()
	}
	return errors.Join(errs...)
}

func (e *sqliteEngine) race(err error) bool {
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE,
		sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, sqlite3.SQLITE_CONSTRAINT_TRIGGER:
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
	if err := vacuum(s); err != nil {
		return err
	}

	l, err := checkpointLog(s, "TRUNCATE")
	if err == nil && l.busy {
		err = errors.New("another process reads the database, so the write-ahead log could not be emptied")
	}
	return err
}

// vacuum builds the file anew by way of a temporary one, which memory may be too
// small for.
func vacuum(s *session) (err error) {
	if _, err := s.exec("PRAGMA temp_store = FILE"); err != nil {
		return err
	}
	defer func() {
		_, back := s.exec("PRAGMA temp_store = MEMORY")
		err = errors.Join(err, back)
	}()

	_, err = s.exec("VACUUM")
	return err
}
