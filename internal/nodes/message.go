package nodes

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
)

// Types of messages.
const (
	greeting = "hello"  // to all, by a node that has begun to listen
	here     = "here"   // to the one that greeted
	goodbye  = "bye"    // to all, by a node that stops
	question = "ask"    // to all
	leave    = "leave"  // to all: nobody waits for the answers any more
	answer   = "answer" // to the one that asked
)

const (
	// messageAge is how much a node's clock may differ, with the way of a message.
	messageAge = time.Minute
	// partSize bounds the body of one part. With its header, sealed and in base64, it stays below the 8000
	// bytes of a notification.
	partSize = 4500
	// maxParts bounds the parts of an answer.
	maxParts = 64
	// maxBody bounds a body before it is compressed, in bytes.
	maxBody = 4 << 20
	maxText = 128 // of a name, in bytes

	place = "message between nodes, version 1" // of the sealed text
)

// errTooLarge means that a body does not fit into its parts.
var errTooLarge = errors.New("the message is too large")

// message is one part of what a node sends to others.
type message struct {
	Type     string `json:"type"`
	ID       string `json:"id"` // of the part
	From     string `json:"from"`
	Name     string `json:"name"`         // of the sender, for people
	To       string `json:"to,omitempty"` // "" = all
	At       int64  `json:"at"`           // Unix time in milliseconds
	Kind     string `json:"kind,omitempty"`
	Question string `json:"question,omitempty"` // its ID
	Wait     int64  `json:"wait,omitempty"`     // how long the answer may wait, in milliseconds
	Part     int    `json:"part,omitempty"`
	Parts    int    `json:"parts,omitempty"`

	Body []byte `json:"-"` // of an answer still compressed, and a part
}

// seal returns the messages to send, one for each part.
func (m message) seal(sealer *envelope.Sealer) (parts []string, err error) {
	m.Name = m.Name[:min(len(m.Name), maxText)]
	body, err := compress(m.Body)
	if err != nil {
		return nil, err
	}

	m.Parts = max((len(body)+partSize-1)/partSize, 1)
	if m.Parts > maxParts || m.Type != answer && m.Parts > 1 {
		return nil, fmt.Errorf("%w: %d bytes, %d compressed", errTooLarge, len(m.Body), len(body))
	}

	for m.Part = range m.Parts {
		m.ID = rand.Text()
		header, err := json.Marshal(m)
		if err != nil {
			return nil, err
		}
		part := body[m.Part*partSize : min((m.Part+1)*partSize, len(body))]
		sealed := sealer.Seal(bytes.Join([][]byte{header, part}, []byte{'\n'}), place)
		parts = append(parts, base64.RawStdEncoding.EncodeToString(sealed))
	}

	return parts, nil
}

// open reads a part. It fails if no node of this database has sealed it.
func open(sealer *envelope.Sealer, text string) (m message, err error) {
	sealed, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return m, err
	}
	plain, err := sealer.Open(sealed, place)
	if err != nil {
		return m, err
	}

	header, body, found := bytes.Cut(plain, []byte{'\n'})
	if !found {
		return m, errors.New("a message without a body")
	}
	if err := json.Unmarshal(header, &m); err != nil {
		return m, err
	}
	if m.Parts < 1 || m.Parts > maxParts || m.Part < 0 || m.Part >= m.Parts {
		return m, errors.New("a part that does not exist")
	}

	m.Body = body
	if m.Type != answer {
		m.Body, err = expand(body)
	}

	return m, err
}

func compress(body []byte) ([]byte, error) {
	if len(body) > maxBody {
		return nil, fmt.Errorf("%w: %d bytes", errTooLarge, len(body))
	}
	if len(body) == 0 {
		return nil, nil
	}

	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}

	return b.Bytes(), nil
}

func expand(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, nil
	}

	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(body)), maxBody+1))
	if err == nil && len(text) > maxBody {
		err = errTooLarge
	}

	return text, err
}
