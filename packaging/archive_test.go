package packaging

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestArchive(t *testing.T) {
	folder := t.TempDir()
	output(t, "tar", "-xzf", builtFile(t, "poolhouse_*_linux_amd64.tar.gz"), "-C", folder)
	root := filepath.Join(folder, "poolhouse_"+built.Version+"_linux_amd64")
	for _, name := range []string{
		"poolhouse", "LICENSE", "THIRD_PARTY_LICENSES.md", "README.md", "CHANGELOG.md", "docs/README.md",
		"docs/providers/saml.md",
	} {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}

	var version struct{ Version, Commit, Date, Platform string }
	text := output(t, filepath.Join(root, "poolhouse"), "version", "--json")
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		t.Fatal(err)
	}
	head := strings.TrimSpace(output(t, "git", "rev-parse", "HEAD"))
	date := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`)
	if version.Version != built.Version || version.Commit != head || !date.MatchString(version.Date) ||
		version.Platform != "linux/amd64" {
		t.Errorf("%+v; want version %s, commit %s", version, built.Version, head)
	}
}

// The version of a release is the newest one of CHANGELOG.md, and a snapshot comes before it.
func TestVersion(t *testing.T) {
	text, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^## (\d+\.\d+\.\d+)\b`).FindSubmatch(text)
	if found == nil || !strings.HasPrefix(built.Version, string(found[1])+"-snapshot.") {
		t.Fatalf("the version is %s, and CHANGELOG.md has %q", built.Version, found)
	}

	// The names of files and images in the documents are those of this version.
	named := regexp.MustCompile(`(?:poolhouse[_:-]|/action@v|"poolhouse": "\^|` +
		`poolhouse-junit5(?::|</artifactId>\s*<version>))(\d+\.\d+\.\d+)`)
	for _, page := range []string{
		"../docs/install.md", "../docs/releasing.md", "compose.yaml", "../docs/testing/vitest.md",
		"../docs/testing/junit.md", "../docs/testing/github-actions.md", "junit/README.md", "action/README.md",
	} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		names := named.FindAllSubmatch(text, -1)
		if len(names) == 0 {
			t.Errorf("%s names no file", page)
		}
		for _, name := range names {
			if string(name[1]) != string(found[1]) {
				t.Errorf("%s has %s", page, name[0])
			}
		}
	}
}

// Every file that is published is in the list of checksums, with its own.
func TestChecksums(t *testing.T) {
	list, err := os.Open(builtFile(t, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()

	var listed []string
	for lines := bufio.NewScanner(list); lines.Scan(); {
		want, name, _ := strings.Cut(lines.Text(), "  ")
		text, err := os.ReadFile(filepath.Join(dist, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := sha256.Sum256(text); hex.EncodeToString(got[:]) != want {
			t.Errorf("%s: the checksum is not that of the file", name)
		}
		listed = append(listed, name)
	}

	for _, pattern := range []string{"*.tar.gz", "*.zip", "*.deb", "*.rpm", "*_image.tar", "*.cdx.json"} {
		files, err := filepath.Glob(filepath.Join(dist, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !slices.Contains(listed, filepath.Base(file)) {
				t.Errorf("%s has no checksum", file)
			}
		}
	}
	if len(listed) < 4 {
		t.Errorf("only %v have checksums", listed)
	}
}
