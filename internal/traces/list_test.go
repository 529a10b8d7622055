package traces

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// read reads all from a position, in pages of size; it returns the request IDs and what
// was skipped.
func read(s *Kept, q Query, from Position, size int) (ids []string, skipped uint64, next Position) {
	q.Max = size
	for {
		q.After = &from
		page := s.List(q)
		for _, entry := range page.Entries {
			ids = append(ids, entry.RequestID)
		}
		skipped += page.Skipped
		from = page.Next
		if len(page.Entries) < size {
			return ids, skipped, from
		}
	}
}

// Whoever reads on gets each refusal of its account once, in order, in pages of any
// size; or it is counted as skipped.
func TestReadersMissNothing(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := New(1+random.IntN(60), time.Time{})
		home := random.IntN(2) == 0
		var at Position
		var got []string
		var skipped uint64
		added := 0

		for n := range 400 {
			trace := Trace{RequestID: fmt.Sprint(n), AccessKeyID: accessKeys[random.IntN(3)]}
			if random.IntN(3) > 0 {
				trace.Account = fmt.Sprint(1 + random.IntN(3))
			}
			if trace.Account == "1" || home && trace.Account == "" {
				added++
			}
			s.Add(trace)

			if random.IntN(30) == 0 || n == 399 {
				ids, lost, next := read(s, Query{Account: "1", Home: home}, at, 1+random.IntN(20))
				got, skipped, at = append(got, ids...), skipped+lost, next
			}
		}

		if !slices.IsSortedFunc(got, func(a, b string) int { return len(a) - len(b) }) {
			t.Fatalf("seed %d: out of order: %v", seed, got)
		}
		// An account that lost all it had begins again, and does not count those.
		if len(got)+int(skipped) > added || len(got) == 0 || len(s.byID) > 20 && len(got)+int(skipped) != added {
			t.Errorf("seed %d: %d read and %d skipped of %d", seed, len(got), skipped, added)
		}
	}
}

// The newest page has the newest; later refusals follow it.
func TestNewestFirst(t *testing.T) {
	s := New(100, time.Unix(5, 0))
	for n := range 10 {
		s.Add(Trace{RequestID: fmt.Sprint(n), Account: "1", Time: time.Unix(int64(10+n), 0)})
	}

	page := s.List(Query{Account: "1", Max: 3})
	if len(page.Entries) != 3 || page.Entries[0].RequestID != "7" || page.Skipped != 0 || page.Since.Unix() != 5 {
		t.Errorf("%+v", page)
	}
	s.Add(Trace{RequestID: "new", Account: "1"})
	if next := s.List(Query{Account: "1", Max: 3, After: &page.Next}); len(next.Entries) != 1 ||
		next.Entries[0].RequestID != "new" {
		t.Errorf("%+v", next)
	}

	for n := range 100 {
		s.Add(Trace{RequestID: fmt.Sprint("more", n), Account: "1", Time: time.Unix(int64(100+n), 0)})
	}
	if page := s.List(Query{Account: "1", Max: 1, After: &page.Next}); page.Since.Unix() != 100 || page.Skipped != 1 {
		t.Errorf("%+v", page)
	}
}

// An account sees its own refusals only, of the region that it asks for, and the home
// account those that reached none.
func TestListsAreOfAnAccount(t *testing.T) {
	s := New(100, time.Time{})
	s.Add(Trace{RequestID: "own", Account: "1", Region: "r"})
	s.Add(Trace{RequestID: "other region", Account: "1", Region: "s"})
	s.Add(Trace{RequestID: "foreign", Account: "2", Region: "r"})
	s.Add(Trace{RequestID: "none"})

	for want, q := range map[string]Query{
		"[own]":      {Account: "1", Region: "r"},
		"[own none]": {Account: "1", Region: "r", Home: true},
		"[foreign]":  {Account: "2", Region: "r"},
		"[]":         {Account: "3", Region: "r"},
	} {
		if ids, _, _ := read(s, q, Position{}, 10); fmt.Sprint(ids) != want {
			t.Errorf("%+v: %v, want %s", q, ids, want)
		}
	}
}

// A wait ends with a refusal that matches, with the server, or with its caller.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(100, time.Time{})
		wait := func(ctx context.Context) <-chan Page {
			got := make(chan Page, 1)
			go func() { got <- s.Wait(ctx, Query{Account: "1", PoolID: "p", Max: 5, After: &Position{}}) }()
			synctest.Wait()
			return got
		}

		got := wait(t.Context())
		s.Add(Trace{RequestID: "foreign", Account: "2", PoolID: "p"})
		s.Add(Trace{RequestID: "another pool", Account: "1", PoolID: "q"})
		synctest.Wait()
		if len(got) != 0 {
			t.Error("it does not wait")
		}
		s.Add(Trace{RequestID: "right", Account: "1", PoolID: "p"})
		if page := <-got; len(page.Entries) != 1 || page.Entries[0].RequestID != "right" {
			t.Errorf("%+v", page)
		}

		s = New(100, time.Time{})
		gone, cancel := context.WithCancel(t.Context())
		got = wait(gone)
		cancel()
		<-got
		got = wait(t.Context())
		s.EndWaits()
		<-got
		got = wait(t.Context())
		synctest.Wait()
		if len(got) != 0 {
			t.Error("nobody may wait after EndWaits")
		}
		s.Stop()
		<-got
		<-wait(t.Context()) // at once
		if len(s.watchers) != 0 {
			t.Errorf("%d watchers are left", len(s.watchers))
		}
	})
}

