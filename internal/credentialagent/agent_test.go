package credentialagent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
)

const token = "the-token-of-this-agent"

var good = clilogin.Credentials{
	AccessKeyID: "ASIA1", SecretAccessKey: "secret", SessionToken: "session",
	Issued:  time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC),
	Expires: time.Date(2026, 12, 1, 13, 0, 0, 0, time.UTC),
}

func TestHandler(t *testing.T) {
	var failure error
	asked, told := 0, 0
	h := &Handler{
		Token:  token,
		Source: func(context.Context) (clilogin.Credentials, error) { asked++; return good, failure },
		Failed: func(error) { told++ },
	}

	for name, test := range map[string]struct {
		method, host, path string
		authorization      []string
		failure            error
		want               int
	}{
		"good":             {"GET", "127.0.0.1:80", Path, []string{token}, nil, 200},
		"good, IPv6":       {"GET", "[::1]:80", Path, []string{token}, nil, 200},
		"good, name":       {"GET", "localhost:80", Path, []string{token}, nil, 200},
		"good, no port":    {"GET", "[::1]", Path, []string{token}, nil, 200},
		"no token":         {"GET", "127.0.0.1", Path, nil, nil, 401},
		"empty token":      {"GET", "127.0.0.1", Path, []string{""}, nil, 401},
		"wrong token":      {"GET", "127.0.0.1", Path, []string{token + "x"}, nil, 401},
		"start of token":   {"GET", "127.0.0.1", Path, []string{token[:5]}, nil, 401},
		"bearer":           {"GET", "127.0.0.1", Path, []string{"Bearer " + token}, nil, 401},
		"two tokens":       {"GET", "127.0.0.1", Path, []string{token, token}, nil, 401},
		"another name":     {"GET", "evil.example", Path, []string{token}, nil, 403},
		"another address":  {"GET", "192.0.2.1", Path, []string{token}, nil, 403},
		"loopback in name": {"GET", "127.0.0.1.evil.example", Path, []string{token}, nil, 403},
		"POST":             {"POST", "127.0.0.1", Path, []string{token}, nil, 405},
		"another path":     {"GET", "127.0.0.1", "/", []string{token}, nil, 404},
		"signed out":       {"GET", "127.0.0.1", Path, []string{token}, &clilogin.SignInError{Profile: "a"}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			failure, asked, told = test.failure, 0, 0
			r := httptest.NewRequestWithContext(t.Context(), test.method, "http://"+test.host+test.path, nil)
			r.Header["Authorization"] = test.authorization
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)

			var got map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Errorf("%v: %s", err, w.Body)
			}
			if w.Code != test.want || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("status %d with %v", w.Code, w.Header())
			}
			if (test.want == 200) != (got["SecretAccessKey"] == "secret" && got["AccessKeyId"] == "ASIA1" &&
				got["Token"] == "session" && got["Expiration"] == "2026-12-01T13:00:00Z") {
				t.Errorf("the answer is %s", w.Body)
			}
			if (test.want != 200) != (got["code"] != "" && got["message"] != "") {
				t.Errorf("the error is %s", w.Body)
			}
			reached, failed := test.want == 200 || test.want == 503, test.want == 503
			if (asked == 1) != reached || (told == 1) != failed {
				t.Errorf("asked %d, told %d times", asked, told)
			}
		})
	}
}

// Without a token the endpoint gives nothing, rather than to everybody.
func TestNoToken(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1"+Path, nil)
	r.Header.Set("Authorization", "")
	w := httptest.NewRecorder()
	(&Handler{}).ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("status %d", w.Code)
	}
}

func TestListen(t *testing.T) {
	for address, good := range map[string]bool{
		"127.0.0.1:0": true, "127.9.9.9:0": true,
		"0.0.0.0:0": false, ":0": false, "[::]:0": false, "localhost:0": false, "192.0.2.1:0": false,
		"127.0.0.1": false,
	} {
		listener, err := Listen(address)
		if err == nil {
			_ = listener.Close()
		}
		if _, refused := errors.AsType[*NotLoopbackError](err); (err == nil) != good || refused == good {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// The file is replaced before its credentials expire, soon after a failure, and never in a tight loop.
func TestKeep(t *testing.T) {
	f := File{
		OwnFile: &OwnFile{Path: filepath.Join(t.TempDir(), "credentials"), Locks: t.TempDir()},
		Section: "default",
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	now := good.Issued
	var waits []time.Duration
	var failures []error
	calls := 0
	k := Keeper{
		File: f,
		Now:  func() time.Time { return now },
		Source: func(context.Context) (clilogin.Credentials, error) {
			calls++
			switch calls {
			case 2:
				return clilogin.Credentials{}, &clilogin.SignInError{Profile: "a"}
			case 3:
				return clilogin.Credentials{AccessKeyID: "ASIA2", SecretAccessKey: "s", SessionToken: "t",
					Issued: good.Issued, Expires: good.Issued.Add(time.Second)}, nil
			}
			return good, nil
		},
		After: func(d time.Duration) <-chan time.Time {
			waits = append(waits, d)
			next := make(chan time.Time, 1)
			if len(waits) == 3 {
				cancel()
			} else {
				next <- now
			}

			return next
		},
		Failed: func(err error) { failures = append(failures, err) },
	}
	k.Keep(ctx)

	if len(waits) != 3 || waits[0] != 40*time.Minute || waits[1] != retryWait || waits[2] != leastWait {
		t.Errorf("the waits were %v", waits)
	}
	if len(failures) != 1 {
		t.Errorf("told: %v", failures)
	}
	if text, err := os.ReadFile(f.Path); !strings.Contains(string(text), "ASIA2") {
		t.Errorf("the file has %s, %v", text, err)
	}
}
