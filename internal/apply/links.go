package apply

import "strings"

// links are the references between resources, which are known by their index.
type links struct {
	trees      []map[string]any // properties as the file has them, without references
	indexOf    map[string]int   // of the resource with an ID or ARN
	references map[string]any
	needs      []map[int]bool
}

func linkAll(all []*state, names []string, s *server) *links {
	l := &links{
		trees:      make([]map[string]any, len(all)),
		indexOf:    map[string]int{},
		references: map[string]any{},
		needs:      make([]map[int]bool, len(all)),
	}
	for i, st := range all {
		known := st.properties.attributes(s, st.id)
		for _, attribute := range kindOf(st.properties).links {
			reference := pair{key: "Fn::GetAtt", value: names[i] + "." + attribute}
			if attribute == "Ref" {
				reference = pair{key: "Ref", value: names[i]}
			}
			l.indexOf[known[attribute]], l.references[known[attribute]] = i, pairs{reference}
		}
	}

	for i, st := range all {
		st.properties.rekey(l, names)

		l.trees[i], l.needs[i] = tree(st.properties), map[int]bool{}
		for name, field := range kindOf(st.properties).schema.fields {
			if values, ok := l.trees[i][name].(map[string]any); ok && field.form == formTags {
				l.trees[i][name] = tagList(values)
			}
		}
	}

	// What resources need to be made comes before what their documents mention:
	// where both together would be a circle, the document has no reference.
	for _, documents := range []bool{false, true} {
		for i, st := range all {
			for name, v := range sorted(l.trees[i]) {
				if documents == kindOf(st.properties).schema.fields[name].holdsDocument() {
					l.connect(i, v)
				}
			}
		}
	}

	return l
}

func tagList(values map[string]any) any {
	list := []any{}
	for key, value := range sorted(values) {
		list = append(list, map[string]any{"Key": key, "Value": value})
	}
	return list
}

// holdsDocument reports whether there are policy documents in a property.
func (s schema) holdsDocument() bool {
	if s.item != nil && s.item.holdsDocument() {
		return true
	}

	for _, field := range s.fields {
		if field.holdsDocument() {
			return true
		}
	}

	return s.form == formDocument
}

// connect notes that i refers to what v names, unless that refers to i.
func (l *links) connect(i int, v any) {
	eachLeaf("", v, func(_ string, leaf any) {
		id, _ := leaf.(string)
		if j, ok := l.indexOf[id]; ok && !l.reaches(j, i, map[int]bool{}) {
			l.needs[i][j] = true
		}
	})
}

func (l *links) reaches(from, to int, seen map[int]bool) bool {
	if from == to {
		return true
	}

	seen[from] = true
	for next := range l.needs[from] {
		if !seen[next] && l.reaches(next, to, seen) {
			return true
		}
	}

	return false
}

// of returns the references that i makes. What it names without a reference, because
// that refers to i, is written out with the account left open.
func (l *links) of(i int, s *server) map[string]any {
	own := map[string]any{}
	for id, j := range l.indexOf {
		if l.needs[i][j] {
			own[id] = l.references[id]
		} else if text, ok := strings.CutPrefix(id, s.arn("")); ok {
			text = "arn:${AWS::Partition}:iam::${AWS::AccountId}:" + strings.ReplaceAll(text, "${", "${!")
			own[id] = pairs{{key: "Fn::Sub", value: text}}
		}
	}

	return own
}

// ordered returns v with sorted keys, and references in the place of what they mean.
func ordered(v any, references map[string]any) any {
	switch v := v.(type) {
	case string:
		if r, ok := references[v]; ok {
			return r
		}
	case []any:
		out := []any{}
		for _, one := range v {
			out = append(out, ordered(one, references))
		}
		return out
	case map[string]any:
		out := pairs{}
		for key, one := range sorted(v) {
			out = append(out, pair{key: key, value: ordered(one, references)})
		}
		return out
	}

	return v
}
