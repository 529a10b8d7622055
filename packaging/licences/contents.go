package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// part is a module, or Go itself.
type part struct {
	name     string
	version  string // empty = the version of the toolchain
	licences []string
	files    []document
}

// document is a licence or notice.
type document struct {
	path string // in the module, with slashes
	text string
}

// listed is a package in the output of `go list -json`.
type listed struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// platforms are the operating systems that a release is made for. Architectures make no difference
// to the modules that are used, which TestPlatforms checks.
var platforms = []string{"linux", "darwin", "windows"}

// documentName matches the names of files with a licence or notice.
var documentName = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|unlicense|notice|patents)\b[^/]*$`)

// logo is the name of modernc.org's files about the pictures in its read-me files, which are not in
// the programs.
const logo = "LICENSE-LOGO"

// contents returns what the programs of a release contain.
func contents(root string) ([]part, error) {
	var packages []listed
	for _, system := range platforms {
		found, err := list(root, system, "amd64", "./cmd/poolhouse")
		if err != nil {
			return nil, err
		}
		packages = append(packages, found...)
	}
	certificates, err := list(filepath.Join(root, "packaging"), "linux", "amd64",
		"golang.org/x/crypto/x509roots/fallback/bundle")
	if err != nil {
		return nil, err
	}
	packages = append(packages, certificates...)

	golang, err := goItself(root)
	if err != nil {
		return nil, err
	}
	modules, err := modulesOf(packages)
	if err != nil {
		return nil, err
	}
	scripts, err := scriptsOf(filepath.Join(root, "console"))

	return slices.Concat([]part{golang}, modules, scripts), err
}

// scriptsOf returns the npm packages in the console, which the programs contain. The console's build fails if it has
// another package than its folder licences has a text of.
func scriptsOf(console string) ([]part, error) {
	text, err := os.ReadFile(filepath.Join(console, "package-lock.json"))
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, err
	}

	entries, err := os.ReadDir(filepath.Join(console, "licences"))
	if err != nil {
		return nil, err
	}

	var parts []part
	for _, e := range entries {
		version := lock.Packages["node_modules/"+e.Name()].Version
		if version == "" {
			return nil, fmt.Errorf("the console's package-lock.json lacks %s", e.Name())
		}
		text, err := os.ReadFile(filepath.Join(console, "licences", e.Name()))
		if err != nil {
			return nil, err
		}

		parts = append(parts, part{
			name:    "npm " + e.Name(),
			version: version,
			files:   []document{{path: "LICENSE", text: string(text)}},
		})
	}

	return parts, nil
}

// list returns a package with all that it imports. GOWORK=off: users build without go.work.
func list(folder, system, arch, path string) ([]listed, error) {
	command := exec.Command("go", "list", "-deps", "-json=Dir,Standard,Module", path)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "GOWORK=off", "CGO_ENABLED=0")
	var faults bytes.Buffer
	command.Stderr = &faults
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command, err, faults.String())
	}

	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// goItself returns Go's standard library and runtime.
func goItself(root string) (part, error) {
	command := exec.Command("go", "env", "GOROOT")
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		return part{}, err
	}
	golang := part{name: "Go"}
	golang.files, err = documents(strings.TrimSpace(string(out)), nil)

	return golang, err
}

// modulesOf returns the modules of packages, with their documents, sorted by name.
func modulesOf(packages []listed) ([]part, error) {
	folders := map[string][]string{} // a module's folder to those of its packages
	modules := map[string]part{}
	for _, p := range packages {
		if p.Standard || p.Module == nil || p.Module.Main {
			continue
		}
		folders[p.Module.Dir] = append(folders[p.Module.Dir], p.Dir)
		modules[p.Module.Dir] = part{name: p.Module.Path, version: p.Module.Version}
	}

	for folder, module := range modules {
		var err error
		if module.files, err = documents(folder, folders[folder]); err != nil {
			return nil, err
		}
		modules[folder] = module
	}

	return slices.SortedFunc(maps.Values(modules), func(a, b part) int { return cmp.Compare(a.name, b.name) }), nil
}

// documents returns the documents in a module's folder, and in those between it and its packages
// that are used.
func documents(module string, packages []string) ([]document, error) {
	folders := map[string]bool{module: true}
	for _, folder := range packages {
		for ; len(folder) > len(module); folder = filepath.Dir(folder) {
			folders[folder] = true
		}
	}

	var found []document
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}

		for _, e := range entries {
			name := e.Name()
			if !e.Type().IsRegular() || !documentName.MatchString(name) || name == logo || filepath.Ext(name) == ".go" {
				continue
			}
			path := filepath.Join(folder, name)
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			path, err = filepath.Rel(module, path)
			if err != nil {
				return nil, err
			}
			found = append(found, document{path: filepath.ToSlash(path), text: string(text)})
		}
	}

	return found, nil
}
