package statistics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

func TestQuantile(t *testing.T) {
	var h Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("without calls: %v", got)
	}
	for range 98 {
		h.observe(1200 * time.Microsecond)
	}
	h.observe(40 * time.Millisecond)
	h.observe(time.Minute)

	for share, want := range map[float64]float64{0: 1.5, 0.5: 1.5, 0.98: 1.5, 0.99: 50, 1: 10000} {
		if got := h.Quantile(share); got != want {
			t.Errorf("%v: %v ms, want %v", share, got, want)
		}
	}

	text, err := h.MarshalJSON()
	var read Histogram
	if err != nil || read.UnmarshalJSON(text) != nil || read != h {
		t.Errorf("%s reads as %v, %v", text, read, err)
	}
}

// recorder is a Recorder on a store that may fail, with a clock.
func recorder(t *testing.T, now *time.Time, fault *error) *Recorder {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Fault: func(_ context.Context, write bool) (error, error) {
		if write {
			return nil, *fault
		}
		return nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })

	return New(Options{
		Store:      s,
		Operations: []string{"GetId"},
		Reasons:    []string{"known"},
		Node:       "a",
		Now:        func() time.Time { return *now },
		Logger:     slog.New(slog.DiscardHandler),
	})
}

// read returns what was stored for the account 1 in the period of a time.
func read(t *testing.T, r *Recorder, at time.Time) Counts {
	t.Helper()
	return readSteps(t, r, Range{From: at.Truncate(Period), Step: Period, Now: at})
}

// readPool returns what was stored for a pool of the account 1, "" = for the account, in the hour of a time.
func readPool(t *testing.T, r *Recorder, pool string, at time.Time) Counts {
	t.Helper()
	return readSteps(t, r, Range{
		Pool: identitypool.PoolID(pool), From: at.Truncate(PoolPeriod), Step: PoolPeriod, Now: at,
	})
}

// readSteps returns what was stored for the account 1 in the first step of a range.
func readSteps(t *testing.T, r *Recorder, wanted Range) Counts {
	t.Helper()
	wanted.Account, wanted.Region, wanted.To = "1", "r", wanted.From.Add(wanted.Step)
	steps, err := Read(t.Context(), r.options.Store, wanted)
	if err != nil {
		t.Fatal(err)
	}
	return steps[0]
}

// What cannot be stored is stored later, once.
func TestFlushAfterAFault(t *testing.T) {
	now, fault := time.Unix(1_000_000, 0), error(nil)
	r := recorder(t, &now, &fault)
	call := &awsapi.Record{RequestID: "1", Operation: "GetId", Account: "1", Region: "r", Pool: "r:p", Start: now}
	refused := *call
	refused.Code, refused.ReasonCode = "NotAuthorizedException", "known"
	strange := refused
	strange.ReasonCode = "made up"
	unknown := *call
	unknown.Operation = "made up"

	for range 2 {
		for _, rec := range []*awsapi.Record{call, &refused, &strange, &unknown} {
			guest := *rec
			guest.SignIn, guest.NewIdentity = awsapi.GuestSignIn, true
			r.Observe(&guest)
		}
		fault = errors.New("the disk is full")
		if err := r.Flush(t.Context()); err == nil {
			t.Error("the fault is not reported")
		}
		fault = nil
	}
	for range 2 {
		if err := r.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}

	got := read(t, r, now)
	if got.Guests != 2 || got.SignIns != 0 || got.Identities != 2 || got.Refused["known"] != 2 ||
		got.Refused[Other] != 2 || len(got.Refused) != 2 || got.Latency["GetId"].Calls() != 6 {
		t.Errorf("got %+v", got)
	}

	now = now.Add(2 * time.Hour)
	if err := r.Flush(t.Context()); err != nil || len(r.scopes)+len(r.pools) != 0 {
		t.Errorf("kept: %v, %v; %v", r.scopes, r.pools, err)
	}
	now = now.Add(Kept + 2*PoolPeriod)
	if err := r.Remove(t.Context()); err != nil {
		t.Error(err)
	}
	if got := read(t, r, time.Unix(1_000_000, 0)); got.Guests != 0 {
		t.Errorf("after 14 days: %+v", got)
	}
}

// However many pools and accounts there are, memory is bounded, and the rest is counted and told.
func TestOverflow(t *testing.T) {
	now, fault := time.Unix(1_000_000, 0), error(nil)
	r := recorder(t, &now, &fault)
	const calls = 40_000
	for n := range calls {
		r.Observe(&awsapi.Record{
			RequestID: fmt.Sprint(n), Operation: "GetId", Account: fmt.Sprint("a", n), Region: "r",
			Pool: fmt.Sprint("r:", n), Start: now, SignIn: awsapi.UserSignIn,
		})
	}
	r.gather()
	if len(r.scopes) > 2*maxScopes+1 {
		t.Errorf("%d accounts are kept", len(r.scopes))
	}
	if r.Overflowed() == 0 {
		t.Error("the overflow is not told")
	}

	all := int64(0)
	for _, w := range r.scopes {
		all += w.counts.SignIns
	}
	if all != calls {
		t.Errorf("%d sign-ins are counted, want %d", all, calls)
	}
}

