package policy

import (
	"strings"
	"testing"
)

func TestPatternModes(t *testing.T) {
	for text, want := range map[string]patternMode{
		"":           modeExact,
		"a":          modeExact,
		"a${*}":      modeExact,
		"a*":         modePrefix,
		"a**":        modePrefix,
		"*":          modeAny,
		"**":         modeAny,
		"*a":         modeGlob,
		"a?":         modeGlob,
		"a*b":        modeGlob,
		"${aws:x}":   modeTemplate,
		"a*${aws:x}": modeTemplate,
	} {
		p, err := compile(text, wildcards|withVariables)
		if err != nil {
			t.Fatal(err)
		}
		if p.mode != want {
			t.Errorf("compile(%q).mode = %d, want %d", text, p.mode, want)
		}
	}
}

// TestMatchCannotBlowUp would not end with a matcher that tries every way of
// placing the stars: each text has some 10^30 of them.
func TestMatchCannotBlowUp(t *testing.T) {
	sc := newScope(&Request{})
	for _, text := range []string{
		strings.Repeat("a*", 64) + "b",
		strings.Repeat("*a", 64) + "*b",
		strings.Repeat("*?a", 64) + "*b",
		strings.Repeat("*", 4096) + "b",
		"*" + strings.Repeat("a", 1000) + "?b*",
	} {
		p, err := compile(text, wildcards)
		if err != nil {
			t.Fatal(err)
		}
		if p.match(strings.Repeat("a", 4096), &sc) {
			t.Errorf("%.20s… matched a text without its b", text)
		}
		if !p.match(strings.Repeat("a", 4096)+"xab", &sc) && !strings.HasSuffix(text, "?b*") {
			t.Errorf("%.20s… did not match", text)
		}
	}
}
