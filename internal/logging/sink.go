// Package logging carries the server's log. A Sink collects lines in bounded memory and
// writes them from one goroutine: if the reader stops, lines are dropped and counted, and
// no call waits. Faults keeps a lasting fault from filling the log: it writes the first of
// equal warnings at once and counts the others.
//
// Start reading at FaultHandler.Handle and Sink.Write.
package logging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultSize = 1 << 20
	// chunk is how much is written at once. POSIX writes up to PIPE_BUF to a pipe in one
	// piece, 4,096 bytes on Linux; longer writes may mix with those of another process.
	chunk = 4096
	// retryTime is how long a Sink waits after a failed write, for example to a file on a
	// full disk or to a closed pipe.
	retryTime = time.Second
	// flushTime is how long Close waits for the last lines.
	flushTime = 2 * time.Second
)

// errNotFlushed means that lines were left at Close that could not be written.
var errNotFlushed = errors.New("the last log lines could not be written")

// SinkOptions configures a Sink. Only To is required.
type SinkOptions struct {
	To    io.Writer
	Size  int           // most bytes of lines that wait or are being written; 0 = 1 MiB
	Delay time.Duration // how long to collect lines for one write; 0 = write each at once
	// Notice returns a line, with its line break, that reports how many lines were dropped.
	// It must not write to the Sink. nil = plain text.
	Notice func(dropped uint64) []byte
}

// Sink is an io.Writer whose Write never waits for the writer behind it. Each Write is one
// line. Lines are written whole and in order, or dropped and counted. The two buffers, one
// being filled and one being written, grow to Size and stay.
type Sink struct {
	to     io.Writer
	size   int
	delay  time.Duration
	notice func(uint64) []byte

	waiting chan struct{} // has a token if there is something to write
	crowded chan struct{} // has a token if collecting should end early
	closing chan struct{} // closed by Close
	done    chan struct{} // closed when nothing more will be written
	failed  error         // why lines were left; set before done is closed

	dropped atomic.Uint64

	mu      sync.Mutex
	pending []byte
	writing int    // bytes of the batch being written
	untold  uint64 // dropped lines that no notice has reported
	closed  bool
}

// NewSink starts a Sink. Close ends it.
func NewSink(o SinkOptions) *Sink {
	s := &Sink{
		to:      o.To,
		size:    o.Size,
		delay:   o.Delay,
		notice:  o.Notice,
		waiting: make(chan struct{}, 1),
		crowded: make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}

	if s.size == 0 {
		s.size = defaultSize
	}
	if s.notice == nil {
		s.notice = func(dropped uint64) []byte { return fmt.Appendf(nil, "%d lines were dropped here\n", dropped) }
	}

	go s.run()

	return s
}

// Write takes a line, or drops it if there is no room. It never fails: a server has no
// better place to report that nobody reads its log.
func (s *Sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.closed {
		s.dropped.Add(1)
		return len(line), nil
	}
	if len(s.pending)+s.writing+len(line) > s.size {
		s.dropped.Add(1)
		s.untold++
		token(s.waiting) // for the notice
		return len(line), nil
	}

	s.tell()
	s.pending = append(s.pending, line...)
	token(s.waiting)
	if len(s.pending) > s.size/4 {
		token(s.crowded)
	}

	return len(line), nil
}

// Dropped returns how many lines were dropped since the start.
func (s *Sink) Dropped() uint64 { return s.dropped.Load() }

// Close writes the waiting lines and ends the Sink. After two seconds it gives up and
// returns errNotFlushed. Later lines are dropped.
func (s *Sink) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()

	select {
	case <-s.done:
		return s.failed
	case <-time.After(flushTime):
		return errNotFlushed
	}
}

// token puts a token into c unless it has one.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tell appends the notice of dropped lines where they are missing. That one line may
// exceed the size. The caller holds mu.
func (s *Sink) tell() {
	if s.untold == 0 {
		return
	}
	s.pending = append(s.pending, s.notice(s.untold)...)
	s.untold = 0
}

// run writes batches until Close.
func (s *Sink) run() {
	defer close(s.done)

	var batch []byte
	for s.collect() {
		batch = s.take(batch)
		if err := s.write(batch); err != nil {
			s.failed = errors.Join(errNotFlushed, err)
			return
		}
		s.written()
	}
}

// collect waits until a batch should be written. It returns false when there is no more.
func (s *Sink) collect() bool {
	select {
	case <-s.waiting:
	case <-s.closing:
		return s.more()
	}
	if s.delay == 0 {
		return true
	}

	select {
	case <-time.After(s.delay):
	case <-s.crowded:
	case <-s.closing:
	}

	return true
}

func (s *Sink) more() bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return len(s.pending) > 0 || s.untold > 0
}

// take returns the waiting lines. The next lines go to room.
func (s *Sink) take(room []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.tell()
	batch := s.pending
	s.pending, s.writing = room[:0], len(batch)
	return batch
}

// written frees the room of the batch. Only a whole batch frees room, so that a slow
// reader gets one notice for each batch and not for each line.
func (s *Sink) written() {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.writing = 0
}

// write writes a batch in whole lines. After a failure it tries again from where it
// stopped, so that no line is torn, until Close.
func (s *Sink) write(batch []byte) error {
	last := false
	for len(batch) > 0 {
		n, err := s.to.Write(batch[:whole(batch)])
		batch = batch[n:]
		if err == nil {
			continue
		}
		if last {
			return err
		}

		select {
		case <-time.After(retryTime):
		case <-s.closing:
			last = true
		}
	}

	return nil
}

// whole returns the length of the lines to write at once: as many as fit into a chunk, or
// one that is longer.
func whole(batch []byte) int {
	if len(batch) <= chunk {
		return len(batch)
	}
	if end := bytes.LastIndexByte(batch[:chunk], '\n'); end >= 0 {
		return end + 1
	}
	if end := bytes.IndexByte(batch[chunk:], '\n'); end >= 0 {
		return chunk + end + 1
	}

	return len(batch)
}
