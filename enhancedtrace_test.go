package poolhouse_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
)

// A refusal of the enhanced flow tells once which role was chosen, and does not advise
// to open the role of signed-in users to guests.
func TestRefusedGuestsOfARole(t *testing.T) {
	const (
		pool     = "us-east-1:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
		usersOf  = "arn:aws:iam::000000000000:role/Users"
		provider = "cognito-identity.amazonaws.com"
	)
	traces := &traceList{}
	s := start(t, func(c *poolhouse.Config) {
		c.AcceptUnknownRoles, c.OnTrace = false, traces.add
		c.Roles = []poolhouse.RoleConfig{{
			ARN: usersOf,
			TrustPolicy: conditionTrust(`{"StringEquals":{"` + provider + `:aud":"` + pool + `"},` +
				`"ForAnyValue:StringLike":{"` + provider + `:amr":"authenticated"}}`),
		}}
	})
	s.newPool(t, func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"_custom_id_": pool} })
	must(s.admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: aws.String(pool),
		Roles:          map[string]string{"unauthenticated": usersOf},
	}))(t)

	guest := s.getID(t, pool, nil)
	_, err := s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &guest})
	if err == nil {
		t.Fatal("a guest has the role of users")
	}

	steps := traces.last().Steps
	roles := 0
	for _, step := range steps {
		if step.Check == "role" {
			roles++
		}
	}
	last := steps[len(steps)-1]
	if roles != 1 || last.Code != "trust-policy-condition-guest" || strings.Contains(last.Fix, "add unauthenticated") {
		t.Errorf("%d steps of the role; explained by %+v", roles, steps)
	}
}
