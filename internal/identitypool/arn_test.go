package identitypool

import (
	"regexp"
	"testing"
)

func TestValidID(t *testing.T) {
	const guid = ":11111111-2222-3333-4444-55555555555a"
	for id, want := range map[string]bool{
		"us-east-1" + guid: true, "us-gov-west-1" + guid: true, "eusc-de-east-1" + guid: true, "local" + guid: true,
		"eu1" + guid:                true,
		"eighteen-letters-x" + guid: true, "nineteen-letters-xy" + guid: false, guid: false, "1" + guid: false,
		"-a" + guid: false, "US-EAST-1" + guid: false,
		"us_east" + guid: false, "us-east-1": false, "us-east-1:x": false, "us-east-1" + guid + "0": false,
		"us-east-1:11111111-2222-3333-4444-55555555555A": false,
	} {
		if ValidID(id) != want {
			t.Errorf("ValidID(%q) = %t", id, !want)
		}
	}
}

// providerForm is the form that ParseProviderARN reads.
var providerForm = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):(oidc-provider|saml-provider)/([\x21-\x7e]+)$`)

func FuzzParseProviderARN(f *testing.F) {
	for _, arn := range []string{
		"arn:aws:iam::123456789012:oidc-provider/idp.example/a:b/c",
		"arn:aws-us-gov:iam::123456789012:saml-provider/Corp",
		"arn:aws:iam::12345678901:oidc-provider/a", "arn:aws:iam::123456789012:oidc-provider/",
		"arn:aws:iam::123456789012:role/a",
		"arn:AWS:iam::123456789012:oidc-provider/a", "arn:aws1:iam::123456789012:oidc-provider/a",
		"arn:aws:iam::123456789012:oidc-provider/a b",
		"arn:aws:iam:eu:123456789012:oidc-provider/a", "arn:aws", "", "arn:aws:iam::123456789012:oidc-provider/é",
		"arn:aws:iam::123456789012:oidc-provider",
		"arn:aws:iam::123456789012:saml-provider/a\n",
	} {
		f.Add(arn)
	}

	f.Fuzz(func(t *testing.T, arn string) {
		account, kind, name, ok := ParseProviderARN(arn)
		m := providerForm.FindStringSubmatch(arn)
		if ok != (m != nil) || ok && (string(account) != m[1] || kind != m[2] || name != m[3]) {
			t.Errorf("%q: %q %q %q %t, want %q", arn, account, kind, name, ok, m)
		}
	})
}
