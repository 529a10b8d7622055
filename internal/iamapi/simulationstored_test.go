package iamapi_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A role with a policy that this version cannot read has no simulation: without the policy it would seem to be
// allowed what the policy may deny. Its neighbours have theirs.
func TestSimulationOfUnreadablePolicies(t *testing.T) {
	w := wiretest.StartTenants(t, nil)
	for name, document := range map[string]string{"Broken": `{"Statement":[]}`, "Whole": wiretest.AccountAll} {
		_, err := w.DB.CreateRole(t.Context(), store.Role{
			Account:  wiretest.HomeAccount,
			Name:     name,
			Path:     "/",
			ID:       "AROAEXAMPLE" + name,
			Trust:    wiretest.AccountTrust,
			Policies: map[string]string{"all": wiretest.AccountAll, "stored": document},
		}, 0)
		if err != nil {
			t.Fatal(err)
		}
	}

	simulate := func(role string) error {
		_, err := w.IAM().SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
			PolicySourceArn: aws.String(wiretest.IAMBase + "role/" + role),
			ActionNames:     []string{"s3:GetObject"},
		})
		return err
	}
	keys := func(role string) error {
		in := &iamclient.GetContextKeysForPrincipalPolicyInput{
			PolicySourceArn: aws.String(wiretest.IAMBase + "role/" + role),
		}
		_, err := w.IAM().GetContextKeysForPrincipalPolicy(t.Context(), in)

		return err
	}

	const message = "A policy of the role Broken cannot be evaluated: Statement: is missing or empty"
	wiretest.WantError(t, simulate("Broken"), "PolicyEvaluation", message)
	wiretest.WantError(t, keys("Broken"), "PolicyEvaluation", message)
	if err := simulate("Whole"); err != nil {
		t.Error(err)
	}
	if err := keys("Whole"); err != nil {
		t.Error(err)
	}
}
