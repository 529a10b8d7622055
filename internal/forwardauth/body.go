package forwardauth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Bounds of the memory for bodies that are read before their signature is known.
const (
	// maxInMemory is the longest body that is kept in memory; a longer one is in a file.
	maxInMemory = 1 << 20
	// allInMemory bounds all bodies in memory together; further ones are in files.
	allInMemory = 64 << 20
	// chunkSize is the unit of that memory.
	chunkSize = 32 << 10
)

// Faults of bodies.
var (
	errTooLarge = errors.New("the body is larger than allowed")
	errNoRoom   = errors.New("the bodies that are held are as many bytes as allowed")
	errNoShare  = errors.New("the bodies of one caller that are held are as many bytes as allowed")
	errSlow     = errors.New("the body arrives too slowly")
	errOtherSum = errors.New("the body has another SHA-256 than was signed")
)

// storeError is a fault of the temporary file, not of the client.
type storeError struct{ cause error }

func (e *storeError) Error() string { return "keeping a body: " + e.cause.Error() }
func (e *storeError) Unwrap() error { return e.cause }

// quota is a number of bytes that several bodies share.
type quota struct{ left atomic.Int64 }

func newQuota(size int64) *quota {
	q := &quota{}
	q.left.Store(size)
	return q
}

// take takes n bytes, or nothing.
func (q *quota) take(n int64) bool {
	if q.left.Add(-n) >= 0 {
		return true
	}
	q.left.Add(n)
	return false
}

func (q *quota) give(n int64) { q.left.Add(n) }

// holder keeps bodies until their signature is known.
type holder struct {
	most   int64  // bytes of one body
	total  *quota // of all bodies
	shares *shares
	memory *quota // of those in memory
	chunks sync.Pool
	folder string // for files; "" = the system's temporary folder
}

func newHolder(most, total int64) *holder {
	return &holder{
		most:   most,
		total:  newQuota(total),
		shares: newShares(max(total/sharesOfAll, most)),
		memory: newQuota(allInMemory),
		chunks: sync.Pool{New: func() any { return new([chunkSize]byte) }},
	}
}

// held is a body that was read whole: in memory, or in a file that was unlinked and so
// disappears when it is closed, even if the process crashes.
type held struct {
	from *holder
	size int64
	sum  [sha256.Size]byte

	chunks   []*[chunkSize]byte // all full but the last
	file     *os.File           // instead of chunks
	name     string             // of a file that could not be unlinked while it is open
	reserved int64              // bytes taken from from.total
	callers  []string           // charged for reserved
	use      sync.RWMutex       // held by readers
	closed   bool
}

// hold reads a body to its end. announced is its length, -1 if it is not known. The bytes
// that arrive are charged to each of callers. Without an error, the caller must close the body.
func (h *holder) hold(source io.Reader, announced int64, callers ...string) (_ *held, err error) {
	switch {
	case announced > h.most:
		return nil, errTooLarge
	case announced > h.total.left.Load():
		return nil, errNoRoom
	}

	b := &held{
		from:    h,
		callers: callers,
	}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()

	sum := sha256.New()

	buffer := h.chunks.Get().(*[chunkSize]byte)
	defer func() { h.chunks.Put(buffer) }()

	for {
		n, err := readChunk(source, buffer[:])
		if n > 0 {
			sum.Write(buffer[:n])
			kept, err := b.add(buffer, n)
			if err != nil {
				return nil, err
			}
			if kept {
				buffer = h.chunks.Get().(*[chunkSize]byte)
			}
		}

		switch {
		case errors.Is(err, io.EOF):
			sum.Sum(b.sum[:0])
			return b, nil
		case err != nil:
			return nil, err
		}
	}
}

// readChunk fills p. Unlike io.ReadFull it returns the error of source as it is, because a
// body that was cut off has not ended.
func readChunk(source io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = source.Read(p[n:])
		n += more
	}
	return n, err
}

// reserve charges n more bytes to the total and to all callers, or nothing.
func (b *held) reserve(n int64) error {
	if !b.from.total.take(n) {
		return errNoRoom
	}

	for i, caller := range b.callers {
		if b.from.shares.take(caller, n) {
			continue
		}

		for _, charged := range b.callers[:i] {
			b.from.shares.give(charged, n)
		}
		b.from.total.give(n)

		return errNoShare
	}
	b.reserved += n

	return nil
}

// chargeTo moves the charge of one caller to another.
func (b *held) chargeTo(caller, before string) error {
	if !b.from.shares.take(caller, b.reserved) {
		return errNoShare
	}
	b.from.shares.give(before, b.reserved)
	b.callers[slices.Index(b.callers, before)] = caller

	return nil
}

