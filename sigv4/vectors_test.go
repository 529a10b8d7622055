package sigv4

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestVectors proves canonicalisation on AWS's own public test suite, in both forms. The suite is not part of this
// project: it is the folder tests/aws-signing-test-suite/v4 of the repository awslabs/aws-c-auth (Apache-2.0).
func TestVectors(t *testing.T) {
	const variable = "SIGV4_VECTORS"
	root := os.Getenv(variable)
	if root == "" {
		t.Skipf("%s is not set: get the repository awslabs/aws-c-auth and set it to its folder "+
			"tests/aws-signing-test-suite/v4", variable)
	}
	contexts, err := filepath.Glob(filepath.Join(root, "*", "context.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(contexts) < 38 {
		t.Fatalf("%s=%s holds %d cases, want at least 38", variable, root, len(contexts))
	}

	for _, file := range contexts {
		folder := filepath.Dir(file)
		for _, form := range []string{"header", "query"} {
			t.Run(filepath.Base(folder)+"/"+form, func(t *testing.T) { testVector(t, folder, form) })
		}
	}
}

func testVector(t *testing.T, folder, form string) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), "\r\n", "\n")
	}

	var setting struct {
		Credentials struct {
			ID     string `json:"access_key_id"`
			Secret string `json:"secret_access_key"`
			Token  string
		}
		Normalize bool
		Region    string
		Service   string
		Timestamp time.Time
		OmitToken bool `json:"omit_session_token"`
	}
	if err := json.Unmarshal([]byte(read("context.json")), &setting); err != nil {
		t.Fatal(err)
	}

	r, body := parseVector(t, read(form+"-signed-request.txt"))
	rules := Service{Presigned: PresignedExpires, LiteralPath: !setting.Normalize}
	v := &Verifier{
		Credentials: func(_ context.Context, accessKeyID, sessionToken string) (string, error) {
			if accessKeyID != setting.Credentials.ID || sessionToken != setting.Credentials.Token {
				return "", ErrUnknownKey
			}
			return setting.Credentials.Secret, nil
		},
		Services: map[string]Service{setting.Service: rules},
		Now:      func() time.Time { return setting.Timestamp },
	}

	got, err := v.Verify(r, body, setting.Service)
	if setting.OmitToken {
		// The client added the session token after it signed, as for AWS IoT: the token is not bound, so we refuse.
		message := "'X-Amz-Security-Token' must be a 'SignedHeader'"
		if form == "query" {
			message = "The request signature we calculated does not match"
		}
		wantRefusal(t, err, BadSignature, message)

		// What the client signed must still come out right.
		r.Header.Del("X-Amz-Security-Token")
		path, rawQuery, _ := strings.Cut(r.RequestURI, "?")
		if values := mustQuery(t, rawQuery); values.Has(paramToken) {
			values.Del(paramToken)
			r.RequestURI = path + "?" + values.Encode()
		}
		setting.Credentials.Token = ""
		got, err = v.Verify(r, body, setting.Service)
	}

	if err != nil {
		t.Fatal(err)
	}
	if got.Region != setting.Region || got.Presigned != (form == "query") || !got.Date.Equal(setting.Timestamp) {
		t.Errorf("Verify = %v", got)
	}

	s, err := parseStatedSignature(r)
	if err != nil {
		t.Fatal(err)
	}

	sum := sha256.Sum256(body)
	payload, err := s.payloadHash(r, rules, int64(len(body)), hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	canonical, err := s.canonicalRequest(nil, r, rules, int64(len(body)), payload, false)
	if err != nil {
		t.Fatal(err)
	}

	toSign := s.stringToSign(canonical)
	signature := string(deriveKey(setting.Credentials.Secret, s.scope).sign(toSign))
	for _, step := range []struct{ file, got string }{
		{form + "-canonical-request.txt", string(canonical)},
		{form + "-string-to-sign.txt", toSign},
		{form + "-signature.txt", signature},
	} {
		if want := strings.TrimSpace(read(step.file)); step.got != want {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", step.file, step.got, want)
		}
	}
}

func mustQuery(t *testing.T, raw string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// parseVector reads a request of the suite. net/http would not: some have blanks in the request target.
func parseVector(t *testing.T, text string) (*http.Request, []byte) {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	line, fields, _ := strings.Cut(head, "\n")
	method, rest, ok := strings.Cut(line, " ")
	target, ok2 := strings.CutSuffix(rest, " HTTP/1.1")
	if !ok || !ok2 {
		t.Fatalf("request line %q", line)
	}

	r := &http.Request{Method: method, RequestURI: target, Header: http.Header{}, URL: &url.URL{Path: target}}
	name := ""
	for field := range strings.SplitSeq(strings.TrimRight(fields, "\n"), "\n") {
		if continued := strings.TrimLeft(field, " "); continued != field { // obsolete line folding
			values := r.Header[name]
			values[len(values)-1] += " " + strings.TrimSpace(continued)
			continue
		}
		key, value, ok := strings.Cut(field, ":")
		if !ok {
			t.Fatalf("header line %q", field)
		}
		name = textproto.CanonicalMIMEHeaderKey(key)
		r.Header[name] = append(r.Header[name], strings.TrimSpace(value))
	}

	r.Host = r.Header.Get("Host")
	r.Header.Del("Host")

	return r, []byte(body)
}
