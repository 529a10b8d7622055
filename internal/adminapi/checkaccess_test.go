package adminapi_test

import (
	"fmt"
	"strings"
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

type checkedAccess struct {
	Results []struct {
		Action, Resource string
		Allowed          bool
		Why              struct{ Code, Got, Fix string }
	}
}

// CheckAccess says what a call itself is told.
func TestCheckAccess(t *testing.T) {
	eachAccounts(t, func(t *testing.T, w *wiretest.Accounts) {
		pool := func(color string) string {
			in := &ci.CreateIdentityPoolInput{
				IdentityPoolName: new("p"),
				IdentityPoolTags: map[string]string{"color": color},
			}
			return *wiretest.Must(w.Pools(wiretest.Stranger).CreateIdentityPool(t.Context(), in))(t).IdentityPoolId
		}
		red, blue := pool("red"), pool("blue")
		newKey(t, w, wiretest.Stranger, "reader", wiretest.PolicyOf(
			`{"Effect":"Allow","Action":"poolhouse:CheckAccess","Resource":"*"},
			{"Effect":"Allow","Action":"cognito-identity:DescribeIdentityPool","Resource":"*",
			 "Condition":{"StringEquals":{"aws:ResourceTag/color":"red"}}}`))

		for id, allowed := range map[string]bool{red: true, blue: false} {
			arn := "arn:aws:cognito-identity:us-east-1:" + wiretest.Stranger + ":identitypool/" + id
			got := asked[checkedAccess](t, w, "reader", "CheckAccess", fmt.Sprintf(
				`{"Checks":[{"Action":"cognito-identity:DescribeIdentityPool","Resource":%q},
				{"Action":"cognito-identity:DeleteIdentityPool","Resource":%q},
				{"Action":"poolhouse:CheckAccess"}]}`, arn, arn))
			answer := w.Post(t, "reader", "cognito-identity", "AWSCognitoIdentityService.DescribeIdentityPool",
				fmt.Sprintf(`{"IdentityPoolId":%q}`, id))
			wiretest.Equal(t, "the call itself", answer.Status == 200, allowed)
			wiretest.Equal(t, "the answer", got.Results[0].Allowed, allowed)
			wiretest.Equal(t, "another action", got.Results[1].Allowed, false)
			wiretest.Equal(t, "the call", got.Results[2].Allowed, true)
			if got.Results[1].Why.Code == "" || got.Results[1].Why.Fix == "" {
				t.Errorf("no reason: %+v", got.Results[1])
			}
		}

		foreign := asked[checkedAccess](t, w, wiretest.HomeAccount, "CheckAccess", fmt.Sprintf(
			`{"Checks":[{"Action":"cognito-identity:DescribeIdentityPool",
			"Resource":"arn:aws:cognito-identity:us-east-1:%s:identitypool/%s"}]}`, wiretest.Stranger, red))
		wiretest.Equal(t, "another account's pool", foreign.Results[0].Allowed, false)
		wantRefused(t, "nothing asked", w.Administer(t, wiretest.Stranger, "CheckAccess", `{}`),
			"ValidationException", "")
	})
}

func TestCheckAccessInputs(t *testing.T) {
	w := wiretest.StartTenants(t, []string{wiretest.Stranger})
	newKey(t, w, wiretest.Stranger, "robot", listPools)
	one := `{"Action":"s3:GetObject"}`
	wantRefused(t, "no permission", w.Administer(t, "robot", "CheckAccess", `{"Checks":[`+one+`]}`), "AccessDenied", "")

	many := strings.Repeat(one+",", 100)
	wiretest.Equal(t, "100 checks",
		w.Administer(t, wiretest.Stranger, "CheckAccess", `{"Checks":[`+many[:len(many)-1]+`]}`).Status, 200)
	for _, test := range []struct{ body, code string }{
		{`{"Checks":[` + many + one + `]}`, "ValidationException"},
		{`{"Checks":[]}`, "ValidationException"},
		{`{"Checks":[{}]}`, "ValidationException"},
		{`{"Checks":[{"Action":"*"}]}`, "ValidationException"},
		{`{"Checks":[{"Action":"s3:Get*"}]}`, "ValidationException"},
		{`{"Checks":[{"Action":"s3:GetObject","Resource":"bucket"}]}`, "ValidationException"},
		{
			`{"Checks":[{"Action":"s3:GetObject","Resource":"arn:` + strings.Repeat("x", 2048) + `"}]}`,
			"ValidationException",
		},
		{`{"Checks":"all"}`, "SerializationException"},
	} {
		wantRefused(t, test.body[:min(60, len(test.body))],
			w.Administer(t, wiretest.Stranger, "CheckAccess", test.body), test.code, "")
	}
}

// One call reads a bounded amount of policies: a role with long patterns gets fewer checks in a call,
// and ordinary checks have room.
func TestCheckAccessIsBounded(t *testing.T) {
	r := startPoolRig(t)
	role := *r.NewIAMRole(t, "Long", wiretest.AccountTrust).Arn
	for n := range 6 { // 10 KB of patterns each, attached
		document := trustless(fmt.Sprintf(`{"Effect":"Allow","Action":"poolhouse:*","Resource":"*"},`+
			`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::%s"}`, strings.Repeat("?", 5800)))
		root(r.Server).send(t, query("iam", "CreatePolicy", "PolicyName", fmt.Sprint("long", n),
			"PolicyDocument", document))
		root(r.Server).send(t, query("iam", "AttachRolePolicy", "RoleName", "Long",
			"PolicyArn", wiretest.IAMBase+fmt.Sprint("policy/long", n)))
	}

	by := r.session(t, role)
	ask := func(count, size int) string {
		one := `{"Action":"s3:GetObject","Resource":"arn:aws:s3:::` + strings.Repeat("a", size) + `"},`
		body := `{"Checks":[` + strings.TrimSuffix(strings.Repeat(one, count), ",") + `]}`
		reason, _, _ := reasonOf(t, by, wireCall{"poolhouse", "CheckAccess", body})
		return reason
	}
	for _, test := range []struct {
		count, size int
		reason      string
	}{{100, 1900, "access-checks-size"}, {20, 1900, ""}, {100, 100, ""}} {
		if reason := ask(test.count, test.size); reason != test.reason {
			t.Errorf("%d checks of %d bytes are refused for %q, not %q", test.count, test.size, reason, test.reason)
		}
	}
}
