package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Nodes that start together on an empty database agree on one account, and one
// of them makes the first key.
func TestFirstStarts(t *testing.T) {
	eachEngine(t, func(t *testing.T, a *Store) {
		_, err := a.HomeAccount(t.Context())
		wantError(t, "HomeAccount before", err, ErrNotFound)
		_, err = a.CreateFirstAccessKey(t.Context(),
			AccessKey{ID: "k", Account: "111122223333", SealedSecret: []byte("s")})
		wantError(t, "a key before the account", err, ErrNotFound)

		var group sync.WaitGroup
		var made atomic.Int32
		settled := make([]identitypool.AccountID, 8)
		for n := range settled {
			group.Go(func() {
				account, err := a.SettleAccount(t.Context(), identitypool.AccountID(fmt.Sprintf("%012d", n+1)))
				if err != nil {
					t.Error(err)
				}

				settled[n] = account
				first, err := a.CreateFirstAccessKey(t.Context(),
					AccessKey{ID: fmt.Sprintf("AKIA%d", n), Account: account, SealedSecret: []byte("s")})
				if err != nil {
					t.Error(err)
				}
				if first {
					made.Add(1)
				}
			})
		}
		group.Wait()

		for _, account := range settled {
			if account != settled[0] || account == "" {
				t.Errorf("accounts %q: not one", settled)
			}
		}
		keys, err := a.AccessKeys(t.Context(), "")
		if err != nil || len(keys) != 1 || made.Load() != 1 || keys[0].Account != settled[0] {
			t.Errorf("%d made, keys %+v, %v: not one key of the account", made.Load(), keys, err)
		}

		account, err := a.HomeAccount(t.Context())
		if err != nil || account != settled[0] {
			t.Errorf("HomeAccount = %q, %v", account, err)
		}
	})
}
