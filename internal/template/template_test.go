package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/template"
)

// head declares what the values of the tests use.
const head = `Parameters:
  Text: {Type: String, Default: hello}
  Number: {Type: Number, Default: 42}
  List: {Type: CommaDelimitedList, Default: "a, b,c"}
  Empty: {Type: String, Default: ""}
  Version: {Type: "AWS::SSM::Parameter::Value<String>", Default: /path}
Mappings:
  Map:
    us-east-1: {name: east, list: [x, y]}
    hello: {name: text}
Conditions:
  Yes: !Equals [!Ref Text, hello]
  No: !Not [{Condition: Yes}]
  Both: !And [!Condition Yes, !Condition No]
  Either: {"Fn::Or": [{Condition: Yes}, {Condition: No}]}
`

func options() template.Options {
	return template.Options{
		Name: "stack",
		Pseudo: map[string]string{
			"AWS::Region":    "us-east-1",
			"AWS::Partition": "aws",
			"AWS::URLSuffix": "amazonaws.com",
		},
		Account: func() (string, error) { return "123456789012", nil },
	}
}

// evaluate evaluates a value in a template that begins with head.
func evaluate(t *testing.T, value string, o template.Options) (any, *template.Template) {
	t.Helper()
	text := head + "Resources:\n  R:\n    Type: T\n    Properties:\n      V: " +
		strings.ReplaceAll(value, "\n", "\n      ") + "\n"
	read, err := template.Read([]byte(text), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	properties, _ := read.Properties(read.Resources[0]).(map[string]any)

	return properties["V"], read
}

func ref(line int, parts ...template.Part) *template.Reference {
	return &template.Reference{Line: line, Parts: parts}
}

func TestValues(t *testing.T) {
	const at = 20 // line of the value
	pseudo := ref(at, template.Part{Resource: "AWS::Region", Attribute: "Ref"})
	arn := template.Part{Resource: "A", Attribute: "Arn"}
	for value, want := range map[string]any{
		// Without functions.
		"text":                         "text",
		"1.50":                         json.Number("1.50"),
		"0x10":                         template.OddNumber("0x10"),
		"true":                         true,
		"[a, 1]":                       []any{"a", json.Number("1")},
		"${cognito:sub}":               "${cognito:sub}",
		"{Condition: {a: b}}":          map[string]any{"Condition": map[string]any{"a": "b"}},
		"{Fn::Sub: \"${Text}\"}":       "hello",
		"[{Fn::Join: [a, [b, c]]}]":    []any{"bac"},
		"{a: !Ref AWS::NoValue, b: c}": map[string]any{"b": "c"},
		"[!Ref AWS::NoValue, c]":       []any{"c"},

		// Ref and GetAtt.
		"!Ref Text":                        "hello",
		"!Ref Number":                      "42",
		"{Ref: List}":                      []any{"a", "b", "c"},
		"!Ref A":                           ref(at, template.Part{Resource: "A", Attribute: "Ref"}),
		"!GetAtt A.Arn":                    ref(at, arn),
		"!GetAtt A.B.C":                    ref(at, template.Part{Resource: "A", Attribute: "B.C"}),
		"{\"Fn::GetAtt\": [A, B.C]}":       ref(at, template.Part{Resource: "A", Attribute: "B.C"}),
		"!GetAtt [A, !Ref Text]":           ref(at, template.Part{Resource: "A", Attribute: "hello"}),
		"!Ref AWS::Region":                 pseudo,
		`!Split ["-", !Ref "AWS::Region"]`: []any{"us", "east", "1"},
		`!Select [!Select [2, !Split ["-", !Ref "AWS::Region"]], [a, b]]`: "b",
		"!Ref AWS::StackName":        "stack",
		"!Ref AWS::NotificationARNs": []any{},
		"!Ref AWS::AccountId":        ref(at, template.Part{Resource: "AWS::AccountId", Attribute: "Ref"}),
		"!Ref AWS::StackId": ref(at, template.Part{Text: "arn:"},
			template.Part{Resource: "AWS::Partition", Attribute: "Ref"}, template.Part{Text: ":cloudformation:"},
			template.Part{Resource: "AWS::Region", Attribute: "Ref"}, template.Part{Text: ":"},
			template.Part{Resource: "AWS::AccountId", Attribute: "Ref"},
			template.Part{Text: ":stack/stack/00000000-0000-0000-0000-000000000000"}),

		// Sub: ${! is plain text, and only Sub looks into ${.
		`!Sub "x-${Text}-${AWS::Region}"`: ref(at, template.Part{Text: "x-hello-"},
			template.Part{Resource: "AWS::Region", Attribute: "Ref"}),
		`!Sub "${!cognito-identity.amazonaws.com:sub}"`: "${cognito-identity.amazonaws.com:sub}",
		`!Sub "${A.Arn}/*"`:                             ref(at, arn, template.Part{Text: "/*"}),
		`!Sub ["${Text}${Own}", {Own: !Ref Number}]`:    "hello42",
		`!Sub ["${Text}", {Text: own}]`:                 "own",
		`!Sub ["${X}", {X: !GetAtt A.Arn}]`:             ref(at, arn),

		// Lists.
		`!Join ["", [a, !Ref Number, true]]`: "a42true",
		`!Join ["-", !Ref List]`:             "a-b-c",
		`!Join ["/", [!GetAtt A.Arn, x]]`:    ref(at, arn, template.Part{Text: "/x"}),
		`!Join ["", []]`:                     "",
		`!Select [1, !Ref List]`:             "b",
		`!Select ["0", [!GetAtt A.Arn, b]]`:  ref(at, arn),
		`!Split ["|", "a|b"]`:                []any{"a", "b"},
		`!Split ["/", !Sub "a/${Text}"]`:     []any{"a", "hello"},
		`!Select [1, !Split [":oidc-provider/", !GetAtt A.Arn]]`: ref(at, template.Part{Piece: &template.Piece{
			Of: []template.Part{arn}, Delimiter: ":oidc-provider/", Index: 1,
		}}),

		// Mappings and conditions.
		"!FindInMap [Map, !Ref AWS::Region, name]":                "east",
		"!FindInMap [Map, us-east-1, list]":                       []any{"x", "y"},
		"!FindInMap [Map, !Ref Text, name]":                       "text",
		"!FindInMap [Map, no, name, {DefaultValue: !Ref Number}]": "42",
		"!If [Yes, a, b]":                                         "a",
		"!If [Both, a, b]":                                        "b",
		"!If [Either, a, b]":                                      "a",
		"!If [No, !GetAtt A.Arn, !Ref AWS::NoValue]":              nil,
		"{\"Fn::If\": [Yes, {a: !If [No, b, c]}, d]}":             map[string]any{"a": "c"},
		"!If [Yes, a, !GetAZs x]":                                 "a",

		// Names with colons, in braces and brackets.
		`!Sub ["${x}", {x: !Ref AWS::Region}]`:                          pseudo,
		`!Sub ["${x}", {x: !Ref   AWS::Region}]`:                        pseudo,
		`{email: !Sub "${Text}", left: !If [No, a, !Ref AWS::NoValue]}`: map[string]any{"email": "hello"},
		"{P: [!Ref Poolhouse::DevProviderArn]}": map[string]any{"P": []any{
			ref(at, template.Part{Resource: "Poolhouse::DevProviderArn", Attribute: "Ref"}),
		}},
		"{a: [{b: [AWS::Region, !Ref AWS::Region, AWS::Region]}]}": map[string]any{"a": []any{
			map[string]any{"b": []any{"AWS::Region", pseudo, "AWS::Region"}},
		}},
		"{é: [!Sub \"${Text}\", !Sub \"AWS::é\", !Ref AWS::Region, !If [Yes, !Ref AWS::Region, b]]}": map[string]any{
			"é": []any{"hello", "AWS::é", pseudo, pseudo},
		},
		"{a: !Join [\"\", [!Ref Text, !Ref AWS::StackName]], b: {Fn::Sub: \"${Text}\"}}": map[string]any{
			"a": "hellostack", "b": "hello",
		},

		// Others.
		"!Base64 hello": "aGVsbG8=",
		`!Base64 {"Fn::Sub": "${AWS::AccountId}"}`: "MTIzNDU2Nzg5MDEy",
		"|\n  line\n": "line\n",
	} {
		got, read := evaluate(t, value, options())
		if err := read.Err(); err != nil {
			t.Errorf("%s: %v", value, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", value, d)
		}
	}
}

func TestValueFaults(t *testing.T) {

	for value, want := range map[string]string{
		"!GetAZs us-east-1":            "!GetAZs is not supported: it lists AWS's availability zones",
		`{"Fn::GetAZs": ""}`:           "Fn::GetAZs is not supported: it lists",
		"!Cidr [a, 1, 2]":              "!Cidr is not supported: it divides networks",
		"!ImportValue x":               "!ImportValue is not supported: it reads other stacks",
		`{"Fn::Transform": {Name: x}}`: "Fn::Transform is not supported: it runs at AWS",
		`{"Fn::ForEach::X": []}`:       "Fn::ForEach::X is not supported: it belongs to the transform",
		"!Jion [a, b]":                 "!Jion is not supported: did you mean Fn::Join?",
		"!Whatever a":                  "!Whatever is not supported: there are Ref, Fn::GetAtt",
		"!!binary aGk=":                "!!binary is not supported",
		"!Ref [a]":                     "Ref is not supported in this form: use Ref: NAME",
		"!Ref AWS::Regoin":             `unknown pseudo parameter "AWS::Regoin": did you mean AWS::Region?`,
		"!GetAtt A":                    "Fn::GetAtt is not supported in this form",
		"!GetAtt [A, B, C]":            "Fn::GetAtt is not supported in this form",
		"!Sub [a]":                     "Fn::Sub is not supported in this form",
		"!Sub {a: b}":                  "Fn::Sub is not supported in this form",
		`!Sub "${A"`:                   "Fn::Sub: ${ is not closed",
		`!Sub "${List}"`:               "Fn::Sub: List is not text",
		`!Sub "${cognito-identity.amazonaws.com:sub}"`: "write ${!cognito-identity.amazonaws.com:sub} for the variable",
		"!Join [a]":                       "Fn::Join is not supported in this form",
		"!Join [a, b]":                    "Fn::Join is not supported in this form",
		"!Join [a, [[b]]]":                "Fn::Join is not supported in this form",
		"!Join [!GetAtt A.Arn, [b]]":      "Fn::Join needs a value that is known before anything is made: A is not",
		"!Select [x, [a]]":                "Fn::Select is not supported in this form",
		"!Select [-1, [a]]":               "Fn::Select is not supported in this form",
		"!Select [1, [a]]":                "the list has 1 elements, and none with the index 1",
		"!Select [0, a]":                  "Fn::Select is not supported in this form",
		"!Split [\"\", a]":                "Fn::Split is not supported in this form",
		"!Split [a, !GetAtt A.Arn]":       "Fn::Split of a text that is known after apply works inside Fn::Select only",
		"!FindInMap [Map, a]":             "Fn::FindInMap is not supported in this form",
		"!FindInMap [Map, a, b]":          "the mapping Map has no a, b",
		"!FindInMap [Mop, a, b]":          `unknown mapping "Mop"`,
		"!FindInMap [Map, !Ref A, b]":     "Fn::FindInMap needs a value that is known before anything is made",
		"!FindInMap [Map, a, b, c]":       "Fn::FindInMap is not supported in this form",
		"!If [Yse, a, b]":                 `unknown condition "Yse": did you mean Yes?`,
		"!If [Yes, a]":                    "Fn::If is not supported in this form",
		"!Base64 [a]":                     "Fn::Base64 needs text here",
		"!Base64 {\"Fn::GetAtt\": A.Arn}": "Fn::Base64 needs a value that is known before anything is made",
		"!Equals [a, b]":                  "!Equals is not supported",
		"null":                            "line 17: V is null: leave it out, or use AWS::NoValue",
		"~":                               "line 17: V is null",
		"Null":                            "line 17: V is null",
		"":                                "line 17: V is null",
		"[null]":                          "line 17: null is no value of a property",
		"{a: {b: null}}":                  "line 17: b is null",
		"!If [Yes, null, a]":              "line 17: null is no value of a property",
		"!Select [0, [null]]":             "line 17: null is no value of a property",
		"&a x":                            "anchors, aliases and other special values are not supported",
		"{!Ref a: b}":                     "a key must be plain text",
		"{a: 1, a: 2}":                    "mapping key \"a\" already defined",
	} {
		text := head + "Resources:\n  R: {Type: T, Properties: {V: " + value + "}}\n"
		read, err := template.Read([]byte(text), options())
		if err == nil {
			read.Properties(read.Resources[0])
			err = read.Err()
			if err != nil && !strings.HasPrefix(err.Error(), "line 17: ") {
				t.Errorf("%s: the line is wrong: %v", value, err)
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", value, err, want)
		}
	}
}

// Without a region and an account, what depends on them stays open or is refused.
func TestOpenPseudoParameters(t *testing.T) {
	open := template.Options{Name: "stack"}
	got, read := evaluate(t, `!Sub "${AWS::Region}/${AWS::AccountId}"`, open)
	want := ref(20, template.Part{Resource: "AWS::Region", Attribute: "Ref"}, template.Part{Text: "/"},
		template.Part{Resource: "AWS::AccountId", Attribute: "Ref"})
	if d := cmp.Diff(any(want), got); d != "" || read.Err() != nil {
		t.Errorf("%v\n%s", read.Err(), d)
	}
	_, read = evaluate(t, "!FindInMap [Map, !Ref AWS::Region, name]", open)
	wantFault(t, read.Err(), "Fn::FindInMap needs a value that is known before anything is made: AWS::Region is not")

	asked := 0
	open.Account = func() (string, error) { asked++; return "", errors.New("no keys") }
	if _, read = evaluate(t, "!Ref AWS::AccountId", open); asked != 0 || read.Err() != nil {
		t.Errorf("the account was asked for %d times, %v", asked, read.Err())
	}
	_, read = evaluate(t, "!FindInMap [Map, !Ref AWS::AccountId, name]", open)
	wantFault(t, read.Err(), "AWS::AccountId: no keys")
}

func wantFault(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestParameters(t *testing.T) {
	for _, test := range []struct{ declaration, given, want string }{
		{"{Type: String}", "", "the parameter P has no Default: give its value with --parameter P=VALUE"},
		{"{Type: String}", "x", ""},
		{"{Type: String, Default: [a]}", "", "P.Default must be text"},
		{"{Type: Strng}", "x", `P has the type "Strng": there are String, Number`},
		{"{Default: x}", "x", `P has the type ""`},
		{"{Type: String, Defauld: x}", "x", `unknown attribute of P "Defauld": did you mean Default?`},
		{"{Type: String, AllowedValues: [a, b]}", "b", ""},
		{"{Type: String, AllowedValues: [a, b]}", "c", "the value of the parameter P must be one of a, b"},
		{"{Type: String, AllowedValues: [a], ConstraintDescription: only a}", "c", "must be one of a: only a"},
		{"{Type: String, AllowedValues: []}", "c", "P.AllowedValues must be a list"},
		{"{Type: String, AllowedPattern: '[a-z]+'}", "abc", ""},
		{"{Type: String, AllowedPattern: '[a-z]+'}", "abc1", "does not match its AllowedPattern [a-z]+"},
		{"{Type: String, AllowedPattern: 'a|b'}", "ab", "does not match its AllowedPattern"},
		{"{Type: String, AllowedPattern: '(?=a)a'}", "b", ""}, // noted
		{"{Type: String, MinLength: 2}", "é", "is below its MinLength"},
		{"{Type: String, MaxLength: 2}", "éé", ""},
		{"{Type: String, MaxLength: 2}", "abc", "is above its MaxLength"},
		{"{Type: String, MaxLength: x}", "abc", "MaxLength must be a number"},
		{"{Type: Number}", "1e3", ""},
		{"{Type: Number}", "x", "the value of the parameter P must be a number"},
		{"{Type: Number, MinValue: 5}", "4.5", "is below its MinValue"},
		{"{Type: Number, MaxValue: 5}", "5.5", "is above its MaxValue"},
		{"{Type: List<Number>}", "1, 2", ""},
		{"{Type: List<Number>}", "1,x", "must be a number"},
		{"{Type: CommaDelimitedList, AllowedValues: [a]}", "a,b", "must be one of a"},
		{"{Type: 'AWS::EC2::VPC::Id'}", "vpc-1", ""},
		{"{Type: 'List<AWS::EC2::Subnet::Id>'}", "a,b", ""},
		{"{Type: 'AWS::SSM::Parameter::Value<List<String>>'}", "a,b", ""},
		{"{Type: String}", strings.Repeat("x", 4097), "the parameter P has 4097 bytes; the limit is 4096"},
		{"[a]", "x", "P must be a mapping"},
	} {
		o := options()
		o.Parameters = map[string]string{}
		if test.given != "" {
			o.Parameters["P"] = test.given
		}
		read, err := template.Read([]byte("Parameters: {P: "+test.declaration+"}\n"), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := read.Err(); test.want != "" {
			wantFault(t, err, test.want)
		} else if err != nil {
			t.Errorf("%s = %s: %v", test.declaration, test.given, err)
		}
		shown := "\"" + test.given + "\""
		if err := read.Err(); err != nil && strings.Contains(err.Error(), shown) {
			t.Errorf("the fault shows the value: %v", err)
		}
	}

	for text, want := range map[string]string{
		"Parameters: {Name: {Type: String}}\n": `unknown parameter "Nane": did you mean Name?`,
		"Resources: {}\n":                      "the file has no parameters: it cannot take Nane",
	} {
		read, err := template.Read([]byte(text), template.Options{Parameters: map[string]string{"Nane": "x"}})
		if err != nil {
			t.Fatal(err)
		}
		wantFault(t, read.Err(), want)
	}
}

// A parameter of Systems Manager is used as it is given, and that is told once it is used.
func TestSSMParameters(t *testing.T) {
	got, read := evaluate(t, "[!Ref Version, !Ref Version]", options())
	if d := cmp.Diff(any([]any{"/path", "/path"}), got); d != "" {
		t.Error(d)
	}
	if len(read.Notes) != 1 || !strings.Contains(read.Notes[0], "the parameter Version is of AWS Systems Manager") {
		t.Errorf("notes: %q", read.Notes)
	}
	if _, read = evaluate(t, "x", options()); len(read.Notes) != 0 {
		t.Errorf("notes without a use: %q", read.Notes)
	}
}

func TestSecretsOfParameters(t *testing.T) {
	read, err := template.Read([]byte("Parameters:\n  A: {Type: String, NoEcho: true, Default: hidden}\n"+
		"  B: {Type: String, NoEcho: false, Default: shown}\n"), template.Options{})
	if err != nil || read.Err() != nil {
		t.Fatal(err, read.Err())
	}
	if d := cmp.Diff([]string{"hidden"}, read.Secrets); d != "" {
		t.Error(d)
	}

	read, err = template.Read([]byte("Parameters: {A: {Type: String, NoEcho: true, Default: hidden}}\n"+
		"Resources: {R: {Type: T, Properties: {V: !FindInMap [!Ref A, a, b]}}}\n"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	read.Properties(read.Resources[0])
	wantFault(t, read.Err(), `line 2: Fn::FindInMap: unknown mapping "****"`)
}

func TestConditions(t *testing.T) {

	for condition, want := range map[string]string{
		"!Equals [a, a]":                                           "true",
		"!Equals [a, A]":                                           "false",
		"!Equals [1, \"1\"]":                                       "true",
		"!Equals [true, \"true\"]":                                 "true",
		"!Equals [[a, b], [a, b]]":                                 "true",
		"!Equals [[a, b], [b, a]]":                                 "false",
		"!Equals [!Ref AWS::AccountId, \"123456789012\"]":          "true",
		"!Equals [!FindInMap [Map, !Ref AWS::Region, name], east]": "true",
		"!Equals [!Join [\"\", [a, b]], ab]":                       "true",
		"!Not [!Equals [a, a]]":                                    "false",
		"!And [!Equals [a, a], !Equals [a, b]]":                    "false",
		"!Or [!Equals [a, b], !Equals [a, a]]":                     "true",
		"{\"Fn::And\": [{Condition: Yes}, {Condition: Either}]}":   "true",
		"!Condition Yes":                                           "true",
		"Yes":                                                      "line 17: a condition needs Fn::Equals",
		"{\"Fn::Equals\": a}":                                      "line 17: a condition needs Fn::Equals",
		"!Equals [a]":                                              "line 17: a condition needs Fn::Equals",
		"!And []":                                                  "line 17: a condition needs Fn::Equals",
		"!Equals [!Ref R, a]":                                      "Fn::Equals needs a value that is known before",
		"!Condition Yse":                                           `unknown condition "Yse": did you mean Yes?`,
		"!Condition C":                                             "line 17: the condition C refers to itself",
		"{Condition: D}":                                           "the condition",
	} {
		text := strings.Replace(head, "Conditions:\n", "Conditions:\n  D: {Condition: C}\n", 1) +
			"  C: " + condition + "\nResources: {R: {Type: T, Condition: C}}\n"
		read, err := template.Read([]byte(text), options())
		if err != nil {
			t.Fatal(err)
		}
		switch want {
		case "true", "false":
			if met := read.Resources[0].Condition == ""; read.Err() != nil || fmt.Sprint(met) != want {
				t.Errorf("%s: got %t, %v", condition, met, read.Err())
			}
		default:
			wantFault(t, read.Err(), want)
		}
	}
}

func TestRules(t *testing.T) {
	rule := func(text string) string { return head + "Rules:\n  Rule:\n" + text }
	const fails = "    Assertions: [{Assert: {\"Fn::Contains\": [[a, b], !Ref Text]}, AssertDescription: a or b}]\n"
	for _, test := range []struct{ text, fault, note string }{
		{rule(fails), "line 18: the rule Rule: a or b", ""},
		{rule(strings.Replace(fails, "[a, b]", "[hello]", 1)), "", ""},
		{rule("    RuleCondition: !Equals [!Ref Text, x]\n" + fails), "", ""},
		{rule("    RuleCondition: !Equals [!Ref Text, hello]\n" + fails), "a or b", ""},
		{rule(strings.Replace(fails, ", AssertDescription: a or b", "", 1)), "its assertion does not hold", ""},
		{rule("    Assertions: [{Assert: {\"Fn::EachMemberIn\": [[a], {\"Fn::RefAll\": x}]}}]\n"), "",
			"the rule Rule is not checked: it needs Fn::EachMemberIn"},
		{strings.Replace(rule(fails), "  Rule:", "  CheckBootstrapVersion:", 1), "",
			"the rule CheckBootstrapVersion is taken as met"},
		{rule("    Assertions: a\n"), "Rule.Assertions must be a list", ""},
		{rule("    Assertions: [{}]\n"), "an assertion needs Assert", ""},
		{rule("    Assertion: []\n"), `unknown attribute of the rule Rule "Assertion": did you mean Assertions?`, ""},
	} {
		read, err := template.Read([]byte(test.text), options())
		if err != nil {
			t.Fatal(err)
		}
		if test.fault == "" && read.Err() != nil {
			t.Errorf("%v\n%s", read.Err(), test.text)
		} else if test.fault != "" {
			wantFault(t, read.Err(), test.fault)
		}

		notes := strings.Join(read.Notes, "\n")
		if !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
			t.Errorf("notes %q, want %q", notes, test.note)
		}
	}
}

func TestSectionsAndAttributes(t *testing.T) {
	for text, want := range map[string]string{
		"Transform: AWS::Serverless-2016-10-31\n":                 "Transform AWS::Serverless-2016-10-31 runs at",
		"Transform: [AWS::LanguageExtensions]\n":                  "Transform AWS::LanguageExtensions runs at AWS only",
		"Transform: {a: b}\n":                                     "Transform must be a name or a list of names",
		"Globals: {}\n":                                           `unknown section "Globals"`,
		"Resources: {R: {Type: T, Condition: [a]}}\n":             "R.Condition must be a name",
		"Resources: {R: {Type: T, Condition: C}}\n":               `unknown condition "C": the file has no Conditions`,
		"Resources: {R: {Type: T, DeletionPolicy: Retian}}\n":     `"Retian": did you mean Retain?`,
		"Outputs: {O: {}}\n":                                      "the output O has no Value",
		"Outputs: {O: {Value: [a]}}\n":                            "the output O must be text",
		"Outputs: {O: {Value: a, Export: {}}}\n":                  "O.Export needs Name",
		"Outputs: {O: {Value: a, Exprot: {}}}\n":                  `"Exprot": did you mean Export?`,
		"Outputs: [a]\n":                                          "Outputs must be a mapping",
		"{\"Resources\": {\"R\": {\"Type\": \"T\"},\n\"R\": {}}}": "line 2: the key \"R\" is there twice",
	} {
		read, err := template.Read([]byte(text), options())
		if err == nil {
			read.Outputs()
			err = read.Err()
		}
		wantFault(t, err, want)
	}

	read, err := template.Read([]byte("Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {Timeout: 3}}\n"+
		"Resources: {R: {Type: T, DeletionPolicy: Retain, UpdateReplacePolicy: Delete, CreationPolicy: {}, "+
		"Metadata: {\"aws:cdk:path\": x}}}\n"), template.Options{SkipSAM: true})
	if err != nil || read.Err() != nil || !read.Resources[0].Retained {
		t.Fatal(err, read.Err(), read.Resources[0])
	}
	notes := strings.Join(read.Notes, "\n")
	if !strings.Contains(notes, "is not carried out") || !strings.Contains(notes, "R: its CreationPolicy is not used") {
		t.Errorf("notes: %s", notes)
	}
}

func TestOutputs(t *testing.T) {
	read, err := template.Read([]byte(head+`Outputs:
  A: {Description: first, Value: !Ref Number, Export: {Name: !Sub "${AWS::StackName}-a"}}
  B: {Condition: No, Value: !Ref Text}
  C: {Value: !GetAtt X.Arn}
  D: {Value: true}
`), options())
	if err != nil {
		t.Fatal(err)
	}
	want := []template.Output{
		{Name: "A", Description: "first", Line: 17, Value: "42", Export: "stack-a"},
		{Name: "C", Line: 19, Value: ref(19, template.Part{Resource: "X", Attribute: "Arn"})},
		{Name: "D", Line: 20, Value: "true"},
	}
	if d := cmp.Diff(want, read.Outputs()); d != "" || read.Err() != nil {
		t.Errorf("%v\n%s", read.Err(), d)
	}
}

// A CDK stack tells its name, if its resources agree.
func TestStackName(t *testing.T) {
	path := func(paths ...string) string {
		text := "Resources:\n"
		for i, p := range paths {
			text += fmt.Sprintf("  R%d: {Type: T, Metadata: {\"aws:cdk:path\": %q}}\n", i, p)
		}
		return text
	}

	for text, want := range map[string]string{
		path("Shop/Pool/Resource", "Shop/Role/Resource"):        "Shop",
		path("Shop/Pool", "Other/Role"):                         "",
		path("Prod/Shop/Pool", "Prod/Shop/CDKMetadata/Default"): "Prod-Shop",
		path("a b/é/CDKMetadata/Default"):                       "a-b-",
		path(strings.Repeat("x", 100) + "/Pool"):                strings.Repeat("x", 64),
		"Resources: {R: {Type: T}}\n":                           "",
		"Resources: [a]\n":                                      "",
	} {
		read, err := template.Read([]byte(text), template.Options{})
		if err != nil || read.Name() != want {
			t.Errorf("%q, %v, want %q:\n%s", read.Name(), err, want, text)
		}
	}

	read, err := template.Read([]byte(path("Shop/Pool")), template.Options{Name: "own"})
	if err != nil || read.Name() != "own" {
		t.Errorf("%q, %v", read.Name(), err)
	}
}

func TestMentions(t *testing.T) {
	read, err := template.Read([]byte(`Resources:
  R:
    Type: T
    DependsOn: D
    Properties: {a: !Ref A, b: [!GetAtt B.Arn, !GetAtt [C, Arn]], e: !Sub "${E.Arn}${F}", g: !If [x, {Ref: G}, !Ref H]}
`), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := read.Mentions(read.Resources[0])
	for _, name := range strings.Split("A B C D E F G H", " ") {
		if !got[name] {
			t.Errorf("%s is not mentioned: %v", name, got)
		}
	}
}
