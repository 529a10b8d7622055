package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Searches reach identities by an index, however many there are.
func TestSearchesUseAnIndex(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		explain := "EXPLAIN "
		if s.Engine() == "sqlite" {
			explain = "EXPLAIN QUERY PLAN "
		}
		queries := map[string]struct {
			text string
			args []any
		}{
			"prefix":  {prefixText, []any{"us-east-1:0000", "", "us-east-1:0001", 500}},
			"recount": {recountText, []any{"p", int64(0), "", int64(1), 2000}},
			"pools":   {summariesText, []any{"a", "r", 100}},
			"used":    {usageText, []any{"a", "r", int64(1), int64(2)}},
			"steps":   {statisticsText, []any{"a", "r", int64(1), int64(2), int64(0)}},
			"hours":   {poolStatisticsText, []any{"a", "r", int64(1), int64(2), "p"}},
			"merge":   {unmergedText, []any{int64(1), int64(2), 9}},
			"logins":  {`SELECT count(*) FROM (SELECT 1 FROM logins WHERE pool_id = $1 LIMIT $2) AS l`, []any{"p", 5}},
		}

		for name, query := range queries {
			noError(t, s.write(t.Context(), func(tx *engine.Tx) error {
				if s.Engine() != "sqlite" { // it reads small tables whole unless it is told not to
					if _, err := tx.Exec(`SET LOCAL enable_seqscan = off`); err != nil {
						return err
					}
				}
				plan, err := planOf(tx, explain+query.text, query.args...)
				for _, line := range strings.Split(plan, "\n") {
					scans := strings.Contains(line, "Seq Scan") ||
						strings.Contains(line, "SCAN ") &&
							!strings.Contains(line, "SCAN i") && !strings.Contains(line, "SCAN l")
					if scans || plan == "" {
						t.Errorf("%s: %s", name, plan)
					}
				}
				return err
			}))
		}
	})
}

// planOf returns the lines of a plan.
func planOf(q engine.Querier, text string, args ...any) (string, error) {
	rows, err := q.Query(text, args...)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}

	var plan []string
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for n := range values {
			places[n] = &values[n]
		}
		if err := rows.Scan(places...); err != nil {
			return "", err
		}
		plan = append(plan, fmt.Sprint(values[len(values)-1]))
	}

	return strings.Join(plan, "\n"), rows.Err()
}

// A prefix finds what begins with it, in the order of IDs, and pages go on behind the last one.
func TestIdentitiesWithPrefix(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		for _, id := range []string{"r:aa0", "r:aa1", "r:aaf", "r:ab0", "r:a"} {
			identity := identitypool.Identity{ID: identitypool.IdentityID(id), PoolID: pool}
			noError(t, s.CreateIdentity(t.Context(), identity))
		}

		for _, c := range []struct {
			prefix, after string
			limit         int
			want          string
		}{
			{"r:aa", "", 9, "r:aa0 r:aa1 r:aaf"},
			{"r:aa", "r:aa0", 1, "r:aa1"},
			{"r:aaf", "", 9, "r:aaf"},
			{"r:b", "", 9, ""},
		} {
			found, err := s.IdentitiesWithPrefix(t.Context(), c.prefix, identitypool.IdentityID(c.after), c.limit)
			noError(t, err)

			ids := convert(found, func(i identitypool.Identity) string { return string(i.ID) })
			if got := strings.Join(ids, " "); got != c.want {
				t.Errorf("%+v: %q", c, got)
			}
		}

		_, err := s.IdentitiesWithPrefix(t.Context(), "", "", 1)
		wantError(t, "no prefix", err, ErrInvalid)
	})
}
