package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	vegeta "github.com/tsenart/vegeta/v12/lib"
	_ "modernc.org/sqlite" // the driver of the store

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/statistics"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	// listBound is what an administrator's list may take.
	listBound = 50 * time.Millisecond
	// listPools is how many pools the account has, each with sign-ins in every hour of the last two days.
	listPools = 1000
	poolHours = 48
	// listNodes is how many servers' statistics are added up.
	listNodes = 2
)

// listTable has the times of an administrator's calls on a large store.
type listTable struct {
	Identities int
	Rows       []listRow
}

type listRow struct {
	Operation string
	P50, P99  time.Duration
	CPU       float64 // microseconds of the server's processor time per call
	Size      int     // bytes of an answer
}

// lists measures the admin API's lists, one call at a time, on a store with many identities in one pool, many pools,
// and statistics of 14 days.
func (b *bench) lists(ctx context.Context, r *results) error {
	tokens, err := b.issuer.tokens(preparedUsers)
	if err != nil {
		return err
	}
	r.Lists.Identities = b.sizes[len(b.sizes)-1]
	progress("filling a store with %d identities", r.Lists.Identities)
	g, err := b.fill(ctx, 2*preparedUsers, tokens)
	if err != nil {
		return err
	}
	began := time.Now()
	middle, err := fillQuickly(ctx, g.about.deployment, r.Lists.Identities-2*preparedUsers)
	if err != nil {
		return err
	}
	progress("%d identities in %v", r.Lists.Identities, time.Since(began).Round(time.Millisecond))

	progress("adding %d pools and 14 days of statistics", listPools)
	if err := fillOverviews(ctx, g.about.deployment); err != nil {
		return err
	}
	d, err := b.withoutRates(g.about.deployment)
	if err != nil {
		return err
	}

	return b.serving(ctx, d, func(p *process) error {
		a := &administrator{server: p, deployment: d}
		questions, err := listQuestions(ctx, a, g.about, middle)
		if err != nil {
			return err
		}

		for _, q := range questions {
			if !strings.Contains(q.name, b.match) {
				continue
			}
			row, err := a.measure(ctx, q, b.listCalls)
			if err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			r.Lists.Rows = append(r.Lists.Rows, row)
			progress("%s: p50 %v p99 %v, %.0f µs of processor time, %d bytes", row.Operation, row.P50, row.P99, row.CPU,
				row.Size)
		}

		return nil
	})
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
	made.settings = filepath.Join(b.dir, "lists.yaml")

	return &made, os.WriteFile(made.settings, text, 0o600)
}

