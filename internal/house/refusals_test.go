package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Every refusal has a reason of a catalogue. These tests read all sources of the module
// that are not tests, and hold the rules that the compiler cannot.

// makers are the files that make errors and steps for others.
var makers = []string{
	"internal/awsapi/error.go", "internal/awsapi/middleware.go", "internal/awsapi/admission.go",
	"internal/explain/explain.go", "internal/explain/refusal.go",
}

// sourceFile is one file that was parsed.
type sourceFile struct {
	path, folder string
	file         *ast.File
	fset         *token.FileSet
}

func (s sourceFile) at(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// sources parses the files of the module, but not tests, helpers of tests and
// generated code.
func sources(t *testing.T) []sourceFile {
	t.Helper()
	atRoot(t)

	var list []sourceFile
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != "." && (strings.HasPrefix(name, ".") || strings.HasSuffix(name, "test") ||
				slices.Contains([]string{"node_modules", "testdata", "bench", "clienttests", "gen"}, name)) {
				return filepath.SkipDir
			}
			return nil
		}

		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}

		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}

		list = append(list, sourceFile{
			path:   filepath.ToSlash(path),
			folder: filepath.ToSlash(filepath.Dir(path)),
			file:   file,
			fset:   fset,
		})

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 100 {
		t.Fatalf("%d sources were found", len(list))
	}

	return list
}

// selector returns X and Sel of an expression X.Sel of two names; "" = it is another.
func selector(e ast.Expr) (x, sel string) {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if id, ok := s.X.(*ast.Ident); ok {
		x = id.Name
	}
	return x, s.Sel.Name
}

// without returns what in a file refuses without a reason of a catalogue.
func (s sourceFile) without() []string {
	var found []string
	inAPI := s.folder == "internal/awsapi"
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			x, sel := selector(n.Fun)
			id, _ := n.Fun.(*ast.Ident)
			switch {
			case sel == "Fail" && len(n.Args) == 4:
				found = append(found, s.at(n)+" calls Trace.Fail: use Refuse with a reason")
			case x == "awsapi" && (sel == "Errorf" || sel == "Refuse"), inAPI && id != nil &&
				(id.Name == "Errorf" || id.Name == "Refuse"):
				found = append(found, s.at(n)+" refuses without a reason: use Refused or RefusedAs")
			}
		case *ast.CompositeLit:
			x, sel := selector(n.Type)
			id, _ := n.Type.(*ast.Ident)
			foreign := x == "awsapi" && sel == "Error" || x == "explain" && sel == "Step"
			own := inAPI && id != nil && id.Name == "Error" || s.folder == "internal/explain" && id != nil &&
				id.Name == "Step"
			if (foreign || own) && len(n.Elts) > 0 && !slices.Contains(makers, s.path) {
				found = append(found, s.at(n)+" makes an error or a step by itself: refuse with a reason")
			}
		}

		return true
	})

	return found
}

// Nothing refuses without a reason.
func TestRefusalsHaveReasons(t *testing.T) {
	for _, s := range sources(t) {
		for _, fault := range s.without() {
			t.Error(fault)
		}
	}
}

// declared is a reason as a source declares it.
type declared struct {
	name, folder, place string
	reason              *explain.Reason
	uses                int
}

// declarations returns the reasons that the sources declare, by folder and name.
func declarations(t *testing.T, list []sourceFile) map[string]*declared {
	t.Helper()

	byCode := map[explain.Code]*explain.Reason{}
	for _, c := range poolhouse.Refusals() {
		for _, r := range c.Reasons {
			byCode[r.Code] = r
		}
	}

	found := map[string]*declared{}
	for _, s := range list {
		for _, d := range s.file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}

			for _, spec := range group.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok || len(v.Values) != 1 {
					continue
				}
				literal := reasonLiteral(v.Values[0])
				if literal == nil {
					continue
				}

				code := codeOf(literal)
				r := byCode[code]
				if r == nil {
					t.Errorf("%s: the reason %q is in no catalogue that poolhouse.Refusals lists", s.at(v), code)
					continue
				}

				found[s.folder+" "+v.Names[0].Name] = &declared{
					name:   v.Names[0].Name,
					folder: s.folder,
					place:  s.at(v),
					reason: r,
				}
			}
		}
	}

	return found
}

// reasonLiteral returns the explain.Reason of X.Add(explain.Reason{…}); nil = it is
// something else.
func reasonLiteral(e ast.Expr) *ast.CompositeLit {
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return nil
	}
	literal, ok := call.Args[0].(*ast.CompositeLit)
	if !ok {
		return nil
	}
	if x, sel := selector(literal.Type); x != "explain" || sel != "Reason" {
		return nil
	}

	return literal
}

