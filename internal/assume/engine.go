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
	"cmp"
	"context"
	"errors"
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
	// Decide returns the error that AssumeRoleForIdentity would return, as far as this server
	// can know it: it contacts nobody, and gives no credentials.
	Decide(ctx context.Context, r Request) error
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

// Settings name the credential engines, and choose one for each pool.
type Settings struct {
	Engine  string // of pools that Pools does not name; "" = Builtin
	Engines map[string]EngineConfig
	Pools   map[string]string
}

// Validate reports every fault of the settings.
func (s Settings) Validate() error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(s.Engines)) {
		if name == Builtin {
			return errors.New("credential_engines." + name + ": the server's own engine has this name")
		}
		if err := s.Engines[name].Validate(); err != nil {
			faults = append(faults, fmt.Errorf("credential_engines.%s: %w", name, err))
		}
	}

	for _, pool := range slices.Sorted(maps.Keys(s.Pools)) {
		if !identitypool.ValidID(pool) {
			faults = append(faults,
				fmt.Errorf("pool_credential_engines.%s: not an identity pool ID (REGION:GUID)", pool))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}

	return s.checkNames()
}

// checkNames refuses names of engines that do not exist.
func (s Settings) checkNames() error {
	known := append(slices.Collect(maps.Keys(s.Engines)), Builtin)
	faults := []error{checkEngine("credential_engine", cmp.Or(s.Engine, Builtin), known)}
	for _, pool := range slices.Sorted(maps.Keys(s.Pools)) {
		faults = append(faults, checkEngine("pool_credential_engines."+pool, s.Pools[pool], known))
	}

	return errors.Join(faults...)
}

func checkEngine(setting, name string, known []string) error {
	if slices.Contains(known, name) {
		return nil
	}
	slices.Sort(known)
	return fmt.Errorf("%s %q: there is no such engine; known are %q", setting, name, known)
}

// Router makes the engines, and adds the server's own. The name and Config of remote do not
// count.
func (s Settings) Router(builtin Engine, remote RemoteEngineOptions) (*Router, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}

	engines := map[string]Engine{Builtin: builtin}
	for name, c := range s.Engines {
		remote.Name, remote.Config = name, c
		engine, err := newRemoteEngine(remote)
		if err != nil {
			return nil, err
		}
		engines[name] = engine
	}

	return s.route(engines), nil
}

// route chooses among the engines, which have all the names that s gives.
func (s Settings) route(engines map[string]Engine) *Router {
	r := &Router{
		fallback: engines[cmp.Or(s.Engine, Builtin)],
		pools:    make(map[identitypool.PoolID]Engine, len(s.Pools)),
		engines:  engines,
	}
	for pool, name := range s.Pools {
		r.pools[identitypool.PoolID(pool)] = engines[name]
	}

	return r
}

// Router chooses the engine of each pool. It is safe for concurrent use.
type Router struct {
	fallback Engine
	pools    map[identitypool.PoolID]Engine
	engines  map[string]Engine // all, by name
}

// AssumeRoleForIdentity asks the engine of the request's pool.
func (r *Router) AssumeRoleForIdentity(ctx context.Context, q Request) (session.Credentials, error) {
	return r.engineOf(q.PoolID).AssumeRoleForIdentity(ctx, q)
}

// Decide asks the engine of the request's pool.
func (r *Router) Decide(ctx context.Context, q Request) error {
	return r.engineOf(q.PoolID).Decide(ctx, q)
}

func (r *Router) engineOf(pool identitypool.PoolID) Engine {
	if source, named := r.pools[pool]; named {
		return source
	}
	return r.fallback
}
