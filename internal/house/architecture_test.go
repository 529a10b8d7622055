package main

import (
	"go/ast"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	architectureRow = regexp.MustCompile("(?m)^\\| (`[^|]+) \\|[^|]+\\| ([^|]+) \\|$")
	quotedName      = regexp.MustCompile("`([^`]+)`")
)

// TestArchitectureNamesWhatIsThere checks the table of packages: each package is there, and each
// file, type and function to start at exists in one of the row's packages.
func TestArchitectureNamesWhatIsThere(t *testing.T) {
	atRoot(t)
	files, err := readProject(".")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}

	table, _, _ := strings.Cut(string(text), "\n## ")
	rows := architectureRow.FindAllStringSubmatch(table, -1)
	if len(rows) < 20 {
		t.Fatalf("the table of packages has %d rows", len(rows))
	}

	var described []string
	for _, row := range rows {
		folders := foldersOf(row[1])
		described = append(described, folders...)

		names := namesIn(files, folders)
		for _, start := range quoted(row[2]) {
			if !strings.HasPrefix(start, "go run ") && !names[start] {
				t.Errorf("%s: there is no %s", row[1], start)
			}
		}
	}

	for _, f := range files {
		folder := f.folder()
		isRoom := f.module == "." && !f.test && path.Base(folder) != "gen"
		if isRoom && !slices.Contains(described, folder) {
			t.Errorf("the table of packages lacks %s", folder)
			described = append(described, folder)
		}
	}
}

// foldersOf returns the folders of the packages that the first cell of a row names.
func foldersOf(cell string) []string {
	var folders []string
	for _, name := range quoted(cell) {
		switch {
		case name == "poolhouse":
			folders = append(folders, ".")
		case slices.Contains([]string{"auth", "sigv4", "poolhousetest", "bench", "clienttests"}, name),
			strings.HasPrefix(name, "cmd/"), strings.HasPrefix(name, "packaging/"), strings.HasPrefix(name, "sigv4/"),
			strings.HasPrefix(name, "internal/"), strings.HasPrefix(name, "poolhousetest/"),
			strings.HasPrefix(name, "console/"):
			folders = append(folders, name)
		default:
			folders = append(folders, "internal/"+name)
		}
	}

	return folders
}

// namesIn returns the names of files, types, functions, methods (Type.Method) and variables.
func namesIn(files []*file, folders []string) map[string]bool {
	names := map[string]bool{}
	for _, f := range files {
		if !slices.Contains(folders, f.folder()) {
			continue
		}
		names[path.Base(f.path)] = true

		for _, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[d.Name.Name] = true
				if d.Recv != nil {
					names[receiver(d)+"."+d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						names[spec.Name.Name] = true
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							names[name.Name] = true
						}
					}
				}
			}
		}
	}

	return names
}

// receiver returns the name of a method's type.
func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	if pointer, ok := t.(*ast.StarExpr); ok {
		t = pointer.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	name, _ := t.(*ast.Ident)
	if name == nil {
		return ""
	}

	return name.Name
}

func quoted(text string) []string {
	var list []string
	for _, match := range quotedName.FindAllStringSubmatch(text, -1) {
		list = append(list, match[1])
	}
	return list
}
