// Package console serves the console, a web page for administrators, below Path. The page is built in
// the folder console and embedded here, compressed. It has no rights of its own: it calls the server's APIs
// with the key that its user enters. Start reading at New.
package console

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Path is where the console is.
const Path = "/console/"

// contentPolicy lets the page load and call this server alone. Svelte makes the one policy of Trusted Types.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types svelte-trusted-html"

// Values of Cache-Control.
const (
	cacheForever = "public, max-age=31536000, immutable" // the name changes with the content
	cacheChecked = "no-cache"                            // ask whether it has changed
	cacheNever   = "no-store"
)

// Texts of answers without a page.
const (
	textAbsent   = "This program was built without the console.\n"
	textNotFound = "The console has no such file.\n"
	textMethod   = "The console is only read: use GET or HEAD.\n"
)

// Context tells the page which server it came from. Anybody may read it, so it has no secret.
type Context struct {
	Development bool   `json:"development"`
	Region      string `json:"region"`
	Account     string `json:"account"` // of the settings
	Version     string `json:"version"`
	IdleSeconds int    `json:"idleSeconds"` // after which the page forgets its key
	UserPools   bool   `json:"userPools,omitempty"`
}

// DefaultIdle is the usual time without input after which the page forgets its user's key.
const DefaultIdle = 30 * time.Minute

// Bounds of that time. The page counts whole seconds.
const (
	minIdle = time.Second
	maxIdle = 24 * time.Hour
)

// CheckIdle refuses a time that the page cannot have; 0 stands for DefaultIdle.
func CheckIdle(idle time.Duration) error {
	if idle != 0 && (idle < minIdle || idle > maxIdle) {
		return fmt.Errorf("console_idle %s: use %s to %s", idle, minIdle, maxIdle)
	}
	return nil
}

// contextName is the name of the file with the Context.
const contextName = "context.json"

// Handler serves the console.
type Handler struct {
	files   map[string]file // by name below Path
	context []byte
}

// New returns a handler of the files of a built console, as Files returns them; nil = there is no console, and
// the handler answers that. Its error names the file that cannot be served.
func New(built fs.FS, about Context) (*Handler, error) {
	if built == nil {
		return &Handler{}, nil
	}

	files, err := readFiles(built)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	described, err := json.Marshal(about)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}

	return &Handler{files: files, context: described}, nil
}

// Owns reports whether a request is for the console, in any method.
func Owns(r *http.Request) bool {
	return r.URL.Path == strings.TrimSuffix(Path, "/") || strings.HasPrefix(r.URL.Path, Path)
}

// Protect sets the headers that every answer to a request for the console has, whoever answers it.
func Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if Owns(r) {
			h := w.Header()
			h.Set("Content-Security-Policy", contentPolicy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP answers a request that Owns accepts. Protect must be before it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(h.files) == 0 {
		plain(w, http.StatusNotFound, textAbsent)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, textMethod)
		return
	}

	name, below := strings.CutPrefix(r.URL.Path, Path)
	if !below { // relative, because a proxy may have the console at another path
		w.Header().Set("Location", strings.TrimPrefix(Path, "/"))
		plain(w, http.StatusPermanentRedirect, "")
		return
	}
	if name == contextName {
		w.Header().Set("Cache-Control", cacheNever)
		w.Header().Set("Content-Type", contentTypes[".json"])
		write(w, h.context)
		return
	}
	if name == "" {
		name = indexName
	}

	// Only names of this table are served: no path leads elsewhere.
	f, there := h.files[name]
	if !there {
		plain(w, http.StatusNotFound, textNotFound)
		return
	}
	f.serve(w, r)
}

// serve answers with a file.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	compressed := f.compressed && acceptsGzip(r.Header.Values("Accept-Encoding"))
	tag := f.tag
	h := w.Header()
	if f.compressed {
		h.Set("Vary", "Accept-Encoding")
	}
	if compressed { // two forms of a file are two representations (RFC 9110, section 8.8.3.3)
		tag += "-gzip"
	}

	tag = strconv.Quote(tag)
	h.Set("Etag", tag)
	h.Set("Cache-Control", f.caching)
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}

	h.Set("Content-Type", f.contentType)
	switch {
	case compressed:
		h.Set("Content-Encoding", "gzip")
		write(w, f.stored)
	case f.compressed:
		h.Set("Content-Length", strconv.FormatInt(f.plainBytes, 10))
		if r.Method == http.MethodGet {
			f.unpack(w)
		}
	default:
		write(w, f.stored)
	}
}

// unpack writes the content of a compressed file. New has read it, so that only the client can fail.
func (f file) unpack(w io.Writer) {
	if unpacked, err := gzip.NewReader(f.reader()); err == nil {
		_, _ = io.Copy(w, unpacked)
	}
}

// matches reports whether an If-None-Match header names a tag (RFC 9110, section 13.1.2). No tag here has a comma.
func matches(header []string, tag string) bool {
	listed := strings.Split(strings.Join(header, ","), ",")
	return slices.ContainsFunc(listed, func(item string) bool {
		item = strings.TrimSpace(item)
		return item == "*" || strings.TrimPrefix(item, "W/") == tag
	})
}

// acceptsGzip reports whether an Accept-Encoding header allows gzip (RFC 9110, section 12.5.3).
func acceptsGzip(header []string) bool {
	named, other := "", ""
	for item := range strings.SplitSeq(strings.Join(header, ","), ",") {
		coding, parameter, _ := strings.Cut(item, ";")
		weight := strings.ToLower(strings.TrimSpace(parameter))
		if weight == "" {
			weight = "q=1"
		}

		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			named = weight
		case "*":
			other = weight
		}
	}
	if named == "" {
		named = other
	}

	value, is := strings.CutPrefix(named, "q=")
	q, err := strconv.ParseFloat(value, 64)

	return is && err == nil && q > 0 && q <= 1
}

// plain answers with a text for people.
func plain(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Cache-Control", cacheNever)
	h.Set("Content-Type", contentTypes[".txt"])
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // an error means that the browser has gone
}

// write answers with a body, which net/http leaves out for HEAD.
func write(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // an error means that the browser has gone
}
