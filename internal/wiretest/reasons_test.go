package wiretest

import (
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

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
	astray, unsettled := complete, complete
	astray.Link = &explain.Link{Kind: explain.LinkRole, ID: "a", Field: "trust_policy", Source: explain.SourceAPI}
	unsettled.Link = &explain.Link{Kind: explain.LinkRole, ID: "a", Source: explain.SourceFile}

	for name, step := range map[string]explain.Step{
		"passed": passed, "empty": empty, "other": other, "open": open, "astray": astray, "unsettled": unsettled,
	} {
		if reasonFault(poolhouse.Trace{Steps: []explain.Step{step}, Reason: step.Code}) == "" {
			t.Errorf("%s: taken for explained", name)
		}
	}

	complete.Expected = `[\p{L}\p{N}]+` // classes of a pattern are no placeholders
	if fault := reasonFault(poolhouse.Trace{Steps: []explain.Step{complete}, Reason: "a"}); fault != "" {
		t.Errorf("a complete step: %s", fault)
	}
}
