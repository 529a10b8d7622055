package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// The value of a claim that is JSON is JSON, and any other one is text.
func TestParseClaims(t *testing.T) {
	for pair, want := range map[string]string{
		`n=0`:                        `0`,
		`n=-1.50e3`:                  `-1.50e3`,
		`id=12345678901234567890123`: `12345678901234567890123`, // no digit is lost
		`b=true`:                     `true`,
		`b=false`:                    `false`,
		`x=null`:                     `null`,
		`groups=["a",1,null]`:        `["a",1,null]`,
		`address={"city":"Ulm"}`:     `{"city":"Ulm"}`,
		`n="0"`:                      `"0"`,
		`t="true"`:                   `"true"`,
		`cognito:groups=["1"]`:       `["1"]`,

		`email=a@b.c`:             `"a@b.c"`,
		`zip=01234`:               `"01234"`,
		`phone=+4973112345`:       `"+4973112345"`,
		`version=1.2.3`:           `"1.2.3"`,
		`hex=0x10`:                `"0x10"`,
		`id=123abc`:               `"123abc"`,
		`id=2f1c-4d`:              `"2f1c-4d"`,
		`date=2026-11-30`:         `"2026-11-30"`,
		`x=True`:                  `"True"`,
		`x=NaN`:                   `"NaN"`,
		`x=nullable`:              `"nullable"`,
		`x=true,false`:            `"true,false"`,
		`x=1 2`:                   `"1 2"`,
		`x= 0`:                    `" 0"`,
		`x=0 `:                    `"0 "`,
		`x=`:                      `""`,
		`x=a=b`:                   `"a=b"`,
		`x=.5`:                    `".5"`,
		`x=-`:                     `"-"`,
		`https://x.test/y=plain`:  `"plain"`,
		`https://x.test/y=[true]`: `[true]`,
	} {
		claims, err := parseClaims([]string{pair})
		if err != nil {
			t.Errorf("%s: %v", pair, err)
			continue
		}
		name, _, _ := strings.Cut(pair, "=")
		if got, err := json.Marshal(claims[name]); err != nil || string(got) != want {
			t.Errorf("%s is %s, want %s (%v)", pair, got, want, err)
		}
	}

	for _, pair := range []string{`n`, `=0`, ``, `g=[`, `g=[1}`, `g={"a"}`, `g="a`, `g="a"b`,
		`g=["a"] ["b"]`, `g={}}`} {
		_, err := parseClaims([]string{pair})
		if err == nil || !strings.Contains(err.Error(), "name=value") || !strings.Contains(err.Error(), `'n="0"'`) {
			t.Errorf("%s: the error %v does not tell the rule", pair, err)
		}
	}
}

// Help explains the rule.
func TestClaimHelp(t *testing.T) {
	help := devTokenCommand().Long
	for _, part := range []string{"JSON", `n="0"`, "n=0", "admin=true", "zip=01234", `begins with [, { or "`} {
		if !strings.Contains(help, part) {
			t.Errorf("the help does not have %q", part)
		}
	}
}
