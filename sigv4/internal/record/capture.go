package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

// capture answers every connection with a plausible response and keeps the bytes of the request.
type capture struct {
	requests chan captured
}

type captured struct {
	raw []byte
	at  time.Time
}

func newCapture(address string) (*capture, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}

	c := &capture{requests: make(chan captured, 16)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				log.Fatalf("record: %v", err)
			}

			go c.serve(conn)
		}
	}()

	return c, nil
}

// next returns the request of the last call, which must have made exactly one.
func (c *capture) next() ([]byte, time.Time, error) {
	select {
	case r := <-c.requests:
		if len(c.requests) > 0 {
			return nil, time.Time{}, errors.New("more than one request was sent")
		}
		return r.raw, r.at, nil
	default:
		return nil, time.Time{}, errors.New("no request was sent")
	}
}

func (c *capture) serve(conn net.Conn) {
	defer conn.Close()

	var raw bytes.Buffer
	r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &raw)))
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}

	c.requests <- captured{raw.Bytes(), time.Now().UTC()}

	body, contentType := `{"IdentityPools":[]}`, "application/x-amz-json-1.1"
	if r.Header.Get("X-Amz-Target") == "" {
		contentType = "text/xml"
		body = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">` +
			`<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/example</Arn>` +
			`<UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult>` +
			`<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>` +
			`</GetCallerIdentityResponse>`
	}

	response := http.Response{
		StatusCode:    http.StatusOK,
		ProtoMajor:    1,
		ProtoMinor:    1,
		Close:         true,
		Header:        http.Header{"Content-Type": {contentType}},
		ContentLength: int64(len(body)),
		Body:          io.NopCloser(strings.NewReader(body)),
	}
	if err := response.Write(conn); err != nil {
		log.Printf("record: answering: %v", err)
	}
}
