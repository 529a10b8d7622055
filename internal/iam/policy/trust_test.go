package policy

import (
	"errors"
	"slices"
	"testing"
)

// A trust policy has principals, no resource, nobody whom it does not name, and
// only actions that assume roles, whatever its effect.
func TestCheckTrust(t *testing.T) {
	const (
		actionsText      = "AssumeRole policy may only specify STS AssumeRole actions."
		notPrincipalText = "Allow with NotPrincipal is not allowed."
	)
	home := `"Principal":{"AWS":"123456789012"},`
	for _, tc := range []struct {
		name, statement, text string
	}{
		{"AssumeRole", `"Effect":"Allow",` + home + `"Action":"sts:AssumeRole"`, ""},
		{
			"every action that assumes",
			`"Effect":"Allow",` + home +
				`"Action":["sts:AssumeRole","sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity",` +
				`"sts:SetContext"]`,
			"",
		},
		{
			"a web identity",
			`"Effect":"Allow","Principal":{"Federated":"www.amazon.com"},"Action":"sts:AssumeRoleWithWebIdentity"`,
			"",
		},
		{"another case", `"Effect":"Allow",` + home + `"Action":"STS:assumerole"`, ""},
		{"a pattern", `"Effect":"Allow",` + home + `"Action":"sts:Assume*"`, ""},
		{"a pattern of one character", `"Effect":"Allow",` + home + `"Action":"sts:AssumeRol?"`, ""},
		{"all of STS", `"Effect":"Allow",` + home + `"Action":"sts:*"`, ""},
		{"everything", `"Effect":"Allow",` + home + `"Action":"*"`, ""},
		{"a Deny", `"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"`, ""},
		{
			"a Deny for all but some",
			`"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"`,
			"",
		},
		{"all but one of them", `"Effect":"Allow",` + home + `"NotAction":"sts:AssumeRole"`, ""},
		{"a service", `"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"`, ""},

		{"another service's action", `"Effect":"Allow",` + home + `"Action":"iam:PassRole"`, actionsText},
		{"another action of STS", `"Effect":"Allow",` + home + `"Action":"sts:GetFederationToken"`, actionsText},
		{"a pattern of others", `"Effect":"Allow",` + home + `"Action":"sts:Get*"`, actionsText},
		{"a pattern of another service", `"Effect":"Allow",` + home + `"Action":"s3:*"`, actionsText},
		{
			"one beside a right one",
			`"Effect":"Allow",` + home + `"Action":["sts:AssumeRole","s3:GetObject"]`,
			actionsText,
		},
		{"a longer name", `"Effect":"Allow",` + home + `"Action":"sts:AssumeRoleX"`, actionsText},
		{"all but another service's", `"Effect":"Allow",` + home + `"NotAction":"s3:*"`, actionsText},
		{"in a Deny", `"Effect":"Deny",` + home + `"Action":"s3:*"`, actionsText},
		{
			"everybody but",
			`"Effect":"Allow","NotPrincipal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"`,
			notPrincipalText,
		},
		{
			"everybody but pools",
			`"Effect":"Allow","NotPrincipal":{"Federated":"cognito-identity.amazonaws.com"},` +
				`"Action":"sts:AssumeRoleWithWebIdentity"`,
			notPrincipalText,
		},
		{"nobody", `"Effect":"Allow","Action":"sts:AssumeRole"`, "Statement[0]: a trust policy needs a Principal"},
		{
			"a resource",
			`"Effect":"Allow",` + home + `"Action":"sts:AssumeRole","Resource":"*"`,
			"Statement[0]: a trust policy has no Resource",
		},
		{
			"all resources but",
			`"Effect":"Allow",` + home + `"Action":"sts:AssumeRole","NotResource":"*"`,
			"Statement[0]: a trust policy has no Resource",
		},
	} {
		// The rule holds for each statement, also behind a good one.
		for _, before := range []string{
			"", `{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"},`,
		} {
			d := mustParse(t, `{"Version":"2012-10-17","Statement":[`+before+`{`+tc.statement+`}]}`)
			err := d.CheckTrust()
			if tc.text == "" {
				if err != nil {
					t.Errorf("%s: %v", tc.name, err)
				}
				continue
			}

			fault, ok := errors.AsType[*Fault](err)
			if !ok || before == "" && fault.Text != tc.text || fault.Expected == "" || fault.Got == "" ||
				fault.Fix == "" {
				t.Errorf("%s: %+v, want %q", tc.name, err, tc.text)
			}
		}
	}
}

func TestAWSPrincipals(t *testing.T) {
	d := mustParse(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{
			"AWS":["arn:aws:iam::123456789012:role/b","123456789012","arn:aws:iam::111111111111:root"],
			"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"},
		{"Effect":"Deny","NotPrincipal":{
			"AWS":["arn:aws:iam::123456789012:role/b","AROAAAAAAAAAAAAAAAAAA"],
			"Federated":"www.amazon.com"},"Action":"sts:AssumeRole"},
		{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}`)
	want := []string{"111111111111", "123456789012", "AROAAAAAAAAAAAAAAAAAA", "arn:aws:iam::123456789012:role/b"}
	if got := d.AWSPrincipals(); !slices.Equal(got, want) {
		t.Errorf("AWSPrincipals = %q, want %q", got, want)
	}
}
