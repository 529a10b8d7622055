package webidentity

import (
	"context"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// Key describes a signing key of an account's issuer.
type Key struct {
	issuer.KeyInfo
	Account identitypool.AccountID

	issuer issuer.Profile
}

// ListKeys describes the keys of an account's issuer at a moment, or of all accounts' for "": by account,
// then the oldest first. It needs no master key.
func ListKeys(ctx context.Context, s Store, account identitypool.AccountID, now time.Time) ([]Key, error) {
	all, err := s.WebIdentityIssuers(ctx)
	if err != nil {
		return nil, err
	}

	var keys []Key
	for _, w := range all {
		if account != "" && w.Account != account {
			continue
		}
		profile, err := Profile(w.ID)
		if err != nil {
			return nil, err
		}
		infos, err := profile.List(ctx, s, now)
		if err != nil {
			return nil, err
		}

		for _, info := range infos {
			keys = append(keys, Key{KeyInfo: info, Account: w.Account, issuer: profile})
		}
	}

	return keys, nil
}

// RetireIn is issuer.RetireIn for a key of an account's issuer, or of any account's for "".
func RetireIn(
	ctx context.Context, s Store, sealer issuer.Sealer, now func() time.Time, account identitypool.AccountID, id string,
) (Key, error) {
	keys, err := ListKeys(ctx, s, account, now())
	if err != nil {
		return Key{}, err
	}

	for _, k := range keys {
		if k.ID == id {
			k.KeyInfo, err = k.issuer.RetireIn(ctx, s, sealer, now, id)
			return k, err
		}
	}

	return Key{}, fmt.Errorf("key %s of an account: %w", id, issuer.ErrNoKey)
}
