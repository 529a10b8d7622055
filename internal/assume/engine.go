// Package assume decides who may assume a role, and gives identities credentials for it.
//
// An Attempt is a request to assume a role; the role's trust policy decides on it, and a
// refusal explains which part of the policy refuses. An Engine gives credentials to an
// identity of a pool. Service, the server's own engine, mints sessions. A RemoteEngine is an
// STS of Amazon or of a storage engine: the server signs a token about the identity and
// exchanges it for credentials (AWS STS API reference, AssumeRoleWithWebIdentity). The app
// sees neither the token nor the engine's messages.
//
// Start reading at Attempt.Trusted, at Router, or at RemoteEngine.
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
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// Builtin is the name of the server's own engine.
const Builtin = "builtin"

// Engine gives credentials of a role to an identity that was proven before. Its errors are
// those of Service.AssumeRoleForIdentity, and ErrUnavailable.
type Engine interface {
	AssumeRoleForIdentity(ctx context.Context, r Request) (session.Credentials, error)
}

// Signer signs a token about an identity for a relying party; *issuer.Issuer is one.
type Signer interface {
	SignShaped(ctx context.Context, shape issuer.Shape, c issuer.Claims) (string, error)
}

// Poster sends a request to an address under the same rules as requests to login
// providers; *outbound.Client is one.
type Poster interface {
	Post(ctx context.Context, e outbound.Endpoint, header http.Header, body []byte) (outbound.Response, error)
}

// Router chooses the engine of each pool. It is safe for concurrent use.
type Router struct {
	fallback Engine
	pools    map[identitypool.PoolID]Engine
}

// NewRouter returns a Router over named engines, among them Builtin. A pool that pools does
// not name has the engine called fallback ("" = Builtin).
func NewRouter(engines map[string]Engine, fallback string, pools map[identitypool.PoolID]string) (*Router, error) {
	if fallback == "" {
		fallback = Builtin
	}

	r := &Router{fallback: engines[fallback], pools: map[identitypool.PoolID]Engine{}}
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

func unknown(setting, name string, engines map[string]Engine) error {
	return fmt.Errorf("%s %q: there is no such engine; known are %q", setting, name, slices.Sorted(maps.Keys(engines)))
}

// AssumeRoleForIdentity asks the engine of the request's pool.
func (r *Router) AssumeRoleForIdentity(ctx context.Context, q Request) (session.Credentials, error) {
	if source, named := r.pools[q.PoolID]; named {
		return source.AssumeRoleForIdentity(ctx, q)
	}
	return r.fallback.AssumeRoleForIdentity(ctx, q)
}
