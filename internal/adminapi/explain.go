package adminapi

import (
	"context"
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/traces"
)

// explainInput names a refused call.
type explainInput struct {
	RequestId *string
}

type explainOutput struct {
	refusalEntry

	Message string
	Steps   []explainStep
	Planned []explain.Code // checks that were not reached
}

type explainStep struct {
	Code     explain.Code
	Provider string `json:",omitzero"`
	Check    string
	Subject  string `json:",omitzero"`
	OK       bool
	Expected string       `json:",omitzero"`
	Got      string       `json:",omitzero"`
	Fix      string       `json:",omitzero"`
	Link     *explainLink `json:",omitzero"`
	Detail   string       `json:",omitzero"`
}

// explainLink names the thing that a fix changes.
type explainLink struct {
	Kind   string
	Id     string `json:",omitzero"`
	Field  string `json:",omitzero"`
	Add    string `json:",omitzero"`
	Source string `json:",omitzero"`
}

// shownLink returns l in the API's form; nil for nil.
func shownLink(l *explain.Link) *explainLink {
	if l == nil {
		return nil
	}

	return &explainLink{
		Kind:   l.Kind,
		Id:     l.ID,
		Field:  l.Field,
		Add:    l.Add,
		Source: l.Source,
	}
}

// explain returns the decision trace of a refused call that concerns the caller's account:
// the part that the account may see. The call must have been for the caller's region, or
// have failed before its region was known. Only the home account, which belongs to the
// operator, may see calls that reached no account.
func (s *Service) explain(ctx context.Context, c awsapi.Caller, in *explainInput) (*explainOutput, error) {
	if in.RequestId == nil {
		return nil, missing("RequestId")
	}

	t, ok, seen := s.options.Traces.Find(ctx, c.Account, c.Account == string(s.options.Home), *in.RequestId)
	if !ok || t.Region != "" && t.Region != c.Region {
		note := shownNodes("refusals", seen.Silent, seen.Alone).Warning
		if note != "" {
			note = " " + note
		}
		why := traceForgotten.With("account", c.Account, "region", c.Region, "kept", strconv.Itoa(traces.Capacity))

		return nil, awsapi.Refused("ResourceNotFoundException", why,
			"No refused call of account %s in the region %s with this request ID is remembered. If the call was for "+
				"another region, set AWS_REGION to that. "+
				"The newest %d of all accounts are kept, in memory; the log has them all.%s",
			c.Account, c.Region, traces.Capacity, note)
	}

	return &explainOutput{
		refusalEntry: shownRefusal(t),
		Message:      t.Message,
		Steps:        shownSteps(t.Steps),
		Planned:      append([]explain.Code{}, t.Planned...),
	}, nil
}

// shownSteps returns steps in the API's form.
func shownSteps(steps []explain.Step) []explainStep {
	list := make([]explainStep, 0, len(steps))
	for _, s := range steps {
		list = append(list, explainStep{
			Code:     s.Code,
			Provider: s.Provider,
			Check:    s.Check,
			Subject:  s.Subject,
			OK:       s.OK,
			Expected: s.Expected,
			Got:      s.Got,
			Fix:      s.Fix,
			Link:     shownLink(s.Link),
			Detail:   s.Detail,
		})
	}

	return list
}
