package poolhouse

import (
	"net/http"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/forwardauth"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/revocation"
)

// Types of the settings of the check endpoint.
type (
	CheckConfig = forwardauth.Config
	CheckRoute  = forwardauth.Route
)

// revocations makes the list of revoked sessions.
func (s *Server) revocations(roles *iam.Directory) *revocation.List {
	return revocation.New(revocation.Options{Store: s.store, Roles: roles, AcceptUnknownRoles: s.config.AcceptUnknownRoles,
		SignOuts: s.config.SignOutEndsSessions, Now: s.config.Now, Logger: s.config.Logger})
}

// checkEndpoint makes the check endpoint of the settings; nil without.
func (s *Server) checkEndpoint(
	sessions *gate.Sessions, authorizer *iam.Authorizer, gate *gate.Gate,
) (*forwardauth.Handler, error) {
	c := s.config.Check
	if c == nil {
		return nil, nil
	}
	settings := *c
	if settings.Region == "" {
		settings.Region = s.config.region()
	}

	return forwardauth.New(forwardauth.Options{
		Config:      settings,
		Account:     s.config.Account,
		Sessions:    sessions,
		Authorizer:  authorizer,
		Owner:       gate.Owner,
		BehindProxy: s.config.BehindProxy,
		Now:         s.config.Now,
		Logger:      s.config.Logger,
	})
}

// withCheck puts the check endpoint before everything else: its requests carry
// paths of others, which the APIs' routes must not see.
func withCheck(h *forwardauth.Handler, api *awsapi.Service, rest http.Handler) http.Handler {
	if h == nil {
		return rest
	}
	wrapped := api.WrapInternal("Check", h)
	path, below := h.Path(), h.Path()+"/"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := r.URL.EscapedPath()
		if target == path || h.Below() && len(target) >= len(below) && target[:len(below)] == below {
			wrapped.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// forwardHandler is the listener's for the routes that are forwarded; nil without.
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
