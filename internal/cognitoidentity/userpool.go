package cognitoidentity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// userPoolOverride is what the settings say of where a user pool is: for the
// pool itself, else for all pools of its region. A base URL is that of a user
// pools API, which issues tokens as URL/POOL or as AWS would; its keys are at
// URL/POOL/.well-known/jwks.json either way.
func (s *Service) userPoolOverride(name string) ProviderOverride {
	o, own := s.UserPools[name]
	pool := name[strings.LastIndexByte(name, '/')+1:]
	if !own {
		parsed, atAWS := identitypool.ParseUserPool(name)
		if !atAWS {
			return ProviderOverride{}
		}
		o = s.UserPoolRegions[parsed.Region]
	}
	if o.BaseURL != "" {
		issuer := o.BaseURL + "/" + pool
		if len(o.Issuers) == 0 {
			o.Issuers = []string{issuer, "https://" + name}
		}
		if o.JWKSURL == "" {
			o.JWKSURL = issuer + "/.well-known/jwks.json"
		}
	}
	return o
}

func (s *Service) userPoolTrust(name string, clients []string) login.Trust {
	t := login.Trust{Rule: idtoken.Rule{
		Provider:      name,
		MaxTokenBytes: s.Limits.TokenBytes,
		Issuers:       []string{"https://" + name},
		Audiences:     clients,
		Require:       map[string]string{"token_use": "id"},
		WrongAudience: login.MessageUnsupportedProvider,
	}}
	override(&t.Rule, s.userPoolOverride(name))
	if t.JWKSURL == "" {
		// By rule, not by discovery: emulated user pools publish none that fits.
		t.JWKSURL = t.Issuers[0] + "/.well-known/jwks.json"
	}
	return t
}

// ProviderTrust returns how logins of a provider are proved, for others who have
// to prove what it signs. An error means that the provider cannot be used.
func (s *Service) ProviderTrust(ctx context.Context, c identitypool.ProviderConfig) (login.Trust, error) {
	return s.trust(ctx, c)
}

// ProviderName is the name of the provider that a Logins key stands for: the
// one that it is an alias of, or itself.
func (s *Service) ProviderName(key string) string {
	if name, known := s.aliases[key]; known {
		return name
	}
	if identitypool.PartitionOf(key) != "" {
		return s.home(key)
	}
	if s.IssuerAliases {
		for region, o := range s.UserPoolRegions {
			if pool, found := strings.CutPrefix(key, withoutScheme(o.BaseURL)+"/"); found && o.BaseURL != "" && !strings.Contains(pool, "/") {
				return identitypool.UserPoolName(region, pool)
			}
		}
	}
	return key
}

// withoutScheme is how clients that derive the Logins key from a token's issuer
// write it (Amplify does).
func withoutScheme(url string) string {
	_, rest, found := strings.Cut(url, "://")
	if !found {
		return url
	}
	return rest
}

// EveryAccountHas reports whether pools of any account can have a login provider
// without registering it: one of SupportedLoginProviders, or a user pool, which at
// AWS nobody can tell from one that does not exist.
func (s *Service) EveryAccountHas(name string) bool {
	_, social := wellKnown[name]
	_, configured := s.UserPools[name]
	_, atAWS := identitypool.ParseUserPool(name)
	return social || configured || atAWS
}

// allAliases are the settings' aliases and, for development, the issuers of
// user pools that are found elsewhere than their names say.
func (o *Options) allAliases() map[string]string {
	all := map[string]string{}
	if o.IssuerAliases {
		for name, pool := range o.UserPools {
			issuers := pool.Issuers
			if len(issuers) == 0 && pool.BaseURL != "" {
				issuers = []string{pool.BaseURL + name[strings.LastIndexByte(name, '/'):]}
			}
			for _, issuer := range issuers {
				if key := withoutScheme(issuer); key != name {
					all[key] = name
				}
			}
		}
	}
	maps.Copy(all, o.Aliases)
	return all
}

// named returns logins with aliases replaced by the names of the providers they
// stand for. What the pool knows by the alias itself is left alone. One
// provider under two keys is refused: it could be two users.
func (s *Service) named(pool identitypool.Pool, logins map[string]string) (map[string]string, error) {
	if !s.anyAlias(pool, logins) {
		return logins, nil
	}

	named := make(map[string]string, len(logins))
	for _, key := range slices.Sorted(maps.Keys(logins)) {
		name := s.nameIn(pool, key)
		if _, twice := named[name]; twice {
			return nil, awsapi.Refused(invalidParameter, loginTwice.With("key", shownName(key), "name", pool.ShownName(name)),
				"The logins %s and %s are of the same provider.", key, name)
		}
		named[name] = logins[key]
	}

	return named, nil
}

// anyAlias reports whether a key of logins stands for another name.
func (s *Service) anyAlias(pool identitypool.Pool, logins map[string]string) bool {
	for key := range logins {
		if identitypool.PartitionOf(key) != "" && s.nameIn(pool, key) != key {
			return true
		}
	}
	if len(s.aliases) > 0 || s.IssuerAliases {
		for key := range logins {
			if s.nameIn(pool, key) != key {
				return true
			}
		}
	}
	return false
}

func (s *Service) nameIn(pool identitypool.Pool, key string) string {
	if identitypool.PartitionOf(key) != "" {
		name, err := s.knownName(pool, key)
		if err != nil {
			return key
		}
		return name
	}
	if pool.Provider(key).Kind != identitypool.UnknownProvider {
		return key
	}
	return s.ProviderName(key)
}

// CheckUserPools refuses settings under which no login of a user pool could be
// verified, and aliases that cannot be told apart.
func CheckUserPools(o Options) error {
	var faults []error
	s := New(o)
	for _, name := range slices.Sorted(maps.Keys(o.UserPools)) {
		if err := s.userPoolTrust(name, []string{anyApp}).Validate(); err != nil {
			faults = append(faults, fmt.Errorf("user_pools (%s): %w", name, err))
		}
	}
	for _, region := range slices.Sorted(maps.Keys(o.UserPoolRegions)) {
		if err := s.userPoolTrust(identitypool.UserPoolName(region, region+"_x"), []string{anyApp}).Validate(); err != nil {
			faults = append(faults, fmt.Errorf("user_pool_regions.%s: %w", region, err))
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(o.Aliases)) {
		name := o.Aliases[alias]
		_, chained := o.Aliases[name]
		_, taken := o.UserPools[alias]
		switch {
		case alias == "" || len(alias) > maxProviderName || strings.Contains(alias, "://"):
			faults = append(faults, fmt.Errorf("user_pools (%s).aliases: %q: give the token's issuer without its scheme, at most %d characters", name, alias, maxProviderName))
		case chained || taken || wellKnown[alias] != nil || identitypool.IsServiceName(alias):
			faults = append(faults, fmt.Errorf("user_pools (%s).aliases: %q is the name of a provider, or leads to another alias", name, alias))
		}
	}
	return errors.Join(faults...)
}

// maxProviderName is the longest Logins key (API model, IdentityProviderName).
const maxProviderName = 128
