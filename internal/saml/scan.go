package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mattermost/xml-roundtrip-validator"
)

// scanLimits bound a document before it is parsed into a tree.
type scanLimits struct {
	tokens   int // elements, attributes, texts
	depth    int
	comments bool // comments are allowed
}

const (
	xmlNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"
)

// scanned is an open element.
type scanned struct {
	name       xml.Name          // prefix and local name as written
	namespaces map[string]string // those it declares; prefix to name
}

// scanner checks the raw tokens of a document. It refuses constructs on which
// parsers disagree, and which encoding/xml and tree libraries accept: entities,
// unbound or rebound prefixes, repeated attributes, several IDs.
type scanner struct {
	limits scanLimits
	open   []scanned
	ids    map[string]bool
	tokens int
	roots  int
}

// scan refuses documents that are not plain, well-formed, namespace-correct XML
// in UTF-8 without DOCTYPE. The error names the problem without quoting text.
func scan(document []byte, limits scanLimits) error {
	switch {
	case bytes.HasPrefix(document, []byte("\xef\xbb\xbf")):
		return errors.New("it begins with a byte order mark")
	case !utf8.Valid(document):
		return errors.New("it is not UTF-8")
	case bytes.Contains(document, []byte("<![")):
		return errors.New("it has a CDATA section") // and marked sections of a DTD
	}

	s := &scanner{limits: limits, ids: map[string]bool{}}
	decoder := xml.NewDecoder(bytes.NewReader(document))
	for {
		at := decoder.InputOffset()
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("it is not well-formed XML near byte %d", at)
		}
		if s.tokens++; s.tokens > limits.tokens {
			return fmt.Errorf("it has more than %d parts", limits.tokens)
		}
		if err := s.token(token, at); err != nil {
			return err
		}
	}

	if len(s.open) > 0 || s.roots != 1 {
		return errors.New("it is not one complete element")
	}
	// Names and attributes may read differently after they are written again.
	if err := validator.Validate(bytes.NewReader(document)); err != nil {
		return errors.New("its XML changes meaning when it is parsed and written again")
	}

	return nil
}

func (s *scanner) token(token xml.Token, at int64) error {
	switch t := token.(type) {
	case xml.StartElement:
		return s.start(t)
	case xml.EndElement:
		if len(s.open) == 0 || s.open[len(s.open)-1].name != t.Name {
			return errors.New("its tags do not match")
		}
		s.open = s.open[:len(s.open)-1]
	case xml.CharData:
		if len(s.open) == 0 && len(bytes.TrimSpace(t)) > 0 {
			return errors.New("it has text outside its root element")
		}
	case xml.Comment:
		if !s.limits.comments {
			return errors.New("it has a comment")
		}
	case xml.ProcInst:
		if t.Target != "xml" || at != 0 {
			return errors.New("it has a processing instruction")
		}
	case xml.Directive:
		return errors.New("it has a document type declaration")
	}

	return nil
}

func (s *scanner) start(t xml.StartElement) error {
	if len(s.open) == 0 {
		s.roots++
	}
	if len(s.open) >= s.limits.depth {
		return fmt.Errorf("its elements are nested deeper than %d", s.limits.depth)
	}
	if s.tokens += len(t.Attr); s.tokens > s.limits.tokens {
		return fmt.Errorf("it has more than %d parts", s.limits.tokens)
	}

	element := scanned{name: t.Name}
	for _, a := range t.Attr {
		prefix, declares := "", false
		switch {
		case a.Name.Space == "xmlns":
			prefix, declares = a.Name.Local, true
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			declares = true
		}
		if !declares {
			continue
		}

		if err := checkDeclaration(prefix, a.Value); err != nil {
			return err
		}
		if _, twice := element.namespaces[prefix]; twice {
			return errors.New("an element declares a namespace prefix twice")
		}
		if element.namespaces == nil {
			element.namespaces = map[string]string{}
		}
		element.namespaces[prefix] = a.Value
	}

	s.open = append(s.open, element)
	if err := s.checkName(t.Name); err != nil {
		return err
	}

	return s.attributes(t.Attr)
}

// checkDeclaration refuses declarations that rebind reserved names, undeclare a
// prefix, or name a relative URI: canonicalisers disagree on these.
func checkDeclaration(prefix, name string) error {
	switch {
	case prefix == "xml" || prefix == "xmlns" || name == xmlNamespace || name == xmlnsNamespace:
		return errors.New("it redeclares a reserved namespace")
	case prefix != "" && name == "":
		return errors.New("it undeclares a namespace prefix")
	case name != "" && (!strings.Contains(name, ":") ||
		strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })):
		return errors.New("a namespace is not an absolute URI")
	}

	return nil
}

// namespace resolves a prefix in the open elements.
func (s *scanner) namespace(prefix string) (string, bool) {
	if prefix == "xml" {
		return xmlNamespace, true
	}

	for i := len(s.open) - 1; i >= 0; i-- {
		if name, ok := s.open[i].namespaces[prefix]; ok {
			return name, true
		}
	}

	return "", prefix == ""
}

func (s *scanner) checkName(n xml.Name) error {
	if n.Local == "" || n.Space == "xmlns" || strings.Contains(n.Local, ":") || strings.Contains(n.Space, ":") {
		return errors.New("it has a name that is not a qualified name")
	}
	if _, ok := s.namespace(n.Space); !ok {
		return errors.New("it uses a namespace prefix that it does not declare")
	}
	return nil
}

// attributes refuses repeated attributes, and IDs to which a signature could refer
// in more than one way.
func (s *scanner) attributes(list []xml.Attr) error {
	seen := make(map[xml.Name]bool, len(list))
	identified := false
	for _, a := range list {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		if err := s.checkName(a.Name); err != nil {
			return err
		}

		resolved := xml.Name{Local: a.Name.Local}
		if a.Name.Space != "" { // the default namespace does not apply to attributes
			resolved.Space, _ = s.namespace(a.Name.Space)
		}
		if seen[resolved] {
			return errors.New("an element has an attribute twice")
		}
		seen[resolved] = true
		if !strings.EqualFold(a.Name.Local, "id") {
			continue
		}

		switch {
		case a.Name.Space != "":
			return errors.New("an ID attribute has a namespace prefix")
		case identified:
			return errors.New("an element has two IDs")
		case s.ids[a.Value]:
			return errors.New("two elements have the same ID")
		}
		identified, s.ids[a.Value] = true, true
	}

	return nil
}
