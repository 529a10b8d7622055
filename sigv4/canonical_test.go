package sigv4

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestCanonicalPath(t *testing.T) {
	for _, c := range []struct{ sent, normal, literal string }{
		{"", "/", "/"},
		{"/", "/", "/"},
		{"/svc", "/svc", "/svc"},
		{"/svc/", "/svc/", "/svc/"},
		{"//svc//", "/svc/", "//svc//"},
		{"/./a", "/a", "/./a"},
		{"/a/.", "/a", "/a/."},
		{"/a/./", "/a/", "/a/./"},
		{"/a/../b", "/b", "/a/../b"},
		{"/../../b", "/b", "/../../b"},
		{"/a/..", "/", "/a/.."},
		{"/a/../", "/", "/a/../"},
		{"/.hidden/..also", "/.hidden/..also", "/.hidden/..also"},
		{"/a b", "/a%20b", "/a%20b"},
		{"/a%20b", "/a%2520b", "/a%20b"},
		{"/a+b", "/a%2Bb", "/a%2Bb"},
		{"/a%2fb", "/a%252fb", "/a/b"},
		{"/%e1%88%b4", "/%25e1%2588%25b4", "/%E1%88%B4"},
		{"/ሴ", "/%E1%88%B4", "/%E1%88%B4"},
		{"/-._~!$&'()*,;=:@", "/-._~%21%24%26%27%28%29%2A%2C%3B%3D%3A%40", "/-._~%21%24%26%27%28%29%2A%2C%3B%3D%3A%40"},
	} {
		if got, err := canonicalPath(c.sent, false); err != nil || got != c.normal {
			t.Errorf("canonicalPath(%q, false) = %q, %v, want %q", c.sent, got, err, c.normal)
		}
		if got, err := canonicalPath(c.sent, true); err != nil || got != c.literal {
			t.Errorf("canonicalPath(%q, true) = %q, %v, want %q", c.sent, got, err, c.literal)
		}
	}

	for _, sent := range []string{"/%", "/%2", "/%zz", "/%2g"} {
		if _, err := canonicalPath(sent, true); err == nil {
			t.Errorf("canonicalPath(%q, true) takes an illegal escape", sent)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{"", ""},
		{"b=2&a=1", "a=1&b=2"},
		{"a", "a="},
		{"a=&&b=1&", "a=&b=1"},
		{"a=1=2", "a=1%3D2"},
		{"Param-3=3&Param=2&%E1%88%B4=1", "%E1%88%B4=1&Param=2&Param-3=3"},
		{"a=%7e%2f", "a=~%2F"},
		{"a=x+y", "a=x%20y"},
		{"a=ሴ", "a=%E1%88%B4"},
		{"A=1&a=2", "A=1&a=2"},
		{"=1", "=1"},
	} {
		q, err := parseQuery(c.raw)
		if err != nil {
			t.Errorf("parseQuery(%q): %v", c.raw, err)
			continue
		}

		if got := string((&statedSignature{query: q}).appendQuery(nil, false)); got != c.want {
			t.Errorf("canonical query of %q = %q, want %q", c.raw, got, c.want)
		}
	}
}

func TestCanonicalHeaders(t *testing.T) {
	r := &http.Request{Host: " broker.example ", Header: http.Header{
		"A": {"  x   y\tz  "},
		"B": {"1", " 2  3 ", "", "1"},
		"C": {`"a   b"`},
	}}
	s := &statedSignature{signedHeaders: []string{"a", "b", "c", "content-length", "host"}}
	got, err := s.appendHeaders(nil, r, 17, false)
	if err != nil {
		t.Fatal(err)
	}

	want := "a:x y\tz\nb:1,2 3,,1\nc:\"a b\"\ncontent-length:17\nhost:broker.example\n"
	if string(got) != want {
		t.Errorf("canonical headers = %q, want %q", got, want)
	}
}

func TestWireTarget(t *testing.T) {
	for _, c := range []struct{ uri, path, query string }{
		{"/", "/", ""},
		{"/a%2fb?x=1?y", "/a%2fb", "x=1?y"},
		{"//a?", "//a", ""},
		{"http://broker.example/a?b=c", "/a", "b=c"},
		{"https://broker.example?b=c", "/", "b=c"},
		{"/a?b=http://c/d", "/a", "b=http://c/d"},
		{"/http://c/d", "/http://c/d", ""},
		{"*", "*", ""},
	} {
		// what middleware made of the URL must not count
		path, query := wireTarget(&http.Request{RequestURI: c.uri, URL: &url.URL{Path: "/other", RawQuery: "other"}})
		if path != c.path || query != c.query {
			t.Errorf("wireTarget(%q) = %q, %q, want %q, %q", c.uri, path, query, c.path, c.query)
		}
	}

	u, err := url.Parse("http://broker.example/a%2fb?x=1")
	if err != nil {
		t.Fatal(err)
	}
	if path, query := wireTarget(&http.Request{URL: u}); path != "/a%2fb" || query != "x=1" {
		t.Errorf("without RequestURI: %q, %q", path, query)
	}
}

// TestQueryAgreesWithHandlers: what is verified must be what a handler reads with net/url.
func TestQueryAgreesWithHandlers(t *testing.T) {
	for _, raw := range []string{"a=x+y&b=%2B", "a&b=&c=%00%ff", "%61=1&B=2", "=x", "a=b=c", "a=%26&b=%3d"} {
		want, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		q, err := parseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		if len(q) != len(want) {
			t.Errorf("parseQuery(%q) has %d parameters, net/url %d", raw, len(q), len(want))
		}

		for _, p := range q {
			if want.Get(p.name) != p.value {
				t.Errorf("parseQuery(%q): %q = %q, net/url says %q", raw, p.name, p.value, want.Get(p.name))
			}
		}
	}
}

func TestRegion(t *testing.T) {
	for _, good := range []string{"us-east-1", "us-gov-west-1", "local", "a", "1", "mx-central-1",
		strings.Repeat("a", 63)} {
		if !region(good) {
			t.Errorf("region(%q) = false", good)
		}
	}

	for _, bad := range []string{"", "-a", "a-", "US-EAST-1", "a b", "a.b", "a\n", "é", strings.Repeat("a", 64)} {
		if region(bad) {
			t.Errorf("region(%q) = true", bad)
		}
	}
}
