package forwardauth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Forwarded requests are counted, and explained when they are refused, as all others
// are; paths of the server's own lead nowhere on their listener.
func TestForwardHandler(t *testing.T) {
	var arrived atomic.Int32
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		_, _ = io.WriteString(w, r.Header.Get(auth.HeaderIdentityID))
	}))
	t.Cleanup(service.Close)

	s := wiretest.Start(t, wiretest.Files, func(c *poolhouse.Config) {
		for n := range c.Check.Routes {
			c.Check.Routes[n].ForwardTo = service.URL
		}
	})
	front := httptest.NewServer(s.ForwardHandler())
	t.Cleanup(front.Close)

	s.FilesPool(t)
	alice := s.User(t, s.Logins(t, "alice"))
	call := func(path string) wiretest.Answer {
		r := alice.Signed(t, "PUT", front.URL+path, "hello", time.Now())
		return wiretest.Do(t, r)
	}

	got := call("/files/" + alice.ID + "/a")
	if got.Status != http.StatusOK || got.Body != alice.ID || got.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("own file: %+v", got)
	}

	for path, want := range map[string]string{
		"/files/bob/a": `"Check":"policies"`,
		"/check":       `"Check":"route"`,
		"/metrics":     `"Check":"route"`,
	} {
		got := call(path)
		explained := s.AdminCall(t, "Explain", `{"RequestId":"`+got.Header.Get("X-Amzn-Requestid")+`"}`)
		if got.Status != http.StatusForbidden || !strings.Contains(explained.Body, want) {
			t.Errorf("%s: %+v, explained as %s", path, got, explained.Body)
		}
	}

	// A changed body is told apart from another secret, no proxy is to blame, and the
	// message of the answer is kept.
	for name, test := range map[string]struct {
		change func(r *http.Request)
		tells  []string
	}{
		"another body": {
			func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("other")) },
			[]string{
				"hash-of-the-arrived-body-other", "The body is not the one that was signed.",
				"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", // hello
				"d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa", // other
			},
		},
		"another signature": {
			func(r *http.Request) {
				authorization := r.Header.Get("Authorization")
				r.Header.Set("Authorization", authorization[:len(authorization)-8]+"00000000")
			},
			[]string{"signature-of-the-request-mismatch", `"Detail":"PUT\n/`, "the secret is wrong"},
		},
	} {
		r := alice.Signed(t, "PUT", front.URL+"/files/"+alice.ID+"/a", "hello", time.Now())
		test.change(r)
		got := wiretest.Do(t, r)

		explained := s.AdminCall(t, "Explain", `{"RequestId":"`+got.Header.Get("X-Amzn-Requestid")+`"}`).Body
		for _, want := range test.tells {
			if !strings.Contains(explained, want) {
				t.Errorf("%s: no %q in %s", name, want, explained)
			}
		}
		if strings.Contains(explained, "proxy must pass") || strings.Contains(explained, `"Message":""`) {
			t.Errorf("%s: %s", name, explained)
		}
	}
	wiretest.Equal(t, "requests that arrived", arrived.Load(), 1)

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if metrics := wiretest.Do(t, r).Body; !strings.Contains(metrics, `"Forward"`) {
		t.Error("forwarded requests are not counted")
	}
	wiretest.Equal(t, "a handler without routes to forward",
		wiretest.Start(t, wiretest.Files).ForwardHandler() == nil, true)
}
