// Package store keeps the server's data in SQLite or PostgreSQL, with one SQL text
// for both. Its methods are the verbs of the domain: each writes in one transaction, all or
// nothing, and the write is on disk when it returns nil. A change of an identity's
// logins first moves the identity's revision from the value that it was decided on; a
// change that meets another one starts over from the read. Callbacks therefore run
// outside of any transaction, in the caller's goroutine, and may run again. Start
// reading at Resolve (resolve.go), which every sign-in goes through; sqlite and
// postgres have what differs between the database engines, engine what they share.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
	"github.com/poolhouse-id/poolhouse/internal/store/postgres"
	"github.com/poolhouse-id/poolhouse/internal/store/sqlite"
)

// The errors that callers tell apart with errors.Is.
var (
	// ErrNotFound means that the row does not exist, or its pool does not.
	ErrNotFound = errors.New("not found")
	// ErrLimit means that the limit that the caller passed is reached.
	ErrLimit = errors.New("limit reached")
	// ErrInvalid means that a value cannot be kept by every database engine: it is
	// text that is not UTF-8 or holds NUL, or is too long. Nothing was written.
	ErrInvalid = errors.New("invalid value")
	// ErrUnfinished means that what was deleted is gone for everybody, and the rest
	// of the work is left to ResumeDeletions.
	ErrUnfinished = errors.New("the deletion is not finished")
	// ErrNoSealer means that a pool has a secret, and there is no Options.Sealer to
	// seal or open it.
	ErrNoSealer = errors.New("a pool has a secret, and the master key that seals it was not given")
	// ErrOtherSealer means that Options.Sealer is not the one that sealed the other
	// secrets of the database or dump. Nothing was sealed.
	ErrOtherSealer = errors.New("the master key is not the one that the secrets are sealed under")
)

// The errors of the database engines; package engine explains them.
var (
	ErrConflict      = engine.ErrConflict
	ErrBusy          = engine.ErrBusy
	ErrIndeterminate = engine.ErrIndeterminate
	ErrStopped       = engine.ErrStopped
	ErrDamaged       = engine.ErrDamaged
	ErrQueueFull     = engine.ErrQueueFull
	ErrDiskFull      = engine.ErrDiskFull
	ErrReadOnly      = engine.ErrReadOnly
	ErrGone          = engine.ErrGone
	ErrUnavailable   = engine.ErrUnavailable
	ErrClosed        = engine.ErrClosed
)

// StopError reports why a store acknowledges no more writes.
type StopError = engine.StopError

// Options names the database to open and bounds its use. The zero value is a
// database in memory.
type Options struct {
	Path   string // SQLite file, created with mode 0600; "" = in memory (one process, gone at Close)
	URL    string // postgres://…; set = PostgreSQL, Path ignored
	Sealer Sealer // protects the secrets of pools; nil = pools that have some are neither read nor written
	// PublicApp reports whether a pool's value for a login provider holds no secret, and
	// may be kept in clear; nil = each value may hold one.
	PublicApp func(provider, app string) bool
	Logger    *slog.Logger     // nil = none
	Now       func() time.Time // stamps rows; nil = time.Now

	// ReadConns is the number of connections for reads; PostgreSQL has as many
	// again for writes. 0 = 8.
	ReadConns int
	// WriteQueue is the number of writes that may wait for their turn; one more gets
	// ErrQueueFull. 0 = 4096.
	WriteQueue int
	// WriteTimeout bounds how long a caller waits for a write, as does the budget of the
	// caller's context. 0 = 10 s. The caller gets:
	//
	//   - ErrBusy at the bound, if the write had not begun: it is dropped;
	//   - ErrIndeterminate at the bound, if it had begun on SQLite, or if its commit was
	//     sent on PostgreSQL;
	//   - ErrUnavailable at the bound, if it had begun on PostgreSQL and its commit was not
	//     sent;
	//   - the context's error, if the context ends earlier and the write had not begun: it
	//     is dropped;
	//   - ErrIndeterminate, if the context ends earlier and the write had begun, which then
	//     goes on.
	WriteTimeout time.Duration
	// CacheEntries bounds the read cache of SQLite: pools and identities
	// together. This process always reads its own writes; the writes of another
	// process (the command line beside a server) are seen within 100 ms.
	// PostgreSQL, which has many writers, is never cached.
	// 0 = 65536, about 60 MiB when full; negative = no cache.
	CacheEntries int

	// Fault is asked before each read and write; its error is the database's. It may wait. The caller gets
	// after in place of a success that it does not learn of; nil = success. A nil Fault means that nothing
	// fails on request, as always in production.
	Fault func(ctx context.Context, write bool) (after, err error)

	// For tests.
	clock       func() time.Time                       // measures waits; nil = time.Now
	timing      postgres.Timing                        // shorter bounds; the zero Timing = the usual ones
	checkpoints sqlite.Checkpoints                     // more frequent ones; the zero value = the usual ones
	stat        func(path string) (os.FileInfo, error) // of SQLite's files; nil = os.Stat
}

