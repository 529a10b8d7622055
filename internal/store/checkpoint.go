package store

import (
	"fmt"
	"log/slog"
)

// checkpointer copies SQLite's write-ahead log back into the database beside the
// writer, on a connection of its own, so that no commit waits for the copy and its
// fsync. The log starts over only when all of it is copied and nobody writes
// meanwhile: the last pages are therefore left to the writer.
// https://www.sqlite.org/wal.html#ckpt
type checkpointer struct {
	sessions *sessions // one session
	log      *slog.Logger
	halt     func(error)   // ends all writing: the file cannot be relied on
	looks    chan struct{} // the log may be long enough; closed at the end
	rest     chan struct{} // asks the writer for the last pages
	done     chan struct{}

	least int64 // frames, a page each, that are worth a copy
	every int   // writes between two looks at the log
}

const (
	checkpointFrames = 24_000 // 96 MiB
	// restFrames are few enough for the writer to copy between two commits.
	restFrames = 500
	maxCopies  = 6
	looksAfter = 500
)

func newCheckpointer(s *sessions, log *slog.Logger, halt func(error)) *checkpointer {
	c := &checkpointer{
		sessions: s, log: log, halt: halt, least: checkpointFrames, every: looksAfter,
		looks: make(chan struct{}, 1), rest: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go c.run()
	return c
}

func (c *checkpointer) run() {
	defer close(c.done)
	for range c.looks {
		s := <-c.sessions.free
		if err := c.checkpoint(s); err != nil {
			c.failed(err)
		}
		c.sessions.put(s)
	}
}

// close finishes a copy under way. Nobody may call look any more.
func (c *checkpointer) close() {
	close(c.looks)
	<-c.done
	c.sessions.close()
}

// look has the log's length looked at, soon.
func (c *checkpointer) look() { leaveWord(c.looks) }

// leaveWord leaves word for a receiver that need hear it once only.
func leaveWord(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// checkpoint copies a long log, then what was written meanwhile, until that is
// little. If it does not become little (the writer is too fast, or an old reader
// still needs the database as it is), a later look tries again; a log that has
// grown far too long is copied by the writer (wal_autocheckpoint).
func (c *checkpointer) checkpoint(s *session) error {
	l, err := walLength(s, "NOOP")
	if err != nil || l.frames < c.least {
		return err
	}
	for range maxCopies {
		before := l.copied
		if l, err = walLength(s, "PASSIVE"); err != nil {
			return err
		}
		if l.copied == l.frames && l.copied-before <= restFrames {
			leaveWord(c.rest)
			return nil
		}
	}
	return nil
}

func (c *checkpointer) failed(err error) {
	if sqliteBroken(err) {
		c.halt(fmt.Errorf("%w: copying the write-ahead log back: %w", ErrStopped, err))
		return
	}
	c.log.Warn("copying the write-ahead log back failed and is tried again", "err", err)
}

// logLength is how many pages the write-ahead log holds, and how many of them the
// database has.
type logLength struct{ frames, copied int64 }

// walLength runs a checkpoint, or none (NOOP), and returns what the log then holds.
// https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
func walLength(s *session, mode string) (logLength, error) {
	rows, err := collect(s, func(row scanner) (l logLength, err error) {
		var busy int64 // another checkpoint is at work
		err = row.Scan(&busy, &l.frames, &l.copied)
		return l, err
	}, "PRAGMA wal_checkpoint("+mode+")")
	if err != nil {
		return logLength{}, err
	}
	return rows[0], nil
}
