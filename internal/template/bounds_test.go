package template_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/template"
)

// What grows without end is refused, in bounded memory.
func TestBounds(t *testing.T) {
	sub, join := "x", "x"
	for range 15 {
		sub = fmt.Sprintf(`{"Fn::Sub": ["${a}${a}${a}${a}", {"a": %s}]}`, sub)
	}
	for range 20 {
		join = fmt.Sprintf(`{"Fn::Join": ["", [%s, {"Fn::Sub": ["${a}", {"a": "x"}]}]]}`, join)
	}

	var many strings.Builder
	for i := range 501 {
		fmt.Fprintf(&many, "  P%d: {Type: String, Default: x}\n", i)
	}
	long := strings.Repeat("x", 64<<10)
	repeated := "Mappings: {M: {a: {b: " + long + "}}}\nResources:\n  R:\n    Type: T\n    Properties:\n      V:\n" +
		strings.Repeat("        - !Sub [\"${x}\", {x: !FindInMap [M, a, b]}]\n", 2000)
	list := "Mappings: {M: {a: {b: [" + strings.Repeat("x, ", 10_000) + "x]}}}\nResources:\n  R:\n    Type: T\n" +
		"    Properties:\n      V:\n" + strings.Repeat("        - !FindInMap [M, a, b]\n", 20_000)

	for _, test := range []struct{ name, text, want string }{
		{"laughs by Sub", value(sub), "the template's functions make more than 67108864 bytes"},
		{"laughs by Join", value(strings.ReplaceAll(join, `"x"`, `"${a}"`)), ""},
		{"a long text, often", repeated, "the template's functions make more than 67108864 bytes"},
		{"a long list, often", list, "the template's functions make more than 67108864 bytes"},
		{"parameters", "Parameters:\n" + many.String(), "line 2: Parameters has 501 entries; the limit is 500"},
		{"tags", "Resources: " + strings.Repeat("!Ref ", 1000) + "a\n", "nested too deeply"},
		{"brackets", "Resources: " + strings.Repeat("[", 1<<16), "line 1: nested too deeply"},
		{"JSON", `{"Resources": ` + strings.Repeat(`{"a": `, 200) + "1" + strings.Repeat("}", 201),
			"nested too deeply"},
		{"deep JSON", `{"Resources": ` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}",
			"nested too deeply"},
		{"conditions", value("{\"Fn::If\": [C, " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + ", a]}"), ""},
		{"file", strings.Repeat("#", template.MaxFile+1), "the limit is 16777216"},
	} {
		t.Run(test.name, func(t *testing.T) {
			read, err := template.Read([]byte(test.text), template.Options{})
			if err == nil {
				for _, r := range read.Resources {
					read.Properties(r)
				}
				err = read.Err()
			}
			if test.want != "" {
				wantFault(t, err, test.want)
			}
		})
	}
}

func value(text string) string {
	return "Conditions: {C: {\"Fn::Equals\": [a, a]}}\nResources: {R: {Type: T, Properties: {V: " + text + "}}}\n"
}

// A file with many faults tells some, and how many there are.
func TestManyFaults(t *testing.T) {
	var text strings.Builder
	text.WriteString("Resources:\n")
	for i := range 150 {
		fmt.Fprintf(&text, "  R%d: {}\n", i)
	}
	read, err := template.Read([]byte(text.String()), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(read.Err().Error(), "\n")
	if len(lines) != 101 || lines[0] != "line 2: R0 has no Type" || lines[100] != "and 50 more faults" {
		t.Errorf("%d lines: %q … %q", len(lines), lines[0], lines[len(lines)-1])
	}
}

// Whatever a text holds, it is read or refused, and its values are JSON or references.
func FuzzTemplate(f *testing.F) {
	f.Add(head)
	f.Add(head + "Resources: {R: {Type: T, Condition: Yes, Properties: {V: !Sub [\"${a}\", {a: !Ref List}]}}}\n")
	f.Add(head + "Resources: {R: {Type: T, Properties: !If [No, {a: !GetAtt A.B}, !Ref AWS::NoValue]}}\n" +
		"Outputs: {O: {Value: !Select [0, !Split [a, !Ref R]], Export: {Name: x}}}\n")
	f.Add(`{"Rules": {"R": {"Assertions": [{"Assert": {"Fn::Not": [{"Fn::Contains": [["1"], {"Ref": "P"}]}]}}]}},` +
		`"Parameters": {"P": {"Type": "List<Number>", "Default": "1,2", "AllowedPattern": "(", "MaxValue": 1}}}`)
	f.Add("Conditions: {A: {Condition: B}, B: !Not [{Condition: A}]}\n")
	f.Add("a: !b !c d\n? e\n: *f\n")

	f.Fuzz(func(t *testing.T, text string) {
		read, err := template.Read([]byte(text), options())
		if (read == nil) == (err == nil) {
			t.Fatalf("%v, %v", read, err)
		}
		if err != nil {
			return
		}
		for _, r := range read.Resources {
			read.Mentions(r)
			read.MetadataKeys(r)
			read.Metadata(r, "a")
			known(t, read.Properties(r))
		}
		for _, o := range read.Outputs() {
			known(t, o.Value)
			known(t, o.Export)
		}
		_ = read.Err()
	})
}

// known fails for a value of a type that a template cannot have.
func known(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			known(t, one)
		}
	case map[string]any:
		for _, one := range v {
			known(t, one)
		}
	default:
		switch name := fmt.Sprintf("%T", v); name {
		case "<nil>", "bool", "string", "json.Number", "template.OddNumber", "*template.Reference":
		default:
			t.Errorf("a value of type %s", name)
		}
	}
}
