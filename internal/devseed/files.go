// Package devseed fills a server of `poolhouse dev`: with the demo of a new folder, and with seeds,
// which are files of pools, roles, providers, users and identities. Start at Read and Seeder.
package devseed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// maxFiles is how many files all seeds together may have.
const maxFiles = 100

// File is a seed that was read.
type File struct {
	Path string
	Name string // in the tags of what it makes
	Seed apply.Seed

	users []devuser.User
}

// Read reads seeds: files, and folders whose *.yaml, *.yml and *.json are read in the order of
// their names. It reports the faults of all files together, with their lines.
func Read(paths []string) ([]File, error) {
	list, err := expand(paths)
	if err != nil {
		return nil, err
	}

	var files []File
	var faults []error
	for _, path := range list {
		f, err := readFile(path)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		files = append(files, f)
	}

	return files, errors.Join(append(faults, checkNames(files)...)...)
}

// expand returns the files of the paths.
func expand(paths []string) (list []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			list = append(list, path)
			continue
		}

		entries, err := os.ReadDir(path) // in the order of their names
		if err != nil {
			return nil, err
		}

		before := len(list)
		for _, e := range entries {
			if isSeed(e.Name()) {
				list = append(list, filepath.Join(path, e.Name()))
			}
		}
		if len(list) == before {
			return nil, fmt.Errorf("%s has no *.yaml, *.yml or *.json", path)
		}
	}

	if len(list) > maxFiles {
		return nil, fmt.Errorf("the seeds are %d files; the limit is %d", len(list), maxFiles)
	}

	return list, nil
}

// isSeed reports whether a folder's file is a seed. Editors leave hidden files beside others.
func isSeed(name string) bool {
	return !strings.HasPrefix(name, ".") && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

// readFile reads one seed.
func readFile(path string) (File, error) {
	text, err := readText(path)
	if err != nil {
		return File{}, err
	}

	return parse(path, text)
}

// readText returns the content of a file. Opening a pipe or a device could wait for ever.
func readText(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}

	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	return io.ReadAll(io.LimitReader(file, apply.MaxFile+1)) // apply.ReadSeed refuses a longer file
}

// parse reads the text of a seed.
func parse(path string, text []byte) (File, error) {
	f := File{Path: path, Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))}
	var err error
	if f.Seed, err = apply.ReadSeed(text); err != nil {
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

// checkNames refuses what two files have both: a file's name, which tells whose a resource is, and
// a user.
func checkNames(files []File) (faults []error) {
	names, users := map[string]string{}, map[string]string{}
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
	}

	return faults
}
