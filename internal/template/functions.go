package template

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// place is where a value is evaluated.
type place struct {
	depth        int  // of values in one another
	inProperties bool // of a resource, where null is a fault
}

// deeper is the place of a value in a value.
func (p place) deeper() place {
	p.depth++
	return p
}

// value evaluates a node. It returns nil for what has a fault.
func (t *Template) value(n *node, at place) any {
	v := t.anyValue(n, at)
	if _, unknown := v.(*splitText); unknown {
		t.Fault(n.line, "Fn::Split of a text that is known after apply works inside Fn::Select only")
		return nil
	}
	return v
}

func (t *Template) anyValue(n *node, at place) any {
	if at.depth > MaxDepth {
		t.Fault(n.line, "nested too deeply")
		return nil
	}
	if function, argument, isCall := n.call(); isCall {
		return t.call(n, function, argument, at)
	}

	switch n.kind {
	case kindNull:
		if at.inProperties {
			t.Fault(n.line, "null is no value of a property: leave the property out, or use AWS::NoValue")
		}

		return nil
	case kindBoolean:
		return n.text == "true"
	case kindNumber:
		if !json.Valid([]byte(n.text)) {
			return OddNumber(n.text)
		}
		return json.Number(n.text)
	case kindText:
		return n.text
	case kindList:
		return t.listValue(n, at)
	case kindMapping:
		m := map[string]any{}
		for _, e := range n.entries {
			if e.value.kind == kindNull && at.inProperties {
				t.Fault(e.line, "%s is null: leave it out, or use AWS::NoValue", e.key)
				continue
			}
			v := t.value(e.value, at.deeper())
			if _, none := v.(noValue); !none {
				m[e.key] = v
			}
		}

		return m
	}

	t.Fault(n.line, "anchors, aliases and other special values are not supported")

	return nil
}

func (t *Template) listValue(n *node, at place) any {
	list := []any{}
	if !t.spend(n.line, itemCost*len(n.list)) {
		return list
	}

	for _, one := range n.list {
		v := t.value(one, at.deeper())
		if _, none := v.(noValue); !none {
			list = append(list, v)
		}
	}

	return list
}

// functions are those that a value may call.
var functions = []string{
	"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::FindInMap", "Fn::If", "Fn::Base64",
}

// elsewhere are functions that need what is only at AWS, with the reason.
var elsewhere = map[string]string{
	"Fn::GetAZs":       "it lists AWS's availability zones",
	"Fn::Cidr":         "it divides networks, which Poolhouse does not have",
	"Fn::ImportValue":  "it reads other stacks at AWS: make the value a parameter",
	"Fn::Transform":    "it runs at AWS",
	"Fn::ForEach":      "it belongs to the transform AWS::LanguageExtensions, which runs at AWS",
	"Fn::Length":       "it belongs to the transform AWS::LanguageExtensions, which runs at AWS",
	"Fn::ToJsonString": "it belongs to the transform AWS::LanguageExtensions, which runs at AWS",
}

// forms tell how functions are called.
var forms = map[string]string{
	"Ref":           "Ref: NAME",
	"Fn::GetAtt":    "Fn::GetAtt: NAME.ATTRIBUTE or [NAME, ATTRIBUTE]",
	"Fn::Sub":       "Fn::Sub: TEXT or [TEXT, {NAME: VALUE}]",
	"Fn::Join":      "Fn::Join: [DELIMITER, LIST]",
	"Fn::Select":    "Fn::Select: [INDEX, LIST]",
	"Fn::Split":     "Fn::Split: [DELIMITER, TEXT]",
	"Fn::FindInMap": "Fn::FindInMap: [MAP, KEY, KEY] or [MAP, KEY, KEY, {DefaultValue: VALUE}]",
	"Fn::If":        "Fn::If: [CONDITION, VALUE, VALUE]",
	"Fn::Base64":    "Fn::Base64: TEXT",
}

