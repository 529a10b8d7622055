package devapi

import (
	"bytes"
	"cmp"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxRequest bounds a request of ReadJSON, in bytes.
const MaxRequest = 64 << 10

// ErrorResponse is the body of every answer that is no success.
type ErrorResponse struct {
	Error string `json:"error"`
}

// ReadJSON reads a request of one JSON object into a struct. Names of members count as they are written. A member
// that the struct lacks, and one that comes twice, is refused. A number in an interface is a json.Number of
// encoding/json, which keeps all its digits. If ReadJSON fails, it answers with what is wrong, and the rule.
func ReadJSON(w http.ResponseWriter, r *http.Request, into any, rule string) bool {
	if !isJSON(r) {
		Refuse(w, http.StatusUnsupportedMediaType, "send application/json")
		return false
	}

	body, read := readBody(w, r, rule)
	return read && decode(w, body, into, rule)
}

// ReadOptionalJSON is ReadJSON, but an empty body is as good as an empty object.
func ReadOptionalJSON(w http.ResponseWriter, r *http.Request, into any, rule string) bool {
	body, read := readBody(w, r, rule) // clients may send an empty body in chunks, or with any Content-Type
	if !read || len(body) == 0 {
		return read
	}
	if !isJSON(r) {
		Refuse(w, http.StatusUnsupportedMediaType, "send application/json")
		return false
	}

	return decode(w, body, into, rule)
}

// isJSON tells JSON from a form post, which needs no preflight, so that a foreign page could send one.
func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

func readBody(w http.ResponseWriter, r *http.Request, rule string) (body []byte, read bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
	if err != nil {
		Refuse(w, http.StatusBadRequest,
			fmt.Sprintf("the body has more than %d bytes, or was cut off: %s", MaxRequest, rule))
		return nil, false
	}
	return body, true
}

func decode(w http.ResponseWriter, body []byte, into any, rule string) bool {
	err := errNoObject
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		err = json.Unmarshal(body, into, json.RejectUnknownMembers(true), json.WithUnmarshalers(exactNumbers))
	}
	if err != nil {
		Refuse(w, http.StatusBadRequest, wrong(err)+": "+rule)
		return false
	}

	return true
}

var errNoObject = errors.New("the body is no JSON object")

// exactNumbers keeps all digits of numbers that no field has a type for.
var exactNumbers = json.UnmarshalFromFunc(func(decoder *jsontext.Decoder, into *any) error {
	if decoder.PeekKind() != '0' {
		return errors.ErrUnsupported
	}

	number, err := decoder.ReadValue()
	*into = stdjson.Number(number)

	return err
})

// wrong tells what is wrong with a body, without the names of our types.
func wrong(err error) string {
	if invalid, ok := errors.AsType[*json.SemanticError](err); ok {
		place := strings.ReplaceAll(strings.TrimPrefix(string(invalid.JSONPointer), "/"), "/", ".")
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return fmt.Sprintf("unknown member %q", place)
		case invalid.JSONKind == 0:
			return cmp.Or(place, "the body") + " is of another type"
		case invalid.JSONKind == '0' && invalid.JSONValue != nil:
			return cmp.Or(place, "the body") + " cannot be " + string(invalid.JSONValue)
		default:
			return cmp.Or(place, "the body") + " cannot be " + kindName(invalid.JSONKind)
		}
	}

	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "a member comes twice"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the body ends too early"
	default:
		return strings.TrimPrefix(err.Error(), "jsontext: ")
	}
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case '0':
		return "a number"
	case '"':
		return "a text"
	case 't', 'f':
		return "true or false"
	case '{':
		return "an object"
	case '[':
		return "a list"
	default:
		return "null"
	}
}

// WriteJSON answers with JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = stdjson.NewEncoder(w).Encode(v) // an error means that the client has gone
}

// Refuse answers with an error.
func Refuse(w http.ResponseWriter, status int, text string) {
	WriteJSON(w, status, ErrorResponse{Error: text})
}
