package wiretest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// leftover matches a placeholder without a value. The classes of a pattern, such as \p{L}, are none.
var leftover = regexp.MustCompile(`(^|[^p]|(^|[^\\])p)\{[a-zA-Z]+\}`)

// wantReasons fails any test in which a refusal has no reason. next receives the traces, too;
// it may be nil.
func wantReasons(t testing.TB, next func(poolhouse.Trace)) func(poolhouse.Trace) {
	return func(trace poolhouse.Trace) {
		if fault := reasonFault(trace); fault != "" {
			t.Errorf(
				"%s %s (%s) is not explained: %s: %+v",
				trace.Operation, trace.Outcome, trace.Message, fault, trace.Steps,
			)
		}

		if next != nil {
			next(trace)
		}
	}
}

// reasonFault names what a trace lacks; "" = nothing.
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
