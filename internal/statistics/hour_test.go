package statistics

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// eachStore runs a test on both database engines.
func eachStore(t *testing.T, test func(*testing.T, *store.Store)) {
	for name, options := range map[string]func(*testing.T) store.Options{
		"sqlite":     func(*testing.T) store.Options { return store.Options{} },
		"postgresql": func(t *testing.T) store.Options { return store.Options{URL: pgtest.URL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), options(t))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			test(t, s)
		})
	}
}

func nodes(s *store.Store, now *time.Time, names ...string) (all []*Recorder) {
	for _, name := range names {
		all = append(all, New(Options{
			Store:      s,
			Operations: []string{"GetId", "GetOpenIdToken"},
			Reasons:    []string{"known", "other-reason"},
			Node:       name,
			Now:        func() time.Time { return *now },
			Logger:     slog.New(slog.DiscardHandler),
		}))
	}

	return all
}

// madeCall is the n-th of many different calls.
func madeCall(n int, at time.Time) *awsapi.Record {
	rec := &awsapi.Record{
		RequestID: fmt.Sprint(n),
		Operation: []string{"GetId", "GetOpenIdToken"}[n%2],
		Account:   fmt.Sprint(1 + n%3),
		Region:    "r",
		Start:     at,
		Duration:  time.Duration(n%40) * time.Millisecond,
		SignIn:    awsapi.UserSignIn,
	}
	if n%5 == 0 {
		rec.Code, rec.ReasonCode = "NotAuthorizedException", []explain.Code{"known", "other-reason", "none"}[n%3]
	}
	rec.NewIdentity = n%7 == 0

	return rec
}