// add appends the first n bytes of chunk. If kept is true, the body now owns the chunk.
func (b *held) add(chunk *[chunkSize]byte, n int) (kept bool, err error) {
	b.size += int64(n)
	if b.size > b.from.most {
		return false, errTooLarge
	}
	if err := b.reserve(int64(n)); err != nil {
		return false, err
	}

	if b.file == nil && b.size <= maxInMemory && b.from.memory.take(chunkSize) {
		b.chunks = append(b.chunks, chunk)
		return true, nil
	}

	if err := b.toFile(); err != nil {
		return false, &storeError{err}
	}
	if _, err := b.file.Write(chunk[:n]); err != nil {
		return false, &storeError{err}
	}

	return false, nil
}

// toFile moves the chunks in memory, which are all full, to a file.
func (b *held) toFile() (err error) {
	if b.file != nil {
		return nil
	}
	if b.file, err = os.CreateTemp(b.from.folder, "poolhouse-body-"); err != nil {
		return err
	}
	if err := os.Remove(b.file.Name()); err != nil { // some systems keep open files
		b.name = b.file.Name()
	}

	for _, chunk := range b.chunks {
		if _, err := b.file.Write(chunk[:]); err != nil {
			return err
		}
	}
	b.release()

	return nil
}

// release returns the chunks in memory.
func (b *held) release() {
	for _, chunk := range b.chunks {
		b.from.chunks.Put(chunk)
	}
	b.from.memory.give(chunkSize * int64(len(b.chunks)))
	b.chunks = nil
}

// Close frees the body, after all readers have returned.
func (b *held) Close() {
	b.use.Lock()
	defer b.use.Unlock()

	if b.closed {
		return
	}
	b.closed = true
	b.release()
	b.from.total.give(b.reserved)

	for _, caller := range b.callers {
		b.from.shares.give(caller, b.reserved)
	}

	if b.file == nil {
		return
	}
	_ = b.file.Close() // nobody reads it any more
	if b.name != "" {
		_ = os.Remove(b.name)
	}
}

// ReadAt implements io.ReaderAt.
func (b *held) ReadAt(p []byte, offset int64) (int, error) {
	b.use.RLock()
	defer b.use.RUnlock()

	if b.closed {
		return 0, os.ErrClosed
	}
	if b.file != nil {
		return b.file.ReadAt(p, offset)
	}

	n := 0
	for n < len(p) && offset < b.size {
		chunk, from := b.chunks[offset/chunkSize], offset%chunkSize
		more := copy(p[n:], chunk[from:min(chunkSize, from+b.size-offset)])
		n, offset = n+more, offset+int64(more)
	}
	if n < len(p) {
		return n, io.EOF
	}

	return n, nil
}

// Reader returns the body from its beginning. Its Close does not close the body.
func (b *held) Reader() io.ReadCloser { return io.NopCloser(io.NewSectionReader(b, 0, b.size)) }

// withheld is the number of bytes at the end of a streamed body that the service gets
// only after the SHA-256 of the whole body was found to be the signed one. A body up to
// this size reaches the service whole or not at all.
const withheld = 16 << 10

// streamed passes a body on as it arrives, but its last bytes only after its SHA-256 was
// checked. It fails at the end of a body that is not the signed one, so that the
// service sees a request that was cut off. One goroutine reads it at a time.
type streamed struct {
	source io.ReadCloser
	want   string // SHA-256 in hexadecimal

	sum    hash.Hash
	buffer bytes.Buffer // bytes that were read and not passed on
	err    error        // error that ended source; io.EOF = the whole body is the signed one

	arrived string      // SHA-256 of the body, if it is not the signed one
	other   atomic.Bool // whether the body is not the signed one; set after arrived
}

// otherSum returns the reason: the body is not the signed one.
func (s *streamed) otherSum() *explain.Refusal {
	return hashOther.With("stated", s.want, "arrived", s.arrived)
}

// fault returns errOtherSum if the body was found not to be the signed one.
func (s *streamed) fault() error {
	if s != nil && s.other.Load() {
		return errOtherSum
	}
	return nil
}

func newStreamed(source io.ReadCloser, want string) *streamed {
	return &streamed{
		source: source,
		want:   want,
		sum:    sha256.New(),
	}
}

// fill reads until some bytes can be passed on, or the body has ended.
func (s *streamed) fill() error {
	var room [8 << 10]byte
	for s.err == nil && s.buffer.Len() <= withheld {
		n, err := s.source.Read(room[:])
		s.sum.Write(room[:n])
		s.buffer.Write(room[:n])

		if errors.Is(err, io.EOF) {
			if sum := hex.EncodeToString(s.sum.Sum(nil)); sum != s.want {
				err, s.arrived = errOtherSum, sum
				s.other.Store(true)
			}
		}
		s.err = err
	}

	if s.err != nil && !errors.Is(s.err, io.EOF) {
		return s.err
	}

	return nil
}

func (s *streamed) Read(p []byte) (int, error) {
	if err := s.fill(); err != nil {
		return 0, err
	}
	if s.err != nil {
		return s.buffer.Read(p) // with io.EOF at its end
	}
	return s.buffer.Read(p[:min(len(p), s.buffer.Len()-withheld)])
}

func (s *streamed) Close() error {
	if err := s.source.Close(); err != nil {
		return fmt.Errorf("closing a body: %w", err)
	}
	return nil
}
