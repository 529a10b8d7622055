package apply

import (
	"iter"

	"github.com/poolhouse-id/poolhouse/internal/template"
)

// outcome tells what becomes of one resource of a template. One without an outcome is not there: its
// condition is not met.
type outcome struct {
	fate fate
	made *Resource // for fateMade

	// skipped is for fateLeftOut.
	skipped Skipped
	// roles are the names of those that a policy became a part of, for fateFolded.
	roles []string
	// attachTo are the roles that a managed policy names, as the template has them.
	attachTo []any
	// usedBy is a resource that is left out, if no other uses a role; "" = others do.
	usedBy string
}

// fate is the kind of an outcome.
type fate int

const (
	fateMade    fate = iota
	fateFolded       // a policy that becomes a part of its roles
	fateLeftOut      // Poolhouse does not need or have it
	fateRefused      // its type is unknown, which is a fault of its own
)

// make notes that a resource is made, of a type that Poolhouse has.
func (f *fileReader) make(from *template.Resource, typeName string) {
	f.outcomes[from.Name] = &outcome{fate: fateMade, made: &Resource{
		Name:       from.Name,
		Type:       typeName,
		Line:       from.Line,
		DependsOn:  from.DependsOn,
		Properties: map[string]any{},
	}}
}

// leaveOut notes that a resource is not made, and why.
func (f *fileReader) leaveOut(r *template.Resource, reason string) {
	s := Skipped{Name: r.Name, Type: r.Type, Reason: reason}
	f.outcomes[r.Name] = &outcome{fate: fateLeftOut, skipped: s}
	if r.Type != metadataType {
		f.file.Skipped = append(f.file.Skipped, s)
	}
}

// has reports whether a resource of the template has a fate.
func (f *fileReader) has(name string, is fate) bool {
	o := f.outcomes[name]
	return o != nil && o.fate == is
}

// made returns a resource that is made, nil if it is not.
func (f *fileReader) made(name string) *Resource {
	if !f.has(name, fateMade) {
		return nil
	}
	return f.outcomes[name].made
}

// leftOut returns a resource that is left out, nil if it is not.
func (f *fileReader) leftOut(name string) *Skipped {
	if !f.has(name, fateLeftOut) {
		return nil
	}
	return &f.outcomes[name].skipped
}

// allMade yields the resources that are made, in the order of the template.
func (f *fileReader) allMade() iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		for _, from := range f.template.Resources {
			if r := f.made(from.Name); r != nil && !yield(r) {
				return
			}
		}
	}
}
