package explain

import "testing"

// A difference is named exactly, and what nobody would take for the other has none.
func TestDifference(t *testing.T) {
	const pool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab"
	for _, test := range []struct{ got, want, difference string }{
		{"accounts.google.com", "accounts.google.com", ""},
		{"https://accounts.google.com", "accounts.google.com", "has the scheme https://"},
		{"HTTPS://accounts.google.com", "accounts.google.com", "has the scheme https://"},
		{"idp.example", "https://idp.example", "lacks the scheme https://"},
		{"http://idp.example", "https://idp.example", "has the scheme http:// and not https://"},
		{"accounts.google.com/", "accounts.google.com", "has a slash at the end"},
		{"tenant.auth0.example", "tenant.auth0.example/", "lacks the slash at the end"},
		{"https://accounts.google.com/", "accounts.google.com", "has the scheme https:// and has a slash at the end"},
		{"Accounts.Google.com", "accounts.google.com", "differs in letter case"},
		{"idp.example/Realms/App", "idp.example/realms/app", "differs in letter case"},
		{" accounts.google.com", "accounts.google.com", "has a blank"},
		{"accounts.google.com\n", "accounts.google.com", "has a blank"},
		{"www.idp.example", "idp.example", "has www."},
		{"amazon.com", "www.amazon.com", "lacks www."},
		{"idp.example.", "idp.example", "has a dot after the host"},
		{"localhost:8080/realms/a", "127.0.0.1:8080/realms/a", "has localhost and not 127.0.0.1"},
		{"http://127.0.0.1:8080", "http://localhost:8080", "has 127.0.0.1 and not localhost"},
		{"[::1]:8080", "localhost:8080", "has [::1] and not localhost"},
		{"localhost", "localhost:8080", "lacks the port :8080"},
		{"idp.example:443", "idp.example", "has the port :443"},
		{"localhost:8081", "localhost:8080", "has the port :8081 and not :8080"},
		{"idp.example", "idp.example/realms/app", "lacks the path /realms/app"},
		{"idp.example/oauth2", "idp.example", "has the path /oauth2"},
		{pool + ":client", pool, "has the app client's ID after a colon"},
		{
			"cognito-idp.eu-west-1.amazonaws.com/us-east-1_Ab", pool,
			"has the region eu-west-1 and not us-east-1",
		},
		{"arn:aws:iam::000000000000:oidc-provider/idp.example", "idp.example", "is the ARN of the provider"},

		{"idp.example", "idp.other", ""},
		{"idp.example/realms/a", "idp.example/realms/b", ""},
		{"cognito-idp.us-east-1.amazonaws.com/us-east-1_Cd", pool, ""},
		{"cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Cd", pool, ""},
		{"localhost:8080", "idp.example:8080", ""},
		{"", "idp.example", ""},
		{"idp.example", "", ""},
	} {
		if got := NameDifference(test.got, test.want); got != test.difference {
			t.Errorf("%q and %q: %q, want %q", test.got, test.want, got, test.difference)
		}
	}
}
