package cognitoidentity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Pages of ExplainToken. A page may end within a pool: then its token has the Logins key of the pool's last result.

// full reports whether the answer has all results that it may have.
func (e *examination) full() bool { return len(e.Results) >= ExplainedResults }

// examineIn adds the results of a pool for its keys after one, as far as the answer has room. last is the key of
// the last result if others of the pool are left; else "". The keys are sorted, so that a provider that comes or
// goes between two pages neither hides nor repeats another.
func (e *examination) examineIn(ctx context.Context, pool identitypool.Pool, after string) (last string, err error) {
	keys, _, err := e.keysIn(ctx, pool)
	if err != nil {
		return "", err
	}
	if len(keys) == 0 && after == "" {
		t, _ := e.newTrial(ctx, pool, "")
		_, _ = t.refused(e.noKey(pool))
		e.Results = append(e.Results, t.result())

		return "", nil
	}

	for _, key := range slices.Sorted(slices.Values(keys)) {
		if key <= after {
			continue
		}
		if e.full() {
			return after, nil
		}

		t, ctx := e.newTrial(ctx, pool, "")
		if err := t.examine(ctx, e.deadline, key, e.credential); err != nil {
			return "", err
		}
		e.Results = append(e.Results, t.result())
		after = key
	}

	return "", nil
}

// examineNamed adds the results of a page of the pools that the call names. The page's token has the place of a pool
// in the call, and the key within it.
func (e *examination) examineNamed(ctx context.Context, in *ExplainTokenInput) error {
	scope := e.scope() + "/named/" + strings.Join(in.IdentityPoolIds, "/")
	start, err := e.pageStart(scope, in.NextToken)
	if err != nil {
		return err
	}
	place, key, _ := strings.Cut(start, "/")
	first, _ := strconv.Atoi(place) // the first page has no start

	for n := first; n < len(in.IdentityPoolIds); n++ {
		if !e.full() {
			pool, err := e.callerPool(ctx, e.caller, in.IdentityPoolIds[n])
			if err != nil {
				return err
			}
			if key, err = e.examineIn(ctx, pool, key); err != nil {
				return err
			}
			if key == "" {
				continue
			}
		}
		e.Next = e.pageToken(scope, strconv.Itoa(n)+"/"+key)

		return nil
	}

	return nil
}

// walk is how far the pages of all pools have come.
type walk struct {
	others bool   // the pools that know the issuer are done
	pool   string // the last pool; "" = none of the turn yet
	key    string // of its last result, if the page ended within the pool
}

const turnKnowing, turnOthers = "knowing", "others"

func parseWalk(start string) (w walk) {
	turn, place, _ := strings.Cut(start, "/")
	w.others = turn == turnOthers
	w.pool, w.key, _ = strings.Cut(place, "/")

	return w
}

func (w walk) String() string {
	turn := turnKnowing
	if w.others {
		turn = turnOthers
	}

	return strings.Join([]string{turn, w.pool, w.key}, "/")
}

// examinePage adds the results of a page of pools: first of those that know the issuer, then of
// the others.
func (e *examination) examinePage(ctx context.Context, token *string) error {
	start, err := e.pageStart(e.scope(), token)
	if err != nil {
		return err
	}

	w := parseWalk(start)
	more, err := e.goOn(ctx, &w)
	if err == nil && more {
		e.Next = e.pageToken(e.scope(), w.String())
	}

	return err
}

// goOn adds results from w on, and moves w. more reports whether others are left.
func (e *examination) goOn(ctx context.Context, w *walk) (more bool, err error) {
	if w.key != "" {
		if err := e.examineRest(ctx, w); err != nil || w.key != "" {
			return true, err
		}
	}

	for scanned := 0; ; {
		const size = 200
		account := identitypool.AccountID(e.caller.Account)
		pools, err := e.Store.ListPools(ctx, account, e.caller.Region, identitypool.PoolID(w.pool), size)
		if err != nil {
			return false, err
		}

		for _, pool := range pools {
			if e.full() || scanned >= maxScanned {
				return true, nil
			}
			if err := e.examineInTurn(ctx, pool, w); err != nil || w.key != "" {
				return true, err
			}
			scanned++
		}
		if len(pools) == size {
			continue
		}
		if w.others {
			return false, nil
		}
		*w = walk{others: true}
	}
}

// examineRest adds the further results of the pool within which the last page ended.
func (e *examination) examineRest(ctx context.Context, w *walk) error {
	pool, err := e.Store.Pool(ctx, identitypool.PoolID(w.pool))
	if errors.Is(err, store.ErrNotFound) { // deleted meanwhile
		w.key = ""
		return nil
	} else if err != nil {
		return err
	}

	return e.examineInTurn(ctx, pool, w)
}

// examineInTurn adds the results of a pool if it belongs to the turn.
func (e *examination) examineInTurn(ctx context.Context, pool identitypool.Pool, w *walk) error {
	after := w.key
	w.pool, w.key = string(pool.ID), ""
	_, known, err := e.keysIn(ctx, pool)
	if err != nil || known == w.others {
		return err
	}

	w.key, err = e.examineIn(ctx, pool, after)
	if errors.Is(err, store.ErrNotFound) { // deleted meanwhile
		return nil
	}

	return err
}

// scope binds page tokens to the account, the region and the credential.
func (e *examination) scope() string {
	sum := sha256.Sum256([]byte(e.provider + "\x00" + e.credential))
	return strings.Join([]string{"explain-token", e.caller.Account, e.caller.Region, hex.EncodeToString(sum[:])}, "/")
}
