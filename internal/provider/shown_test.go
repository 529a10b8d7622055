package provider

import "testing"

// What cannot be a provider's name is not shown: it may be a token.
func TestShownName(t *testing.T) {
	for name, shown := range map[string]bool{
		"accounts.google.com": true, "https://idp.example.com/realm": true, "localhost:9229/us-east-1_Ab": true,
		"127.0.0.1:4599/dev-issuer":                         true,
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_AbC": true, "arn:aws:iam::000000000000:saml-provider/Corp": true,
		"1234-Token;Secret": false, "EAAToken": false, "Atza|Token": false, "alice": false, "": false,
		"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln": false,
		"idp.example.com?token=secret":              false, "user:secret@idp.example.com": false,
		"accounts.google.com\n": false,
	} {
		if got := ShownName(name); (got == name) != shown {
			t.Errorf("%q is shown as %q", name, got)
		}
	}
}

// A user pool is shown without what stands in the place of its client ID.
func TestShownUserPool(t *testing.T) {
	for name, want := range map[string]string{
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_AbC:s3cr3t": "cognito-idp.us-east-1.amazonaws.com/" +
			"us-east-1_AbC:(a client ID of 6 bytes)",
		"localhost:9229/local_Ab:s3cr3t": "localhost:9229/local_Ab:(a client ID of 6 bytes)",
		"user:s3cr3t":                    "(a name of 11 bytes)",
		"user:s3cr3t@idp.example/a:b":    "(a name of 27 bytes)",
	} {
		if got := ShownName(name); got != want {
			t.Errorf("%q is shown as %q", name, got)
		}
	}
}
