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
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/iam"
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
				s.config.Logger.Warn(fmt.Sprintf(setting, name)+": no answer now; logins with ServerSideTokenCheck wait for it", "error", err)
			}
		})
	}
	group.Wait()
	return errors.Join(faults...)
}

// eventSources finds the provider that a receiver's path names: an OpenID Connect
// provider of the home account, whether the settings or the IAM API made it, or
// a user pool that the settings let tell something. Every other key is unknown.
// Marks hold in the pools of all accounts, so other accounts' providers, which
// may name any issuer and client, do not count.
type eventSources struct {
	pools     *cognitoidentity.Service
	directory *iam.Directory
	config    *Config
}

// registered returns the ARN of the OpenID Connect provider with a Logins key;
// "" when there is none.
func (e *eventSources) registered(ctx context.Context, key string) (string, error) {
	arn := iam.OIDCProviderARN(identitypool.Partition(e.config.region()), identitypool.AccountID(e.config.Account), "://"+key)
	if _, _, _, formed := identitypool.ParseProviderARN(arn); !formed {
		return "", nil
	}
	_, err := e.directory.OIDCProvider(ctx, arn)
	if errors.Is(err, iam.ErrNotFound) {
		return "", nil
	}
	return arn, err
}

// name is the provider that a Logins key stands for. An OpenID Connect provider
// stands for itself, also where a user pool has the same issuer.
func (e *eventSources) name(ctx context.Context, key string) (string, error) {
	arn, err := e.registered(ctx, key)
	if arn != "" || err != nil {
		return key, err
	}
	return e.pools.ProviderName(key), nil
}

func (e *eventSources) find(ctx context.Context, key string) (signout.Provider, error) {
	name, err := e.name(ctx, key)
	if err != nil {
		return signout.Provider{}, err
	}
	settings := e.config.SignOut[name]
	c := identitypool.ProviderConfig{Name: name, Kind: identitypool.UserPoolProvider, ClientIDs: settings.Audiences}
	if arn, err := e.registered(ctx, name); err != nil {
		return signout.Provider{}, err
	} else if arn != "" {
		c.Kind, c.ARN = identitypool.OIDCProviderKind, arn
	} else if len(settings.Audiences) == 0 {
		return signout.Provider{}, signout.ErrUnknownProvider
	}
	trust, err := e.pools.ProviderTrust(ctx, c)
	if err != nil {
		return signout.Provider{}, err
	}
	trust.Audiences = slices.Concat(trust.Audiences, settings.Audiences)
	return signout.Provider{Name: name, Trust: trust, CredentialChange: settings.CredentialChange}, nil
}

// receivers are where providers tell of sign-outs.
func (s *Server) receivers(mux *http.ServeMux, api *awsapi.Service) {
	mux.Handle(backChannelPath, api.Wrap("BackChannelLogout", s.signOuts.BackChannelLogout()))
	mux.Handle(sharedSignalsPath, api.Wrap("SharedSignals", s.signOuts.SharedSignals()))
}
