//go:build !noconsole

package console_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/console"
)

// reference matches the files that a page loads.
var reference = regexp.MustCompile(`(?:src|href)="([^"#]+)"`)

// What is checked in is a console that can be served: every compressed file can be read, and index.html refers only
// to files that are there.
func TestBuiltConsole(t *testing.T) {
	files := console.Files()
	h, err := console.New(files, about())
	if err != nil {
		t.Fatal(err)
	}

	var index string
	packed := 0
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".gz") {
			return err
		}
		packed++
		stored, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		r, err := gzip.NewReader(bytes.NewReader(stored))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		text, err := io.ReadAll(r)
		if err != nil || len(text) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		if name == "index.html.gz" {
			index = string(text)
		}

		return nil
	})
	if err != nil || packed == 0 || !strings.Contains(index, "<html") {
		t.Fatalf("%d files, index.html %.40q, %v", packed, index, err)
	}

	for _, missing := range absent(index, func(file string) bool {
		return get(t, console.Protect(h), "GET", file, nil).StatusCode == 200
	}) {
		t.Errorf("index.html refers to %s, which is not there", missing)
	}
}

// absent returns the files that a page at /console/ refers to and that are not there.
func absent(page string, there func(file string) bool) []string {
	var missing []string
	for _, found := range reference.FindAllStringSubmatch(page, -1) {
		file := found[1]
		if !strings.HasPrefix(file, "/") {
			file = path.Join(console.Path, file)
		}
		if !there(file) {
			missing = append(missing, found[1])
		}
	}

	return missing
}

// The check of references sees what is missing.
func TestAbsent(t *testing.T) {
	const page = `<link rel="icon" href="./icon.svg"><script src="/console/assets/a.js"></script><a href="#/key"></a>` +
		`<script src="https://evil.example/x.js"></script><script src="./assets/b.js"></script>`
	there := map[string]bool{"/console/icon.svg": true, "/console/assets/a.js": true}
	got := strings.Join(absent(page, func(file string) bool { return there[file] }), " ")
	if want := "https://evil.example/x.js ./assets/b.js"; got != want {
		t.Errorf("missing: %s", got)
	}
}
