package clilogin

import (
	"net/http"
	"net/url"
)

const formType = "application/x-www-form-urlencoded"

// formOf returns a form of pairs of name and value.
func formOf(pairs ...string) url.Values {
	form := url.Values{}
	for n := 0; n+1 < len(pairs); n += 2 {
		form.Set(pairs[n], pairs[n+1])
	}
	return form
}

// basicAuth authenticates a client (RFC 6749, section 2.3.1: both parts are encoded as in a form).
func basicAuth(r *http.Request, client, secret string) {
	r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
}
