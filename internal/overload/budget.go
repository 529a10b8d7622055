package overload

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Budget bounds the total time that one call waits for the database, over all its
// statements. Time spent elsewhere, such as at an identity provider, does not count. The
// zero Budget has no bound. It is safe for concurrent use.
type Budget struct {
	limit time.Duration
	now   func() time.Time
	spent atomic.Int64 // nanoseconds
}

// Limit sets the bound and the clock that measures it, before the Budget is used; 0 = no
// bound.
func (b *Budget) Limit(limit time.Duration, now func() time.Time) { b.limit, b.now = limit, now }

// BudgetKey is the key of a context's *Budget, for types that are contexts.
type BudgetKey struct{}

// WithBudget returns a context for a call that may spend limit by the clock now; 0 = no
// bound.
func WithBudget(ctx context.Context, limit time.Duration, now func() time.Time) context.Context {
	return context.WithValue(ctx, BudgetKey{}, &Budget{limit: limit, now: now})
}

// WithoutBudget returns a context whose work does not count: work that goes on after its
// call, or whose time depends on how much there is to do.
func WithoutBudget(ctx context.Context) context.Context {
	if budgetOf(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, BudgetKey{}, (*Budget)(nil))
}

// budgetOf returns the bounded Budget of ctx, or nil.
func budgetOf(ctx context.Context) *Budget {
	if b, ok := ctx.Value(BudgetKey{}).(*Budget); ok && b != nil && b.limit > 0 {
		return b
	}
	return nil
}

// BudgetLeft reports whether the budget of ctx has time left, so that it makes sense to
// wait.
func BudgetLeft(ctx context.Context) bool {
	b := budgetOf(ctx)
	return b == nil || time.Duration(b.spent.Load()) < b.limit
}

// StartWait begins a wait of up to limit, and of no longer than the budget of ctx allows;
// limit = 0 means no bound. It returns the shorter of the two, or a nanosecond if
// BudgetLeft is false, and a function to call at the end of the wait, which charges the
// budget.
func StartWait(ctx context.Context, limit time.Duration) (allowed time.Duration, end func()) {
	b := budgetOf(ctx)
	if b == nil {
		return limit, func() {}
	}

	allowed = max(b.limit-time.Duration(b.spent.Load()), time.Nanosecond)
	if limit > 0 {
		allowed = min(allowed, limit)
	}
	began := b.now()

	return allowed, func() { b.spent.Add(int64(b.now().Sub(began))) }
}

// Bound is StartWait as a context that ends with the time. It is for waits for another
// call's turn with the database, not for the database itself.
func Bound(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	allowed, end := StartWait(ctx, limit)
	bounded, cancel := Within(ctx, allowed)
	return bounded, func() {
		cancel()
		end()
	}
}

// Within returns a context that ends with ctx, or after limit; 0 = no bound.
func Within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// ErrNoTurn means that no turn came in the time that a call may wait.
var ErrNoTurn = errors.New("no turn in time")

// Turn takes a turn by sending to turns. It waits up to limit, and no longer than the budget
// of ctx allows; limit = 0 means no bound. Errors: that of ctx, ErrNoTurn.
func Turn(ctx context.Context, turns chan<- struct{}, limit time.Duration) error {
	bounded, cancel := Bound(ctx, limit)
	defer cancel()

	select {
	case turns <- struct{}{}:
		return nil
	case <-bounded.Done():
		if err := ctx.Err(); err != nil {
			return err
		}
		return ErrNoTurn
	}
}
