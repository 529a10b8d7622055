package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// failing is a refusal of a check.
func failing(check, expected string) *Refusal {
	return (&Reason{
		Code:     Code(check),
		Check:    check,
		Expected: expected,
		Got:      "got",
		Fix:      "fix",
	}).With()
}

// The steps of several logins that are verified at once stay apart: each names its provider.
func TestProvidersAreNamed(t *testing.T) {
	trace := &Trace{}
	trace.Pass("pool", "found")

	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() {
			ctx := NewContext(context.Background(), trace.For(fmt.Sprintf("provider-%d", n)))
			FromContext(ctx).Refuse(failing("check", fmt.Sprintf("expected-%d", n)))
		})
	}

	wg.Wait()
	steps := trace.For("another").Steps()
	if len(steps) != 11 || steps[0] != (Step{Code: "pool", Check: "pool", OK: true, Got: "found"}) {
		t.Fatalf("steps = %+v", steps)
	}

	for n := range 10 {
		want := Step{
			Code:     "check",
			Provider: fmt.Sprintf("provider-%d", n),
			Check:    "check",
			Expected: fmt.Sprintf("expected-%d", n),
			Got:      "got",
			Fix:      "fix",
		}
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
	none.For("p").Refuse(failing("check", ""))

	if none.For("p").Steps() != nil || none.Refused() || FromContext(context.Background()) != nil {
		t.Error("the nil trace records")
	}
}

// An account reads its own steps and everybody's. Of another's it reads only that
// they failed, once, and never that they passed.
func TestStepsAreVisibleToTheirAccount(t *testing.T) {
	trace, hidden := &Trace{}, Step{Code: "role", Check: "role", Got: "hidden"}
	trace.Pass("open", "")
	role := trace.Within("1", hidden)
	role.Pass("found", "")
	role.For("p").Refuse(failing("first", ""))
	trace.For("q").Within("1", hidden).Refuse(failing("second", ""))
	var apart Trace
	apart.Within("2", hidden).Refuse(failing("third", ""))
	trace.Join(&apart)

	for account, want := range map[string][]Step{
		"1": {{Code: "open", Check: "open", OK: true}, {Code: "found", Check: "found", OK: true},
			{Code: "first", Check: "first", Provider: "p", Got: "got", Fix: "fix"},
			{Code: "second", Check: "second", Provider: "q", Got: "got", Fix: "fix"}, hidden},
		"2": {{Code: "open", Check: "open", OK: true}, hidden, {Code: "third", Check: "third", Got: "got", Fix: "fix"}},
		"3": {{Code: "open", Check: "open", OK: true}, hidden},
	} {
		if got := Visible(trace.Steps(), account); !slices.Equal(got, want) {
			t.Errorf("account %s reads %+v, want %+v", account, got, want)
		}
	}

	var none *Trace
	none.Within("1", hidden).Refuse(failing("check", ""))
}

// The step that decided is the last that failed. What was planned and passed in
// silence is not among the checks that were not reached.
func TestDecidingAndPlanned(t *testing.T) {
	bad := new(Catalogue).Add(Reason{Code: "b-x", Check: "b", Expected: "e", Got: "g", Fix: "f"})
	var trace Trace
	trace.Plan([]Code{"sign", "read"})
	trace.For("p").PassPlanned()
	trace.Plan([]Code{"a", "b", "c"})
	trace.Pass("a", "")
	trace.Refuse(bad.With())
	if _, ok := Deciding(nil); ok {
		t.Error("nothing decides")
	}

	step, ok := Deciding(trace.Steps())
	if !ok || step.Code != "b-x" || !slices.Equal(trace.Planned(), []Code{"c"}) {
		t.Errorf("%+v, planned %q", step, trace.Planned())
	}
	var none *Trace
	none.PassPlanned() // must not panic
}

// What a step shows in several lines may be longer than its other texts, and is bounded, too.
func TestDetailIsBounded(t *testing.T) {
	long := new(Catalogue).Add(Reason{Code: "a", Check: "a", Expected: "e", Got: "{x}", Fix: "f"})
	text := strings.Repeat("ä", maxDetail)
	var trace Trace
	trace.Refuse(long.With("x", text).Showing(text))

	step := trace.Steps()[0]
	if len(step.Got) > maxText+4 || len(step.Detail) > maxDetail+4 || len(step.Detail) < maxDetail ||
		!utf8.ValidString(step.Detail) {
		t.Errorf("%d and %d bytes", len(step.Got), len(step.Detail))
	}
}
