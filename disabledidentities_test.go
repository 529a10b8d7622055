package poolhouse_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
)

// An identity that was merged into another shows DISABLED for its logins wherever AWS
// shows logins, can be used by nobody, and can be deleted.
func TestDisabledIdentities(t *testing.T) {
	var traces traceList
	s := start(t, func(c *poolhouse.Config) { c.OnTrace = traces.add })
	pool := s.newPool(t, func(in *ci.CreateIdentityPoolInput) { in.AllowClassicFlow = aws.Bool(true) })
	alice := s.logins(t, "alice")
	admin, ctx := s.admin(), t.Context()

	// One of each: a guest that was absorbed, and a developer's user that was merged.
	guest := s.getID(t, pool, nil)
	kept := s.getID(t, pool, alice)
	answer := must(s.public().GetOpenIdToken(ctx, &ci.GetOpenIdTokenInput{IdentityId: &guest, Logins: alice}))(t)
	equal(t, "identity that absorbed the guest", *answer.IdentityId, kept)
	developer := func(user string) string {
		return *must(admin.GetOpenIdTokenForDeveloperIdentity(ctx, &ci.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: &pool,
			Logins:         map[string]string{"login.my.app": user},
		}))(t).IdentityId
	}
	source, destination := developer("source"), developer("destination")
	must(admin.MergeDeveloperIdentities(ctx, &ci.MergeDeveloperIdentitiesInput{
		IdentityPoolId:            &pool,
		DeveloperProviderName:     aws.String("login.my.app"),
		SourceUserIdentifier:      aws.String("source"),
		DestinationUserIdentifier: aws.String("destination"),
	}))(t)

	for _, id := range []string{guest, source} {
		described := must(admin.DescribeIdentity(ctx, &ci.DescribeIdentityInput{IdentityId: &id}))(t)
		equal(t, "logins of DescribeIdentity", strings.Join(described.Logins, " "), "DISABLED")
		looked := s.adminCall(t, "LookupIdentity", `{"IdentityId":"`+id+`"}`).body
		if !strings.Contains(looked, `"Disabled":true`) || !strings.Contains(looked, `"Logins":[]`) {
			t.Errorf("LookupIdentity shows %s", looked)
		}
	}
	listed := func(hide bool) map[string]string {
		out := must(admin.ListIdentities(ctx, &ci.ListIdentitiesInput{
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
	equal(t, "logins of ListIdentities, the guest", all[guest], "DISABLED")
	equal(t, "logins of ListIdentities, the source", all[source], "DISABLED")
	equal(t, "logins of ListIdentities, the destination", all[destination], "login.my.app")
	equal(t, "enabled identities", len(listed(true)), 2)

	forbidden := "Access to Identity '" + guest + "' is forbidden."
	_, err := s.public().GetOpenIdToken(ctx, &ci.GetOpenIdTokenInput{IdentityId: &guest, Logins: alice})
	wantError(t, err, "NotAuthorizedException", forbidden)
	_, err = s.public().GetCredentialsForIdentity(ctx, &ci.GetCredentialsForIdentityInput{IdentityId: &guest})
	wantError(t, err, "NotAuthorizedException", forbidden)
	_, err = s.public().UnlinkIdentity(ctx, &ci.UnlinkIdentityInput{
		IdentityId:     &guest,
		Logins:         alice,
		LoginsToRemove: []string{"DISABLED"},
	})
	wantError(t, err, "NotAuthorizedException", forbidden)
	steps := traces.last().Steps
	equal(t, "reason", string(steps[len(steps)-1].Code), "identity-disabled")
	users := must(admin.LookupDeveloperIdentity(ctx, &ci.LookupDeveloperIdentityInput{
		IdentityPoolId: &pool,
		IdentityId:     &source,
	}))(t)
	equal(t, "developer users of the source", len(users.DeveloperUserIdentifierList), 0)
	_, err = admin.UnlinkDeveloperIdentity(ctx, &ci.UnlinkDeveloperIdentityInput{
		IdentityPoolId:          &pool,
		IdentityId:              &source,
		DeveloperProviderName:   aws.String("login.my.app"),
		DeveloperUserIdentifier: aws.String("source"),
	})
	wantError(t, err, "ResourceConflictException", "The developer user identifier belongs to another identity.")

	deleted := must(admin.DeleteIdentities(ctx, &ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{guest, source}}))(t)
	equal(t, "identities that were not deleted", len(deleted.UnprocessedIdentityIds), 0)
	equal(t, "identities afterwards", len(listed(false)), 2)
}
