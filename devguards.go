package poolhouse

import (
	"errors"
	"net/http"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpage"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// devGuards protect a development server.
type devGuards struct {
	browsers *awsapi.BrowserGuard // from pages of other origins that a developer visits
	control  *awsapi.ControlGuard // the control API from other machines
}

// devGuards returns the guards of the settings. Its error has all faults.
func (c *Config) devGuards() (devGuards, error) {
	browsers, fault := awsapi.NewBrowserGuard(awsapi.BrowserGuardOptions{
		URLs:        []string{c.IssuerURL},
		Hosts:       c.DevHosts,
		Origins:     c.DevOrigins,
		Navigations: append(devissuer.Navigations(), issuer.AuthorizePath),
		Pages:       []string{"/"},
		Frames:      devissuer.IsSilent,
		CallsByGet:  awsapi.CallsByGet,
	})
	control, err := awsapi.NewControlGuard(awsapi.ControlGuardOptions{
		Prefix:      devissuer.ControlPrefix,
		Token:       c.DevControlToken,
		BehindProxy: c.BehindProxy,
	})

	return devGuards{browsers: browsers, control: control}, errors.Join(fault, err)
}

// guarded puts the guards before next; in production there are none.
func (d *development) guarded(api *awsapi.Service, next http.Handler) http.Handler {
	if d == nil {
		return next
	}
	return api.Guard(d.guards.browsers.Check, api.Guard(d.guards.control.Check, next))
}

// withPage answers browsers at / with the page, and all others with next; in production everybody.
func (d *development) withPage(next http.Handler) http.Handler {
	if d == nil {
		return next
	}
	page := d.guardPage(d.page)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if devpage.Wants(r) {
			page.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// withUserPools answers requests for the documents of user pools, and all others with next; in production
// everybody. A pattern of the mux for all pools would collide with others.
func (d *development) withUserPools(next http.Handler) http.Handler {
	if d == nil {
		return next
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.userPools.Publishes(r) {
			d.userPools.Publish(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// guardPage puts the guard of the control API before a page, which shows users and calls, or lets
// anybody sign in.
func (d *development) guardPage(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if denial := d.guards.control.CheckPage(r); denial == nil {
			page.ServeHTTP(w, r)
		} else if denial.Challenge != "" {
			w.Header().Set("WWW-Authenticate", denial.Challenge)
			plain(w, http.StatusUnauthorized, pageRefusal)
		} else {
			plain(w, http.StatusForbidden, pageRefusal)
		}
	})
}

// pageRefusal is for people at a browser.
const pageRefusal = `This page shows the users of a development server, or signs people in. Other machines may
not see it.

Open it in a browser on the machine that the server runs on, by a loopback address such as 127.0.0.1.
From another machine, forward a port: ssh -L 4599:127.0.0.1:4599 HOST
For a server in a container, start it with dev.control_token. The browser then asks for a name, which
may be any, and a password, which is the token.

The APIs are open to other machines as before.
`
