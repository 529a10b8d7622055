package template

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parameter is the declaration of a parameter.
type parameter struct {
	name, kind    string
	line          int
	defaultValue  *string
	allowed       []string
	pattern       string
	explanation   string
	atLeast       map[string]float64 // MinLength, MinValue
	atMost        map[string]float64 // MaxLength, MaxValue
	secret        bool
	fromParameter bool // the value names a parameter of Systems Manager
}

var parameterMembers = []string{
	"Type", "Default", "Description", "AllowedValues", "AllowedPattern", "ConstraintDescription",
	"MinLength", "MaxLength", "MinValue", "MaxValue", "NoEcho",
}

func (t *Template) readParameters(n *node) {
	declared := map[string]bool{}
	for _, e := range t.section(n, "Parameters") {
		declared[e.key] = true
		p, ok := t.parameter(e)
		if !ok {
			continue
		}

		given, isGiven := t.options.Parameters[e.key]
		switch {
		case isGiven:
		case p.defaultValue != nil:
			given = *p.defaultValue
		default:
			advice := cmp.Or(t.options.NoParameters, "give its value with --parameter "+e.key+"=VALUE")
			t.Fault(e.line, "the parameter %s has no Default: %s", e.key, advice)
			continue
		}
		if p.secret {
			t.Secrets = append(t.Secrets, given)
		}
		t.parameters[e.key] = t.valueOf(p, given)
		if list, isList := t.parameters[e.key].([]any); isList && p.secret {
			for _, one := range list {
				t.derive(given, one.(string))
			}
		}
		if p.fromParameter {
			t.toNote[e.key] = true
		}
	}

	names := slices.Collect(maps.Keys(declared))
	for _, name := range slices.Sorted(maps.Keys(t.options.Parameters)) {
		if !declared[name] && len(names) == 0 {
			t.Fault(1, "the file has no parameters: it cannot take %s", name)
		} else if !declared[name] {
			t.Unknown(1, "parameter", name, names)
		}
	}
}

// parameter reads a declaration.
func (t *Template) parameter(e entry) (*parameter, bool) {
	before := t.faultCount()
	p := &parameter{
		name:    e.key,
		line:    e.line,
		atLeast: map[string]float64{},
		atMost:  map[string]float64{},
	}
	for _, m := range t.entries(e.value, e.key) {
		text, isText := m.value.scalar()
		switch m.key {
		case "Type":
			p.kind = text
		case "Default":
			if isText {
				p.defaultValue = &text
			} else {
				t.Fault(m.line, "%s.Default must be text", e.key)
			}
		case "AllowedValues":
			for _, one := range m.value.list {
				value, ok := one.scalar()
				if !ok {
					t.Fault(one.line, "%s.AllowedValues must have text or numbers", e.key)
				}
				p.allowed = append(p.allowed, value)
			}
			if m.value.kind != kindList || len(p.allowed) == 0 {
				t.Fault(m.line, "%s.AllowedValues must be a list", e.key)
			}
		case "AllowedPattern":
			p.pattern = text
		case "ConstraintDescription":
			p.explanation = text
		case "MinLength", "MinValue":
			p.atLeast[m.key] = t.limit(m, text)
		case "MaxLength", "MaxValue":
			p.atMost[m.key] = t.limit(m, text)
		case "NoEcho":
			p.secret = text != "false" // also with a fault
			if text != "true" && text != "false" {
				t.Fault(m.line, "%s.NoEcho must be true or false", e.key)
			}
		case "Description":
		default:
			t.Unknown(m.line, "attribute of "+e.key, m.key, parameterMembers)
		}
	}
	p.fromParameter = strings.HasPrefix(p.kind, ssmValue)

	if !parameterType.MatchString(p.kind) {
		t.Fault(e.line, "%s has the type %q: there are String, Number, CommaDelimitedList, List<Number>, "+
			"AWS::SSM::Parameter::Value<…> and those of AWS's resources, such as AWS::EC2::VPC::Id", e.key, p.kind)
	}

	return p, t.faultCount() == before
}

func (t *Template) limit(m entry, text string) float64 {
	n, ok := number(text)
	if !ok {
		t.Fault(m.line, "%s must be a number", m.key)
	}
	return n
}

var decimal = regexp.MustCompile(`^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$`)

// number reads a decimal number. NaN would be in every range.
func number(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && decimal.MatchString(text)
}

const ssmValue = "AWS::SSM::Parameter::Value<"

// parameterType matches the types of parameters. Those of AWS's resources are text here.
var parameterType = regexp.MustCompile(
	`^(?:String|Number|CommaDelimitedList|List<(?:Number|String|AWS::\w+::[\w:]+)>|AWS::\w+::[\w:]+|` +
		ssmValue + `(?:String|CommaDelimitedList|AWS::\w+::[\w:]+|List<(?:String|AWS::\w+::[\w:]+)>)>)$`)

// isList reports whether a parameter's value is a list.
func (p *parameter) isList() bool {
	return strings.Contains(p.kind, "CommaDelimitedList") || strings.Contains(p.kind, "List<")
}

func (p *parameter) isNumber() bool { return p.kind == "Number" || p.kind == "List<Number>" }

// valueOf checks a parameter's value against its declaration.
func (t *Template) valueOf(p *parameter, text string) any {
	if len(text) > maxValue {
		t.Fault(p.line, "the parameter %s has %d bytes; the limit is %d", p.name, len(text), maxValue)
		return ""
	}
	if !p.isList() {
		t.checkParameter(p, text)
		return text
	}

	list := []any{}
	if text != "" {
		for one := range strings.SplitSeq(text, ",") {
			one = strings.TrimSpace(one)
			t.checkParameter(p, one)
			list = append(list, one)
		}
	}

	return list
}

// checkParameter checks one value. Its faults do not show the value, which may be a secret.
func (t *Template) checkParameter(p *parameter, text string) {
	refuse := func(why string) {
		if p.explanation != "" {
			why += ": " + p.explanation
		}
		t.Fault(p.line, "the value of the parameter %s %s", p.name, why)
	}

	if len(p.allowed) > 0 && !slices.Contains(p.allowed, text) {
		refuse("must be one of " + strings.Join(p.allowed, ", "))
	}
	if p.pattern != "" && !p.fromParameter {
		// Patterns are those of Java, which has more than Go.
		switch pattern, err := regexp.Compile(`^(?:` + p.pattern + `)$`); {
		case err != nil:
			t.note("the parameter %s is not checked against its AllowedPattern, which cannot be read here", p.name)
		case !pattern.MatchString(text):
			refuse("does not match its AllowedPattern " + p.pattern)
		}
	}

	value, ok := number(text)
	switch {
	case !p.isNumber():
		checkRange(p, "Length", float64(utf8.RuneCountInString(text)), refuse)
	case !ok:
		refuse("must be a number")
	default:
		checkRange(p, "Value", value, refuse)
	}
}

func checkRange(p *parameter, of string, n float64, refuse func(string)) {
	if limit, has := p.atLeast["Min"+of]; has && n < limit {
		refuse("is below its Min" + of)
	}
	if limit, has := p.atMost["Max"+of]; has && n > limit {
		refuse("is above its Max" + of)
	}
}