func (t *Template) call(n *node, function string, argument *node, at place) any {
	before := t.faultCount()

	var v any
	ok := false
	switch function {
	case "Ref":
		v, ok = t.ref(n.line, argument)
	case "Fn::GetAtt":
		v, ok = t.getAtt(n.line, argument, at)
	case "Fn::Sub":
		v, ok = t.sub(n.line, argument, at)
	case "Fn::Join":
		v, ok = t.join(n.line, argument, at)
	case "Fn::Select":
		v, ok = t.selectItem(n.line, argument, at)
	case "Fn::Split":
		v, ok = t.split(n.line, argument, at)
	case "Fn::FindInMap":
		v, ok = t.findInMap(n.line, argument, at)
	case "Fn::If":
		v, ok = t.ifElse(argument, at)
	case "Fn::Base64":
		v, ok = t.base64(argument, at)
	default:
		t.unknownFunction(n, function)
		return nil
	}
	if !ok && t.faultCount() == before && t.spent <= maxValues {
		t.Fault(n.line, "%s is not supported in this form: use %s", function, forms[function])
	}

	return v
}

func (t *Template) unknownFunction(n *node, function string) {
	name, _, _ := strings.Cut(function, "::ForEach::")
	if name != function {
		name = "Fn::ForEach"
	}
	shown := function
	if n.kind == kindCall {
		shown = n.text
	}

	if why, known := elsewhere[name]; known {
		t.Fault(n.line, "%s is not supported: %s", shown, why)
	} else if near := explain.Nearest(function, functions); near != "" {
		t.Fault(n.line, "%s is not supported: did you mean %s?", shown, near)
	} else {
		t.Fault(n.line, "%s is not supported: there are %s", shown, strings.Join(functions, ", "))
	}
}

// constant evaluates a node whose value has to be known now.
func (t *Template) constant(n *node, what string, at place) (any, bool) {
	before := t.faultCount()
	v := t.value(n, at)
	if t.faultCount() > before {
		return nil, false
	}

	return t.knownNow(n.line, v, what)
}

// text evaluates a node to text that has to be known now.
func (t *Template) text(n *node, what string, at place) (string, bool) {
	v, ok := t.constant(n, what, at)
	if !ok {
		return "", false
	}
	text, isText := textOf(v)
	if !isText {
		t.Fault(n.line, "%s needs text here", what)
	}

	return text, isText
}

// knownNow replaces pseudo parameters by their values, and refuses what is known after apply.
func (t *Template) knownNow(line int, v any, what string) (any, bool) {
	switch v := v.(type) {
	case *Reference:
		var text strings.Builder
		for _, p := range v.Parts {
			known, err := t.partValue(p)
			if err != nil {
				t.Fault(line, "%s needs a value that is known before anything is made: %v", what, err)
				return nil, false
			}
			text.WriteString(known)
		}

		return text.String(), true
	case []any:
		list := make([]any, len(v))
		for i, one := range v {
			known, ok := t.knownNow(line, one, what)
			if !ok {
				return nil, false
			}
			list[i] = known
		}

		return list, true
	}

	return v, true
}

// isConstant reports whether a text has pseudo parameters only, whose values are known.
func (t *Template) isConstant(ref *Reference) bool {
	return !slices.ContainsFunc(ref.Parts, func(p Part) bool {
		return p.Piece != nil || p.Resource != "" && t.options.Pseudo[p.Resource] == ""
	})
}

func (t *Template) partValue(p Part) (string, error) {
	switch {
	case p.Piece != nil:
		return "", fmt.Errorf("a part of a split text is not")
	case p.Resource == "":
		return p.Text, nil
	case t.options.Pseudo[p.Resource] != "":
		return t.options.Pseudo[p.Resource], nil
	case p.Resource == "AWS::AccountId" && t.options.Account != nil:
		if t.account == "" {
			account, err := t.options.Account()
			if err != nil {
				return "", fmt.Errorf("AWS::AccountId: %w", err)
			}
			t.account = account
		}
		return t.account, nil
	default:
		return "", fmt.Errorf("%s is not", p.Resource)
	}
}

func (t *Template) join(line int, argument *node, at place) (any, bool) {
	if argument.kind != kindList || len(argument.list) != 2 {
		return nil, false
	}
	delimiter, ok := t.text(argument.list[0], "Fn::Join", at)
	list, isList := t.value(argument.list[1], at.deeper()).([]any)
	if !ok || !isList {
		return nil, false
	}

	var parts []Part
	for i, one := range list {
		some, isText := t.pieces(line, one)
		if !isText || !t.spend(line, len(delimiter)) {
			return nil, false
		}
		if i > 0 {
			parts = append(parts, Part{Text: delimiter})
		}
		parts = append(parts, some...)
	}

	return joined(line, parts), true
}

