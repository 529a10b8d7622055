package console_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/poolhouse-id/poolhouse/internal/console"
)

const (
	page   = "<!doctype html><title>console</title>"
	script = "export const answer = 42;\n"

	scriptName = "assets/start-Ab3_-9xZ.js"
)

// headers are those that every answer below /console/ has.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types svelte-trusted-html",
	"X-Content-Type-Options":     "nosniff",
	"Referrer-Policy":            "no-referrer",
	"Cross-Origin-Opener-Policy": "same-origin",
}

func compressed(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	return &fstest.MapFile{Data: b.Bytes()}
}

func built(t *testing.T) fstest.MapFS {
	t.Helper()
	return fstest.MapFS{
		"index.html.gz":         compressed(t, page),
		scriptName + ".gz":      compressed(t, script),
		"assets/plain.css.gz":   compressed(t, "p{}"),
		"assets/i-12345678.png": {Data: []byte("\x89PNG")},
		"icon.svg":              {Data: []byte("<svg/>")},
	}
}

func about() console.Context {
	return console.Context{Development: true, Region: "us-east-1", Account: "000000000000", Version: "v1",
		IdleSeconds: 1800}
}

func handler(t *testing.T) http.Handler {
	t.Helper()
	h, err := console.New(built(t), about())
	if err != nil {
		t.Fatal(err)
	}
	return console.Protect(h)
}

// get sends a request, and checks the headers that every answer has.
func get(t *testing.T, h http.Handler, method, path string, sent map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1", nil)
	r.URL.Path = path // as it is: the path may be one that no client would send
	for name, value := range sent {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)

	got := w.Result()
	for name, want := range headers {
		if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s %s: %s = %q", method, path, name, values)
		}
	}

	return got
}

func body(t *testing.T, from *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(from.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAnswers(t *testing.T) {
	const (
		html    = "text/html; charset=utf-8"
		text    = "text/plain; charset=utf-8"
		forever = "public, max-age=31536000, immutable"
	)

	h := handler(t)
	for _, test := range []struct {
		method, path string
		status       int
		kind, cache  string
		body         string
	}{
		{"GET", "/console/", 200, html, "no-cache", page},
		{"GET", "/console/index.html", 200, html, "no-cache", page},
		{"GET", "/console/" + scriptName, 200, "text/javascript; charset=utf-8", forever, script},
		{"GET", "/console/assets/i-12345678.png", 200, "image/png", forever, "\x89PNG"},
		{"GET", "/console/assets/plain.css", 200, "text/css; charset=utf-8", "no-cache", "p{}"},
		{"GET", "/console/icon.svg", 200, "image/svg+xml", "no-cache", "<svg/>"},
		{"GET", "/console/context.json", 200, "application/json", "no-store",
			`{"development":true,"region":"us-east-1","account":"000000000000","version":"v1","idleSeconds":1800}`},

		{"GET", "/console", 308, text, "no-store", ""},
		{"GET", "/console/index.html.gz", 404, text, "no-store", "The console has no such file.\n"},
		{"GET", "/console/assets", 404, text, "no-store", "The console has no such file.\n"},
		{"GET", "/console/assets/", 404, text, "no-store", "The console has no such file.\n"},
		{"GET", "/console//index.html", 404, text, "no-store", "The console has no such file.\n"},
		{"GET", "/console/../console/index.html", 404, text, "no-store", "The console has no such file.\n"},
		{"GET", "/console/assets/../index.html", 404, text, "no-store", "The console has no such file.\n"},
		{"GET", "/console/../../../etc/passwd", 404, text, "no-store", "The console has no such file.\n"},
		{"GET", "/console/\x00", 404, text, "no-store", "The console has no such file.\n"},
		{"GET", "/console/.", 404, text, "no-store", "The console has no such file.\n"},
		{"POST", "/console/", 405, text, "no-store", "The console is only read: use GET or HEAD.\n"},
		{"PUT", "/console/index.html", 405, text, "no-store", "The console is only read: use GET or HEAD.\n"},
		{"DELETE", "/console/context.json", 405, text, "no-store", "The console is only read: use GET or HEAD.\n"},
		{"OPTIONS", "/console", 405, text, "no-store", "The console is only read: use GET or HEAD.\n"},
		{"get", "/console/", 405, text, "no-store", "The console is only read: use GET or HEAD.\n"},
	} {
		got := get(t, h, test.method, test.path, nil)
		if got.StatusCode != test.status || got.Header.Get("Content-Type") != test.kind ||
			got.Header.Get("Cache-Control") != test.cache || got.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s %s = %d %v", test.method, test.path, got.StatusCode, got.Header)
		}
		if text := body(t, got); text != test.body {
			t.Errorf("%s %s: %q", test.method, test.path, text)
		}
		if allow := got.Header.Get("Allow"); (allow == "GET, HEAD") != (test.status == 405) {
			t.Errorf("%s %s: Allow %q", test.method, test.path, allow)
		}
		if to := got.Header.Get("Location"); (to == "console/") != (test.status == 308) {
			t.Errorf("%s %s: Location %q", test.method, test.path, to)
		}
	}
}

// HEAD has the headers of GET over the network, in both forms, and no body.
func TestHead(t *testing.T) {
	web := httptest.NewServer(handler(t))
	defer web.Close()

	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	ask := func(method, path, encoding string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", encoding)
		got, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = got.Body.Close() })
		got.Header.Del("Date")

		return got
	}

	for _, path := range []string{"/console/", "/console/" + scriptName, "/console/icon.svg", "/console/none"} {
		for _, encoding := range []string{"gzip", "identity"} {
			read, head := ask("GET", path, encoding), ask("HEAD", path, encoding)
			if head.StatusCode != read.StatusCode || head.ContentLength != read.ContentLength ||
				head.ContentLength <= 0 || !maps.EqualFunc(head.Header, read.Header, equal) {
				t.Errorf("%s in %s: %v, GET %v", path, encoding, head.Header, read.Header)
			}
			if text := body(t, head); text != "" {
				t.Errorf("HEAD %s: %q", path, text)
			}
		}
	}
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

