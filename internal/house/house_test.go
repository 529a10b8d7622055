package main

import (
	"bytes"
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func source(t *testing.T, name, text string) *file {
	t.Helper()
	f, err := parse(token.NewFileSet(), name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f.module = "."

	return f
}

func TestMeasureFunction(t *testing.T) {
	f := source(t, "a.go",
		"package a\n\nfunc f(n int) string {\n\tif n > 0 {\n\t\tn++\n\t}\n\n\treturn `one\n\n\ntwo`\n}\n")

	want := function{name: "f", line: 3, lines: 10, body: 8, blank: 1, cognitive: 1}
	if len(f.functions) != 1 || f.functions[0] != want {
		t.Errorf("got %+v, want %+v: a blank line of a raw string is text", f.functions, want)
	}
	if f.statements != 3 {
		t.Errorf("%d statements, want if, increment and return", f.statements)
	}
	if f.lines != 12 {
		t.Errorf("%d lines, want 12", f.lines)
	}
}

func TestCognitive(t *testing.T) {
	f := source(t, "a.go", `package a

func f(a, b bool) {
	for {
		if a && b {
			return
		}
	}
}
`)
	if got := f.functions[0].cognitive; got != 4 { // for 1, if 1 and 1 for its depth, && 1
		t.Errorf("cognitive complexity %d, want 4", got)
	}
}

func TestLongLines(t *testing.T) {
	full := "\t// " + strings.Repeat("é", columns-tabWidth-3)
	f := source(t, "a.go", "package a\n\nfunc f() {\n"+full+"\n"+full+"x\n}\n")
	if !slices.Equal(f.long, []int{5}) {
		t.Errorf("long lines %v, want line 5 only: characters count, not bytes, and a tab is four", f.long)
	}
}

func TestIsTable(t *testing.T) {
	for body, want := range map[string]bool{
		"return []int{1}":            true,
		"return &thing{a: 1}":        true,
		"rows = map[string]int{}":    true,
		"return f([]int{1})":         false,
		"x := 1; return []int{x}":    false,
		"for range []int{1} { x() }": false,
		"":                           false,
	} {
		f := source(t, "a.go", "package a\n\nfunc f() { "+body+" }\n")
		if f.functions[0].table != want {
			t.Errorf("%q is a table: %t, want %t", body, f.functions[0].table, want)
		}
	}
}

func TestIsTest(t *testing.T) {
	for name, want := range map[string]bool{
		"a_test.go":                     true,
		"internal/store/storetest/a.go": true,
		"internal/pgtest/a.go":          true,
		"poolhousetest/a.go":            false, // public
		"internal/store/a.go":           false,
	} {
		if isTest(name) != want {
			t.Errorf("%s is a test: %t, want %t", name, !want, want)
		}
	}
}

func TestModuleOf(t *testing.T) {
	modules := []string{".", "clienttests", "clienttests/op"}
	for name, want := range map[string]string{
		"a.go":                ".",
		"clienttests/a.go":    "clienttests",
		"clienttests/op/a.go": "clienttests/op",
		"clienttestsx/a.go":   ".",
	} {
		if got := moduleOf(modules, name); got != want {
			t.Errorf("%s belongs to %s, want %s", name, got, want)
		}
	}
}

func TestUnused(t *testing.T) {
	declares := source(t, "internal/a/a.go", `package a

type Named struct{ Field InField }
type InField int
type InSignature int
type hidden struct{ Field InHidden }
type InHidden int

func New() InSignature { return 0 }
func OwnUse() { New() }
func OnlyTested() {}

const Alone = 1

const (
	First InField = iota
	Second
)

func (Named) Method() {}
`)
	uses := source(t, "b/b.go", `package b

import other "github.com/poolhouse-id/poolhouse/internal/a"

var x = other.New()
var y other.Named
var z = other.Second
`)
	test := source(t, "b/b_test.go", `package b

import "github.com/poolhouse-id/poolhouse/internal/a"

var z = a.OnlyTested
`)
	own := source(t, "internal/a/a_test.go", `package a_test

import "github.com/poolhouse-id/poolhouse/internal/a"

var z = a.Alone
`)
	markUnused([]*file{declares, uses, test, own})

	got := fmt.Sprint(declares.unused)
	if want := "[{InHidden 7} {OwnUse 10} {Alone 13}]"; got != want {
		t.Errorf("unused: %s, want %s", got, want)
	}
	if uses.unused != nil {
		t.Errorf("unused in a public package: %v", uses.unused)
	}
}

func TestFindings(t *testing.T) {
	body := strings.Repeat("\tx()\n", mostFunction)
	branches := strings.Repeat("\tif a {\n\t\tif b {\n\t\t\tx()\n\t\t}\n\t}\n\n", 11)
	rows := strings.Repeat("\t\t1,\n", 100)
	f := source(t, "a.go", "package a\n\nfunc f() {\n"+body+"}\n\nfunc g() {\n"+branches+"}\n\n"+
		"func table() []int {\n\treturn []int{\n"+rows+"\t}\n}\n")

	want := []string{
		"a.go:3: f has 72 lines, more than 70",
		"a.go:3: f has 70 lines and no blank one",
		"a.go:76: g has a cognitive complexity of 33, more than 30",
	}

	if got := f.findings(false); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}

	groups := group([]*file{f})
	if got := findings(groups, false); !slices.Equal(got, want) {
		t.Errorf("of the group: %q", got)
	}
	if got := wholeProject(groups, f.statements); got != nil {
		t.Errorf("%d statements of %d: %q", f.statements, f.statements, got)
	}
	if got := wholeProject(groups, f.statements-1); len(got) != 1 {
		t.Errorf("a statement too many: %q", got)
	}
}

// Of the limits, those of layout hold for tests too, and for the packages that only tests import.
func TestFindingsOfTests(t *testing.T) {
	long := "// " + strings.Repeat("x", columns) + "\n"
	body := strings.Repeat("\tx()\n", mostFunction)
	branches := strings.Repeat("\tif a {\n\t\tif b {\n\t\t\tx()\n\t\t}\n\t}\n\n", 11)
	text := "package a\n\n" + long + "func f() {\n" + body + "}\n\nfunc g() {\n" + branches + "}\n" +
		strings.Repeat("\n", mostFile)

	for _, path := range []string{"a_test.go", "internal/atest/a.go"} {
		groups := group([]*file{source(t, path, text)})

		want := []string{
			path + ":3: the line is longer than 120 columns",
			path + ":4: f has 70 lines and no blank one",
		}
		if got := findings(groups, false); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}

		if got := findings(groups, true); len(got) != len(want)+3 {
			t.Errorf("with -tests: %q, want the lengths of file and function and the complexity too", got)
		}
	}
}

