package policy

import (
	"strings"
	"testing"
)

// The first two documents are those of AWS's examples, whose answers have these places
// (AWS CLI reference, simulate-custom-policy and simulate-principal-policy).
func TestExtent(t *testing.T) {
	pretty := strings.Join([]string{
		`{`,
		`    "Version": "2012-10-17",`,
		`    "Statement": {`,
		`            "Effect": "Allow",`,
		`            "Action": [`,
		`                "codecommit:ListRepositories"`,
		`            ],`,
		`            "Resource": "*"`,
		`        }`,
		`}`,
	}, "\n")

	for name, of := range map[string]struct {
		document string
		want     [][2]Position
	}{
		"one line": {
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",` +
				`"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}`,
			[][2]Position{{{1, 38}, {1, 167}}},
		},
		"several lines": {pretty, [][2]Position{{{3, 19}, {9, 10}}}},
		"a list": {
			"{\"Id\":\"é\",\n\"Statement\" : [ {\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"} ,\n" +
				" { \"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"arn:aws:s3:::é\"}]}",
			[][2]Position{{{2, 18}, {2, 62}}, {{3, 3}, {3, 62}}},
		},
	} {
		d, err := Parse([]byte(of.document))
		if err != nil {
			t.Fatal(err)
		}

		for i := range d.statements {
			if start, end := d.Extent(&d.statements[i]); [2]Position{start, end} != of.want[i] {
				t.Errorf("%s: statement %d is at %v to %v, want %v", name, i, start, end, of.want[i])
			}
		}
	}
}

func TestCheckValues(t *testing.T) {
	for kind, of := range map[string]struct {
		good, bad []string
	}{
		"string":  {good: []string{"", "x", "*"}},
		"numeric": {good: []string{"1", "-2.5"}, bad: []string{"", "x", "1e9"}},
		"boolean": {good: []string{"true", "False"}, bad: []string{"yes", ""}},
		"ip":      {good: []string{"10.0.0.1", "2001:db8::1"}, bad: []string{"10.0.0.0/8", "fe80::1%eth0", ""}},
		"binary":  {good: []string{"AAEC", ""}, bad: []string{"A"}},
		"date":    {good: []string{"2026-11-23T00:00:00Z", "1795392000"}, bad: []string{"today"}},
	} {
		for _, value := range of.good {
			if !CheckValues(kind, []string{value}) || !CheckValues(kind+"List", []string{value, value}) {
				t.Errorf("%q is no %s", value, kind)
			}
		}

		for _, value := range of.bad {
			if CheckValues(kind, []string{value}) || CheckValues(kind+"List", []string{of.good[0], value}) {
				t.Errorf("%q is a %s", value, kind)
			}
		}

		if CheckValues(kind, []string{of.good[0], of.good[0]}) || !CheckValues(kind, nil) {
			t.Errorf("%s takes two values, or not none", kind)
		}
	}

	if CheckValues("text", nil) || CheckValues("List", nil) {
		t.Error("an unknown type has values")
	}
}

func TestMissing(t *testing.T) {
	d, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*",
		"Resource":"arn:aws:s3:::b/${aws:username}","Condition":{"StringEquals":{"k:B":"${k:c}","k:d":"1"}}},
		{"Effect":"Deny","Action":"sqs:*","Resource":"*","Condition":{"Null":{"K:b":"true","k:e":"true"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}

	r := Request{Action: "s3:GetObject", Resource: "*"}
	r.Context.Caller = Keys{"k:d": {"1"}, "k:e": nil}
	if got := strings.Join(Missing(r, []*Document{d}), " "); got != "aws:username k:B k:c" {
		t.Errorf("missing: %s", got)
	}
	if got := strings.Join(ContextKeys([]*Document{d, d}), " "); got != "aws:username k:B k:c k:d k:e" {
		t.Errorf("keys: %s", got)
	}
}

func TestApplying(t *testing.T) {
	d, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[
		{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"},
		{"Sid":"B","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b"},
		{"Sid":"C","Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"k:a":"true"}}},
		{"Sid":"D","Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"k:a":"true"}}},
		{"Sid":"E","Effect":"Deny","Action":"s3:Put*","Resource":"*"}]}`))
	if err != nil {
		t.Fatal(err)
	}

	r := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b"}
	for effect, want := range map[Effect]string{Allow: "AB", Deny: "D"} {
		got := ""
		for _, s := range d.Applying(r, effect) {
			got += s.Sid
		}
		if got != want {
			t.Errorf("%s: %s, want %s", effect, got, want)
		}
	}
}

func TestParseResource(t *testing.T) {
	const statement = `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*","Principal":"*"}`
	d, err := ParseResource(`{"Statement":` + statement + `}`)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Concerns(Request{Resource: "arn:aws:s3:::b/a"}) || d.Concerns(Request{Resource: "arn:aws:s3:::c/a"}) {
		t.Error("a policy of a resource concerns another, or not its own")
	}

	for _, bad := range []string{
		"", `{"Statement":[` + statement + `,{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`,
	} {
		if _, err := ParseResource(bad); err == nil {
			t.Errorf("accepted: %s", bad)
		}
	}
}
