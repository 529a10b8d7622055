package poolhouse_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// leftover is a placeholder that got no value.
var leftover = regexp.MustCompile(`\{[a-zA-Z]+\}`)

// wantReasons fails the test for any refusal without a reason, whatever the test is
// about. next sees the traces, too; it may be nil.
func wantReasons(t testing.TB, next func(poolhouse.Trace)) func(poolhouse.Trace) {
	return func(trace poolhouse.Trace) {
		if fault := reasonFault(trace); fault != "" {
			t.Errorf("%s %s (%s) is not explained: %s: %+v", trace.Operation, trace.Outcome, trace.Message, fault, trace.Steps)
		}
		if next != nil {
			next(trace)
		}
	}
}

// reasonFault tells what a trace lacks; "" = nothing.
func reasonFault(trace poolhouse.Trace) string {
	step, ok := explain.Deciding(trace.Steps)
	switch {
	case !ok:
		return "no failed step"
	case step.Code == awsapi.Unexplained:
		return "no check gave a reason"
	case step.Code != trace.Reason:
		return "the reason is " + string(trace.Reason)
	case step.Check == "" || step.Expected == "" || step.Got == "" || step.Fix == "":
		return "a text is empty"
	case leftover.MatchString(strings.Join([]string{step.Expected, step.Got, step.Fix}, " ")):
		return "a placeholder has no value"
	}
	return ""
}

// The harness sees a refusal that is not explained.
func TestUnexplainedRefusalsAreSeen(t *testing.T) {
	complete := explain.Step{
		Code:     "a",
		Check:    "a",
		Expected: "b",
		Got:      "c",
		Fix:      "d",
	}
	passed, empty, other, open := complete, complete, complete, complete
	passed.OK = true
	empty.Fix = ""
	other.Code = awsapi.Unexplained
	open.Got = "{value}"

	for name, step := range map[string]explain.Step{"passed": passed, "empty": empty, "other": other, "open": open} {
		if reasonFault(poolhouse.Trace{Steps: []explain.Step{step}, Reason: step.Code}) == "" {
			t.Errorf("%s: taken for explained", name)
		}
	}
	if fault := reasonFault(poolhouse.Trace{Steps: []explain.Step{complete}, Reason: "a"}); fault != "" {
		t.Errorf("a complete step: %s", fault)
	}
}
