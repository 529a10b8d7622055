package conformance_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/conformance"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

func probes(t *testing.T) []conformance.Probe {
	t.Helper()
	return wiretest.Must(conformance.Probes())(t)
}

// Our own development server passes every probe, and nothing of the kit stays in it.
func TestOurServerConforms(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.AcceptUnknownRoles = false })
	results, left, err := conformance.KitFor(s.URL).Run(t.Context(), probes(t))
	if err != nil || len(left) > 0 {
		t.Fatal(err, left)
	}
	for _, r := range results {
		if r.Outcome != conformance.Passed {
			t.Errorf("%s %s: %s %+v", r.Outcome, r.ID, r.Reason, r.Differences)
		}
	}

	pools := wiretest.Must(s.Admin().ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{
		MaxResults: aws.Int32(60),
	}))(t)
	roles := wiretest.Must(s.IAM().ListRoles(t.Context(), &iam.ListRolesInput{}))(t)
	if len(pools.IdentityPools) != 0 || len(roles.Roles) != 0 || len(s.DevUserPools(9)) != 0 {
		t.Errorf("%d pools, %d roles and %d user pools are left", len(pools.IdentityPools), len(roles.Roles),
			len(s.DevUserPools(9)))
	}
}
