// Package declare reads, applies and writes declarative files: identity pools,
// roles and providers in the shape of CloudFormation templates, over the signed
// APIs of a running server.
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

// file reads a YAML tree. Its faults name lines.
type fileReader struct{ faults []error }

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
	f := &fileReader{}
	var resources []Resource
	for _, e := range f.entries(tree.Docs[0].Body, "the file") {
		switch e.key {
		case "Resources":
			for _, r := range f.entries(e.value, "Resources") {
				resources = append(resources, f.resource(r))
			}
		case "AWSTemplateFormatVersion", "Description", "Metadata":
		default:
			f.unknown(e.line, "section", e.key, []string{"Resources", "AWSTemplateFormatVersion", "Description", "Metadata"})
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
		indented := flow == 0 && (t.Type == token.MappingValueType && t.Position.IndentNum > maxIndent || t.Type == token.SequenceEntryType && t.Position.Column > maxIndent)
		if flow > maxDepth || indented {
			return fmt.Errorf("line %d: nested too deeply", t.Position.Line)
		}
	}
	return nil
}

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

func (f *fileReader) entries(n ast.Node, what string) []entry {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		f.fault(line(n), "%s must be a mapping", what)
	}
	var all []entry
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
		// Here the parser takes a colon without a blank for the end of the key,
		// which YAML does not.
		if colon, value := v.Start, v.Value; colon != nil && value != nil && value.GetToken() != nil && v.Key.GetToken().Type == token.StringType {
			if at, next := colon.Position, value.GetToken().Position; at != nil && next != nil && at.Line == next.Line && at.Column+1 == next.Column {
				f.fault(at.Line, "write the key that begins with %q in quotes, or a blank after its colon", key+":")
			}
		}
		all = append(all, entry{key, line(v.Key), v.Value})
	}
	return all
}

// scalar is a scalar's text as it was written.
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
			switch v := f.value(part.value, 0).(type) {
			case string:
				r.DependsOn = []string{v}
			case []any:
				for _, name := range v {
					r.DependsOn = append(r.DependsOn, fmt.Sprint(name))
				}
			default:
				f.fault(part.line, "%s.DependsOn must be a name or a list of names", e.key)
			}
		case "Metadata":
			r.PinnedID = f.pinnedID(part)
		default:
			f.unknown(part.line, "attribute of "+e.key, part.key, []string{"Type", "Properties", "DependsOn", "Metadata"})
		}
	}
	s, known := types[r.Type]
	if r.Type == "" {
		f.fault(e.line, "%s has no Type", e.key)
		return r
	}
	if !known {
		f.unknown(e.line, "type of "+e.key, r.Type, typeNames())
		return r
	}
	if r.PinnedID != "" && r.Type != typePool {
		f.fault(e.line, "%s: only a pool's ID can be chosen with PoolhouseId", e.key)
	}
	given, ok := properties.(map[string]any)
	if !ok && properties != nil {
		f.fault(e.line, "%s: Properties must be a mapping", e.key)
		return r
	}
	r.Properties, _ = f.check(e.line, e.key, s, given).(map[string]any)
	return r
}

const pinned = "PoolhouseId"

