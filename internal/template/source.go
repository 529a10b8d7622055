package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxFile is how long a file may be, in bytes.
	MaxFile = 16 << 20
	// MaxDepth is how deep values may be nested.
	MaxDepth  = 64
	maxIndent = 16 * MaxDepth // columns
	maxTags   = 8             // tags of YAML in a row
)

type kind int

const (
	kindNull kind = iota
	kindBoolean
	kindNumber
	kindText
	kindList
	kindMapping
	kindCall    // of a function, by a tag of YAML
	kindSpecial // anchor, alias and the like
)

// node is a value as the text has it.
type node struct {
	line    int
	kind    kind
	text    string // scalar as it was written; name of a function or tag
	list    []*node
	entries []entry // in the order of the text
}

type entry struct {
	key   string
	line  int
	value *node
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// scalar returns a scalar's text as it was written.
func (n *node) scalar() (string, bool) {
	switch n.kind {
	case kindText, kindNumber, kindBoolean:
		return n.text, true
	}
	return "", false
}

// parse reads a text as JSON, if it is that, or as YAML.
func (t *Template) parse(text []byte) (*node, error) {
	if len(text) > MaxFile {
		return nil, fmt.Errorf("the file has %d bytes; the limit is %d", len(text), MaxFile)
	}

	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // byte order mark
	if begin := bytes.TrimLeft(text, " \t\r\n"); len(begin) > 0 && begin[0] == '{' && json.Valid(text) {
		return parseJSON(text)
	}

	if directive := version.Find(text); directive != nil {
		text = append([]byte("\n"), text[len(directive):]...) // the parser takes it for a document
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) // the lexer would count lines twice
	tokens := lexer.Tokenize(string(text))
	if quoted, changed := quoteNames(string(text), tokens); changed {
		tokens = lexer.Tokenize(quoted)
	}
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

	return t.fromYAML(tree.Docs[0].Body, 0), nil
}

// colonName is a name with colons that the lexer cuts at the first one inside of braces.
var colonName = regexp.MustCompile(`^(?:Fn|AWS|Poolhouse)(?:::\w+)+`)

// quoteNames puts names such as Fn::Sub and AWS::Region in quotes where the lexer has cut them.
func quoteNames(text string, tokens token.Tokens) (quoted string, changed bool) {
	lines := strings.Split(text, "\n")
	tags := tagsBefore(tokens)
	for i := len(tokens) - 3; i >= 0; i-- { // from the end, so that columns stay right
		name, colon, rest := tokens[i], tokens[i+1], tokens[i+2]
		if name.Type != token.StringType || colon.Type != token.MappingValueType ||
			!strings.HasPrefix(rest.Value, ":") || name.Position.Line > len(lines) {
			continue
		}

		line := []rune(lines[name.Position.Line-1])
		at := name.Position.Column - 1 + tags[i]
		for at >= 0 && at < len(line) && line[at] == ' ' {
			at++
		}
		if at < 0 || at > len(line) {
			continue
		}
		found := colonName.FindString(string(line[at:]))
		if strings.HasPrefix(found, name.Value+"::") {
			lines[name.Position.Line-1] = string(line[:at]) + `"` + found + `"` + string(line[at:])[len(found):]
			changed = true
		}
	}

	return strings.Join(lines, "\n"), changed
}

// tagsBefore counts the tags before each token on its line. After a tag, the lexer's columns are one
// less than they should be.
func tagsBefore(tokens token.Tokens) []int {
	counts := make([]int, len(tokens))
	line, tags := 0, 0
	for i, t := range tokens {
		if t.Position.Line != line {
			line, tags = t.Position.Line, 0
		}
		counts[i] = tags
		if t.Type == token.TagType {
			tags++
		}
	}

	return counts
}

// version is the directive that a text of YAML may begin with.
var version = regexp.MustCompile(`^%YAML 1\.[0-9]+[ \t]*(?:#[^\n]*)?\r?\n`)

// checkDepth refuses nesting that the parser would need much memory for.
func checkDepth(tokens token.Tokens) error {
	flow, tags := 0, 0
	for _, t := range tokens {
		tags++

		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		}
		if t.Type != token.TagType && t.Type != token.AnchorType {
			tags = 0
		}

		indented := t.Type == token.MappingValueType && t.Position.IndentNum > maxIndent ||
			(t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType) && t.Position.Column > maxIndent
		if flow > MaxDepth || flow == 0 && indented || tags > maxTags {
			return fmt.Errorf("line %d: nested too deeply", t.Position.Line)
		}
	}

	return nil
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// fromYAML converts a node. What may stand there only as metadata is refused when it is used.
func (t *Template) fromYAML(from ast.Node, depth int) *node {
	n := &node{line: lineOf(from), kind: kindSpecial}
	if depth > 2*MaxDepth {
		t.Fault(n.line, "nested too deeply")
		return n
	}

	switch from := from.(type) {
	case nil, *ast.NullNode:
		n.kind = kindNull
	case *ast.BoolNode:
		// True and TRUE are true, too (YAML 1.2, "Core Schema").
		n.kind, n.text = kindBoolean, strings.ToLower(from.GetToken().Value)
	case *ast.IntegerNode, *ast.FloatNode:
		n.kind, n.text = kindNumber, from.GetToken().Value
	case *ast.StringNode:
		n.kind, n.text = kindText, from.Value
		if isNumber(from) {
			n.kind = kindNumber
		}
	case *ast.LiteralNode:
		n.kind, n.text = kindText, from.Value.Value
	case *ast.SequenceNode:
		n.kind = kindList
		for _, v := range from.Values {
			n.list = append(n.list, t.fromYAML(v, depth+1))
		}
	case *ast.TagNode:
		n.kind, n.text = kindCall, from.Start.Value
		n.list = []*node{t.fromYAML(from.Value, depth+1)}
	case *ast.MappingNode:
		n.kind = kindMapping
		n.entries = t.entriesOf(from.Values, depth)
	case *ast.MappingValueNode:
		n.kind = kindMapping
		n.entries = t.entriesOf([]*ast.MappingValueNode{from}, depth)
	}

	return n
}

// isNumber reports whether a plain scalar is a number of JSON that the lexer takes for text, such as 1e3
// and integers of more than 64 bits. YAML's core schema has these numbers, too.
func isNumber(n *ast.StringNode) bool {
	plain := n.GetToken() != nil && n.GetToken().Type == token.StringType
	return plain && n.Value != "" && strings.Trim(n.Value, "0123456789.+-eE") == "" && json.Valid([]byte(n.Value))
}

func (t *Template) entriesOf(values []*ast.MappingValueNode, depth int) (all []entry) {
	keys := map[string]bool{}
	for _, v := range values {
		key, ok := keyOf(v.Key)
		if !ok || v.Key.IsMergeKey() {
			t.Fault(lineOf(v.Key), "a key must be plain text")
			continue
		}
		if keys[key] {
			t.Fault(lineOf(v.Key), "%s is there twice", key)
		}
		keys[key] = true
		t.checkColon(key, v)
		all = append(all, entry{key: key, line: lineOf(v.Key), value: t.fromYAML(v.Value, depth+1)})
	}

	return all
}

// keyOf returns a key's text.
func keyOf(key ast.Node) (string, bool) {
	switch key := key.(type) {
	case *ast.StringNode:
		return key.Value, true
	case *ast.LiteralNode:
		return key.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		return key.GetToken().Value, true
	case *ast.BoolNode:
		return strings.ToLower(key.GetToken().Value), true
	}

	return "", false
}

// checkColon refuses a plain key whose colon has no blank after it. The parser takes
// such a colon for the end of the key, which YAML does not.
func (t *Template) checkColon(key string, v *ast.MappingValueNode) {
	if v.Start == nil || v.Value == nil || v.Value.GetToken() == nil || v.Key.GetToken().Type != token.StringType {
		return
	}

	if v.Value.GetToken().Type == token.ImplicitNullType {
		return // The parser puts it right after the colon.
	}

	at, next := v.Start.Position, v.Value.GetToken().Position
	if at != nil && next != nil && at.Line == next.Line && at.Column+1 == next.Column {
		t.Fault(at.Line, "write the key that begins with %q in quotes, or a blank after its colon", key+":")
	}
}

// shortForm returns the function that a tag of YAML stands for, "" for another tag.
func shortForm(tag string) string {
	name, _ := strings.CutPrefix(tag, "!")
	switch {
	case name == "Ref" || name == "Condition":
		return name
	case strings.HasPrefix(name, "!") || name == "":
		return ""
	default:
		return "Fn::" + name
	}
}

// call returns the function and argument of a node that calls one.
func (n *node) call() (function string, argument *node, isCall bool) {
	switch {
	case n.kind == kindCall:
		return shortForm(n.text), n.list[0], true
	case n.kind == kindMapping && len(n.entries) == 1:
		key := n.entries[0].key
		if key == "Ref" || strings.HasPrefix(key, "Fn::") {
			return key, n.entries[0].value, true
		}
	}

	return "", nil, false
}
