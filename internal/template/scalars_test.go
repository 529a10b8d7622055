package template_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/template"
)

// Booleans are those of YAML 1.2's core schema. Other words are text.
func TestBooleans(t *testing.T) {
	for value, want := range map[string]any{
		"true":  true,
		"True":  true,
		"TRUE":  true,
		"false": false,
		"False": false,
		"FALSE": false,
		"tRUE":  "tRUE",
		"yes":   "yes",
		"No":    "No",
		"on":    "on",
		"y":     "y",

		`"True"`:                              "True",
		`!Sub ["${x}", {x: True}]`:            "true",
		`!Join ["", [TRUE, False]]`:           "truefalse",
		"{\"Null\": FALSE}":                   map[string]any{"Null": false},
		"!If [!Ref T, a, b]":                  nil, // a fault
		"[True, FALSE]":                       []any{true, false},
		"!FindInMap [Words, True, x]":         "found",
		"!If [AsText, a, b]":                  "a",
		"!If [AsParameter, a, b]":             "a",
		"!Join [\"\", [!Ref T, !Ref Choice]]": "truefalse",
	} {
		text := "Parameters:\n  T: {Type: String, Default: True}\n" +
			"  Choice: {Type: String, Default: FALSE, AllowedValues: [TRUE, False]}\n" +
			"Mappings: {Words: {TRUE: {x: found}}}\n" +
			"Conditions:\n  AsText: !Equals [\"true\", True]\n  AsParameter: !Equals [!Ref T, TRUE]\n" +
			"Resources:\n  R: {Type: T, Properties: {V: " + value + "}}\n"
		read, err := template.Read([]byte(text), options())
		if err != nil {
			t.Fatal(err)
		}
		properties, _ := read.Properties(read.Resources[0]).(map[string]any)
		if d := cmp.Diff(want, properties["V"]); d != "" || (read.Err() != nil) != (want == nil) {
			t.Errorf("%s: %v\n%s", value, read.Err(), d)
		}
	}
}

// What NoEcho has is true or false. A value that is neither hides, and is refused.
func TestNoEchoWords(t *testing.T) {
	for word, want := range map[string]struct {
		secrets int
		fault   string
	}{
		"true":   {secrets: 1},
		"True":   {secrets: 1},
		"TRUE":   {secrets: 1},
		`"true"`: {secrets: 1},
		"False":  {},
		"yes":    {fault: "line 2: A.NoEcho must be true or false"},
		"1":      {fault: "line 2: A.NoEcho must be true or false"},
		"null":   {fault: "line 2: A.NoEcho must be true or false"},
		"[true]": {fault: "line 2: A.NoEcho must be true or false"},
	} {
		read, err := template.Read([]byte("Parameters:\n  A: {Type: String, Default: hidden, NoEcho: "+word+"}\n"),
			template.Options{})
		if err != nil {
			t.Fatal(err)
		}

		if want.fault != "" {
			wantFault(t, read.Err(), want.fault)
		} else if err := read.Err(); err != nil {
			t.Errorf("%s: %v", word, err)
		}
		if len(read.Secrets) != want.secrets {
			t.Errorf("%s: secrets %q", word, read.Secrets)
		}
	}
}

// A number is finite and decimal, so that ranges hold.
func TestNumbersOfParameters(t *testing.T) {
	for _, given := range []string{"NaN", "nan", "Inf", "-infinity", "0x10", "1_000", "1e999", "", " 1"} {
		_, err := numberParameter(given)
		wantFault(t, err, "the value of the parameter P must be a number")
	}
	for _, given := range []string{"1", "-1.5", "+.5", "1e3", "007", "5."} {
		if _, err := numberParameter(given); err != nil {
			t.Errorf("%s: %v", given, err)
		}
	}

	read, err := template.Read([]byte("Parameters: {P: {Type: Number, Default: 1, MaxValue: NaN}}\n"), options())
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, read.Err(), "MaxValue must be a number")
}

func numberParameter(given string) (*template.Template, error) {
	o := options()
	o.Parameters = map[string]string{"P": given}
	read, err := template.Read([]byte("Parameters: {P: {Type: Number}}\n"), o)
	if err != nil {
		return nil, err
	}

	return read, read.Err()
}

// A file may tell its version of YAML.
func TestVersionOfYAML(t *testing.T) {
	const text = "---\nResources:\n  R: {Type: T, Properties: {V: True}}\n"
	for _, head := range []string{"%YAML 1.1\n", "%YAML 1.2 # comment\n", "%YAML 1.1\r\n", "\xef\xbb\xbf%YAML 1.1\n"} {
		read, err := template.Read([]byte(head+text), options())
		if err != nil || read.Err() != nil || len(read.Resources) != 1 || read.Resources[0].Line != 4 {
			t.Errorf("%q: %v, %+v", head, err, read)
		}
	}
	if _, err := template.Read([]byte("%TAG ! tag:x,2000:\n"+text), options()); err == nil {
		t.Error("another directive was taken")
	}
}

// Lines of Windows are lines.
func TestLinesOfWindows(t *testing.T) {
	text := "Resources:\r\n  R:\r\n    Type: T\r\n    Properties:\r\n" +
		"      V: {a: [!Sub [x, {y: !Ref AWS::Region}]]}\r\n" +
		"      W: |\r\n        a\r\n        b\r\n      X: \"a\\r\"\r\n      Y: null\r\n"
	read, err := template.Read([]byte(text), options())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"V": map[string]any{"a": []any{"x"}}, "W": "a\nb\n", "X": "a\r"}
	if d := cmp.Diff(any(want), read.Properties(read.Resources[0])); d != "" {
		t.Error(d)
	}
	wantFault(t, read.Err(), "line 10: Y is null")
}
