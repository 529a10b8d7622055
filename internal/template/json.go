package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// jsonReader reads JSON, and knows the line where it is.
type jsonReader struct {
	text    []byte
	decoder *json.Decoder
	counted int64 // bytes whose lines are counted
	line    int
}

func parseJSON(text []byte) (*node, error) {
	r := &jsonReader{text: text, decoder: json.NewDecoder(bytes.NewReader(text)), line: 1}
	r.decoder.UseNumber()

	return r.value(0)
}

// next returns the next token; then line is its line.
func (r *jsonReader) next() (json.Token, error) {
	t, err := r.decoder.Token()
	at := min(r.decoder.InputOffset(), int64(len(r.text)))
	r.line += bytes.Count(r.text[r.counted:at], []byte("\n"))
	r.counted = at

	return t, err
}

var errDeepJSON = errors.New("nested too deeply")

func (r *jsonReader) value(depth int) (*node, error) {
	t, err := r.next()
	if err != nil {
		return nil, err
	}
	n := &node{line: r.line}
	if depth > 2*MaxDepth {
		return nil, fmt.Errorf("line %d: %w", r.line, errDeepJSON)
	}

	switch t := t.(type) {
	case nil:
		n.kind = kindNull
	case bool:
		n.kind, n.text = kindBoolean, fmt.Sprint(t)
	case json.Number:
		n.kind, n.text = kindNumber, t.String()
	case string:
		n.kind, n.text = kindText, t
	case json.Delim:
		if t == '[' {
			n.kind = kindList
			return n, r.list(n, depth)
		}
		n.kind = kindMapping

		return n, r.mapping(n, depth)
	}

	return n, nil
}

func (r *jsonReader) list(n *node, depth int) error {
	for r.decoder.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.list = append(n.list, v)
	}
	_, err := r.next()

	return err
}

// mapping refuses a key that is there twice: readers do not agree on which counts.
func (r *jsonReader) mapping(n *node, depth int) error {
	keys := map[string]bool{}
	for r.decoder.More() {
		t, err := r.next()
		if err != nil {
			return err
		}
		e := entry{line: r.line}
		e.key, _ = t.(string) // the decoder takes nothing else
		if keys[e.key] {
			return fmt.Errorf("line %d: the key %q is there twice", r.line, e.key)
		}
		keys[e.key] = true
		if e.value, err = r.value(depth + 1); err != nil {
			return err
		}
		n.entries = append(n.entries, e)
	}
	_, err := r.next()

	return err
}
