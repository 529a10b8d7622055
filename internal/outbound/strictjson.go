package outbound

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Reasons for refusing JSON text. They quote nothing of the text.
var (
	errNotObject    = errors.New("a JSON value that is not an object")
	errNestedDeeply = errors.New("values nested too deeply")
	errSameName     = errors.New("the same member name twice")
	errCaseVariant  = errors.New("a member name in unusual letter case")
	errBadJSON      = errors.New("text that is not valid JSON in UTF-8")
	// ErrLargeMember means that a member that ParseSome was to return is too large.
	ErrLargeMember = errors.New("a registered claim of more than 16384 bytes")
)

// ParseObject reads one JSON object, which must have unique names at every level
// (RFC 7519 section 4) and nothing after it. Numbers become json.Number, so that
// no digit is lost.
//
// It refuses a name at the top level that differs from a member of exact only in
// letter case, since other JSON readers accept "Sub" for "sub". Other names may
// differ only in case.
func ParseObject(text []byte, maxDepth int, exact ...string) (map[string]any, error) {
	d := decoders.Get().(*jsontext.Decoder)
	defer func() {
		d.Reset(nothing) // so that it does not keep the text
		decoders.Put(d)
	}()

	d.Reset(bytes.NewBuffer(text))
	if d.PeekKind() != '{' {
		return nil, errNotObject
	}

	value, err := readValue(d, maxDepth)
	if err != nil {
		return nil, err
	}
	if d.PeekKind() != 0 || !emptyTail(d) {
		return nil, errBadJSON
	}
	object := value.(map[string]any)
	if !spelledExactly(object, exact) {
		return nil, errCaseVariant
	}

	return object, nil
}

// maxMemberBytes bounds each member that ParseSome reads. All claims of a token of
// the customary 16 KiB together are smaller.
const maxMemberBytes = 16 << 10

// ParseSome is ParseObject for the members in names. It checks the other members as
// strictly, but does not keep them in memory.
func ParseSome(text []byte, maxDepth int, names, exact []string) (map[string]any, error) {
	d := decoders.Get().(*jsontext.Decoder)
	defer func() {
		d.Reset(nothing)
		decoders.Put(d)
	}()

	d.Reset(bytes.NewBuffer(text))
	if d.PeekKind() != '{' {
		return nil, errNotObject
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, jsonReason(err)
	}

	object := map[string]any{}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, jsonReason(err)
		}
		name := token.String()
		if folded := foldCase(name); folded != name && slices.Contains(exact, folded) {
			return nil, errCaseVariant
		}

		before := d.InputOffset()
		if err := skipValue(d, maxDepth-1); err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			continue
		}

		member := bytes.TrimLeft(text[before:d.InputOffset()], ": \t\r\n")
		if len(member) > maxMemberBytes {
			return nil, ErrLargeMember
		}
		if object[name], err = readValue(jsontext.NewDecoder(bytes.NewReader(member)), maxDepth-1); err != nil {
			return nil, err
		}
	}

	if _, err := d.ReadToken(); err != nil {
		return nil, jsonReason(err)
	}
	if d.PeekKind() != 0 || !emptyTail(d) {
		return nil, errBadJSON
	}

	return object, nil
}

// skipValue skips the next value, which may have at most depth levels.
func skipValue(d *jsontext.Decoder, depth int) error {
	outside := d.StackDepth()
	for {
		if _, err := d.ReadToken(); err != nil {
			return jsonReason(err)
		}

		switch inside := d.StackDepth() - outside; {
		case inside > depth:
			return errNestedDeeply
		case inside == 0:
			return nil
		}
	}
}

// decoders are reused, to reuse the memory in which they keep member names.
var decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(nothing) }}

var nothing = new(bytes.Buffer)

// emptyTail reports whether only white space is left.
func emptyTail(d *jsontext.Decoder) bool {
	return len(bytes.Trim(d.UnreadBuffer(), " \t\r\n")) == 0
}

// readValue reads the next value. It reads at most depth levels, so no text
// makes the stack grow without a bound.
func readValue(d *jsontext.Decoder, depth int) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, jsonReason(err)
	}

	switch token.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return token.Bool(), nil
	case '"':
		return token.String(), nil
	case '0':
		return json.Number(token.String()), nil
	}
	if depth == 0 {
		return nil, errNestedDeeply
	}
	if token.Kind() == '[' {
		array := []any{}
		for d.PeekKind() != ']' {
			element, err := readValue(d, depth-1)
			if err != nil {
				return nil, err
			}
			array = append(array, element)
		}
		_, err = d.ReadToken()

		return array, jsonReason(err)
	}

	object := map[string]any{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, jsonReason(err)
		}
		key := name.String() // before the next read invalidates it
		if object[key], err = readValue(d, depth-1); err != nil {
			return nil, err
		}
	}
	_, err = d.ReadToken()

	return object, jsonReason(err)
}

// jsonReason replaces the reader's error, which quotes the text.
func jsonReason(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errSameName
	default:
		return errBadJSON
	}
}

// spelledExactly reports whether no name of object differs from one of exact only in
// letter case.
func spelledExactly(object map[string]any, exact []string) bool {
	for name := range object {
		if folded := foldCase(name); folded != name && slices.Contains(exact, folded) {
			return false
		}
	}
	return true
}

// foldCase maps names that differ only in letter case to one text, and names
// in lower-case ASCII to themselves. It follows Unicode's simple case folding,
// in which the long s and the Kelvin sign are letters s and k.
func foldCase(name string) string {
	plain := true
	for i := 0; i < len(name) && plain; i++ {
		plain = name[i] < utf8.RuneSelf && (name[i] < 'A' || name[i] > 'Z')
	}
	if plain {
		return name
	}

	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		if least < utf8.RuneSelf {
			return unicode.ToLower(least)
		}
		return least
	}, name)
}
