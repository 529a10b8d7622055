package template

import (
	"maps"
	"slices"
	"strings"
)

// Resource is one resource, whose properties are evaluated when they are asked for.
type Resource struct {
	Name, Type string
	Line       int
	DependsOn  []string
	// Condition is the name of the condition that is not met; "" = the resource is there.
	Condition string
	// Retained reports a DeletionPolicy that keeps the resource.
	Retained bool

	properties, metadata *node
}

var resourceMembers = []string{
	"Type", "Properties", "DependsOn", "Metadata", "Condition", "DeletionPolicy", "UpdateReplacePolicy",
	"CreationPolicy", "UpdatePolicy",
}

func (t *Template) readResources(all []entry) {
	for _, e := range all {
		r := t.resource(e)
		t.Resources = append(t.Resources, r)
		t.byName[r.Name] = r
	}
}

func (t *Template) resource(e entry) *Resource {
	r := &Resource{Name: e.key, Line: e.line}
	for _, m := range t.entries(e.value, e.key) {
		text, isText := m.value.scalar()
		switch m.key {
		case "Type":
			r.Type = text
		case "Properties":
			r.properties = m.value
		case "Metadata":
			r.metadata = m.value
		case "DependsOn":
			r.DependsOn = t.dependsOn(e.key, m)
		case "Condition":
			if !isText {
				t.Fault(m.line, "%s.Condition must be a name", e.key)
			} else if !t.isMet(m.line, text) {
				r.Condition = text
			}
		case "DeletionPolicy", "UpdateReplacePolicy":
			policies := []string{"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}
			if !slices.Contains(policies, text) {
				t.Unknown(m.line, m.key+" of "+e.key, text, policies)
			}
			r.Retained = r.Retained || m.key == "DeletionPolicy" && strings.HasPrefix(text, "Retain")
		case "CreationPolicy", "UpdatePolicy":
			t.note("%s: its %s is not used", e.key, m.key)
		default:
			t.Unknown(m.line, "attribute of "+e.key, m.key, resourceMembers)
		}
	}

	if r.Type == "" {
		t.Fault(e.line, "%s has no Type", e.key)
	}

	return r
}

func (t *Template) dependsOn(resource string, e entry) (names []string) {
	list := []*node{e.value}
	if e.value.kind == kindList {
		list = e.value.list
	}

	for _, one := range list {
		name, ok := one.scalar()
		if !ok {
			t.Fault(e.line, "%s.DependsOn must be a name or a list of names", resource)
			return nil
		}
		names = append(names, name)
	}

	return names
}

// Resource returns a resource by its name, nil if there is none.
func (t *Template) Resource(name string) *Resource { return t.byName[name] }

// Properties evaluates the properties of a resource. It refuses null in them, as CloudFormation does:
// taken for nothing, it would drop a permissions boundary.
func (t *Template) Properties(r *Resource) any {
	if r.properties == nil || r.properties.kind == kindNull {
		return nil
	}

	v := t.value(r.properties, place{inProperties: true})
	if _, none := v.(noValue); none {
		return nil
	}

	return v
}

// Metadata evaluates one entry of a resource's metadata.
func (t *Template) Metadata(r *Resource, key string) (v any, line int) {
	if r.metadata == nil || r.metadata.kind != kindMapping {
		return nil, r.Line
	}
	if n := r.metadata.get(key); n != nil {
		return t.value(n, place{}), n.line
	}

	return nil, r.metadata.line
}

// MetadataKeys returns the keys of a resource's metadata, in order.
func (*Template) MetadataKeys(r *Resource) (keys []string) {
	if r.metadata != nil {
		for _, e := range r.metadata.entries {
			keys = append(keys, e.key)
		}
	}
	slices.Sort(keys)

	return keys
}

// Names returns the names that references may have.
func (t *Template) Names() []string {
	names := slices.Concat(OpenNames, t.options.Open)
	names = slices.AppendSeq(names, maps.Keys(t.byName))

	return slices.AppendSeq(names, maps.Keys(t.parameters))
}

// IsOpen reports whether a name stays a reference, though no resource has it.
func (t *Template) IsOpen(name string) bool {
	return slices.Contains(OpenNames, name) || slices.Contains(t.options.Open, name)
}

// Mentions returns the names that a resource's properties refer to, whether a condition leaves
// them out or not, and those that it depends on.
func (*Template) Mentions(r *Resource) map[string]bool {
	all := map[string]bool{}
	for _, name := range r.DependsOn {
		all[name] = true
	}
	if r.properties != nil {
		r.properties.mentions(all)
	}

	return all
}

func (n *node) mentions(all map[string]bool) {
	add := func(name string) {
		name, _, _ = strings.Cut(name, ".")
		all[name] = true
	}
	if function, argument, isCall := n.call(); isCall {
		texts := []*node{argument}
		if argument.kind == kindList {
			texts = argument.list[:min(1, len(argument.list))]
		}

		for _, one := range texts {
			switch function {
			case "Ref", "Fn::GetAtt":
				add(one.text)
			case "Fn::Sub":
				for _, rest := range strings.Split(one.text, "${")[1:] {
					name, _, _ := strings.Cut(rest, "}")
					add(name)
				}
			}
		}
	}

	for _, one := range n.list {
		one.mentions(all)
	}

	for _, e := range n.entries {
		e.value.mentions(all)
	}
}

// Output is an output whose condition is met.
type Output struct {
	Name, Description string
	Line              int
	Value             any // text or *Reference
	Export            any // text, *Reference, or nil
}

// Outputs evaluates the outputs.
func (t *Template) Outputs() (all []Output) {
	for _, e := range t.outputs {
		if o, met := t.output(e); met {
			all = append(all, o)
		}
	}

	return all
}

func (t *Template) output(e entry) (o Output, met bool) {
	o = Output{Name: e.key, Line: e.line}
	met = true
	parts := t.entries(e.value, e.key)
	if when := e.value.get("Condition"); when != nil {
		name, _ := when.scalar()
		if met = t.isMet(when.line, name); !met {
			return o, false
		}
	}

	for _, m := range parts {
		switch m.key {
		case "Condition":
		case "Description":
			o.Description, _ = m.value.scalar()
		case "Value":
			o.Value = t.outputText(m.value, e.key)
		case "Export":
			if name := m.value.get("Name"); name != nil {
				o.Export = t.outputText(name, e.key+".Export")
			} else {
				t.Fault(m.line, "%s.Export needs Name", e.key)
			}
		default:
			t.Unknown(m.line, "attribute of "+e.key, m.key, []string{"Condition", "Description", "Value", "Export"})
		}
	}
	if e.value.get("Value") == nil {
		t.Fault(e.line, "the output %s has no Value", e.key)
	}

	return o, met
}

func (t *Template) outputText(n *node, what string) any {
	before := t.faultCount()
	v := t.value(n, place{})
	if ref, ok := v.(*Reference); ok {
		return ref
	}
	text, ok := textOf(v)
	if !ok && t.faultCount() == before {
		t.Fault(n.line, "the output %s must be text", what)
	}

	return text
}
