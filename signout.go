package poolhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// Names of the settings that say how user pools are asked.
const (
	poolStatus   = "user_pools (%s).status"
	regionStatus = "user_pool_regions.%s.status"
)

// userStatus makes what asks user pools, from the settings.
func (s *Server) userStatus(ctx context.Context) (userstatus.Pools, error) {
	pools, err := s.config.statusCheckers(s.outbound)
	if err != nil {
		return pools, err
	}
	return pools, errors.Join(s.askOnce(ctx, poolStatus, pools.ByProvider), s.askOnce(ctx, regionStatus, pools.ByRegion))
}

// statusCheckers makes the checkers of the settings. It asks nobody.
func (c *Config) statusCheckers(asker *outbound.Client) (userstatus.Pools, error) {
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

// eventSources finds the provider that a receiver's path names: an OpenID Connect
// provider of any account, whether the settings or the IAM API made it, or a user
// pool that the settings let tell something. Every other key is unknown.
//
// What the home account's provider signs, or a user pool that the settings name,
// counts for all accounts that trust the provider. An event for a client that only
// other accounts have registered counts for these: they may name any issuer and
// client, and must not speak to others with it.
type eventSources struct {
	pools     *cognitoidentity.Service
	directory *iam.Directory
	config    *Config
}

// registered returns the ARN of an account's OpenID Connect provider with a Logins
// key; "" when there is none.
func (e *eventSources) registered(ctx context.Context, account identitypool.AccountID, key string) (string, error) {
	arn := iam.OIDCProviderARN(identitypool.Partition(e.config.region()), account, "://"+key)
	if _, _, _, formed := identitypool.ParseProviderARN(arn); !formed {
		return "", nil
	}

	_, err := e.directory.OIDCProvider(ctx, arn)
	if errors.Is(err, iam.ErrNotFound) {
		return "", nil
	}

	return arn, err
}

// Name is the provider that a Logins key stands for in an account. An OpenID
// Connect provider stands for itself, also where a user pool has the same issuer.
func (e *eventSources) Name(ctx context.Context, account identitypool.AccountID, key string) (string, error) {
	arn, err := e.registered(ctx, account, key)
	if arn != "" || err != nil {
		return key, err
	}

	return e.pools.ProviderName(key), nil
}

// Known reports whether a provider can vouch for anybody in one of the accounts: it
// is one that every account has, a user pool, or registered there.
func (e *eventSources) Known(ctx context.Context, accounts []identitypool.AccountID, name string) (bool, error) {
	if e.pools.EveryAccountHas(name) {
		return true, nil
	}
	everywhere := slices.Equal(accounts, signout.AllAccounts)

	owner, kind, _, isARN := identitypool.ParseProviderARN(name)
	if isARN && kind == identitypool.SAMLProvider {
		if !everywhere && !slices.Contains(accounts, owner) {
			return false, nil
		}
		_, err := e.directory.SAMLProvider(ctx, name)
		if errors.Is(err, iam.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}

	if everywhere {
		owners, err := e.directory.OIDCProviderAccounts(ctx, name)
		return len(owners) > 0, err
	}
	for _, account := range accounts {
		if arn, err := e.registered(ctx, account, name); arn != "" || err != nil {
			return arn != "", err
		}
	}
	return false, nil
}

// find returns the provider of a Logins key as the home account trusts it, and as
// the others do that have registered it.
func (e *eventSources) find(ctx context.Context, key string) ([]signout.Provider, error) {
	name, err := e.Name(ctx, e.home(), key)
	if err != nil {
		return nil, err
	}

	var found []signout.Provider
	home, err := e.ofHome(ctx, name)
	if err == nil {
		found = append(found, home)
	} else if !errors.Is(err, signout.ErrUnknownProvider) {
		return nil, err
	}

	others, err := e.ofOthers(ctx, key)
	if err != nil {
		return nil, err
	}
	if found = append(found, others...); len(found) == 0 {
		return nil, signout.ErrUnknownProvider
	}

	return found, nil
}

func (e *eventSources) home() identitypool.AccountID {
	return identitypool.AccountID(e.config.Account)
}

// ofHome is a provider of the home account or of the settings.
func (e *eventSources) ofHome(ctx context.Context, name string) (signout.Provider, error) {
	settings := e.config.SignOut[name]
	c := identitypool.ProviderConfig{Name: name, Kind: identitypool.UserPoolProvider, ClientIDs: settings.Audiences}
	if arn, err := e.registered(ctx, e.home(), name); err != nil {
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

// ofOthers is an OpenID Connect provider as accounts other than the home account
// have registered it. Accounts that differ in their clients only share an entry,
// so that an event costs one look at its signature however many they are.
func (e *eventSources) ofOthers(ctx context.Context, key string) ([]signout.Provider, error) {
	accounts, err := e.directory.OIDCProviderAccounts(ctx, key)
	if err != nil {
		return nil, err
	}

	var found []signout.Provider
	for _, account := range accounts {
		if account == e.home() {
			continue
		}
		arn, err := e.registered(ctx, account, key)
		if err != nil {
			return nil, err
		}
		if arn == "" {
			continue // deleted since
		}
		trust, err := e.pools.ProviderTrust(ctx, identitypool.ProviderConfig{
			Name: key,
			Kind: identitypool.OIDCProviderKind,
			ARN:  arn,
		})
		if err != nil {
			return nil, err
		}

		n := slices.IndexFunc(found, func(p signout.Provider) bool { return sameIssuer(p.Trust, trust) })
		if n < 0 {
			n = len(found)
			found = append(found, signout.Provider{
				Name:             key,
				Trust:            trust,
				Clients:          map[identitypool.AccountID][]string{},
				CredentialChange: e.config.SignOut[key].CredentialChange,
			})
			found[n].Trust.Audiences = nil
		}
		found[n].Clients[account] = trust.Audiences
		found[n].Trust.Audiences = append(found[n].Trust.Audiences, trust.Audiences...)
	}

	return found, nil
}

// sameIssuer reports whether a token that one trust proves is proven by the other,
// but for its audience.
func sameIssuer(a, b login.Trust) bool {
	for _, trust := range []*login.Trust{&a, &b} {
		trust.Audiences, trust.ClientsAt, trust.OneClientAt, trust.Link = nil, "", "", explain.Link{}
		if !trust.EnforceThumbprints {
			trust.Thumbprints = nil
		}
	}

	return reflect.DeepEqual(a, b)
}
