package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/traces"
)

const (
	// listHeading begins the heading of the table.
	listHeading = "An administrator's calls"
	// listBound is how long an administrator's list may take.
	listBound = 50 * time.Millisecond
	// listPools is how many pools the account has, each with sign-ins in every hour of 14 days.
	listPools = 1000
	// poolHours is how many hours are made at random. Those before repeat them.
	poolHours = 24
	// listPaged is how many identities the list is paged through half of, to reach a page far from its begin.
	listPaged = 100_000
	// listNodes is how many servers' statistics are added up.
	listNodes = 2
)

// listTable has the times of an administrator's calls on a large store.
type listTable struct {
	Identities int
	Rows       []listRow
}

type listRow struct {
	Operation          string
	SQLite, PostgreSQL listTimes
}

type listTimes struct {
	P50, P99 time.Duration
	CPU      float64 // microseconds of the server's processor time per call
	Size     int     // bytes of an answer
}

// lists measures what administrators ask for, one call at a time, on a store with many identities in one pool, many
// pools, and statistics of 14 days: on SQLite and on PostgreSQL.
func (b *bench) lists(ctx context.Context, r *results) error {
	tokens, err := b.issuer.tokens(preparedUsers)
	if err != nil {
		return err
	}
	r.Lists.Identities = b.sizes[len(b.sizes)-1]

	onSQLite, err := b.base.copyTo(filepath.Join(b.dir, "lists"))
	if err != nil {
		return err
	}
	if err := b.listsOf(ctx, r, onSQLite, tokens); err != nil {
		return fmt.Errorf("SQLite: %w", err)
	}
	onPostgreSQL, err := b.onPostgreSQL(ctx)
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	if err := b.listsOf(ctx, r, onPostgreSQL, tokens); err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}

	return nil
}

// listsOf fills a deployment, and measures all questions there.
func (b *bench) listsOf(ctx context.Context, r *results, d *deployment, tokens []string) error {
	progress("filling a store with %d identities", r.Lists.Identities)
	g, err := b.fillDeployment(ctx, d, 2*preparedUsers, tokens)
	if err != nil {
		return err
	}
	began := time.Now()
	middle, err := fillQuickly(ctx, d, r.Lists.Identities-2*preparedUsers)
	if err != nil {
		return err
	}
	progress("%d identities in %v", r.Lists.Identities, time.Since(began).Round(time.Millisecond))

	progress("adding %d pools and 14 days of statistics", listPools)
	if err := fillOverviews(ctx, d); err != nil {
		return err
	}
	if d, err = b.withoutRates(d); err != nil {
		return err
	}

	return b.serving(ctx, d, func(p *process) error {
		a := &administrator{server: p, deployment: d}
		if err := a.beRefused(ctx); err != nil {
			return err
		}
		questions, err := listQuestions(ctx, a, g.about, middle)
		if err != nil {
			return err
		}

		for _, q := range questions {
			if !strings.Contains(q.name, b.match) {
				continue
			}
			times, err := a.measure(ctx, q, b.listCalls)
			if err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			r.Lists.add(q.name, d.database != "", times)
			progress("%s: p50 %v p99 %v, %.0f µs of processor time, %d bytes", q.name, times.P50, times.P99, times.CPU,
				times.Size)
		}

		return nil
	})
}

// add puts times into the row of an operation.
func (l *listTable) add(operation string, onPostgreSQL bool, times listTimes) {
	at := slices.IndexFunc(l.Rows, func(row listRow) bool { return row.Operation == operation })
	if at < 0 {
		at = len(l.Rows)
		l.Rows = append(l.Rows, listRow{Operation: operation})
	}

	if onPostgreSQL {
		l.Rows[at].PostgreSQL = times
	} else {
		l.Rows[at].SQLite = times
	}
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
	if slices.Contains(poolOperations, operation) {
		return t, sign(ctx, &t, a.keyID, a.secret)
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

// middlePage returns the input that asks for a page in the middle of a list of so many items.
func (a *administrator) middlePage(
	ctx context.Context, operation string, first map[string]any, items int,
) (map[string]any, error) {
	in := first
	for range items / first["MaxResults"].(int) / 2 {
		token, err := a.token(ctx, operation, in)
		if err != nil {
			return nil, err
		}
		in = withToken(first, token)
	}

	return in, nil
}

// beRefused fills what a node keeps of refusals.
func (a *administrator) beRefused(ctx context.Context) error {
	missing := map[string]any{"IdentityPoolId": region + ":00000000-0000-4000-8000-000000000000"}
	for range traces.Capacity {
		_, _, err := a.call(ctx, "DescribeIdentityPool", missing)
		if err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
			return fmt.Errorf("a pool that does not exist was described: %w", err)
		}
	}

	return nil
}

// measure asks a question several times, after a few times that do not count.
func (a *administrator) measure(ctx context.Context, q listQuestion, calls int) (row listTimes, err error) {
	const warmUp = 5
	var o outcome
	var before time.Duration
	for n := range warmUp + calls {
		if n == warmUp {
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
		fmt.Sprintf(listHeading+", one call at a time, %d identities in one pool, %d pools", l.Identities, listPools),
		"SQLite p50 ms", "p99 ms", "CPU ms", "PostgreSQL p50 ms", "p99 ms", "CPU ms", "Bytes", "Bound of p99", "Met",
	}}
	for _, row := range l.Rows {
		cells := []string{row.Operation}
		for _, times := range []listTimes{row.SQLite, row.PostgreSQL} {
			cells = append(cells, millis(times.P50), millis(times.P99), fmt.Sprintf("%.2f", times.CPU/1e3))
		}
		t = append(t, append(cells, fmt.Sprint(row.SQLite.Size), "< "+millis(listBound)+" ms",
			met(max(row.SQLite.P99, row.PostgreSQL.P99) < listBound)))
	}

	return t
}
