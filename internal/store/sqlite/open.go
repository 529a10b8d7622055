package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Options names the database file to open, and bounds its use.
type Options struct {
	Path       string // created with mode 0600; "" = in memory (one process, gone at Close)
	ReadConns  int    // number of connections for reads; in memory there is one for all
	WriteQueue int    // number of writes that may wait; one more gets engine.ErrQueueFull

	// Prepare brings the schema up to date, before anything else uses the database.
	Prepare func(context.Context, *sql.DB) error
	// Cache is told about each commit before it begins.
	Cache   Cache
	Commits *engine.Histogram // counts the successful commits

	Checkpoints Checkpoints
	Logger      *slog.Logger
	Clock       func() time.Time // measures waits
	// Stat looks at the files while the database is open; nil = os.Stat.
	Stat func(path string) (os.FileInfo, error)
}

// Cache is the store's read cache, which the writer keeps coherent. The writer's
// goroutine calls all methods except Watch and Alone, which are called before it
// begins.
type Cache interface {
	// Hold drops the entries of keys and keeps them out until release is called.
	Hold(keys []engine.Key) (release func())
	// Flush drops all entries: another process wrote.
	Flush()
	// Alone records that no other process can write.
	Alone()
	// Watch sets the function by which the cache asks whether other processes wrote.
	Watch(look func())
	// Verified is called after each look, Unverified after one that failed.
	Verified()
	Unverified()
}

// busyTimeout bounds how long a statement waits for another process's lock: the
// command line may write to the file that a server has open.
const busyTimeout = 5 * time.Second

// turnInterval is the time between two attempts to turn the write-ahead log on.
const turnInterval = 10 * time.Millisecond

// logSizeLimit is the size, in bytes, to which a log that starts over is cut.
const logSizeLimit = 128 << 20

// dsn returns the address of a database file.
//
// synchronous=FULL makes a commit wait for its fsync, on which every acknowledgement
// rests. The write-ahead log is copied back beside the writer from 94 MiB on, and by
// the writer as well from 250 MiB on (checkpointer). Identity IDs are random, so the
// same pages are written again and again, and each copy serves more of them; a longer
// log would make finding pages in it cost more than that saves.
//
// Connections that read cache 16 MiB each. The one that writes caches 4 MiB: after a
// split of an index page SQLite walks through the whole cache at the commit, which
// costs more than reading pages again. (It renumbers pages through a number past the
// database's end, and looks for pages past the end to drop them.)
//
// Temporary tables and statement journals stay in memory: there may be no folder for
// temporary files, and a fault of one would count as a fault of the database's disk.
func dsn(path string, readOnly bool) string {
	pragmas := []string{
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		"trusted_schema(OFF)", "cell_size_check(ON)", "temp_store(MEMORY)",
		"wal_autocheckpoint(0)", fmt.Sprintf("journal_size_limit(%d)", logSizeLimit),
	}
	if readOnly {
		pragmas = append(pragmas, "query_only(ON)", "cache_size(-16384)")
	} else {
		pragmas = append(pragmas, "cache_size(-4096)")
	}

	return fileURL(path, url.Values{"_pragma": pragmas})
}

func fileURL(path string, query url.Values) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path // C:/… on Windows
	}
	return u.String()
}

// Open opens a database file, creating one that does not exist, and calls o.Prepare
// to bring its schema up to date.
// Errors: engine.ErrReadOnly, ErrGone, ErrDamaged and ErrDiskFull, and those of Prepare.
func Open(ctx context.Context, o Options) (_ *Engine, err error) {
	e := newEngine(o)
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
	if err := turnLogOn(ctx, e.writeDB); err != nil {
		return nil, explainOpening(o.Path, err)
	}
	if err := o.Prepare(ctx, e.writeDB); err != nil {
		return nil, explainOpening(o.Path, err)
	}

	writing, err := openConnections(ctx, e.writeDB, 1)
	if err != nil {
		return nil, err
	}
	e.readers = writing
	e.writer = &writer{
		connections: writing,
		cache:       o.Cache,
		log:         o.Logger,
		queue:       make(chan *request, o.WriteQueue),
		path:        path,
		failed:      make(chan struct{}),
		clock:       o.Clock,
		last:        engine.NewLastCommit(o.Clock),
		commits:     o.Commits,
	}

	if !e.inMemory {
		if err := e.openBeside(ctx, o, before); err != nil {
			return nil, err
		}
	}
	if err := e.writer.start(!e.inMemory); err != nil {
		e.closeConnections()
		return nil, err
	}
	if !e.inMemory {
		go e.writer.present.watch(e.ended, presenceInterval)
	}

	return e, nil
}