// Merging the rows of all nodes changes no answer, whatever its step and its begin, nor do rows that come late.
func TestMergeKeepsTheAnswers(t *testing.T) {
	eachStore(t, func(t *testing.T, s *store.Store) {
		begin := time.Unix(1_000_000*3600, 0).UTC()
		now := begin
		all := nodes(s, &now, "a", "b", "c")
		for n := range 600 {
			now = begin.Add(time.Duration(n) * time.Minute)
			all[n%len(all)].Observe(madeCall(n, now))
		}
		for _, r := range all {
			flush(t, r)
		}

		answers := func() (text string) {
			t.Helper()
			for _, r := range []Range{
				{From: begin, To: begin.Add(10 * time.Hour), Step: Period},
				{From: begin.Add(-Kept), To: begin.Add(11 * time.Hour), Step: Kept},
				{From: begin.Add(25 * time.Minute), To: begin.Add(6 * time.Hour), Step: 15 * time.Minute},
				{From: begin.Add(55 * time.Minute), To: begin.Add(65 * time.Minute), Step: Period},
				{From: begin.Add(-readPart + 35*time.Minute), To: begin.Add(readPart), Step: Period},
			} {
				for _, account := range []string{"1", "2", "3", "4"} {
					r.Account, r.Region, r.Now = identitypool.AccountID(account), "r", now
					steps, err := Read(t.Context(), s, r)
					if err != nil {
						t.Fatal(err)
					}
					for n := range steps {
						text += shown(&steps[n])
					}
				}
			}

			return text
		}
		want := answers()

		merge := func() {
			t.Helper()
			for more := true; more; {
				var err error
				if more, err = all[0].Merge(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		merge()
		if got := answers(); got != want {
			t.Error("merging changed the answers")
		}
		rows, err := s.Statistics(t.Context(), "1", "r", "", begin, begin.Add(11*time.Hour))
		hours := 0
		for _, row := range rows {
			if row.Hour != nil {
				hours++
			}
		}
		// It is 9:59, and an hour settles three hours after its end.
		if err != nil || hours != 6 || len(rows) < 6+20 || len(rows) > 6+4*hourPeriods {
			t.Errorf("%d rows, %d of them hours, %v", len(rows), hours, err)
		}

		late := nodes(s, &now, "late")[0]
		late.Observe(madeCall(2, begin.Add(7*time.Minute)))
		flush(t, late)
		want = answers()
		merge()
		if got := answers(); got != want {
			t.Error("merging what came late changed the answers")
		}

		now = begin.Add(Kept + 20*time.Hour)
		if err := all[0].Remove(t.Context()); err != nil {
			t.Error(err)
		}
		rows, err = s.Statistics(t.Context(), "1", "r", "", begin, begin.Add(11*time.Hour))
		if len(rows) > 0 || err != nil {
			t.Errorf("after 14 days: %d rows, %v", len(rows), err)
		}
	})
}

// Nodes that merge at once count nothing twice and lose nothing.
func TestNodesMergeAtOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s *store.Store) {
		begin := time.Unix(1_000_000*3600, 0).UTC()
		now := begin
		all := nodes(s, &now, "a", "b", "c", "d")
		const calls = 2000
		for n := range calls {
			all[n%len(all)].Observe(madeCall(n, begin.Add(time.Duration(n)*20*time.Second)))
		}
		for _, r := range all {
			flush(t, r)
		}

		now = begin.Add(20 * time.Hour)
		var group sync.WaitGroup
		for _, r := range all {
			group.Go(func() {
				if _, err := r.Merge(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()

		var sum int64
		for _, account := range []string{"1", "2", "3"} {
			steps, err := Read(t.Context(), s, Range{
				Account: identitypool.AccountID(account), Region: "r",
				From: begin, To: begin.Add(Kept), Step: Kept, Now: now,
			})
			if err != nil {
				t.Fatal(err)
			}
			sum += steps[0].SignIns + steps[0].RefusedCalls()
			if calls := steps[0].Latency["GetId"].Calls() + steps[0].Latency["GetOpenIdToken"].Calls(); calls < 600 {
				t.Errorf("account %s has the times of %d calls", account, calls)
			}
		}
		if sum != calls {
			t.Errorf("%d calls, want %d", sum, calls)
		}
		if hours, err := s.UnmergedHours(t.Context(), now); err != nil || len(hours) > 0 {
			t.Errorf("not merged: %v, %v", hours, err)
		}
	})
}

// A row that cannot be read stays as it is, and keeps no other hour from being merged.
func TestMergeGoesOnBehindABadRow(t *testing.T) {
	eachStore(t, func(t *testing.T, s *store.Store) {
		now := time.Unix(1_000_000*3600, 0).UTC()
		r := nodes(s, &now, "a")[0]
		row := r.row(key{account: "1", region: "r", period: now.Unix()})
		for n, counts := range []string{"bad", `{"signIns":3}`} {
			row.Account, row.Counts = fmt.Sprint(1+n), counts
			if _, err := s.SaveStatistics(t.Context(), []store.StatisticsRow{row}); err != nil {
				t.Fatal(err)
			}
		}

		now = now.Add(5 * time.Hour)
		for range 2 {
			if _, err := r.Merge(t.Context()); err == nil {
				t.Error("the bad row is not told")
			}
		}
		for account, hour := range map[string]bool{"1": false, "2": true} {
			rows, err := s.Statistics(t.Context(), account, "r", "", now.Add(-6*time.Hour), now)
			if err != nil || len(rows) != 1 || (rows[0].Hour != nil) != hour {
				t.Errorf("account %s: %+v, %v; want an hour: %t", account, rows, err, hour)
			}
		}
	})
}

// What changed in an hour that failed to be stored is merged later.
func TestMergeAfterAFault(t *testing.T) {
	now, fault := time.Unix(1_000_000*3600, 0), error(nil)
	r := recorder(t, &now, &fault)
	r.Observe(&awsapi.Record{
		RequestID: "1", Operation: "GetId", Account: "1", Region: "r", Start: now, SignIn: awsapi.UserSignIn,
	})
	flush(t, r)

	begin := now
	now = now.Add(5 * time.Hour)
	fault = errors.New("the disk is full")
	if more, err := r.Merge(t.Context()); err == nil || more {
		t.Errorf("with a fault: %t, %v", more, err)
	}
	fault = nil
	for _, want := range []bool{true, false} {
		if more, err := r.Merge(t.Context()); err != nil || more != want {
			t.Errorf("merged: %t, %v; want %t", more, err, want)
		}
	}
	if got := read(t, r, begin); got.SignIns != 1 {
		t.Errorf("got %+v", got)
	}
}

// No hour counts twice while clocks differ by less than an hour, even if the node that is behind could store its
// last calls no sooner than it gives them up.
func TestMergeWithClocksApart(t *testing.T) {
	eachStore(t, func(t *testing.T, s *store.Store) {
		const apart = time.Hour - time.Minute
		hour := time.Unix(1_000_000*3600, 0)
		now := hour.Add(time.Hour - time.Minute)
		ahead := now.Add(apart)
		behind, merging := nodes(s, &now, "behind")[0], nodes(s, &ahead, "ahead")[0]
		set := func(at time.Time) { now, ahead = at, at.Add(apart) }
		merge := func() {
			t.Helper()
			if _, err := merging.Merge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		call := &awsapi.Record{
			RequestID: "1", Operation: "GetId", Account: "1", Region: "r", Start: now, SignIn: awsapi.UserSignIn,
		}

		behind.Observe(call)
		flush(t, behind)
		behind.Observe(call)
		set(hour.Add(time.Hour + unsaved)) // the database is back at the last moment
		merge()
		flush(t, behind)
		set(hour.Add(time.Hour + settled))
		merge()

		if got := read(t, behind, hour.Add(time.Hour-time.Minute)); got.SignIns != 2 {
			t.Errorf("%d sign-ins are counted, want 2", got.SignIns)
		}
		if rows, err := s.Statistics(t.Context(), "1", "r", "", hour, now); err != nil || len(rows) != 1 ||
			rows[0].Hour == nil {
			t.Errorf("got %+v, %v; want the hour", rows, err)
		}
	})
}

func TestHourText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var want, got [hourPeriods]Counts
		for n := range want {
			for range random.IntN(5) {
				want[n].refuse(fmt.Sprint("reason-", random.IntN(300)), random.Int64N(1<<40))
				h := want[n].latency(strings.Repeat("o", random.IntN(200)))
				h[random.IntN(len(h))] += random.Int64N(1 << 50)
			}
			want[n].SignIns, want[n].Guests = random.Int64N(1<<60), random.Int64N(3)
		}

		text := hourText(&want)
		if err := readHour(text, func(n int) *Counts { return &got[n] }); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("reads as %+v, want %+v", got, want)
		}
		if err := readHour(text, func(int) *Counts { return nil }); err != nil {
			t.Error(err)
		}
		for n := range text {
			if err := readHour(text[:n], func(int) *Counts { return new(Counts) }); err == nil {
				t.Fatalf("%d of %d bytes are read", n, len(text))
			}
		}
	}
}

func FuzzHour(f *testing.F) {
	var hour [hourPeriods]Counts
	hour[3].refuse("known", 7)
	hour[5].latency("GetId").observe(3 * time.Millisecond)
	hour[5].SignIns = 1 << 40
	f.Add(hourText(&hour))
	f.Add([]byte{})
	f.Add([]byte{hourVersion, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})

	f.Fuzz(func(t *testing.T, text []byte) {
		var read, again [hourPeriods]Counts
		if err := readHour(text, func(n int) *Counts { return &read[n] }); err != nil {
			return
		}
		if err := readHour(hourText(&read), func(n int) *Counts { return &again[n] }); err != nil {
			t.Fatal(err)
		}
		for n := range read {
			if shown(&read[n]) != shown(&again[n]) {
				t.Errorf("%+v is written as %+v", read[n], again[n])
			}
		}
	})
}

// shown is the text of counts, in a fixed order.
func shown(c *Counts) string {
	text := fmt.Sprintln(c.SignIns, c.Guests, c.Identities, c.Refused)
	for _, operation := range slices.Sorted(maps.Keys(c.Latency)) {
		text += fmt.Sprintln(operation, *c.Latency[operation])
	}
	return text
}

func flush(t *testing.T, r *Recorder) {
	t.Helper()
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}
