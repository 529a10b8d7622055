package devissuer_test

import (
	"net/url"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/devissuer"
)

// An answer adds its parameters to a redirect URI that has none of them: a client that found two could take
// the wrong one.
func TestParametersOfRedirects(t *testing.T) {
	w := newWorld(t, "")
	for query, want := range map[string]int{
		"code=x": 400, "state=x": 400, "iss=x": 400, "error=x": 400, "error_description=x": 400, "%63ode=x": 400,
		"a=b&code": 400, "a=b;code=x": 400, "a=%zz&code=x": 400, "a=b": 200, "Code=x": 200, "": 200,
	} {
		if answer := w.send("GET", "/authorize", asked("redirect_uri", callback+"?"+query)); answer.Code != want {
			t.Errorf("%s: %d %s", query, answer.Code, answer.Body)
		}

		described := devissuer.Client{ID: "shop", RedirectURIs: []string{callback + "?" + query}}
		if err := described.Check(); (err == nil) != (want == 200) {
			t.Errorf("%s in a seed: %v", query, err)
		}
	}

	for query, want := range map[string]int{"state=x": 400, "a=b&st%61te=x": 400, "code=x": 303, "a=b": 303} {
		form := url.Values{
			"client_id": {"shop"}, "post_logout_redirect_uri": {callback + "?" + query}, "state": {"s"},
		}
		if answer := w.send("GET", "/end_session", form); answer.Code != want {
			t.Errorf("logout, %s: %d %s", query, answer.Code, answer.Body)
		}

		described := devissuer.Client{ID: "shop", PostLogoutRedirectURIs: []string{callback + "?" + query}}
		if err := described.Check(); (err == nil) != (want == 303) {
			t.Errorf("logout, %s in a seed: %v", query, err)
		}
	}
}
