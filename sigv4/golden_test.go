package sigv4

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// goldenRequest is a request that a real client sent; internal/record writes them.
type goldenRequest struct {
	File, Client, Call  string
	AccessKeyID, Secret string
	SessionToken        string
	Region, Service     string
	Presigned           bool
	Time                time.Time
	raw                 []byte
}

func readGolden(t testing.TB) []goldenRequest {
	t.Helper()
	folder := filepath.Join("testdata", "golden")
	text, err := os.ReadFile(filepath.Join(folder, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []goldenRequest
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}

	for i := range all {
		if all[i].raw, err = os.ReadFile(filepath.Join(folder, all[i].File)); err != nil {
			t.Fatal(err)
		}
	}

	return all
}

func (g *goldenRequest) verifier() *Verifier {
	return &Verifier{
		Credentials: func(_ context.Context, accessKeyID, sessionToken string) (string, error) {
			if accessKeyID != g.AccessKeyID {
				return "", ErrUnknownKey
			}
			if sessionToken != g.SessionToken {
				return "", ErrInvalidToken
			}
			return g.Secret, nil
		},
		Services: map[string]Service{"cognito-identity": {}, "sts": {Presigned: PresignedWindow}},
		Now:      func() time.Time { return g.Time },
	}
}

// readRequest reads raw bytes as a server does.
func readRequest(raw []byte) (*http.Request, []byte, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return r, body, err
}

func TestGolden(t *testing.T) {
	seen := map[string]int{}
	for _, g := range readGolden(t) {
		t.Run(strings.TrimSuffix(g.File, ".http"), func(t *testing.T) {
			client := strings.TrimRight(g.Client, "0123456789./ ")
			seen[client]++
			r, body, err := readRequest(g.raw)
			if err != nil {
				t.Fatal(err)
			}
			if !Signed(r) {
				t.Error("Signed = false")
			}

			if scope, err := UnverifiedScope(r); err != nil || scope.Service != g.Service ||
				scope.AccessKeyID != g.AccessKeyID {
				t.Errorf("UnverifiedScope = %v, %v", scope, err)
			}

			v := g.verifier()
			got, err := v.Verify(r, body, g.Service)
			if err != nil {
				t.Fatalf("%v", err)
			}
			if got.AccessKeyID != g.AccessKeyID || got.SessionToken != g.SessionToken || got.Region != g.Region ||
				got.Service != g.Service || got.Presigned != g.Presigned {
				t.Errorf("Verify = %v, want the facts of %+v", got, g)
			}

			if d := g.Time.Sub(got.Date); d < -time.Second || d > 10*time.Second {
				t.Errorf("Date = %v for a request of %v", got.Date, g.Time)
			}
			if again, err := v.Verify(r, body, g.Service); err != nil || again.Date != got.Date {
				t.Errorf("second Verify, with the key cached: %v, %v", again, err)
			}

			g.Secret += "x"
			_, err = g.verifier().Verify(r, body, g.Service)
			wantRefusal(t, err, BadSignature, "The request signature we calculated does not match")
		})
	}

	for _, client := range []string{"aws-cli", "boto", "aws-sdk-go-v", "aws-sdk-js", "curl"} {
		if seen[client] == 0 {
			t.Errorf("no golden request of %s (have %v)", client, seen)
		}
	}
}

// TestGoldenMutations changes each golden request in every way that matters, one at a time; none may verify.
func TestGoldenMutations(t *testing.T) {
	mutations := map[string]func(r *http.Request, body []byte) []byte{
		"body":   func(_ *http.Request, body []byte) []byte { return append(body, ' ') },
		"method": func(r *http.Request, body []byte) []byte { r.Method = "PUT"; return body },
		"host":   func(r *http.Request, body []byte) []byte { r.Host = "other.example"; return body },
		"path":   func(r *http.Request, body []byte) []byte { r.RequestURI = "/x" + r.RequestURI; return body },
		"query added": func(r *http.Request, body []byte) []byte {
			r.RequestURI += map[bool]string{true: "&", false: "?"}[strings.Contains(r.RequestURI, "?")] + "x=1"
			return body
		},
		"target added": func(r *http.Request, body []byte) []byte {
			r.Header.Set("X-Amz-Target", "Other.Operation")
			return body
		},
		"token added": func(r *http.Request, body []byte) []byte {
			r.Header.Set("X-Amz-Security-Token", "other")
			return body
		},
		"other x-amz": func(r *http.Request, body []byte) []byte { r.Header.Set("X-Amz-Other", "1"); return body },
	}

	for _, g := range readGolden(t) {
		v := g.verifier()
		r, body, err := readRequest(g.raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(r, body, g.Service); err != nil {
			t.Fatal(err)
		}

		for name, mutate := range mutations {
			r, body, err := readRequest(g.raw)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(r, mutate(r, body), g.Service); err == nil {
				t.Errorf("%s: verifies with another %s", g.File, name)
			}
		}

		// every signed header, changed and removed
		s, err := parseStatedSignature(r)
		if err != nil {
			t.Fatal(err)
		}

		for _, name := range s.signedHeaders {
			if name == "host" || name == "content-length" {
				continue
			}

			for _, change := range []func(http.Header){
				func(h http.Header) { h.Set(name, h.Get(name)+"x") },
				func(h http.Header) { h.Del(name) },
			} {
				r, body, err := readRequest(g.raw)
				if err != nil {
					t.Fatal(err)
				}
				change(r.Header)
				if _, err := v.Verify(r, body, g.Service); err == nil {
					t.Errorf("%s: verifies with header %s = %q", g.File, name, r.Header.Get(name))
				}
			}
		}

		for _, service := range []string{"cognito-identity", "sts"} {
			if service != g.Service {
				r, body, err := readRequest(g.raw)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := v.Verify(r, body, service); err == nil {
					t.Errorf("%s: verifies for %s", g.File, service)
				}
			}
		}
	}
}

func (g goldenRequest) String() string { return fmt.Sprintf("%s %s", g.Client, g.Call) }