// fillQuickly adds identities of the last year to the deployment's pool, every other one with a login of a kind that
// the pool has, by two statements: what is measured reads them only. It returns the time in the middle.
func fillQuickly(ctx context.Context, d *deployment, n int) (middle time.Time, err error) {
	db, err := sql.Open("sqlite", filepath.Join(d.dir, poolhouse.DatabaseFile))
	if err != nil {
		return middle, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	const year = 365 * 24 * time.Hour
	begin := time.Now().Add(-year).UnixMilli()
	for _, statement := range []struct {
		text string
		args []any
	}{
		{`WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
			INSERT INTO identities (identity_id, pool_id, disabled, merged_to, ever_linked, revision, created, modified)
			SELECT ?2 || ':' || lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' ||
				substr(lower(hex(randomblob(2))), 2) || '-a' || substr(lower(hex(randomblob(2))), 2) || '-' ||
				lower(hex(randomblob(6))), ?3, FALSE, '', n % 2, 1, ?4 + n * ?5 / ?1, ?4 + n * ?5 / ?1 FROM number`,
			[]any{n, region, d.pool, begin, year.Milliseconds()}},
		{`INSERT INTO logins (pool_id, login_key, identity_id, kind, provider, subject, scope)
			SELECT i.pool_id, randomblob(32), i.identity_id, l.kind, l.provider, CAST(i.identity_id AS BLOB), l.scope
			FROM identities AS i, (SELECT kind, provider, scope FROM logins LIMIT 1) AS l
			WHERE i.ever_linked AND i.created < ?1 AND i.identity_id NOT IN (SELECT identity_id FROM logins)`, []any{begin + year.Milliseconds()}},
		{`UPDATE pool_counts SET identities = identities + ?1 WHERE pool_id = ?2`, []any{n, d.pool}},
	} {
		if _, err := db.ExecContext(ctx, statement.text, statement.args...); err != nil {
			return middle, fmt.Errorf("filling the store: %w", err)
		}
	}

	return time.UnixMilli(begin).Add(year / 2), nil
}

// fillOverviews adds pools and statistics to a store that nobody serves.
func fillOverviews(ctx context.Context, d *deployment) (err error) {
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(d.dir, poolhouse.DatabaseFile), CacheEntries: -1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	pools := []identitypool.PoolID{identitypool.PoolID(d.pool)}
	model, err := s.Pool(ctx, pools[0])
	if err != nil {
		return err
	}

	for n := range listPools {
		pool := model
		pool.ID, pool.Name = identitypool.PoolID(region+":"+uuid.NewString()), fmt.Sprintf("application %04d", n)
		pool.Created, pool.Updated = time.Time{}, time.Time{}
		if err := s.CreatePool(ctx, pool, 0); err != nil {
			return err
		}
		pools = append(pools, pool.ID)
	}

	now := time.Now()
	var rows, poolRows []store.StatisticsRow
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
				poolRows = append(poolRows, row)
			}
		}
	}
	if _, err := s.SaveStatistics(ctx, false, rows); err != nil {
		return err
	}
	_, err = s.SaveStatistics(ctx, true, poolRows)

	return err
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

// listQuestion is a kind of call. input is asked for each call anew.
type listQuestion struct {
	name      string
	operation string
	member    string // what each answer contains
	input     func(n int) map[string]any
}

// listQuestions returns the calls that are measured. The identities were made evenly around the middle.
func listQuestions(
	ctx context.Context, a *administrator, about *subjects, middle time.Time,
) ([]listQuestion, error) {
	always := func(in map[string]any) func(int) map[string]any {
		return func(int) map[string]any { return in }
	}
	later := map[string]any{"IdentityPoolId": about.pool, "CreatedAfter": middle.Unix(), "MaxResults": 60}
	next, err := a.token(ctx, "SearchIdentities", later)
	if err != nil {
		return nil, err
	}
	last, err := a.lastPage(ctx, "ListPoolSummaries", map[string]any{"MaxResults": 100})
	if err != nil {
		return nil, err
	}

	pools, found := `{"Pools":[{"Id":"`, `{"Identities":[{"I`

	return []listQuestion{
		{"ListPoolSummaries, first page", "ListPoolSummaries", pools, always(map[string]any{"MaxResults": 100})},
		{"ListPoolSummaries, Search", "ListPoolSummaries", pools, func(n int) map[string]any {
			return map[string]any{"Search": fmt.Sprintf("ion %03d", n%100)}
		}},
		{"ListPoolSummaries, Sort SignIns24h", "ListPoolSummaries", pools,
			always(map[string]any{"Sort": "SignIns24h", "MaxResults": 100})},
		{"ListPoolSummaries, last page", "ListPoolSummaries", pools, always(last)},
		{"SearchIdentities, Subject", "SearchIdentities", found, func(n int) map[string]any {
			return map[string]any{"IdentityPoolId": about.pool, "ProviderName": about.loginKey,
				"Subject": subject(n % len(about.users))}
		}},
		{"SearchIdentities, IdentityIdPrefix of 4 digits", "SearchIdentities", found, func(n int) map[string]any {
			prefix := about.guests[n%len(about.guests)][:len(region)+5]
			return map[string]any{"IdentityIdPrefix": prefix, "MaxResults": 60}
		}},
		{"SearchIdentities, CreatedAfter", "SearchIdentities", found, always(later)},
		{"SearchIdentities, CreatedAfter, next page", "SearchIdentities", found, always(withToken(later, next))},
		{"PreviewDeletion of the large pool", "PreviewDeletion", `"Kind":"identity-pool"`,
			always(map[string]any{"Kind": "identity-pool", "Id": about.pool})},
		{"PreviewDeletion of a role of all pools", "PreviewDeletion", `"Kind":"role"`,
			always(map[string]any{"Kind": "role", "Id": roleARN("User")})},
		{"GetStatistics of a day", "GetStatistics", `"Series"`, always(map[string]any{})},
		{"GetStatistics of 14 days", "GetStatistics", `"Series"`,
			always(map[string]any{"From": time.Now().Add(-statistics.Kept).Unix() + 900, "Step": 900})},
		{"GetStatistics of a pool, 14 days", "GetStatistics", `"Series"`, always(map[string]any{
			"IdentityPoolId": about.pool, "From": time.Now().Add(-statistics.Kept).Unix() + 3600,
		})},
	}, nil
}

