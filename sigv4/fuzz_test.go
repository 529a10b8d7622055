package sigv4

import (
	"bytes"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
)

// FuzzVerify changes the bytes of golden requests. The parser must not panic, and whatever verifies must mean the
// same as the request that was signed, as far as a handler behind net/http can tell.
func FuzzVerify(f *testing.F) {
	all := readGolden(f)
	const edit, remove, insert, repeat, replaceAll = 0, 1, 2, 3, 4
	for i, g := range all {
		f.Add(uint(i), uint(0), uint(0), uint8(edit), []byte("X"))
		f.Add(uint(i), uint(bytes.IndexByte(g.raw, '/')), uint(1), uint8(insert), []byte("/."))
		f.Add(uint(i), uint(len(g.raw)/2), uint(3), uint8(remove), []byte(nil))
		f.Add(uint(i), uint(len(g.raw)/3), uint(40), uint8(repeat), []byte(nil))
		f.Add(uint(i), uint(0), uint(0), uint8(replaceAll), g.raw)
		f.Add(uint(i), uint(bytes.IndexByte(g.raw, '\n')+1), uint(0), uint8(insert),
			[]byte("X-Amz-Target: Other.Operation\r\n"))
		f.Add(uint(i), uint(bytes.IndexByte(g.raw, '\n')+1), uint(0), uint8(insert),
			[]byte("Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0\r\n"))
	}

	f.Fuzz(func(t *testing.T, index, from, length uint, op uint8, data []byte) {
		g := all[index%uint(len(all))]

		from %= uint(len(g.raw))
		to := min(from+length%1024, uint(len(g.raw)))
		mutated := slices.Clone(g.raw)
		switch op % 5 {
		case edit:
			copy(mutated[from:], data)
		case remove:
			mutated = slices.Delete(mutated, int(from), int(to))
		case insert:
			mutated = slices.Insert(mutated, int(from), data...)
		case repeat:
			mutated = slices.Insert(mutated, int(from), g.raw[from:to]...)
		case replaceAll:
			mutated = data
		}

		r, body, err := readRequest(mutated)
		if err != nil {
			return // net/http does not hand it over
		}

		_ = Signed(r)
		_, _ = UnverifiedScope(r)
		got, err := g.verifier().Verify(r, body, g.Service)
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Errorf("Verify = %v, which is not the client's fault", err)
			}
			return
		}

		found := meaning(t, r, body, got.SignedHeaders)
		for _, signed := range all { // usually g, but the fuzzer may find its way from one to another
			original, body, err := readRequest(signed.raw)
			if err != nil {
				t.Fatal(err)
			}
			if found == meaning(t, original, body, got.SignedHeaders) {
				return
			}
		}

		t.Errorf("verifies although nobody signed it:\n%s\nrequest:\n%q", found, mutated)
	})
}

// meaning writes down what a handler can learn from the signed parts of a request, without this package's own code.
func meaning(t *testing.T, r *http.Request, body []byte, signed []string) string {
	t.Helper()
	var b strings.Builder
	cleaned := path.Clean(r.URL.Path)
	if strings.HasSuffix(r.URL.Path, "/") && cleaned != "/" {
		cleaned += "/"
	}

	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		t.Errorf("a request verifies whose query net/url cannot read: %v", err)
	}
	b.WriteString(r.Method + " " + r.Host + cleaned + "?" + query.Encode() + "\n")

	var lines []string
	for name, values := range r.Header {
		lower := strings.ToLower(name)
		if lower != "content-length" && slices.Contains(signed, lower) || strings.HasPrefix(lower, "x-amz-") {
			for i := range values {
				values[i] = strings.Join(strings.FieldsFunc(values[i], func(r rune) bool { return r == ' ' }), " ")
			}
			lines = append(lines, lower+": "+strings.Join(values, ","))
		}

		if lower == "authorization" {
			parameters := strings.FieldsFunc(strings.Join(values, "\n"),
				func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
			slices.Sort(parameters[1:])
			lines = append(lines, strings.Join(parameters, " "))
		}
	}
	slices.Sort(lines)

	return b.String() + strings.Join(lines, "\n") + "\n\n" + string(body)
}
