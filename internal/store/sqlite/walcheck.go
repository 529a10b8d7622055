package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
)

// SQLite goes on with the part of a write-ahead log that its checksums confirm, and
// drops the rest without a report. Most often the rest is a write that a crash cut
// off, which was never acknowledged. But if the file was cut or damaged, it can be
// acknowledged writes. reportLog reports which it is, as far as the log and the
// index beside it can show.
//
// Formats: https://www.sqlite.org/fileformat.html#walformat and
// https://www.sqlite.org/walformat.html#the_wal_index_file_format

const (
	logMagic       = 0x377f0682 // with the last bit set, checksums are big-endian
	logHeaderSize  = 32
	frameHeader    = 24
	leastPage      = 512
	mostPage       = 65536
	indexHeader    = 136     // two headers of 48 bytes, and the checkpoint's counters
	indexVersion   = 3007000 // of a log's index, in this machine's byte order
	indexBackfills = 96      // offset of the number of copied frames
)

// logFacts describes the content of a write-ahead log.
type logFacts struct {
	Size     int64 // bytes
	Header   bool  // the header is whole
	PageSize int64

	// The part that SQLite takes.
	Commits   int64 // whole transactions
	Committed int64 // their frames, a page each

	// The part that follows in the log's present generation.
	Unfinished int64 // whole frames after the last commit and before the first fault
	Faulty     bool  // a frame of this generation is cut or does not fit its checksum
	After      int64 // frames of this generation from the fault on, that one included
	Marks      int64 // of them, frames that end a transaction
	// Followed reports whether a transaction ended after the fault, and the frame
	// behind its end continues its checksum. SQLite writes that frame only when the
	// transaction is on disk.
	Followed bool

	salt [8]byte
}

// logVerdict is the conclusion from the facts.
type logVerdict int

const (
	logWhole      logVerdict = iota // all committed transactions are there
	logTorn                         // it ends in an unfinished write
	logDoubtful                     // the last write is not whole, and may have been acknowledged
	logIncomplete                   // committed writes are certainly missing
)

// judge compares the log with its index. The index counts a commit after the log's
// fsync, so a log that has fewer frames has lost some. indexed is negative if there
// is no index of the same generation.
func (f logFacts) judge(indexed int64) logVerdict {
	switch {
	case indexed > f.Committed, f.Followed:
		return logIncomplete
	case indexed >= 0 && f.Header:
		// The rest was not committed, or the process ended before it acknowledged it.
		if f.Marks > 0 || f.Faulty && f.After > 0 || f.Unfinished > 0 {
			return logTorn
		}
		return logWhole
	case !f.Header && f.Size > logHeaderSize, f.Marks > 0, f.Faulty:
		return logDoubtful
	case f.Unfinished > 0:
		return logTorn
	}

	return logWhole
}

// readLog reads a log once from beginning to end. It keeps one page in memory.
func readLog(r io.Reader, size int64) (logFacts, error) {
	facts := logFacts{Size: size}
	in := bufio.NewReaderSize(r, mostPage+frameHeader)
	var header [logHeaderSize]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return facts, ended(err)
	}

	magic := binary.BigEndian.Uint32(header[0:])
	facts.PageSize = int64(binary.BigEndian.Uint32(header[8:]))
	copy(facts.salt[:], header[16:24])
	sum := logSum{order: binary.LittleEndian}
	if magic&1 == 1 {
		sum.order = binary.BigEndian
	}
	sum.add(header[:24])
	facts.Header = magic&^1 == logMagic && sum.is(header[24:]) &&
		facts.PageSize >= leastPage && facts.PageSize <= mostPage && facts.PageSize&(facts.PageSize-1) == 0

	if !facts.Header {
		return facts, nil
	}

	return facts, facts.readFrames(in, sum)
}

// readFrames reads frames until one is of an older generation. Each frame's checksum
// continues that of the frame before. After a fault, readFrames continues the stored
// checksum of the faulty frame, which shows whether later frames were written after it.
func (f *logFacts) readFrames(in io.Reader, sum logSum) error {
	frame := make([]byte, frameHeader+f.PageSize)
	marked := false // the frame before is behind the fault and ends a transaction
	for {
		n, err := io.ReadFull(in, frame)
		if n >= 16 && [8]byte(frame[8:16]) != f.salt {
			return nil
		}
		if err != nil {
			if n >= 16 || n > 0 && f.Size != logSizeLimit { // cut in the middle
				f.Faulty = true
				f.After++
			}
			return ended(err)
		}

		sum.add(frame[:8])
		sum.add(frame[frameHeader:])

		fits := sum.is(frame[16:24]) && binary.BigEndian.Uint32(frame[0:]) != 0
		commit := binary.BigEndian.Uint32(frame[4:]) != 0
		switch {
		case !f.Faulty && fits && commit:
			f.Committed += f.Unfinished + 1
			f.Unfinished = 0
			f.Commits++
		case !f.Faulty && fits:
			f.Unfinished++
		default:
			f.Followed = f.Followed || marked && fits
			f.Faulty = true
			f.After++
			marked = commit
			if commit {
				f.Marks++
			}
		}
		sum.set(frame[16:24])
	}
}

// ended returns nil for the errors that mean the end of the file.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// logSum is the checksum of a log: two sums over 32-bit words.
type logSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (c *logSum) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		c.s0 += c.order.Uint32(b) + c.s1
		c.s1 += c.order.Uint32(b[4:]) + c.s0
	}
}

// is compares the sum with a stored one, which is big-endian in every log.
func (c *logSum) is(stored []byte) bool {
	return c.s0 == binary.BigEndian.Uint32(stored) && c.s1 == binary.BigEndian.Uint32(stored[4:])
}