// pinnedID reads a pool's ID out of Metadata. A misspelt one would give the pool
// another ID; other metadata is anybody's.
func (f *fileReader) pinnedID(metadata entry) string {
	m, _ := f.value(metadata.value, 0).(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(m)) {
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
		if name, ok := map[string]string{"!Ref": "Ref", "!GetAtt": "Fn::GetAtt", "!Sub": "Fn::Sub"}[n.Start.Value]; ok {
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

// oddNumber is a number of YAML that is none of JSON, such as 0x10 or 007. As
// text it is what was written.
type oddNumber string

func (f *fileReader) reference(at int, function string, argument any) any {
	text, isText := argument.(string)
	switch {
	case function == "Ref" && isText && text != "":
		return &Reference{at, []Part{{Resource: text, Attribute: "Ref"}}}
	case function == "Fn::GetAtt":
		if list, ok := argument.([]any); ok && len(list) == 2 {
			text = fmt.Sprint(list[0]) + "." + fmt.Sprint(list[1])
		}
		if name, attribute, ok := strings.Cut(text, "."); ok {
			return &Reference{at, []Part{{Resource: name, Attribute: attribute}}}
		}
	case function == "Fn::Sub" && isText:
		r := &Reference{Line: at}
		for {
			before, rest, found := strings.Cut(text, "${")
			r.Parts = append(r.Parts, Part{Text: before})
			if !found {
				return r
			}
			name, after, closed := strings.Cut(rest, "}")
			switch attribute := "Ref"; {
			case !closed:
				f.fault(at, "Fn::Sub: ${ is not closed")
				return nil
			case strings.HasPrefix(name, "!"):
				r.Parts = append(r.Parts, Part{Text: "${" + name[1:] + "}"})
			default:
				if resource, a, ok := strings.Cut(name, "."); ok {
					name, attribute = resource, a
				}
				r.Parts = append(r.Parts, Part{Resource: name, Attribute: attribute})
			}
			text = after
		}
	}
	f.fault(at, "%s is not supported in this form: use Ref: NAME, Fn::GetAtt: NAME.ATTRIBUTE or Fn::Sub: TEXT", function)
	return nil
}

// eachReference calls do for the references in v.
func eachReference(v any, do func(*Reference)) {
	switch v := v.(type) {
	case *Reference:
		do(v)
	case []any:
		for _, one := range v {
			eachReference(one, do)
		}
	case map[string]any:
		for _, one := range v {
			eachReference(one, do)
		}
	}
}

// accountNames are the pseudo parameters.
var accountNames = []string{"AWS::AccountId", "AWS::Region", "AWS::Partition"}

func (f *fileReader) references(resources []Resource) {
	byName := map[string]Resource{}
	names := slices.Clone(accountNames)
	for _, r := range resources {
		byName[r.Name] = r
		names = append(names, r.Name)
	}
	for _, r := range resources {
		for _, name := range r.DependsOn {
			if _, ok := byName[name]; !ok {
				f.unknown(r.Line, "resource in DependsOn of "+r.Name, name, names)
			}
		}
		eachReference(r.Properties, func(ref *Reference) {
			for _, p := range ref.Parts {
				if p.Resource == "" || slices.Contains(accountNames, p.Resource) {
					continue
				}
				to, ok := byName[p.Resource]
				if !ok {
					f.unknown(ref.Line, "resource", p.Resource, slices.Clone(names))
				} else if known := attributes[to.Type]; !slices.Contains(known, p.Attribute) {
					f.unknown(ref.Line, "attribute of "+p.Resource, p.Attribute, slices.Clone(known))
				}
			}
		})
	}
}

// inOrder sorts resources so that each follows what it refers to; otherwise
// they stay in the order of the file.
func inOrder(resources []Resource) ([]Resource, error) {
	index := map[string]int{}
	for i, r := range resources {
		index[r.Name] = i
	}
	const open, done = 1, 2
	state := make([]int, len(resources))
	var sorted []Resource
	var visit func(i int) error
	visit = func(i int) error {
		r := resources[i]
		switch state[i] {
		case done:
			return nil
		case open:
			return fmt.Errorf("line %d: %s refers to itself, by way of others", r.Line, r.Name)
		}
		state[i] = open
		needs := slices.Clone(r.DependsOn)
		eachReference(r.Properties, func(ref *Reference) {
			for _, p := range ref.Parts {
				needs = append(needs, p.Resource)
			}
		})
		slices.Sort(needs)
		for _, name := range needs {
			if j, ok := index[name]; ok {
				if err := visit(j); err != nil {
					return err
				}
			}
		}
		state[i] = done
		sorted = append(sorted, r)
		return nil
	}
	for i := range resources {
		if err := visit(i); err != nil {
			return nil, err
		}
	}
	return sorted, nil
}
