package store

import (
	"context"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// PoolPeriod is the length of the periods of pools' statistics.
const PoolPeriod = time.Hour

const (
	// usageSettled is when an hour's statistics are complete, because nodes keep what they cannot store for two hours.
	usageSettled = 2*time.Hour + 10*time.Minute
	// usageKept is how long a read of an hour that has ended is good before that.
	usageKept = 10 * time.Minute
	// usageScopes is how many accounts and regions have their hours in memory.
	usageScopes = 32
)

// usage counts the calls at a pool.
type usage struct{ signIns, refused int64 }

// cache: pool usage
//
// poolUsage remembers the usage of an account's pools in a region, of the hours that have ended: to add up a
// thousand pools' rows of a day takes longer than a list may.
type poolUsage struct {
	mu     sync.Mutex
	scopes map[[2]string]map[int64]usageHour // by the hour's begin, in epoch milliseconds
}

// usageHour is not changed once it is there.
type usageHour struct {
	read  time.Time
	pools map[identitypool.PoolID]usage
}

// good reports whether a read of the hour that began at begin still holds.
func (h usageHour) good(begin int64, now time.Time) bool {
	end := fromMillis(begin).Add(PoolPeriod)
	return h.read.After(end.Add(usageSettled)) ||
		h.read.After(end.Add(time.Minute)) && now.Sub(h.read) < usageKept && !now.Before(h.read)
}

// known returns a copy of the hours of a scope that still hold.
func (u *poolUsage) known(scope [2]string, now time.Time) map[int64]usageHour {
	u.mu.Lock()
	defer u.mu.Unlock()

	hours := map[int64]usageHour{}
	for begin, hour := range u.scopes[scope] {
		if hour.good(begin, now) {
			hours[begin] = hour
		}
	}

	return hours
}

func (u *poolUsage) remember(scope [2]string, hours map[int64]usageHour) {
	u.mu.Lock()
	defer u.mu.Unlock()

	if u.scopes[scope] == nil && len(u.scopes) >= usageScopes {
		u.scopes = nil
	}
	if u.scopes == nil {
		u.scopes = map[[2]string]map[int64]usageHour{}
	}
	u.scopes[scope] = hours
}

const usageText = `SELECT period, pool_id, CAST(SUM(sign_ins) AS BIGINT), CAST(SUM(refused) AS BIGINT)
	FROM pool_statistics WHERE account = $1 AND region = $2 AND period >= $3 AND period <= $4
	GROUP BY period, pool_id`

// usageOfDay adds up what pools were used for in the hours that began in the day before now.
func (s *Store) usageOfDay(
	ctx context.Context, account, region string, now time.Time,
) (map[identitypool.PoolID]usage, error) {
	scope := [2]string{account, region}
	last := now.Truncate(PoolPeriod)
	begin := last.Add(-23 * PoolPeriod)

	known := s.usage.known(scope, now)
	first := begin
	for !first.After(last) {
		if _, ok := known[millis(first)]; !ok {
			break
		}
		first = first.Add(PoolPeriod)
	}
	read, err := s.readUsage(ctx, scope, first, last)
	if err != nil {
		return nil, err
	}

	all, hours := map[identitypool.PoolID]usage{}, map[int64]usageHour{}
	for at := begin; !at.After(last); at = at.Add(PoolPeriod) {
		hour := usageHour{read: now, pools: read[millis(at)]}
		if at.Before(first) {
			hour = known[millis(at)]
		}

		hours[millis(at)] = hour
		for pool, u := range hour.pools {
			sum := all[pool]
			all[pool] = usage{sum.signIns + u.signIns, sum.refused + u.refused}
		}
	}
	s.usage.remember(scope, hours)

	return all, nil
}

// readUsage reads the hours from first to last.
func (s *Store) readUsage(
	ctx context.Context, scope [2]string, first, last time.Time,
) (map[int64]map[identitypool.PoolID]usage, error) {
	hours := map[int64]map[identitypool.PoolID]usage{}
	if first.After(last) {
		return hours, nil
	}

	return hours, s.read(ctx, func(q engine.Querier) error {
		clear(hours) // a read may be tried again
		_, err := collect(q, func(row scanner) (none struct{}, err error) {
			var period int64
			var pool string
			var u usage
			if err := row.Scan(&period, &pool, &u.signIns, &u.refused); err != nil {
				return none, err
			}
			if hours[period] == nil {
				hours[period] = map[identitypool.PoolID]usage{}
			}
			hours[period][identitypool.PoolID(pool)] = u

			return none, nil
		}, usageText, scope[0], scope[1], millis(first), millis(last))

		return err
	})
}
