package policy

import (
	"errors"
	"strings"
	"testing"
)

// What IAM refuses of permission policies when they are written, by its texts. The
// version is asked of managed policies only.
func TestCheckWritten(t *testing.T) {
	const legacy = "The policy failed legacy parsing"

	version := `"Version":"2012-10-17",`
	action := func(a string) string {
		return version + `"Statement":{"Effect":"Allow","Action":` + a + `,"Resource":"*"}`
	}
	resource := func(r string) string {
		return version + `"Statement":{"Effect":"Deny","Action":"s3:GetObject","Resource":` + r + `}`
	}

	for _, tc := range []struct{ name, document, text string }{
		{
			"an old version",
			`"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}`,
			"Policy document must be version 2012-10-17 or greater.",
		},
		{
			"no version",
			`"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}`,
			"Policy document must be version 2012-10-17 or greater.",
		},

		{
			"no vendor",
			action(`"ListBucket"`),
			"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
		},
		{"an empty action", action(`""`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{"a vendor with a blank", action(`"a a:ListBucket"`), "Vendor a a is not valid"},
		{"a vendor with a wildcard", action(`"s3*:ListBucket"`), "Vendor s3* is not valid"},
		{"two colons", action(`"s3:List:Bucket"`), "Actions/Condition can contain only one colon."},
		{
			"two colons, behind a good one",
			action(`["s3:GetObject","s:3s:ListBucket"]`),
			"Actions/Condition can contain only one colon.",
		},
		{
			"two colons in a second statement",
			version +
				`"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny",` +
				`"NotAction":"a:b:c","Resource":"*"}]`,
			"Actions/Condition can contain only one colon.",
		},
		{"a wildcard", action(`"*"`), ""},
		{"a wildcard on both sides", action(`"*:*"`), ""},
		{"unusual vendors", action(`["s3-s:ListBucket","s3.s:ListBucket","aaaaaadsfdsafsadfsadfaaaaa:X"]`), ""},

		{
			"no resource",
			version + `"Statement":{"Effect":"Allow","Action":"s3:*"}`,
			"Policy statement must contain resources.",
		},
		{"no ARN", resource(`"invalid resource"`), `Resource invalid resource must be in ARN format or "*".`},
		{"an empty resource", resource(`""`), `Resource  must be in ARN format or "*".`},
		{"another beginning", resource(`"urn:aws:s3:::x"`), `Resource urn:aws:s3:::x must be in ARN format or "*".`},
		{
			"an unknown partition",
			resource(`"arn:nowhere:s3:::x"`),
			`Partition "nowhere" is not valid for resource "arn:nowhere:s3:::x".`,
		},
		{"a partition and no more", resource(`"a:b:c"`), `Partition "b" is not valid for resource "arn:b:c:*:*:*".`},
		{"many parts", resource(`"a:b:c:d:e:f:g:h"`), `Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".`},
		{
			"the partition left out",
			resource(`"aws:s3:::example_bucket"`),
			`Partition "s3" is not valid for resource "arn:s3:::example_bucket:*".`,
		},
		{
			"no vendor in the ARN",
			resource(`"arn:aws"`),
			"Resource vendor must be fully qualified and cannot contain regexes.",
		},
		{"an empty vendor", resource(`"arn:aws::::example_bucket"`), legacy},
		{"a part too few", resource(`"arn:aws:s3::example_bucket"`), legacy},
		{"two parts too few", resource(`"arn:aws::x"`), legacy},
		{"a vendor and no more", resource(`"arn:aws:s3"`), legacy},
		{"a part too few, in a list", resource(`["*","arn:aws:sqs::example"]`), legacy},
		{
			"a part too few, of NotResource",
			version + `"Statement":{"Effect":"Deny","Action":"s3:GetObject","NotResource":"arn:aws:s3::x"}`,
			legacy,
		},
		{
			"a region of IAM",
			resource(`"arn:aws:iam:us-east-1::role/x"`),
			"IAM resource arn:aws:iam:us-east-1::role/x cannot contain region information.",
		},
		{
			"a region of S3",
			resource(`"arn:aws:s3:us-east-1::example_bucket"`),
			"Resource arn:aws:s3:us-east-1::example_bucket can not contain region information.",
		},
		{"an unknown path of IAM", resource(
			`"arn:aws:iam:::example"`,
		), `IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, ` +
			`instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, ` +
			`report/, access-report/.`},
		{
			"whole ARNs",
			resource(
				`["arn:aws:s3:::b/*","arn:aws-cn:s3:::b","arn:aws-us-gov:sqs:us-gov-west-1:123456789012:q",` +
					`"arn:*:s3:::b"]`,
			),
			"",
		},
		{"parts left out at the end", resource(`["arn:aws:sqs","arn:aws:dynamodb:us-east-1"]`), ""},
		{"variables", resource(`"arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*"`), ""},
		{"a role and everything of IAM", resource(`["arn:aws:iam::123456789012:role/*","arn:aws:iam::*:*"]`), ""},
		{"an access point", resource(`"arn:aws:s3:us-east-1:123456789012:accesspoint/x"`), ""},
		{"a pool", resource(`"arn:aws:cognito-identity:us-east-1:123456789012:identitypool/us-east-1:1"`), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			document := []byte("{" + tc.document + "}")
			for _, managed := range []bool{true, false} {
				err := CheckWritten(document, managed)
				if tc.text == "" || !managed && strings.HasPrefix(tc.text, "Policy document must be version") {
					if err != nil {
						t.Errorf("managed %t: %v", managed, err)
					}
					continue
				}

				fault, ok := errors.AsType[*Fault](err)
				if !ok || fault.Text != tc.text || fault.Where == "" || fault.Expected == "" || fault.Got == "" ||
					fault.Fix == "" {
					t.Errorf("managed %t: %+v, want %q", managed, err, tc.text)
				}
			}
		})
	}
}

// Messages repeat a little of a document, whatever its length.
func TestFaultsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 30_000)
	for _, document := range []string{
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + long + `:a:b","Resource":"*"}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + strings.Repeat("é", 30_000) +
			`:a","Resource":"*"}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:b","Resource":"` + long + `"}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:b","Resource":"arn:` + long + `:b"}}`,
	} {
		fault, ok := errors.AsType[*Fault](CheckWritten([]byte(document), true))
		if !ok || len(fault.Text)+len(fault.Got)+len(fault.Fix) > 4096 {
			t.Errorf("%.80s…: %t, %d bytes", document, ok, len(fault.Text))
		}
	}

	trust := mustParse(t,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:*",
		"Condition":{"StringLike":{"cognito-identity.amazonaws.com:aud":["`+long+`*","`+long+`*","`+long+`*","`+
			long+`*"]}}}}`)
	if fault, ok := errors.AsType[*Fault](trust.CheckTrust()); !ok || len(fault.Text) > 8192 {
		t.Errorf("%t, %d bytes", ok, len(fault.Text))
	}
}
