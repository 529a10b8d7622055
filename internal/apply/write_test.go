package apply

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
)

// What is written is read as it was, whatever YAML could take it for.
func TestWrittenIsReadAgain(t *testing.T) {
	texts := []string{"true", "yes", "on", "null", "~", "<<", "=", "!Ref x", "!x", "*a", "&a", "? x", "- x", "-", "| x", "> x", "|", "2012-10-17", "2026-11-28T15:00:00Z", "1e3", "1.50", "0123", "0x10", "0o7", "0b1",
		"1_000", ".5", "5.", "+5", "-5", ".inf", "-.Inf", ".NaN", "NaN", "12:30", "\ttab", "a\tb", "a: b", "a:", ":a", ":", "a #b", "#a", "{a", "{a}", "[a", "a]", "a,b", "'a'", "'", `"a"`, `"`, `\`, `a\nb`, "line\nline\n", "line\n\n",
		"\nlead", "a\n  b\n c", "  a\nb", "a\r\nb", "a\rb", "trailing ", " lead", "é", "\u2028", "\u0085", "\u00a0", "\ufeff", "😀", "a:b", "${x}", "${!x}", "\x07", "\x1b[2J", "\x7f", "@a", "`a", "%a", "---", "...", "--- a", "a\n---\nb", "a\n...\n", "Ref", "Fn::Sub", "Infinity"}
	policies, values := []any{}, map[string]any{}
	statement := map[string]any{"Number": json.Number("10"), "Float": json.Number("1.5"), "Big": json.Number("12345678901234567890"), "Yes": true, "Nothing": nil}
	for i, text := range texts {
		values[text] = text
		statement[text] = []any{text, map[string]any{"StringEquals": map[string]any{text: text, "other": text}}}
		policies = append(policies, map[string]any{"PolicyName": fmt.Sprintf("p%d%s", i, text), "PolicyDocument": map[string]any{"Statement": text}})
	}
	role := &state{id: "arn:aws:iam::1:role/r", properties: map[string]any{"RoleName": "r", "AssumeRolePolicyDocument": map[string]any{"Statement": statement}, "Policies": policies, "Tags": values}}
	pool := &state{id: "us-east-1:11111111-2222-4333-8444-555555555555", properties: map[string]any{"AllowUnauthenticatedIdentities": true, "SupportedLoginProviders": values, "IdentityPoolTags": values}}
	all := []found{{typePool, pool}, {typeRole, role}}
	e := &exporter{server: &server{account: "1", partition: "aws", Client: &Client{Region: "us-east-1"}}}
	file := e.write(all)
	resources, err := Read(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	for i, f := range all {
		got, want := plain(normal(types[f.kind], resources[i].Properties)), plain(normal(types[f.kind], f.state.properties))
		for _, d := range differences("", want, got) {
			if reflect.DeepEqual(d.From, d.To) {
				continue
			}
			t.Errorf("%s: %q was written, %q is read", d.Path, d.From, d.To)
		}
	}
}