// Sealer protects secrets at rest; *envelope.Sealer is one.
type Sealer interface {
	Seal(plain []byte, aad string) []byte
	Open(sealed []byte, aad string) ([]byte, error)
	// Owns reports whether a value was sealed under this Sealer's master key.
	Owns(sealed []byte) bool
}

const (
	defaultReadConns    = 8
	defaultWriteQueue   = 4096
	defaultWriteTimeout = 10 * time.Second
	defaultCacheEntries = 65536
)

// inMemory reports whether the database has one connection for all, and no file.
func (o Options) inMemory() bool { return o.URL == "" && o.Path == "" }

func (o Options) withDefaults() Options {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	o.CacheEntries = cmp.Or(o.CacheEntries, defaultCacheEntries)
	if o.PublicApp == nil {
		o.PublicApp = func(string, string) bool { return false }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.clock == nil {
		o.clock = time.Now
	}
	if o.ReadConns <= 0 {
		o.ReadConns = defaultReadConns
	}
	if o.WriteQueue <= 0 {
		o.WriteQueue = defaultWriteQueue
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = defaultWriteTimeout
	}

	return o
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	options Options
	engine  engine.Engine
	notices Notices // nil on SQLite
	cache   *cache  // nil when there is none
	log     *slog.Logger

	// deletions counts the pool removals under way; closing ends them between
	// two batches.
	deletions   sync.WaitGroup
	deletionsMu sync.Mutex // held while a removal begins, and while closing stops new ones
	closing     chan struct{}
	closeOnce   sync.Once
	closeErr    error

	deletionBatch int           // defaultDeletionBatch except in tests
	deletionRest  time.Duration // defaultDeletionRest except in tests

	loading chan struct{} // full while a load has its turn

	counts      countChanges
	usage       poolUsage
	recountPage int                                              // recountPage except in tests
	recountWait func(ctx context.Context, d time.Duration) error // rest except in tests

	probes  probes
	commits engine.Histogram

	// testStep, when a test sets it, runs after each committed step of a change
	// that takes several; its error stands for a crash at that point.
	testStep func(step string) error
}

// Open opens the database, creating a SQLite file that does not exist, and
// brings its schema up to date. It refuses a database that a newer binary migrated. It
// does not resume deletions; see ResumeDeletions.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{
		options:       o,
		log:           o.Logger,
		closing:       make(chan struct{}),
		deletionBatch: defaultDeletionBatch,
		deletionRest:  defaultDeletionRest,
		loading:       make(chan struct{}, 1),
		recountPage:   recountPage,
		recountWait:   rest,
		probes:        probes{now: o.clock},
	}

	var err error
	if o.URL != "" {
		s.engine, err = postgres.Open(ctx, postgres.Options{
			URL:        o.URL,
			ReadConns:  o.ReadConns,
			WriteQueue: o.WriteQueue,
			Timing:     o.timing,
			Prepare:    preparePostgreSQL,
			Commits:    &s.commits,
			Logger:     o.Logger,
			Clock:      o.clock,
		})
	} else {
		s.cache = newCache(o.CacheEntries)
		s.engine, err = sqlite.Open(ctx, sqlite.Options{
			Path:       o.Path,
			ReadConns:  o.ReadConns,
			WriteQueue: o.WriteQueue,
			Prepare:    func(ctx context.Context, db *sql.DB) error { return prepareSQLite(ctx, db, o.Path) },
			Cache:      s.cache,
			Commits:    &s.commits,
			Logger:     o.Logger,
			Clock:      o.clock,

			Checkpoints: o.checkpoints,
			Stat:        o.stat,
		})
	}
	if err != nil {
		return nil, err
	}
	s.notices, _ = s.engine.(Notices) // SQLite has none
	if o.Fault != nil {
		s.engine = faulty{Engine: s.engine, fault: o.Fault}
	}

	return s, nil
}

