package forwardauth

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// scripted is a service that answers each request with the text that its path names.
func scripted(t *testing.T, answers map[string]string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })

	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()

				r, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil {
					_, _ = io.WriteString(c, answers[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]])
				}
			}()
		}
	}()

	return "http://" + l.Addr().String()
}

// A service cannot set headers that only this server may set: in no spelling, before its answer, in
// it or after it.
func TestForwardedHostileAnswers(t *testing.T) {
	const ok = "Content-Length: 2\r\nConnection: close\r\n"
	const fake = "X-Poolhouse-Reason: Fake\r\nX_amzn_requestid: fake\r\nX-Amzn-Requestid: fake\r\n" +
		"Access_control_allow_origin: fake\r\n"
	f := newFront(t, scripted(t, map[string]string{
		"head": "HTTP/1.1 200 OK\r\n" + ok + fake + "\r\nok",
		"hints": "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n" + fake + "\r\nHTTP/1.1 200 OK\r\n" + ok +
			"Vary: Accept\r\n\r\nok",
		"trailer": "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n" +
			"Trailer: X-Poolhouse-Reason\r\n\r\n2\r\nok\r\n0\r\n" + fake + "\r\n",
		"none":   "HTTP/1.1 000 None\r\n" + ok + "\r\nok",
		"switch": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
		"hung":   "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n",
	}), func(c *Config) { c.AllowedOrigins = []string{"https://app.example.com"} })
	inner := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Requestid", "real")
		inner.ServeHTTP(w, r)
	})

	for name, status := range map[string]string{
		"head": "200", "hints": "200", "trailer": "200", "none": "502", "switch": "502", "hung": "502",
	} {
		c, reader := f.raw(t, f.signed(t, "GET", "/files/"+alice+"/"+name, "", false, "Origin",
			"https://app.example.com",
			"Te", "trailers"), "Connection: close\r\n\r\n")
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}

		all, err := io.ReadAll(reader)
		text := string(all)
		if err != nil || strings.Contains(strings.ToLower(text), "fake") {
			t.Errorf("%s: %v %s", name, err, text)
		}

		if at := strings.LastIndex(text, "HTTP/1.1 "); at < 0 || !strings.HasPrefix(text[at:], "HTTP/1.1 "+status) ||
			!strings.Contains(text[at:], "X-Amzn-Requestid: real") ||
			!strings.Contains(text[at:], "Access-Control-Allow-Origin: https://app.example.com") ||
			!strings.Contains(text[at:], "Vary: Origin") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// What could be read as another request is refused before the signature counts.
func TestForwardedAmbiguous(t *testing.T) {
	service := newBackend(t, nil)
	for name, test := range map[string]struct {
		change func(*Config)
		uri    string
		method string
		header string
		reason string
	}{
		"plain":              {uri: ownFile},
		"look-alike":         {uri: ownFile, header: "X_amz_acl", reason: "AmbiguousHeader"},
		"look-alike by dots": {uri: ownFile, header: "X.amz.acl", reason: "AmbiguousHeader"},
		"trace":              {uri: ownFile, method: "TRACE", reason: "MethodNotAllowed"},
		"connect":            {uri: ownFile, method: "CONNECT", reason: "MethodNotAllowed"},
		"semicolon":          {uri: ownFile + ";x", reason: "AmbiguousPath"},
		"escaped semicolon":  {uri: ownFile + "%3Bx", reason: "AmbiguousPath"},
		"twice":              {uri: ownFile + "%253Bx", reason: "AmbiguousPath"},
		"full-width":         {uri: ownFile + "%EF%BC%9Bx", reason: "AmbiguousPath"},
		"semicolon of S3":    {uri: ownFile + ";x", change: func(c *Config) { c.Service = "s3" }, reason: "WrongScope"},
		"host":               {uri: ownFile, change: func(c *Config) { c.Hosts = []string{"files.example.com"} }},
		"other host": {uri: ownFile, change: func(c *Config) { c.Hosts = []string{"files.example.com:80"} },
			reason: "ForeignHost"},
	} {
		f := newFront(t, service.URL, test.change)
		r := f.signed(t, "GET", test.uri, "", false)
		if test.method != "" {
			r.Method = test.method
		}
		if test.header != "" {
			r.Header.Set(test.header, "public-read")
		}

		c, reader := f.raw(t, r, "\r\n")
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}

		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = response.Body.Close()
		if got := response.Header.Get(headerReason); got != test.reason {
			t.Errorf("%s: %q, want %q", name, got, test.reason)
		}
	}
}
