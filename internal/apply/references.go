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
	for r := range f.allMade() {
		r.DependsOn = f.dependencies(r)
		eachPart(r.Properties, func(ref *Reference, resource, attribute string) {
			if s := f.leftOut(resource); s != nil {
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
		from := f.template.Resource(name)
		switch {
		case f.made(name) != nil:
			names = append(names, name)
		case f.has(name, fateFolded):
			names = append(names, slices.DeleteFunc(slices.Clone(f.outcomes[name].roles), func(role string) bool {
				return role == r.Name
			})...)
		case f.leftOut(name) != nil, from != nil && from.Condition != "":
		default:
			f.unknown(r.Line, "resource in DependsOn of "+r.Name, name, f.template.Names())
		}
	}

	return names
}

// reference refuses a resource or an attribute that is not there.
func (f *fileReader) reference(line int, resource, attribute string) {
	if f.template.IsOpen(resource) {
		return
	}

	to := f.made(resource)
	from := f.template.Resource(resource)
	switch {
	case to != nil:
		known := types[to.Type].attributes
		if !slices.Contains(known, attribute) {
			f.unknown(line, "attribute of "+resource, attribute, known)
		}
	case f.has(resource, fateRefused):
	case f.has(resource, fateFolded):
		f.fault(line, "%s is a part of its roles, and has no %s", resource, attribute)
	case from != nil && from.Condition != "":
		f.fault(line, "%s is not there: its condition %s is not met", resource, from.Condition)
	default:
		f.unknown(line, "resource", resource, f.template.Names())
	}
}

// outputs reads the outputs. One that needs what is left out has no value.
func (f *fileReader) outputs() {
	for _, from := range f.template.Outputs() {
		o := Output{Name: from.Name, Description: from.Description, Value: from.Value, Export: from.Export}
		if s := f.skippedIn([]any{from.Value, from.Export}); s != nil {
			o.Unknown = s.Name + " is left out: " + s.Reason
			o.Value, o.Export = nil, nil
		}
		eachPart([]any{o.Value, o.Export}, func(ref *Reference, resource, attribute string) {
			to := f.made(resource)
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