// Notices carry messages between the nodes of a database. Messages may be lost, and
// reach the sender, too.
type Notices interface {
	// Send sends messages of at most MaxNotice bytes each.
	Send(ctx context.Context, messages []string) error
	// Listen passes on messages until ctx ends or the connection is lost. It calls
	// listening when they begin to arrive.
	Listen(ctx context.Context, listening func(), receive func(message string)) error
}

// MaxNotice bounds one message of Notices, in bytes.
const MaxNotice = postgres.MaxNotice

// Notices returns the way to the other nodes of the database, or nil if there cannot be
// any: on SQLite.
func (s *Store) Notices() Notices { return s.notices }

// Close finishes the writes under way, stores the numbers of identities, refuses further calls with
// ErrClosed and closes the database. Removals of pools end after their current batch.
func (s *Store) Close() error { return s.CloseAfter(func(context.Context) {}) }

// CloseAfter is Close for a caller that has something of its own to store: last does so while the numbers of
// identities are stored. Both have the same 700 milliseconds, so that a database that hangs holds up an end once.
func (s *Store) CloseAfter(last func(context.Context)) error {
	s.closeOnce.Do(func() {
		s.deletionsMu.Lock()
		close(s.closing)
		s.deletionsMu.Unlock()
		s.deletions.Wait()

		ctx, cancel := context.WithTimeout(context.Background(), closeFlush)
		defer cancel()

		var others sync.WaitGroup
		others.Go(func() { last(ctx) })
		if err := s.FlushCounts(ctx); err != nil {
			s.log.Warn("the last numbers of identities could not be stored; `poolhouse recount` corrects them",
				"error", err)
		}
		others.Wait()
		s.closeErr = s.engine.Close()
	})

	return s.closeErr
}

// Reads returns the queue of the reads that the cache cannot answer.
func (s *Store) Reads() *overload.Queue { return s.engine.Reads() }

// Writes returns the queue of writes.
func (s *Store) Writes() *overload.Queue { return s.engine.Writes() }

// Ping reports whether the database answers and, on SQLite, whether writes are
// still acknowledged (ErrStopped otherwise).
func (s *Store) Ping(ctx context.Context) error {
	if err := s.Failure(); err != nil {
		return err
	}

	return s.read(ctx, func(q engine.Querier) error {
		_, err := collect(q, scanInt, `SELECT 1`)
		return err
	})
}

// Engine returns "sqlite" or "postgresql".
func (s *Store) Engine() string { return s.engine.Name() }

// now returns the time for stamping rows: UTC, to the millisecond, as the database
// keeps it.
func (s *Store) now() time.Time { return fromMillis(s.options.Now().UnixMilli()) }

// step reports a committed step of a longer change to the test hook.
func (s *Store) step(name string) error {
	if s.testStep == nil {
		return nil
	}
	return s.testStep(name)
}