func TestEncodings(t *testing.T) {
	h := handler(t)
	for sent, want := range map[string]string{
		"":                           "",
		"gzip":                       "gzip",
		"GZIP":                       "gzip",
		"x-gzip":                     "gzip",
		"gzip, deflate, br, zstd":    "gzip",
		"br;q=1.0, gzip;q=0.5":       "gzip",
		"br, gzip ; q=0.001":         "gzip",
		"*":                          "gzip",
		"identity, *;q=0.1":          "gzip",
		"gzip;q=0":                   "",
		"gzip;q=0.000, *":            "",
		"*;q=0":                      "",
		"br, deflate":                "",
		"gzipped":                    "",
		"gzip;q=x":                   "",
		"gzip;q=NaN":                 "",
		"gzip;level=9":               "",
		"identity;q=1, gzip;q=0, br": "",
	} {
		got := get(t, h, "GET", "/console/", map[string]string{"Accept-Encoding": sent})
		if got.Header.Get("Content-Encoding") != want || got.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", sent, got.Header)
		}

		text := body(t, got)
		if want == "gzip" {
			text = unpacked(t, text)
		}
		if text != page {
			t.Errorf("%q: %q", sent, text)
		}
	}

	// A file that is kept as it is has one form.
	got := get(t, h, "GET", "/console/icon.svg", map[string]string{"Accept-Encoding": "gzip"})
	if got.Header.Get("Content-Encoding") != "" || got.Header.Get("Vary") != "" || body(t, got) != "<svg/>" {
		t.Errorf("icon: %v", got.Header)
	}
}

func unpacked(t *testing.T, text string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}

	return string(plain)
}

