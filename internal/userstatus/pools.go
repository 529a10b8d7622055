package userstatus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Names of the settings for asking user pools.
const (
	poolStatus   = "user_pools (%s).status"
	regionStatus = "user_pool_regions.%s.status"
)

// Settings are the settings for asking user pools.
type Settings struct {
	ByProvider map[string]Config // by Logins key
	ByRegion   map[string]Config // for the other pools of a region
}

// Validate returns every fault of the settings.
func (s Settings) Validate() error {
	atAWS := func(name string) bool {
		_, is := identitypool.ParseUserPool(name)
		return is
	}

	return errors.Join(
		validate(poolStatus, s.ByProvider, atAWS),
		validate(regionStatus, s.ByRegion, func(string) bool { return true }),
	)
}

func validate(setting string, configs map[string]Config, atAWS func(name string) bool) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		c := configs[name]
		err := c.Validate()
		if err == nil && c.Check == AdminGetUser && c.Endpoint == "" && !atAWS(name) {
			err = errors.New("endpoint is missing: this user pool is not at AWS")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf(setting+": %w", name, err))
		}
	}

	return errors.Join(faults...)
}

// Pools returns the checkers of the settings. It sends no request.
func (s Settings) Pools(o Options) (Pools, error) {
	if err := s.Validate(); err != nil {
		return Pools{}, err
	}

	byProvider, err := checkers(s.ByProvider, o)
	byRegion, err2 := checkers(s.ByRegion, o)
	return Pools{ByProvider: byProvider, ByRegion: byRegion, Local: o.Local}, errors.Join(err, err2)
}

func checkers(configs map[string]Config, o Options) (map[string]Checker, error) {
	var faults []error
	list := map[string]Checker{}
	for name, c := range configs {
		checker, err := New(c, o)
		faults = append(faults, err)
		list[name] = checker
	}

	return list, errors.Join(faults...)
}

// SelfTest tests all checkers at the same time. It returns an error for a user pool whose
// answer shows that the settings can never work. It only logs a pool that does not answer,
// which may answer later.
func (p Pools) SelfTest(ctx context.Context, logger *slog.Logger) error {
	return errors.Join(
		testOnce(ctx, poolStatus, p.ByProvider, logger),
		testOnce(ctx, regionStatus, p.ByRegion, logger),
	)
}

func testOnce(ctx context.Context, setting string, checkers map[string]Checker, logger *slog.Logger) error {
	names := slices.Sorted(maps.Keys(checkers))
	faults := make([]error, len(names))

	var group sync.WaitGroup
	for n, name := range names {
		group.Go(func() {
			err := SelfTest(ctx, checkers[name])
			if wrong, ok := errors.AsType[*Misconfigured](err); ok {
				faults[n] = fmt.Errorf(setting+": %w. %s", name, err, wrong.Fix)
			} else if err != nil {
				logger.Warn("a user pool does not answer now; logins with ServerSideTokenCheck wait for it",
					"setting", fmt.Sprintf(setting, name), "error", err)
			}
		})
	}
	group.Wait()

	return errors.Join(faults...)
}

// Pools finds the Checker of a user pool.
type Pools struct {
	ByProvider map[string]Checker // by Logins key
	ByRegion   map[string]Checker // for the other pools of a region, which the host in their names shows
	Local      Local              // for the user pools of this server; nil = it has none
}

// Local knows what has become of sign-ins at the user pools of this server.
type Local interface {
	// IsLocal reports whether a user pool is one of this server.
	IsLocal(provider string) bool
	// Standing is asked about user pools that are, or were, here. It returns identitypool.NotHere if
	// the settings name the user pool.
	Standing(s identitypool.SignIn) identitypool.Standing
}

// Check asks the user pool of u.Provider: by the settings of this user pool, else in this process
// if it is here, else by the settings of its region. If there are no settings for asking the pool, the
// user is refused: the pool's owner requires the check.
func (p Pools) Check(ctx context.Context, u User) error {
	c, known := p.ByProvider[u.Provider]
	if !known && p.Local != nil && p.Local.IsLocal(u.Provider) {
		return judgeStanding(ctx, u.Provider, p.Local.Standing(SignInOf(u)))
	}
	if !known {
		if pool, atAWS := identitypool.ParseUserPool(u.Provider); atAWS {
			c, known = p.ByRegion[pool.Region]
		}
	}
	if !known {
		return refuse(ctx, unknownWay.With("pool", u.Provider).At(explain.Setting("user_pools")))
	}

	return c.Check(ctx, u)
}
