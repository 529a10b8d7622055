package apply

import "slices"

// eachPart calls do for the resources and pseudo parameters that v refers to.
func eachPart(v any, do func(ref *Reference, resource, attribute string)) {
	eachLeaf("", v, func(_ string, leaf any) {
		if ref, ok := leaf.(*Reference); ok {
			for _, p := range ref.Parts {
				p.Names(func(resource, attribute string) { do(ref, resource, attribute) })
			}
		}
	})
}

// references refuses names of resources and attributes that are not there, and resources that
// refer to what is left out.
func (f *fileReader) references() {
	for _, r := range f.resources {
		if f.byName[r.Name] == nil {
			continue
		}
		r.DependsOn = f.dependencies(r)
		eachPart(r.Properties, func(ref *Reference, resource, attribute string) {
			if s, left := f.left[resource]; left {
				f.fault(ref.Line, "%s refers to %s, an %s that is left out: %s", r.Name, s.Name, s.Type, s.Reason)
				return
			}
			f.reference(ref.Line, resource, attribute)
		})
	}
}

// dependencies returns the resources that DependsOn names, without those that are left out.
func (f *fileReader) dependencies(r *Resource) (names []string) {
	for _, name := range r.DependsOn {
		_, left := f.left[name]
		from := f.Resource(name)
		switch {
		case f.byName[name] != nil:
			names = append(names, name)
		case f.folded[name] != nil:
			names = append(names, slices.DeleteFunc(slices.Clone(f.folded[name]), func(role string) bool {
				return role == r.Name
			})...)
		case left, from != nil && from.Condition != "":
		default:
			f.unknown(r.Line, "resource in DependsOn of "+r.Name, name, f.Names())
		}
	}

	return names
}

// reference refuses a resource or an attribute that is not there.
func (f *fileReader) reference(line int, resource, attribute string) {
	if f.IsOpen(resource) {
		return
	}

	to := f.byName[resource]
	from := f.Resource(resource)
	switch {
	case to != nil:
		known := types[to.Type].attributes
		if !slices.Contains(known, attribute) {
			f.unknown(line, "attribute of "+resource, attribute, known)
		}
	case f.refused[resource]:
	case f.folded[resource] != nil:
		f.fault(line, "%s is a part of its roles, and has no %s", resource, attribute)
	case from != nil && from.Condition != "":
		f.fault(line, "%s is not there: its condition %s is not met", resource, from.Condition)
	default:
		f.unknown(line, "resource", resource, f.Names())
	}
}

// outputs reads the outputs. One that needs what is left out has no value.
func (f *fileReader) outputs() {
	for _, from := range f.Outputs() {
		o := Output{Name: from.Name, Description: from.Description, Value: from.Value, Export: from.Export}
		if s, is := f.skippedIn([]any{from.Value, from.Export}); is {
			o.Unknown = s.Name + " is left out: " + s.Reason
			o.Value, o.Export = nil, nil
		}
		eachPart([]any{o.Value, o.Export}, func(ref *Reference, resource, attribute string) {
			to := f.byName[resource]
			if to != nil && f.options.IgnoreUnknown && !slices.Contains(types[to.Type].attributes, attribute) {
				o.Unknown = "Poolhouse does not know the attribute " + attribute + " of " + resource
				return
			}
			f.reference(ref.Line, resource, attribute)
		})
		if o.Unknown != "" {
			o.Value, o.Export = nil, nil
		}
		f.file.Outputs = append(f.file.Outputs, o)
	}
}
