package provider

import (
	"maps"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// NameOf returns the name of the provider that a Logins key stands for. If the key is not
// an alias, that is the key itself.
func (r *Registry) NameOf(key string) string {
	if name, known := r.aliases[key]; known {
		return name
	}
	if identitypool.PartitionOf(key) != "" {
		return r.Home(key)
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

// StoredName returns the pool's name for a provider. Clients may send an ARN in the
// partition of the pool's region, or in the form that the server wrote before. It returns
// *PartitionError for an ARN of another partition.
func (r *Registry) StoredName(pool identitypool.Pool, name string) (string, error) {
	stored := pool.StoredName(name)
	if stored == name || r.Home(name) == name {
		return stored, nil
	}

	return stored, CheckPartition(pool, "", name)
}

// allAliases returns the settings' aliases and, for development, the issuers of user pools
// whose address does not follow from their name.
func (o *Options) allAliases() map[string]string {
	all := map[string]string{}
	if o.IssuerAliases {
		for name, pool := range o.UserPools {
			issuers := pool.Issuers
			if len(issuers) == 0 && pool.BaseURL != "" {
				issuers = []string{pool.BaseURL + "/" + name[strings.LastIndexByte(name, '/')+1:]}
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

// withoutScheme returns an address without its scheme. Clients such as Amplify derive the
// Logins key from a token's issuer that way.
func withoutScheme(url string) string {
	_, rest, found := strings.Cut(url, "://")
	if !found {
		return url
	}

	return rest
}