func TestWaitsAreBounded(t *testing.T) {
	s := New(100, time.Time{})
	var leave []func()
	for n := range MaxWaits {
		account := fmt.Sprint(n / MaxAccountWaits)
		end, ok := s.admit(account)
		if !ok {
			t.Fatalf("wait %d is refused", n)
		}
		leave = append(leave, end)
		if n == MaxAccountWaits-1 {
			if _, ok := s.admit(account); ok {
				t.Error("an account has one more")
			}
		}
	}

	if _, ok := s.admit("another"); ok {
		t.Error("there is one more in all")
	}
	leave[0]()
	if _, ok := s.admit("another"); !ok {
		t.Error("a place that is free again is refused")
	}
}

// Nodes' pages join in the order of time, and nothing is lost at the end of a page,
// though a call that began earlier may have ended later.
func TestMergePages(t *testing.T) {
	entry := func(id string, second int64, mark uint64) Entry {
		return Entry{Trace: Trace{RequestID: id, Time: time.Unix(second, 0)}, At: Position{Own: mark}, Skipped: mark}
	}
	pages := map[string]Page{
		"a": {
			Entries: []Entry{entry("a1", 10, 1), entry("a2", 5, 2), entry("a3", 30, 3)},
			Next:    Position{Own: 9},
			Skipped: 9,
		},
		"b": {Entries: []Entry{entry("b1", 20, 1)}, Next: Position{Own: 7}, Skipped: 100},
		"c": {Entries: []Entry{entry("c1", 40, 1)}, Next: Position{Own: 1}, Skipped: 1000},
	}

	list := mergePages(Query{Max: 3}, Positions{"c": {Own: 5}, "gone": {Own: 4}}, pages)
	var ids []string
	for _, e := range list.Entries {
		ids = append(ids, e.RequestID)
	}
	if fmt.Sprint(ids) != "[a1 a2 b1]" || list.Skipped != 102 || list.Next["a"].Own != 2 || list.Next["b"].Own != 7 ||
		list.Next["c"].Own != 5 || list.Next["gone"].Own != 4 {
		t.Errorf("%v, %+v", ids, list)
	}

	newest := mergePages(Query{Max: 2}, nil, pages)
	if len(newest.Entries) != 2 || newest.Entries[0].RequestID != "a3" || newest.Next["b"].Own != 7 {
		t.Errorf("%+v", newest)
	}
}

// Each node that has left is told once, and its position stays; one that answers again may leave again.
func TestGoneNodesAreToldOnce(t *testing.T) {
	gone := func(node string) bool { return node == "gone" || node == "left" }
	from := Positions{"here": {Own: 1}, "gone": {Own: 2}, "left": {Own: 3, Gone: true}, "back": {Own: 4, Gone: true}}
	pages := map[string]Page{"here": {Next: Position{Own: 5}}, "back": {Next: Position{Own: 4}}}

	list := mergePages(Query{Max: 3}, from, pages)
	list.tellGone(gone)
	want := Positions{"here": {Own: 5}, "gone": {Own: 2, Gone: true}, "left": {Own: 3, Gone: true}, "back": {Own: 4}}
	if list.Gone != 1 || fmt.Sprint(list.Next) != fmt.Sprint(want) {
		t.Errorf("%d, %+v, want %+v", list.Gone, list.Next, want)
	}

	again := mergePages(Query{Max: 3}, list.Next, pages)
	if again.tellGone(gone); again.Gone != 0 {
		t.Errorf("again: %d", again.Gone)
	}
}

// The provider is that of the deciding step, or the only one; a foreign account learns
// nothing about where a call came from.
func TestWhatARefusalNames(t *testing.T) {
	login := explain.Step{Code: "a", Check: "a", Provider: "p", Client: "app", OK: true}
	role := explain.Step{Code: "b", Check: "b"}
	second := explain.Step{Code: "a", Check: "a", Provider: "q", OK: true}

	for _, test := range []struct {
		steps            []explain.Step
		provider, client string
	}{
		{nil, "", "program"},
		{[]explain.Step{login, role}, "p", "app"},
		{[]explain.Step{login, second, role}, "", "program"},
		{[]explain.Step{login, {Code: "a", Check: "a", Provider: "q", Client: "other"}}, "q", "other"},
	} {
		s := New(10, time.Time{})
		s.Add(Trace{
			RequestID: "r", Account: "1", Others: []string{"2"}, Steps: test.steps, Client: "program", PoolID: "pool",
			AccessKeyID: "AKIA", Region: "r",
		})

		own, _ := s.Find("1", "r")
		other, _ := s.Find("2", "r")
		if own.Provider != test.provider || own.Client != test.client || own.PoolID != "pool" {
			t.Errorf("%+v: %+v", test, own)
		}

		if other.PoolID != "" || other.AccessKeyID != "" || other.Client == "program" || other.Region != "" {
			t.Errorf("the other account reads %+v", other)
		}
	}
}

func TestProgram(t *testing.T) {
	for agent, want := range map[string]string{
		"": "",
		"aws-sdk-js/3.1 ua/2.1 os/linux app/shop m/E": "shop",
		"aws-cli/2.30 md/x":                           "aws-cli/2.30",
		"Boto3/1.34 app/":                             "",
		"curl/8":                                      "curl/8",
		"\x1b[31mred x":                               "",
		"ünicode":                                     "",
		strings.Repeat("a", 100) + " x":               strings.Repeat("a", maxProgram),
	} {
		if got := Program(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

// A reader costs whoever is refused little, however fast refusals come.
func BenchmarkAddWatched(b *testing.B) {
	s := New(Capacity, time.Time{})
	for range 8 {
		go s.Wait(b.Context(), Query{Account: "1", PoolID: "none", Max: 200, After: &Position{}})
	}
	for n := range b.N {
		s.Add(Trace{RequestID: fmt.Sprint(n), Account: "1"})
	}
}