func (t *Template) split(line int, argument *node, at place) (any, bool) {
	if argument.kind != kindList || len(argument.list) != 2 {
		return nil, false
	}
	delimiter, ok := t.text(argument.list[0], "Fn::Split", at)
	if !ok || delimiter == "" {
		return nil, false
	}

	v := t.value(argument.list[1], at.deeper())
	if ref, isReference := v.(*Reference); isReference && t.isConstant(ref) {
		v, _ = t.knownNow(line, v, "Fn::Split")
	} else if isReference {
		return &splitText{of: ref.Parts, delimiter: delimiter}, true
	}
	text, isText := textOf(v)
	if !isText || !t.spend(line, len(text)+partCost*(1+strings.Count(text, delimiter))) {
		return nil, false
	}

	list := []any{}
	for one := range strings.SplitSeq(text, delimiter) {
		list = append(list, one)
		t.derive(text, one)
	}

	return list, true
}

func (t *Template) selectItem(line int, argument *node, at place) (any, bool) {
	if argument.kind != kindList || len(argument.list) != 2 {
		return nil, false
	}
	number, ok := t.text(argument.list[0], "Fn::Select", at)
	index, err := strconv.Atoi(number)
	if !ok || err != nil || index < 0 {
		return nil, false
	}

	switch list := t.anyValue(argument.list[1], at.deeper()).(type) {
	case *splitText:
		piece := &Piece{Of: list.of, Delimiter: list.delimiter, Index: index}
		return &Reference{Line: line, Parts: []Part{{Piece: piece}}}, true
	case []any:
		if index >= len(list) {
			t.Fault(line, "Fn::Select: the list has %d elements, and none with the index %d", len(list), index)
			return nil, false
		}
		return list[index], true
	}

	return nil, false
}

func (t *Template) findInMap(line int, argument *node, at place) (any, bool) {
	if argument.kind != kindList || len(argument.list) < 3 || len(argument.list) > 4 {
		return nil, false
	}

	var names [3]string
	for i := range names {
		name, ok := t.text(argument.list[i], "Fn::FindInMap", at)
		if !ok {
			return nil, false
		}
		names[i] = name
	}

	if found := t.lookup(names); found != nil {
		if found.kind == kindMapping || find(found, append(slices.Collect(maps.Keys(elsewhere)), functions...)) != "" {
			t.Fault(found.line, "%s.%s.%s must be text, a number or a list", names[0], names[1], names[2])
			return nil, false
		}
		return t.value(found, at.deeper()), true
	}
	if len(argument.list) == 4 {
		if otherwise := argument.list[3].get("DefaultValue"); otherwise != nil {
			return t.value(otherwise, at.deeper()), true
		}
		return nil, false
	}

	if t.mappings[names[0]] == nil {
		t.Fault(line, "Fn::FindInMap: unknown mapping %q", names[0])
	} else {
		t.Fault(line, "Fn::FindInMap: the mapping %s has no %s, %s", names[0], names[1], names[2])
	}

	return nil, false
}

// ifElse evaluates only the value that Fn::If chooses.
func (t *Template) ifElse(argument *node, at place) (any, bool) {
	if argument.kind != kindList || len(argument.list) != 3 {
		return nil, false
	}
	name, ok := argument.list[0].scalar()
	if !ok {
		return nil, false
	}

	before := t.faultCount()
	chosen := argument.list[2]
	if t.isMet(argument.line, name) {
		chosen = argument.list[1]
	}
	if t.faultCount() > before {
		return nil, false
	}

	return t.anyValue(chosen, at.deeper()), true
}

func (t *Template) base64(argument *node, at place) (any, bool) {
	text, ok := t.text(argument, "Fn::Base64", at)
	if !ok || !t.spend(argument.line, 2*len(text)) {
		return nil, false
	}

	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	t.derive(text, encoded)

	return encoded, true
}