// set continues from a stored sum.
func (c *logSum) set(stored []byte) {
	c.s0, c.s1 = binary.BigEndian.Uint32(stored), binary.BigEndian.Uint32(stored[4:])
}

// indexFacts has the counts of the index beside a log.
type indexFacts struct {
	Frames int64 // committed frames
	Copied int64 // of them, already in the database
	salt   [8]byte
}

// readIndex reads the head of a log's index; ok is false unless it is whole.
func readIndex(r io.Reader) (facts indexFacts, ok bool) {
	var b [indexHeader]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return indexFacts{}, false
	}
	order := binary.NativeEndian
	sum := logSum{order: nativeOrder()}
	sum.add(b[:40])
	if [48]byte(b[:48]) != [48]byte(b[48:96]) || order.Uint32(b[0:]) != indexVersion || b[12] == 0 ||
		sum.s0 != order.Uint32(b[40:]) || sum.s1 != order.Uint32(b[44:]) {
		return indexFacts{}, false
	}

	facts.Frames = int64(order.Uint32(b[16:]))
	facts.Copied = int64(order.Uint32(b[indexBackfills:]))
	copy(facts.salt[:], b[32:40])

	return facts, true
}

func nativeOrder() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// logFinding describes the log of a database before SQLite opens it.
type logFinding struct {
	facts   logFacts
	verdict logVerdict
	missing int64 // frames that the index counts and the log lacks; 0 = unknown
}

// inspectLog reads the log of the database at path and the index beside it. A
// missing log counts as empty: only its index can show that there was more.
func inspectLog(path string) (logFinding, error) {
	index, indexed, err := inspectIndex(path + "-shm")
	if err != nil {
		return logFinding{}, err
	}
	facts, err := inspectFrames(path + "-wal")
	if err != nil {
		return logFinding{}, err
	}

	frames := int64(-1)
	switch {
	case !indexed || index.Frames == 0:
	case facts.Header && index.salt == facts.salt:
		frames = index.Frames
	case !facts.Header && index.Copied < index.Frames:
		frames = index.Frames
	}
	found := logFinding{facts: facts, verdict: facts.judge(frames)}
	if !facts.Header && indexed && index.Copied >= index.Frames {
		found.verdict = logWhole // it was about to start over: the database has everything
	}
	if frames > facts.Committed {
		found.missing = frames - facts.Committed
	}

	return found, nil
}

func inspectIndex(path string) (indexFacts, bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return indexFacts{}, false, nil
	}
	if err != nil {
		return indexFacts{}, false, err
	}
	defer file.Close()

	facts, ok := readIndex(file)

	return facts, ok, nil
}

func inspectFrames(path string) (logFacts, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return logFacts{}, nil
	}
	if err != nil {
		return logFacts{}, err
	}
	defer file.Close()

	info, err := file.Stat()
	if err != nil {
		return logFacts{}, err
	}

	return readLog(file, info.Size())
}

// openPaths counts the stores of this process that have a database open. Changes that
// such a store makes meanwhile are no finding. Besides, closing a second handle of
// the index would drop the locks that SQLite has on it
// (https://www.sqlite.org/howtocorrupt.html, 2.2).
//
// cache: open files
var openPaths = struct {
	sync.Mutex
	stores   map[string]int
	reported map[string]*logFacts // last report about a path, so that it is reported once
}{stores: map[string]int{}, reported: map[string]*logFacts{}}

// enterPath counts a store and, if it is the first one of the process, reports on its
// log. leave is called when the store has closed the database.
func enterPath(path string, log *slog.Logger) (leave func()) {
	openPaths.Lock()
	defer openPaths.Unlock()

	if openPaths.stores[path] == 0 {
		openPaths.reported[path] = reportLog(path, openPaths.reported[path], log)
	}
	openPaths.stores[path]++

	return func() {
		openPaths.Lock()
		defer openPaths.Unlock()

		if openPaths.stores[path]--; openPaths.stores[path] == 0 {
			delete(openPaths.stores, path)
		}
	}
}

// reportLog logs what the log of the database at path lacks. Another process may
// have the database open and be writing, so it reports only what two readings agree
// on, and does not repeat the report before. It returns the facts that it reported.
func reportLog(path string, before *logFacts, log *slog.Logger) *logFacts {
	found, err := inspectLog(path)
	if err == nil && found.verdict != logWhole {
		var again logFinding
		if again, err = inspectLog(path); err == nil && again != found {
			return before
		}
	}
	if err != nil {
		log.Warn("the write-ahead log could not be checked", "path", path+"-wal", "err", err)
		return before
	}
	if found.verdict == logWhole || before != nil && found.facts == *before {
		return before
	}

	f := found.facts
	about := []any{
		"path", path + "-wal",
		"bytes", f.Size,
		"commits", f.Commits,
		"committed_frames", f.Committed,
		"frames_after", f.Unfinished + f.After,
	}

	switch found.verdict {
	case logTorn:
		log.Info("the write-ahead log ends in a write that was not finished, as after a crash; "+
			"nothing that was acknowledged is missing", about...)
	case logDoubtful:
		log.Warn("the write-ahead log is cut or damaged at its end: "+
			"after a power failure that is a write which was never acknowledged; "+
			"if the file was copied, cut or damaged, acknowledged writes are missing: compare with a backup", about...)
	case logIncomplete:
		missing := "unknown"
		if found.missing > 0 {
			missing = fmt.Sprint(found.missing)
		}
		log.Error("the write-ahead log is cut or damaged and acknowledged writes are missing: "+
			"copy the data folder away, check the disk, and restore the newest backup if they matter",
			append(about, "missing_frames", missing)...)
	}

	return &f
}
