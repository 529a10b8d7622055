//go:build extended

package clienttests

import (
	"strings"
	"testing"
)

// These take two minutes: TestTerraform and TestTerraformReads are for every run.

// The acceptance cases of the AWS provider for identity pools, and for roles and policies:
// every argument is applied, changed in place, imported and destroyed, and no plan has
// anything left to do.
func TestTerraformCases(t *testing.T) {
	for file, of := range map[string]struct {
		seen     string
		replaced string // what the provider cannot change in place
	}{
		"pools.tf": {"the same pool", "aws_cognito_identity_pool_roles_attachment.roles"},
		"roles.tf": {"arn:aws:iam::000000000000:role/team/app/whole 35", "aws_iam_role_policy_attachment.own"},
	} {
		t.Run(file, func(t *testing.T) {
			s, w := newCase(t, file)
			w.apply(t, "after apply")
			if got := w.must(t, "output", "-raw", "seen"); strings.TrimSpace(got) != of.seen {
				t.Errorf("seen: %q, want %q", got, of.seen)
			}

			w.environment = append(w.environment, "TF_VAR_stage=two")
			plan := w.must(t, "plan", "-input=false")
			if strings.Count(plan, "must be replaced") != 1 ||
				!strings.Contains(plan, of.replaced+" must be replaced") {
				t.Errorf("the change replaces more, or less, than %s:\n%s", of.replaced, tail(plan))
			}
			w.apply(t, "after the change")

			w.importAgain(t)
			w.must(t, "destroy", "-auto-approve", "-input=false")
			s.empty(t, map[string][]string{
				"Roles":            {"iam", "list-roles"},
				"Policies":         {"iam", "list-policies", "--scope", "Local"},
				"SAMLProviderList": {"iam", "list-saml-providers"},
				"IdentityPools":    {"cognito-identity", "list-identity-pools", "--max-results", "60"},
			})
		})
	}
}

// In a region of another partition the same configuration, with the region's name of
// identity pools, has the region's ARNs.
func TestTerraformPartitions(t *testing.T) {
	for region, names := range map[string]struct{ partition, service string }{
		"cn-north-1":    {"aws-cn", "cognito-identity.cn-north-1.amazonaws.com.cn"},
		"us-gov-west-1": {"aws-us-gov", "cognito-identity-us-gov.amazonaws.com"},
	} {
		t.Run(region, func(t *testing.T) {
			w := newWorkspace(t, startDev(t))
			w.write(t, "main.tf", strings.NewReplacer(
				"us-east-1", region,
				"cognito-identity.amazonaws.com", names.service,
			).Replace(terraformMain))
			w.write(t, "one.xml", samlMetadata(t, "https://one.example.com"))
			w.write(t, "two.xml", samlMetadata(t, "https://two.example.com"))
			w.must(t, "init", "-input=false")
			w.must(t, "apply", "-auto-approve", "-input=false")

			base := "arn:" + names.partition + ":iam::000000000000:"
			want := "000000000000 " + base + "role/app/signed-in 3600 " + base +
				"oidc-provider/login.example.com/realm Corp signed-in"
			if got := strings.TrimSpace(w.must(t, "output", "-raw", "seen")); got != want {
				t.Errorf("data sources: %q, want %q", got, want)
			}
			w.unchanged(t, "after apply")

			w.environment = append(w.environment, "TF_VAR_stage=two")
			w.must(t, "apply", "-auto-approve", "-input=false")
			w.unchanged(t, "after the change")
			w.must(t, "destroy", "-auto-approve", "-input=false")
		})
	}
}
