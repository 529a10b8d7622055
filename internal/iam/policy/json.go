package policy

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// object reads an object, and calls member after each name.
func (p *parser) object(where string, member func(name string) error) error {
	if kind := p.dec.PeekKind(); kind != '{' {
		return p.unexpected(where, "an object", kind)
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return p.syntax(err)
	}

	for p.dec.PeekKind() != '}' {
		name, err := p.dec.ReadToken()
		if err != nil {
			return p.syntax(err)
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}

	_, err := p.dec.ReadToken()

	return p.syntax(err)
}

// array reads a list, and calls element before each of its values.
func (p *parser) array(where, want string, element func(i int) error) error {
	if kind := p.dec.PeekKind(); kind != '[' {
		return p.unexpected(where, want, kind)
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return p.syntax(err)
	}

	for i := 0; p.dec.PeekKind() != ']'; i++ {
		if err := element(i); err != nil {
			return err
		}
	}

	_, err := p.dec.ReadToken()

	return p.syntax(err)
}

func (p *parser) text(where string) (string, error) {
	if kind := p.dec.PeekKind(); kind != '"' {
		return "", p.unexpected(where, "a string", kind)
	}
	token, err := p.dec.ReadToken()
	if err != nil {
		return "", p.syntax(err)
	}
	return token.String(), nil
}

// texts reads a string or a list of at least one string.
func (p *parser) texts(where string) ([]string, error) {
	return p.values(where, "a string or a list of strings", '"')
}

// scalars reads a string, number or boolean, or a list of at least one of them.
func (p *parser) scalars(where string) ([]string, error) {
	return p.values(where, "a string, number or boolean, or a list of them", '"', '0', 't', 'f')
}

func (p *parser) values(where, want string, kinds ...jsontext.Kind) ([]string, error) {
	var list []string
	one := func(int) error {
		if kind := p.dec.PeekKind(); !slices.Contains(kinds, kind) {
			return p.unexpected(where, want, kind)
		}
		token, err := p.dec.ReadToken()
		if err != nil {
			return p.syntax(err)
		}
		list = append(list, token.String())

		return nil
	}

	if p.dec.PeekKind() != '[' {
		err := one(0)
		return list, err
	}
	if err := p.array(where, want, one); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fault(where, "the list is empty")
	}

	return list, nil
}

// unexpected returns the error for a value of the wrong type, or for a syntax error in
// its place.
func (p *parser) unexpected(where, want string, got jsontext.Kind) error {
	if got == 0 {
		if _, err := p.dec.ReadToken(); err != nil {
			return p.syntax(err)
		}
	}
	return fault(where, "must be %s, not %s", want, got)
}

func (p *parser) syntax(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault("", "the document ends at byte %d, before it is complete", p.dec.InputOffset())
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(s, jsontext.ErrDuplicateName) {
			return fault(pointer(s.JSONPointer), "is given twice")
		}
		return fault(pointer(s.JSONPointer), "not JSON at byte %d: %v", s.ByteOffset, s.Err)
	}

	return fault("", "not JSON: %v", err)
}

// pointer returns a JSON pointer in the notation of ParseError.Where.
func pointer(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			b.WriteString("[" + token + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(token)
		}
	}

	return b.String()
}
