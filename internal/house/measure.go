package main

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/uudashr/gocognit"
)

const (
	columns  = 120
	tabWidth = 4
)

// function holds the measures of one function or method.
type function struct {
	name      string
	line      int
	lines     int  // from func to the closing brace
	body      int  // lines between the braces
	blank     int  // of these, blank ones
	cognitive int  // cognitive complexity
	table     bool // nothing but a composite literal
}

func (f *file) measure(text []byte) {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	f.lines = len(lines)
	for i, line := range lines {
		if width(line) > columns {
			f.long = append(f.long, i+1)
		}
	}

	blank := f.blankLines(lines)
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		if isStatement(node) {
			f.statements++
		}
		return true
	})

	for _, declaration := range f.syntax.Decls {
		if d, ok := declaration.(*ast.FuncDecl); ok && d.Body != nil {
			f.functions = append(f.functions, f.measureFunction(d, blank))
		}
	}
}

// width returns the columns of a line.
func width(line string) int {
	return utf8.RuneCountInString(line) + (tabWidth-1)*strings.Count(line, "\t")
}

// isStatement reports whether a node counts as a statement: blocks, cases, labels
// and empty statements only hold others.
func isStatement(node ast.Node) bool {
	switch node.(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause, *ast.LabeledStmt, *ast.EmptyStmt:
		return false
	case ast.Stmt:
		return true
	}
	return false
}

// blankLines returns the numbers of the blank lines. Those inside a raw string are text.
func (f *file) blankLines(lines []string) []int {
	var blank []int
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			blank = append(blank, i+1)
		}
	}

	ast.Inspect(f.syntax, func(node ast.Node) bool {
		literal, ok := node.(*ast.BasicLit)
		if ok && literal.Kind == token.STRING && strings.HasPrefix(literal.Value, "`") {
			first, last := f.line(literal.Pos()), f.line(literal.End())
			blank = slices.DeleteFunc(blank, func(n int) bool { return first < n && n < last })
		}
		return true
	})

	return blank
}

func (f *file) measureFunction(d *ast.FuncDecl, blank []int) function {
	open, end := f.line(d.Body.Lbrace), f.line(d.Body.Rbrace)
	m := function{
		name:      d.Name.Name,
		line:      f.line(d.Pos()),
		lines:     end - f.line(d.Pos()) + 1,
		body:      max(0, end-open-1),
		cognitive: gocognit.Complexity(d),
		table:     isTable(d.Body),
	}
	for _, n := range blank {
		if open < n && n < end {
			m.blank++
		}
	}

	return m
}

// isTable reports whether a body only returns or assigns one composite literal.
func isTable(body *ast.BlockStmt) bool {
	if len(body.List) != 1 {
		return false
	}

	var values []ast.Expr
	switch s := body.List[0].(type) {
	case *ast.ReturnStmt:
		values = s.Results
	case *ast.AssignStmt:
		values = s.Rhs
	}

	for _, value := range values {
		if address, ok := value.(*ast.UnaryExpr); ok {
			value = address.X
		}
		if _, ok := value.(*ast.CompositeLit); ok {
			return true
		}
	}

	return false
}

func (f *file) line(position token.Pos) int {
	return f.positions.PositionFor(position, false).Line
}
