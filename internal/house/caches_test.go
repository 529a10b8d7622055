package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cacheSources are the caches of the source: its marks, and what should have one.
type cacheSources struct {
	files  *token.FileSet
	marks  map[string][]string // name to "package.Type" or "package.variable"
	bare   []string            // uses of a cache's library without a mark
	consts map[string]ast.Expr // by "package.name"
}

// container marks a type that others make caches of; those are marked.
const container = "(container)"

var (
	cacheMark = regexp.MustCompile(`(?m)^cache: ([^;\n]+)`)
	figure    = regexp.MustCompile("`(\\w+\\.\\w+)` \\(([^)]+)\\)")
	cell      = regexp.MustCompile("`([^`]+)`")
)

// TestCaches compares the marks of the source with the table of docs/caches.md: each
// cache has a row, each row a cache in the place that it names, and each constant the
// value that the table states.
func TestCaches(t *testing.T) {
	atRoot(t)

	s := readCacheSources(t)
	for _, place := range s.bare {
		t.Errorf("%s keeps something: mark it `// cache: NAME` and add it to docs/caches.md", place)
	}

	rows := cacheRows(t)
	if len(rows) < 20 {
		t.Fatalf("the table has %d rows: it was not found", len(rows))
	}

	for name, places := range s.marks {
		row, known := rows[name]
		if !known {
			t.Errorf("cache %q (%s) has no row in docs/caches.md", name, strings.Join(places, ", "))
			continue
		}

		var named []string
		for _, found := range cell.FindAllStringSubmatch(row[1], -1) {
			named = append(named, found[1])
		}
		slices.Sort(named)
		if !slices.Equal(named, places) {
			t.Errorf("docs/caches.md has cache %q at %q; it is at %q", name, named, places)
		}
	}

	for name, row := range rows {
		if _, known := s.marks[name]; !known {
			t.Errorf("docs/caches.md has cache %q, which nothing in the source is marked with", name)
		}

		for _, found := range figure.FindAllStringSubmatch(strings.Join(row, "|"), -1) {
			s.compare(t, name, found[1], found[2])
		}
	}
}

// compare reports unless a constant has the value that the row of a cache states.
func (s *cacheSources) compare(t *testing.T, cache, constant, stated string) {
	t.Helper()
	expression, known := s.consts[constant]
	if !known {
		t.Errorf("docs/caches.md, cache %q: there is no constant %s", cache, constant)
		return
	}

	value, ok := s.value(strings.Split(constant, ".")[0], expression)
	want, err := strconv.ParseInt(stated, 10, 64)
	if err != nil {
		duration, err := time.ParseDuration(stated)
		if err != nil {
			t.Errorf("docs/caches.md, cache %q: %s is neither a number nor a duration", cache, stated)
			return
		}
		want = int64(duration)
	}

	if !ok || value != want {
		t.Errorf("docs/caches.md, cache %q: %s is stated as %s and is %d", cache, constant, stated, value)
	}
}

// cacheRows returns the cells of the table by the name of the cache.
func cacheRows(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("docs/caches.md")
	if err != nil {
		t.Fatal(err)
	}

	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || len(cells) != 7 {
			continue
		}

		for n := range cells {
			cells[n] = strings.TrimSpace(cells[n])
		}
		if cells[0] != "Cache" {
			rows[cells[0]] = cells
		}
	}

	return rows
}

// readCacheSources parses all that is neither test nor helper.
func readCacheSources(t *testing.T) *cacheSources {
	t.Helper()
	s := &cacheSources{
		files:  token.NewFileSet(),
		marks:  map[string][]string{},
		consts: map[string]ast.Expr{},
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && path != "."
		if entry.IsDir() && (hidden || entry.Name() == "node_modules" || entry.Name() == "testdata") {
			return filepath.SkipDir
		}

		folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), ".")
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || isHelper(folder) {
			return nil
		}

		file, err := parser.ParseFile(s.files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s.read(file)

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	return s
}

