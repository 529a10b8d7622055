package openloop

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// longestAnswer bounds what is read of an answer, in bytes.
const longestAnswer = 64 << 10

// connection has one request under way at a time.
type connection struct {
	net.Conn
	buffer []byte
}

// answer is as much of a response as is needed. Its body is good until the next
// exchange on the connection.
type answer struct {
	status int
	body   []byte
	closes bool // the server will close the connection
}

func (a *answer) contains(member string) bool { return bytes.Contains(a.body, []byte(member)) }

// exchange sends a whole request and reads its answer. After an error the
// connection must not be used again.
func (c *connection) exchange(request []byte, deadline time.Time) (answer, error) {
	if err := c.SetDeadline(deadline); err != nil {
		return answer{}, err
	}
	if _, err := c.Write(request); err != nil {
		return answer{}, err
	}

	if c.buffer == nil {
		c.buffer = make([]byte, 4096)
	}

	read := 0
	for {
		n, err := c.Read(c.buffer[read:])
		read += n
		if a, whole, parseErr := c.parse(c.buffer[:read]); whole || parseErr != nil {
			return a, parseErr
		}
		if err == nil && read == longestAnswer {
			err = errors.New("the answer is too long")
		}
		if err != nil {
			return answer{}, err
		}
		if read == len(c.buffer) {
			c.buffer = append(c.buffer, make([]byte, len(c.buffer))...)
		}
	}
}

var (
	endOfHeader   = []byte("\r\n\r\n")
	contentLength = []byte("Content-Length: ")
	closeHeader   = []byte("\r\nConnection: close\r\n")
)

// parse takes what has been read of a response, whose headers are spelled as
// net/http spells them. false: more must be read.
func (c *connection) parse(text []byte) (a answer, whole bool, err error) {
	head, body, found := bytes.Cut(text, endOfHeader)
	if !found {
		return answer{}, false, nil
	}

	head = text[:len(head)+2] // with the end of the last line
	if len(head) < len("HTTP/1.1 200") || !bytes.HasPrefix(head, []byte("HTTP/1.")) {
		return answer{}, false, errors.New("the answer is no HTTP")
	}
	if a.status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return answer{}, false, errors.New("the answer has no status")
	}
	a.closes = bytes.Contains(head, closeHeader)

	_, value, found := bytes.Cut(head, contentLength)
	if !found {
		return c.parseSlowly(text, a)
	}
	value, _, _ = bytes.Cut(value, []byte("\r\n"))
	length, err := strconv.Atoi(string(value))
	if err != nil || length < 0 {
		return answer{}, false, errors.New("the answer has no length")
	}
	if len(body) < length {
		return answer{}, false, nil
	}

	a.body = body[:length]

	return a, true, nil
}

// parseSlowly reads a response of unstated length, such as a chunked one.
func (c *connection) parseSlowly(text []byte, a answer) (answer, bool, error) {
	response, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(text), c)), nil)
	if err != nil {
		return answer{}, false, err
	}

	if a.body, err = io.ReadAll(io.LimitReader(response.Body, longestAnswer)); err != nil {
		return answer{}, false, err
	}
	a.closes = a.closes || response.Close

	return a, true, response.Body.Close()
}
