package apply

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// Stack is a template in a folder.
type Stack struct {
	Name string // a name for Options
	Path string

	id, displayName string
}

// ManifestName is the file by which a folder of `cdk synth` is known.
const ManifestName = "manifest.json"

const (
	maxManifest = 4 << 20 // bytes
	maxStages   = 8       // folders of stages in one another
)

// artifact is an entry of a cloud assembly's manifest (CDK's package cloud-assembly-schema).
type artifact struct {
	Type         string   `json:"type"`
	Dependencies []string `json:"dependencies"`
	DisplayName  string   `json:"displayName"`
	Properties   struct {
		TemplateFile  string `json:"templateFile"`
		StackName     string `json:"stackName"`
		DirectoryName string `json:"directoryName"`
	} `json:"properties"`
}

// Stacks returns the templates of a folder that `cdk synth` has written, those that another depends
// on first; otherwise in the order of its manifest. Without a manifest they are its files
// *.template.json, by name. names chooses stacks; none = all.
func Stacks(folder string, names []string) ([]Stack, error) {
	all, err := assembly(folder, 0)
	if errors.Is(err, fs.ErrNotExist) {
		all, err = loose(folder)
	}
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no %s and no file *.template.json", folder, ManifestName)
	}
	if len(names) == 0 {
		return all, nil
	}

	chosen := map[string]bool{}
	for _, name := range names {
		found := false
		for _, s := range all {
			if name == s.Name || name == s.id || name == s.displayName {
				chosen[s.Path], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("%s has no stack %q: there are %s",
				folder, name, strings.Join(stackNames(all), ", "))
		}
	}

	return slices.DeleteFunc(all, func(s Stack) bool { return !chosen[s.Path] }), nil
}

func stackNames(all []Stack) (names []string) {
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

// StackName returns the name of the stack that a template in such a folder belongs to, "" if the
// file is in none.
func StackName(path string) string {
	all, err := assembly(filepath.Dir(path), 0)
	if err != nil {
		return ""
	}

	for _, s := range all {
		if filepath.Clean(s.Path) == filepath.Clean(path) {
			return s.Name
		}
	}

	return ""
}

// loose returns the templates of a folder without a manifest. Those of nested stacks belong to
// others.
func loose(folder string) (all []Stack, err error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.template.json"))
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".template.json")
		if !strings.HasSuffix(name, ".nested") {
			all = append(all, Stack{Name: name, Path: path})
		}
	}

	return all, err
}

// assembly reads a manifest, and those of its stages.
func assembly(folder string, depth int) ([]Stack, error) {
	order, artifacts, err := manifest(filepath.Join(folder, ManifestName))
	if err != nil {
		return nil, err
	}
	if depth > maxStages {
		return nil, fmt.Errorf("%s: too many stages in one another", folder)
	}

	var all []Stack
	seen := map[string]bool{}

	var add func(id string) error
	add = func(id string) error {
		a, ok := artifacts[id]
		if !ok || seen[id] {
			return nil
		}
		seen[id] = true

		for _, other := range a.Dependencies {
			if err := add(other); err != nil {
				return err
			}
		}
		some, err := a.stacks(folder, id, depth)
		all = append(all, some...)

		return err
	}
	for _, id := range order {
		if err := add(id); err != nil {
			return nil, err
		}
	}

	return all, nil
}

// stacks returns the stack of an artifact, or those of a stage.
func (a artifact) stacks(folder, id string, depth int) ([]Stack, error) {
	switch a.Type {
	case "aws:cloudformation:stack":
		name := cmp.Or(a.Properties.StackName, id)
		path, err := inside(folder, a.Properties.TemplateFile)

		return []Stack{{Name: name, Path: path, id: id, displayName: a.DisplayName}}, err
	case "cdk:cloud-assembly":
		path, err := inside(folder, a.Properties.DirectoryName)
		if err != nil {
			return nil, err
		}
		some, err := assembly(path, depth+1)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s has no %s", path, ManifestName)
		}

		return some, err
	}

	return nil, nil
}

// inside joins a folder and a path in it.
func inside(folder, path string) (string, error) {
	if !filepath.IsLocal(path) {
		return "", fmt.Errorf("%s: the path %q leads out of the folder", filepath.Join(folder, ManifestName), path)
	}
	return filepath.Join(folder, path), nil
}

// manifest returns the artifacts of a manifest, and their order.
func manifest(path string) (order []string, artifacts map[string]artifact, err error) {
	text, err := wholefile.Read(path, maxManifest)
	if err != nil {
		return nil, nil, err
	}

	var m struct {
		Artifacts json.RawMessage `json:"artifacts"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(m.Artifacts) == 0 {
		return nil, nil, nil
	}
	if err := json.Unmarshal(m.Artifacts, &artifacts); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}

	order, err = keys(m.Artifacts)

	return order, artifacts, err
}

// keys returns the keys of a JSON object in their order.
func keys(object []byte) (all []string, err error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}

	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return nil, err
		}
		name, _ := key.(string)
		all = append(all, name)
	}

	return all, nil
}
