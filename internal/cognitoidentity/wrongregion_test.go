package cognitoidentity_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A call that is signed for another region than its pool's or identity's is told which
// two they are, whether there is such a pool or not. Other calls that name what is not
// there are told what their client can change.
func TestIDsThatAreNotThere(t *testing.T) {
	const (
		none  = "us-east-1:99999999-bbbb-4ccc-8ddd-eeeeeeeeeeee"
		arnOf = "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/"
	)
	traces := &wiretest.TraceList{}
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.OnTrace = traces.Add })
	developers := func(in *ci.CreateIdentityPoolInput) { in.DeveloperProviderName = new("login.app") }
	pool := s.NewPool(t, developers)
	guest := s.GetID(t, pool, nil)

	// What each operation is sent, and the code of a call in the right region for what
	// is not there.
	const (
		noPool     = "identity-pool"
		noIdentity = "identity-unknown-signed"
	)
	bodies := map[string]string{
		"DescribeIdentityPool": `{"IdentityPoolId":"POOL"}`,
		"UpdateIdentityPool": `{"IdentityPoolId":"POOL","IdentityPoolName":"x",` +
			`"AllowUnauthenticatedIdentities":true}`,
		"DeleteIdentityPool":          `{"IdentityPoolId":"POOL"}`,
		"GetIdentityPoolRoles":        `{"IdentityPoolId":"POOL"}`,
		"SetIdentityPoolRoles":        `{"IdentityPoolId":"POOL","Roles":{}}`,
		"ListIdentities":              `{"IdentityPoolId":"POOL","MaxResults":1}`,
		"GetPrincipalTagAttributeMap": `{"IdentityPoolId":"POOL","IdentityProviderName":"login.app"}`,
		"SetPrincipalTagAttributeMap": `{"IdentityPoolId":"POOL","IdentityProviderName":"login.app"}`,
		"ListTagsForResource":         `{"ResourceArn":"` + arnOf + `POOL"}`,
		"TagResource":                 `{"ResourceArn":"` + arnOf + `POOL","Tags":{"a":"b"}}`,
		"UntagResource":               `{"ResourceArn":"` + arnOf + `POOL","TagKeys":["a"]}`,
		"LookupDeveloperIdentity":     `{"IdentityPoolId":"POOL","DeveloperUserIdentifier":"a"}`,
		"MergeDeveloperIdentities": `{"IdentityPoolId":"POOL","DeveloperProviderName":"login.app",` +
			`"SourceUserIdentifier":"a","DestinationUserIdentifier":"b"}`,
		"UnlinkDeveloperIdentity": `{"IdentityPoolId":"POOL","IdentityId":"` + guest +
			`","DeveloperProviderName":"login.app","DeveloperUserIdentifier":"a"}`,
		"DescribeIdentity":                   `{"IdentityId":"POOL"}`,
		"GetOpenIdTokenForDeveloperIdentity": `{"IdentityPoolId":"POOL","Logins":{"login.app":"a"}}`,
	}

	ask := func(operation, region, body string) (code, got, fix string) {
		t.Helper()
		answer := s.Raw(t, operation, body, false,
			func(r *http.Request) { wiretest.SignWith(t, r, body, "cognito-identity", region, "test", "test") })
		if answer.Status != http.StatusBadRequest {
			t.Fatalf("%s in %s: %d %s", operation, region, answer.Status, answer.Body)
		}
		steps := traces.Last().Steps
		step := steps[len(steps)-1]

		return string(step.Code), step.Got, step.Fix
	}

	for operation, body := range bodies {
		in := func(id string) string { return strings.ReplaceAll(body, "POOL", id) }
		region, here, there := "identity-pool-region", noPool, pool
		if operation == "DescribeIdentity" {
			region, here, there = "identity-region", noIdentity, guest
		}

		for _, id := range []string{there, none} {
			code, got, fix := ask(operation, "eu-west-1", in(id))
			if code != region || !strings.Contains(got, "us-east-1") || !strings.Contains(got, "eu-west-1") ||
				!strings.Contains(fix, "sign for us-east-1") {
				t.Errorf("%s of %s: %s: %s; %s", operation, id, code, got, fix)
			}
		}

		if code, _, fix := ask(operation, "us-east-1", in(none)); code != here ||
			strings.Contains(fix, "delete the identity") {
			t.Errorf("%s of another ID: %s: %s", operation, code, fix)
		}
	}

	// Identities that signed calls name beside their pool.
	for operation, body := range map[string]string{
		"LookupDeveloperIdentity": `{"IdentityPoolId":"` + pool + `","IdentityId":"ID"}`,
		"UnlinkDeveloperIdentity": strings.NewReplacer("POOL", pool, guest,
			"ID").Replace(bodies["UnlinkDeveloperIdentity"]),
		"GetOpenIdTokenForDeveloperIdentity": `{"IdentityPoolId":"` + pool +
			`","IdentityId":"ID","Logins":{"login.app":"a"}}`,
	} {
		for id, want := range map[string]string{
			none: noIdentity,
			strings.Replace(none, "us-east-1", "eu-west-1", 1): "identity-region",
		} {
			code, got, fix := ask(operation, "us-east-1", strings.ReplaceAll(body, `"ID"`, `"`+id+`"`))
			if code != want || strings.Contains(fix, "delete the identity") {
				t.Errorf("%s of %s: %s: %s; %s", operation, id, code, got, fix)
			}
		}
	}

	// Nobody signed these.
	for operation, want := range map[string]string{
		"GetId":                     "identity-pool-public",
		"GetOpenIdToken":            "identity-unknown",
		"GetCredentialsForIdentity": "identity-unknown",
	} {
		input := map[string]string{"IdentityId": none}
		if operation == "GetId" {
			input = map[string]string{"IdentityPoolId": none}
		}
		body, _ := json.Marshal(input)
		s.Raw(t, operation, string(body), false)
		steps := traces.Last().Steps

		step := steps[len(steps)-1]
		if string(step.Code) != want || strings.Contains(step.Fix, "signed") || strings.Contains(step.Fix, "keys") {
			t.Errorf("%s: explained by %+v", operation, step)
		}
	}

	// An explanation is asked of one account and region.
	answer := s.AdminCall(t, "Explain", `{"RequestId":"none"}`)
	for _, part := range []string{"account 000000000000", "the region us-east-1", "AWS_REGION"} {
		if !strings.Contains(answer.Body, part) {
			t.Errorf("%q is not in %s", part, answer.Body)
		}
	}
}