// newEngine returns an engine that has nothing open yet.
func newEngine(o Options) *Engine {
	readers := o.ReadConns
	if o.Path == "" {
		readers = 1
	}

	return &Engine{
		inMemory: o.Path == "",
		ended:    make(chan struct{}),
		reading:  overload.NewQueue(readers, 1, o.Clock),
		writing:  overload.NewQueue(1, maxGroup, o.Clock),
	}
}

// openDBs sets up the connection pools; the first use opens the connections.
func (e *Engine) openDBs(path string) (err error) {
	if e.inMemory {
		e.writeDB, err = sql.Open("sqlite", "file::memory:?_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)")
	} else {
		e.writeDB, err = sql.Open("sqlite", dsn(path, false))
	}
	if err != nil {
		return err
	}
	e.writeDB.SetMaxOpenConns(1)

	if e.inMemory {
		return nil
	}

	if e.copyDB, err = sql.Open("sqlite", dsn(path, false)); err != nil {
		return err
	}
	e.readDB, err = sql.Open("sqlite", dsn(path, true))

	return err
}

// turnLogOn opens the first connection, which turns the write-ahead log of a new file on. SQLite does not wait for
// another process's lock then, so this waits instead, as long as a statement would.
func turnLogOn(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()

	again := time.NewTicker(turnInterval)
	defer again.Stop()

	for {
		err := db.PingContext(ctx)
		if resultCode(err)&0xff != sqlite3.SQLITE_BUSY {
			return err
		}

		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// openBeside opens the parts that a file has beside its writer: readers, the copies
// of the log, and the watch over the files. before is the file before it was opened.
func (e *Engine) openBeside(ctx context.Context, o Options, before os.FileInfo) (err error) {
	w := e.writer
	if e.readers, err = openConnections(ctx, e.readDB, o.ReadConns); err != nil {
		w.connections.close()
		return err
	}
	copying, err := openConnections(ctx, e.copyDB, 1)
	if err != nil {
		e.closeConnections()
		return err
	}
	w.full = func() bool { return folderIsFull(filepath.Dir(w.path)) }
	w.checkpoints = newCheckpointer(copying, w, o.Checkpoints)
	if w.present, err = newPresence(w.path, before, w.log); err != nil {
		e.closeConnections()
		return err
	}
	if o.Stat != nil {
		w.present.stat = o.Stat
	}
	w.present.halt = w.halt
	w.present.rescue = func() { leaveWord(w.checkpoints.rest) }

	return nil
}

// explainOpening adds the meaning of SQLite's error about a database that could not
// be opened.
func explainOpening(path string, err error) error {
	switch faultOf(err, nil) {
	case faultReadOnly:
		err = fmt.Errorf("%w (%w): check the owner and mode of the folder and of its files, and how it is mounted",
			engine.ErrReadOnly, err)
	case faultDamage:
		err = fmt.Errorf("%w (%w): %s", engine.ErrDamaged, err, cureDamage)
	case faultFull:
		err = fmt.Errorf("%w (%w)", engine.ErrDiskFull, err)
	}

	return fmt.Errorf("opening SQLite database %q: %w", path, err)
}

// prepareFile makes sure that the database can be opened and written, and reports
// what its write-ahead log lacks. It returns the absolute path and the file as SQLite
// will find it; nothing in memory.
func (e *Engine) prepareFile(o Options) (path string, before os.FileInfo, err error) {
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
