package poolhouse

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"path"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/console"
	"github.com/poolhouse-id/poolhouse/internal/forwardauth"
	"github.com/poolhouse-id/poolhouse/internal/metrics"
	"github.com/poolhouse-id/poolhouse/internal/signout"
)

// Paths to which providers send sign-outs. The provider's Logins key follows, escaped as one
// segment or, where a proxy undoes that, unescaped.
const (
	backChannelPrefix = "/backchannel-logout/"
	backChannelPath   = "POST " + backChannelPrefix + "{" + signout.ProviderPath + "...}"
	sharedSignalsPath = "POST /shared-signals/{" + signout.ProviderPath + "...}"
)

// ConsolePath is where a server has the console.
const ConsolePath = console.Path

// wireRoutes registers the APIs, forward auth and the rest under their paths.
func (s *Server) wireRoutes(api *awsapi.Service, checks *forwardauth.Handler) error {
	pages, err := s.consolePages()
	if err != nil {
		return err
	}
	s.apart = s.dev.guarded(api, s.metricsRoutes())

	// Forward auth is not guarded: proxies send it the Host and Origin of requests to other services.
	// It changes nothing, and answers only about the session.
	rest := s.routes(api)
	s.handler = withCheck(checks, api, s.dev.guarded(api, rest))
	s.forward = s.forwardHandler(checks, api)

	if pages != nil {
		withPages := withCheck(checks, api, console.Protect(s.dev.guarded(api, withConsole(pages, api, rest))))
		if s.config.ConsoleApart {
			s.console = withPages
		} else {
			s.handler = withPages
		}
	}

	return nil
}

// consolePages returns the handler of the console; nil if it is off.
func (s *Server) consolePages() (*console.Handler, error) {
	c := &s.config
	if !c.Console {
		return nil, nil
	}

	return console.New(console.Files(), console.Context{
		Development: c.Dev,
		Region:      c.region(),
		Account:     c.Account,
		Version:     c.Version,
		IdleSeconds: int(cmp.Or(c.ConsoleIdle, console.DefaultIdle).Seconds()),
		UserPools:   s.dev != nil,
	})
}

// withConsole answers requests for the console before the mux, which would redirect paths such as
// /console//x, and before the APIs, which take a POST at any path.
func withConsole(pages *console.Handler, api *awsapi.Service, rest http.Handler) http.Handler {
	wrapped := api.WrapInternal("Console", pages)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if console.Owns(r) {
			wrapped.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// routes returns the server's routes. The APIs answer POST on any path, because clients put
// any path in their endpoint; all others are GETs.
func (s *Server) routes(api *awsapi.Service) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.dev.withPage(s.dev.withUserPools(api)))
	mux.Handle("GET /.well-known/openid-configuration", api.Wrap("Discovery", s.issuer.DiscoveryHandler()))

	// AWS publishes its keys under jwks_uri; jwks.json is the path that others guess.
	mux.Handle("GET /.well-known/jwks_uri", api.Wrap("JWKS", s.issuer.JWKSHandler()))
	mux.Handle("GET /.well-known/jwks.json", api.Wrap("JWKS", s.issuer.JWKSHandler()))
	mux.Handle("GET /authorize", api.Wrap("Authorize", s.issuer.AuthorizeHandler()))

	s.webIdentities.Register(mux, api.Wrap)

	s.health(mux)
	if s.config.MetricsApart {
		mux.Handle("GET /metrics", http.NotFoundHandler())
	} else {
		mux.Handle("GET /metrics", s.metrics.Handler())
	}

	s.receivers(mux, api)

	for pattern, handler := range s.dev.added().routes {
		mux.Handle(pattern, handler)
	}

	// The mux redirects a path such as "//". Clients of the APIs do not follow redirects, and
	// a presigned URL would no longer be the signed one.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.URL.RawQuery == ""
		if reads || isClean(r.URL.Path) {
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
	_, guards := c.devGuards()
	return errors.Join(origins, guards)
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

// observe counts an answered request.
func (s *Server) observe(r *awsapi.Record) {
	s.metrics.Observe(r)
	if !s.dev.isSeed(r.UserAgent) {
		s.statistics.Observe(r)
	}
	s.dev.observe(r)
}
