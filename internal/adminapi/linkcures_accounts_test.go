package adminapi_test

import (
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// The links of a role that trusts a pool of another account, and of one whose stored trust policy is no
// longer valid, lead to what cures the refusal.
func TestLinksToRolesOfAccountsCure(t *testing.T) {
	const account, pool = wiretest.Stranger, "us-east-1:5a313000-0000-4000-8000-00000000000a"
	w := wiretest.StartTenants(t, []string{account}, func(c *poolhouse.Config) {
		c.AcceptUnknownRoles, c.ChosenIDs = false, "all"
	})
	trust := federated("cognito-identity.amazonaws.com",
		`,"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"`+pool+`"}}`)
	early := *w.NewIAMRole(t, "Early", trust).Arn
	made := w.Administer(t, account, "CreateIdentityPoolWithId", `{"IdentityPoolId":"`+pool+
		`","Pool":{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true,"AllowClassicFlow":true}}`)
	if made.Status != 200 {
		t.Fatal(made.Body)
	}
	guest := w.GetID(t, pool, nil)
	token := *wiretest.Must(w.Public().GetOpenIdToken(t.Context(),
		&ci.GetOpenIdTokenInput{IdentityId: &guest}))(t).Token

	old := *w.NewIAMRole(t, "Old", wiretest.AccountTrust).Arn
	wiretest.Must(w.DB.UpdateRole(t.Context(), wiretest.HomeAccount, "Old", func(r *store.Role) error {
		r.WriteTrust(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"` +
			`111111111111"},"Action":"sts:AssumeRole"}]}`)
		return nil
	}))(t)

	for _, c := range []linkCase{
		{code: "age-of-the-trust-policy", call: webIdentity(early, token), value: trust},
		{code: "trust-policy-fault", call: query("signed-sts", "AssumeRole", "RoleArn", old, "RoleSessionName", "s1"),
			value: wiretest.AccountTrust},
	} {
		t.Run(c.code, func(t *testing.T) {
			c.by = root(w.Server)
			c.check(t, w.Server)
		})
	}
}
