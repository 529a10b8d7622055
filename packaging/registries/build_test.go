package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A snapshot comes before its release for pip as for npm.
func TestPythonVersion(t *testing.T) {
	for version, want := range map[string]string{
		"0.1.0":                   "0.1.0",
		"0.1.0-snapshot.ge7eded8": "0.1.0.dev0+ge7eded8",
		"1.2.3-rc.1":              "1.2.3-rc.1", // pip reads it as 1.2.3rc1
	} {
		if got := pythonVersion(version); got != want {
			t.Errorf("%s is %s, want %s", version, got, want)
		}
	}
}

func TestReadBuild(t *testing.T) {
	for name, c := range map[string]struct{ artifacts, want string }{
		"two programs": {`[{"type": "Archive", "goos": "plan9"},
			{"type": "Binary", "goos": "windows", "goarch": "arm64", "path": "w"},
			{"type": "Binary", "goos": "linux", "goarch": "amd64", "path": "l"}]`, "l w"},
		"an unknown platform": {`[{"type": "Binary", "goos": "plan9", "goarch": "amd64"}]`,
			"no registry knows plan9/amd64"},
		"no program": {`[{"type": "Archive"}]`, "has built no program"},
		"no list":    {`{`, "artifacts.json: "},
	} {
		folder := t.TempDir()
		for file, text := range map[string]string{
			"metadata.json": `{"version": "1.2.3"}`, "artifacts.json": c.artifacts,
		} {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}

		b, err := readBuild(folder)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			for _, p := range b.programs {
				got += " " + p.path
			}
			if b.version != "1.2.3" {
				t.Errorf("%s: version %s", name, b.version)
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// What only the sources need is in no package, and what is executable stays so.
func TestCopyTree(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	for _, name := range []string{"a", "node_modules/b", "sub/c", "sub/left"} {
		if err := writeFile(filepath.Join(from, name), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(from, "sub/c"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(from, to, "node_modules", "left"); err != nil {
		t.Fatal(err)
	}

	for name, want := range map[string]bool{"a": true, "node_modules/b": false, "sub/c": true, "sub/left": false} {
		info, err := os.Stat(filepath.Join(to, name))
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		if name == "sub/c" && err == nil && info.Mode().Perm()&0o100 == 0 {
			t.Errorf("%s is not executable: %v", name, info.Mode())
		}
	}
}

// A source without the place of the version would be published with the wrong one.
func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := writeFile(path, "version 0.0.0"); err != nil {
		t.Fatal(err)
	}
	if err := replace(path, noVersion, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); string(text) != "version 1.2.3" || err != nil {
		t.Errorf("%s, %v", text, err)
	}
	if err := replace(path, noVersion, "1.2.3"); err == nil {
		t.Error("nothing was replaced, without an error")
	}
}

// The sources have the version that is replaced: the one of a release has one source.
func TestSourcesHaveNoVersion(t *testing.T) {
	for path, want := range map[string]string{
		"../npm/package.json":      `"version": "` + noVersion + `"`,
		"../pytest/pyproject.toml": `version = "` + noVersion + `"`,
		"../junit/pom.xml":         "<version>" + noVersion + "</version>",
		"../junit/binary/pom.xml":  "<version>" + noVersion + "</version>",
		"../junit/junit5/pom.xml":  "<version>" + noVersion + "</version>",
	} {
		text, err := os.ReadFile(path)
		if err != nil || strings.Count(string(text), noVersion) != 1 || !strings.Contains(string(text), want) {
			t.Errorf("%s does not have %s once: %v", path, want, err)
		}
	}
}
