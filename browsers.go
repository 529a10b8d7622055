package poolhouse

import (
	"errors"
	"net/http"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

const originsSetting = "allowed_origins"

// checkOrigins reports faults of the settings about web pages.
func (c *Config) checkOrigins() error {
	_, origins := awsapi.ParseOrigins(originsSetting, c.AllowedOrigins)
	_, guard := c.devGuard()
	return errors.Join(origins, guard)
}

// originCheck refuses pages of origins that AllowedOrigins does not list. It is nil if any
// page may call, and in development, where a devGuard decides.
func (c *Config) originCheck() (func(*http.Request) *awsapi.Denial, error) {
	origins, err := awsapi.ParseOrigins(originsSetting, c.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	if c.Dev || len(c.AllowedOrigins) == 0 || origins.All() {
		return nil, nil
	}

	return func(r *http.Request) *awsapi.Denial {
		if origins.Allows(r) {
			return nil
		}
		return &awsapi.Denial{
			Message: "Pages of this origin may not call: the server's setting " + originsSetting + " does not list it.",
			Why:     awsapi.OriginUnlisted(originsSetting, strings.Join(r.Header["Origin"], ", ")),
		}
	}, nil
}

// devGuard refuses calls from pages of other origins that a developer visits.
func (c *Config) devGuard() (*awsapi.BrowserGuard, error) {
	return awsapi.NewBrowserGuard(awsapi.BrowserGuardOptions{
		URLs:        []string{c.IssuerURL},
		Hosts:       c.DevHosts,
		Origins:     c.DevOrigins,
		Navigations: []string{issuer.AuthorizePath},
		CallsByGet:  awsapi.CallsByGet,
	})
}

// guarded puts the devGuard before next, in development.
func (c *Config) guarded(api *awsapi.Service, next http.Handler) (http.Handler, error) {
	if !c.Dev {
		return next, nil
	}
	guard, err := c.devGuard()
	if err != nil {
		return nil, err
	}
	return api.Guard(func(r *http.Request) *awsapi.Denial { return (*awsapi.Denial)(guard.Check(r)) }, next), nil
}
