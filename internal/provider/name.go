package provider

import (
	"maps"
	"strings"
)

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