// codeOf returns the code of a literal, which must be a literal itself or the constant
// of the last resort.
func codeOf(literal *ast.CompositeLit) explain.Code {
	for _, e := range literal.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := pair.Key.(*ast.Ident); !ok || key.Name != "Code" {
			continue
		}

		switch value := pair.Value.(type) {
		case *ast.BasicLit:
			text, _ := strconv.Unquote(value.Value)
			return explain.Code(text)
		case *ast.Ident:
			if value.Name == "Unexplained" {
				return "operation-refused"
			}
		}
	}

	return ""
}

var (
	codeForm  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	checkForm = regexp.MustCompile(`^[A-Za-z0-9]+([ -][A-Za-z0-9]+)*$`)
)

// The rows of all catalogues are complete, and their codes are unique.
func TestCatalogues(t *testing.T) {
	seen, reasons := map[explain.Code]string{}, 0
	for _, c := range poolhouse.Refusals() {
		if !strings.HasSuffix(c.About, ".") {
			t.Errorf("%s: no sentence tells when its reasons are given", c.Title)
		}

		for _, r := range c.Reasons {
			reasons++
			if other, twice := seen[r.Code]; twice {
				t.Errorf("the code %s is in %q and in %q", r.Code, other, c.Title)
			}
			seen[r.Code] = c.Title

			own := explain.CodeOf(r.Check)
			if !codeForm.MatchString(string(r.Code)) ||
				r.Code != own && !strings.HasPrefix(string(r.Code), string(own)+"-") {
				t.Errorf("the code %q does not begin with %q, that of its check", r.Code, own)
			}
			if !checkForm.MatchString(r.Check) {
				t.Errorf("%s: the check %q has something else than words", r.Code, r.Check)
			}

			for field, text := range map[string]string{"Check": r.Check, "Expected": r.Expected, "Got": r.Got,
				"Fix": r.Fix} {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s: %s is empty", r.Code, field)
				}
				if strings.Contains(text, "%s") || strings.Contains(text, "%d") || strings.Contains(text, "%q") {
					t.Errorf("%s: %s has a verb: values are in braces", r.Code, field)
				}
			}
		}
	}

	if reasons < 50 {
		t.Errorf("%d reasons were found", reasons)
	}
}

// startsAsSentence is a text whose first word begins with a capital as only sentences and
// some names do.
var startsAsSentence = regexp.MustCompile(`^[A-Z][a-z]*(?:[^A-Za-z]|$)`)

// readsAsSentence is a text that cannot be read after the word "got".
var readsAsSentence = regexp.MustCompile(
	`^(it|there|\{[a-zA-Z]+\}( of \{[a-zA-Z]+\})?) (is|was|has|had|does|denies|belongs|expired|ended|would) `)

// The texts of all catalogues have one form: no capital in front but that of a name, and
// no full stop at the end. They stand beside each other on pages, and in sentences.
func TestTextsOfReasonsHaveOneForm(t *testing.T) {
	names := []string{"AWS", "Amazon", "Facebook", "Google", "X", "Connection", "Upgrade", "Issuer", "Credential",
		"Logins", "Region"}
	for _, c := range poolhouse.Refusals() {
		for _, r := range c.Reasons {
			for field, text := range map[string]string{"Expected": r.Expected, "Got": r.Got, "Fix": r.Fix} {
				first := strings.TrimRight(startsAsSentence.FindString(text), " ':,.=-")
				if first != "" && !slices.Contains(names, first) {
					t.Errorf("%s: %s begins with a capital: %s", r.Code, field, text)
				}
				isThere := text == "it is there" || text == "it is not there" // short for what Expected names
				if field == "Got" && readsAsSentence.MatchString(text) && !isThere {
					t.Errorf("%s: after \"got\" stands a sentence: %s", r.Code, text)
				}
				if strings.HasSuffix(text, ".") {
					t.Errorf("%s: %s ends with a full stop: %s", r.Code, field, text)
				}
			}
		}
	}
}

// Each reason that is declared is used, and always with the values that its texts need.
func TestReasonsAreUsedWithTheirValues(t *testing.T) {
	list := sources(t)
	reasons := declarations(t, list)

	tables := tablesOf(list, reasons)
	checked := 0
	for _, s := range list {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if d := reasons[s.folder+" "+id.Name]; d != nil {
					d.uses++
				}
			}
			if e, ok := n.(*ast.SelectorExpr); ok {
				if d := s.imported(e, reasons); d != nil {
					d.uses++
				}
			}

			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || method.Sel.Name != "With" || ofLogger(method.X) {
				return true
			}

			meant := s.receivers(method.X, reasons, tables)
			if len(meant) == 0 {
				t.Errorf("%s: call With on a reason, or on an entry of a table of reasons, of the package", s.at(call))
				return true
			}

			checked++
			keys, fault := keysOf(call)
			if fault != "" {
				t.Errorf("%s: %s", s.at(call), fault)
			}

			for _, d := range meant {
				want := d.reason.Placeholders()
				slices.Sort(want)
				if !slices.Equal(keys, want) {
					t.Errorf("%s: %s is given %q, and needs %q", s.at(call), d.name, keys, want)
				}
			}

			return true
		})
	}

	for _, key := range slices.Sorted(maps.Keys(reasons)) {
		if d := reasons[key]; d.uses < 2 { // the declaration is one
			t.Errorf("%s: nothing refuses with %s", d.place, d.name)
		}
	}
	if checked < 50 {
		t.Errorf("%d calls of With were found", checked)
	}
}

