package policy

import (
	"fmt"
	"testing"
)

// A thing's ARN is written in two partitions: as it is stored, here arn:aws:, and in
// that of the call. A Deny matches it in all; an Allow only by these two.
func TestPartitionsOfResources(t *testing.T) {
	const rest = ":iam::123456789012:role/App"

	for _, test := range []struct {
		element, pattern, call string
		allows, denies         bool
	}{
		{"Resource", "arn:aws" + rest, "aws", true, true},
		{"Resource", "arn:aws" + rest, "aws-cn", true, true}, // as policies had to be written
		{"Resource", "arn:aws-cn" + rest, "aws-cn", true, true},
		{"Resource", "arn:aws-cn" + rest, "aws", false, true},
		{"Resource", "arn:aws-us-gov" + rest, "aws-cn", false, true},
		{"Resource", "arn:aws-eusc:iam::123456789012:role/*", "aws-eusc", true, true},
		{"Resource", "arn:aws-cn:iam::123456789012:role/Other", "aws-cn", false, false},
		{"Resource", "arn:*" + rest, "aws-cn", true, true},
		{"NotResource", "arn:aws" + rest, "aws-cn", false, false},
		{"NotResource", "arn:aws-cn" + rest, "aws-cn", false, false},
		{"NotResource", "arn:aws-cn" + rest, "aws", false, true},
		{"NotResource", "arn:aws-us-gov" + rest, "aws-cn", false, true},
		{"NotResource", "arn:aws-cn:iam::123456789012:role/Other", "aws-cn", true, true},
	} {
		for effect, want := range map[string]bool{"Allow": test.allows, "Deny": test.denies} {
			d := mustParse(t, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Action":"*",%q:%q}]}`,
				effect, test.element, test.pattern))

			got, _ := d.Evaluate(Request{Action: "iam:GetRole", Resource: "arn:aws" + rest, Partition: test.call})
			if (got != NoMatch) != want {
				t.Errorf(
					"%s %s %s in a call for %s: %v, want a match: %t",
					effect,
					test.element,
					test.pattern,
					test.call,
					got,
					want,
				)
			}
		}
	}
}

// Pools have their region's partition and no other; buckets are other things in other
// partitions.
func TestPartitionsOfOtherARNs(t *testing.T) {
	const pool = ":cognito-identity:cn-north-1:123456789012:identitypool/cn-north-1:1"

	for _, test := range []struct {
		resource, pattern string
		allows, denies    bool
	}{
		{"arn:aws-cn" + pool, "arn:aws-cn" + pool, true, true},
		{"arn:aws-cn" + pool, "arn:aws" + pool, false, true},
		{"arn:aws:s3:::files/a", "arn:aws-cn:s3:::files/a", false, false},
		{"arn:aws-cn:s3:::files/a", "arn:aws:s3:::files/*", false, false},
	} {
		for effect, want := range map[string]bool{"Allow": test.allows, "Deny": test.denies} {
			d := mustParse(
				t,
				`{"Version":"2012-10-17","Statement":[{"Effect":"`+effect+`","Action":"*","Resource":"`+
					test.pattern+`"}]}`,
			)
			got, _ := d.Evaluate(Request{Action: "s3:GetObject", Resource: test.resource, Partition: "aws-cn"})
			if (got != NoMatch) != want {
				t.Errorf("%s on %s of %s: %v, want a match: %t", effect, test.pattern, test.resource, got, want)
			}
		}
	}
}

