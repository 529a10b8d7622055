package forwardauth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Every way to write a dot segment or a separator that some server undoes. Each
// stands alone, before and after text, and mixed with the plain form.
func TestPathsWithLookAlikesAreRefused(t *testing.T) {
	dots := []string{".", "%2e", "%2E", "\uff0e", "\u2024", "\ufe52", "\uff61", "\u3002", "\u0701", "\ua4f8", "%252e",
		"%25252e", "%25ef%25bc%258e", "%u002e", "%25u002e", "%25uff0e", "\uff052e", "%25\uff05", "\u200b.", ".\ufe0f"}
	for _, one := range dots {
		for _, two := range dots {
			if strings.Contains(one+two, "%25\uff05") {
				continue // no dot
			}

			for _, segment := range []string{one + two, one + two + ";x=1", one + two + "%3bx", one + two + "\uff1bx",
				one + two + "%20"} {
				refused(t, "/files/a/"+segment+"/b")
			}
		}
	}

	for _, two := range []string{"\u2025", "\ufe30", "%25e2%2580%25a5"} { // two dots in one character
		refused(t, "/files/a/"+two+"/b")
	}

	for _, separator := range []string{"%2f", "%5c", "\uff0f", "\uff3c", "\ufe68", "\u2044", "\u2215", "\u2216",
		"\u29f8", "\u29f5", "\u29f9", "\u2100", "\u2105", "\u00a5", "\u20a9",
		"%252f", "%255c", "%25252f", "%25252525252f", "%25ef%25bc%258f", "%u2215", "%25u2215", "%25uff0f", "\uff052f",
		"%25e2%2588%2595", "%00", "%2500", "%0a", "%250a", "%7f", "%c0%ae", "%c0%af", "%25c0%25af", "%e0%80%af",
		"%f0%80%80%af", "%fc%80%80%80%80%af", "%ed%a0%80"} {
		for _, segment := range []string{separator, "a" + separator, separator + "a",
			"a" + separator + ".." + separator + "b"} {
			refused(t, "/files/"+segment)
		}
	}

	for _, nothing := range []string{"\u200b", "\ufeff", "\u00ad", "\u2060\u200d", "\ufe0f"} {
		refused(t, "/files/"+nothing+"/b")
	}
	refused(t, "/files/%"+strings.Repeat("25", 50)+"2e%2e")
}

// Segments that are dots, or nothing, once the blanks and dots around them are gone.
func TestPathsOfBlanksAndDotsAreRefused(t *testing.T) {
	blanks := []string{"%20", "\u00a0", "\u2003", "\u202f", "\u3000", "\u1680", "%2520", "%20\u00a0"}
	for _, blank := range blanks {
		for _, segment := range []string{
			blank, blank + blank, blank + ".", blank + "..", "." + blank, ".." + blank, blank + ".." + blank,
			"." + blank + ".", "." + blank + "." + blank, ".." + blank + "." + blank, "..." + blank, blank + "...",
			blank + ";x=1", blank + "..;x=1", ".." + blank + "%3bx",
		} {
			refused(t, "/files/own/"+segment+"/other/a")
			refused(t, "/files/own/"+segment)
		}
	}

	for _, segment := range []string{";", ";x=1", "%3bx", "...;x"} {
		refused(t, "/files/own/"+segment+"/other/a")
	}
}

// Every control character is refused, and so are the separators of lines and paragraphs.
func TestPathsWithControlsAreRefused(t *testing.T) {
	controls := []rune{0x7f, '\u2028', '\u2029'}
	for r := range rune(0x20) {
		controls = append(controls, r, 0x80+r)
	}

	for _, r := range controls {
		refused(t, "/files/"+url.PathEscape("a"+string(r)+"b"))
		refused(t, "/files/"+url.PathEscape(url.PathEscape("a"+string(r)+"b")))
	}
}

