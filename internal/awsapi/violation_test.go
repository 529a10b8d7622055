package awsapi

import (
	"math"
	"strings"
	"testing"
)

func TestValidator(t *testing.T) {
	var (
		id     = String{Min: 1, Max: 5, Pattern: NewPattern(`[a-z]+`)}
		kind   = String{Enum: []string{"A", "B"}}
		secret = String{Min: 2, Max: 4, Sensitive: true}
		count  = Integer{Min: 1, Max: 60}
		ids    = List{Min: 1, Max: 2, Element: &id}
		kinds  = List{Element: &kind}
		parts  = List{Min: 1, Max: 2}
		tags   = Map{Max: 2, Key: &id, Value: &String{Max: 3}}
		vault  = Map{Max: 1, Key: &id, Value: &secret}
		byName = Map{Max: 1, Key: &id}
	)
	long := strings.Repeat("x", 300)
	element := func(s *string, v *Validator) { v.String("name", s, &id, true) }
	for _, tt := range []struct {
		name  string
		check func(v *Validator)
		want  string
	}{
		{"absent", func(v *Validator) {
			v.String("a", nil, &id, false)
			v.Bool("b", nil, false)
			v.Integer("c", nil, &count, false)
			v.List("d", nil, &ids, false)
			v.Map("e", nil, &tags, false)
			Structures(v, "f", []string(nil), &parts, false, element)
			StructureMap(v, "g", map[string]string(nil), &byName, false, element)
			v.Structure("h", false, false, nil)
		}, ""},
		{"required", func(v *Validator) {
			v.String("a", nil, &id, true)
			v.Bool("b", nil, true)
			v.Integer("c", nil, &count, true)
			v.List("d", nil, &ids, true)
			v.Map("e", nil, &tags, true)
			Structures(v, "f", []string(nil), &parts, true, element)
			StructureMap(v, "g", map[string]string(nil), &byName, true, element)
			v.Structure("h", false, true, nil)
		}, "8 validation errors detected: Value null at 'a' failed to satisfy constraint: Member must not be null; " +
			"Value null at 'b' failed to satisfy constraint: Member must not be null; " +
			"Value null at 'c' failed to satisfy constraint: Member must not be null; " +
			"Value null at 'd' failed to satisfy constraint: Member must not be null; " +
			"Value null at 'e' failed to satisfy constraint: Member must not be null; " +
			"Value null at 'f' failed to satisfy constraint: Member must not be null; " +
			"Value null at 'g' failed to satisfy constraint: Member must not be null; " +
			"Value null at 'h' failed to satisfy constraint: Member must not be null"},
		{"good", func(v *Validator) {
			v.String("a", new("abcde"), &id, true)
			v.String("a", new(long), nil, true)
			v.String("k", new("B"), &kind, true)
			v.Integer("c", new(60), &count, true)
			v.List("d", []string{"a", "b"}, &ids, true)
			v.List("d", []string{}, &kinds, true)
			v.Map("e", map[string]string{"k": "", "l": "éà😀"}, &tags, true)
			v.Map("e", map[string]string{}, &tags, true)
			Structures(v, "f", []string{"x"}, &parts, true,
				func(s *string, v *Validator) { v.String("name", s, &id, true) })
		}, ""},
		{"length in characters", func(v *Validator) { v.String("a", new("éàü😀"), &secret, true) }, ""},
		{"too few characters", func(v *Validator) { v.String("a", new("😀"), &secret, true) },
			"1 validation error detected: Value at 'a' failed to satisfy constraint: Member must have length " +
				"greater than or equal to 2"},
		{"several demands of one value", func(v *Validator) { v.String("a", new("ABCDEF"), &id, true) },
			"2 validation errors detected: Value 'ABCDEF' at 'a' failed to satisfy constraint: Member must have " +
				"length less than or equal to 5; " +
				"Value 'ABCDEF' at 'a' failed to satisfy constraint: Member must satisfy regular expression " +
				"pattern: [a-z]+"},
		{"empty", func(v *Validator) { v.String("a", new(""), &id, true) },
			"2 validation errors detected: Value '' at 'a' failed to satisfy constraint: Member must have length " +
				"greater than or equal to 1; " +
				"Value '' at 'a' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"},
		{"enum", func(v *Validator) { v.String("k", new("a"), &kind, true) },
			"1 validation error detected: Value 'a' at 'k' failed to satisfy constraint: Member must satisfy enum " +
				"value set: [A, B]"},
		{"long value", func(v *Validator) { v.String("k", &long, &kind, true) },
			"1 validation error detected: Value '" + long[:maxEcho] +
				"...' at 'k' failed to satisfy constraint: Member must satisfy enum value set: [A, B]"},
		{"integer", func(v *Validator) { v.Integer("c", new(0), &count, true); v.Integer("c", new(61), &count, true) },
			"2 validation errors detected: Value '0' at 'c' failed to satisfy constraint: Member must have value " +
				"greater than or equal to 1; " +
				"Value '61' at 'c' failed to satisfy constraint: Member must have value less than or equal to 60"},
		{"list", func(v *Validator) { v.List("d", []string{"a", "B", "c"}, &ids, true) },
			"2 validation errors detected: Value '[a, B, c]' at 'd' failed to satisfy constraint: Member must have " +
				"length less than or equal to 2; " +
				"Value '[a, B, c]' at 'd' failed to satisfy constraint: Member must satisfy constraint: [Member " +
				"must have length less than or equal to 5, " +
				"Member must have length greater than or equal to 1, Member must satisfy regular expression " +
				"pattern: [a-z]+]"},
		{"empty list", func(v *Validator) { v.List("d", []string{}, &ids, true) },
			"1 validation error detected: Value '[]' at 'd' failed to satisfy constraint: Member must have length " +
				"greater than or equal to 1"},
		{"list of enum", func(v *Validator) { v.List("d", []string{"C"}, &kinds, true) },
			"1 validation error detected: Value '[C]' at 'd' failed to satisfy constraint: Member must satisfy " +
				"constraint: [Member must satisfy enum value set: [A, B]]"},
		{"map", func(v *Validator) { v.Map("e", map[string]string{"b": "long", "A": "1", "c": "2"}, &tags, true) },
			"3 validation errors detected: Value '{A=1, b=long, c=2}' at 'e' failed to satisfy constraint: Member " +
				"must have length less than or equal to 2; " +
				"Value '{A=1, b=long, c=2}' at 'e' failed to satisfy constraint: Map keys must satisfy " +
				"constraint: [Member must have length less than or equal to 5, " +
				"Member must have length greater than or equal to 1, Member must satisfy regular expression " +
				"pattern: [a-z]+]; " +
				"Value '{A=1, b=long, c=2}' at 'e' failed to satisfy constraint: Map value must satisfy " +
				"constraint: [Member must have length less than or equal to 3, " +
				"Member must have length greater than or equal to 0]"},
		{"secret map",
			func(v *Validator) { v.Map("logins", map[string]string{"A": "hidden", "b": "abc"}, &vault, true) },
			"3 validation errors detected: Value at 'logins' failed to satisfy constraint: Member must have length " +
				"less than or equal to 1; " +
				"Value at 'logins' failed to satisfy constraint: Map keys must satisfy constraint: [Member must " +
				"have length less than or equal to 5, " +
				"Member must have length greater than or equal to 1, Member must satisfy regular expression " +
				"pattern: [a-z]+]; " +
				"Value at 'logins' failed to satisfy constraint: Map value must satisfy constraint: [Member must " +
				"have length less than or equal to 4, " +
				"Member must have length greater than or equal to 2]"},
		{"structures", func(v *Validator) {
			v.Structure("outer", true, false,
				func(v *Validator) { Structures(v, "parts", []string{"ok", "NO"}, &parts, true, element) })
			v.Bool("after", nil, true)
		}, "2 validation errors detected: Value 'NO' at 'outer.parts.2.member.name' failed to satisfy " +
			"constraint: Member must satisfy regular expression pattern: [a-z]+; " +
			"Value null at 'after' failed to satisfy constraint: Member must not be null"},
		{"empty structures", func(v *Validator) { Structures(v, "parts", []string{}, &parts, true, element) },
			"1 validation error detected: Value '[]' at 'parts' failed to satisfy constraint: Member must have " +
				"length greater than or equal to 1"},
		{"structure map", func(v *Validator) {
			StructureMap(v, "m", map[string]string{"b": "ok", "A/B": ""}, &byName, true, element)
		}, "4 validation errors detected: Value at 'm' failed to satisfy constraint: Member must have length less " +
			"than or equal to 1; " +
			"Value at 'm' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length " +
			"less than or equal to 5, " +
			"Member must have length greater than or equal to 1, Member must satisfy regular expression " +
			"pattern: [a-z]+]; " +
			"Value '' at 'm.A/B.member.name' failed to satisfy constraint: Member must have length greater than or " +
			"equal to 1; " +
			"Value '' at 'm.A/B.member.name' failed to satisfy constraint: Member must satisfy regular expression " +
			"pattern: [a-z]+"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v Validator
			tt.check(&v)
			got := ""
			if found := v.Violations(); len(found) > 0 {
				got = Invalid(found).Message
			}

			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The message stays bounded however much is wrong, and counts everything.
func TestViolationsAreBounded(t *testing.T) {
	var v Validator
	list := make([]string, 10_000)
	id := String{Min: 1}
	Structures(&v, strings.Repeat("n", 40), list, &List{}, true,
		func(s *string, v *Validator) { v.String("name", s, &id, true) })

	message := Invalid(v.Violations()).Message
	if !strings.HasPrefix(message, "10000 validation errors detected: ") || len(message) > 10_000 {
		t.Errorf("message of %d bytes: %.80s", len(message), message)
	}
}

// What the log reads never has a value of the request.
func TestInvalidKeepsValuesFromTheLog(t *testing.T) {
	e := Invalid([]Violation{{Path: "id", Value: "'s3cr3t' ", Constraint: "Member must be short"}})
	if want := "1 validation error detected: Value at 'id' failed to satisfy constraint: Member " +
		"must be short"; e.log != want {
		t.Errorf("log text %q, want %q", e.log, want)
	}
}

// The explanation of a violation tells the bound, what came beside it, and what to do,
// and has no text of the value.
func TestViolationsAreExplained(t *testing.T) {
	var (
		name   = String{Min: 1, Max: 5, Pattern: NewPattern(`[a-z]+`)}
		form   = String{Pattern: NewPattern(`[a-z]+`)}
		kind   = String{Enum: []string{"A", "B"}}
		secret = String{Min: 2, Max: 4, Sensitive: true}
		number = Integer{Min: 1, Max: 60}
		names  = List{Min: 1, Max: 2, Element: &name}
		parts  = List{Max: 1}
		vault  = Map{Max: 1, Key: &name, Value: &secret}
	)
	const hidden = "s3cr3t"
	for what, test := range map[string]struct {
		check              func(v *Validator)
		expected, got, fix string
	}{
		"too long": {func(v *Validator) { v.String("a", new("abcdef"), &name, true) },
			"at most 5 characters", "6 characters", "send at most 5 characters"},
		"too long, secret": {func(v *Validator) { v.String("a", new(hidden), &secret, true) },
			"at most 4 characters", "6 characters", "send at most 4 characters"},
		"empty": {func(v *Validator) { v.String("a", new(""), &secret, true) },
			"at least 2 characters", "an empty value", "send at least 2 characters"},
		"too short": {func(v *Validator) { v.String("a", new("a"), &secret, true) },
			"at least 2 characters", "1 character", "send at least 2 characters"},
		"another form": {func(v *Validator) { v.String("a", new("S3"), &name, true) },
			"a value of the form [a-z]+", "a value of 2 characters in another form",
			"write the value in this form, with no blanks, quotes or line ends around it"},
		"no secret": {func(v *Validator) { v.String("a", new("key;(hidden)"), &form, true) },
			"a value of the form [a-z]+", "a value with (hidden) in the place of a secret",
			"write the secret in the place of (hidden)"},
		"another choice": {func(v *Validator) { v.String("a", new(hidden), &kind, true) },
			"one of A, B", "a value of 6 characters that is none of them", "use one of A, B, in this letter case"},
		"too large": {func(v *Validator) { v.Integer("a", new(61), &number, true) },
			"a number from 1 to 60", "61", "use a number from 1 to 60"},
		"too early": {func(v *Validator) { v.Number("a", new(-0.5), &Number{Max: 9e9}, false) },
			"a number from 0 to 9000000000", "-0.5", "use a number from 0 to 9000000000"},
		"too late": {func(v *Validator) { v.Number("a", new(1e99), &Number{Max: 9e9}, false) },
			"a number from 0 to 9000000000", "1e+99", "use a number from 0 to 9000000000"},
		"no number": {func(v *Validator) { v.Number("a", new(math.NaN()), &Number{Max: 1}, false) },
			"a number from 0 to 1", "NaN", "use a number from 0 to 1"},
		"too small": {func(v *Validator) { v.Integer("a", new(-1), &number, true) },
			"a number from 1 to 60", "-1", "use a number from 1 to 60"},
		"too many elements": {func(v *Validator) { v.List("a", []string{"a", "b", "c"}, &names, true) },
			"at most 2 elements", "3 elements", "send at most 2 elements"},
		"no element": {func(v *Validator) { v.List("a", []string{}, &names, true) },
			"at least 1 element", "an empty value", "send at least 1 element"},
		"a bad element": {func(v *Validator) { v.List("a", []string{"a", "abcdef"}, &names, true) },
			"for each element: at most 5 characters", "6 characters", "for each element: send at most 5 characters"},
		"too many entries": {func(v *Validator) { v.Map("a", map[string]string{"a": "aa", "b": "bb"}, &vault, true) },
			"at most 1 entry", "2 entries", "send at most 1 entry"},
		"a bad value": {func(v *Validator) { v.Map("a", map[string]string{"a": hidden}, &vault, true) },
			"for each value: at most 4 characters", "6 characters", "for each value: send at most 4 characters"},
		"an empty value": {func(v *Validator) { v.Map("a", map[string]string{"a": ""}, &vault, true) },
			"for each value: at least 2 characters", "an empty value", "for each value: send at least 2 characters"},
		"a bad key": {func(v *Validator) { v.Map("a", map[string]string{hidden: "aa"}, &vault, true) },
			"for each key: at most 5 characters", "6 characters", "for each key: send at most 5 characters"},
		"too many structures": {func(v *Validator) {
			Structures(v, "a", []string{"", ""}, &parts, true, func(*string, *Validator) {})
		}, "at most 1 element", "2 elements", "send at most 1 element"},
		"a bad key of structures": {func(v *Validator) {
			StructureMap(v, "a", map[string]string{hidden: ""}, &vault, true, func(*string, *Validator) {})
		}, "for each key: at most 5 characters", "6 characters", "for each key: send at most 5 characters"},
	} {
		t.Run(what, func(t *testing.T) {
			var v Validator
			test.check(&v)
			if len(v.Violations()) == 0 {
				t.Fatal("no violation")
			}

			got := v.Violations()[0].Why()
			if got.Subject != "a" || got.Expected != test.expected || got.Got != test.got || got.Fix != test.fix {
				t.Errorf("%q %q %q %q", got.Subject, got.Expected, got.Got, got.Fix)
			}
			if strings.Contains(got.Error()+got.Fix, hidden) {
				t.Errorf("the value is told: %v", got)
			}
		})
	}
}
