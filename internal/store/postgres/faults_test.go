package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// quickTiming keeps the tests of faults short.
var quickTiming = Timing{
	Connect: 700 * time.Millisecond,
	Ping:    300 * time.Millisecond,
	Read:    time.Second,
	Turn:    600 * time.Millisecond,
	Stuck:   300 * time.Millisecond,
	Lock:    500 * time.Millisecond,
	Alive:   200 * time.Millisecond,
}

// quickWrite is the bound of writes beside quickTiming.
const quickWrite = 1200 * time.Millisecond

// soon is when a caller must have its answer: the bounds above, and what a busy
// machine adds.
const soon = 4 * time.Second

// faulty is a store behind a proxy, with a pool and a view from outside.
type faulty struct {
	*notes
	proxy   *pgtest.Proxy
	home    string // its pool
	outside *sql.DB
}

func openFaulty(t *testing.T, conns int) *faulty {
	t.Helper()
	return openFaultyOn(t, pgtest.URL(t), conns)
}

func openFaultyOn(t *testing.T, direct string, conns int) *faulty {
	t.Helper()
	outside, err := sql.Open("pgx", direct)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = outside.Close() })
	proxy, url := pgtest.NewProxy(t, direct)
	s := open(t, Options{
		URL:       url,
		Logger:    slog.New(slog.DiscardHandler),
		ReadConns: conns,
		Timing:    quickTiming,
	}, quickWrite)

	return &faulty{notes: s, proxy: proxy, home: addPool(t, s), outside: outside}
}

func (f *faulty) read(ctx context.Context) error {
	_, err := f.pool(ctx, f.home)
	return err
}

func (f *faulty) write(ctx context.Context) (string, error) {
	id := newID()
	return id, f.add(ctx, id)
}

