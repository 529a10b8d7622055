package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

const (
	// MaxFile is how long a file may be, in bytes.
	MaxFile   = 16 << 20
	maxDepth  = 64
	maxIndent = 16 * maxDepth // columns
)

// Resource is one resource of a file. Properties hold strings, booleans,
// json.Number, []any, map[string]any and *Reference.
type Resource struct {
	Name, Type string
	Line       int
	PinnedID   string // of a pool; "" = the server chooses
	DependsOn  []string
	Properties map[string]any
}

// Reference stands for text that is known when other resources are there.
type Reference struct {
	Line  int
	Parts []Part
}

// Part is text, or an attribute of a resource.
type Part struct{ Text, Resource, Attribute string }

// fileReader reads a YAML tree. Its faults name lines.
type fileReader struct {
	faults []error
	more   []string // names that references may ask for, besides accountNames and resources
	others []string // sections that are read elsewhere
}

func (f *fileReader) fault(line int, format string, args ...any) {
	f.faults = append(f.faults, fmt.Errorf("line %d: %s", line, fmt.Sprintf(format, args...)))
}

func line(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// Read reads a file. The resources come in an order in which each follows what
// it refers to.
func Read(text []byte) ([]Resource, error) {
	body, err := parse(text)
	if err != nil {
		return nil, err
	}
	f := &fileReader{}

	return f.resources(f.entries(body, "the file"))
}

// parse returns the tree of a file.
func parse(text []byte) (ast.Node, error) {
	if len(text) > MaxFile {
		return nil, fmt.Errorf("the file has %d bytes; the limit is %d", len(text), MaxFile)
	}

	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // byte order mark
	tokens := lexer.Tokenize(string(text))
	if err := checkDepth(tokens); err != nil {
		return nil, err
	}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, errors.New(yaml.FormatError(err, false, false))
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, errors.New("the file must hold one YAML document with Resources")
	}

	return tree.Docs[0].Body, nil
}

// resources reads the sections of a template.
func (f *fileReader) resources(sections []entry) ([]Resource, error) {
	var resources []Resource
	for _, e := range sections {
		switch e.key {
		case "Resources":
			for _, r := range f.entries(e.value, "Resources") {
				resources = append(resources, f.resource(r))
			}
		case "AWSTemplateFormatVersion", "Description", "Metadata":
		case usersSection, identitiesSection:
			f.fault(e.line, "the section %s is for files of `poolhouse dev --seed` only", e.key)
		default:
			known := []string{"Resources", "AWSTemplateFormatVersion", "Description", "Metadata"}
			f.unknown(e.line, "section", e.key, append(known, f.others...))
		}
	}

	if len(f.faults) == 0 {
		f.references(resources)
	}
	if len(f.faults) > 0 {
		return nil, errors.Join(f.faults...)
	}

	return inOrder(resources)
}

// checkDepth refuses nesting that the parser would need much memory for.
func checkDepth(tokens token.Tokens) error {
	flow := 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		}

		indented := t.Type == token.MappingValueType && t.Position.IndentNum > maxIndent ||
			t.Type == token.SequenceEntryType && t.Position.Column > maxIndent
		if flow > maxDepth || flow == 0 && indented {
			return fmt.Errorf("line %d: nested too deeply", t.Position.Line)
		}
	}

	return nil
}

// unknown refuses a name, with the one that was meant or with all. It sorts known.
func (f *fileReader) unknown(line int, what, name string, known []string) {
	if near := explain.Nearest(name, known); near != "" {
		f.fault(line, "unknown %s %q: did you mean %s?", what, name, near)
		return
	}

	slices.Sort(known)
	f.fault(line, "unknown %s %q: there are %s", what, name, strings.Join(known, ", "))
}

type entry struct {
	key   string
	line  int
	value ast.Node
}

// entries returns the entries of a mapping, in the order of the file.
func (f *fileReader) entries(n ast.Node, what string) (all []entry) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		f.fault(line(n), "%s must be a mapping", what)
	}

	keys := map[string]bool{}
	for _, v := range values {
		key, ok := scalar(v.Key)
		if !ok || v.Key.IsMergeKey() {
			f.fault(line(v.Key), "a key must be plain text")
			continue
		}
		if keys[key] {
			f.fault(line(v.Key), "%s is there twice", key)
		}
		keys[key] = true
		f.checkColon(key, v)
		all = append(all, entry{key: key, line: line(v.Key), value: v.Value})
	}

	return all
}

