package poolhouse

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpage"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/forwardauth"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/metrics"
	"github.com/poolhouse-id/poolhouse/internal/signout"
)

// Paths to which providers send sign-outs. The provider's Logins key follows, escaped as one
// segment or, where a proxy undoes that, unescaped.
const (
	backChannelPath   = "POST /backchannel-logout/{" + signout.ProviderPath + "...}"
	sharedSignalsPath = "POST /shared-signals/{" + signout.ProviderPath + "...}"
)

// wireRoutes registers the APIs, forward auth and the rest under their paths.
func (s *Server) wireRoutes(api *awsapi.Service, checks *forwardauth.Handler) error {
	c := &s.config
	page, err := s.page()
	if err != nil {
		return err
	}
	routes, err := c.guarded(api, s.routes(api, page))
	if err != nil {
		return err
	}
	if s.apart, err = c.guarded(api, s.metricsRoutes()); err != nil {
		return err
	}

	// Not guarded: proxies send forward auth the Host and Origin of requests to other services. It
	// changes nothing, and answers only about the session.
	s.handler = withCheck(checks, api, routes)
	s.forward = s.forwardHandler(checks, api)

	return nil
}

// routes returns the server's routes. The APIs answer POST on any path, because clients put
// any path in their endpoint; all others are GETs.
func (s *Server) routes(api *awsapi.Service, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.withPage(page, api))
	mux.Handle("GET /.well-known/openid-configuration", api.Wrap("Discovery", s.issuer.DiscoveryHandler()))

	// AWS publishes its keys under jwks_uri; jwks.json is the path that others guess.
	mux.Handle("GET /.well-known/jwks_uri", api.Wrap("JWKS", s.issuer.JWKSHandler()))
	mux.Handle("GET /.well-known/jwks.json", api.Wrap("JWKS", s.issuer.JWKSHandler()))
	mux.Handle("GET /authorize", api.Wrap("Authorize", s.issuer.AuthorizeHandler()))

	s.health(mux)
	if s.config.MetricsApart {
		mux.Handle("GET /metrics", http.NotFoundHandler())
	} else {
		mux.Handle("GET /metrics", s.metrics.Handler())
	}

	s.receivers(mux, api)
	if s.dev != nil {
		s.dev.Register(mux)
	}

	// The mux redirects a path such as "//". Clients of the APIs do not follow redirects, and
	// a presigned URL would no longer be the signed one.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.URL.RawQuery == ""
		if page || isClean(r.URL.Path) {
			mux.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

const originsSetting = "allowed_origins"

// checkOrigins reports faults of the settings about web pages.
func (c *Config) checkOrigins() error {
	_, origins := awsapi.OriginCheck(originsSetting, c.AllowedOrigins)
	_, guard := c.devGuard()
	_, control := c.controlGuard()
	return errors.Join(origins, guard, control)
}

// devGuard refuses calls from pages of other origins that a developer visits.
func (c *Config) devGuard() (*awsapi.BrowserGuard, error) {
	return awsapi.NewBrowserGuard(awsapi.BrowserGuardOptions{
		URLs:        []string{c.IssuerURL},
		Hosts:       c.DevHosts,
		Origins:     c.DevOrigins,
		Navigations: append(devissuer.Navigations(), issuer.AuthorizePath),
		Pages:       []string{"/"},
		CallsByGet:  awsapi.CallsByGet,
	})
}

// controlGuard refuses calls of the control API from other machines.
func (c *Config) controlGuard() (*awsapi.ControlGuard, error) {
	return awsapi.NewControlGuard(awsapi.ControlGuardOptions{
		Prefix:      devissuer.ControlPrefix,
		Token:       c.DevControlToken,
		BehindProxy: c.BehindProxy,
	})
}

// guarded puts the guards of a development server before next.
func (c *Config) guarded(api *awsapi.Service, next http.Handler) (http.Handler, error) {
	if !c.Dev {
		return next, nil
	}
	guard, err := c.devGuard()
	if err != nil {
		return nil, err
	}
	control, err := c.controlGuard()
	if err != nil {
		return nil, err
	}

	return api.Guard(guard.Check, api.Guard(control.Check, next)), nil
}

// isClean reports whether a mux serves the path without a redirect.
func isClean(p string) bool {
	clean := path.Clean(p)
	return p == clean || clean != "/" && p == clean+"/"
}

// metricsRoutes returns the routes of a listener for metrics alone.
func (s *Server) metricsRoutes() http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	mux.Handle("GET /metrics", s.metrics.Handler())
	return mux
}

