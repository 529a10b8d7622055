package clienttests

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Folders of the console: its sources, and what is built of them and embedded.
const (
	consoleFolder = "../console"
	consoleBuilt  = "../internal/console/dist"
)

// The console in Chromium: its pages, and the tasks of its users, in one script for each subject. With SCREENSHOTS,
// pictures go to that folder. With -update, the names of what can be used are written.
func TestConsole(t *testing.T) {
	scripts, err := filepath.Glob("js/console-*.test.mjs")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}

	for _, script := range scripts {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(script), "console-"), ".test.mjs")
		t.Run(name, func(t *testing.T) {
			if name != "pages" { // which measures times
				t.Parallel()
			}
			consoleScript(t, strings.TrimSuffix(script, ".test.mjs"))
		})
	}
}

// consoleScript runs a script against a development server of its own. The script may have a settings file of its name
// for the server.
func consoleScript(t *testing.T, path string) {
	t.Helper()

	var arguments []string
	if settings := path + ".yaml"; exists(t, settings) {
		arguments = []string{"--config", settings}
	}

	node, chromium := client(t, "node", "nodejs"), client(t, "/usr/bin/chromium", "chromium")
	out := startDev(t, arguments...).script(t, "js", []string{
		"POOLHOUSE_CHROMIUM=" + chromium,
		"SCREENSHOTS=" + os.Getenv("SCREENSHOTS"),
		"UPDATE=" + strconv.FormatBool(*update),
	}, node, "--test", "--test-reporter=tap", filepath.Base(path)+".test.mjs")
	allPassed(t, out)
}

// exists reports whether there is a file.
func exists(t *testing.T, name string) bool {
	t.Helper()
	_, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}

	return err == nil
}

// The checks of the console's sources: types, linters, formatting, and the tests of what is logic.
func TestConsoleSources(t *testing.T) {
	client(t, "node", "nodejs")
	for name, arguments := range map[string][]string{
		"types":      {"svelte-check", "--tsconfig", "./tsconfig.json", "--fail-on-warnings"},
		"linters":    {"eslint", "--max-warnings", "0", "."},
		"formatting": {"prettier", "--check", "."},
		"tests":      {"vitest", "run"},
	} {
		t.Run(name, func(t *testing.T) { consoleTool(t, arguments...) })
	}
}

// The embedded files are those that the sources build.
func TestConsoleIsBuilt(t *testing.T) {
	client(t, "node", "nodejs")
	folder := filepath.Join(t.TempDir(), "dist")
	consoleTool(t, "vite", "build", "--outDir", folder, "--logLevel", "warn")

	built, embedded := readBuilt(t, folder), readBuilt(t, consoleBuilt)
	if len(built) < 5 {
		t.Errorf("the build has %d files", len(built))
	}

	for name, text := range built {
		if !bytes.Equal(embedded[name], text) {
			t.Errorf("%s is not what the sources build: run `npx vite build` in console", name)
		}
	}
	for name := range embedded {
		if built[name] == nil {
			t.Errorf("the sources do not build %s: run `npx vite build` in console", name)
		}
	}
}

// consoleTool runs a program of the console's packages.
func consoleTool(t *testing.T, arguments ...string) {
	t.Helper()

	cmd := exec.CommandContext(t.Context(), filepath.Join("node_modules", ".bin", arguments[0]), arguments[1:]...)
	cmd.Dir = consoleFolder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", arguments, err, out)
	}
}

// readBuilt returns the files of a build, unpacked: how well they are compressed depends on the version of Node.js.
func readBuilt(t *testing.T, folder string) map[string][]byte {
	t.Helper()

	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}

		packed, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		reader, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return err
		}
		files[name], err = io.ReadAll(reader)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return files
}
