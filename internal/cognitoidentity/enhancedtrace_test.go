package cognitoidentity_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A refusal of the enhanced flow tells once which role was chosen, and does not advise
// to open the role of signed-in users to guests.
func TestRefusedGuestsOfARole(t *testing.T) {
	const (
		pool     = "us-east-1:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
		usersOf  = "arn:aws:iam::000000000000:role/Users"
		provider = "cognito-identity.amazonaws.com"
	)
	traces := &wiretest.TraceList{}
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.AcceptUnknownRoles, c.OnTrace = false, traces.Add
		c.Roles = []poolhouse.RoleConfig{{
			ARN: usersOf,
			TrustPolicy: wiretest.ConditionTrust(`{"StringEquals":{"` + provider + `:aud":"` + pool + `"},` +
				`"ForAnyValue:StringLike":{"` + provider + `:amr":"authenticated"}}`),
		}}
	})
	s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"_custom_id_": pool} })
	wiretest.Must(s.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: aws.String(pool),
		Roles:          map[string]string{"unauthenticated": usersOf},
	}))(t)

	guest := s.GetID(t, pool, nil)
	_, err := s.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &guest})
	if err == nil {
		t.Fatal("a guest has the role of users")
	}

	steps := traces.Last().Steps
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
