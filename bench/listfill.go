package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx
	_ "modernc.org/sqlite"             // the driver named sqlite

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/statistics"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// onPostgreSQL makes a deployment on a PostgreSQL that ends with this process.
func (b *bench) onPostgreSQL(ctx context.Context) (*deployment, error) {
	url, err := pgtest.Database()
	if err != nil {
		return nil, err
	}
	l := b.mainLayout()
	l.name, l.database = "postgresql", url
	l.settings["database"], l.settings["master_key_file"] = url, filepath.Join(b.dir, "postgresql.key")

	return b.newDeployment(ctx, l)
}

// withoutRates returns the deployment with a settings file in which the rates of the admin API are no limit: one
// client asks for as fast as it is answered.
func (b *bench) withoutRates(d *deployment) (*deployment, error) {
	text, err := os.ReadFile(d.settings)
	if err != nil {
		return nil, err
	}
	settings := map[string]any{}
	if err := json.Unmarshal(text, &settings); err != nil {
		return nil, err
	}

	rates := map[string]any{}
	for name := range adminapi.Rates() {
		rates[name] = map[string]any{"rate": 10_000}
	}
	settings["rate_limits"] = map[string]any{"operations": rates}
	if text, err = json.Marshal(settings); err != nil {
		return nil, err
	}

	made := *d
	made.settings += ".lists.yaml"

	return &made, os.WriteFile(made.settings, text, 0o600)
}

// fillStatement fills a store: the same for each database engine, in its own functions.
type fillStatement struct {
	sqlite, postgresql string
	args               []any
}

