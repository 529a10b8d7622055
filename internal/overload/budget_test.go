package overload

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	spent := func(limit, used time.Duration) context.Context {
		b := &Budget{}
		b.Limit(limit, time.Now)
		b.spent.Store(int64(used))
		return context.WithValue(t.Context(), BudgetKey{}, b)
	}

	for _, test := range []struct {
		name       string
		ctx        context.Context
		most, want time.Duration
	}{
		{"no budget", t.Context(), time.Hour, time.Hour},
		{"no budget and no bound", t.Context(), 0, 0},
		{"a budget without a bound", WithBudget(t.Context(), 0, time.Now), 0, 0},
		{"a bound below the budget", WithBudget(t.Context(), time.Hour, time.Now), time.Minute, time.Minute},
		{"a bound above the budget", WithBudget(t.Context(), time.Minute, time.Now), time.Hour, time.Minute},
		{"the budget alone", WithBudget(t.Context(), time.Minute, time.Now), 0, time.Minute},
		{"what is left", spent(time.Minute, 50*time.Second), time.Hour, 10 * time.Second},
		{"nothing left", spent(time.Minute, time.Hour), time.Hour, time.Nanosecond},
		{"work that does not count", WithoutBudget(spent(time.Minute, time.Hour)), time.Hour, time.Hour},
		{"a context below", context.WithoutCancel(spent(time.Minute, 50*time.Second)), 0, 10 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, _ := StartWait(test.ctx, test.most); got != test.want {
				t.Errorf("Start = %s, want %s", got, test.want)
			}
		})
	}
}

// Each wait is taken from the next one's bound.
func TestWaitsAddUp(t *testing.T) {
	ctx := WithBudget(t.Context(), time.Hour, time.Now)
	first, end := StartWait(ctx, 0)
	end()
	second, _ := StartWait(ctx, 0)
	if second >= first {
		t.Errorf("the second wait has %s, no less than the first one's %s", second, first)
	}
}

func TestBound(t *testing.T) {
	ctx, cancel := Bound(WithBudget(t.Context(), time.Millisecond, time.Now), time.Hour)
	defer cancel()

	<-ctx.Done()
	if _, ok := t.Context().Deadline(); ok {
		t.Error("the context above has a deadline now")
	}

	free, cancel := Bound(t.Context(), 0)
	defer cancel()

	if _, bounded := free.Deadline(); bounded {
		t.Error("a wait without any bound has a deadline")
	}
}

func TestTurn(t *testing.T) {
	turns := make(chan struct{}, 1)
	if err := Turn(t.Context(), turns, 0); err != nil {
		t.Fatalf("a free turn: %v", err)
	}

	if err := Turn(t.Context(), turns, time.Millisecond); !errors.Is(err, ErrNoTurn) {
		t.Errorf("a turn that is taken: %v", err)
	}
	spent := WithBudget(t.Context(), time.Millisecond, time.Now)
	if err := Turn(spent, turns, 0); !errors.Is(err, ErrNoTurn) {
		t.Errorf("a turn beyond the budget: %v", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := Turn(gone, turns, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left: %v", err)
	}

	<-turns
	if err := Turn(t.Context(), turns, time.Hour); err != nil {
		t.Errorf("a turn that is free again: %v", err)
	}
}
