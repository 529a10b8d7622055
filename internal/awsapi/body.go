package awsapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// buffers holds the buffers of request bodies.
var buffers = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, 4<<10)) }}

func getBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= 64<<10 { // a rare giant must not stay
		b.Reset()
		buffers.Put(b)
	}
}

// readBody reads r's body of at most limit bytes into buf.
func readBody(buf *bytes.Buffer, r *http.Request, limit int64) error {
	if r.Body == nil {
		return nil
	}

	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	if err := readAtMost(buf, r.Body, limit); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return tooLarge(limit)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return RefusedAs(Malformed, bodyCut.With(), "The body ends before its announced length.").Because(err)
		}
		return RefusedAs(Malformed, bodyUnread.With(), "The body could not be read.").Because(err)
	}

	return nil
}

// readAtMost reads all of body unless it is longer than limit.
func readAtMost(buf *bytes.Buffer, body io.Reader, limit int64) error {
	for {
		buf.Grow(bytes.MinRead)
		free := buf.AvailableBuffer()
		n, err := body.Read(free[:cap(free)])
		buf.Write(free[:n])

		switch {
		case int64(buf.Len()) > limit:
			return &http.MaxBytesError{Limit: limit}
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func tooLarge(limit int64) error {
	most := strconv.FormatInt(limit, 10)
	return RefusedAs(Malformed, bodySize.With("limit", most), "The body is larger than "+most+" bytes.")
}

// maxDiscarded is how much of a body that is too large is read and dropped.
const maxDiscarded = 8 << 20 // bytes

// discardRest reads on from a body that is too large, or not wanted. A client that is
// still sending when the connection closes gets a reset, and never reads why. It
// returns nil only if the body has come to its end.
func discardRest(r *http.Request, body io.Reader) error {
	if r.Header.Get("Expect") != "" {
		return errUnread // the client waits for our permission
	}

	switch n, err := io.CopyN(io.Discard, body, maxDiscarded); {
	case err == io.EOF:
		return nil
	case n == maxDiscarded:
		return errUnread // whoever sends more loses the answer
	default:
		return err
	}
}

var errUnread = errors.New("the body was not read to its end")