func TestTags(t *testing.T) {
	h := handler(t)
	tag := func(path, encoding string) string {
		t.Helper()
		tag := get(t, h, "GET", path, map[string]string{"Accept-Encoding": encoding}).Header.Get("Etag")
		if len(tag) < 20 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			t.Fatalf("%s: no strong tag: %s", path, tag)
		}
		return tag
	}

	packed, plain := tag("/console/", "gzip"), tag("/console/", "identity")
	if packed == plain || plain == tag("/console/icon.svg", "identity") {
		t.Errorf("the tags are %s and %s", packed, plain)
	}
	for _, test := range []struct {
		sent, encoding string
		status         int
	}{
		{packed, "gzip", 304}, {plain, "identity", 304}, {"*", "gzip", 304}, {"W/" + packed, "gzip", 304},
		{`"a", ` + packed + `, "b"`, "gzip", 304},
		{plain, "gzip", 200}, {packed, "identity", 200}, {`"a"`, "gzip", 200},
		{strings.Trim(packed, `"`), "gzip", 200}, {"", "gzip", 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got := get(t, h, method, "/console/",
				map[string]string{"If-None-Match": test.sent, "Accept-Encoding": test.encoding})
			if got.StatusCode != test.status || got.Header.Get("Cache-Control") != "no-cache" ||
				got.Header.Get("Etag") != tag("/console/", test.encoding) ||
				got.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s %s with %s = %d %v", method, test.sent, test.encoding, got.StatusCode, got.Header)
			}
			if text := body(t, got); test.status == 304 && text != "" {
				t.Errorf("304 with %q", text)
			}
		}
	}
}

// Nothing but requests for the console gets its headers or its answers.
func TestOwns(t *testing.T) {
	for path, want := range map[string]bool{
		"/console": true, "/console/": true, "/console/x": true, "/console//": true, "/console/../x": true,
		"/": false, "/consoles": false, "/console2/": false, "/Console/": false, "//console/": false,
		"/x/console/": false, "": false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.URL.Path = path
		if got := console.Owns(r); got != want {
			t.Errorf("%s: %t", path, got)
		}

		w := httptest.NewRecorder()
		console.Protect(http.NotFoundHandler()).ServeHTTP(w, r)
		if got := w.Header().Get("Content-Security-Policy") != ""; got != want {
			t.Errorf("%s: headers %t", path, got)
		}
	}
}

// A program without the console tells so, whatever is asked.
func TestLeftOut(t *testing.T) {
	h, err := console.New(nil, about())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/console", "/console/", "/console/index.html", "/console/context.json"} {
		got := get(t, console.Protect(h), "GET", path, nil)
		if text := body(t, got); got.StatusCode != 404 || text != "This program was built without the console.\n" {
			t.Errorf("%s = %d %q", path, got.StatusCode, text)
		}
	}
}

// A built console that cannot be served stops the start.
func TestFaultsOfFiles(t *testing.T) {
	long := strings.Repeat(" ", 4<<20+1)
	plain := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for want, change := range map[string]func(fstest.MapFS){
		"there is no index.html":            func(f fstest.MapFS) { delete(f, "index.html.gz") },
		"index.html is there with and":      func(f fstest.MapFS) { f["index.html"] = &fstest.MapFile{} },
		"assets/a.exe: no content type":     func(f fstest.MapFS) { f["assets/a.exe"] = &fstest.MapFile{} },
		"none: no content type":             func(f fstest.MapFS) { f["none"] = &fstest.MapFile{} },
		"a.js.gz: gzip: invalid header":     func(f fstest.MapFS) { f["a.js.gz"] = plain("0123456789") },
		"a.js.gz: unexpected EOF":           func(f fstest.MapFS) { f["a.js.gz"] = cut(compressed(t, script)) },
		"a.js.gz: it has more than 4194304": func(f fstest.MapFS) { f["a.js.gz"] = compressed(t, long) },
		"a.js: it has more than 4194304":    func(f fstest.MapFS) { f["a.js"] = plain(long) },
	} {
		files := built(t)
		change(files)
		if _, err := console.New(files, about()); err == nil || !strings.Contains(err.Error(), "console: "+want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func cut(f *fstest.MapFile) *fstest.MapFile {
	f.Data = f.Data[:len(f.Data)-9]
	return f
}
