package main

import (
	"go/ast"
	"go/token"
	"path"
	"strconv"
	"strings"
)

// symbol is a package-level name: the folder of its package and the name.
type symbol struct{ folder, name string }

// markUnused finds the exported names of internal packages that no other folder
// names. It reads names only: a package-level name of another package is always
// written with the package before it. A type that an exported declaration of its
// own package mentions counts as used, and so does a constant of a type when another
// of its group is used: the values of an enumeration belong together.
func markUnused(files []*file) {
	packages := map[string]string{} // folder to package name
	for _, f := range files {
		if !strings.HasSuffix(f.path, "_test.go") {
			packages[f.folder()] = f.syntax.Name.Name
		}
	}

	used := map[symbol]bool{}
	for _, f := range files {
		f.markUsed(used, packages)
	}

	for _, f := range files {
		f.markEnumerations(used)
	}

	for _, f := range files {
		internal := strings.HasPrefix(f.path, "internal/") || strings.Contains(f.path, "/internal/")
		if !internal || f.test || f.generated || f.syntax.Name.Name == "main" {
			continue
		}

		for _, d := range exported(f) {
			if !used[symbol{folder: f.folder(), name: d.text}] {
				f.unused = append(f.unused, d)
			}
		}
	}
}

// markUsed marks what a file names of other packages, and the types that its
// exported declarations mention.
func (f *file) markUsed(used map[symbol]bool, packages map[string]string) {
	folders := map[string]string{} // name in this file to folder
	for _, spec := range f.syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		folder, ours := strings.CutPrefix(imported, modulePath)
		if err != nil || !ours {
			continue
		}
		folder = path.Clean(strings.TrimPrefix(folder, "/"))
		local := packages[folder]
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if folder != f.folder() {
			folders[local] = folder
		}
	}

	ast.Inspect(f.syntax, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if left, ok := selector.X.(*ast.Ident); ok && folders[left.Name] != "" {
				used[symbol{folder: folders[left.Name], name: selector.Sel.Name}] = true
			}
		}
		return true
	})

	if f.test {
		return
	}

	for _, declaration := range f.syntax.Decls {
		f.markMentioned(used, declaration)
	}
}

// markEnumerations marks all constants of a typed group that has a used one.
func (f *file) markEnumerations(used map[symbol]bool) {
	for _, declaration := range f.syntax.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}

		typed, named := false, false
		var constants []symbol
		for _, spec := range group.Specs {
			values := spec.(*ast.ValueSpec)
			typed = typed || values.Type != nil
			for _, n := range values.Names {
				constant := symbol{folder: f.folder(), name: n.Name}
				constants = append(constants, constant)
				named = named || used[constant]
			}
		}

		for _, constant := range constants {
			used[constant] = used[constant] || typed && named
		}
	}
}

// markMentioned marks the names in the signature or the fields of an exported declaration.
func (f *file) markMentioned(used map[symbol]bool, declaration ast.Decl) {
	mark := func(node ast.Node) {
		ast.Inspect(node, func(node ast.Node) bool {
			if n, ok := node.(*ast.Ident); ok {
				used[symbol{folder: f.folder(), name: n.Name}] = true
			}
			return true
		})
	}

	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() {
			mark(d.Type)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() {
					markFields(s.Type, mark)
				}
			case *ast.ValueSpec:
				if s.Type != nil && s.Names[0].IsExported() {
					mark(s.Type)
				}
			}
		}
	}
}

// markFields marks the types of a struct's exported and embedded fields, or all of another type.
func markFields(kind ast.Expr, mark func(ast.Node)) {
	structure, ok := kind.(*ast.StructType)
	if !ok {
		mark(kind)
		return
	}

	for _, field := range structure.Fields.List {
		if len(field.Names) == 0 || field.Names[0].IsExported() {
			mark(field.Type)
		}
	}
}

// exported returns the exported package-level names that a file declares.
func exported(f *file) []name {
	var names []name
	add := func(n *ast.Ident) {
		if n.IsExported() {
			names = append(names, name{text: n.Name, line: f.line(n.Pos())})
		}
	}

	for _, declaration := range f.syntax.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					add(s.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						add(n)
					}
				}
			}
		}
	}

	return names
}
