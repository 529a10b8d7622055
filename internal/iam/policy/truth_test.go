package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// truthTable is the table of docs/iam.md: what a condition is worth for a request
// whose key is absent, unknowable, has a value that matches, one that does not,
// one that the operator cannot compare, and two of them. t is true, f false and
// ? unknown.
var truthTable = []struct {
	form   string // Op is the positive operator, NotOp the negated one
	values string
}{
	{"Op", "f ? t f ? t ?"},
	{"OpIfExists", "t ? t f ? t ?"},
	{"NotOp", "t ? f t ? f ?"},
	{"NotOpIfExists", "t ? f t ? f ?"},
	{"ForAnyValue:Op", "f ? t f ? t ?"},
	{"ForAnyValue:OpIfExists", "f ? t f ? t ?"},
	{"ForAnyValue:NotOp", "f ? f t ? ? t"},
	{"ForAnyValue:NotOpIfExists", "f ? f t ? ? t"},
	{"ForAllValues:Op", "t ? t f ? ? f"},
	{"ForAllValues:OpIfExists", "t ? t f ? ? f"},
	{"ForAllValues:NotOp", "t ? f t ? f ?"},
	{"ForAllValues:NotOpIfExists", "t ? f t ? f ?"},
	{"Null: true", "t ? f f f f f"},
	{"Null: false", "f ? t t t t t"},
}