func (s *cacheSources) read(file *ast.File) {
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}

		for _, spec := range group.Specs {
			switch d := spec.(type) {
			case *ast.TypeSpec:
				marked := s.mark(file.Name.Name+"."+d.Name.Name, group.Doc, d.Doc, d.Comment)
				s.readType(file.Name.Name+"."+d.Name.Name, d.Type, marked)

			case *ast.ValueSpec:
				name := file.Name.Name + "." + d.Names[0].Name
				if group.Tok == token.CONST {
					for n, value := range d.Values {
						s.consts[file.Name.Name+"."+d.Names[n].Name] = value
					}
					continue
				}

				marked := s.mark(name, group.Doc, d.Doc, d.Comment)
				s.readType(name, d.Type, marked)

				for _, value := range d.Values {
					s.readType(name, value, marked)
				}
			}
		}
	}
}

// mark notes the marks in comments on what owner declares.
func (s *cacheSources) mark(owner string, comments ...*ast.CommentGroup) (marked bool) {
	for _, comment := range comments {
		for _, found := range cacheMark.FindAllStringSubmatch(comment.Text(), -1) {
			marked = true
			if name := found[1]; name != container && !slices.Contains(s.marks[name], owner) {
				s.marks[name] = append(s.marks[name], owner)
				slices.Sort(s.marks[name])
			}
		}
	}

	return marked
}

// readType looks for marks of fields, and for caches without one.
func (s *cacheSources) readType(owner string, typ ast.Expr, marked bool) {
	if typ == nil {
		return
	}
	ast.Inspect(typ, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType, *ast.FuncLit:
			return false
		case *ast.Field:
			s.readType(owner, n.Type, s.mark(owner, n.Doc, n.Comment) || marked)
			return false
		case *ast.SelectorExpr:
			from, ok := n.X.(*ast.Ident)
			cache := ok &&
				(from.Name == "lru" || from.Name == "simplelru" || from.Name == "sync" && n.Sel.Name == "Map")
			if cache && !marked {
				s.bare = append(s.bare, s.files.Position(n.Pos()).String()+" ("+owner+")")
			}
		case *ast.IndexExpr:
			s.container(owner, n.X, marked)
		case *ast.IndexListExpr:
			s.container(owner, n.X, marked)
		}

		return true
	})
}

// container finds uses of our own types that caches are made of.
func (s *cacheSources) container(owner string, generic ast.Expr, marked bool) {
	if selector, ok := generic.(*ast.SelectorExpr); ok {
		generic = selector.Sel
	}
	name, ok := generic.(*ast.Ident)
	if ok && !marked && (name.Name == "Bounded" || name.Name == "table") {
		s.bare = append(s.bare, s.files.Position(name.Pos()).String()+" ("+owner+")")
	}
}

// value computes a constant of whole numbers and durations.
func (s *cacheSources) value(pkg string, expression ast.Expr) (int64, bool) {
	units := map[string]time.Duration{
		"Millisecond": time.Millisecond,
		"Second":      time.Second,
		"Minute":      time.Minute,
		"Hour":        time.Hour,
	}

	switch e := expression.(type) {
	case *ast.BasicLit:
		n, err := strconv.ParseInt(e.Value, 0, 64)
		return n, err == nil
	case *ast.ParenExpr:
		return s.value(pkg, e.X)
	case *ast.Ident:
		other, known := s.consts[pkg+"."+e.Name]
		if !known {
			return 0, false
		}
		return s.value(pkg, other)
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		if unit, known := units[e.Sel.Name]; ok && known && from.Name == "time" {
			return int64(unit), true
		}
	case *ast.BinaryExpr:
		x, okX := s.value(pkg, e.X)
		y, okY := s.value(pkg, e.Y)
		if !okX || !okY {
			return 0, false
		}

		switch e.Op {
		case token.MUL:
			return x * y, true
		case token.ADD:
			return x + y, true
		case token.SHL:
			return x << y, true
		}
	}

	return 0, false
}
