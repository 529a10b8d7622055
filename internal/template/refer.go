package template

import (
	"slices"
	"strings"
)

func (t *Template) ref(line int, argument *node) (any, bool) {
	name, ok := argument.scalar()
	if !ok || argument.kind != kindText || name == "" {
		return nil, false
	}

	return t.refTo(line, name), true
}

// refTo returns what a name stands for. Whether a resource is there is for the caller to check.
func (t *Template) refTo(line int, name string) any {
	if v, ok := t.parameters[name]; ok {
		if t.toNote[name] {
			delete(t.toNote, name)
			t.note("the parameter %s is of AWS Systems Manager: its value is used as it is given", name)
		}
		if list, isList := v.([]any); isList && !t.spend(line, itemCost*len(list)) {
			return nil
		}

		return v
	}

	switch name {
	case "AWS::NoValue":
		return noValue{}
	case "AWS::StackName":
		return t.name
	case "AWS::StackId":
		return t.stackID(line)
	case "AWS::NotificationARNs":
		return []any{}
	}
	if strings.HasPrefix(name, "AWS::") && !slices.Contains(OpenNames, name) {
		t.Unknown(line, "pseudo parameter", name, append([]string{"AWS::NoValue", "AWS::StackName", "AWS::StackId",
			"AWS::NotificationARNs"}, OpenNames...))
		return nil
	}

	return &Reference{Line: line, Parts: []Part{{Resource: name, Attribute: "Ref"}}}
}

// stackID is an ARN like those of stacks; it has no random part, so that it stays the same.
func (t *Template) stackID(line int) any {
	var parts []Part
	for _, one := range []string{
		"arn:", "AWS::Partition", ":cloudformation:", "AWS::Region", ":", "AWS::AccountId",
		":stack/" + t.name + "/00000000-0000-0000-0000-000000000000",
	} {
		var v any = one
		if strings.HasPrefix(one, "AWS::") {
			v = t.refTo(line, one)
		}
		some, _ := partsOf(v)
		parts = append(parts, some...)
	}

	return joined(line, parts)
}

func (t *Template) getAtt(line int, argument *node, at place) (any, bool) {
	text, isText := argument.scalar()
	if argument.kind == kindList && len(argument.list) == 2 {
		name, ok := argument.list[0].scalar()
		attribute, too := t.text(argument.list[1], "Fn::GetAtt", at)
		if !ok || !too {
			return nil, false
		}
		text, isText = name+"."+attribute, true
	}

	name, attribute, ok := strings.Cut(text, ".")
	if !isText || !ok {
		return nil, false
	}

	return &Reference{Line: line, Parts: []Part{{Resource: name, Attribute: attribute}}}, true
}

func (t *Template) sub(line int, argument *node, at place) (any, bool) {
	local := map[string]any{}
	text := argument
	if argument.kind == kindList {
		if len(argument.list) != 2 || argument.list[1].kind != kindMapping {
			return nil, false
		}

		text = argument.list[0]
		for _, e := range argument.list[1].entries {
			local[e.key] = t.value(e.value, at.deeper())
		}
	}
	if text.kind != kindText {
		return nil, false
	}

	parts, ok := t.substitute(line, text.text, local)
	if !ok {
		return nil, false
	}

	return joined(line, parts), true
}

// substitute reads text with ${NAME}, ${NAME.ATTRIBUTE} and, for a plain ${, ${!.
func (t *Template) substitute(line int, text string, local map[string]any) (parts []Part, ok bool) {
	for {
		before, rest, found := strings.Cut(text, "${")
		if !t.spend(line, len(before)+partCost) {
			return nil, false
		}
		parts = append(parts, Part{Text: before})
		if !found {
			return parts, true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			t.Fault(line, "Fn::Sub: ${ is not closed")
			return nil, false
		}
		text = after

		if literal, isLiteral := strings.CutPrefix(name, "!"); isLiteral {
			parts = append(parts, Part{Text: "${" + literal + "}"})
			continue
		}
		v, isLocal := local[name]
		if !isLocal {
			v = t.variable(line, name)
		}
		some, ok := t.pieces(line, v)
		if !ok {
			t.Fault(line, "Fn::Sub: %s is not text", name)
			return nil, false
		}
		parts = append(parts, some...)
	}
}

// variable returns what ${NAME} or ${NAME.ATTRIBUTE} stands for.
func (t *Template) variable(line int, name string) any {
	resource, attribute, hasAttribute := strings.Cut(name, ".")
	switch {
	case t.IsOpen(name):
		return t.refTo(line, name)
	case strings.Contains(name, ":") && !strings.HasPrefix(name, "AWS::"):
		t.Fault(line, "Fn::Sub: write ${!%s} for the variable of a policy", name)
		return ""
	case hasAttribute:
		return &Reference{Line: line, Parts: []Part{{Resource: resource, Attribute: attribute}}}
	default:
		return t.refTo(line, name)
	}
}

// pieces returns a value as parts, and counts them.
func (t *Template) pieces(line int, v any) ([]Part, bool) {
	parts, ok := partsOf(v)
	size := 0
	for _, p := range parts {
		size += len(p.Text) + partCost
	}

	return parts, ok && t.spend(line, size)
}