// families are the operators that compare alike, with the policy's value and the
// request's.
var truthFamilies = []struct {
	op, notOp               string // notOp "" = there is none
	wanted, matching, other string
	bad                     []string // none = every value can be compared
}{
	{"StringEquals", "StringNotEquals", "a", "a", "b", nil},
	{"StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "a", "A", "b", nil},
	{"StringLike", "StringNotLike", "a*", "ab", "b", nil},
	{"NumericEquals", "NumericNotEquals", "10", "10.0", "11", []string{
		"abc", "", "0x0a", "1e3", strings.Repeat("1", 65),
	}},
	{"NumericLessThan", "", "10", "9", "10", []string{"abc", "NaN"}},
	{"NumericLessThanEquals", "", "10", "10", "11", []string{"abc"}},
	{"NumericGreaterThan", "", "10", "11", "10", []string{"abc"}},
	{"NumericGreaterThanEquals", "", "10", "10", "9", []string{"abc"}},
	{"DateEquals", "DateNotEquals", "2026-11-23", "1795392000", "2026-11-24", []string{
		"abc", "2026-13-01", "yesterday",
	}},
	{"DateLessThan", "", "2026-11-23", "2026-11-22", "2026-11-23", []string{"abc"}},
	{"DateLessThanEquals", "", "2026-11-23", "2026-11-23", "2026-11-24", []string{"abc"}},
	{"DateGreaterThan", "", "2026-11-23", "2026-11-24", "2026-11-23", []string{"abc"}},
	{"DateGreaterThanEquals", "", "2026-11-23", "2026-11-23", "2026-11-22", []string{"abc"}},
	{"Bool", "", "true", "TRUE", "false", []string{"abc", "1", ""}},
	{"BinaryEquals", "", "AAEC", "AAEC", "AAED", []string{"abc", "AAF="}},
	{"IpAddress", "NotIpAddress", "10.0.0.0/8", "10.1.2.3", "192.0.2.1", []string{"abc", "fe80::1%eth0", "10.0.0.0/8"}},
	{"ArnEquals", "ArnNotEquals", "arn:aws:s3:::a*", "arn:aws:s3:::ab", "arn:aws:s3:::b", []string{
		"abc", "s3:::ab", "arn:aws:s3",
	}},
	{"ArnLike", "ArnNotLike", "arn:aws:s3:::a*", "arn:aws:s3:::ab", "arn:aws:s3:::b", []string{"abc"}},
	{"ArnLike", "ArnNotLike", "*", "arn:aws:s3:::ab", "", []string{"abc"}},
	{"ArnEquals", "ArnNotEquals", "${k:arn}", "arn:aws:s3:::ab", "arn:aws:s3:::b", []string{"abc"}},
}

// evaluated returns the truth value of a condition, as an Allow and a Deny statement with
// it show.
func evaluated(t *testing.T, operator, wanted string, r Request) string {
	t.Helper()
	block, err := json.Marshal(map[string]any{operator: map[string]any{"K:B": wanted}})
	if err != nil {
		t.Fatal(err)
	}

	effect := func(name string) Effect {
		d := mustParse(
			t,
			`{"Version":"2012-10-17","Statement":{"Effect":"`+name+`","Action":"a:b","Resource":"*","Condition":`+
				string(block)+`}}`,
		)
		got, statement := d.Evaluate(r)
		if unknown := d.Unknown(r); (got == Deny || name == "Allow" && got == NoMatch) && len(unknown) > 0 {
			if u := unknown[0]; u.Statement == nil || u.Key != "K:B" && u.Key != "k:arn" ||
				u.Operator != operator || !strings.Contains(u.String(), u.Key) {
				t.Errorf("%s: Unknown = %v", operator, unknown)
			}
		} else if len(unknown) > 0 {
			t.Errorf("%s: a certain outcome, and Unknown = %v", operator, unknown)
		}

		if (statement == nil) != (got == NoMatch) {
			t.Errorf("%s: %v by %v", operator, got, statement)
		}

		return got
	}

	switch allow, deny := effect("Allow"), effect("Deny"); {
	case allow == Allow && deny == Deny:
		return "t"
	case allow == NoMatch && deny == NoMatch:
		return "f"
	case allow == NoMatch && deny == Deny:
		return "?"
	default:
		return fmt.Sprintf("Allow gives %v, Deny gives %v", allow, deny)
	}
}

// TestTruthTable tries every operator in every form, under both effects.
func TestTruthTable(t *testing.T) {
	tried := map[string]bool{}
	for _, family := range truthFamilies {
		for _, row := range truthTable {
			operator := strings.Replace(row.form, "NotOp", family.notOp, 1)
			wanted := family.wanted
			switch {
			case strings.HasPrefix(row.form, "Null: "):
				operator, wanted = "Null", strings.TrimPrefix(row.form, "Null: ")
			case !strings.Contains(row.form, "NotOp"):
				operator = strings.Replace(row.form, "Op", family.op, 1)
			case family.notOp == "":
				continue
			}
			tried[strings.TrimSuffix(operator[strings.IndexByte(operator, ':')+1:], "IfExists")] = true

			bad := family.bad
			if bad == nil {
				bad = []string{"\x00"} // is skipped
			}

			for _, bad := range bad {
				requests := [][]string{
					nil, nil, {family.matching}, {family.other}, {bad}, {family.matching, bad}, {family.other, bad},
				}
				for i, want := range strings.Fields(row.values) {
					given := requests[i]
					if slices.Contains(given, "\x00") ||
						i > 2 && family.other == "" && slices.Contains(given, "") && bad != "" {
						continue
					}

					// Nothing but empty texts is a null data set, which ForAllValues takes.
					if strings.HasPrefix(operator, "ForAllValues:") && len(given) == 1 && given[0] == "" {
						want = "t"
					}
					r := Request{
						Action:   "a:b",
						Resource: "*",
						Context: RequestContext{
							Caller:  Keys{"k:arn": {"arn:aws:s3:::ab"}},
							Service: func(string) ([]string, bool) { return given, i != 1 },
						},
					}
					if got := evaluated(t, operator, wanted, r); got != want {
						t.Errorf("%s %q, known %t, values %q: %s, want %s", operator, wanted, i != 1, given, got, want)
					}
				}
			}
		}
	}

	for name := range operators {
		if !tried[name] {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// The documented table is the one that is tried.
func TestTruthTableIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/iam.md")
	if err != nil {
		t.Fatal(err)
	}

	words := map[string]string{"t": "true", "f": "false", "?": "**unknown**"}
	for _, row := range truthTable {
		var cells []string
		for _, v := range strings.Fields(row.values) {
			cells = append(cells, words[v])
		}
		line := "| `" + row.form + "` | " + strings.Join(cells, " | ") + " |"
		if !strings.Contains(string(page), line) {
			t.Errorf("docs/iam.md does not have the row\n%s", line)
		}
	}
}

// What a statement depends on beside its conditions: false and unknown is false,
// and a policy variable that cannot be filled matches whatever could fill it.
func TestUnknownElements(t *testing.T) {
	const other = `"Condition":{"StringEquals":{"aws:a":"1"},"StringLike":{"s3:prefix":"x"}}`
	for _, tc := range []struct {
		name, rest, resource string // rest of a statement
		want                 string
	}{
		{
			"another condition is false",
			`"Resource":"*","Condition":{"StringEquals":{"aws:a":"2"},"StringLike":{"s3:prefix":"x"}}`,
			"arn:x",
			"f",
		},
		{"another condition is true", `"Resource":"*",` + other, "arn:x", "?"},
		{
			"another condition is unknown",
			`"Resource":"*","Condition":{"StringEquals":{"aws:nobody":"2"},"StringLike":{"s3:prefix":"x"}}`,
			"arn:x",
			"?",
		},
		{"the resource is another", `"Resource":"arn:y",` + other, "arn:x", "f"},
		{"NotResource covers it", `"NotResource":"arn:x",` + other, "arn:x", "f"},

		{"variable in Resource", `"Resource":"arn:aws:s3:::b/${s3:prefix}/*"`, "arn:aws:s3:::b/u/1", "?"},
		{
			"variable in Resource with a default",
			`"Resource":"arn:aws:s3:::b/${s3:prefix,'u'}/*"`,
			"arn:aws:s3:::b/u/1",
			"?",
		},
		{
			"variable in Resource that nothing can fill",
			`"Resource":"arn:aws:s3:::b/${s3:prefix}/*"`,
			"arn:aws:s3:::c/u/1",
			"f",
		},
		{
			"beside one that matches",
			`"Resource":["arn:aws:s3:::b/${s3:prefix}/*","arn:aws:s3:::b/u/*"]`,
			"arn:aws:s3:::b/u/1",
			"t",
		},
		{
			"with a variable that is absent",
			`"Resource":"arn:aws:s3:::${aws:absent}/${s3:prefix}/*"`,
			"arn:aws:s3:::b/u/1",
			"f",
		},
		{"variable with several values", `"Resource":"arn:aws:s3:::b/${aws:several}/*"`, "arn:aws:s3:::b/u/1", "?"},
		{"variable in NotResource", `"NotResource":"arn:aws:s3:::b/${s3:prefix}/*"`, "arn:aws:s3:::b/u/1", "?"},
		{
			"variable in NotResource that nothing can fill",
			`"NotResource":"arn:aws:s3:::b/${s3:prefix}/*"`,
			"arn:aws:s3:::c/u/1",
			"t",
		},
		{
			"NotResource beside one that matches",
			`"NotResource":["arn:aws:s3:::b/${s3:prefix}/*","arn:aws:s3:::b/u/*"]`,
			"arn:aws:s3:::b/u/1",
			"f",
		},

		{"variable in a value", `"Resource":"*","Condition":{"StringLike":{"aws:a":"${s3:prefix}*"}}`, "arn:x", "?"},
		{
			"variable in a value that nothing can fill",
			`"Resource":"*","Condition":{"StringLike":{"aws:a":"2${s3:prefix}"}}`,
			"arn:x",
			"f",
		},
		{
			"variable in a negated value",
			`"Resource":"*","Condition":{"StringNotEquals":{"aws:a":"${s3:prefix}"}}`,
			"arn:x",
			"?",
		},
		{
			"variable in a negated value that nothing can fill",
			`"Resource":"*","Condition":{"StringNotEquals":{"aws:a":"2${s3:prefix}"}}`,
			"arn:x",
			"t",
		},
		{
			"variable in a value in any case",
			`"Resource":"*","Condition":{"StringEqualsIgnoreCase":{"aws:a":"${s3:prefix}"}}`,
			"arn:x",
			"?",
		},
		{
			"variable in an ARN",
			`"Resource":"*","Condition":{"ArnLike":{"aws:arn":"arn:aws:iam::1:role/${s3:prefix}"}}`,
			"arn:x",
			"?",
		},
		{
			"variable in another ARN",
			`"Resource":"*","Condition":{"ArnNotLike":{"aws:arn":"arn:aws:iam::2:role/${s3:prefix}"}}`,
			"arn:x",
			"t",
		},
		{
			"variable that is an ARN",
			`"Resource":"*","Condition":{"ArnNotEquals":{"aws:arn":"${s3:prefix}"}}`,
			"arn:x",
			"?",
		},
		{
			"variable whose value is no ARN",
			`"Resource":"*","Condition":{"ArnNotEquals":{"aws:arn":"${aws:a}"}}`,
			"arn:x",
			"?",
		},
		{
			"variable whose default is no ARN",
			`"Resource":"*","Condition":{"ArnNotEquals":{"aws:arn":"${aws:absent,'1'}"}}`,
			"arn:x",
			"?",
		},
		{
			"variable that is an absent ARN",
			`"Resource":"*","Condition":{"ArnNotEquals":{"aws:arn":"${aws:absent}"}}`,
			"arn:x",
			"t",
		},
	} {
		r := Request{Action: "s3:GetObject", Resource: tc.resource,
			Context: RequestContext{Caller: Keys{
				"aws:a":       {"1"},
				"aws:absent":  nil,
				"aws:several": {"1", "2"},
				"aws:arn":     {"arn:aws:iam::1:role/a"},
			}}}
		effect := func(name string) Effect {
			d := mustParse(t, `{"Version":"2012-10-17","Statement":{"Effect":"`+name+`","Action":"s3:*",`+tc.rest+`}}`)
			got, _ := d.Evaluate(r)
			if unknown := len(d.Unknown(r)) > 0; unknown != (tc.want == "?") {
				t.Errorf("%s: Unknown = %v", tc.name, d.Unknown(r))
			}
			if name == "Allow" && tc.want == "?" {
				if m := d.Mismatches(r); len(m) != 1 || m[0].Unknown == "" ||
					!strings.Contains(m[0].String(), m[0].Unknown) {
					t.Errorf("%s: Mismatches = %v", tc.name, m)
				}
			}

			return got
		}

		want := map[string][2]Effect{"t": {Allow, Deny}, "f": {NoMatch, NoMatch}, "?": {NoMatch, Deny}}[tc.want]
		if got := [2]Effect{effect("Allow"), effect("Deny")}; got != want {
			t.Errorf("%s: %v, want %v", tc.name, got, want)
		}
	}
}

// A source that does not tell which keys it knows gives no access.
func TestNothingIsKnown(t *testing.T) {
	for _, operator := range []string{
		"StringNotEquals", "StringEqualsIfExists", "ForAllValues:StringEquals", "Null", "BoolIfExists",
	} {
		for effect, want := range map[string]Effect{"Allow": NoMatch, "Deny": Deny} {
			d := mustParse(
				t,
				`{"Statement":{"Effect":"`+effect+`","Action":"a:b","Resource":"*","Condition":{"`+operator+
					`":{"k:b":"true"}}}}`,
			)
			if got, _ := d.Evaluate(Request{Action: "a:b", Resource: "*"}); got != want {
				t.Errorf("%s, %s: %v, want %v", operator, effect, got, want)
			}
		}
	}
}

// A decision names what could not be evaluated of the layer that decided.
func TestDecisionNamesUnknown(t *testing.T) {
	const (
		all     = `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
		allowIf = `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*",` +
			`"Condition":{"StringNotEquals":{"s3:A":"x"}}}}`
		denyIf = `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*",` +
			`"Resource":"*","Condition":{"StringEquals":{"s3:B":"x"}}}]}`
		otherDeny = `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*",` +
			`"Resource":"*"}]}`
	)
	for _, tc := range []struct {
		name              string
		identity          string
		boundary, session string
		layer             Layer
		keys              []string
	}{
		{"an Allow", allowIf, "", "", IdentityLayer, []string{"s3:A"}},
		{"a Deny", denyIf, "", "", IdentityLayer, []string{"s3:B"}},
		{"the boundary's Allow", all, allowIf, "", BoundaryLayer, []string{"s3:A"}},
		{"the boundary's Deny", all, denyIf, "", BoundaryLayer, []string{"s3:B"}},
		{"the session's Allow", all, "", allowIf, SessionLayer, []string{"s3:A"}},
		{"the session's Deny", all, "", denyIf, SessionLayer, []string{"s3:B"}},
		{"a Deny before an Allow", allowIf, "", denyIf, SessionLayer, []string{"s3:B"}},
		{"another Deny", otherDeny, "", allowIf, IdentityLayer, nil},
		{"allowed", all, "", "", IdentityLayer, nil},
	} {
		var boundary *Document
		var session []*Document
		if tc.boundary != "" {
			boundary = mustParse(t, tc.boundary)
		}
		if tc.session != "" {
			session = append(session, mustParse(t, tc.session))
		}

		got := Allowed(
			Request{Action: "s3:GetObject", Resource: "*"}, []*Document{mustParse(t, tc.identity)}, boundary, session,
		)
		var keys []string
		for _, u := range got.Unknown {
			keys = append(keys, u.Key)
		}
		if got.Allowed != (tc.name == "allowed") || got.Layer != tc.layer || !slices.Equal(keys, tc.keys) {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

func TestDependencies(t *testing.T) {
	d := mustParse(t, `{"Version":"2012-10-17","Statement":[
	  {"Effect":"Allow","Action":["s3:Get*","sqs:*"],
	   "Resource":"arn:aws:s3:::${aws:username}/${aws:username}",
	   "Condition":{"StringLike":{"S3:Prefix":"${aws:PrincipalTag/a}*"},"Null":{"s3:prefix":"true"}}},
	  {"Effect":"Deny","NotAction":["iam:*","s3:Get*"],"Resource":"*",
	   "Condition":{"Bool":{"aws:SecureTransport":"false"}}},
	  {"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	var got []string
	for _, dependency := range d.Dependencies() {
		got = append(got, fmt.Sprint(dependency.Statement.Index, " ", dependency.Key))
	}
	slices.Sort(got)

	if want := []string{
		"0 aws:principaltag/a", "0 aws:username", "0 s3:prefix", "1 aws:securetransport",
	}; !slices.Equal(got, want) {
		t.Errorf("Dependencies = %q, want %q", got, want)
	}

	for service, want := range map[string][3]bool{
		"s3":  {true, true, true},
		"sqs": {true, true, true},
		"iam": {false, false, true},
		"ec2": {false, true, true},
	} {
		for i := range d.statements {
			if d.statements[i].MayConcern(service) != want[i] {
				t.Errorf("statement %d, %s: not %t", i, service, want[i])
			}
		}
	}
}
