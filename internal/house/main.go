// Command house measures how the code reads: sizes, paragraphs, long lines,
// complexity and needless exports. Run it from anywhere inside the project.
//
//	go run ./internal/house                  # every module, code and tests apart
//	go run ./internal/house ./internal/iam   # one package
//	go run ./internal/house ./internal/...   # a folder and all below it
//	go run ./internal/house -list            # also where each finding is, and each needless export
//	go run ./internal/house -limits          # lists each break of a limit and fails if there is one
//
// -limits covers code, and of tests the layout: long lines, and long bodies without a blank line.
// With -tests, all limits apply to tests too.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// errBroken means that -limits found a break.
var errBroken = errors.New("limits are broken")

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
}

func run(arguments []string, out io.Writer) error {
	flags := flag.NewFlagSet("house", flag.ContinueOnError)
	limits := flags.Bool("limits", false, "list each break of a limit, and fail if there is one")
	list := flags.Bool("list", false, "list where each finding is")
	tests := flags.Bool("tests", false, "apply all limits to tests too, not only those of layout")
	statements := flags.Int("statements", mostStatements,
		"with -limits: the most statements that the root module's code may have; 0 = any number")
	if err := flags.Parse(arguments); err != nil {
		return err
	}

	root, err := projectRoot()
	if err != nil {
		return err
	}
	all, err := readProject(root)
	if err != nil {
		return err
	}
	chosen, err := choose(all, root, flags.Args())
	if err != nil {
		return err
	}
	markUnused(all)

	groups := group(chosen)
	for _, g := range groups {
		if err := g.print(out); err != nil {
			return err
		}
	}

	if !*limits && !*list {
		return nil
	}
	breaks := findings(groups, *tests)
	if len(flags.Args()) == 0 {
		breaks = append(breaks, wholeProject(groups, *statements)...)
	}
	lines := breaks
	if *list {
		lines = slices.Concat(breaks, needless(chosen))
	}

	for _, line := range lines {
		_, _ = fmt.Fprintln(out, line)
	}
	if *limits && len(breaks) > 0 {
		return fmt.Errorf("%w: %d times", errBroken, len(breaks))
	}

	return nil
}

// projectRoot returns the folder with go.work, the working directory or one above it.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}

	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.work here or above")
		}
		dir = parent
	}
}
