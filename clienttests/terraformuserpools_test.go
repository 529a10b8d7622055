//go:build terraform || extended

package clienttests

import (
	"regexp"
	"strings"
	"testing"
)

// User pools, clients, users and groups, and what identity pools have of them: a second plan is empty after
// making, changing in place and importing them, and destroy leaves nothing. A user that Terraform made signs in.
func TestTerraformUserPools(t *testing.T) {
	s, w := newCase(t, "userpools.tf")
	w.apply(t, "after apply")
	w.sees(t, "1 users app one plain,web 1 2 CONFIRMED FORCE_CHANGE_PASSWORD")

	w.environment = append(w.environment, "TF_VAR_stage=two")
	plan := w.must(t, "plan", "-input=false")
	if !strings.Contains(plan, "Plan: 0 to add, ") || !strings.Contains(plan, " 0 to destroy.") {
		t.Errorf("the change replaces something:\n%s", tail(plan))
	}
	w.apply(t, "after the change")
	w.sees(t, "1 users app two plain,web 2 2 CONFIRMED FORCE_CHANGE_PASSWORD")
	w.signsIn(t, s)

	w.importAgain(t)
	w.must(t, "destroy", "-auto-approve", "-input=false")
	s.empty(t, map[string][]string{
		"UserPools":     {"cognito-idp", "list-user-pools", "--max-results", "60"},
		"IdentityPools": {"cognito-identity", "list-identity-pools", "--max-results", "60"},
	})
}

// sees fails the test unless the output seen is want.
func (w *workspace) sees(t *testing.T, want string) {
	t.Helper()
	if got := strings.TrimSpace(w.must(t, "output", "-raw", "seen")); got != want {
		t.Errorf("seen: %q, want %q", got, want)
	}
}

// signsIn gets credentials for the user of userpools.tf, with the password and the role of stage two.
func (w *workspace) signsIn(t *testing.T, s *server) {
	t.Helper()
	var names struct{ Client, Users, Provider, Pool string }
	w.output(t, "signin", &names)

	value := func(query string, operation ...string) string {
		t.Helper()
		return strings.Trim(s.aws(t, append(operation, "--query", query)...), "\"\n")
	}

	user := []string{"--user-pool-id", names.Users, "--username", "alice@example.com"}
	s.aws(t, append([]string{"cognito-idp", "admin-enable-user"}, user...)...)
	token := value("AuthenticationResult.IdToken", "cognito-idp", "initiate-auth", "--client-id", names.Client,
		"--auth-flow", "USER_PASSWORD_AUTH", "--auth-parameters", "USERNAME=alice@example.com,PASSWORD=Another67890")
	login := names.Provider + "=" + token
	id := value("IdentityId", "cognito-identity", "get-id", "--identity-pool-id", names.Pool, "--logins", login)
	secret := value("Credentials.SecretKey", "cognito-identity", "get-credentials-for-identity", "--identity-id", id,
		"--logins", login)
	if len(secret) != 40 {
		t.Errorf("the credentials of alice have the secret %q", secret)
	}
	s.aws(t, append([]string{"cognito-idp", "admin-disable-user"}, user...)...)
}

// What is not simulated is refused once, in words that say so: Terraform does not try again.
func TestTerraformUserPoolRefusals(t *testing.T) {
	s, w := newCase(t, "userpoolrefusals.tf")
	out, code := w.run(t, "apply", "-auto-approve", "-input=false")
	if code != 1 {
		t.Fatalf("terraform apply ended with %d:\n%s", code, tail(out))
	}

	out = strings.Join(strings.Fields(out), " ") // Terraform breaks lines
	for _, part := range []string{
		"Lambda triggers (LambdaConfig)",
		"device tracking (DeviceConfiguration)",
		"threat protection (UserPoolAddOns)",
		"confirmation by link (VerificationMessageTemplate)",
		"multi-factor authentication (MfaConfiguration)",
		"the operation CreateUserPoolDomain",
		"the operation CreateResourceServer",
		"the operation CreateIdentityProvider",
		"the operation SetRiskConfiguration",
		"the operation SetUICustomization",
	} {
		refusal := "InvalidParameterException: Poolhouse's development user pools do not simulate " + part + "."
		if strings.Count(out, refusal) != 1 {
			t.Errorf("Terraform does not tell once that %s is not simulated:\n%s", part, tail(out))
		}
	}

	refused := regexp.MustCompile(`(?m)service=cognito-idp .* outcome=InvalidParameterException .* status=400 `)
	if calls := len(refused.FindAllString(s.text(), -1)); calls != 10 {
		t.Errorf("%d calls were refused, want 10", calls)
	}
	w.must(t, "destroy", "-auto-approve", "-input=false")
}
