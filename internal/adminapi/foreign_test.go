package adminapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// foreignInputs are inputs of each operation that name a thing of another account: POOL, IDENTITY,
// ROLE, PROVIDER, KEY (an access key), SIGNING (a signing key), SESSION and TOKEN (of temporary
// credentials), REQUEST (a refused call), LOGIN (an ID token) and ACCOUNT.
var foreignInputs = map[string][]string{
	"Explain":                  {`{"RequestId":"REQUEST"}`},
	"LookupIdentity":           {`{"IdentityId":"IDENTITY"}`},
	"SignOut":                  {`{"ProviderName":"ISSUER","Subject":"alice"}`},
	"CreateIdentityPoolWithId": {`{"IdentityPoolId":"POOL","Pool":{"IdentityPoolName":"p"}}`},
	"LoadIdentities": {
		`{"IdentityPoolId":"POOL","Identities":[{"IdentityId":"us-east-1:00000000-0000-4000-8000-000000000001",` +
			`"Guest":true}]}`,
	},
	"ListProviderSettings": {`{}`},
	"VerifySession": {
		`{"AccessKeyId":"SESSION","SessionToken":"TOKEN","Date":"DATE","Region":"us-east-1","Service":"s3"}`,
	},
	"RevokeSessions": {
		`{"AccessKeyId":"SESSION"}`, `{"IdentityId":"IDENTITY"}`, `{"IdentityPoolId":"POOL"}`, `{"RoleArn":"ROLE"}`,
	},
	"ExplainToken": {`{"Token":"LOGIN","IdentityPoolIds":["POOL"]}`, `{"Token":"LOGIN"}`},
	"TryRoles": {
		`{"IdentityPoolId":"POOL"}`, `{"IdentityPoolId":"POOL","ProviderName":"ISSUER","Token":"LOGIN"}`,
	},
	"ValidateIdentityPool": {
		`{"IdentityPoolId":"POOL","IdentityPoolName":"p","AllowUnauthenticatedIdentities":true}`,
	},
	"CheckAccess": {
		`{"Checks":[{"Action":"cognito-identity:DescribeIdentityPool",` +
			`"Resource":"arn:aws:cognito-identity:us-east-1:ACCOUNT:identitypool/POOL"},` +
			`{"Action":"iam:GetRole","Resource":"arn:aws:iam::ACCOUNT:role/Any"}]}`,
	},
	"CreateAccessKey": {`{"Policy":"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}"}`},
	"ListAccessKeys":  {`{}`},
	"UpdateAccessKey": {
		`{"AccessKeyId":"KEY","Status":"Inactive"}`, `{"AccessKeyId":"KEY","Status":"Inactive","AllowOwn":true}`,
	},
	"DeleteAccessKey":   {`{"AccessKeyId":"KEY"}`, `{"AccessKeyId":"KEY","AllowOwn":true}`},
	"ListSigningKeys":   {`{}`, `{"Account":"ACCOUNT"}`},
	"RotateSigningKeys": {`{"Now":true}`, `{"Account":"ACCOUNT","Now":true}`},
	"RetireSigningKey":  {`{"KeyId":"SIGNING"}`, `{"KeyId":"SIGNING","Account":"ACCOUNT"}`},
	"GetServerStatus":   {`{}`},
	"ListSettings":      {`{}`},
	"TestProvider":      {`{"ProviderArn":"PROVIDER"}`},
	"ListPoolSummaries": {`{}`, `{"Search":"POOL"}`},
	"SearchIdentities":  {`{"IdentityPoolId":"POOL"}`, `{"IdentityPoolId":"POOL","IdentityIdPrefix":"IDENTITY"}`},
	"GetStatistics":     {`{"IdentityPoolId":"POOL"}`, `{}`},
	"PreviewDeletion": {
		`{"Kind":"identity-pool","Id":"POOL"}`, `{"Kind":"identity","Id":"IDENTITY"}`, `{"Kind":"role","Id":"ROLE"}`,
		`{"Kind":"provider","Id":"PROVIDER"}`, `{"Kind":"access-key","Id":"KEY"}`,
	},
	"ExportPool":           {`{"IdentityPoolId":"POOL"}`, `{"IdentityPoolId":"POOL","Format":"cli"}`},
	"ListPrincipalTagMaps": {`{"IdentityPoolId":"POOL"}`},
	"ListRefusals":         {`{}`, `{"FromOldest":true}`},
}

// ownAnswers are the operations that answer about the caller's account, whatever the input names.
var ownAnswers = []string{
	"SignOut", "ListProviderSettings", "RevokeSessions", "ExplainToken", "CheckAccess", "CreateAccessKey",
	"ListAccessKeys", "ListSigningKeys", "ListPoolSummaries", "GetStatistics", "ListRefusals",
}

var revokedAt = regexp.MustCompile(`"NotBefore":[0-9.]+`)

