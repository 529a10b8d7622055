package provider

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// Login is one value of Logins with the provider that must prove it.
type Login struct {
	Config identitypool.ProviderConfig // of the pool; Name is the pool's name for the key
	Trust  login.Trust
	Token  string
	key    string // of Logins
	fault  error  // not nil if the key cannot be used
}

// Resolve returns the logins of a call on a pool, sorted by the providers' names. It
// returns *Error or *PartitionError if one of them cannot be proved with any token.
// It proves nothing and asks no provider.
func (r *Registry) Resolve(
	ctx context.Context, pool identitypool.Pool, logins map[string]string,
) ([]Login, error) {
	list, err := r.named(pool, logins)
	if err != nil {
		return nil, err
	}

	for _, l := range list {
		if l.fault != nil {
			return nil, l.fault
		}
	}

	for i := range list {
		l := &list[i]
		if err := mayProve(pool, l.Config); err != nil {
			return nil, err
		}
		if l.Config.Kind == identitypool.UnknownProvider {
			return nil, r.wrongKey(ctx, pool, list[:i+1], nil)
		}

		l.Trust, err = r.Trust(ctx, l.Config)
		if refused, ok := errors.AsType[*Error](err); ok {
			return nil, r.wrongKey(ctx, pool, list[:i+1], refused)
		} else if err != nil {
			return nil, err
		}
	}

	return list, nil
}

// ResolveStated is Resolve for a login of which only the key is known, because an administrator
// states its claims.
func (r *Registry) ResolveStated(ctx context.Context, pool identitypool.Pool, key string) (Login, error) {
	config, err := r.In(pool, key)
	if err == nil {
		err = mayProve(pool, config)
	}
	if err == nil && config.Kind == identitypool.UnknownProvider {
		err = r.lacksProvider(pool, config.Name, unproven{})
	}
	if err != nil {
		return Login{}, err
	}

	trust, err := r.Trust(ctx, config)

	return Login{Config: config, Trust: trust, key: key}, err
}

// OfIssuer returns the Logins keys of a pool whose tokens have an issuer, sorted.
func (r *Registry) OfIssuer(pool identitypool.Pool, issuer string) []string {
	var keys []string
	for _, name := range pool.PublicProviderNames() {
		if issuers, _ := r.keyIssuers(pool, name); slices.Contains(issuers, issuer) {
			keys = append(keys, name)
		}
	}

	return keys
}

// KeyOf returns the Logins key under which clients send tokens of an issuer.
func (r *Registry) KeyOf(issuer string) string {
	if row, known := r.o.Table.ByIssuer(issuer); known {
		return row.Key
	}
	return withoutScheme(issuer)
}

// named finds the pool's providers for the keys of logins. An alias stands for its provider.
// One provider under two keys is refused, since these could be two users.
func (r *Registry) named(pool identitypool.Pool, logins map[string]string) ([]Login, error) {
	list := make([]Login, 0, len(logins))
	for _, key := range slices.Sorted(maps.Keys(logins)) {
		config, err := r.In(pool, key)
		if err == nil {
			err = r.checkLogin(key, logins[key])
		}
		at := slices.IndexFunc(list, func(l Login) bool { return l.Config.Name == config.Name })
		if at >= 0 {
			why := loginTwice.With("key", ShownName(key), "name", pool.ShownName(config.Name))
			return nil, &Error{
				Fault: SameProvider,
				Key:   key,
				Other: list[at].key,
				Why:   why,
			}
		}
		list = append(list, Login{
			Config: config,
			Token:  logins[key],
			key:    key,
			fault:  err,
		})
	}
	slices.SortFunc(list, func(a, b Login) int { return strings.Compare(a.Config.Name, b.Config.Name) })

	return list, nil
}

// In returns the provider of a pool that a Logins key stands for. A provider that has the
// key as its name comes before aliases. With *PartitionError it returns an unknown provider
// of that name.
func (r *Registry) In(pool identitypool.Pool, key string) (identitypool.ProviderConfig, error) {
	if identitypool.PartitionOf(key) != "" {
		name, err := r.StoredName(pool, key)
		if err != nil {
			return identitypool.ProviderConfig{Name: key}, err
		}
		return pool.Provider(name), nil
	}

	config := pool.Provider(key)
	if config.Kind != identitypool.UnknownProvider {
		return config, nil
	}
	if name := r.NameOf(key); name != key {
		return pool.Provider(name), nil
	}

	return config, nil
}

// StoredName returns the pool's name for a provider. Clients may send an ARN in the
// partition of the pool's region, or in the form that the server wrote before. It returns
// *PartitionError for an ARN of another partition.
func (r *Registry) StoredName(pool identitypool.Pool, name string) (string, error) {
	stored := pool.StoredName(name)
	if stored == name || r.ToStored(name) == name {
		return stored, nil
	}

	return stored, CheckPartition(pool, "", name)
}

// NameOf returns the name of the provider that a Logins key stands for. If the key is not
// an alias, that is the key itself.
func (r *Registry) NameOf(key string) string {
	if name, known := r.aliases[key]; known {
		return name
	}
	if identitypool.PartitionOf(key) != "" {
		return r.ToStored(key)
	}
	if name, isAlias := r.o.Local.nameOf(key); isAlias {
		return name
	}
	if !r.o.IssuerAliases {
		return key
	}

	for region, o := range r.o.UserPoolRegions {
		if o.BaseURL == "" {
			continue
		}
		pool, found := strings.CutPrefix(key, withoutScheme(o.BaseURL)+"/")
		if found && !strings.Contains(pool, "/") {
			return identitypool.UserPoolName(region, pool)
		}
	}

	return key
}

// mayProve refuses keys for whose logins no provider vouches.
func mayProve(pool identitypool.Pool, c identitypool.ProviderConfig) error {
	switch {
	case pool.IsOwnProvider(c.Name):
		return &Error{Fault: CognitoToken, Why: providerCognitoToken.With("provider", c.Name)}
	case c.Kind == identitypool.DeveloperProviderKind:
		why := providerDeveloper.With("provider", c.Name, "service", identitypool.ServiceName(pool.Region))
		return &Error{Fault: DeveloperName, Why: why}
	default:
		return nil
	}
}