// checkColon refuses a plain key whose colon has no blank after it. The parser takes
// such a colon for the end of the key, which YAML does not.
func (f *fileReader) checkColon(key string, v *ast.MappingValueNode) {
	if v.Start == nil || v.Value == nil || v.Value.GetToken() == nil || v.Key.GetToken().Type != token.StringType {
		return
	}

	at, next := v.Start.Position, v.Value.GetToken().Position
	if at != nil && next != nil && at.Line == next.Line && at.Column+1 == next.Column {
		f.fault(at.Line, "write the key that begins with %q in quotes, or a blank after its colon", key+":")
	}
}

// scalar returns a scalar's text as it was written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}

	return "", false
}

func (f *fileReader) resource(e entry) Resource {
	r := Resource{Name: e.key, Line: e.line, Properties: map[string]any{}}
	var properties any
	for _, part := range f.entries(e.value, e.key) {
		switch part.key {
		case "Type":
			r.Type, _ = scalar(part.value)
		case "Properties":
			properties = f.value(part.value, 0)
		case "DependsOn":
			r.DependsOn = f.dependsOn(e.key, part)
		case "Metadata":
			r.PinnedID = f.pinnedID(part)
		default:
			f.unknown(part.line, "attribute of "+e.key, part.key,
				[]string{"Type", "Properties", "DependsOn", "Metadata"})
		}
	}

	k, known := types[r.Type]
	if r.Type == "" {
		f.fault(e.line, "%s has no Type", e.key)
		return r
	}
	if !known {
		f.unknown(e.line, "type of "+e.key, r.Type, slices.Collect(maps.Keys(types)))
		return r
	}
	if r.PinnedID != "" && !k.pinned {
		f.fault(e.line, "%s: only a pool's ID can be chosen with PoolhouseId", e.key)
	}

	given, ok := properties.(map[string]any)
	if !ok && properties != nil {
		f.fault(e.line, "%s: Properties must be a mapping", e.key)
		return r
	}
	r.Properties, _ = f.check(e.line, e.key, k.schema, given).(map[string]any)

	return r
}

func (f *fileReader) dependsOn(resource string, e entry) (names []string) {
	switch v := f.value(e.value, 0).(type) {
	case string:
		names = []string{v}
	case []any:
		for _, name := range v {
			names = append(names, fmt.Sprint(name))
		}
	default:
		f.fault(e.line, "%s.DependsOn must be a name or a list of names", resource)
	}

	return names
}

const pinned = "PoolhouseId"

// pinnedID reads a pool's ID out of Metadata. A misspelt one would give the pool
// another ID; other metadata is anybody's.
func (f *fileReader) pinnedID(metadata entry) string {
	m, _ := f.value(metadata.value, 0).(map[string]any)
	for key := range sorted(m) {
		if key != pinned && explain.Nearest(key, []string{pinned}) != "" {
			f.fault(metadata.line, "unknown metadata %q: did you mean %s?", key, pinned)
		}
	}

	v, given := m[pinned]
	id, isText := v.(string)
	if given && (!isText || !identitypool.ValidID(id)) {
		f.fault(metadata.line, "%s must be a pool ID, REGION: and a UUID in lower case", pinned)
	}

	return id
}

// value returns a node as JSON values, with references in their places.
func (f *fileReader) value(n ast.Node, depth int) any {
	if depth > maxDepth {
		f.fault(line(n), "nested too deeply")
		return nil
	}

	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		if text := n.GetToken().Value; !json.Valid([]byte(text)) {
			return oddNumber(text)
		}
		return json.Number(n.GetToken().Value)
	case *ast.StringNode, *ast.LiteralNode:
		text, _ := scalar(n)
		return text
	case *ast.SequenceNode:
		list := []any{}
		for _, v := range n.Values {
			list = append(list, f.value(v, depth+1))
		}
		return list
	case *ast.TagNode:
		if name, ok := shortForms[n.Start.Value]; ok {
			return f.reference(line(n), name, f.value(n.Value, depth+1))
		}
		f.fault(line(n), "%s is not supported: use !Ref, !GetAtt or !Sub", n.Start.Value)
		return nil
	case *ast.MappingNode, *ast.MappingValueNode:
		entries := f.entries(n, "the value")
		if len(entries) == 1 && (entries[0].key == "Ref" || strings.HasPrefix(entries[0].key, "Fn::")) {
			return f.reference(entries[0].line, entries[0].key, f.value(entries[0].value, depth+1))
		}

		m := map[string]any{}
		for _, e := range entries {
			m[e.key] = f.value(e.value, depth+1)
		}

		return m
	}

	f.fault(line(n), "anchors, aliases and other special values are not supported")

	return nil
}

// oddNumber is a number of YAML that is none of JSON, such as 0x10 or 007, as the
// file has it.
type oddNumber string
