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
	list := make([]explain.Step, len(steps))
	for i, s := range steps {
		one := &list[i]
		one.Code, one.Provider, one.Check, one.Subject, one.OK = s.Code, s.Provider, s.Check, s.Subject, s.OK
		one.Expected, one.Got, one.Fix, one.Detail = s.Expected, s.Got, s.Fix, s.Detail
		if l := s.Link; l != nil {
			one.Link = &explain.Link{Kind: l.Kind, ID: l.Id, Field: l.Field, Add: l.Add, Source: l.Source}
		}
	}

	return list
}
