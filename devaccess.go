package poolhouse

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/console"
	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devclock"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpage"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

var errNoDevelopment = errors.New("this is no development server")

// DevInfo returns what clients of a development server need; false for other servers.
func (s *Server) DevInfo() (DevInfo, bool) {
	if s.dev == nil {
		return DevInfo{}, false
	}
	return s.latest().dev.endpoints.Info, true
}

// DevRoutes lists the requests of the control API of a development server, as patterns of http.ServeMux with their
// methods; nil for other servers.
func (s *Server) DevRoutes() []string {
	if s.dev == nil {
		return nil
	}
	return devapi.Patterns(s.latest().dev.control)
}

// DevUsers returns the users whom the development issuer vouches for by name; nil for other servers.
func (s *Server) DevUsers() *devuser.Store {
	if s.dev == nil {
		return nil
	}
	return s.latest().dev.endpoints.Users
}

// DevClients returns the clients of the development issuer that seeds describe; nil for other servers.
func (s *Server) DevClients() *devissuer.Clients {
	if s.dev == nil {
		return nil
	}
	return s.latest().dev.endpoints.Clients
}

// DevToken returns an ID token of the development issuer, as a request to DevTokenPath does. It fails for
// other servers.
func (s *Server) DevToken(ctx context.Context, r DevTokenRequest) (string, error) {
	if s.dev == nil {
		return "", errNoDevelopment
	}
	return s.latest().dev.endpoints.Mint(ctx, r)
}

// DevSAML returns a response of the SAML provider of a development server, as a request to DevSAMLPath does. It
// fails for other servers.
func (s *Server) DevSAML(r DevSAMLRequest) (DevSAMLResponse, error) {
	if s.dev == nil {
		return DevSAMLResponse{}, errNoDevelopment
	}
	s = s.latest()

	return s.devSAML(s.dev, r)
}

// DevRotateKey gives the development issuer a new key, as a request to DevRotatePath does. It fails for other
// servers.
func (s *Server) DevRotateKey(ctx context.Context) error {
	if s.dev == nil {
		return errNoDevelopment
	}
	_, err := s.latest().dev.endpoints.Issuer.Rotate(ctx)

	return err
}

// DevPools returns at most limit pools of a development server's account and region, in the order of
// their IDs. It fails for other servers.
func (s *Server) DevPools(ctx context.Context, limit int) ([]DevPool, error) {
	if s.dev == nil {
		return nil, errNoDevelopment
	}
	s = s.latest()
	pools, err := s.store.ListPools(ctx, identitypool.AccountID(s.config.Account), s.config.region(), "", limit)
	if err != nil {
		return nil, err
	}

	info := s.dev.endpoints.Info
	list := make([]DevPool, len(pools)) // not nil: its JSON is a list
	for i, pool := range pools {
		list[i] = devpool.Of(pool, info.OIDCProviderARN, info.LoginKey)
		list[i].UserPool = s.ownUserPool(pool)
	}

	return list, nil
}

// FormerDevIssuer returns the URL of the development issuer at the last start, if it was another one.
func (s *Server) FormerDevIssuer() string {
	if s.dev == nil {
		return ""
	}
	return s.latest().dev.endpoints.Issuer.Former
}

// DevUserPools returns at most limit user pools of the account and region of a development server.
func (s *Server) DevUserPools(limit int) []DevUserPool {
	if s.dev == nil {
		return nil
	}
	s = s.latest()

	return s.dev.userPools.Summaries(s.config.Account, s.config.region(), limit)
}

// ownUserPool returns the first user pool of a development server that an identity pool trusts; nil = none.
func (s *Server) ownUserPool(pool identitypool.Pool) *devpool.UserPool {
	for _, trusted := range pool.CognitoIdentityProviders {
		name, _ := identitypool.ParseUserPool(trusted.ProviderName)
		own, exists := s.dev.localUserPools.UserPool(name.ID)
		if exists && own.Name == trusted.ProviderName {
			return &devpool.UserPool{ID: name.ID, ClientID: trusted.ClientID}
		}
	}

	return nil
}

// isSeed reports whether a call is one of the server's own, by which it applies a seed.
func (d *development) isSeed(userAgent string) bool { return d != nil && userAgent == d.seedAgent }

// DevClock returns the clock of a development server, which may be moved and stopped; nil for other servers.
func (s *Server) DevClock() *devclock.Clock {
	if s.dev == nil {
		return nil
	}
	return s.dev.tools.clock
}

// DevFaults returns what makes calls, login providers and the database of a development server fail on request;
// nil for other servers.
func (s *Server) DevFaults() *devfault.Engine {
	if s.dev == nil {
		return nil
	}
	return s.dev.tools.faults
}

// DevCalls returns the newest calls of clients of a development server; nil for other servers.
func (s *Server) DevCalls() *devcalls.Calls {
	if s.dev == nil {
		return nil
	}
	return &s.dev.tools.calls
}

// DevReset makes a development server as it was after its first start: all its data is deleted, then
// Config.OnDevReset fills it again. The clock shows the machine's time, and there are no faults and no calls. The
// keys that sign tokens stay. Calls under way end first, and calls that come meanwhile wait. A second reset
// waits for the first. empty is for OnDevReset. Errors: ErrResetBusy, those of a start, and those of
// Config.OnDevReset. A server in memory is then as before, but for calls that waited because of a fault. One with a
// data folder may have lost its data: then Failed is closed.
func (s *Server) DevReset(ctx context.Context, empty bool) error {
	if s.dev == nil {
		return errNoDevelopment
	}
	_, err := s.dev.tools.reset(ctx, empty)

	return err
}

// devGuards protect a development server.
type devGuards struct {
	browsers *awsapi.BrowserGuard // from pages of other origins that a developer visits
	control  *awsapi.ControlGuard // the control API from other machines
}

// devGuards returns the guards of the settings. Its error has all faults.
func (c *Config) devGuards() (devGuards, error) {
	pages := []string{"/"}
	if c.Console {
		pages = append(pages, console.Path, strings.TrimSuffix(console.Path, "/"))
	}

	browsers, fault := awsapi.NewBrowserGuard(awsapi.BrowserGuardOptions{
		URLs:        []string{c.IssuerURL, c.DevConsoleURL},
		Hosts:       c.DevHosts,
		Origins:     c.DevOrigins,
		Navigations: append(devissuer.Navigations(), issuer.AuthorizePath),
		Pages:       pages,
		Frames:      devissuer.IsSilent,
		CallsByGet:  awsapi.CallsByGet,
	})
	control, err := awsapi.NewControlGuard(awsapi.ControlGuardOptions{
		Prefix:      devapi.Prefix,
		Token:       c.DevControlToken,
		BehindProxy: c.BehindProxy,
	})

	return devGuards{browsers: browsers, control: control}, errors.Join(fault, err)
}

// guarded puts the guards before next; in production there are none. What they refuse of the control API, they refuse
// in its form.
func (d *development) guarded(api *awsapi.Service, next http.Handler) http.Handler {
	if d == nil {
		return next
	}

	check := func(r *http.Request) *awsapi.Denial {
		denial := d.guards.browsers.Check(r)
		if denial == nil {
			denial = d.guards.control.Check(r)
		}
		if denial != nil {
			denial.Plain = d.guards.control.Guards(r.URL.Path)
		}

		return denial
	}

	return api.Guard(check, next)
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