// tablesOf returns the reasons in the values of package variables, such as a map from
// claims to reasons, by folder and name.
func tablesOf(list []sourceFile, reasons map[string]*declared) map[string][]*declared {
	tables := map[string][]*declared{}
	for _, s := range list {
		for _, d := range s.file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}

			for _, spec := range group.Specs {
				v := spec.(*ast.ValueSpec)
				for i, value := range v.Values {
					name := s.folder + " " + v.Names[i].Name
					ast.Inspect(value, func(n ast.Node) bool {
						if id, ok := n.(*ast.Ident); ok && reasons[s.folder+" "+id.Name] != nil {
							tables[name] = append(tables[name], reasons[s.folder+" "+id.Name])
						}
						return true
					})
				}
			}
		}
	}

	return tables
}

// imported returns the reason of another package that an expression names.
func (s sourceFile) imported(e *ast.SelectorExpr, reasons map[string]*declared) *declared {
	name, reason := selector(e)
	for _, spec := range s.file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		folder, own := strings.CutPrefix(path, "github.com/poolhouse-id/poolhouse/")
		if own && filepath.Base(folder) == name {
			return reasons[folder+" "+reason]
		}
	}

	return nil
}

// receivers returns the reasons that an expression can stand for: reason,
// package.reason, table[key], or entry.field in a loop over a table. None = it is something else.
func (s sourceFile) receivers(e ast.Expr, reasons map[string]*declared, tables map[string][]*declared) []*declared {
	switch e := e.(type) {
	case *ast.Ident:
		if d := reasons[s.folder+" "+e.Name]; d != nil {
			return []*declared{d}
		}
	case *ast.IndexExpr:
		if table, ok := e.X.(*ast.Ident); ok {
			return tables[s.folder+" "+table.Name]
		}
	case *ast.SelectorExpr:
		if d := s.imported(e, reasons); d != nil {
			return []*declared{d}
		}
		entry, _ := selector(e)
		var meant []*declared
		ast.Inspect(s.file, func(n ast.Node) bool {
			loop, ok := n.(*ast.RangeStmt)
			if !ok {
				return true
			}
			value, _ := loop.Value.(*ast.Ident)
			table, _ := loop.X.(*ast.Ident)
			if value != nil && table != nil && value.Name == entry && loop.Pos() < e.Pos() && e.Pos() < loop.End() {
				meant = tables[s.folder+" "+table.Name]
			}

			return true
		})

		return meant
	}

	return nil
}

// ofLogger reports whether an expression is a logger, whose With is another method.
func ofLogger(e ast.Expr) bool {
	name := ""
	switch e := e.(type) {
	case *ast.Ident:
		name = e.Name
	case *ast.SelectorExpr:
		name = e.Sel.Name
	case *ast.CallExpr:
		_, name = selector(e.Fun)
	}

	return strings.Contains(strings.ToLower(name), "log")
}

// keysOf returns the names of a call of With, sorted.
func keysOf(call *ast.CallExpr) (keys []string, fault string) {
	if len(call.Args)%2 != 0 {
		return nil, "With has a name without a value"
	}

	for i := 0; i < len(call.Args); i += 2 {
		literal, ok := call.Args[i].(*ast.BasicLit)
		if !ok {
			return nil, "With has a name that is no literal"
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			return nil, err.Error()
		}
		keys = append(keys, text)
	}

	slices.Sort(keys)

	return keys, ""
}

// Every catalogue of the sources is one that the page, the metrics and these tests know.
func TestCataloguesAreCollected(t *testing.T) {
	collected := map[string]bool{}
	for _, c := range poolhouse.Refusals() {
		collected[c.Package] = true
	}

	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if x, sel := selector(v.Type); x == "explain" && sel == "Catalogue" &&
				!collected[strings.TrimPrefix(s.folder, ".")] {
				t.Errorf("%s: the catalogue of %s is not in poolhouse.Refusals", s.at(v), s.folder)
			}

			return true
		})
	}
}
