package forwardauth

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/sigv4"
)

// presigned is a request by a URL that was signed for service s3, as S3's clients sign it.
func (f *front) presigned(t *testing.T, method, path string) *http.Request {
	t.Helper()
	const host = "files.example.com"
	date := now.Format("20060102T150405Z")
	scope := date[:8] + "/us-east-1/s3/aws4_request"
	query := strings.ReplaceAll(url.Values{
		"X-Amz-Algorithm":      {"AWS4-HMAC-SHA256"},
		"X-Amz-Credential":     {f.key.AccessKeyID + "/" + scope},
		"X-Amz-Date":           {date},
		"X-Amz-Expires":        {"60"},
		"X-Amz-Security-Token": {f.key.SessionToken},
		"X-Amz-SignedHeaders":  {"host"},
	}.Encode(), "+", "%20")

	canonical := strings.Join([]string{method, strings.ReplaceAll(path, ":", "%3A"), query, "host:" + host, "",
		"host", unsignedPayload}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	key := sigv4.DeriveSigningKey(f.key.SecretAccessKey, date[:8], "us-east-1", "s3")
	mac := hmac.New(sha256.New, key[:])
	_, _ = io.WriteString(mac, strings.Join([]string{"AWS4-HMAC-SHA256", date, scope, hex.EncodeToString(sum[:])},
		"\n"))

	r, err := http.NewRequestWithContext(t.Context(), method,
		f.URL+path+"?"+query+"&X-Amz-Signature="+hex.EncodeToString(mac.Sum(nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host

	return r
}

// status is that of the answer to a request over a connection of its own.
func (f *front) status(t *testing.T, r *http.Request, version, more string) (status int, reason string) {
	t.Helper()
	var head bytes.Buffer
	if err := r.Header.Write(&head); err != nil {
		t.Fatal(err)
	}
	c := f.dial(t)
	text := r.Method + " " + r.URL.RequestURI() + " HTTP/" + version + "\r\nHost: " + r.Host + "\r\n" +
		head.String() + more
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}

	response, err := http.ReadResponse(bufio.NewReader(c), r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()

	return response.StatusCode, response.Header.Get(headerReason)
}

// A body that is not there is not the one whose hash was signed.
func TestForwardedEmptyBody(t *testing.T) {
	service := newBackend(t, nil)
	f := newFront(t, service.URL, nil)
	for _, body := range []string{"", "hello"} {
		for _, framing := range []struct{ version, head string }{
			{"1.1", "Content-Length: 0\r\n\r\n"},
			{"1.1", "\r\n"},
			{"1.1", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
			{"1.0", "\r\n"},
			{"1.0", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		} {
			status, reason := f.status(t, f.signed(t, "PUT", ownFile, body, true), framing.version, framing.head)
			arrived := len(service.got())
			if ok := body == ""; (status == http.StatusOK) != ok || arrived == 1 != ok ||
				reason == "BodyMismatch" == ok {
				t.Errorf("hash of %q, HTTP/%s %q: %d %s, %d arrived", body, framing.version, framing.head, status,
					reason, arrived)
			}
		}
	}
}

// A presigned URL proves nothing of a body, whatever the method, length and protocol.
func TestForwardedPresignedBody(t *testing.T) {
	service := newBackend(t, nil)
	for _, proven := range []string{hashRequired, unchecked} {
		f := newFront(t, service.URL, func(c *Config) { c.Service, c.Presigned, c.Body = "s3", true, proven })
		for _, method := range []string{"GET", "HEAD", "PUT"} {
			for framing, empty := range map[string]bool{
				"\r\n":                          true,
				"Content-Length: 4\r\n\r\nevil": false,
				"Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n": false,
			} {
				status, reason := f.status(t, f.presigned(t, method, ownFile), "1.1", framing)
				arrived := len(service.got())
				ok := proven == unchecked || empty && method != "PUT"
				if (status == http.StatusOK) != ok || arrived == 1 != ok || reason == "UnsignedPayload" == ok {
					t.Errorf("%s, %s %q: %d %s, %d arrived", proven, method, framing, status, reason, arrived)
				}
			}
		}

		front := httptest.NewUnstartedServer(f.Config.Handler)
		front.EnableHTTP2 = true
		front.StartTLS()
		t.Cleanup(front.Close)

		r := f.presigned(t, "GET", ownFile)
		r.URL.Scheme, r.URL.Host = "https", front.Listener.Addr().String()
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("evil")), -1
		response, err := front.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}

		_ = response.Body.Close()
		if ok := proven == unchecked; (response.StatusCode == http.StatusOK) != ok || response.ProtoMajor != 2 {
			t.Errorf("%s, HTTP/2: %s by %s", proven, response.Status, response.Proto)
		}
		_ = service.got()
	}
}
