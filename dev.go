package poolhouse

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpage"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/devuserpool"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// Files of Config.DataDir that only `poolhouse dev` writes: DevIssuerKeyFile has the key of the
// development issuer, DevUsersFile the users that it vouches for by name, and DevSignInsFile who is
// signed in to what. The folder DevUserPoolsFolder has the user pools with their users and keys.
const (
	DevIssuerKeyFile   = devissuer.KeyFile
	DevUsersFile       = devuser.File
	DevSignInsFile     = devissuer.GrantsFile
	DevUserPoolsFolder = devuserpool.Folder
)

// Paths of the control API of a development server. Config.DevControlToken guards them.
const (
	DevInfoPath   = devissuer.InfoPath
	DevTokenPath  = devissuer.TokenPath
	DevPoolsPath  = devissuer.PoolsPath
	DevRotatePath = devissuer.RotatePath
)

// MaxDevPools bounds the pools of a DevPoolsResponse.
const MaxDevPools = devissuer.MaxPools

type (
	// DevInfo is the answer of the endpoint DevInfoPath.
	DevInfo = devissuer.Info
	// DevTokenRequest is the body of a request to DevTokenPath.
	DevTokenRequest = devissuer.TokenRequest
	// DevTokenResponse is the answer of the endpoint DevTokenPath.
	DevTokenResponse = devissuer.TokenResponse
	// DevPoolsResponse is the answer of the endpoint DevPoolsPath.
	DevPoolsResponse = devissuer.PoolsResponse
	// DevPool is an identity pool as a developer needs it.
	DevPool = devpool.Pool
)

var errNoDevelopment = errors.New("this is no development server")

// development is what only a development server has. Server.dev is nil in production: all that is
// reachable for developers hangs on it.
type development struct {
	endpoints     *devissuer.Control
	guards        devGuards
	page          http.Handler
	logoutTokens  http.Handler // the receiver of logout tokens; wireRoutes sets it
	calls         devpage.Calls
	seedAgent     string                   // see Server.SeedUserAgent
	identityPools *cognitoidentity.Service // for seeds; wirePools sets it
	userPools     *devuserpool.Service
	codes         devuserpool.Codes // for the page

	devParts
}

// devParts are what the parts of development add to the server: its issuer, and whatever
// newDevelopment lists with it. Production has none.
type devParts struct {
	// apis are served beside AWS's, signed or public as their operations say.
	apis []awsapi.API
	// routes are handlers by their patterns for http.ServeMux. They are behind the guards, and have
	// neither CORS headers nor lines in the access log.
	routes map[string]http.Handler
	// oidcProviders are registered beside those of the settings.
	oidcProviders []OIDCProviderConfig
	// userPools and userPoolRegions locate user pools, by provider name and by region. Settings come first.
	userPools, userPoolRegions map[string]ProviderOverride
	// localUserPools are the server's own user pools. Those that the settings name come first.
	localUserPools provider.LocalUserPools
	// documents return what the server publishes itself, so that it verifies tokens without reaching
	// its own URL (outbound.Options.Own).
	documents []func(ctx context.Context, address string) (body []byte, own bool, err error)
	// closers are closed before the database.
	closers []io.Closer
}

// newDevelopment makes what only a development server has. The server has its store, keys and account
// by now. A further part of development adds its lines at the end; if it fails, return d with the
// error, so that Server.Close closes the parts before it.
func (s *Server) newDevelopment() (*development, error) {
	guards, err := s.config.devGuards()
	if err != nil {
		return nil, err
	}
	endpoints, err := s.devEndpoints()
	if err != nil {
		return nil, err
	}

	d := &development{endpoints: endpoints, guards: guards, seedAgent: "poolhouse-dev-seed/" + rand.Text()}
	d.page = devpage.New(devpage.Options{
		Info:    endpoints.Info,
		Version: s.config.Version,
		Data:    s.DataPlace(),
		Calls:   &d.calls,
		Logger:  s.config.Logger,
		Pools:   s.DevPools,
		Users:   endpoints.Users.List,

		UserPools: s.DevUserPools,
		Codes:     d.codes.Newest,
	})

	if endpoints.Provider, err = s.devProvider(d); err != nil {
		return nil, err
	}
	d.routes = endpoints.Routes()
	d.documents = append(d.documents, endpoints.Issuer.Document)
	d.oidcProviders = append(d.oidcProviders, OIDCProviderConfig{
		URL:           endpoints.Info.Issuer, // verified by discovery and published keys, like any other
		ClientIDs:     []string{DevAudience},
		AllowHTTP:     true,
		AllowPrivate:  true,
		Development:   true,
		MoreClientIDs: endpoints.Clients.IDs,
	})

	return d, s.addUserPools(d)
}

