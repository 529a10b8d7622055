// Package devseed fills a server of `poolhouse dev`: with the demo of a new folder, and with seeds,
// which are files of pools, roles, providers, users and identities. Start at Read and Seeder.
package devseed

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// maxFiles is how many files all seeds together may have.
const maxFiles = 100

// File is a seed that was read.
type File struct {
	Path string
	Name string // in the tags of what it makes
	Seed apply.Seed

	users   []devuser.User
	clients []devissuer.Client
}

// Read reads seeds: files, folders that `cdk synth` has written, and other folders, whose *.yaml,
// *.yml and *.json are read in the order of their names. Resources of types that Poolhouse does not
// have are left out. It reports the faults of all files together, with their lines.
func Read(paths []string, o apply.ReadOptions) ([]File, error) {
	list, err := expand(paths)
	if err != nil {
		return nil, err
	}

	var files []File
	var faults []error
	for _, one := range list {
		f, err := readFile(one, o)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		files = append(files, f)
	}

	return files, errors.Join(append(faults, checkNames(files)...)...)
}

// expand returns the files of the paths, with their names.
func expand(paths []string) (list []apply.Stack, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			list = append(list, named(path))
			continue
		}

		some, err := folder(path)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}

	if len(list) > maxFiles {
		return nil, fmt.Errorf("the seeds are %d files; the limit is %d", len(list), maxFiles)
	}

	return list, nil
}

// named returns a file with its stack's name, or its own.
func named(path string) apply.Stack {
	base := filepath.Base(path)
	return apply.Stack{Name: cmp.Or(apply.StackName(path), strings.TrimSuffix(base, filepath.Ext(base))), Path: path}
}

// folder returns the files of a folder.
func folder(path string) (list []apply.Stack, err error) {
	if _, err := os.Stat(filepath.Join(path, apply.ManifestName)); err == nil {
		return apply.Stacks(path, nil)
	}
	entries, err := os.ReadDir(path) // in the order of their names
	if err != nil {
		return nil, err
	}

	for _, e := range entries {
		if isSeed(e.Name()) {
			list = append(list, named(filepath.Join(path, e.Name())))
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no *.yaml, *.yml or *.json", path)
	}

	return list, nil
}

// isSeed reports whether a folder's file is a seed. Editors leave hidden files beside others.
func isSeed(name string) bool {
	return !strings.HasPrefix(name, ".") && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

// readFile reads one seed.
func readFile(from apply.Stack, o apply.ReadOptions) (File, error) {
	text, err := wholefile.Read(from.Path, apply.MaxFile)
	if err != nil {
		return File{}, err
	}
	o.Name, o.IgnoreUnknown = from.Name, true

	return parse(from.Path, text, o)
}

// Parse reads the text of one seed, which has a name in place of a path.
func Parse(name string, text []byte, o apply.ReadOptions) (File, error) {
	o.Name, o.IgnoreUnknown = name, true
	return parse(name, text, o)
}

// parse reads the text of a seed.
func parse(path string, text []byte, o apply.ReadOptions) (File, error) {
	f := File{Path: path, Name: o.Name}
	var err error
	if f.Seed, err = apply.ReadSeed(text, o); err != nil {
		return File{}, f.faults(err)
	}

	var faults []error
	for _, u := range f.Seed.Users {
		user, err := devuser.New(u.Name, u.Claims)
		if err != nil {
			faults = append(faults, f.at(u.Line, fmt.Errorf("%s: %w", u.Name, err)))
			continue
		}
		f.users = append(f.users, user)
	}

	for _, c := range f.Seed.Clients {
		one := devissuer.Client{
			ID:                     c.ID,
			Secret:                 c.Secret,
			RedirectURIs:           c.RedirectURIs,
			PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
			BackChannelLogoutURI:   c.BackChannelLogoutURI,
		}
		if err := one.Check(); err != nil {
			faults = append(faults, f.at(c.Line, err))
			continue
		}
		f.clients = append(f.clients, one)
	}

	return f, errors.Join(faults...)
}

// at adds the place in the file to an error.
func (f *File) at(line int, err error) error { return fmt.Errorf("%s: line %d: %w", f.Path, line, err) }

// faults adds the file to each of the errors that were joined.
func (f *File) faults(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", f.Path, err)
	}

	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, fmt.Errorf("%s: %w", f.Path, one))
	}

	return errors.Join(all...)
}

// checkNames refuses what two files have both: a file's name, which tells whose a resource is, a user, and
// a client.
func checkNames(files []File) (faults []error) {
	names, users, clients := map[string]string{}, map[string]string{}, map[string]string{}
	for _, f := range files {
		if other, taken := names[f.Name]; taken {
			faults = append(faults, fmt.Errorf("%s: %s has the same name: rename one, "+
				"because the name tells which file a resource is of", f.Path, other))
		}
		names[f.Name] = f.Path

		for _, u := range f.Seed.Users {
			place := fmt.Sprintf("%s, line %d", f.Path, u.Line)
			if other, taken := users[u.Name]; taken {
				faults = append(faults, f.at(u.Line, fmt.Errorf("the user %s is in %s, too", u.Name, other)))
			}
			users[u.Name] = place
		}

		for _, c := range f.Seed.Clients {
			if other, taken := clients[c.ID]; taken {
				faults = append(faults, f.at(c.Line, fmt.Errorf("the client %s is in %s, too", c.ID, other)))
			}
			clients[c.ID] = fmt.Sprintf("%s, line %d", f.Path, c.Line)
		}
	}

	return faults
}
