//go:build terraform || extended

package clienttests

import "testing"

// User pools, clients, users and groups: a second plan is empty after making, changing and importing them,
// and destroy leaves nothing.
func TestTerraformUserPools(t *testing.T) {
	s, w := newCase(t, "userpools.tf")
	w.apply(t, "after apply")
	w.environment = append(w.environment, "TF_VAR_stage=two")
	w.apply(t, "after the change")

	w.importAgain(t)
	w.must(t, "destroy", "-auto-approve", "-input=false")
	s.empty(t, map[string][]string{
		"UserPools":     {"cognito-idp", "list-user-pools", "--max-results", "60"},
		"IdentityPools": {"cognito-identity", "list-identity-pools", "--max-results", "60"},
	})
}