// devEndpoints returns the endpoints of a development server. Their issuer keeps its key and its
// users in the data folder.
func (s *Server) devEndpoints() (*devissuer.Control, error) {
	c := &s.config
	keyFile, usersFile := "", ""
	if c.DataDir != "" {
		keyFile = filepath.Join(c.DataDir, DevIssuerKeyFile)
		usersFile = filepath.Join(c.DataDir, DevUsersFile)

		// The store's lock keeps other servers away.
		if err := wholefile.RemoveTemporary(c.DataDir); err != nil {
			return nil, err
		}
	}
	users, err := devuser.Open(usersFile)
	if err != nil {
		return nil, err
	}

	endpoints, err := devissuer.NewControl(DevInfo{
		Endpoint:        cmp.Or(c.DevEndpoint, c.IssuerURL),
		Region:          c.region(),
		AccountID:       c.Account,
		AccessKeyID:     DevAccessKeyID,
		SecretAccessKey: DevSecretAccessKey,
		Audience:        DevAudience,
	}, c.IssuerURL, keyFile, users, c.Now)
	if err != nil {
		return nil, err
	}
	endpoints.Pools = s.DevPools

	if former := endpoints.Issuer.Former; former != "" {
		c.Logger.Warn("the development issuer has another name than at the last start: its users get new "+
			"identities, and pools that name the former provider refuse its tokens",
			"former", former, "now", endpoints.Issuer.URL,
			"fix", "to keep the former name, start with --issuer-url "+strings.TrimSuffix(former, devissuer.Path))
	}

	return endpoints, nil
}

// devProvider returns the OpenID Connect provider around the development issuer.
func (s *Server) devProvider(d *development) (*devissuer.Provider, error) {
	c := &s.config
	grantsFile := ""
	if c.DataDir != "" {
		grantsFile = filepath.Join(c.DataDir, DevSignInsFile)
	}
	clients := d.endpoints.Clients

	return devissuer.NewProvider(devissuer.ProviderOptions{
		Issuer:       d.endpoints.Issuer,
		Users:        d.endpoints.Users,
		Clients:      clients,
		GrantsFile:   grantsFile,
		AllowsOrigin: d.guards.browsers.Allows,
		GuardPage:    d.guardPage,
		Trusted: func(id string) bool {
			return id == DevAudience || slices.Contains(clients.IDs(), id)
		},
		Receiver: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.logoutTokens.ServeHTTP(w, r) }),
		Now:      c.Now,
		Logger:   c.Logger,
	})
}

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
		CallsByGet:  awsapi.CallsByGet,
	})
	control, err := awsapi.NewControlGuard(awsapi.ControlGuardOptions{
		Prefix:      devissuer.ControlPrefix,
		Token:       c.DevControlToken,
		BehindProxy: c.BehindProxy,
	})

	return devGuards{browsers: browsers, control: control}, errors.Join(fault, err)
}

// added returns what the parts of development add; nothing in production.
func (d *development) added() devParts {
	if d == nil {
		return devParts{}
	}
	return d.devParts
}

// guarded puts the guards before next; in production there are none.
func (d *development) guarded(api *awsapi.Service, next http.Handler) http.Handler {
	if d == nil {
		return next
	}
	return api.Guard(d.guards.browsers.Check, api.Guard(d.guards.control.Check, next))
}

