package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// Of several calls that end an account's keys at once, on several nodes, one key survives. The database need not be
// initialised: that of a development server is not.
func TestTheLastKeySurvives(t *testing.T) {
	const account, stranger = "111122223333", "999999999999"
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		for n := range 4 {
			if err := nodes[0].CreateAccessKey(t.Context(), AccessKey{
				ID: fmt.Sprintf("AKIA%d", n), Account: account, SealedSecret: []byte("s"),
			}); err != nil {
				t.Fatal(err)
			}
		}

		var group sync.WaitGroup
		results := make([]error, 4)
		for n := range results {
			group.Go(func() {
				node, id := nodes[n%len(nodes)], fmt.Sprintf("AKIA%d", n)
				if n%2 == 0 {
					results[n] = node.DeleteAccessKeyOf(t.Context(), account, id)
				} else {
					results[n] = node.SetAccessKeyDisabledOf(t.Context(), account, id, true)
				}
			})
		}
		group.Wait()

		refused := 0
		for _, err := range results {
			switch {
			case errors.Is(err, ErrLastKey):
				refused++
			case err != nil:
				t.Error(err)
			}
		}
		if refused != 1 {
			t.Errorf("%d of the calls were refused: %v", refused, results)
		}

		for what, err := range map[string]error{
			"delete another account's key": nodes[0].DeleteAccessKeyOf(t.Context(), stranger, "AKIA1"),
			"enable another account's key": nodes[0].SetAccessKeyDisabledOf(t.Context(), stranger, "AKIA1", false),
		} {
			wantError(t, what, err, ErrNotFound)
		}
	})
}

// Calls that make keys at once, on several nodes, make no more than the account may have.
func TestTheLimitOfKeysHolds(t *testing.T) {
	const account, limit = "111122223333", 5
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		if _, _, err := nodes[0].Initialise(t.Context(), AccessKey{
			ID: "AKIAHOME", Account: "000000000000", SealedSecret: []byte("s"),
		}); err != nil {
			t.Fatal(err)
		}

		var group sync.WaitGroup
		results := make([]error, 16)
		for n := range results {
			group.Go(func() {
				results[n] = nodes[n%len(nodes)].CreateAccessKeyWithin(t.Context(), AccessKey{
					ID: fmt.Sprintf("AKIA%d", n), Account: account, SealedSecret: []byte("s"),
				}, limit)
			})
		}
		group.Wait()

		made := 0
		for _, err := range results {
			if err == nil {
				made++
			} else if !errors.Is(err, ErrLimit) {
				t.Error(err)
			}
		}
		if have := must(nodes[0].AccessKeys(t.Context(), account))(t); made != limit || len(have) != limit {
			t.Errorf("%d calls made keys, and the account has %d", made, len(have))
		}
	})
}
