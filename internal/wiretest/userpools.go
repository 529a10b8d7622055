package wiretest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// UserPoolAPI stands in for a user pool's AdminGetUser and a provider's introspection.
type UserPoolAPI struct {
	URL string

	mu     sync.Mutex
	answer string // of AdminGetUser, or an error's name after a !
	active string // body of introspection's answer
	asked  int
}

// NewUserPoolAPI starts the API.
func NewUserPoolAPI(t *testing.T) *UserPoolAPI {
	a := &UserPoolAPI{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		a.mu.Lock()
		defer a.mu.Unlock()

		a.asked++
		body := a.active
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("X-Amz-Target") == "AWSCognitoIdentityProviderService.AdminGetUser" {
			body = a.answer
			if name, failed := strings.CutPrefix(a.answer, "!"); failed {
				w.WriteHeader(http.StatusBadRequest)
				body = `{"__type":"` + name + `"}`
			}
		} else if strings.Contains(body, `"error"`) {
			w.WriteHeader(http.StatusBadRequest)
		}

		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(web.Close)
	a.URL = web.URL

	return a
}

// Says sets what AdminGetUser and introspection answer.
func (a *UserPoolAPI) Says(answer, active string) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.answer, a.active = answer, active
}

// Questions returns the number of requests to the API.
func (a *UserPoolAPI) Questions() int {
	a.mu.Lock()
	defer a.mu.Unlock()

	return a.asked
}