// withPage answers browsers at / with the page, requests for the documents of user pools with those, and
// all others with next; in production everybody.
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
		if d.userPools.Publishes(r) { // a pattern of the mux for all pools would collide with others
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

// document returns what the server publishes at an address (outbound.Options.Own).
func (p devParts) document(ctx context.Context, address string) (body []byte, own bool, err error) {
	for _, document := range p.documents {
		if body, own, err = document(ctx, address); own {
			break
		}
	}

	return body, own, err
}

// close closes what the parts of development have opened.
func (p devParts) close() error {
	var errs []error
	for _, c := range p.closers {
		errs = append(errs, c.Close())
	}

	return errors.Join(errs...)
}

// beside returns the settings' overrides and, for other keys, those of development.
func beside(settings, added map[string]ProviderOverride) map[string]ProviderOverride {
	all := map[string]ProviderOverride{}
	maps.Copy(all, added)
	maps.Copy(all, settings)

	return all
}

// isSeed reports whether a call is one of the server's own, by which it applies a seed.
func (d *development) isSeed(userAgent string) bool { return d != nil && userAgent == d.seedAgent }

// observe remembers an answered request for the page, if a client called an API.
func (d *development) observe(r *awsapi.Record) {
	if d == nil || r.Operation == "" || r.Service == "" || d.isSeed(r.UserAgent) {
		return
	}

	d.calls.Add(devpage.Call{
		RequestID: r.RequestID,
		Start:     r.Start,
		Duration:  r.Duration,
		Service:   r.Service,
		Operation: r.Operation,
		Pool:      r.Pool,
		Status:    r.Status,
		Outcome:   r.Code,
	})
}

// explain remembers for the page why a call was refused.
func (d *development) explain(t Trace) {
	if d != nil && t.Operation != "" {
		d.calls.Explain(t.RequestID, t.Message, t.Steps, t.Planned)
	}
}

// DevInfo returns what clients of a development server need; false for other servers.
func (s *Server) DevInfo() (DevInfo, bool) {
	if s.dev == nil {
		return DevInfo{}, false
	}
	return s.dev.endpoints.Info, true
}

// DevUsers returns the users whom the development issuer vouches for by name; nil for other servers.
func (s *Server) DevUsers() *devuser.Store {
	if s.dev == nil {
		return nil
	}
	return s.dev.endpoints.Users
}

// DevClients returns the clients of the development issuer that seeds describe; nil for other servers.
func (s *Server) DevClients() *devissuer.Clients {
	if s.dev == nil {
		return nil
	}
	return s.dev.endpoints.Clients
}

// DevPools returns at most limit pools of a development server's account and region, in the order of
// their IDs. It fails for other servers.
func (s *Server) DevPools(ctx context.Context, limit int) ([]DevPool, error) {
	if s.dev == nil {
		return nil, errNoDevelopment
	}
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
	return s.dev.endpoints.Issuer.Former
}

// SeedUserAgent returns the user agent of the calls by which a development server applies its own
// seeds. They are no calls of clients: neither the page nor the terminal shows them. No client can
// guess it. It is empty for other servers.
func (s *Server) SeedUserAgent() string {
	if s.dev == nil {
		return ""
	}
	return s.dev.seedAgent
}

// SeedIdentities makes identities of a development server.
// See cognitoidentity.Service.SeedIdentities.
func (s *Server) SeedIdentities(ctx context.Context, seeded []cognitoidentity.SeededIdentity) error {
	if s.dev == nil {
		return errNoDevelopment
	}
	return s.dev.identityPools.SeedIdentities(ctx, seeded)
}

// CheckSeededIdentities checks identities of a development server before their pools are made.
// See cognitoidentity.Service.CheckSeededIdentities.
func (s *Server) CheckSeededIdentities(
	ctx context.Context, seeded []cognitoidentity.SeededIdentity, f cognitoidentity.Foreseen,
) error {
	if s.dev == nil {
		return errNoDevelopment
	}
	return s.dev.identityPools.CheckSeededIdentities(ctx, seeded, f)
}
