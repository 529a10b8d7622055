// Package provider finds the login provider that a key of Logins names in an identity pool,
// and how its logins are proved. The providers that every account has are rows of one table
// (Default in table.go). The others are registered in IAM, or are user pools. Start reading
// at Registry.Resolve. Package login sends the requests to providers; this package sends none.
//
// Its errors carry no API's error code: each API chooses its own.
package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// Directory finds the registered OpenID Connect and SAML providers of accounts. It returns
// iam.ErrNotFound for others.
type Directory interface {
	OIDCProvider(ctx context.Context, arn string) (iam.OIDCProvider, error)
	SAMLProvider(ctx context.Context, arn string) (iam.SAMLProvider, error)
}

// Options are the parts and settings of a Registry. All fields but Directory may be empty.
type Options struct {
	Table     Table // nil = Default
	Directory Directory
	// WellKnown and UserPools replace addresses of providers, by Logins key.
	WellKnown map[string]Override
	UserPools map[string]Override
	// UserPoolRegions has the addresses of the other user pools, by region.
	UserPoolRegions map[string]Override
	// Aliases maps Logins keys to providers' names. IssuerAliases, for development, makes a
	// user pool's issuer an alias if its address does not follow from its name.
	Aliases       map[string]string
	IssuerAliases bool
	Local         Local
	// Partition is the partition of stored IAM ARNs: that of the server's region; "" = aws.
	Partition string
	// MaxTokenBytes is the size limit of a token in Logins; 0 = idtoken.DefaultMaxTokenBytes.
	MaxTokenBytes int
}

// Registry finds all login providers. It is safe for concurrent use.
type Registry struct {
	o       Options
	aliases map[string]string // Logins key to provider name
}

// New returns a Registry of options that Validate accepts.
func New(o Options) *Registry {
	if o.Table == nil {
		o.Table = Default()
	}

	return &Registry{o: o, aliases: o.allAliases()}
}

// Table returns the providers that every account has.
func (r *Registry) Table() Table { return r.o.Table }

// Partition returns the partition of stored IAM ARNs.
func (r *Registry) Partition() string { return cmp.Or(r.o.Partition, "aws") }

// ToStored returns an ARN in the partition of stored IAM ARNs.
func (r *Registry) ToStored(name string) string { return identitypool.InPartition(name, r.Partition()) }

// Opaque reports whether the tokens under a Logins key lack the time of issue of the login:
// access tokens, which only their provider can judge, and Cognito tokens.
func (r *Registry) Opaque(key string) bool {
	if row, known := r.o.Table.ByKey(key); known {
		return row.Kind != login.OIDC
	}

	return identitypool.IsServiceName(key)
}

// KindOf returns the protocol of the logins under a key, as far as the key alone shows it.
func (r *Registry) KindOf(key string) login.Kind {
	if strings.Contains(key, ":saml-provider/") {
		return login.SAML
	}

	row, _ := r.o.Table.ByKey(key)
	return row.Kind
}

// EveryAccountHas reports whether pools of any account can have a login provider without
// registering it. It can be one of SupportedLoginProviders, or a user pool: at AWS nobody
// can find out whether a user pool exists.
func (r *Registry) EveryAccountHas(name string) bool {
	_, social := r.o.Table.ByKey(name)
	return social || r.isUserPool(name)
}

// isUserPool reports whether a name is that of a user pool, in the settings or at AWS.
func (r *Registry) isUserPool(name string) bool {
	_, atAWS := identitypool.ParseUserPool(name)
	return atAWS || r.HasUserPool(name)
}

// HasUserPool reports whether the settings have the address of a user pool.
func (r *Registry) HasUserPool(name string) bool {
	_, configured := r.o.UserPools[name]
	return configured
}

// HasRegion reports whether the settings have the address of a region's user pools.
func (r *Registry) HasRegion(region string) bool {
	_, configured := r.o.UserPoolRegions[region]
	return configured
}

func (r *Registry) validUserPool(name string) error {
	t := r.userPoolTrust(name, []string{anyApp})
	return t.Validate()
}

// maxKey is the limit of a Logins key in characters (API model, IdentityProviderName).
const maxKey = 128

// Validate refuses overrides that make it impossible to prove a login, and ambiguous
// aliases.
func (o Options) Validate() error {
	r := New(o)
	faults := []error{r.o.Table.checkOverrides(o.WellKnown)}

	for _, name := range slices.Sorted(maps.Keys(o.UserPools)) {
		if err := r.validUserPool(name); err != nil {
			faults = append(faults, fmt.Errorf("user_pools (%s): %w", name, err))
		}
	}

	for _, region := range slices.Sorted(maps.Keys(o.UserPoolRegions)) {
		name := identitypool.UserPoolName(region, region+"_x")
		if err := r.validUserPool(name); err != nil {
			faults = append(faults, fmt.Errorf("user_pool_regions.%s: %w", region, err))
		}
	}

	for _, alias := range slices.Sorted(maps.Keys(o.Aliases)) {
		name := o.Aliases[alias]
		_, chained := o.Aliases[name]
		_, known := r.o.Table.ByKey(alias)

		switch {
		case alias == "" || len(alias) > maxKey || strings.Contains(alias, "://"):
			faults = append(faults, fmt.Errorf(
				"user_pools (%s).aliases: %q: give the token's issuer without its scheme, "+
					"at most %d characters", name, alias, maxKey))
		case chained || r.HasUserPool(alias) || known || identitypool.IsServiceName(alias):
			faults = append(faults, fmt.Errorf("user_pools (%s).aliases: %q is the name of a provider, "+
				"or leads to another alias", name, alias))
		}
	}

	return errors.Join(faults...)
}
