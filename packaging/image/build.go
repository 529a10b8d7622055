package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is the user and group that the program runs as. Distroless images use the same number.
const user = 65532

// listName is the list of the licences of what the program contains.
const listName = "THIRD_PARTY_LICENSES.md"

// program is the program's path in the image.
const program = "/usr/bin/poolhouse"

// source is what an image is made from. Equal sources make equal images.
type source struct {
	binary    string
	documents string // folder
	arch      string
	version   string
	revision  string
	created   time.Time
}

// entry is a file or folder of a layer.
type entry struct {
	path  string
	mode  int64
	owner int
	text  []byte // nil = a folder
}

// writeImage writes the image as a file for `docker load`.
func writeImage(path string, s source) error {
	image, err := build(s)
	if err != nil {
		return err
	}
	tag, err := name.NewTag("poolhouse:"+s.version, name.WithDefaultRegistry(""))
	if err != nil {
		return err
	}

	return tarball.WriteToFile(path, tag, image)
}

// build makes the image: one layer that seldom changes, one with the program.
func build(s source) (v1.Image, error) {
	system, err := systemFiles(s.documents)
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(s.binary)
	if err != nil {
		return nil, err
	}

	var layers []mutate.Addendum
	for _, part := range []struct {
		name    string
		entries []entry
	}{
		{name: "users, certificates, folders and licences", entries: system},
		{name: "the program", entries: []entry{{path: program, mode: 0o755, text: binary}}},
	} {
		layer, err := layerOf(part.entries, s.created)
		if err != nil {
			return nil, err
		}
		layers = append(layers, mutate.Addendum{
			Layer:   layer,
			History: v1.History{Created: v1.Time{Time: s.created}, CreatedBy: "packaging/image", Comment: part.name},
		})
	}

	image, err := mutate.Append(empty.Image, layers...)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	describe(file, s)

	image, err = mutate.ConfigFile(image, file)
	if err != nil {
		return nil, err
	}

	return mutate.Annotations(image, s.labels()).(v1.Image), nil
}

// describe fills the configuration, which tells an engine how to run the image.
func describe(file *v1.ConfigFile, s source) {
	file.OS, file.Architecture = "linux", s.arch
	file.Created = v1.Time{Time: s.created}

	file.Config = v1.Config{
		User:       fmt.Sprintf("%d:%d", user, user),
		Entrypoint: []string{program},
		Cmd:        []string{"--help"},
		WorkingDir: "/data", // poolhouse dev keeps its data in .poolhouse there
		Env: []string{
			"PATH=/usr/bin",
			"POOLHOUSE_LISTEN=0.0.0.0:4599", // 127.0.0.1 cannot be reached from outside a container
		},
		ExposedPorts: map[string]struct{}{"4599/tcp": {}},
		Volumes:      map[string]struct{}{"/data": {}},
		Labels:       s.labels(),
		Healthcheck: &v1.HealthConfig{
			Test:        []string{"CMD", program, "healthcheck"},
			Interval:    10 * time.Second,
			Timeout:     5 * time.Second, // the command itself waits for three
			StartPeriod: 10 * time.Second,
			Retries:     3,
		},
	}
}

// labels returns the image's labels by the OCI image specification, "Annotations".
func (s source) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "poolhouse",
		"org.opencontainers.image.description": "Identity broker with the API of Amazon Cognito identity pools",
		"org.opencontainers.image.version":     s.version,
		"org.opencontainers.image.revision":    s.revision,
		"org.opencontainers.image.created":     s.created.UTC().Format(time.RFC3339),
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.source":      "https://github.com/poolhouse-id/poolhouse",
	}
}

// systemFiles returns what the program needs from a system: a name for its user, certificates of
// public authorities, a folder for temporary files, and one for its data.
func systemFiles(documents string) ([]entry, error) {
	files := []entry{
		{path: "/data", mode: 0o700, owner: user},
		{path: "/etc", mode: 0o755},
		{path: "/etc/group", mode: 0o644, text: fmt.Appendf(nil, "root:x:0:\npoolhouse:x:%d:\n", user)},
		{path: "/etc/passwd", mode: 0o644, text: fmt.Appendf(nil, "root:x:0:0:root:/root:/sbin/nologin\n"+
			"poolhouse:x:%d:%d:poolhouse:/data:/sbin/nologin\n", user, user)},
		{path: "/etc/ssl", mode: 0o755},
		{path: "/etc/ssl/certs", mode: 0o755},
		{path: "/etc/ssl/certs/ca-certificates.crt", mode: 0o644, text: certificates()},
		{path: "/tmp", mode: 0o1777},
		{path: "/usr", mode: 0o755},
		{path: "/usr/bin", mode: 0o755},
		{path: "/usr/share", mode: 0o755},
		{path: "/usr/share/doc", mode: 0o755},
		{path: "/usr/share/doc/poolhouse", mode: 0o755},
	}

	for _, document := range []string{"LICENSE", listName} {
		text, err := os.ReadFile(filepath.Join(documents, document))
		if err != nil {
			return nil, err
		}
		files = append(files, entry{path: "/usr/share/doc/poolhouse/" + document, mode: 0o644, text: text})
	}

	return files, nil
}

// certificates returns Mozilla's root certificates in PEM form. Those that Mozilla trusts only
// with a further constraint are left out: the form cannot express one.
func certificates() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes all
		}
	}
	return text.Bytes()
}

// layerOf packs entries with one time for all of them.
func layerOf(entries []entry, created time.Time) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)

	for _, e := range entries {
		header := &tar.Header{
			Name:     e.path[1:],
			Mode:     e.mode,
			Uid:      e.owner,
			Gid:      e.owner,
			ModTime:  created,
			Typeflag: tar.TypeReg,
			Size:     int64(len(e.text)),
		}
		if e.text == nil {
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		}

		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}

	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(packed.Bytes())), nil
	})
}
