package policy

import (
	"math/rand/v2"
	"slices"
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
		p, err := compilePattern(text, wildcards|withVariables)
		if err != nil {
			t.Fatal(err)
		}

		if p.mode != want {
			t.Errorf("compilePattern(%q).mode = %d, want %d", text, p.mode, want)
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
		p, err := compilePattern(text, wildcards)
		if err != nil {
			t.Fatal(err)
		}
		if p.match(strings.Repeat("a", 4096), &sc) == yes {
			t.Errorf("%.20s… matched a text without its b", text)
		}
		if p.match(strings.Repeat("a", 4096)+"xab", &sc) == no && !strings.HasSuffix(text, "?b*") {
			t.Errorf("%.20s… did not match", text)
		}
	}
}

// Question marks in the way force no more work than a 64th of all comparisons:
// the plain way would take minutes for these.
func TestMatchOfHostileTexts(t *testing.T) {
	sc := newScope(&Request{})
	text := strings.Repeat("a", 40<<10)
	for _, segment := range []string{
		strings.Repeat("?", 8000) + "b", strings.Repeat("a?", 4000) + "b", strings.Repeat("?a", 4000) + "b",
		strings.Repeat("a", 4000) + "?" + strings.Repeat("a", 4000) + "b", "?" + strings.Repeat("a", 8000) + "b",
	} {
		p, err := compilePattern("*"+segment+"*", wildcards)
		if err != nil {
			t.Fatal(err)
		}

		for range 10 {
			if p.match(text, &sc) == yes {
				t.Errorf("%.20s… matched a text without its b", segment)
			}
		}
		if p.match(text+"b"+text, &sc) == no {
			t.Errorf("%.20s… did not match", segment)
		}
	}
}

// The finder finds what the plain way finds, at the same place.
func TestFinder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := []string{"a", "b", "é", "日", "\U0001F600"}
	draw := func(n int, more ...string) (text string) {
		all := append(slices.Clone(letters[:1+random.IntN(len(letters))]), more...)
		for range n {
			text += all[random.IntN(len(all))]
		}
		return text
	}

	for range 4000 {
		elements, err := split(draw(1+random.IntN(90), "?", "?"), wildcards)
		if err != nil {
			t.Fatal(err)
		}

		text := draw(random.IntN(200), "\xff", "\ufffd")
		if random.IntN(2) == 0 { // put an occurrence in
			for _, e := range elements {
				if e.kind == one {
					text += letters[random.IntN(len(letters))]
				}
				text += e.text
			}

			text += draw(random.IntN(20))
		}

		f, ok := newFinder(elements)
		if !ok {
			t.Fatalf("no finder for %v", elements)
		}
		end, found := f.find(text)
		if wantEnd, want := segment(elements).findPlainly(text); end != wantEnd || found != want {
			t.Fatalf("%v in %q: %d, %t, want %d, %t", elements, text, end, found, wantEnd, want)
		}
	}

	p, err := compilePattern("*${aws:a}${aws:b}*?${aws:a}", wildcards|withVariables)
	if err != nil {
		t.Fatal(err)
	}

	empty := newScope(&Request{Context: RequestContext{Caller: Keys{"aws:a": {""}, "aws:b": {""}}}})
	if p.match(strings.Repeat("x", 2*slowSteps), &empty) == no || p.match("", &empty) == yes {
		t.Error("empty variables between stars")
	}
	if _, ok := newFinder(segment{{kind: one}, {kind: literal, text: "\xff"}}); ok {
		t.Error("a finder for what is no UTF-8")
	}
}