// fillQuickly adds identities of the last year to the deployment's pool, every other one with a login of a kind that
// the pool has, by a few statements. It returns the time in the middle.
func fillQuickly(ctx context.Context, d *deployment, n int) (middle time.Time, err error) {
	db, engine, err := d.sql()
	if err != nil {
		return middle, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	const year = 365 * 24 * time.Hour
	begin := time.Now().Add(-year).UnixMilli()
	for _, statement := range fillStatements(d, n, begin, year.Milliseconds()) {
		text := statement.sqlite
		if engine == "pgx" {
			text = statement.postgresql
		}
		if _, err := db.ExecContext(ctx, text, statement.args...); err != nil {
			return middle, fmt.Errorf("filling the store: %w", err)
		}
	}

	return time.UnixMilli(begin).Add(year / 2), nil
}

// fillStatements returns the statements that add n identities, made evenly from begin on, in milliseconds.
func fillStatements(d *deployment, n int, begin, during int64) []fillStatement {
	const (
		columns = `identities (identity_id, pool_id, disabled, merged_to, ever_linked, revision, created, modified)`
		logins  = `logins (pool_id, login_key, identity_id, kind, provider, subject, scope)`
		without = `FROM identities AS i, (SELECT kind, provider, scope FROM logins LIMIT 1) AS l
			WHERE i.ever_linked AND i.created < $1 AND i.identity_id NOT IN (SELECT identity_id FROM logins)`
		counts = `UPDATE pool_counts SET identities = identities + $1 WHERE pool_id = $2`
	)

	return []fillStatement{
		{
			sqlite: `WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $1)
				INSERT INTO ` + columns + `
				SELECT $2 || ':' || lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' ||
					substr(lower(hex(randomblob(2))), 2) || '-a' || substr(lower(hex(randomblob(2))), 2) || '-' ||
					lower(hex(randomblob(6))), $3, FALSE, '', n % 2, 1, $4 + n * $5 / $1, $4 + n * $5 / $1 FROM number`,
			postgresql: `INSERT INTO ` + columns + `
				SELECT $2::text || ':' || gen_random_uuid(), $3, FALSE, '', n % 2 = 1, 1,
					$4::bigint + n * $5::bigint / $1::bigint, $4::bigint + n * $5::bigint / $1::bigint
				FROM generate_series(1, $1::bigint) AS n`,
			args: []any{n, region, d.pool, begin, during},
		},
		{
			sqlite: `INSERT INTO ` + logins + ` SELECT i.pool_id, randomblob(32), i.identity_id, l.kind, l.provider,
				CAST(i.identity_id AS BLOB), l.scope ` + without,
			postgresql: `INSERT INTO ` + logins + ` SELECT i.pool_id, sha256(convert_to(i.identity_id, 'UTF8')),
				i.identity_id, l.kind, l.provider, convert_to(i.identity_id, 'UTF8'), l.scope ` + without,
			args: []any{begin + during},
		},
		{sqlite: counts, postgresql: counts, args: []any{n, d.pool}},
		{sqlite: `PRAGMA optimize`, postgresql: `VACUUM ANALYZE`},
	}
}

// repeatPoolHours repeats the hours of pools' statistics until they fill the time for which they are kept.
func repeatPoolHours(ctx context.Context, d *deployment) (err error) {
	db, _, err := d.sql()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	for begin := poolHours * time.Hour; begin < statistics.Kept; begin += poolHours * time.Hour {
		if _, err := db.ExecContext(ctx, `INSERT INTO pool_statistics
				(account, region, period, pool_id, node, sign_ins, refused, counts)
			SELECT account, region, period - $1, pool_id, node, sign_ins, refused, counts
			FROM pool_statistics WHERE period > $2`,
			begin.Milliseconds(), time.Now().Add(-poolHours*time.Hour).UnixMilli()); err != nil {
			return fmt.Errorf("repeating statistics: %w", err)
		}
	}

	return nil
}

// fillOverviews adds pools and statistics to a store that nobody serves.
func fillOverviews(ctx context.Context, d *deployment) error {
	if err := fillStatistics(ctx, d); err != nil {
		return err
	}
	return repeatPoolHours(ctx, d)
}

func fillStatistics(ctx context.Context, d *deployment) (err error) {
	s, err := d.store(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	pools, err := fillPools(ctx, s, identitypool.PoolID(d.pool))
	if err != nil {
		return err
	}

	now := time.Now()
	var rows []store.StatisticsRow
	for range listNodes {
		node := uuid.NewString()
		for at := now.Truncate(statistics.Period); now.Sub(at) < statistics.Kept; at = at.Add(-statistics.Period) {
			row, err := madeStatistics(node, "", at)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}

		for n := range poolHours {
			for _, pool := range pools {
				at := now.Truncate(statistics.PoolPeriod).Add(-time.Duration(n) * time.Hour)
				row, err := madeStatistics(node, pool, at)
				if err != nil {
					return err
				}
				rows = append(rows, row)
			}
		}
	}
	if _, err := s.SaveStatistics(ctx, rows); err != nil {
		return err
	}

	r := statistics.New(statistics.Options{Store: s, Now: time.Now})
	for more := true; more && err == nil; { // as a server does from hour to hour
		more, err = r.Merge(ctx)
	}

	return err
}

// fillPools makes pools like the first, and returns all of them.
func fillPools(ctx context.Context, s *store.Store, first identitypool.PoolID) ([]identitypool.PoolID, error) {
	pools := []identitypool.PoolID{first}
	model, err := s.Pool(ctx, pools[0])
	if err != nil {
		return nil, err
	}

	for n := range listPools {
		pool := model
		pool.ID, pool.Name = identitypool.PoolID(region+":"+uuid.NewString()), fmt.Sprintf("application %04d", n)
		pool.Created, pool.Updated = time.Time{}, time.Time{}
		if err := s.CreatePool(ctx, pool, 0); err != nil {
			return nil, err
		}
		pools = append(pools, pool.ID)
	}

	return pools, nil
}

// madeStatistics makes what a busy node counted in a period: of a pool, or of the account with latencies.
func madeStatistics(node string, pool identitypool.PoolID, at time.Time) (store.StatisticsRow, error) {
	c := statistics.Counts{
		SignIns:    rand.Int64N(1000),
		Guests:     rand.Int64N(1000),
		Identities: rand.Int64N(100),
		Refused:    map[string]int64{},
	}
	for _, reason := range []string{"login-expired", "login-signature", "guests-off", "identity-missing",
		"account-call-rate", "role-ambiguous", "trust-refused", "access-denied"} {
		c.Refused[reason] = 1 + rand.Int64N(100)
	}
	if pool == "" {
		c.Latency = map[string]*statistics.Histogram{}
		for _, operation := range []string{"GetId", "GetCredentialsForIdentity", "GetOpenIdToken",
			"GetOpenIdTokenForDeveloperIdentity", "LookupDeveloperIdentity", "DescribeIdentityPool",
			"AssumeRoleWithWebIdentity", "ListPoolSummaries"} {
			h := new(statistics.Histogram)
			for n := range len(h) / 2 {
				h[n] = rand.Int64N(1000)
			}
			c.Latency[operation] = h
		}
	}
	text, err := json.Marshal(&c)

	return store.StatisticsRow{
		Account: account,
		Region:  region,
		Period:  at,
		Node:    node,
		Pool:    pool,
		SignIns: c.SignIns + c.Guests,
		Refused: c.RefusedCalls(),
		Counts:  string(text),
	}, err
}