func withToken(input map[string]any, token string) map[string]any {
	in := map[string]any{"NextToken": token}
	for name, value := range input {
		in[name] = value
	}
	return in
}

// administrator calls the admin API of a server.
type administrator struct {
	server *process
	*deployment
}

// call sends one signed request. took does not have the time to sign it.
func (a *administrator) call(
	ctx context.Context, operation string, input map[string]any,
) (answer []byte, took time.Duration, err error) {
	t, err := a.target(ctx, operation, input)
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	answer, err = send(ctx, t)

	return answer, time.Since(began), err
}

func (a *administrator) target(ctx context.Context, operation string, input map[string]any) (vegeta.Target, error) {
	t, err := target(a.server.url, operation, input)
	if err != nil {
		return t, err
	}
	t.Header.Set("X-Amz-Target", adminapi.Target+"."+operation)

	return t, signFor(ctx, &t, adminapi.Name, a.keyID, a.secret)
}

// token returns the NextToken of an answer, "" if it is the last page.
func (a *administrator) token(ctx context.Context, operation string, input map[string]any) (string, error) {
	answer, _, err := a.call(ctx, operation, input)
	if err != nil {
		return "", err
	}
	var out struct{ NextToken string }
	err = json.Unmarshal(answer, &out)

	return out.NextToken, err
}

// lastPage returns the input that asks for the last page of a list.
func (a *administrator) lastPage(ctx context.Context, operation string, first map[string]any) (map[string]any, error) {
	for in := first; ; {
		token, err := a.token(ctx, operation, in)
		if err != nil || token == "" {
			return in, err
		}
		in = withToken(first, token)
	}
}

// measure asks a question several times, after a few times that do not count.
func (a *administrator) measure(ctx context.Context, q listQuestion, calls int) (listRow, error) {
	row := listRow{Operation: q.name}

	const warmUp = 5
	var o outcome
	var before time.Duration
	for n := range warmUp + calls {
		if n == warmUp {
			var err error
			if before, err = a.server.cpu(); err != nil {
				return row, err
			}
		}
		answer, took, err := a.call(ctx, q.operation, q.input(n))
		if err != nil {
			return row, err
		}
		if !strings.Contains(string(answer), q.member) {
			return row, fmt.Errorf("an answer is not the one to measure: %.200s", answer)
		}
		if n >= warmUp {
			o.latencies = append(o.latencies, took)
		}
		row.Size = len(answer)
	}
	after, err := a.server.cpu()
	if err != nil {
		return row, err
	}

	slices.Sort(o.latencies)
	row.P50, row.P99 = o.percentile(0.5), o.percentile(0.99)
	row.CPU = microsEach(after-before, calls)

	return row, nil
}

func (l *listTable) table() table {
	t := table{{
		fmt.Sprintf("Admin API, one call at a time, %d identities in one pool, %d pools", l.Identities, listPools),
		"p50 ms", "p99 ms", "CPU ms", "Bytes", "Bound of p99", "Met",
	}}
	for _, row := range l.Rows {
		t = append(t, []string{
			row.Operation, millis(row.P50), millis(row.P99), fmt.Sprintf("%.2f", row.CPU/1e3), fmt.Sprint(row.Size),
			"< " + millis(listBound) + " ms", met(row.P99 < listBound),
		})
	}

	return t
}