// Whoever holds another account's root key finds and changes nothing of this account by any operation:
// what is there is answered like what is not.
func TestAnotherAccountAdministersNothing(t *testing.T) {
	const b = "111111111111"
	w := wiretest.StartTenants(t, []string{b})
	for _, o := range adminapi.New(adminapi.Options{}).Operations() {
		if foreignInputs[o.Name()] == nil {
			t.Errorf("the table lacks %s", o.Name())
		}
	}

	issuer := logintest.NewIssuer(t)
	name := strings.TrimPrefix(issuer.URL, "http://")
	m := w.Joins(t, wiretest.HomeAccount, issuer, "app")
	alice := w.SignIn(t, m, issuer, name, "alice")
	home := func(operation, body string) string {
		t.Helper()
		got := w.Administer(t, wiretest.HomeAccount, operation, body)
		if got.Status != http.StatusOK {
			t.Fatalf("%s: %s", operation, got.Body)
		}
		return got.Body
	}
	value := func(body, member string) string {
		t.Helper()
		_, rest, found := strings.Cut(body, `"`+member+`":"`)
		text, _, _ := strings.Cut(rest, `"`)
		if !found || text == "" {
			t.Fatalf("no %s in %s", member, body)
		}
		return text
	}
	wiretest.Must(w.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{
		IdentityId: &alice.Identity,
		Logins:     alice.Logins,
	}))(t) // so that there is a key that signs
	refused := w.Administer(t, wiretest.HomeAccount, "Explain", `{"RequestId":"none"}`)

	key := value(home("CreateAccessKey", foreignInputs["CreateAccessKey"][0]), "AccessKeyId")
	things := map[string][2]string{ // what is there, and what is not
		"POOL":     {m.Pool, "us-east-1:00000000-0000-4000-8000-000000000001"},
		"IDENTITY": {alice.Identity, "us-east-1:00000000-0000-4000-8000-000000000002"},
		"ROLE":     {m.Role, m.Role + "Absent"},
		"PROVIDER": {wiretest.IAMBase + "oidc-provider/" + name, wiretest.IAMBase + "oidc-provider/absent.example"},
		"KEY":      {key, "AKIAABSENTABSENT2222"},
		"SIGNING":  {value(home("ListSigningKeys", `{}`), "KeyId"), "absent-signing-key"},
		"SESSION":  {alice.Key.AccessKeyID, "ASIAABSENTABSENT2222"},
		"TOKEN":    {alice.Key.SessionToken, "absent-token"},
		"REQUEST":  {refused.Header.Get("x-amzn-RequestId"), "00000000-0000-4000-8000-000000000003"},
		"ACCOUNT":  {wiretest.HomeAccount, "222222222222"},
	}
	same := []string{ // what the caller may know
		"LOGIN", alice.Logins[name], "ISSUER", name, "DATE", time.Now().UTC().Format("20060102"),
	}
	if home("Explain", `{"RequestId":"`+things["REQUEST"][0]+`"}`) == "" {
		t.Error("the account cannot look up its own refusal")
	}

	state := func() string {
		return fmt.Sprintln(
			home("ListAccessKeys", `{}`),
			w.Administer(t, wiretest.HomeAccount, "LookupIdentity", `{"IdentityId":"`+alice.Identity+`"}`).Body,
			value(home("ListSigningKeys", `{}`), "KeyId"),
			strings.Count(home("ListSigningKeys", `{}`), `"KeyId"`),
			home("SearchIdentities", `{"IdentityPoolId":"`+m.Pool+`"}`),
		)
	}
	before := state()

	operations := slices.Sorted(maps.Keys(foreignInputs))
	first := slices.Index(operations, "ListRefusals") // before the caller has refusals, which name the things
	operations[0], operations[first] = operations[first], operations[0]
	for _, operation := range operations {
		for _, input := range foreignInputs[operation] {
			ask := func(which int) (answer, shown string) {
				put, back := slices.Clone(same), []string{}
				for _, name := range slices.Sorted(maps.Keys(things)) {
					put, back = append(put, name, things[name][which]), append(back, things[name][which], name)
				}

				got := w.Administer(t, b, operation, strings.NewReplacer(put...).Replace(input))
				if own := slices.Contains(ownAnswers, operation); got.Status == http.StatusOK && !own ||
					got.Status == http.StatusInternalServerError {
					t.Errorf("%s %s: %d %s", operation, input, got.Status, got.Body)
				}
				shown = revokedAt.ReplaceAllString(strings.NewReplacer(back...).Replace(got.Body), "")
				return got.Body, fmt.Sprint(got.Status, " ", shown)
			}

			answer, there := ask(0)
			names := false
			for name, thing := range things {
				if strings.Contains(input, name) {
					names = true
				} else if strings.Contains(answer, thing[0]) {
					t.Errorf("%s %s tells the %s: %s", operation, input, name, answer)
				}
			}

			if !names || operation == "CreateIdentityPoolWithId" { // it makes a pool that is not there
				continue
			}
			if _, absent := ask(1); there != absent {
				t.Errorf("%s %s: %s; of what is not there: %s", operation, input, there, absent)
			}
		}
	}

	wiretest.Equal(t, "the user's session", alice.Session(t), "accepted")
	wiretest.Equal(t, "the user's login", alice.Refusal(t, m.Pool, alice.Logins), "accepted")
	wiretest.Equal(t, "the account afterwards", state(), before)
}
