package store

import (
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// The sums of a day are right whatever is remembered: the present hour always, an hour that has just ended after ten
// minutes, and hours leave the day.
func TestPoolUsage(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := identitypool.Pool{ID: "r:used", Account: "1", Region: "r", Name: "used"}
		noError(t, s.CreatePool(t.Context(), pool, 0))
		hour := time.Unix(1_000_000*3600, 0).UTC()
		save := func(node string, begin time.Time, signIns int64) {
			t.Helper()
			_, err := s.SaveStatistics(t.Context(), []StatisticsRow{{
				Account: "1", Region: "r", Period: begin, Node: node, Pool: pool.ID, SignIns: signIns, Refused: 1,
				Counts: "{}",
			}})
			noError(t, err)
		}
		want := func(what string, now time.Time, signIns, refused int64) {
			t.Helper()
			pools, err := s.PoolSummaries(t.Context(), "1", "r", now, 9)
			noError(t, err)
			if len(pools) != 1 || pools[0].SignIns != signIns || pools[0].Refused != refused {
				t.Errorf("%s: %+v, want %d and %d", what, pools, signIns, refused)
			}
		}

		save("a", hour.Add(-24*time.Hour), 1000)
		save("a", hour.Add(-23*time.Hour), 100)
		save("a", hour, 1)
		want("two hours", hour.Add(30*time.Minute), 101, 2)
		save("a", hour, 2)
		want("the present hour changed", hour.Add(31*time.Minute), 102, 2)
		save("b", hour, 5)
		want("another node", hour.Add(59*time.Minute), 107, 3)
		save("b", hour, 6)
		want("the end of an hour; another has left", hour.Add(62*time.Minute), 8, 2)
		save("b", hour, 7)
		want("remembered", hour.Add(63*time.Minute), 8, 2)
		want("ten minutes later", hour.Add(73*time.Minute), 9, 2)
		save("b", hour, 8)
		want("again", hour.Add(84*time.Minute), 10, 2)
		want("complete", hour.Add(4*time.Hour), 10, 2)
		save("b", hour, 9)
		want("as good as its day", hour.Add(23*time.Hour), 10, 2)
		want("a clock that went back", hour.Add(70*time.Minute), 11, 2)
		want("the day is over", hour.Add(25*time.Hour), 0, 0)

		pools, err := s.PoolSummaries(t.Context(), "1", "r", time.Time{}, 9)
		noError(t, err)
		if len(pools) != 1 || pools[0].SignIns != 0 {
			t.Errorf("without a time: %+v", pools)
		}
	})
}

// Memory is bounded, and each account has its own hours.
func TestPoolUsageOfManyAccounts(t *testing.T) {
	var u poolUsage
	now := time.Unix(1_000_000*3600, 0)
	begin := millis(now.Add(-5 * time.Hour))
	for n := range 3 * usageScopes {
		scope := [2]string{"1", string(rune('a' + n))}
		u.remember(scope, map[int64]usageHour{begin: {read: now}})
		if len(u.known(scope, now)) != 1 || len(u.known([2]string{"2", scope[1]}, now)) != 0 {
			t.Errorf("scope %d is not remembered alone", n)
		}
		if len(u.scopes) > usageScopes {
			t.Fatalf("%d scopes are in memory", len(u.scopes))
		}
	}
}
