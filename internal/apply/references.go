package apply

import (
	"fmt"
	"slices"
	"strings"
)

// shortForms are the tags of YAML for the functions that give references.
var shortForms = map[string]string{"!Ref": "Ref", "!GetAtt": "Fn::GetAtt", "!Sub": "Fn::Sub"}

func (f *fileReader) reference(at int, function string, argument any) any {
	text, isText := argument.(string)
	switch {
	case function == "Ref" && isText && text != "":
		return &Reference{Line: at, Parts: []Part{{Resource: text, Attribute: "Ref"}}}
	case function == "Fn::GetAtt":
		if list, ok := argument.([]any); ok && len(list) == 2 {
			text = fmt.Sprint(list[0]) + "." + fmt.Sprint(list[1])
		}
		if name, attribute, ok := strings.Cut(text, "."); ok {
			return &Reference{Line: at, Parts: []Part{{Resource: name, Attribute: attribute}}}
		}
	case function == "Fn::Sub" && isText:
		return f.substitution(at, text)
	}

	f.fault(at, "%s is not supported in this form: use Ref: NAME, Fn::GetAtt: NAME.ATTRIBUTE or Fn::Sub: TEXT",
		function)

	return nil
}

// substitution reads text with ${NAME}, ${NAME.ATTRIBUTE} and, for a plain ${, ${!.
func (f *fileReader) substitution(at int, text string) any {
	r := &Reference{Line: at}
	for {
		before, rest, found := strings.Cut(text, "${")
		r.Parts = append(r.Parts, Part{Text: before})
		if !found {
			return r
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			f.fault(at, "Fn::Sub: ${ is not closed")
			return nil
		}

		if literal, ok := strings.CutPrefix(name, "!"); ok {
			r.Parts = append(r.Parts, Part{Text: "${" + literal + "}"})
		} else {
			resource, attribute, ok := strings.Cut(name, ".")
			if !ok {
				attribute = "Ref"
			}
			r.Parts = append(r.Parts, Part{Resource: resource, Attribute: attribute})
		}
		text = after
	}
}

// eachPart calls do for the parts of the references in v.
func eachPart(v any, do func(*Reference, Part)) {
	eachLeaf("", v, func(_ string, leaf any) {
		if ref, ok := leaf.(*Reference); ok {
			for _, p := range ref.Parts {
				do(ref, p)
			}
		}
	})
}

// accountNames are the pseudo parameters.
var accountNames = []string{"AWS::AccountId", "AWS::Region", "AWS::Partition"}

// references refuses names of resources and attributes that are not there.
func (f *fileReader) references(resources []Resource) {
	byName := map[string]Resource{}
	given := slices.Concat(accountNames, f.more)

	names := slices.Clone(given)
	for _, r := range resources {
		byName[r.Name] = r
		names = append(names, r.Name)
	}

	for _, r := range resources {
		for _, name := range r.DependsOn {
			if _, ok := byName[name]; !ok {
				f.unknown(r.Line, "resource in DependsOn of "+r.Name, name, names)
			}
		}
		eachPart(r.Properties, func(ref *Reference, p Part) {
			if p.Resource == "" || slices.Contains(given, p.Resource) {
				return
			}
			to, ok := byName[p.Resource]
			if !ok {
				f.unknown(ref.Line, "resource", p.Resource, names)
			} else if known := types[to.Type].attributes; !slices.Contains(known, p.Attribute) {
				f.unknown(ref.Line, "attribute of "+p.Resource, p.Attribute, slices.Clone(known))
			}
		})
	}
}

// inOrder sorts resources so that each follows what it refers to; otherwise
// they stay in the order of the file.
func inOrder(resources []Resource) (all []Resource, err error) {
	index := map[string]int{}
	for i, r := range resources {
		index[r.Name] = i
	}

	const open, done = 1, 2
	state := make([]int, len(resources))
	var visit func(i int) error
	visit = func(i int) error {
		r := resources[i]
		switch state[i] {
		case done:
			return nil
		case open:
			return fmt.Errorf("line %d: %s refers to itself, by way of others", r.Line, r.Name)
		}
		state[i] = open

		needs := slices.Clone(r.DependsOn)
		eachPart(r.Properties, func(_ *Reference, p Part) { needs = append(needs, p.Resource) })
		slices.Sort(needs)

		for _, name := range needs {
			if j, ok := index[name]; ok {
				if err := visit(j); err != nil {
					return err
				}
			}
		}
		state[i] = done
		all = append(all, r)

		return nil
	}

	for i := range resources {
		if err := visit(i); err != nil {
			return nil, err
		}
	}

	return all, nil
}
