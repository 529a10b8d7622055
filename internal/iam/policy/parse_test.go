package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func mustParse(t testing.TB, doc string) *Document {
	t.Helper()
	d, err := Parse([]byte(doc))
	if err != nil {
		t.Fatalf("Parse(%s): %v", doc, err)
	}
	return d
}

func TestParseAccepts(t *testing.T) {
	for name, doc := range map[string]string{
		"one statement": `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		"members in any order": `{"Statement":[{"Resource":["*"],"Action":["s3:*"],"Effect":"Deny","Sid":"x1"}],` +
			`"Id":"a","Version":"2012-10-17"}`,
		"old version": `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","NotAction":"s3:*",` +
			`"NotResource":"arn:aws:s3:::a/${not a variable"}]}`,

		"all principals": `{"Statement":[{"Effect":"Allow","Principal":{"AWS":["*","123456789012",` +
			`"arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:role/a/b",` +
			`"arn:aws:sts::123456789012:assumed-role/r/s","AROAABCDEFGHIJKLMNOP1"],` +
			`"Federated":"accounts.google.com","Service":["ec2.amazonaws.com"],` +
			`"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},` +
			`"Action":"sts:AssumeRole"}]}`,
		"everyone":        `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}`,
		"not a principal": `{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"sts:*"}]}`,

		"empty condition": `{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{}}]}`,
		"scalars in conditions": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a:b",` +
			`"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"s3:max-keys":10},` +
			`"Null":{"aws:a":false}}}]}`,
		"variables": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a:b",` +
			`"Resource":"arn:aws:s3:::b/${aws:x, 'd'}/${*}${?}${$}",` +
			`"Condition":{"ArnLike":{"aws:SourceArn":["${aws:PrincipalArn}","arn:aws:iam::${aws:x}:role/*","*"]}}}]}`,

		"escapes and blanks": "\n{ \"Statement\" : [ {\t\"Effect\":\"\\u0041llow\" , \"Action\":\"*\"," +
			"\"Resource\":\"*\" } ] }\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if d := mustParse(t, doc); d.String() != doc {
				t.Errorf("String() = %q, want the text that was parsed", d.String())
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	condition := func(c string) string {
		return statement(`{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":` + c + `}`)
	}
	for _, tc := range []struct{ name, doc, want string }{
		{"empty", ``, "ends at byte 0"},
		{"cut", `{"Version":"2012-10-17"`, "before it is complete"},
		{"not JSON", `{"Version" "2012-10-17"}`, "not JSON at byte"},
		{"not UTF-8", "{\"Id\":\"\xff\"}", "not JSON"},
		{"a list", `[]`, "must be an object, not ["},
		{"null", `null`, "must be an object"},
		{"text after the end", `{"Statement":{"Effect":"Allow","Action":"*"}} x`, "after the end"},
		{"two documents", `{"Statement":{"Effect":"Allow","Action":"*"}}{}`, "after the end"},
		{"unknown version", `{"Version":"2012-10-18","Statement":[]}`, `Version: is "2012-10-18"`},
		{"version of another type", `{"Version":2012,"Statement":[]}`, "Version: must be a string"},
		{"unknown element", `{"Statements":[]}`, `unknown element "Statements"`},
		{"case of an element", `{"statement":[]}`, `unknown element "statement"`},
		{"no statement", `{"Version":"2012-10-17"}`, "Statement: is missing or empty"},
		{"no statements", `{"Statement":[]}`, "Statement: is missing or empty"},
		{"duplicate element", `{"Id":"a","Id":"b","Statement":[]}`, "Id: is given twice"},
		{
			"duplicate in a statement",
			statement(`{"Effect":"Deny","Effect":"Allow","Action":"*"}`),
			"Statement[0].Effect: is given twice",
		},
		{"statement of another type", `{"Statement":["x"]}`, "Statement[0]: must be an object"},
		{"nested lists", statement(`[[[]]]`), "Statement[0]: must be an object"},
		{
			"deep nesting",
			`{"Statement":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
			"must be an object",
		},
		{
			"unknown in a statement",
			statement(`{"Effect":"Allow","Action":"*","Resources":"*"}`),
			`Statement[0]: unknown element "Resources"`,
		},
		{"no effect", statement(`{"Action":"*","Resource":"*"}`), "Statement[0]: the Effect element is missing"},
		{"case of an effect", statement(`{"Effect":"allow","Action":"*"}`), `Statement[0].Effect: is "allow"`},
		{"no action", statement(`{"Effect":"Allow","Resource":"*"}`), "Statement[0]: the Action element is missing"},
		{
			"empty list of actions",
			statement(`{"Effect":"Allow","Action":[]}`),
			"Statement[0].Action: the list is empty",
		},
		{
			"action without service",
			statement(`{"Effect":"Allow","Action":"GetObject"}`),
			`Statement[0].Action: "GetObject" must be`,
		},
		{
			"action with empty operation",
			statement(`{"Effect":"Allow","NotAction":["s3:"]}`),
			`Statement[0].NotAction: "s3:" must be`,
		},
		{
			"action null",
			statement(`{"Effect":"Allow","Action":null}`),
			"Statement[0].Action: must be a string or a list",
		},
		{
			"list of lists",
			statement(`{"Effect":"Allow","Action":[["*"]]}`),
			"Statement[0].Action: must be a string or a list",
		},
		{"both actions", statement(`{"Effect":"Allow","Action":"*","NotAction":"*"}`), "has both Action and NotAction"},
		{
			"both resources",
			statement(`{"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"}`),
			"has both Resource and NotResource",
		},
		{
			"both principals",
			statement(`{"Effect":"Allow","Action":"*","Principal":"*","NotPrincipal":"*"}`),
			"has both Principal and NotPrincipal",
		},
		{
			"resource that is no ARN",
			statement(`{"Effect":"Allow","Action":"*","Resource":"bucket/*"}`),
			`Statement[0].Resource: "bucket/*"`,
		},
		{
			"resource with an open variable",
			statement(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:x"}`),
			"no closing brace",
		},
		{
			"variable without a key",
			statement(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${}"}`),
			"names no condition key",
		},
		{
			"variable in a variable",
			statement(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:${x}}"}`),
			"names no condition key",
		},
		{
			"default without quotes",
			statement(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:x, y}"}`),
			"single quotes",
		},
		{"sid with a blank", statement(`{"Sid":"a b","Effect":"Allow","Action":"*"}`), "letters and digits"},
		{
			"sid used twice",
			statement(`{"Sid":"a","Effect":"Allow","Action":"*"},{"Sid":"a","Effect":"Allow","Action":"*"}`),
			`Statement[1].Sid: "a" is used twice`,
		},
		{
			"principal of no kind",
			statement(`{"Effect":"Allow","Action":"*","Principal":"123456789012"}`),
			`Statement[0].Principal: is "123456789012"`,
		},
		{
			"principal unknown kind",
			statement(`{"Effect":"Allow","Action":"*","Principal":{"Saml":"x"}}`),
			`unknown kind of principal "Saml"`,
		},
		{
			"principal empty",
			statement(`{"Effect":"Allow","Action":"*","Principal":{}}`),
			"Statement[0].Principal: is empty",
		},
		{
			"principal list",
			statement(`{"Effect":"Allow","Action":"*","Principal":["*"]}`),
			"Statement[0].Principal: must be",
		},
		{
			"principal wildcard in ARN",
			statement(`{"Effect":"Allow","Action":"*","Principal":{"AWS":"arn:aws:iam::123456789012:role/*"}}`),
			"does not name a principal",
		},
		{
			"federated wildcard",
			statement(`{"Effect":"Allow","Action":"*","Principal":{"Federated":"*"}}`),
			"does not name a principal",
		},
		{
			"account too short",
			statement(`{"Effect":"Allow","Action":"*","Principal":{"AWS":"12345678901"}}`),
			"does not name a principal",
		},
		{
			"unknown operator",
			condition(`{"StringMatches":{"aws:x":"a"}}`),
			`Statement[0].Condition: unknown condition operator "StringMatches"`,
		},
		{"case of an operator", condition(`{"stringEquals":{"aws:x":"a"}}`), "unknown condition operator"},
		{"unknown qualifier", condition(`{"ForSomeValues:StringEquals":{"aws:x":"a"}}`), "unknown condition operator"},
		{
			"two qualifiers",
			condition(`{"ForAnyValue:ForAllValues:StringEquals":{"aws:x":"a"}}`),
			"unknown condition operator",
		},
		{"NullIfExists", condition(`{"NullIfExists":{"aws:x":"true"}}`), "unknown condition operator"},
		{"qualified Null", condition(`{"ForAnyValue:Null":{"aws:x":"true"}}`), "unknown condition operator"},
		{"operator without keys", condition(`{"StringEquals":{}}`), "names no condition key"},
		{"key without prefix", condition(`{"StringEquals":{"x":"a"}}`), `condition key "x" must be PREFIX:NAME`},
		{"key twice", condition(`{"StringEquals":{"aws:x":"a","aws:x":"b"}}`), "is given twice"},
		{"key twice in another case", condition(`{"StringEquals":{"aws:x":"a","AWS:X":"b"}}`), "is given twice"},
		{
			"operator twice",
			condition(`{"StringEquals":{"aws:x":"a"},"StringEquals":{"aws:y":"b"}}`),
			"Statement[0].Condition.StringEquals: is given twice",
		},
		{
			"no values",
			condition(`{"StringEquals":{"aws:x":[]}}`),
			"Statement[0].Condition.StringEquals.aws:x: the list is empty",
		},
		{"null value", condition(`{"StringEquals":{"aws:x":null}}`), "must be a string, number or boolean"},
		{"object value", condition(`{"StringEquals":{"aws:x":{"a":"b"}}}`), "must be a string, number or boolean"},
		{"not a number", condition(`{"NumericEquals":{"aws:x":"ten"}}`), `"ten" is not a number`},
		{
			"an external ID",
			condition(`{"NumericEquals":{"STS:ExternalId":"ten"}}`),
			"STS:ExternalId: a value is not of the operator's type",
		},
		{
			"an external ID with a variable",
			condition(`{"StringEquals":{"sts:ExternalId":"ten${x"}}`),
			"sts:ExternalId: a value is not of the operator's type",
		},
		{"exponent", condition(`{"NumericEquals":{"aws:x":1e3}}`), `is not a number`},
		{"not a date", condition(`{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}`), "is not a date"},
		{"not a boolean", condition(`{"Bool":{"aws:x":"yes"}}`), "is not true or false"},
		{"not base64", condition(`{"BinaryEquals":{"aws:x":"%%"}}`), "is not base64"},
		{"not an address", condition(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}`), "is not an IP address"},
		{"mapped block", condition(`{"IpAddress":{"aws:SourceIp":"::ffff:10.0.0.0/104"}}`), "IPv4 notation"},
		{"not an ARN", condition(`{"ArnLike":{"aws:SourceArn":"arn:aws:s3"}}`), "is not an ARN of six parts"},
		{"Null with two values", condition(`{"Null":{"aws:x":["true","false"]}}`), "must be one of true"},
		{"Null with a word", condition(`{"Null":{"aws:x":"maybe"}}`), "must be one of true"},
		{
			"too long",
			statement(`{"Effect":"Allow","Action":"*","Resource":"arn:` + strings.Repeat("a", maxDocumentBytes) + `"}`),
			"262144 are allowed",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := Parse([]byte(tc.doc))
			if err == nil {
				t.Fatalf("Parse accepted %.200s", tc.doc)
			}
			if d != nil {
				t.Error("Parse returned a document with its error")
			}
			if _, ok := errors.AsType[*ParseError](err); !ok {
				t.Errorf("error is a %T, want *ParseError", err)
			}

			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %q, want it to contain %q", err, tc.want)
			}
		})
	}
}

func TestParseAcceptsTheLongestDocument(t *testing.T) {
	const frame = `{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:%s"}}`
	doc := fmt.Sprintf(frame, strings.Repeat("a", maxDocumentBytes-len(frame)+2))
	if len(doc) != maxDocumentBytes {
		t.Fatalf("the test's document has %d bytes", len(doc))
	}
	mustParse(t, doc)
}

func TestCheckTrustAndIdentity(t *testing.T) {
	for _, tc := range []struct {
		name, doc       string
		trust, identity bool
	}{
		{"trust", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}`, true, false},
		{"identity", `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, false, true},
		{"neither: no principal, no resource", `{"Statement":[{"Effect":"Allow","Action":"s3:*"}]}`, false, false},
		{
			"neither: both",
			`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}`,
			false,
			false,
		},
		{
			"second statement decides",
			`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:*"}]}`,
			false,
			false,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := mustParse(t, tc.doc)

			if err := d.CheckTrust(); (err == nil) != tc.trust {
				t.Errorf("CheckTrust() = %v", err)
			}
			if err := d.CheckIdentity(); (err == nil) != tc.identity {
				t.Errorf("CheckIdentity() = %v", err)
			}
		})
	}
}