func TestBlankShare(t *testing.T) {
	for blank, want := range map[string]string{"": "0.0", "\n": "50.0"} {
		function := "\nfunc f() {\n" + strings.Repeat("\tx()\n"+blank, 20) + "}\n"
		f := source(t, "a_test.go", "package a\n"+strings.Repeat(function, 10))
		groups := group([]*file{f})
		got := findings(groups, true)
		if len(got) != 1 ||
			!strings.HasPrefix(got[0], "root module, tests: "+want+" % of the lines in bodies are blank") {
			t.Errorf("got %q", got)
		}
		if got := findings(groups, false); got != nil {
			t.Errorf("tests were held to the share of blank lines: %q", got)
		}
	}
}

func TestFindingsOfFile(t *testing.T) {
	f := source(t, "a.go", "package a\n"+strings.Repeat("\n", mostFile))
	if got := f.findings(false); len(got) != 1 || !strings.HasPrefix(got[0], "a.go:1: the file has 501 lines") {
		t.Errorf("got %q", got)
	}
}

func TestRootFiles(t *testing.T) {
	var files []*file
	for i := range mostFilesAtRoot + 1 {
		files = append(files, source(t, fmt.Sprintf("a%d.go", i), "package a\n"))
	}
	if got := wholeProject(group(files[1:]), 0); got != nil {
		t.Errorf("%d files: %q", mostFilesAtRoot, got)
	}
	if got := wholeProject(group(files), 0); len(got) != 1 {
		t.Errorf("%d files: %q", len(files), got)
	}
}

func TestGroup(t *testing.T) {
	generated := source(t, "a.go", "// Code generated by x. DO NOT EDIT.\n\npackage a\n")
	bench := source(t, "bench/a.go", "package a\n")
	bench.module = "bench"
	test, code := source(t, "a_test.go", "package a\n"), source(t, "b.go", "package a\n")

	var titles []string
	for _, g := range group([]*file{generated, bench, test, code}) {
		titles = append(titles, g.title())
	}
	if want := []string{"root module, code", "root module, tests", "module bench, code"}; !slices.Equal(titles, want) {
		t.Errorf("groups %q, want %q", titles, want)
	}
}

func TestSpread(t *testing.T) {
	if got := spread([]int{5, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11}); got != "6 10 11" {
		t.Errorf("median, p90, largest are %s", got)
	}
}

// The command on a project of one file.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.work":             "",
		"go.mod":              "",
		"a.go":                "package a\n",
		"sub/b.go":            "package b\n\n// " + strings.Repeat("x", columns) + "\n",
		"testdata/ignored.go": "no Go",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)

	var out bytes.Buffer
	if err := run([]string{"-limits"}, &out); err == nil ||
		!strings.Contains(out.String(), "sub/b.go:3: the line is longer") {
		t.Errorf("error %v after\n%s", err, out.String())
	}

	out.Reset()
	if err := run([]string{"-limits", "."}, &out); err != nil || !strings.Contains(out.String(), "1, 1") {
		t.Errorf("the root package alone: %v after\n%s", err, out.String())
	}
	if err := run([]string{"elsewhere"}, &out); err == nil {
		t.Error("a folder without Go files was measured")
	}
	if err := run([]string{"-limits", "./sub/..."}, &out); err == nil {
		t.Error("a folder with its subfolders was not measured")
	}
}