// visible waits until the server knows whether the row is there: a backend that a
// proxy cut off ends by itself.
func (f *faulty) visible(t *testing.T, id string) bool {
	t.Helper()
	eventually(t, f.outside, `SELECT count(*) FROM `+clients+` AND state = 'active'`, 0)
	var n int
	err := f.outside.QueryRowContext(t.Context(), `SELECT count(*) FROM identities WHERE identity_id = $1`, id).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// within reports how long fn took, and fails when that was too long.
func within(t *testing.T, what string, fn func() error) error {
	t.Helper()
	began := time.Now()
	err := fn()
	if took := time.Since(began); took > soon {
		t.Errorf("%s took %s", what, took)
	}
	return err
}

// A connection fails at each point of its life in each way. A caller is answered
// soon and truly; nothing is cancelled; the next caller notices nothing.
func TestPostgreSQLFaults(t *testing.T) {
	const (
		begin  = "begin"
		insert = "INSERT INTO identities"
		pool   = "FROM pools AS p"
		commit = "commit\x00" // not that of "read committed"
	)
	database := pgtest.URL(t)
	actions := map[string]pgtest.Action{"swallow": pgtest.Swallow, "cut": pgtest.Cut, "half-close": pgtest.HalfClose}
	for _, test := range []struct {
		name  string
		rule  pgtest.Rule
		fresh bool // the fault meets a connection that is being made
		write bool
		// The errors when it swallows, and when it closes a connection once.
		swallowed, closed error
		there             bool // the row is written in the end
	}{
		{name: "read, authentication", fresh: true, swallowed: engine.ErrUnavailable, closed: engine.ErrUnavailable},
		{name: "read, statement", rule: pgtest.Rule{Client: pool}, swallowed: engine.ErrUnavailable},
		{name: "read, answer", rule: pgtest.Rule{Client: pool, Passed: true}, swallowed: engine.ErrUnavailable},
		{name: "read, amid rows", rule: pgtest.Rule{Client: pool, Passed: true, Answer: 300},
			swallowed: engine.ErrUnavailable},
		{name: "write, authentication", fresh: true, write: true, swallowed: engine.ErrUnavailable,
			closed: engine.ErrUnavailable},
		{name: "write, begin", rule: pgtest.Rule{Client: begin}, write: true,
			swallowed: engine.ErrUnavailable, there: true},
		{name: "write, begun", rule: pgtest.Rule{Client: begin, Passed: true}, write: true,
			swallowed: engine.ErrUnavailable, there: true},
		{name: "write, statement", rule: pgtest.Rule{Client: insert}, write: true,
			swallowed: engine.ErrUnavailable, there: true},
		{name: "write, stated", rule: pgtest.Rule{Client: insert, Passed: true}, write: true,
			swallowed: engine.ErrUnavailable, there: true},
		{name: "write, commit", rule: pgtest.Rule{Client: commit}, write: true, swallowed: engine.ErrIndeterminate,
			closed: engine.ErrIndeterminate},
		{name: "write, committed", rule: pgtest.Rule{Client: commit, Passed: true}, write: true,
			swallowed: engine.ErrIndeterminate, closed: engine.ErrIndeterminate, there: true},
	} {
		for way, action := range actions {
			t.Run(test.name+", "+way, func(t *testing.T) {
				t.Parallel()
				f := openFaultyOn(t, database, 2)
				rule, want := test.rule, test.closed
				rule.Action, rule.Times = action, 1
				if action == pgtest.Swallow {
					want = test.swallowed
				}
				if test.fresh {
					f.Engine.suspect()
				}
				f.proxy.Set(&rule)

				var id string
				err := within(t, "the call", func() (err error) {
					if test.write {
						id, err = f.write(t.Context())
						return err
					}
					return f.read(t.Context())
				})

				wantError(t, "the call", err, want)
				if errors.Is(err, engine.ErrUnavailable) && errors.Is(err, engine.ErrIndeterminate) {
					t.Errorf("both known and unknown: %v", err)
				}
				if n := f.proxy.Acted(); n != 1 {
					t.Fatalf("the fault happened %d times", n)
				}

				there := test.there && (want == nil || errors.Is(want, engine.ErrIndeterminate))
				if test.write && f.visible(t, id) != there {
					t.Errorf("the row is there: %t, want %t", !there, there)
				}

				for range 4 {
					wantError(t, "a read afterwards",
						within(t, "a read afterwards", func() error { return f.read(t.Context()) }), nil)
					_, err := f.write(t.Context())
					wantError(t, "a write afterwards", err, nil)
				}

				if n := f.proxy.Cancels(); n != 0 {
					t.Errorf("%d cancel requests were sent", n)
				}
			})
		}
	}
}

// Many callers meet connections that lead nowhere. Each is answered soon; those that
// come while the pool is stuck at once; and as soon as new connections work, all do.
func TestManyCallersOfAFrozenPostgreSQL(t *testing.T) {
	for _, conns := range []int{1, 8} {
		t.Run(fmt.Sprint(conns, " connections"), func(t *testing.T) {
			t.Parallel()
			f := openFaulty(t, conns)
			call := func(n int) error {
				if n%2 == 0 {
					return f.read(t.Context())
				}
				_, err := f.write(t.Context())
				return err
			}
			all := func(what string, check func(error)) {
				t.Helper()

				var group sync.WaitGroup
				for n := range 64 {
					group.Go(func() { check(within(t, what, func() error { return call(n) })) })
				}
				group.Wait()
			}
			all("a call before", func(err error) { wantError(t, "a call before", err, nil) })

			f.proxy.Set(&pgtest.Rule{Action: pgtest.Swallow}) // new connections
			f.proxy.Each(pgtest.Swallow)

			for range 2 {
				all("a call meanwhile",
					func(err error) { wantError(t, "a call meanwhile", err, engine.ErrUnavailable) })
			}

			for _, p := range f.Usage() {
				if p.InUse != 0 || p.Waiting != 0 || p.Waits == 0 || p.Waited == 0 {
					t.Errorf("afterwards %+v", p)
				}
			}

			f.proxy.Set(nil)
			all("a call afterwards", func(err error) { wantError(t, "a call afterwards", err, nil) })
			if n := f.proxy.Cancels(); n != 0 {
				t.Errorf("%d cancel requests were sent", n)
			}
		})
	}
}

// While every connection hangs, a caller does not wait for its turn.
func TestStuckPoolRefusesAtOnce(t *testing.T) {
	f := openFaulty(t, 1)
	f.Engine.reads.timing.Stuck = time.Millisecond

	wantError(t, "a read before", f.read(t.Context()), nil)
	f.proxy.Each(pgtest.Swallow)
	held := make(chan error, 1)
	go func() { held <- f.read(t.Context()) }()

	for f.Usage()[0].InUse == 0 {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}

	pool := f.Engine.reads
	for !pool.stuck() { // a millisecond
	}

	began := time.Now()
	err := f.read(t.Context())
	if took := time.Since(began); took >= quickTiming.Turn {
		t.Errorf("refused after %s", took)
	}
	wantError(t, "a read while the pool is stuck", err, engine.ErrUnavailable)
	wantError(t, "the read that holds the connection", <-held, engine.ErrUnavailable)
}

// The time of a call is for all its statements together.
func TestBudgetOfACall(t *testing.T) {
	f := openFaulty(t, 8)
	f.Engine.timing.Read = time.Hour
	f.limit = time.Hour
	f.proxy.Set(&pgtest.Rule{Action: pgtest.Swallow})
	f.proxy.Each(pgtest.Swallow)
	ctx := overload.WithBudget(t.Context(), 300*time.Millisecond, time.Now)

	for range 4 {
		wantError(t, "a read", within(t, "a read", func() error { return f.read(ctx) }), engine.ErrUnavailable)
		_, err := f.write(ctx)
		wantError(t, "a write", err, engine.ErrUnavailable)
		err = f.snapshot(ctx)
		wantError(t, "a snapshot", err, engine.ErrUnavailable)
	}
}

// Whatever closes idle connections, no call pays for it.
func TestClosedIdleConnectionsCostNoAnswer(t *testing.T) {
	for _, test := range []struct {
		name  string
		close func(*testing.T, *faulty)
	}{
		{"pg_terminate_backend", func(t *testing.T, f *faulty) {
			if _, err := f.outside.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM `+clients); err !=
				nil {
				t.Fatal(err)
			}
			eventually(t, f.outside, `SELECT count(*) FROM `+clients, 0)
		}},
		{"a load balancer", func(_ *testing.T, f *faulty) { f.proxy.Each(pgtest.Cut) }},
		{"half-closed", func(_ *testing.T, f *faulty) { f.proxy.Each(pgtest.HalfClose) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			f := openFaulty(t, 8)
			for n := range 24 {
				var group sync.WaitGroup
				for range 4 {
					group.Go(func() { _ = f.read(t.Context()) }) // several connections
				}
				group.Wait()
				test.close(t, f)

				if n%2 == 0 {
					wantError(t, "a read", f.read(t.Context()), nil)
				} else {
					_, err := f.write(t.Context())
					wantError(t, "a write", err, nil)
				}
			}
		})
	}
}

// A closed connection is found before anything is sent on it.
func TestClosedConnectionIsFoundBeforeUse(t *testing.T) {
	f := openFaulty(t, 1)
	session := func() (found *session) {
		t.Helper()
		err := f.Engine.reads.use(t.Context(), func(conn *sql.Conn) error {
			return conn.Raw(func(c any) error {
				found = c.(*session)
				return nil
			})
		})
		wantError(t, "a connection", err, nil)

		return found
	}

	first := session()
	if session() != first {
		t.Fatal("an open connection was given up")
	}

	f.proxy.Each(pgtest.HalfClose)
	if session() == first {
		t.Error("the closed connection was used")
	}
}

// A commit that waits for a standby ends with an error at the limit. No cancel
// request is sent, which would make it visible.
func TestCommitAtItsLimitIsNotCancelled(t *testing.T) {
	f := openFaulty(t, 2)
	if _, err := f.outside.ExecContext(t.Context(), `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() ||
		' SET synchronous_commit = on'; END $$`); err != nil {
		t.Fatal(err)
	}
	f.Engine.suspect() // the setting is for new connections
	id, err := f.write(overload.WithBudget(t.Context(), quickWrite, time.Now))

	wantError(t, "the write", err, engine.ErrIndeterminate)
	eventually(t, f.outside, waitingCommits, 1)
	var n int
	if err := f.outside.QueryRowContext(t.Context(), `SELECT count(*) FROM identities WHERE identity_id = $1`, id).
		Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows are visible that no standby has, %v", n, err)
	}
	if n := f.proxy.Cancels(); n != 0 {
		t.Errorf("%d cancel requests were sent", n)
	}

	wantError(t, "a read meanwhile", f.read(t.Context()), nil)
}

// While a standby stands still, writes do not fill the server with waiting commits,
// which would keep out reads; when it goes on, the next write works.
func TestWritesWhileAStandbyStandsStill(t *testing.T) {
	f := openFaulty(t, 2)
	setCommit := func(value string) {
		t.Helper()
		if _, err := f.outside.ExecContext(t.Context(), `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() ||
			' SET synchronous_commit = `+value+`'; END $$`); err != nil {
			t.Fatal(err)
		}
		f.Engine.suspect() // the setting is for new connections
	}
	setCommit("on")

	unknown, refused := map[string]bool{}, map[string]bool{}
	for range 8 {
		id, err := f.write(overload.WithBudget(t.Context(), quickWrite, time.Now))
		switch {
		case errors.Is(err, engine.ErrIndeterminate):
			unknown[id] = true
		case errors.Is(err, engine.ErrUnavailable):
			refused[id] = true
		default:
			t.Errorf("a write ended with %v", err)
		}

		wantError(t, "a read meanwhile", f.read(t.Context()), nil)
	}

	if len(unknown) == 0 || len(unknown) > 4 {
		t.Errorf("%d writes are unknown and %d refused; want 1 to 4 unknown", len(unknown), len(refused))
	}
	eventually(t, f.outside, endWaiting, 0) // some may only begin to wait

	for id := range refused {
		if f.visible(t, id) {
			t.Errorf("a write that was refused is done: %s", id)
		}
	}
	setCommit("local")
	_, err := f.write(t.Context())
	wantError(t, "a write afterwards", err, nil)
}

// A server that does not answer at the start is named, its password is not.
func TestStartWithoutAnAnswer(t *testing.T) {
	proxy, proxied := pgtest.NewProxy(t, pgtest.URL(t))
	proxied = strings.Replace(proxied, "postgres:///", "postgres://:hidden-word@/", 1)

	for _, test := range []struct {
		name string
		url  string
		rule pgtest.Rule
	}{
		{name: "dial", url: "postgres://postgres:hidden-word@" + deaf(t) + "/x"},
		{name: "TLS", url: proxied + "&sslmode=require", rule: pgtest.Rule{Action: pgtest.Swallow}},
		{name: "authentication", url: proxied, rule: pgtest.Rule{Action: pgtest.Swallow}},
		{name: "first statement", url: proxied, rule: pgtest.Rule{Client: "server_version", Action: pgtest.Swallow}},
		{name: "closed", url: proxied, rule: pgtest.Rule{Action: pgtest.Cut}},
	} {
		t.Run(test.name, func(t *testing.T) {
			proxy.Set(&test.rule)
			err := within(t, "the start", func() error {
				s, err := openNotes(t.Context(),
					Options{URL: test.url, Timing: Timing{Start: 500 * time.Millisecond}}, quickWrite)
				if err == nil {
					err = errors.Join(errors.New("it opened"), s.Close())
				}
				return err
			})

			if text := err.Error(); !strings.Contains(text, "127.0.0.1:") || strings.Contains(text, "hidden-word") {
				t.Errorf("the error is %q", text)
			}
		})
	}
}

// deaf returns an address at which the kernel answers no more connections: the queue
// of those that nobody accepts is full.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = syscall.Close(fd) })
	err = errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0))
	if err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}

	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 8 {
		conn, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the queue of the listener does not fill")

	return ""
}

// What callers gave up does not go on in the server: not what waits for a lock, not
// what computes. Either of the two means ends it. Commits that wait for a standby go
// on waiting all the same, since ending that would make them visible.
func TestServerEndsWhatWasGivenUp(t *testing.T) {
	means := map[string]func(*Timing){
		"the bounds":           func(t *Timing) { t.Alive = time.Hour },
		"the missing client":   func(t *Timing) { t.Lock = time.Hour },
		"the bounds and both":  func(*Timing) {},
		"nothing, the control": func(t *Timing) { t.Alive, t.Lock = time.Hour, time.Hour },
	}

	const conns, calls = 2, 8
	write := func(f *faulty) error { return f.probeRow(quickWrite) }
	for _, test := range []struct {
		name   string
		begin  string // by somebody else, in a transaction that stays open
		local  bool   // commits wait for no standby
		call   func(*faulty) error
		counts bool // the control shows it
	}{
		{name: "writes to a row of a waiting commit", call: write, counts: true},
		{name: "writes to a locked row", begin: `SELECT * FROM write_probe FOR UPDATE`, local: true,
			call: write, counts: true},
		{name: "reads of a locked table", begin: `LOCK TABLE pools IN ACCESS EXCLUSIVE MODE`, local: true,
			call: func(f *faulty) error { return f.read(context.Background()) }},
		{name: "slow reads", local: true, call: func(f *faulty) error {
			return f.Read(context.Background(), func(q engine.Querier) error {
				_, err := q.Exec(`SELECT pg_sleep(60)`)
				return err
			})
		}},
	} {
		for by, set := range means {
			control := strings.Contains(by, "control")
			if control && !test.counts {
				continue // the bound of a statement is that of reads, which has a caller
			}
			t.Run(test.name+", "+by, func(t *testing.T) {
				t.Parallel()
				f := openTimed(t, conns, set)
				wantError(t, "the first probe", f.probeRow(quickWrite), nil)
				if test.begin != "" {
					f.hold(t, test.begin)
				}
				if !test.local {
					f.commitOn(t)
					wantError(t, "the first write", f.probeRow(quickWrite), engine.ErrIndeterminate)
				}

				for range calls / conns {
					var group sync.WaitGroup
					for range conns {
						group.Go(func() {
							err := within(t, "a call", func() error { return test.call(f) })
							wantError(t, "a call", err, engine.ErrUnavailable)
						})
					}
					group.Wait()
				}

				const abandoned = `SELECT count(*) FROM ` + clients +
					` AND state = 'active' AND wait_event IS DISTINCT FROM 'SyncRep'`
				if control {
					var n int
					noError(t, f.outside.QueryRowContext(t.Context(), abandoned).Scan(&n))
					if n == 0 {
						t.Error("nothing goes on: the test shows nothing")
					}
					return
				}

				eventually(t, f.outside, abandoned, 0)
				if !test.local {
					eventually(t, f.outside, waitingCommits, 1)
				}
			})
		}
	}
}

// openTimed is openFaulty with other bounds.
func openTimed(t *testing.T, conns int, set func(*Timing)) *faulty {
	t.Helper()
	direct := pgtest.URL(t)
	outside, err := sql.Open("pgx", direct)
	noError(t, err)
	t.Cleanup(func() { _ = outside.Close() })
	timing := quickTiming
	set(&timing)
	s := open(t, Options{
		URL:       direct,
		Logger:    slog.New(slog.DiscardHandler),
		ReadConns: conns,
		Timing:    timing,
	}, quickWrite)

	return &faulty{notes: s, home: addPool(t, s), outside: outside}
}

// probeRow writes the one row that all probes share.
func (f *faulty) probeRow(limit time.Duration) error {
	return f.Write(context.Background(), limit, func(t *engine.Tx) error {
		_, err := t.Exec(`INSERT INTO write_probe (one, written, filler) VALUES (1, 1, '')
			ON CONFLICT (one) DO UPDATE SET written = write_probe.written + 1`)
		return err
	})
}

// commitOn has the commits of new connections wait for a standby that is not there.
func (f *faulty) commitOn(t *testing.T) {
	t.Helper()
	_, err := f.outside.ExecContext(t.Context(), `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() ||
		' SET synchronous_commit = on'; END $$`)
	noError(t, err)
	f.Engine.suspect()
}

// hold runs a statement in a transaction that stays open until the test ends.
func (f *faulty) hold(t *testing.T, text string) {
	t.Helper()
	other, err := f.outside.BeginTx(context.Background(), nil)
	noError(t, err)
	t.Cleanup(func() { _ = other.Rollback() })
	_, err = other.ExecContext(t.Context(), text)
	noError(t, err)
}

// What is meant to take any time is not ended by the bounds, and the connections
// have them again afterwards.
func TestUnboundedWorkHasNoBounds(t *testing.T) {
	f := openTimed(t, 1, func(t *Timing) { t.Read = 300 * time.Millisecond })
	bounds := func(name string, run func(func(engine.Querier) error) error, lock, statement string) {
		t.Helper()
		var got []string
		err := run(func(q engine.Querier) (err error) {
			rows, err := q.Query(
				`SELECT current_setting('lock_timeout') || ' ' || current_setting('statement_timeout')`,
			)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, rows.Close()) }()

			got = make([]string, 1)
			if !rows.Next() {
				return rows.Err()
			}

			return rows.Scan(&got[0])
		})
		if want := lock + " " + statement; err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: the bounds are %q, %v; want %s", name, got, err, want)
		}
	}

	ctx := t.Context()
	write := func(limit time.Duration) func(func(engine.Querier) error) error {
		return func(fn func(engine.Querier) error) error {
			return f.Write(ctx, limit, func(t *engine.Tx) error { return fn(t) })
		}
	}
	snapshot := func(limit time.Duration) func(func(engine.Querier) error) error {
		return func(fn func(engine.Querier) error) error { return f.Snapshot(ctx, limit, fn) }
	}

	for range 2 {
		bounds("a dump", snapshot(0), "0", "0")
		bounds("a snapshot", snapshot(time.Minute), "500ms", "300ms")
		bounds("a read", func(fn func(engine.Querier) error) error { return f.Read(ctx, fn) }, "500ms", "300ms")
		bounds("a load", write(0), "0", "0")
		bounds("a write", write(time.Minute), "500ms", "0")

		wantError(t, "scrub", f.Scrub(ctx, []string{"pools"}), nil)
	}
}

// A call that has little time left, or none, does not cost others their connections.
func TestShortBudgetsGiveUpNoConnections(t *testing.T) {
	f := openFaulty(t, 1)
	e := f.Engine
	e.reads.timing.Idle, e.writes.timing.Idle = time.Nanosecond, time.Nanosecond // ping before each use
	wantError(t, "a read", f.read(t.Context()), nil)
	reads, writes := e.reads.suspected.Load(), e.writes.suspected.Load()

	spent := overload.WithBudget(t.Context(), time.Nanosecond, time.Now)
	_, end := overload.StartWait(spent, 0)
	end()
	short := overload.WithBudget(t.Context(), time.Nanosecond, time.Now)

	ended, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()

	for _, ctx := range []context.Context{spent, short, ended} {
		_ = within(t, "a read", func() error { return f.read(ctx) })
		_, _ = f.write(ctx)
		_ = f.snapshot(ctx)
	}
	wantError(t, "a read without a budget", f.read(spent), engine.ErrUnavailable)
	_, err := f.write(spent)
	wantError(t, "a write without a budget", err, engine.ErrUnavailable)
	err = f.snapshot(spent)
	wantError(t, "a snapshot without a budget", err, engine.ErrUnavailable)
	if e.reads.suspected.Load() != reads || e.writes.suspected.Load() != writes {
		t.Error("all connections were given up")
	}
}

// A write that lost its first connection before it began has begun all the same: its
// caller must not be told that nothing was done.
func TestLeavingAWriteThatLostItsFirstConnection(t *testing.T) {
	f := openFaulty(t, 1)
	f.limit = time.Minute
	f.Engine.suspect() // the write needs a new connection
	f.hold(t, `LOCK TABLE identities IN ACCESS EXCLUSIVE MODE`)
	f.proxy.Set(&pgtest.Rule{Client: "lock_timeout", Action: pgtest.Cut, Times: 1})

	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := f.write(ctx)
		left <- err
	}()
	eventually(t, f.outside, waitingForLocks, 1)
	cancel()

	wantError(t, "the caller that left", <-left, engine.ErrIndeterminate)
	if n := f.proxy.Acted(); n != 1 {
		t.Errorf("%d connections were lost, want 1", n)
	}
}
