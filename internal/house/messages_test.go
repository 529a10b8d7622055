package main

import (
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// holes are the places of a message where values stand.
var holes = regexp.MustCompile(`%(\.\d+)?[a-z]|\{[^{}]*\}`)

// answers are the functions that make answers to refused calls, and which argument has the text.
var answers = map[string]int{"Refused": 2, "RefusedAs": 2, "badInput": 1, "forbidden": 1}

// messageName matches the constants that hold texts of answers.
var messageName = regexp.MustCompile(`^[mM]essage[A-Z]`)

// Every text that a source answers with has a row in docs/errors.md.
func TestMessagesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, m := range explain.Messages(poolhouse.Refusals()) {
		documented[holes.ReplaceAllString(m.Text, "*")] = true
	}

	checked := 0
	for _, s := range sources(t) {
		check := func(at ast.Node, text string) {
			text = holes.ReplaceAllString(text, "*")
			if strings.Trim(text, "*. ") == "" {
				return // the text comes from elsewhere
			}
			checked++
			starts := strings.HasSuffix(text, " ") &&
				slices.ContainsFunc(slices.Collect(maps.Keys(documented)), func(row string) bool {
					return strings.HasPrefix(row, text)
				})
			if !documented[text] && !starts {
				t.Errorf("%s: %q is in no package's Messages, so not in docs/errors.md", s.at(at), text)
			}
		}

		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, value := range n.Values {
					if text, ok := literal(value); ok && messageName.MatchString(n.Names[i].Name) {
						check(n, text)
					}
				}
			case *ast.CallExpr:
				_, name := selector(n.Fun)
				if id, ok := n.Fun.(*ast.Ident); ok {
					name = id.Name
				}

				place, ok := answers[name]
				if !ok || len(n.Args) <= place {
					return true
				}

				if text, ok := literal(n.Args[place]); ok {
					check(n, text)
				}
			}
			return true
		})
	}
	if checked < 100 {
		t.Errorf("%d texts were found", checked)
	}
}

// Each row tells when and what to do, in its words or by reasons that exist.
func TestMessagesAreExplained(t *testing.T) {
	reasons := map[explain.Code]bool{}
	for _, c := range poolhouse.Refusals() {
		for _, r := range c.Reasons {
			reasons[r.Code] = true
		}
	}

	for _, m := range explain.Messages(poolhouse.Refusals()) {
		if m.Code == "" || m.Text == "" || (m.When == "") != (m.Fix == "") {
			t.Errorf("%+v is not complete", m)
		}
		if m.When == "" && len(m.Reasons) == 0 {
			t.Errorf("%q: neither a sentence nor a reason tells when", m.Text)
		}
		for _, code := range m.Reasons {
			if !reasons[code] {
				t.Errorf("%q: there is no reason %q", m.Text, code)
			}
		}
	}
}

// literal returns the text of a literal, or of literals that are joined.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		x, okX := literal(e.X)
		y, okY := literal(e.Y)
		return x + y, okX && okY
	}

	return "", false
}
