package template

// Field is a member of a section that the caller reads, or the section itself. Its value is
// evaluated when it is asked for, after parameters and conditions.
type Field struct {
	Key  string // "" in a list
	Line int

	node *node
}

// Section returns a section of Options.Sections, and whether the text has it.
func (t *Template) Section(name string) (Field, bool) {
	f, ok := t.further[name]
	return f, ok
}

// Members returns the members of a mapping, in the order of the text. It refuses other values but
// null, which has none.
func (t *Template) Members(f Field, what string) (all []Field) {
	if f.node.kind == kindNull {
		return nil
	}

	for _, e := range t.entries(f.node, what) {
		all = append(all, Field{Key: e.key, Line: e.line, node: e.value})
	}

	return all
}

// Elements returns the elements of a list. It refuses other values but null, which has none.
func (t *Template) Elements(f Field, what string) (all []Field) {
	if f.node.kind != kindList && f.node.kind != kindNull {
		t.Fault(f.Line, "%s must be a list", what)
	}

	for _, n := range f.node.list {
		all = append(all, Field{Line: n.line, node: n})
	}

	return all
}

// Value evaluates a field. There is none if a condition leaves it out.
func (t *Template) Value(f Field) (v any, there bool) {
	v = t.value(f.node, place{})
	if _, none := v.(noValue); none {
		return nil, false
	}

	return v, true
}

// Text evaluates a field to text that is known now. It refuses other values, and names what.
func (t *Template) Text(f Field, what string) (text string, ok bool) {
	return t.text(f.node, what, place{})
}
