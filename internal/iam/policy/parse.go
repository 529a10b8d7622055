package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseError is a fault of a document that cannot be read.
type ParseError struct {
	Where   string // e.g. Statement[1].Condition.StringEquals; "" = the document
	Problem string
}

// Error returns "Where: Problem".
func (e *ParseError) Error() string {
	if e.Where == "" {
		return e.Problem
	}
	return e.Where + ": " + e.Problem
}

func fault(where, format string, args ...any) error {
	return &ParseError{Where: where, Problem: fmt.Sprintf(format, args...)}
}

// Parse reads and compiles one policy document. It refuses unknown elements, elements
// of the wrong type, members given twice, unknown condition operators, values that the
// operator cannot compare, malformed policy variables, and documents over
// maxDocumentBytes. Its errors are *ParseError.
//
// Not every document is a trust policy or a permission policy: see Document.CheckTrust
// and Document.CheckIdentity.
func Parse(doc []byte) (*Document, error) {
	d, written, err := read(doc)
	if err != nil {
		return nil, err
	}

	// Compile only after the whole document was read: the version decides how to read
	// values, and members come in any order.
	for i := range written {
		s, err := written[i].compile(d.version == version2012)
		if err != nil {
			return nil, err
		}
		d.statements = append(d.statements, s)
	}

	return d, nil
}

// read reads a document without compiling it.
func read(doc []byte) (*Document, []writtenStatement, error) {
	if len(doc) > maxDocumentBytes {
		return nil, nil, fault("", "the document has %d bytes, %d are allowed", len(doc), maxDocumentBytes)
	}

	p := parser{dec: jsontext.NewDecoder(bytes.NewReader(doc)), sids: map[string]bool{}}
	d := &Document{text: string(doc), version: version2008}
	written, err := p.document(d)

	return d, written, err
}

// parser reads a document's members. It needs no limit of depth: values of conditions
// are the deepest that it accepts, and it refuses anything else at the first brace.
type parser struct {
	dec  *jsontext.Decoder
	sids map[string]bool
}

// writtenStatement is a statement as the document has it.
type writtenStatement struct {
	where     string
	Statement // without the members that compile makes from the fields below

	actionTexts   []string
	resourceTexts []string
	conditionList []writtenCondition
}

