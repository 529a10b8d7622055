package clilogin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// Answers without a code end the sign-in with an error.
func TestDeviceAnswers(t *testing.T) {
	for body, want := range map[string]string{
		"null":                      "without a code",
		"[]":                        "without a code",
		`{"device_code":"d"}`:       "without a code",
		`{"error":"access_denied"}`: "without a code",
		`{"device_code":"d","user_code":"\u001b[2J","verification_uri":"https://a.example"}`: "without a code",
		`{"device_code":"d","user_code":"A","verification_uri":"http://a.example"}`:          "the page",
	} {
		r := newIssuerRig(t)
		r.profile.Flow = FlowDevice
		r.answerAt("/device", http.StatusOK, body)
		err := r.Login(t.Context(), r.profile, LoginOptions{})
		if !isUntrusted(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
	}

	r := newIssuerRig(t)
	r.profile.Flow = FlowDevice
	r.answerAt("/device", http.StatusBadRequest, `{"error":"unauthorized_client"}`)
	refused, is := errors.AsType[*RefusedError](r.Login(t.Context(), r.profile, LoginOptions{}))
	if !is || refused.Code != "unauthorized_client" {
		t.Errorf("refused: %v", refused)
	}
}

// A code that nobody types ends with the time of the issuer.
func TestNobodyTypes(t *testing.T) {
	t.Parallel()
	r := newIssuerRig(t)
	device := deviceAnswer{DeviceCode: "d", UserCode: "A", Page: r.issuer.URL, Lifetime: 1, Interval: 3600}
	r.issuer.intercept = func(w http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path == "/device" {
			r.issuer.write(w, map[string]any{
				"device_code": device.DeviceCode, "user_code": device.UserCode, "verification_url": device.Page,
				"expires_in": device.Lifetime, "interval": device.Interval,
			})
		}
		return q.URL.Path == "/device"
	}
	r.profile.Flow = FlowDevice

	if err := r.Login(t.Context(), r.profile, LoginOptions{}); !errors.Is(err, errWaited) {
		t.Errorf("the error is %v", err)
	}
}

// One connection that is lost does not end the wait for a person.
func TestDeviceLostConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var lost atomic.Bool
	r.issuer.intercept = func(w http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path != "/token" || lost.Swap(true) {
			return false
		}
		panic(http.ErrAbortHandler) // the connection ends
	}
	r.profile.Flow = FlowDevice
	r.login()

	if !lost.Load() || r.kept().Subject != "alice" {
		t.Errorf("lost: %t, the subject is %q", lost.Load(), r.kept().Subject)
	}
}

// Browsers leave port 80 out of Host.
func TestCallbackAtPort80(t *testing.T) {
	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:80": 200, "127.0.0.1:8080": 404, "localhost": 404, "evil.example": 404,
	} {
		waiter := &callbackWaiter{host: "127.0.0.1:80", state: "s", answered: make(chan callback, 1)}
		response := httptest.NewRecorder()
		address := "http://" + host + "/callback?state=s&code=c"
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		waiter.ServeHTTP(response, request)
		if response.Code != want {
			t.Errorf("%s: %d", host, response.Code)
		}
	}
}

// An issuer elsewhere cannot send requests to services of this machine.
func TestEndpointsOfThisMachine(t *testing.T) {
	document := func(issuer, token string) answering {
		text := `{"issuer":"` + issuer + `","token_endpoint":"` + token + `","jwks_uri":"` + issuer + `/k"}`
		return answering{200, text}
	}
	for _, test := range []struct {
		issuer, token string
		good          bool
	}{
		{"https://a.example", "https://b.example/t", true},
		{"https://a.example", "http://127.0.0.1:4898/admin/delete?all=1", false},
		{"https://a.example", "http://localhost/t", false},
		{"http://127.0.0.1:5000", "http://localhost:5000/t", true},
	} {
		c := New(Options{HTTP: document(test.issuer, test.token)})
		if _, err := c.discover(context.Background(), test.issuer); (err == nil) != test.good {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