// No character that normalisation turns into a separator gets through.
func TestNoCharacterNormalisesToASeparator(t *testing.T) {
	for r := rune(0x80); r <= 0x10ffff; r++ {
		if 0xd800 <= r && r <= 0xdfff {
			continue
		}

		for _, form := range []norm.Form{norm.NFC, norm.NFKC} {
			if folded := form.String(string(r)); strings.ContainsAny(folded, "/\\\x00") || folded == "." ||
				folded == ".." {
				refused(t, "/"+string(r))
			}
		}
	}
}

// Names that people give files get through.
func TestPathsOfOrdinaryNames(t *testing.T) {
	for _, name := range []string{"ä", "a\u0308", "Ａ社.pdf", "100％.txt", "ﾃｽﾄ。txt", "報告。", "report….pdf", "½", "€5",
		"℡", "👩\u200d💻", "❤\ufe0f", "a.b..c", ".hidden", "..hidden", "hidden..", "a ", " a", "a. b .c", "...", "…a",
		"100%25", "50%2525", "50%2520off", "a;b=c", "٠", "x·y", "？", "a：b", "نقطة"} {
		if _, err := splitPath("/files/" + encoded(name)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func refused(t *testing.T, path string) {
	t.Helper()
	if got, err := splitPath(encoded(path)); err == nil {
		t.Errorf("%q is read as %q", path, got)
	}
}

// encoded is a path as a client sends it, with what is escaped already left alone.
func encoded(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}

	return b.String()
}

// A path that is refused costs little, however it is nested.
func TestDeepEscapesCostLittle(t *testing.T) {
	start := time.Now()
	if _, err := splitPath("/%" + strings.Repeat("25", maxURI/2-1)); err == nil || time.Since(start) > time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

// The endpoint refuses a look-alike in a signed request, and gives the reason.
func TestLookAlikeIsRefusedByTheEndpoint(t *testing.T) {
	h, base := newHandler(t)
	for _, path := range []string{"/files/" + url.PathEscape("．．") + "/b", "/files/" + url.PathEscape("a／b")} {
		r := base.Clone(t.Context())
		r.Header["X-Original-Uri"] = []string{path}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)

		if w.Code != http.StatusForbidden || w.Header().Get(headerReason) != "AmbiguousPath" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// Whatever replaces the method or the URI behind the signature's back is refused,
// however it is spelt; what repeats them is not.
func TestOverriddenRequests(t *testing.T) {
	h, base := newHandler(t)
	method, uri, host := base.Header.Get("X-Original-Method"), base.Header.Get("X-Original-Uri"),
		base.Header.Get("X-Original-Host")
	try := func(name, value string) *httptest.ResponseRecorder {
		r := base.Clone(t.Context())
		r.Header[name] = []string{value}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}

	for _, name := range []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override",
		"X_HTTP_METHOD_OVERRIDE", "X-Http_method",
		"X.HTTP.Method.Override", "x.http-method", "X~Method!Override"} {
		for _, value := range []string{"DELETE", "delete", "", strings.ToLower(method)} {
			if w := try(name, value); w.Header().Get(headerReason) != "OverriddenRequest" {
				t.Errorf("%s: %q: %d %s", name, value, w.Code, w.Body)
			}
		}
		if w := try(name, method); w.Code != http.StatusOK {
			t.Errorf("%s: %q: %d %s", name, method, w.Code, w.Body)
		}
	}

	for _, name := range []string{"X-Original-Url", "X-Rewrite-Url", "X_REWRITE_URL", "X.Original.URL"} {
		for _, value := range []string{"/admin", "https://" + host + "/admin", "https://evil.example" + uri, "",
			uri + "?a"} {
			if w := try(name, value); w.Header().Get(headerReason) != "OverriddenRequest" {
				t.Errorf("%s: %q: %d %s", name, value, w.Code, w.Body)
			}
		}

		for _, value := range []string{uri, "https://" + host + uri} {
			if w := try(name, value); w.Code != http.StatusOK {
				t.Errorf("%s: %q: %d %s", name, value, w.Code, w.Body)
			}
		}
	}

	for _, query := range []string{"?_method=DELETE", "?a=b&_method=DELETE", "?%5fmethod=DELETE", "?_%6dethod=PUT",
		"?_method=",
		"?.method=DELETE", "?%2Emethod=DELETE", "?%20_method=DELETE", "?+_method=DELETE", "?%09_method=DELETE",
		"?%20.method=DELETE",
		"?%5Bmethod=DELETE", "?[method=DELETE", "?_METHOD=DELETE", "?_Method=delete", "?_method%5B%5D=DELETE",
		"?_method[x]=DELETE", "?_method%00x=DELETE", "?_method%20=DELETE", "?%255fmethod=DELETE",
		"?%25255Fmethod=DELETE",
		"?a=b;_method=DELETE", "?_method=GET&_method=DELETE", "?x-http-method-override=DELETE", "?X_HTTP_Method=DELETE",
		"?X-Method.Override=DELETE"} {
		if w := try("X-Original-Uri", uri+query); w.Header().Get(headerReason) != "OverriddenRequest" {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}

	for _, query := range []string{"?method=DELETE", "?a=_method", "?my_method=DELETE", "?a[_method]=DELETE"} {
		if w := try("X-Original-Uri", uri+query); w.Header().Get(headerReason) == "OverriddenRequest" {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

// Frameworks look for the method in forms, too, and Laravel in JSON. Only where the
// body is forwarded can they be read.
func TestMethodsInBodies(t *testing.T) {
	b := newBucketWith(t, allowEverything, Config{Service: "s3", Region: "us-east-1", Body: forwarded, Routes: []Route{
		{Match: "POST /form", Action: "app:Post", Resource: "*"},
	}})
	part := func(disposition string) string {
		return "--x\r\nContent-Disposition: " + disposition + "\r\n\r\nDELETE\r\n--x--\r\n"
	}

	const form, multi = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	for _, tc := range []struct {
		contentType, body string
		refused           bool
	}{
		{form, "_method=DELETE", true},
		{form, "a=b&_method=delete", true},
		{form, ".method=DELETE", true},
		{form, "a=b&+_METHOD=PUT", true},
		{form, "%5Bmethod=DELETE", true},
		{form, "_method[]=DELETE", true},
		{form + "; charset=UTF-8", "x-http-method-override=DELETE", true},
		{"Application/X-WWW-Form-URLEncoded", "_method=DELETE", true},
		{"", "_method=DELETE", true},
		{form, "_method=POST", false},
		{form, "method=DELETE&a=_method", false},
		{form, "", false},
		{multi, part(`form-data; name="_method"`), true},
		{multi, part(`form-data; name=_METHOD`), true},
		{multi, part(`form-data; name=".method"`), true},
		{multi, part(`form-data; name="_method[]"`), true},
		{multi, part(`form-data; name="a"; name="_method"`), true},
		{multi, part(`form-data`), true},
		{multi, "no form", true},
		{"multipart/form-data", part(`form-data; name="a"`), true},
		{multi, part(`form-data; name="a"`), false},
		{multi, part(`form-data; name="file"; filename="_method"`), false},
		{"application/json", `{"a":1,"_method":"DELETE"}`, true},
		{"application/json", `{"_method":["DELETE"]}`, true},
		{"application/json", `{"_method":"POST"}`, false},
		{"application/json", `{"a":{"_method":"DELETE"}}`, false},
		{"text/plain", "_method=DELETE", false},
		{"application/octet-stream", "_method=DELETE", false},
	} {
		headers := http.Header{}
		if tc.contentType != "" {
			headers.Set("Content-Type", tc.contentType)
		}

		w, trace := b.answer(t, "POST", "/form", headers, tc.body)
		want := ""
		if tc.refused {
			want = "OverriddenRequest"
		}
		if got := w.Header().Get(headerReason); got != want || tc.refused && trace.Steps()[0].Fix == "" {
			t.Errorf("%s %q: %d %s, want %q", tc.contentType, tc.body, w.Code, w.Body, want)
		}
	}
}
