// Package signingkeys lists, rotates and retires the keys that sign tokens: those of identity pools,
// which belong to the server, and those of the web identity tokens of each account. The command
// `poolhouse signing-keys` does so beside the database, the admin API in a server.
//
// Start reading at Keys.
package signingkeys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// ErrNoIssuer means that an account has no keys, because it never enabled web identity tokens.
var ErrNoIssuer = errors.New("it never called EnableOutboundWebIdentityFederation")

// Scope names keys.
type Scope struct {
	Pools   bool                   // those of identity pools
	Web     bool                   // those of web identity tokens
	Account identitypool.AccountID // whose web identity tokens; "" = of all accounts
}

// Key is a signing key.
type Key struct {
	issuer.KeyInfo
	Account identitypool.AccountID // "" = it signs the tokens of identity pools
}

// Keys changes signing keys. It is safe for concurrent use.
type Keys struct {
	Store  *store.Store
	Sealer issuer.Sealer
	// Pools is the issuer of identity pools, for Rotate. Without it, Retire works on the store alone.
	Pools *issuer.Issuer
	Web   *webidentity.Issuers // for Rotate
	Now   func() time.Time
}

// List describes the keys of a scope: those of identity pools, then those of accounts, by account and
// age. It needs only Store and Now.
func (k *Keys) List(ctx context.Context, s Scope) ([]Key, error) {
	var keys []Key
	if s.Pools {
		infos, err := issuer.List(ctx, k.Store, k.Now())
		if err != nil {
			return nil, err
		}

		for _, info := range infos {
			keys = append(keys, Key{KeyInfo: info})
		}
	}
	if !s.Web {
		return keys, nil
	}

	accounts, err := webidentity.ListKeys(ctx, k.Store, s.Account, k.Now())
	for _, key := range accounts {
		keys = append(keys, Key{KeyInfo: key.KeyInfo, Account: key.Account})
	}

	return keys, err
}

// Rotate adds a key for each algorithm to all keys of a scope. They sign after the publish delay, or
// at once if now is set; see issuer.Rotate. Errors: ErrNoIssuer if the scope is only an account that has
// no keys, issuer.ErrTooManyKeys.
func (k *Keys) Rotate(ctx context.Context, s Scope, now bool) error {
	rotate := func(i *issuer.Issuer) error {
		if now {
			return i.RotateNow(ctx)
		}
		return i.Rotate(ctx)
	}

	if s.Pools {
		if err := rotate(k.Pools); err != nil {
			return err
		}
	}
	if !s.Web {
		return nil
	}

	accounts := 0
	err := k.Web.Each(ctx, s.Account, func(_ store.WebIdentityIssuer, i *issuer.Issuer) error {
		accounts++
		return rotate(i)
	})
	if err == nil && !s.Pools && s.Account != "" && accounts == 0 {
		err = fmt.Errorf("account %s has no keys of web identity tokens: %w", s.Account, ErrNoIssuer)
	}

	return err
}

// Retire takes a key of a scope out of use early, after a leak, and returns it as it was before; see
// issuer.Retire. Errors: issuer.ErrNoKey, issuer.ErrKeySigns.
func (k *Keys) Retire(ctx context.Context, s Scope, id string) (Key, error) {
	if s.Pools {
		info, err := k.retirePools(ctx, id)
		if err == nil || !s.Web || !errors.Is(err, issuer.ErrNoKey) {
			return Key{KeyInfo: info}, err
		}
	}
	if !s.Web {
		return Key{}, fmt.Errorf("key %s: %w", id, issuer.ErrNoKey)
	}

	key, err := webidentity.RetireIn(ctx, k.Store, k.Sealer, k.Now, s.Account, id)

	return Key{KeyInfo: key.KeyInfo, Account: key.Account}, err
}

func (k *Keys) retirePools(ctx context.Context, id string) (issuer.KeyInfo, error) {
	if k.Pools != nil {
		return k.Pools.Retire(ctx, id)
	}
	return issuer.RetireIn(ctx, k.Store, k.Sealer, k.Now, id)
}
