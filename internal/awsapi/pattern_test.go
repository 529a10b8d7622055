package awsapi

import "testing"

// What Java's engine answers, from the documentation of java.util.regex.Pattern.
func TestPatternMatchesAsJava(t *testing.T) {
	for _, tt := range []struct {
		pattern, value string
		want           bool
	}{
		{`[\w-]+:[0-9a-f-]+`, "us-east-1:0a1b", true},
		{`[\w-]+:[0-9a-f-]+`, "us-east-1:0A1B", false},
		{`[\w-]+:[0-9a-f-]+`, "us-east-1:0a1b\n", false}, // whole value
		{`[\w-]+:[0-9a-f-]+`, "\nus-east-1:0a1b", false},
		{`[\w-]+:[0-9a-f-]+`, "é:0a", false}, // \w is ASCII
		{`[\w-]+:[0-9a-f-]+`, "", false},

		{`\w+`, "٣", false},
		{`\d+`, "٣", false},
		{`\d+`, "12", true},

		{`[\w\s]+`, "a b\t\n\v\f\rc", true}, // \s has the vertical tab
		{`[\w\s]+`, "a\u00a0b", false},      // and is ASCII
		{`[\w\s]+`, "a\u2003b", false},
		{`\s`, "\v", true},
		{`\s`, "\x1c", false},
		{`[\S]+`, "aé😀\x00\u00a0\u2028", true},
		{`[\S]+`, "a\vb", false},
		{`[\S]+`, "a b", false},
		{`\S+`, "a\x1fb\x7f", true},
		{`^[\S]+.*[\S]+$`, "a b", true},

		{`.*`, "a\u2028b", false},
		{`.*`, "a\u0085b", false},
		{`.*`, "aéb\t", true},
		{`[.]`, "\u2028", false},

		{`[\p{L}\p{M}\p{S}\p{N}\p{P}]+`, "aé€٣-日本", true},
		{`[\p{L}\p{M}\p{S}\p{N}\p{P}]+`, "e\u0301", true},
		{`[\p{L}\p{M}\p{S}\p{N}\p{P}]+`, "a b", false},
		{`[\p{L}\p{M}\p{S}\p{N}\p{P}]+`, "a\u0000", false},
		{`[\u0009\u000A\u000D\u0020-\u00FF]+`, "a\tÿ", true},
		{`[\u0009\u000A\u000D\u0020-\u00FF]+`, "Ā", false},

		{`(un)?authenticated`, "unauthenticated", true},
		{`(un)?authenticated`, "unauthenticatedx", false},
		{`a|b`, "ab", false}, // the alternatives, not only the last, match the whole
		{`a|b`, "b", true},
	} {
		p := NewPattern(tt.pattern)
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
		} else if got := p.MatchString(tt.value); got != tt.want {
			t.Errorf("%s matches %q = %t, want %t", tt.pattern, tt.value, got, tt.want)
		}
	}
}

// A pattern that RE2 cannot evaluate, or would read differently, is an error,
// and matches nothing.
func TestPatternCheck(t *testing.T) {
	for _, text := range []string{`(?!a)b`, `(a)\1`, `[a[b]]`, `[a-z&&[^b]]`, `a++`, `[`, `\p{IsAlphabetic}`, `\u12`} {
		p := NewPattern(text)
		if p.Check() == nil {
			t.Errorf("%s is accepted", text)
		}
		if p.MatchString("b") {
			t.Errorf("%s matches", text)
		}
	}
}
