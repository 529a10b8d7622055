package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const created = "2026-12-01T10:00:00Z"

// made makes an image of a program that is none, and returns the file.
func made(t *testing.T, arch string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"poolhouse", "LICENSE", listName} {
		text := []byte("the text of " + name + " for " + arch)
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	file := filepath.Join(folder, arch+".tar")
	err := run([]string{
		"-binary", filepath.Join(folder, "poolhouse"), "-arch", arch, "-version", "1.2.3", "-revision", "0123",
		"-created", created, "-documents", folder, "-output", file,
	}, t.Output())
	if err != nil {
		t.Fatal(err)
	}

	return file
}

func TestConfiguration(t *testing.T) {
	image, err := tarball.ImageFromPath(made(t, "arm64"), nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}

	c := file.Config
	for what, ok := range map[string]bool{
		"platform":    file.OS == "linux" && file.Architecture == "arm64",
		"created":     file.Created.UTC().Format("2006-01-02T15:04:05Z") == created,
		"user":        c.User == "65532:65532",
		"entry point": slices.Equal(c.Entrypoint, []string{"/usr/bin/poolhouse"}),
		"ports":       slices.Equal(slices.Collect(maps.Keys(c.ExposedPorts)), []string{"4599/tcp"}),
		"volumes":     slices.Equal(slices.Collect(maps.Keys(c.Volumes)), []string{"/data"}),
		"health":      slices.Equal(c.Healthcheck.Test, []string{"CMD", "/usr/bin/poolhouse", "healthcheck"}),
		"labels": c.Labels["org.opencontainers.image.version"] == "1.2.3" &&
			c.Labels["org.opencontainers.image.revision"] == "0123" &&
			c.Labels["org.opencontainers.image.licenses"] == "Apache-2.0" &&
			strings.HasPrefix(c.Labels["org.opencontainers.image.source"], "https://"),
		"history": len(file.History) == 2 && len(file.RootFS.DiffIDs) == 2,
	} {
		if !ok {
			t.Errorf("%s: %+v", what, file)
		}
	}

	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(made(t, "arm64")) })
	if err != nil || len(manifest) != 1 || !slices.Equal(manifest[0].RepoTags, []string{"poolhouse:1.2.3"}) {
		t.Errorf("docker load would tag it %+v, %v", manifest, err)
	}
}

func TestLayers(t *testing.T) {
	image, err := tarball.ImageFromPath(made(t, "amd64"), nil)
	if err != nil {
		t.Fatal(err)
	}
	found, texts := entries(t, image)
	for name, want := range map[string]tar.Header{
		"usr/bin/poolhouse":                 {Mode: 0o755},
		"data":                              {Mode: 0o700, Uid: user, Gid: user},
		"tmp":                               {Mode: 0o1777},
		"etc/passwd":                        {Mode: 0o644},
		"etc/ssl/certs/ca-certificates.crt": {Mode: 0o644},
		"usr/share/doc/poolhouse/THIRD_PARTY_LICENSES.md": {Mode: 0o644},
	} {
		h := found[name]
		if h == nil || h.Mode != want.Mode || h.Uid != want.Uid || h.Gid != want.Gid {
			t.Errorf("%s: %+v", name, h)
		}
	}

	// Nothing else of the image belongs to its user, or may be written by it.
	for name, h := range found {
		if name != "data" && name != "tmp" && (h.Uid != 0 || h.Mode&0o022 != 0) {
			t.Errorf("%s: owner %d, mode %o", name, h.Uid, h.Mode)
		}
	}

	roots := 0
	for rest := []byte(texts["etc/ssl/certs/ca-certificates.crt"]); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Error(err)
		}
		roots++
	}
	if roots < 50 {
		t.Errorf("%d root certificates", roots)
	}
}

// Equal sources make equal images, byte for byte.
func TestReproducible(t *testing.T) {
	var texts [2][]byte
	for i := range texts {
		var err error
		if texts[i], err = os.ReadFile(made(t, "amd64")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("two images of the same sources differ")
	}
}

func TestIndex(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "image")
	if err := run([]string{"-index", folder, made(t, "amd64"), made(t, "arm64")}, t.Output()); err != nil {
		t.Fatal(err)
	}

	outer, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	outerManifest, err := outer.IndexManifest()
	if err != nil || len(outerManifest.Manifests) != 1 ||
		outerManifest.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.2.3" {
		t.Fatalf("%+v, %v", outerManifest, err)
	}

	index, err := outer.ImageIndex(outerManifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.MediaType != types.OCIImageIndex ||
		manifest.Annotations["org.opencontainers.image.version"] != "1.2.3" {
		t.Errorf("%+v", manifest)
	}

	var architectures []string
	for _, m := range manifest.Manifests {
		architectures = append(architectures, m.Platform.OS+"/"+m.Platform.Architecture)
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		want := "the text of poolhouse for " + m.Platform.Architecture
		if _, texts := entries(t, image); texts["usr/bin/poolhouse"] != want {
			t.Errorf("the program is %q, want %q", texts["usr/bin/poolhouse"], want)
		}
		if m.MediaType != types.OCIManifestSchema1 {
			t.Errorf("%s: %s", m.Platform.Architecture, m.MediaType)
		}
	}
	if !slices.Equal(architectures, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("the index has %v", architectures)
	}
}

func TestArguments(t *testing.T) {
	for name, arguments := range map[string][]string{
		"nothing":       {},
		"no time":       {"-binary", "b", "-arch", "amd64", "-version", "1", "-output", "o"},
		"missing file":  {"-binary", "b", "-arch", "amd64", "-version", "1", "-created", created, "-output", "o"},
		"empty index":   {"-index", t.TempDir()},
		"no such image": {"-index", t.TempDir(), "missing.tar"},
	} {
		t.Chdir(t.TempDir())
		if err := run(arguments, t.Output()); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat("o"); err == nil {
			t.Errorf("%s: a file was written", name)
		}
	}
}

// entries returns the headers of an image's files, and the texts, by name.
func entries(t *testing.T, image v1.Image) (map[string]*tar.Header, map[string]string) {
	t.Helper()
	files := mutate.Extract(image)
	defer files.Close()

	headers, texts := map[string]*tar.Header{}, map[string]string{}
	for r := tar.NewReader(files); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, texts
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		headers[h.Name], texts[h.Name] = h, string(text)
	}
}
