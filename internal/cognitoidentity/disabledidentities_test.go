package cognitoidentity_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// An identity that was merged into another shows DISABLED for its logins wherever AWS
// shows logins, can be used by nobody, and can be deleted.
func TestDisabledIdentities(t *testing.T) {
	var traces wiretest.TraceList
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.OnTrace = traces.Add })
	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.AllowClassicFlow = aws.Bool(true) })
	alice := s.Logins(t, "alice")
	admin, ctx := s.Admin(), t.Context()

	// One of each: a guest that was absorbed, and a developer's user that was merged.
	guest := s.GetID(t, pool, nil)
	kept := s.GetID(t, pool, alice)
	answer := wiretest.Must(s.Public().GetOpenIdToken(ctx,
		&ci.GetOpenIdTokenInput{IdentityId: &guest, Logins: alice}))(t)
	wiretest.Equal(t, "identity that absorbed the guest", *answer.IdentityId, kept)

	developer := func(user string) string {
		return *wiretest.Must(admin.GetOpenIdTokenForDeveloperIdentity(ctx, &ci.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: &pool,
			Logins:         map[string]string{"login.my.app": user},
		}))(t).IdentityId
	}

	source, destination := developer("source"), developer("destination")
	wiretest.Must(admin.MergeDeveloperIdentities(ctx, &ci.MergeDeveloperIdentitiesInput{
		IdentityPoolId:            &pool,
		DeveloperProviderName:     aws.String("login.my.app"),
		SourceUserIdentifier:      aws.String("source"),
		DestinationUserIdentifier: aws.String("destination"),
	}))(t)

	for _, id := range []string{guest, source} {
		described := wiretest.Must(admin.DescribeIdentity(ctx, &ci.DescribeIdentityInput{IdentityId: &id}))(t)
		wiretest.Equal(t, "logins of DescribeIdentity", strings.Join(described.Logins, " "), "DISABLED")
		looked := s.AdminCall(t, "LookupIdentity", `{"IdentityId":"`+id+`"}`).Body
		if !strings.Contains(looked, `"Disabled":true`) || !strings.Contains(looked, `"Logins":[]`) {
			t.Errorf("LookupIdentity shows %s", looked)
		}
	}

	listed := func(hide bool) map[string]string {
		out := wiretest.Must(admin.ListIdentities(ctx, &ci.ListIdentitiesInput{
			IdentityPoolId: &pool,
			MaxResults:     aws.Int32(60),
			HideDisabled:   hide,
		}))(t)
		logins := map[string]string{}
		for _, i := range out.Identities {
			logins[*i.IdentityId] = strings.Join(i.Logins, " ")
		}

		return logins
	}

	all := listed(false)
	wiretest.Equal(t, "logins of ListIdentities, the guest", all[guest], "DISABLED")
	wiretest.Equal(t, "logins of ListIdentities, the source", all[source], "DISABLED")
	wiretest.Equal(t, "logins of ListIdentities, the destination", all[destination], "login.my.app")
	wiretest.Equal(t, "enabled identities", len(listed(true)), 2)

	forbidden := "Access to Identity '" + guest + "' is forbidden."
	_, err := s.Public().GetOpenIdToken(ctx, &ci.GetOpenIdTokenInput{IdentityId: &guest, Logins: alice})
	wiretest.WantError(t, err, "NotAuthorizedException", forbidden)
	_, err = s.Public().GetCredentialsForIdentity(ctx, &ci.GetCredentialsForIdentityInput{IdentityId: &guest})
	wiretest.WantError(t, err, "NotAuthorizedException", forbidden)

	_, err = s.Public().UnlinkIdentity(ctx, &ci.UnlinkIdentityInput{
		IdentityId:     &guest,
		Logins:         alice,
		LoginsToRemove: []string{"DISABLED"},
	})
	wiretest.WantError(t, err, "NotAuthorizedException", forbidden)
	steps := traces.Last().Steps
	wiretest.Equal(t, "reason", string(steps[len(steps)-1].Code), "identity-disabled")

	users := wiretest.Must(admin.LookupDeveloperIdentity(ctx, &ci.LookupDeveloperIdentityInput{
		IdentityPoolId: &pool,
		IdentityId:     &source,
	}))(t)
	wiretest.Equal(t, "developer users of the source", len(users.DeveloperUserIdentifierList), 0)
	_, err = admin.UnlinkDeveloperIdentity(ctx, &ci.UnlinkDeveloperIdentityInput{
		IdentityPoolId:          &pool,
		IdentityId:              &source,
		DeveloperProviderName:   aws.String("login.my.app"),
		DeveloperUserIdentifier: aws.String("source"),
	})
	wiretest.WantError(t, err, "ResourceConflictException",
		"The developer user identifier belongs to another identity.")

	deleted := wiretest.Must(admin.DeleteIdentities(ctx,
		&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{guest, source}}))(t)
	wiretest.Equal(t, "identities that were not deleted", len(deleted.UnprocessedIdentityIds), 0)
	wiretest.Equal(t, "identities afterwards", len(listed(false)), 2)
}
