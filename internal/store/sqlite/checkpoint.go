package sqlite

import (
	"cmp"
	"log/slog"
)

// checkpointer copies SQLite's write-ahead log back into the database beside the
// writer. It has its own connection, so that no commit waits for the copy. The log
// starts over only when all of it is copied and no reader needs it. The last pages,
// and with them the database's fsync, are therefore left to the writer.
// https://www.sqlite.org/wal.html#ckpt
type checkpointer struct {
	connections *connections // one connection
	log         *slog.Logger
	path        string        // of the database file
	full        func() bool   // reports whether the folder takes no more bytes
	halt        func(error)   // ends all writing: the file cannot be relied on
	looks       chan struct{} // asks for a look at the log's length; closed at the end
	rest        chan struct{} // asks the writer for the last pages
	done        chan struct{}

	least int64 // length of the log, in frames of a page each, that is worth a copy
	most  int64 // length from which on the writer copies as well
	every int   // number of commits between two looks at the log
}

const (
	checkpointFrames = 24_000 // of 4 KiB: 94 MiB
	writerFrames     = 64_000 // of 4 KiB: 250 MiB
	// restFrames are few enough for the writer to copy between two commits.
	restFrames = 500
	// maxCopies bounds the copies after one look. Each copies what was written
	// during the copy before.
	maxCopies      = 6
	commitsPerLook = 8
)

// Checkpoints sets when the write-ahead log is copied back; zero fields are the defaults.
type Checkpoints struct {
	Frames  int64 // length of the log, in frames of a page each, that is worth a copy
	Commits int   // number of commits between two looks at the log
}

// newCheckpointer starts the copies beside a writer, on one connection.
func newCheckpointer(s *connections, w *writer, when Checkpoints) *checkpointer {
	c := &checkpointer{
		connections: s,
		log:         w.log,
		path:        w.path,
		full:        w.full,
		halt:        w.halt,
		looks:       make(chan struct{}, 1),
		rest:        make(chan struct{}, 1),
		done:        make(chan struct{}),
		least:       cmp.Or(when.Frames, checkpointFrames),
		most:        writerFrames,
		every:       cmp.Or(when.Commits, commitsPerLook),
	}
	go c.run()

	return c
}

func (c *checkpointer) run() {
	defer close(c.done)

	for range c.looks {
		s := <-c.connections.free
		if err := c.checkpoint(s); err != nil {
			c.failed(err)
		}
		c.connections.put(s)
	}
}

// close finishes a copy under way. Nobody may call look any more.
func (c *checkpointer) close() {
	close(c.looks)
	<-c.done
	c.connections.close()
}

// look asks for a look at the log's length, soon.
func (c *checkpointer) look() { leaveWord(c.looks) }

// leaveWord signals a receiver that needs to know only once.
func leaveWord(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// checkpoint copies a long log, then what was written meanwhile, until little is
// left. If much stays (the writer is too fast, or an old reader still needs the
// database as it is), a later look tries again. If the log has grown far too long,
// the writer copies it as well, between two commits. SQLite could do that by itself
// (wal_autocheckpoint), but would not report a failed fsync.
func (c *checkpointer) checkpoint(s *connection) error {
	l, err := checkpointLog(s, "NOOP")
	if err != nil || l.frames < c.least {
		return err
	}
	if l.frames >= c.most {
		leaveWord(c.rest)
		return nil
	}

	for range maxCopies {
		before := l.copied
		if l, err = checkpointLog(s, "PASSIVE"); err != nil {
			return err
		}

		switch whole := l.copied == l.frames; {
		case l.busy, !whole && l.copied == before:
			return nil
		case whole && l.copied-before <= restFrames:
			leaveWord(c.rest)
			return nil
		}
	}

	return nil
}

// failed ends all writing unless the copy may work later. A failed fsync of the
// database is final: the kernel reports it once, and the next copy would assume that
// the pages are on disk.
func (c *checkpointer) failed(err error) {
	if f := faultOf(err, c.full); f == faultDisk || f == faultDamage {
		c.halt(stopError("copying the write-ahead log back", c.path, f, err))
		return
	}
	c.log.Warn("copying the write-ahead log back failed and is tried again", "err", err)
}

// logLength is the number of pages that the write-ahead log held when a checkpoint
// began, and how many of them the database has. If busy, another checkpoint is at
// work, and the lengths are not known.
type logLength struct {
	busy           bool
	frames, copied int64
}

// checkpointLog runs a checkpoint: PASSIVE, which waits for nobody, or NOOP, which
// copies nothing. https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
func checkpointLog(c *connection, mode string) (logLength, error) {
	var l logLength
	if err := c.row("PRAGMA wal_checkpoint("+mode+")", &l.busy, &l.frames, &l.copied); err != nil {
		return logLength{}, err
	}
	return l, nil
}
