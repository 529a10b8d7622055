package awsapi

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth bounds the nesting of a JSON body.
const maxDepth = 16

// decodeJSON decodes body strictly: one object, valid UTF-8, no member twice, no wrong
// type, no null inside a list or map. A null member counts as absent; an unknown one is
// ignored. Errors name the member and never quote a value.
func decodeJSON(body []byte, in any) error {
	if tooDeep(body) {
		most := strconv.Itoa(maxDepth)
		return RefusedAs(Malformed, bodyDepth.With("limit", most),
			"The body is nested more than "+most+" levels deep.")
	}
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return RefusedAs(Malformed, bodyObject.With(), "The body must be a JSON object.")
	}

	options := decodeOptions
	if bytes.Contains(body, []byte("null")) { // rare, and checking each value is slow
		options = decodeNullOptions
	}

	err := json.Unmarshal(body, in, options)
	if err == nil {
		return nil
	}

	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return wrongType(semantic)
	}

	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			where, fault := memberOf(syntactic.JSONPointer), " appears twice."
			if nested(syntactic.JSONPointer) {
				fault = " contains a name twice."
			}
			return RefusedAs(Malformed, bodyTwice.With().Of(pathOf(syntactic.JSONPointer)), where+fault)
		}

		offset := strconv.FormatInt(syntactic.ByteOffset, 10)

		return RefusedAs(Malformed, bodySyntax.With("offset", offset),
			"The body is not valid JSON: see byte "+offset+".")
	}

	return RefusedAs(Malformed, bodyUnread.With(), "The body cannot be read.").Because(err)
}

var (
	errNotString = errors.New("not a string in a list or map of strings")
	errNullText  = fmt.Errorf("null: %w", errNotString)
	errNull      = errors.New("null in a list or map")
)

// wrongType reports which member has the wrong type, and which it should have. The
// library's own message would quote the value.
func wrongType(e *json.SemanticError) *Error {
	where, want := memberOf(e.JSONPointer), typeName(e.GoType)
	message := where + " has the wrong type: it must be " + want + "."

	switch {
	case errors.Is(e.Err, errNotString):
		want, message = "strings only", where+" must contain strings only."
	case errors.Is(e.Err, errNull):
		want, message = "values other than null", where+" must not contain null."
	case nested(e.JSONPointer):
		message = where + " contains a value of the wrong type: it must be " + want + "."
	}

	why := bodyMember.With("type", want, "got", cmp.Or(kindNames[e.JSONKind], "a value of another type"))
	if errors.Is(e.Err, errNullText) || errors.Is(e.Err, errNull) {
		why = bodyNull.With("type", want)
	}

	return RefusedAs(Malformed, why.Of(pathOf(e.JSONPointer)), message)
}

// kindNames names the types of JSON values.
var kindNames = map[jsontext.Kind]string{
	'n': "null",
	't': "true or false",
	'f': "true or false",
	'"': "a string",
	'0': "a number",
	'[': "a list",
	'{': "an object",
}

// typeNames names the types of members; those of all others are objects.
var typeNames = map[reflect.Kind]string{
	reflect.String: "a string",
	reflect.Bool:   "true or false",
	reflect.Int:    "an integer",
	reflect.Slice:  "a list",
}

func typeName(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "of another type"
	}

	return cmp.Or(typeNames[t.Kind()], "an object")
}

// decodeOptions replaces the decoding of lists and maps of strings, which would turn
// null into "".
var decodeOptions = json.WithUnmarshalers(json.JoinUnmarshalers(
	json.UnmarshalFromFunc(decodeStrings), json.UnmarshalFromFunc(decodeStringMap)))

// decodeNullOptions also refuses null as an element of a list or map of structures:
// it would become a structure without members.
var decodeNullOptions = json.WithUnmarshalers(json.JoinUnmarshalers(
	json.UnmarshalFromFunc(decodeStrings), json.UnmarshalFromFunc(decodeStringMap),
	json.UnmarshalFromFunc(refuseNull)))

// refuseNull is called for every value. Structures that may be absent are pointers, so
// a plain structure is an element.
func refuseNull(dec *jsontext.Decoder, value any) error {
	if dec.PeekKind() == 'n' && reflect.TypeOf(value).Elem().Kind() == reflect.Struct {
		return errNull
	}
	return errors.ErrUnsupported
}

func decodeStrings(dec *jsontext.Decoder, list *[]string) error {
	switch dec.PeekKind() {
	case 'n':
		*list = nil
		return dec.SkipValue()
	case '[':
	default:
		return errors.ErrUnsupported // the library reports it
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}

	out := []string{}
	for dec.PeekKind() != ']' {
		s, err := readString(dec)
		if err != nil {
			return err
		}
		out = append(out, s)
	}

	*list = out
	_, err := dec.ReadToken()

	return err
}

func decodeStringMap(dec *jsontext.Decoder, m *map[string]string) error {
	switch dec.PeekKind() {
	case 'n':
		*m = nil
		return dec.SkipValue()
	case '{':
	default:
		return errors.ErrUnsupported
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}

	out := map[string]string{}
	for dec.PeekKind() != '}' {
		k, err := readString(dec)
		if err != nil {
			return err
		}
		if out[k], err = readString(dec); err != nil {
			return err
		}
	}

	*m = out
	_, err := dec.ReadToken()

	return err
}

func readString(dec *jsontext.Decoder) (string, error) {
	t, err := dec.ReadToken()
	if err != nil {
		return "", err
	}

	switch t.Kind() {
	case '"':
		return t.String(), nil
	case 'n':
		return "", errNullText
	default:
		return "", errNotString
	}
}

// memberOf names the top-level member that a JSON pointer leads into.
func memberOf(p jsontext.Pointer) string {
	for name := range p.Tokens() {
		return "Member " + plain(name)
	}
	return "The body"
}

// pathOf returns the member that a JSON pointer leads into, as the client wrote it, or
// "" for the body.
func pathOf(p jsontext.Pointer) string {
	for name := range p.Tokens() {
		return printable(name)
	}
	return ""
}

// memberPath returns the name of a member that a client sent, in lower camel case as in
// violations.
func memberPath(name string) string {
	name = printable(name)
	if name == "" {
		return name
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// nested reports whether a JSON pointer leads below a top-level member.
func nested(p jsontext.Pointer) bool { return strings.Count(string(p), "/") > 1 }

// plain quotes a name that a client sent.
func plain(name string) string { return "'" + printable(name) + "'" }

// printable returns a name that a client sent, if it looks like one: a secret in the
// wrong place must not reach the log.
func printable(name string) string {
	if len(name) > 64 {
		return "(a long name)"
	}

	for i := range len(name) {
		if c := name[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("_.-", c) >= 0) {
			return "(an unusual name)"
		}
	}

	return name
}

// tooDeep reports whether brackets nest beyond maxDepth.
func tooDeep(b []byte) bool {
	if bytes.Count(b, []byte("{"))+bytes.Count(b, []byte("[")) <= maxDepth {
		return false // the usual case, without a look at each byte
	}

	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}

	return false
}

// Text returns the value of an optional text of an input; "" = it is absent.
func Text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}