func TestPartitionsOfConditions(t *testing.T) {
	const rest = ":iam::123456789012:role/App"
	for _, operator := range []string{
		"StringEquals", "StringLike", "StringEqualsIgnoreCase", "ArnEquals", "ArnLike", "ForAnyValue:ArnLike",
	} {
		for _, test := range []struct {
			value, call    string
			allows, denies bool
		}{
			{"arn:aws" + rest, "aws-cn", true, true},
			{"arn:aws-cn" + rest, "aws-cn", true, true},
			{"arn:aws-cn" + rest, "aws", false, true},
			{"arn:aws-us-gov" + rest, "aws-cn", false, true},
			{"arn:aws-cn:iam::123456789012:role/Other", "aws-cn", false, false},
			{"${aws:PrincipalArn}", "aws-cn", true, true},
		} {
			for effect, want := range map[string]bool{"Allow": test.allows, "Deny": test.denies} {
				d := mustParse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"`+effect+
					`","Action":"*","Resource":"*",
					"Condition":{"`+operator+`":{"aws:PrincipalArn":"`+test.value+`"}}}]}`)
				c := Keys{}
				c.Set("aws:PrincipalArn", "arn:aws"+rest)

				got, _ := d.Evaluate(Request{
					Action:    "s3:GetObject",
					Resource:  "*",
					Context:   RequestContext{Caller: c},
					Partition: test.call,
				})
				if (got != NoMatch) != want {
					t.Errorf(
						"%s %s %s in a call for %s: %v, want a match: %t",
						effect,
						operator,
						test.value,
						test.call,
						got,
						want,
					)
				}
			}
		}
	}

	for _, operator := range []string{"StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike"} {
		for _, test := range []struct {
			value, call    string
			allows, denies bool // whether the negated operator holds
		}{
			{"arn:aws" + rest, "aws-cn", false, false},
			{"arn:aws-cn" + rest, "aws-cn", false, false},
			{"arn:aws-cn" + rest, "aws", false, true},
			{"arn:aws-us-gov" + rest, "aws-cn", false, true},
			{"arn:aws:iam::123456789012:role/Other", "aws-cn", true, true},
		} {
			for effect, want := range map[string]bool{"Allow": test.allows, "Deny": test.denies} {
				d := mustParse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"`+effect+
					`","Action":"*","Resource":"*",
					"Condition":{"`+operator+`":{"aws:PrincipalArn":"`+test.value+`"}}}]}`)
				c := Keys{}
				c.Set("aws:PrincipalArn", "arn:aws"+rest)

				got, _ := d.Evaluate(Request{
					Action:    "s3:GetObject",
					Resource:  "*",
					Context:   RequestContext{Caller: c},
					Partition: test.call,
				})
				if (got != NoMatch) != want {
					t.Errorf(
						"%s %s %s in a call for %s: %v, want a match: %t",
						effect,
						operator,
						test.value,
						test.call,
						got,
						want,
					)
				}
			}
		}
	}
}

// A policy variable has the ARN in the call's partition, and as it is stored.
func TestPartitionsOfVariables(t *testing.T) {
	d := mustParse(
		t,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",`+
			`"Resource":"arn:aws:s3:::b/${aws:PrincipalArn}/*"}]}`,
	)
	c := Keys{}
	c.Set("aws:PrincipalArn", "arn:aws:iam::123456789012:role/App")

	for folder, want := range map[string]Effect{
		"arn:aws:iam::123456789012:role/App":        Allow,
		"arn:aws-cn:iam::123456789012:role/App":     Allow,
		"arn:aws-us-gov:iam::123456789012:role/App": NoMatch,
	} {
		got, _ := d.Evaluate(Request{
			Action:    "s3:GetObject",
			Resource:  "arn:aws:s3:::b/" + folder + "/x",
			Context:   RequestContext{Caller: c},
			Partition: "aws-cn",
		})
		if got != want {
			t.Errorf("%s: %v, want %v", folder, got, want)
		}
	}
}

