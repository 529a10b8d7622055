package devclock

import (
	"errors"
	"testing"
	"time"
)

// machine is a clock that a test sets.
type machine struct{ now time.Time }

func (m *machine) Now() time.Time { return m.now }

func TestClock(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	m := &machine{now: start}
	c := New(m.Now)
	is := func(what string, want time.Time) {
		t.Helper()
		if got := c.Now(); !got.Equal(want) {
			t.Errorf("%s: the clock shows %s, not %s", what, got, want)
		}
	}

	is("new", start)
	for _, step := range []struct {
		what   string
		move   func() error
		passes time.Duration // then
		want   time.Duration // from the start
	}{
		{what: "advanced", move: func() error { return c.Advance(time.Hour) }, want: time.Hour},
		{what: "advanced twice", move: func() error { return c.Advance(time.Hour) }, want: 2 * time.Hour},
		{what: "running", passes: time.Minute, want: 2*time.Hour + time.Minute},
		{what: "stopped", move: func() error { c.Stop(); return nil }, passes: time.Hour,
			want: 2*time.Hour + time.Minute},
		{what: "advanced while it stands", move: func() error { return c.Advance(-time.Hour) }, passes: time.Hour,
			want: time.Hour + time.Minute},
		{what: "set while it stands", move: func() error { return c.Set(start.Add(10 * time.Hour)) }, passes: time.Hour,
			want: 10 * time.Hour},
		{what: "started", move: func() error { c.Start(); return nil }, passes: time.Minute,
			want: 10*time.Hour + time.Minute},
		{what: "set", move: func() error { return c.Set(start.Add(-time.Hour)) }, passes: time.Minute,
			want: -time.Hour + time.Minute},
	} {
		if step.move != nil {
			if err := step.move(); err != nil {
				t.Fatal(step.what, err)
			}
		}
		m.now = m.now.Add(step.passes)
		is(step.what, start.Add(step.want))
	}

	c.Reset()
	is("reset", m.now)
	if state := c.State(); state.Offset != 0 || state.Stopped || state.Skewed {
		t.Errorf("the state is %+v", state)
	}
}

// A change that is refused changes nothing.
func TestRefusedChanges(t *testing.T) {
	m := &machine{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	c := New(m.Now)
	yes := true
	for _, change := range []Change{
		{Now: time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC), Stopped: &yes},
		{Now: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), Skewed: &yes},
		{Advance: -40 * 365 * 24 * time.Hour, Stopped: &yes},
		{Now: m.now, Advance: time.Hour, Stopped: &yes},
	} {
		_, err := c.Change(change)
		both := change.Advance != 0 && !change.Now.IsZero()
		if state := c.State(); err == nil || !both && !errors.Is(err, ErrRange) || state.Stopped || state.Skewed ||
			state.Offset != 0 {
			t.Errorf("%+v: %v, %+v", change, err, state)
		}
	}
}

// The Date header shows the machine's time unless the clock is skewed.
func TestDate(t *testing.T) {
	m := &machine{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	c := New(m.Now)
	for _, skewed := range []bool{false, true} {
		state, err := c.Change(Change{Advance: time.Hour, Skewed: &skewed})
		want := m.now
		if skewed {
			want = state.Now
		}
		if err != nil || !c.Date().Equal(want) || !c.Machine().Equal(m.now) {
			t.Errorf("skewed %t: %s, %v", skewed, c.Date(), err)
		}
	}
}