// receivers registers the endpoints that receive sign-outs from providers.
func (s *Server) receivers(mux *http.ServeMux, api *awsapi.Service) {
	mux.Handle(backChannelPath, api.Wrap("BackChannelLogout", s.signOuts.BackChannelLogout()))
	mux.Handle(sharedSignalsPath, api.Wrap("SharedSignals", s.signOuts.SharedSignals()))
}

// withCheck puts forward auth before everything else: its requests have the paths of
// other services, which the APIs' routes must not see.
func withCheck(h *forwardauth.Handler, api *awsapi.Service, rest http.Handler) http.Handler {
	if h == nil {
		return rest
	}

	wrapped := api.WrapInternal("Check", h)
	own, below := h.Path(), h.Path()+"/"

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := r.URL.EscapedPath()
		if target == own || h.Below() && len(target) >= len(below) && target[:len(below)] == below {
			wrapped.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// forwardHandler returns the handler of forwarded routes; nil if there are none.
func (s *Server) forwardHandler(h *forwardauth.Handler, api *awsapi.Service) http.Handler {
	if h == nil || h.Forwarder() == nil {
		return nil
	}
	wrapped := forwardauth.CutOff(api.WrapInternal("Forward", h.Forwarder()))

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		wrapped.ServeHTTP(w, r)
	})
}

// health registers the endpoints for probes.
func (s *Server) health(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
}

// readyTimeout bounds how long a readiness probe waits for the database. The bounds for calls
// are longer.
const readyTimeout = 2 * time.Second