// What a caller asked to wait is not part of the time that a call took.
func TestWaitsAreNoLatency(t *testing.T) {
	now, fault := time.Unix(1_000_000, 0), error(nil)
	r := recorder(t, &now, &fault)
	r.Observe(&awsapi.Record{
		RequestID: "r", Operation: "GetId", Account: "1", Region: "r", Start: now,
		Duration: 20 * time.Second, Waited: 20*time.Second - time.Millisecond,
	})
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	counts := read(t, r, now.Add(20*time.Second))
	if got := counts.latency("GetId").Quantile(1); got > 10 {
		t.Errorf("a call that worked for a millisecond took %v ms", got)
	}
}

// Observe and Flush run side by side and lose nothing.
func TestConcurrentObserve(t *testing.T) {
	now, fault := time.Unix(1_000_000, 0), error(nil)
	r := recorder(t, &now, &fault)

	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for n := range 2000 {
				r.Observe(&awsapi.Record{
					RequestID: fmt.Sprint(worker, n), Operation: "GetId", Account: "1", Region: "r", Start: now,
					SignIn: awsapi.UserSignIn,
				})
			}
		})
	}

	for range 5 {
		if err := r.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}

	group.Wait()
	if err := r.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if got := read(t, r, now); got.SignIns != 8000 {
		t.Errorf("%d sign-ins, want 8000", got.SignIns)
	}
}

func BenchmarkObserve(b *testing.B) {
	r := New(Options{Operations: []string{"GetId"}, Reasons: []string{"known"}})
	start := time.Unix(1_000_000, 0)
	b.RunParallel(func(p *testing.PB) {
		rec := &awsapi.Record{
			RequestID: "0193b1c2-7a5e-4c1f-9a3e-3b1f6d2a4c5e", Operation: "GetId", Account: "1", Region: "r",
			Pool: "r:p", Start: start, Duration: time.Millisecond, SignIn: awsapi.UserSignIn,
		}
		for p.Next() {
			r.Observe(rec)
		}
	})
}

// A row that the store would not take keeps no other from being stored: what is too long in it becomes "other", and
// what has a name that no row can have is nobody's.
func TestOneRowFailsNoOther(t *testing.T) {
	now, fault := time.Unix(1_000_000, 0), error(nil)
	r := recorder(t, &now, &fault)
	const operations = 3000
	for n := range operations {
		r.operations[fmt.Sprint("Operation", n)] = true
		r.reasons[fmt.Sprint("reason-", n)] = true
	}

	call := awsapi.Record{RequestID: "1", Account: "1", Region: "r", Pool: "r:p", Start: now}
	for n := range operations {
		rec := call
		rec.Operation, rec.Duration = fmt.Sprint("Operation", n), time.Minute
		rec.Code, rec.ReasonCode = "NotAuthorizedException", explain.Code(fmt.Sprint("reason-", n))
		for range 1 + n/(operations-1) { // the last one is the most frequent
			r.Observe(&rec)
		}
	}
	for _, change := range []func(*awsapi.Record){
		func(rec *awsapi.Record) { rec.Region = "\x00" },
		func(rec *awsapi.Record) { rec.Account = strings.Repeat("a", 5000) },
		func(rec *awsapi.Record) { rec.Pool = "\xff" },
		func(rec *awsapi.Record) { rec.Account = "2" },
	} {
		rec := call
		rec.Operation, rec.SignIn = "GetId", awsapi.UserSignIn
		change(&rec)
		r.Observe(&rec)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	got := read(t, r, now)
	last := fmt.Sprint("Operation", operations-1)
	calls := int64(0)
	for _, h := range got.Latency {
		calls += h.Calls()
	}
	if calls != operations+2 || got.RefusedCalls() != operations+1 || got.Latency[last].Calls() != 2 ||
		got.Latency[Other].Calls() == 0 || got.Refused[Other] == 0 || got.SignIns != 1 {
		t.Errorf("%d calls, %d refused, %d of the most frequent, %d others, %d sign-ins", calls, got.RefusedCalls(),
			got.Latency[last].Calls(), got.Latency[Other].Calls(), got.SignIns)
	}
	from, to := now.Add(-Period), now.Add(Period)
	if rows, err := r.options.Store.Statistics(t.Context(), "2", "r", "", from, to); err != nil || len(rows) != 1 {
		t.Errorf("the other account has %d rows; %v", len(rows), err)
	}
	if rows, err := r.options.Store.Statistics(t.Context(), "", "", "", from, to); err != nil ||
		len(rows) != 1 || !strings.Contains(rows[0].Counts, `"signIns":2`) {
		t.Errorf("nobody's rows are %v; %v", rows, err)
	}
	if r.Overflowed() < operations/2 {
		t.Errorf("%d calls are told", r.Overflowed())
	}
}