// A caller does not escape a Deny, nor win a negated Allow, by the region that it signs
// for: there a variable has the ARN in every partition, also against values of others.
func TestPartitionsOfVariablesInDenials(t *testing.T) {
	c := Keys{}
	c.Set("aws:PrincipalArn", "arn:aws:iam::123456789012:role/App")
	c.Set("iam:ResourceTag/banned", "arn:aws-cn:iam::123456789012:role/App")

	for statement, want := range map[string]Effect{
		`{"Effect":"Deny","Action":"*","Resource":"*",
			"Condition":{"StringEquals":{"iam:ResourceTag/banned":"${aws:PrincipalArn}"}}}`: Deny,
		`{"Effect":"Allow","Action":"*","Resource":"*",
			"Condition":{"StringNotEquals":{"iam:ResourceTag/banned":"${aws:PrincipalArn}"}}}`: NoMatch,
		`{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/${aws:PrincipalArn}"}`:     Deny,
		`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::b/${aws:PrincipalArn}"}`: NoMatch,
	} {
		d := mustParse(t, `{"Version":"2012-10-17","Statement":[`+statement+`]}`)
		for _, call := range []string{"", "aws", "aws-cn", "aws-us-gov", "aws-eusc"} {
			got, _ := d.Evaluate(Request{
				Action:    "s3:GetObject",
				Resource:  "arn:aws:s3:::b/arn:aws-cn:iam::123456789012:role/App",
				Context:   RequestContext{Caller: c},
				Partition: call,
			})
			if got != want {
				t.Errorf("%s in a call for %q: %v, want %v", statement, call, got, want)
			}
		}
	}
}

func TestPartitionsOfPrincipals(t *testing.T) {
	for _, test := range []struct {
		kind, name, call string
		principal        Principal
		allows, denies   bool
	}{
		{
			"AWS",
			"arn:aws-cn:iam::123456789012:role/A",
			"aws-cn",
			Principal{AWS: []string{"arn:aws:iam::123456789012:role/A"}},
			true,
			true,
		},
		{
			"AWS",
			"arn:aws:iam::123456789012:role/A",
			"aws-cn",
			Principal{AWS: []string{"arn:aws:iam::123456789012:role/A"}},
			true,
			true,
		},
		{
			"AWS",
			"arn:aws-cn:sts::123456789012:assumed-role/A/s",
			"aws",
			Principal{AWS: []string{"arn:aws:sts::123456789012:assumed-role/A/s"}},
			false,
			true,
		},
		{
			"Federated",
			"arn:aws-cn:iam::123456789012:saml-provider/P",
			"aws-cn",
			Principal{Federated: "arn:aws:iam::123456789012:saml-provider/P"},
			true,
			true,
		},
		{
			"Federated",
			"arn:aws-us-gov:iam::123456789012:oidc-provider/p.example",
			"aws-cn",
			Principal{Federated: "arn:aws:iam::123456789012:oidc-provider/p.example"},
			false,
			true,
		},
		{
			"Federated",
			"cognito-identity.amazonaws.com",
			"aws-cn",
			Principal{Federated: "cognito-identity.cn-north-1.amazonaws.com.cn"},
			true,
			true,
		},
		{
			"Federated",
			"cognito-identity.cn-north-1.amazonaws.com.cn",
			"aws-cn",
			Principal{Federated: "cognito-identity.cn-north-1.amazonaws.com.cn"},
			true,
			true,
		},
		{
			"Federated",
			"cognito-identity.cn-north-1.amazonaws.com.cn",
			"aws",
			Principal{Federated: "cognito-identity.amazonaws.com"},
			false,
			false,
		},
		{
			"Federated",
			"cognito-identity-us-gov.amazonaws.com",
			"aws-us-gov",
			Principal{Federated: "cognito-identity.us-gov-east-1.amazonaws.com"},
			false,
			false,
		},
	} {
		for effect, want := range map[string]bool{"Allow": test.allows, "Deny": test.denies} {
			d := mustParse(
				t,
				`{"Version":"2012-10-17","Statement":[{"Effect":"`+effect+`","Action":"*","Principal":{"`+
					test.kind+`":"`+test.name+`"}}]}`,
			)

			got, _ := d.Evaluate(Request{
				Action:    "sts:AssumeRole",
				Resource:  "*",
				Principal: test.principal,
				Partition: test.call,
			})
			if (got != NoMatch) != want {
				t.Errorf("%s for %s in a call for %s: %v, want a match: %t", effect, test.name, test.call, got, want)
			}
		}
	}
}
