package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const modulePath = "github.com/poolhouse-id/poolhouse"

// file is one Go file and its measures.
type file struct {
	path   string // from the project's root, with slashes
	module string // folder of its go.mod: "." for the root
	test   bool   // a test, or a package that only tests import

	lines      int
	statements int
	long       []int // numbers of the lines that are too long
	functions  []function
	unused     []name // exported, and named nowhere outside the package

	generated bool
	syntax    *ast.File
	positions *token.FileSet
}

// name is a declared name and its line.
type name struct {
	text string
	line int
}

func (f *file) folder() string { return path.Dir(f.path) }

// readProject reads every Go file of every module below root.
func readProject(root string) ([]*file, error) {
	var files []*file
	modules := []string{"."}
	positions := token.NewFileSet()
	err := filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)

		if entry.IsDir() {
			if relative != "." && ignored(entry.Name()) {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(full, "go.mod")); err == nil {
				modules = append(modules, relative)
			}
			return nil
		}
		if !strings.HasSuffix(relative, ".go") {
			return nil
		}

		text, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		f, err := parse(positions, relative, text)
		if err != nil {
			return err
		}
		f.module = moduleOf(modules, relative)
		files = append(files, f)

		return nil
	})

	return files, err
}

// ignored reports whether the go command ignores a folder of this name, or it is npm's.
func ignored(folder string) bool {
	return strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_") ||
		folder == "testdata" || folder == "node_modules"
}

// moduleOf returns the innermost of the folders that holds a file.
func moduleOf(folders []string, file string) string {
	found := "."
	for _, folder := range folders {
		if strings.HasPrefix(file, folder+"/") && (found == "." || len(folder) > len(found)) {
			found = folder
		}
	}
	return found
}

// parse reads and measures one file.
func parse(positions *token.FileSet, name string, text []byte) (*file, error) {
	syntax, err := parser.ParseFile(positions, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}

	f := &file{
		path:      name,
		test:      isTest(name),
		generated: ast.IsGenerated(syntax),
		syntax:    syntax,
		positions: positions,
	}
	f.measure(text)

	return f, nil
}

// isTest reports whether a file is a test, or belongs to an internal package that
// only tests import; those have names that end with "test".
func isTest(name string) bool {
	folder := path.Dir(name)
	return strings.HasSuffix(name, "_test.go") || strings.Contains(folder, "/") && strings.HasSuffix(folder, "test")
}

// choose returns the files in the folders, which are relative to the working
// directory; "folder/..." means all below it too. Without folders it returns all.
func choose(files []*file, root string, folders []string) ([]*file, error) {
	if len(folders) == 0 {
		return files, nil
	}

	var chosen []*file
	for _, folder := range folders {
		folder, below := strings.CutSuffix(filepath.ToSlash(folder), "/...")
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, err
		}
		relative, err := filepath.Rel(root, absolute)
		if err != nil {
			return nil, err
		}
		relative = filepath.ToSlash(relative)

		before := len(chosen)
		for _, f := range files {
			in := f.folder() == relative || below && (relative == "." || strings.HasPrefix(f.folder(), relative+"/"))
			if in && !slices.Contains(chosen, f) {
				chosen = append(chosen, f)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("no Go files in %s", folder)
		}
	}

	return chosen, nil
}
