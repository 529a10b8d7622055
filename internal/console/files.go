package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

const (
	indexName = "index.html"
	assets    = "assets/"
	packed    = ".gz"
)

// maxFileBytes bounds a file of the console, unpacked. The whole page should be far smaller.
const maxFileBytes = 4 << 20

// hashed matches the names that the build gives to files below assets: NAME-HASH.EXTENSION.
var hashed = regexp.MustCompile(`-[A-Za-z0-9_-]{8}\.[a-z0-9]+$`)

// contentTypes has the types of files by the ends of their names. They do not depend on the system's table.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// file is a file of the console.
type file struct {
	stored      []byte
	compressed  bool  // stored is in the form of gzip
	plainBytes  int64 // without compression
	contentType string
	caching     string // Cache-Control
	tag         string // of the content, without quotes
}

func (f file) reader() io.Reader { return bytes.NewReader(f.stored) }

// readFiles reads a built console. A file NAME.gz is the compressed form of NAME, which must not be there, too.
func readFiles(built fs.FS) (map[string]file, error) {
	files := map[string]file{}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		stored, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}

		f, err := newFile(name, stored)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		served := strings.TrimSuffix(name, packed)
		if _, twice := files[served]; twice {
			return fmt.Errorf("%s is there with and without compression", served)
		}
		files[served] = f

		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, there := files[indexName]; !there {
		return nil, fmt.Errorf("there is no %s", indexName)
	}

	return files, nil
}

// newFile describes a file by its name and content.
func newFile(name string, stored []byte) (file, error) {
	served, compressed := strings.CutSuffix(name, packed)
	digest := sha256.Sum256(stored)
	f := file{
		stored:      stored,
		compressed:  compressed,
		plainBytes:  int64(len(stored)),
		contentType: contentTypes[path.Ext(served)],
		caching:     cacheChecked,
		tag:         base64.RawURLEncoding.EncodeToString(digest[:18]),
	}
	if f.contentType == "" {
		return file{}, fmt.Errorf("no content type is known for %q", path.Ext(served))
	}
	if strings.HasPrefix(served, assets) && hashed.MatchString(served) {
		f.caching = cacheForever
	}

	if compressed {
		unpacked, err := gzip.NewReader(f.reader())
		if err != nil {
			return file{}, err
		}
		if f.plainBytes, err = io.Copy(io.Discard, io.LimitReader(unpacked, maxFileBytes+1)); err != nil {
			return file{}, err
		}
	}
	if f.plainBytes > maxFileBytes {
		return file{}, fmt.Errorf("it has more than %d bytes", maxFileBytes)
	}

	return f, nil
}