// ready reports whether a write can become durable now or, with ?reads, whether reads are
// answered. The body names only the kind of fault, because anybody can ask; path and cause
// are in the log.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		plain(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}

	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()

	if r.URL.Query().Has("reads") {
		if err := s.store.Readable(ctx); err != nil {
			plain(w, http.StatusServiceUnavailable, metrics.Unanswered+"\n")
			return
		}
		plain(w, http.StatusOK, "ready for reads\n")
		return
	}

	err := s.store.Probe(ctx)
	if r.Context().Err() == nil { // otherwise the client has gone, which is no fault
		s.noteReadiness(err)
	}

	if err != nil {
		plain(w, http.StatusServiceUnavailable, metrics.Unready(err)+"\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

// noteReadiness logs a change of readiness, not every probe.
func (s *Server) noteReadiness(err error) {
	if err == nil {
		if s.unready.Swap(nil) != nil {
			s.config.Logger.Info("ready again")
		}
		return
	}

	reason := metrics.Unready(err)
	if before := s.unready.Swap(&reason); before == nil || *before != reason {
		s.config.Logger.Error("not ready", "reason", reason, "error", err, "data", cmp.Or(s.config.DataDir, "-"))
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // an error means that the client has gone
}

// devEndpoints returns the endpoints of a development server. Their issuer keeps its key and its
// users in the data folder.
func (s *Server) devEndpoints() (*devissuer.Control, error) {
	c := &s.config
	keyFile, usersFile := "", ""
	if c.DataDir != "" {
		keyFile = filepath.Join(c.DataDir, DevIssuerKeyFile)
		usersFile = filepath.Join(c.DataDir, DevUsersFile)
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
	endpoints.Pools = s.regionPools
	s.seedAgent = "poolhouse-dev-seed/" + rand.Text()

	if former := endpoints.Issuer.Former; former != "" {
		c.Logger.Warn("the development issuer has another name than at the last start: its users get new "+
			"identities, and pools that name the former provider refuse its tokens",
			"former", former, "now", endpoints.Issuer.URL,
			"fix", "to keep the former name, start with --issuer-url "+strings.TrimSuffix(former, devissuer.Path))
	}

	return endpoints, nil
}

// wireDevIssuer builds the OpenID Connect provider of a development server around its issuer.
func (s *Server) wireDevIssuer(api *awsapi.Service, directory *iam.Directory) error {
	if s.dev == nil {
		return nil
	}
	c := &s.config
	guard, err := c.devGuard()
	if err != nil {
		return err
	}
	guardPage, err := s.pageGuard()
	if err != nil {
		return err
	}

	grantsFile := ""
	if c.DataDir != "" {
		grantsFile = filepath.Join(c.DataDir, DevSignInsFile)
	}
	s.dev.Provider, err = devissuer.NewProvider(devissuer.ProviderOptions{
		Issuer:       s.dev.Issuer,
		Users:        s.dev.Users,
		Clients:      s.dev.Clients,
		GrantsFile:   grantsFile,
		AllowsOrigin: guard.Allows,
		GuardPage:    guardPage,
		Trusted: func(ctx context.Context, clientID string) bool {
			p, err := directory.OIDCProvider(ctx, s.dev.Info.OIDCProviderARN)
			return err == nil && slices.Contains(p.ClientIDs, clientID)
		},
		Receiver: api.Wrap("BackChannelLogout", s.signOuts.BackChannelLogout()),
		Now:      c.Now,
		Logger:   c.Logger,
	})

	return err
}

// regionPools returns at most limit pools of the server's account and region, in the order of their
// IDs.
func (s *Server) regionPools(ctx context.Context, limit int) ([]identitypool.Pool, error) {
	return s.store.ListPools(ctx, identitypool.AccountID(s.config.Account), s.config.region(), "", limit)
}

// ListDevPools returns the pools of a development server, at most a thousand, and none of other
// servers.
func (s *Server) ListDevPools(ctx context.Context) (DevPoolsResponse, error) {
	if s.dev == nil {
		return DevPoolsResponse{}, nil
	}
	return s.dev.ListPools(ctx)
}

// DevInfo returns what clients of a development server need; false for other servers.
func (s *Server) DevInfo() (DevInfo, bool) {
	if s.dev == nil {
		return DevInfo{}, false
	}
	return s.dev.Info, true
}

// withPage answers browsers at / with the page of development, and all others with next. A nil page is
// that of no development server.
func (s *Server) withPage(page, next http.Handler) http.Handler {
	if page == nil {
		return next
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if devpage.Wants(r) {
			page.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// page returns the page of development; nil for other servers. It shows users and calls, so it has the
// guard of the control API.
func (s *Server) page() (http.Handler, error) {
	if s.dev == nil {
		return nil, nil
	}
	c := &s.config
	guarded, err := s.pageGuard()
	if err != nil {
		return nil, err
	}

	return guarded(devpage.New(devpage.Options{
		Info:    s.dev.Info,
		Version: c.Version,
		Data:    s.DataPlace(),
		Calls:   s.calls,
		Logger:  c.Logger,
		Pools:   s.regionPools,
		Users:   s.dev.Users.List,
	})), nil
}

// pageGuard returns the guard of the control API for pages.
func (s *Server) pageGuard() (func(http.Handler) http.Handler, error) {
	guard, err := s.config.controlGuard()

	return func(page http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if denial := guard.CheckPage(r); denial == nil {
				page.ServeHTTP(w, r)
			} else if denial.Challenge != "" {
				w.Header().Set("WWW-Authenticate", denial.Challenge)
				plain(w, http.StatusUnauthorized, pageRefusal)
			} else {
				plain(w, http.StatusForbidden, pageRefusal)
			}
		})
	}, err
}

// pageRefusal is for people at a browser.
const pageRefusal = `This page shows the users of a development server, or lets anybody sign in. Other machines may not see it.

Open it in a browser on the machine that the server runs on, by a loopback address such as 127.0.0.1.
From another machine, forward a port: ssh -L 4599:127.0.0.1:4599 HOST
For a server in a container, start it with dev.control_token. The browser then asks for a name, which
may be any, and a password, which is the token.

The APIs are open to other machines as before.
`

// observe counts an answered request, and remembers it for the page of development.
func (s *Server) observe(r *awsapi.Record) {
	s.metrics.Observe(r)
	if s.calls == nil || r.Operation == "" || r.Service == "" || r.UserAgent == s.seedAgent {
		return // in production, or no call of a client to an API
	}

	s.calls.Add(devpage.Call{
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
