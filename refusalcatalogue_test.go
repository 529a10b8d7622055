package poolhouse

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Every refusal has a reason of a catalogue. These tests read all sources of the module
// that are not tests, and hold the rules that the compiler cannot.

// unconverted are the files whose refusals have no reasons of a catalogue yet. A file
// is taken off the list when they have, and none is added. When it is empty,
// it goes, with MayLackReason.
var unconverted = []string{
	"internal/check/check.go",
	"internal/check/route.go",
	"internal/check/subresource.go",
	"internal/cognitoidentity/credentials.go",
	"internal/cognitoidentity/developer.go",
	"internal/cognitoidentity/errors.go",
	"internal/cognitoidentity/identity.go",
	"internal/cognitoidentity/logins.go",
	"internal/cognitoidentity/pages.go",
	"internal/cognitoidentity/pool.go",
	"internal/cognitoidentity/poolconfig.go",
	"internal/cognitoidentity/roles.go",
	"internal/cognitoidentity/token.go",
	"internal/cognitoidentity/trust.go",
	"internal/cognitoidentity/userpool.go",
	"internal/engine/sts.go",
	"internal/iamapi/account.go",
	"internal/iamapi/managedpolicy.go",
	"internal/iamapi/oidcprovider.go",
	"internal/iamapi/page.go",
	"internal/iamapi/role.go",
	"internal/iamapi/rolepolicy.go",
	"internal/iamapi/samlprovider.go",
	"internal/iamapi/service.go",
	"internal/iamapi/tag.go",
	"internal/identitypool/principaltags.go",
	"internal/identitypool/role.go",
	"internal/login/ask.go",
	"internal/login/jwt.go",
	"internal/login/token.go",
	"internal/signout/signout.go",
	"internal/sts/assume.go",
	"internal/sts/assumerole.go",
	"internal/sts/owntoken.go",
	"internal/sts/refusal.go",
	"internal/sts/saml.go",
	"internal/sts/service.go",
	"internal/sts/sessiontoken.go",
	"internal/sts/token.go",
	"internal/sts/views.go",
	"internal/sts/webidentity.go",
	"internal/userstatus/userstatus.go",
}

// MayLackReason reports whether refusals of an operation need not have a reason yet,
// because files of its package are unconverted.
func MayLackReason(operation string) bool {
	folder := "internal/check/"
	for _, api := range namedAPIs() {
		for _, op := range api.Operations {
			if op.Name() == operation {
				folder = map[string]string{
					"cognito-identity": "internal/cognitoidentity/",
					"sts":              "internal/sts/",
					"iam":              "internal/iamapi/",
				}[api.Name]
			}
		}
	}
	if slices.Contains([]string{"CreateIdentityPoolWithId", "LoadIdentities"}, operation) {
		folder = "internal/cognitoidentity/" // which carries them out
	}
	return slices.ContainsFunc(unconverted, func(path string) bool { return strings.HasPrefix(path, folder) })
}

// makers are the files that make errors and steps for others.
var makers = []string{
	"internal/awsapi/error.go", "internal/awsapi/middleware.go", "internal/awsapi/admission.go",
	"internal/explain/explain.go", "internal/explain/refusal.go",
}

// source is one file that was parsed.
type source struct {
	path, folder string
	file         *ast.File
	fset         *token.FileSet
}

func (s source) at(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// sources parses the files of the module, but not tests, helpers of tests and
// generated code.
func sources(t *testing.T) []source {
	t.Helper()
	var list []source
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
		list = append(list, source{
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
func (s source) without() []string {
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
			case x == "awsapi" && (sel == "Errorf" || sel == "Refuse"), inAPI && id != nil && (id.Name == "Errorf" || id.Name == "Refuse"):
				found = append(found, s.at(n)+" refuses without a reason: use Refused or RefusedAs")
			}
		case *ast.CompositeLit:
			x, sel := selector(n.Type)
			id, _ := n.Type.(*ast.Ident)
			foreign := x == "awsapi" && sel == "Error" || x == "explain" && sel == "Step"
			own := inAPI && id != nil && id.Name == "Error" || s.folder == "internal/explain" && id != nil && id.Name == "Step"
			if (foreign || own) && len(n.Elts) > 0 && !slices.Contains(makers, s.path) {
				found = append(found, s.at(n)+" makes an error or a step by itself: refuse with a reason")
			}
		}
		return true
	})
	return found
}

