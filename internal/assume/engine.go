// Package engine takes temporary credentials from outside: an STS of Amazon or
// of a storage engine that accepts web identities. A login that this server has
// verified is stated in a token of its own, signed by the keys that it
// publishes, and exchanged for credentials by AssumeRoleWithWebIdentity. The app
// sees neither the token nor the engine's words.
//
// Start at Router for which engine a pool has, and at STS for the exchange.
// Contract: AWS STS API reference, AssumeRoleWithWebIdentity.
package assume

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/sts"
)

// Builtin is the name of the server's own engine.
const Builtin = "builtin"

// Source gives credentials of a role to an identity that was proven beforehand.
// Its errors are those of sts.Service.AssumeRoleForIdentity, and
// sts.ErrUnavailable.
type Source interface {
	AssumeRoleForIdentity(ctx context.Context, r sts.Request) (sts.Credentials, error)
}

// Signer states an identity to a relying party; *issuer.Issuer is one.
type Signer interface {
	SignShaped(ctx context.Context, shape issuer.Shape, c issuer.Claims) (string, error)
}

// Poster sends a request to an address under the rules by which login
// providers are asked; *outbound.Client is one.
type Poster interface {
	Post(ctx context.Context, e outbound.Endpoint, header http.Header, body []byte) (outbound.Response, error)
}

// Router gives every pool its engine. It is safe for concurrent use.
type Router struct {
	fallback Source
	pools    map[identitypool.PoolID]Source
}

// NewRouter returns a Router over engines by name, Builtin among them: the one
// of fallback ("" is Builtin) for all pools but those of pools.
func NewRouter(engines map[string]Source, fallback string, pools map[identitypool.PoolID]string) (*Router, error) {
	if fallback == "" {
		fallback = Builtin
	}
	r := &Router{fallback: engines[fallback], pools: map[identitypool.PoolID]Source{}}
	if r.fallback == nil {
		return nil, unknown("credential_engine", fallback, engines)
	}
	for _, pool := range slices.Sorted(maps.Keys(pools)) {
		if r.pools[pool] = engines[pools[pool]]; r.pools[pool] == nil {
			return nil, unknown("pool_credential_engines."+string(pool), pools[pool], engines)
		}
	}
	return r, nil
}

func unknown(setting, name string, engines map[string]Source) error {
	return fmt.Errorf("%s %q: there is no such engine; known are %q", setting, name, slices.Sorted(maps.Keys(engines)))
}

// AssumeRoleForIdentity asks the engine of the request's pool.
func (r *Router) AssumeRoleForIdentity(ctx context.Context, q sts.Request) (sts.Credentials, error) {
	if source, named := r.pools[q.PoolID]; named {
		return source.AssumeRoleForIdentity(ctx, q)
	}
	return r.fallback.AssumeRoleForIdentity(ctx, q)
}
