package adminapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A provider is used by the pools and roles that name it, and another account's is as one that does not exist.
func TestPreviewDeletionOfProvider(t *testing.T) {
	eachTenancy(t, func(t *testing.T, w *wiretest.Accounts) {
		provider := func(account, url string) string {
			return *wiretest.Must(w.Roles(account).CreateOpenIDConnectProvider(t.Context(),
				&iamclient.CreateOpenIDConnectProviderInput{Url: &url, ClientIDList: []string{"app"}}))(t).
				OpenIDConnectProviderArn
		}
		arn := provider(wiretest.HomeAccount, "https://a.example")
		unused := provider(wiretest.HomeAccount, "https://b.example")
		foreign := provider(neighbour, "https://c.example")
		made := wiretest.Must(w.Pools(wiretest.HomeAccount).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName:               aws.String("own"),
			AllowUnauthenticatedIdentities: true,
			OpenIdConnectProviderARNs:      []string{arn},
		}))(t)
		wiretest.Must(w.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: made.IdentityPoolId}))(t)
		makePool(t, w, wiretest.HomeAccount, "other", 1)
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",` +
			`"Principal":{"Federated":"` + arn + `"},"Condition":{"StringEquals":{"a.example:aud":"app"}}}]}`
		role := wiretest.Must(w.Roles(wiretest.HomeAccount).CreateRole(t.Context(), &iamclient.CreateRoleInput{
			RoleName: aws.String("named"), AssumeRolePolicyDocument: &trust, MaxSessionDuration: aws.Int32(7200),
		}))(t)

		ask := func(id string) preview {
			t.Helper()
			return administer[preview](t, w, wiretest.HomeAccount, "PreviewDeletion",
				fmt.Sprintf(`{"Kind":"provider","Id":%q}`, id))
		}
		got := ask(arn)
		if got.Identities == nil || *got.Identities != 1 || got.LongestSession != 7200 ||
			!slices.Equal(got.Pools, []string{*made.IdentityPoolId}) ||
			!slices.Equal(got.Roles, []string{*role.Role.Arn}) {
			t.Errorf("got %+v", got)
		}
		if got = ask(unused); *got.Identities != 0 || len(got.Pools)+len(got.Roles) != 0 || got.LongestSession != 0 {
			t.Errorf("a provider that nothing names: %+v", got)
		}
		wantRefusals(t, w, "PreviewDeletion", map[string]string{
			`{"Kind":"provider","Id":"` + foreign + `"}`: "ResourceNotFoundException",
			`{"Kind":"provider","Id":"` + arn + `x"}`:    "ResourceNotFoundException",
		})
	})
}

// In another region, an account has none of its pools, identities and counts.
func TestOverviewsOfAnotherRegion(t *testing.T) {
	eachTenancy(t, func(t *testing.T, w *wiretest.Accounts) {
		pool, ids := makePool(t, w, wiretest.HomeAccount, "own", 1)
		signIn(t, w, ids[0])

		for _, c := range []struct{ operation, body, want string }{
			{"ListPoolSummaries", `{}`, `"Pools":[],"Total":0`},
			{"SearchIdentities", `{"IdentityPoolId":"` + pool + `"}`, "ResourceNotFoundException"},
			{"SearchIdentities", `{"IdentityIdPrefix":"` + ids[0] + `"}`, `"Identities":[]`},
			{"GetStatistics", `{"IdentityPoolId":"` + pool + `"}`, "ResourceNotFoundException"},
			{"GetStatistics", `{"Step":86400}`, `"Refused":{}`},
			{"PreviewDeletion", `{"Kind":"identity-pool","Id":"` + pool + `"}`, "ResourceNotFoundException"},
			{"PreviewDeletion", `{"Kind":"identity","Id":"` + ids[0] + `"}`, "ResourceNotFoundException"},
		} {
			for region, there := range map[string]bool{wiretest.Region: false, "eu-west-1": true} {
				key := w.Keys[wiretest.HomeAccount]
				got := w.Raw(t, "", c.body, false, func(r *http.Request) {
					r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+c.operation)
					wiretest.SignWith(t, r, c.body, "poolhouse", region, key.AccessKeyID, key.SecretAccessKey)
				})

				text := got.Header.Get("X-Amzn-ErrorType") + got.Body
				if strings.Contains(text, c.want) != there {
					t.Errorf("%s %s in %s: %d %s, want %s: %v",
						c.operation, c.body, region, got.Status, text, c.want, there)
				}
			}
		}
	})
}
