package admincli

import "github.com/poolhouse-id/poolhouse/internal/explain"

// step is a check of a call, with the API's members.
type step struct {
	Code     explain.Code
	Provider string `json:",omitempty"`
	Check    string
	Subject  string `json:",omitempty"`
	OK       bool
	Expected string `json:",omitempty"`
	Got      string `json:",omitempty"`
	Fix      string `json:",omitempty"`
	Link     *link  `json:",omitempty"`
	Detail   string `json:",omitempty"`
}

// link names the thing that a fix changes.
type link struct {
	Kind   string
	Id     string `json:",omitempty"`
	Field  string `json:",omitempty"`
	Add    string `json:",omitempty"`
	Source string `json:",omitempty"`
}

// explainedSteps returns steps in the form whose text package explain writes.
func explainedSteps(steps []step) []explain.Step {
	list := make([]explain.Step, 0, len(steps))
	for _, s := range steps {
		one := explain.Step{
			Code:     s.Code,
			Provider: s.Provider,
			Check:    s.Check,
			Subject:  s.Subject,
			OK:       s.OK,
			Expected: s.Expected,
			Got:      s.Got,
			Fix:      s.Fix,
			Detail:   s.Detail,
		}
		if l := s.Link; l != nil {
			one.Link = &explain.Link{
				Kind:   l.Kind,
				ID:     l.Id,
				Field:  l.Field,
				Add:    l.Add,
				Source: l.Source,
			}
		}
		list = append(list, one)
	}

	return list
}
