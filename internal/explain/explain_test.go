package explain

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// The steps of several logins that are verified at once stay apart: each names its provider.
func TestProvidersAreNamed(t *testing.T) {
	trace := &Trace{}
	trace.Pass("pool", "found")
	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() {
			ctx := NewContext(context.Background(), trace.For(fmt.Sprintf("provider-%d", n)))
			FromContext(ctx).Fail("check", fmt.Sprintf("expected-%d", n), "got", "fix")
		})
	}
	wg.Wait()
	steps := trace.For("another").Steps()
	if len(steps) != 11 || steps[0] != (Step{Check: "pool", OK: true, Got: "found"}) {
		t.Fatalf("steps = %+v", steps)
	}
	for n := range 10 {
		want := Step{Provider: fmt.Sprintf("provider-%d", n), Check: "check", Expected: fmt.Sprintf("expected-%d", n), Got: "got", Fix: "fix"}
		if !slices.Contains(steps, want) {
			t.Errorf("steps lack %+v", want)
		}
	}
	if !trace.Refused() || !trace.For("x").Refused() {
		t.Error("a failed step is not seen")
	}
}

// A trace is bounded however its steps come, and none at all needs no special case.
func TestTraceIsBoundedAndOptional(t *testing.T) {
	trace := &Trace{}
	for range 1000 {
		trace.For("p").Pass("check", "")
	}
	if n := len(trace.Steps()); n != maxSteps {
		t.Errorf("%d steps, want %d", n, maxSteps)
	}
	var none *Trace
	none.For("p").Fail("check", "", "", "")
	if none.For("p").Steps() != nil || none.Refused() || FromContext(context.Background()) != nil {
		t.Error("the nil trace records")
	}
}
