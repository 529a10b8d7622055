package poolhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// Paths on which providers tell of sign-outs: the Logins key of the provider
// follows, escaped as one segment or, where a proxy undoes that, as it is.
const (
	backChannelPath   = "POST /backchannel-logout/{" + signout.ProviderPath + "...}"
	sharedSignalsPath = "POST /shared-signals/{" + signout.ProviderPath + "...}"
)

// Names of the settings that say how user pools are asked.
const (
	poolStatus   = "user_pools (%s).status"
	regionStatus = "user_pool_regions.%s.status"
)

// userStatus makes what asks user pools, from the settings.
func (s *Server) userStatus(ctx context.Context) (userstatus.Pools, error) {
	pools, err := s.config.statusCheckers(s.logins)
	if err != nil {
		return pools, err
	}
	return pools, errors.Join(s.askOnce(ctx, poolStatus, pools.ByProvider), s.askOnce(ctx, regionStatus, pools.ByRegion))
}

// statusCheckers makes the checkers of the settings. It asks nobody.
func (c *Config) statusCheckers(asker *login.Verifier) (userstatus.Pools, error) {
	var faults []error
	make := func(setting string, configs map[string]UserStatusConfig, atAWS func(string) bool) map[string]userstatus.Checker {
		checkers := map[string]userstatus.Checker{}
		for _, name := range slices.Sorted(maps.Keys(configs)) {
			checker, err := userstatus.New(configs[name], userstatus.Options{Asker: asker, Now: c.Now})
			if u := configs[name]; err == nil && u.Check == userstatus.AdminGetUser && u.Endpoint == "" && !atAWS(name) {
				err = errors.New("endpoint is missing: this user pool is not at AWS")
			}
			if err != nil {
				faults = append(faults, fmt.Errorf(setting+": %w", name, err))
			}
			checkers[name] = checker
		}
		return checkers
	}
	pools := userstatus.Pools{
		ByProvider: make(poolStatus, c.UserStatus, func(name string) bool { _, atAWS := identitypool.ParseUserPool(name); return atAWS }),
		ByRegion:   make(regionStatus, c.UserStatusRegions, func(string) bool { return true }),
	}
	return pools, errors.Join(faults...)
}

// askOnce tests each checker, all at once. What answers that it will never do
// is an error; what does not answer may do so later.
func (s *Server) askOnce(ctx context.Context, setting string, checkers map[string]userstatus.Checker) error {
	names := slices.Sorted(maps.Keys(checkers))
	faults := make([]error, len(names))
	var group sync.WaitGroup
	for n, name := range names {
		group.Go(func() {
			err := userstatus.SelfTest(ctx, checkers[name])
			if wrong, ok := errors.AsType[*userstatus.Misconfigured](err); ok {
				faults[n] = fmt.Errorf(setting+": %w. %s", name, err, wrong.Fix)
			} else if err != nil {
				s.config.Logger.Warn("a user pool does not answer now; logins with ServerSideTokenCheck wait for it",
					"setting", fmt.Sprintf(setting, name), "error", err)
			}
		})
	}
	group.Wait()
	return errors.Join(faults...)
}

// receivers are where providers tell of sign-outs.
func (s *Server) receivers(mux *http.ServeMux, api *awsapi.Service) {
	mux.Handle(backChannelPath, api.Wrap("BackChannelLogout", s.signOuts.BackChannelLogout()))
	mux.Handle(sharedSignalsPath, api.Wrap("SharedSignals", s.signOuts.SharedSignals()))
}