func (p *parser) document(d *Document) (statements []writtenStatement, err error) {
	err = p.object("", func(name string) (err error) {
		switch name {
		case "Version":
			d.version, err = p.text(name)
			if err == nil && d.version != version2012 && d.version != version2008 {
				err = fault(name, "is %q, use %q", d.version, version2012)
			}
		case "Id":
			_, err = p.text(name)
		case "Statement":
			statements, err = p.statements()
		default:
			err = fault("", "unknown element %q; a policy has Version, Id and Statement", name)
		}

		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fault("", "there is text after the end of the document")
	}
	if len(statements) == 0 {
		return nil, fault("Statement", "is missing or empty")
	}

	return statements, nil
}

func (p *parser) statements() (list []writtenStatement, err error) {
	if p.dec.PeekKind() == '{' {
		s, err := p.statement("Statement", 0)
		return []writtenStatement{s}, err
	}

	err = p.array("Statement", "an object or a list of objects", func(i int) error {
		s, err := p.statement(fmt.Sprintf("Statement[%d]", i), i)
		list = append(list, s)
		return err
	})

	return list, err
}

var sidPattern = regexp.MustCompile(`^[0-9A-Za-z]*$`)

func (p *parser) statement(where string, index int) (writtenStatement, error) {
	s := writtenStatement{where: where, Statement: Statement{Index: index}}
	seen := map[string]bool{}

	s.extent.from = int(p.dec.InputOffset())
	err := p.object(where, func(name string) (err error) {
		at := where + "." + name
		seen[name] = true
		switch name {
		case "Sid":
			s.Sid, err = p.sid(at)
		case "Effect":
			s.Effect, err = p.effect(at)
		case "Action", "NotAction":
			s.notAction = name == "NotAction"
			s.actionTexts, err = p.texts(at)
		case "Resource", "NotResource":
			s.notResource = name == "NotResource"
			s.resourceTexts, err = p.texts(at)
		case "Principal", "NotPrincipal":
			s.notPrincipal = name == "NotPrincipal"
			s.principals, err = p.principals(at)
		case "Condition":
			s.conditionList, err = p.conditions(at)
		default:
			err = fault(where, "unknown element %q", name)
		}

		return err
	})
	if err != nil {
		return s, err
	}
	s.extent.to = int(p.dec.InputOffset())

	for _, name := range []string{"Action", "Resource", "Principal"} {
		if seen[name] && seen["Not"+name] {
			return s, fault(where, "has both %s and Not%s", name, name)
		}
	}
	if !seen["Effect"] {
		return s, fault(where, "the Effect element is missing")
	}
	if !seen["Action"] && !seen["NotAction"] {
		return s, fault(where, "the Action element is missing")
	}

	return s, nil
}

func (w *writtenStatement) compile(variables bool) (s Statement, err error) {
	s = w.Statement

	if s.actions, err = compileActions(w.where+"."+elementName("Action", w.notAction), w.actionTexts); err != nil {
		return s, err
	}
	if s.resources, err = compileResources(
		w.where+"."+elementName("Resource", w.notResource), w.resourceTexts, variables,
	); err != nil {
		return s, err
	}

	if variables {
		s.variables = variablesIn(w.resourceTexts)
	}
	s.services = servicesOf(w.actionTexts, w.notAction)
	s.named = namedServices(w.actionTexts, w.notAction)

	for i := range w.conditionList {
		c, err := w.conditionList[i].compile(variables)
		if err != nil {
			return s, err
		}
		c.anyPartition = s.anyPartition(c.negated)
		s.conditions = append(s.conditions, c)
	}

	return s, nil
}

func (p *parser) sid(where string) (string, error) {
	sid, err := p.text(where)
	switch {
	case err != nil || sid == "":
		return sid, err
	case !sidPattern.MatchString(sid):
		return "", fault(where, "%q must consist of letters and digits", sid)
	case p.sids[sid]:
		return "", fault(where, "%q is used twice", sid)
	}
	p.sids[sid] = true

	return sid, nil
}

func (p *parser) effect(where string) (Effect, error) {
	text, err := p.text(where)
	switch {
	case err != nil:
		return NoMatch, err
	case text == "Allow":
		return Allow, nil
	case text == "Deny":
		return Deny, nil
	}

	return NoMatch, fault(where, "is %q, must be Allow or Deny", text)
}

func compileActions(where string, actions []string) ([]pattern, error) {
	list := make([]pattern, 0, len(actions))
	for _, a := range actions {
		service, operation, ok := strings.Cut(a, ":")
		if a != "*" && (!ok || service == "" || operation == "") {
			return nil, fault(where, "%q must be \"*\" or SERVICE:OPERATION", a)
		}

		// Actions have no variables in any version.
		compiled, err := compilePattern(asciiLower(a), wildcards)
		if err != nil {
			return nil, fault(where, "%q: %v", a, err)
		}
		list = append(list, compiled)
	}

	return list, nil
}

// servicesOf compiles the services of valid actions, for Statement.MayConcern. Of a
// NotAction it takes only those that are excluded with all their operations.
func servicesOf(actions []string, excluded bool) []pattern {
	var list []pattern
	for _, a := range actions {
		service, operation, _ := strings.Cut(asciiLower(a), ":")
		if excluded && a != "*" && strings.Trim(operation, "*") != "" {
			continue
		}
		compiled, err := compilePattern(service, wildcards)
		if err == nil {
			list = append(list, compiled)
		}
	}

	return list
}

// namedServices returns the services that actions name; nil if the statement can
// concern any service.
func namedServices(actions []string, excluded bool) []string {
	if excluded {
		return nil
	}

	var names []string
	for _, a := range actions {
		service, _, _ := strings.Cut(asciiLower(a), ":")
		if strings.ContainsAny(service, "*?") {
			return nil
		}
		if !slices.Contains(names, service) {
			names = append(names, service)
		}
	}

	return names
}

// compileResources compiles Resource patterns. They match the whole ARN: a * matches
// across its parts, as IAM documents for a * at the end of a part.
func compileResources(where string, resources []string, variables bool) ([]pattern, error) {
	if resources == nil {
		return nil, nil
	}

	flags := wildcards
	if variables {
		flags |= withVariables
	}

	list := make([]pattern, 0, len(resources))
	for _, r := range resources {
		if r != "*" && !strings.HasPrefix(r, "arn:") {
			return nil, fault(where, "%q must be \"*\" or an ARN", r)
		}
		compiled, err := compilePattern(r, flags)
		if err != nil {
			return nil, fault(where, "%q: %v", r, err)
		}
		list = append(list, compiled)
	}

	return list, nil
}

// ParseIdentity reads an identity policy, a permissions boundary or a session policy. It
// refuses what Parse and CheckIdentity refuse.
func ParseIdentity(text string) (*Document, error) {
	d, err := Parse([]byte(text))
	if err == nil {
		err = d.CheckIdentity()
	}
	if err != nil {
		return nil, err
	}

	return d, nil
}

// CheckIdentity refuses a document that cannot be an identity policy, a permissions
// boundary or a session policy: every statement needs a Resource, and none may have a
// Principal, because the principal is the caller.
func (d *Document) CheckIdentity() error {
	for i := range d.statements {
		s := &d.statements[i]
		where := fmt.Sprintf("Statement[%d]", s.Index)
		if s.principals != nil {
			return fault(where, "only a trust policy has a Principal")
		}
		if s.resources == nil {
			return fault(where, "the Resource element is missing")
		}
	}

	return nil
}