// Nothing refuses without a reason, but for the files of a list that only shrinks.
func TestRefusalsHaveReasons(t *testing.T) {
	listed := map[string]bool{}
	for _, path := range unconverted {
		listed[path] = true
	}

	for _, s := range sources(t) {
		found := s.without()
		switch {
		case listed[s.path] && len(found) == 0:
			t.Errorf("%s is converted: take it off the list", s.path)
		case !listed[s.path]:
			for _, fault := range found {
				t.Error(fault)
			}
		}
		delete(listed, s.path)
	}
	for path := range listed {
		t.Errorf("%s does not exist: take it off the list", path)
	}
}

// declared is a reason as a source declares it.
type declared struct {
	name, folder, place string
	reason              *explain.Reason
	uses                int
}

// declarations returns the reasons that the sources declare, by folder and name.
func declarations(t *testing.T, list []source) map[string]*declared {
	t.Helper()
	byCode := map[explain.Code]*explain.Reason{}
	for _, c := range catalogues() {
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
					t.Errorf("%s: the reason %q is in no catalogue that catalogues() lists", s.at(v), code)
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
	for _, c := range catalogues() {
		for _, r := range c.Reasons {
			reasons++
			if other, twice := seen[r.Code]; twice {
				t.Errorf("the code %s is in %q and in %q", r.Code, other, c.Title)
			}
			seen[r.Code] = c.Title

			own := explain.CodeOf(r.Check)
			if !codeForm.MatchString(string(r.Code)) || r.Code != own && !strings.HasPrefix(string(r.Code), string(own)+"-") {
				t.Errorf("the code %q does not begin with %q, that of its check", r.Code, own)
			}
			if !checkForm.MatchString(r.Check) {
				t.Errorf("%s: the check %q has something else than words", r.Code, r.Check)
			}
			for field, text := range map[string]string{"Check": r.Check, "Expected": r.Expected, "Got": r.Got, "Fix": r.Fix} {
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

// Each reason that is declared is used, and always with the values that its texts need.
func TestReasonsAreUsedWithTheirValues(t *testing.T) {
	list := sources(t)
	reasons := declarations(t, list)
	checked := 0
	for _, s := range list {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if d := reasons[s.folder+" "+id.Name]; d != nil {
					d.uses++
				}
			}
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			x, sel := selector(call.Fun)
			if sel != "With" || x == "" || strings.Contains(strings.ToLower(x), "logger") {
				return true
			}
			d := reasons[s.folder+" "+x]
			if d == nil {
				if slices.Contains(imports(s.file), "explain") {
					t.Errorf("%s: With is called on %s: call it on a reason of the catalogue", s.at(call), x)
				}
				return true
			}

			checked++
			keys, fault := keysOf(call)
			if fault != "" {
				t.Errorf("%s: %s", s.at(call), fault)
			}
			want := d.reason.Placeholders()
			slices.Sort(want)
			if !slices.Equal(keys, want) {
				t.Errorf("%s: %s is given %q, and needs %q", s.at(call), x, keys, want)
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

// imports returns the names of our packages that a file imports.
func imports(file *ast.File) []string {
	var names []string
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		if strings.HasPrefix(path, "github.com/poolhouse-id/poolhouse") {
			names = append(names, filepath.Base(path))
		}
	}
	return names
}

// Every catalogue of the sources is one that the page, the metrics and these tests know.
func TestCataloguesAreCollected(t *testing.T) {
	collected := map[string]bool{}
	for _, c := range catalogues() {
		collected[c.Package] = true
	}
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if x, sel := selector(v.Type); x == "explain" && sel == "Catalogue" && !collected[strings.TrimPrefix(s.folder, ".")] {
				t.Errorf("%s: the catalogue of %s is not in catalogues()", s.at(v), s.folder)
			}
			return true
		})
	}
}

// docs/refusals.md is written from the catalogues.
func TestRefusalReferenceIsUpToDate(t *testing.T) {
	have, err := os.ReadFile(filepath.Join("docs", "refusals.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != RefusalReference() {
		t.Error("docs/refusals.md differs from the catalogues: run `make generate`")
	}
}
