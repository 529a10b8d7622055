package adminapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Every refusal of a login, a link or a role choice is recorded with the check
// that failed and what to change, whatever the wire says.
func TestEveryRefusalIsRecorded(t *testing.T) {
	dir, master := t.TempDir(), bytes.Repeat([]byte{9}, 32)
	var mu sync.Mutex
	traces := map[string]poolhouse.Trace{}
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DataDir, c.MasterKey, c.TokenAlgorithm, c.Limits.RulesPerMapping = dir, master, "ES256", 1
		c.OnTrace = func(t poolhouse.Trace) { mu.Lock(); traces[t.RequestID] = t; mu.Unlock() }
	})

	db := wiretest.Must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	defer db.Close()

	keys := wiretest.Must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db,
		Sealer: wiretest.Must(envelope.New(master))(t)}))(t)
	limited, limitedSecret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: poolhouse.DevAccount,
		Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cognito-identity:*",` +
			`"Resource":"*"}]}`})
	if err != nil {
		t.Fatal(err)
	}

	info, issuer := wiretest.DevInfo(s), wiretest.DevInfo(s).LoginKey
	const corp = "arn:aws:iam::000000000000:saml-provider/corp"
	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{corp} })
	bare := *wiretest.Must(s.Admin().CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("bare"), AllowUnauthenticatedIdentities: true,
			AllowClassicFlow: aws.Bool(false)}))(t).IdentityPoolId
	bareGuest := s.GetID(t, bare, nil)
	closed := s.NewPool(t)
	closedGuest := s.GetID(t, closed, nil)

	// to guests
	wiretest.Must(s.Admin().UpdateIdentityPool(t.Context(),
		&ci.UpdateIdentityPoolInput{IdentityPoolId: &closed, IdentityPoolName: aws.String("closed")}))(t)
	developer := func(user string, more map[string]string) (id, token string) {
		logins := map[string]string{"login.my.app": user}
		for key, value := range more {
			logins[key] = value
		}
		out := wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool, Logins: logins}))(t)
		return *out.IdentityId, *out.Token
	}

	guest := s.GetID(t, pool, nil)
	alice := s.GetID(t, pool, s.Logins(t, "alice"))
	identityA, tokenA := developer("a", nil)
	withCarol, _ := developer("c", s.Logins(t, "carol"))
	merged, mergedToken := developer("m", nil)
	wiretest.Must(s.Admin().MergeDeveloperIdentities(t.Context(),
		&ci.MergeDeveloperIdentitiesInput{IdentityPoolId: &pool, DeveloperProviderName: aws.String("login.my.app"),
			SourceUserIdentifier: aws.String("m"), DestinationUserIdentifier: aws.String("a")}))(t)

	unlinked, unlinkedToken := developer("u", nil)
	wiretest.Must(s.Admin().UnlinkDeveloperIdentity(t.Context(),
		&ci.UnlinkDeveloperIdentityInput{IdentityPoolId: &pool, IdentityId: &unlinked,
			DeveloperProviderName: aws.String("login.my.app"), DeveloperUserIdentifier: aws.String("u")}))(t)
	const none = "us-east-1:00000000-0000-4000-8000-000000000000"

	values := []string{"NONE", none, "POOL", pool, "BAREGUEST", bareGuest, "BARE", bare, "CLOSEDGUEST", closedGuest,
		"CLOSED", closed, "GUEST", guest, "ALICEID", alice,
		"ALICE", s.Token(t, "alice"), "BOB", s.Token(t, "bob"), "AUDIENCE",
		s.Token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Audience = "other" }),
		"TOKENA", tokenA, "MERGEDTOKEN", mergedToken, "MERGED", merged, "UNLINKEDTOKEN", unlinkedToken, "UNLINKED",
		unlinked, "IDA", identityA, "CAROLID", withCarol,
		"ISSUER", issuer, "PROVIDER", info.OIDCProviderARN, "LONG", strings.Repeat("x", 1025)}

	rules := func(key string, more string) string {
		return `{"IdentityPoolId":"POOL","Roles":{},"RoleMappings":{"` + key + `":{` + more + `}}}`
	}
	const rule = `{"Claim":"a","MatchType":"Equals","Value":"b","RoleARN":"arn:aws:iam::000000000000:role/x"}`
	for _, test := range []struct {
		operation, name, body, code, check string
	}{
		{"GetId", "unknown pool", `{"IdentityPoolId":"NONE"}`, "ResourceNotFoundException", "identity pool"},
		{"GetId", "guests off", `{"IdentityPoolId":"CLOSED"}`, "NotAuthorizedException", "guest access"},
		{"GetId", "no providers", `{"IdentityPoolId":"BARE","Logins":{"ISSUER":"ALICE"}}`, "NotAuthorizedException",
			"login provider"},
		{"GetId", "another provider's key", `{"IdentityPoolId":"POOL","Logins":{"accounts.google.com":"ALICE"}}`,
			"NotAuthorizedException", "token issuer"},
		{"GetId", "unknown provider", `{"IdentityPoolId":"POOL","Logins":{"graph.facebook.com":"EAAx"}}`,
			"NotAuthorizedException", "login provider"},
		{"GetId", "developer provider", `{"IdentityPoolId":"POOL","Logins":{"login.my.app":"a"}}`,
			"InvalidParameterException", "login provider"},
		{"GetId", "own token", `{"IdentityPoolId":"POOL","Logins":{"cognito-identity.amazonaws.com":"TOKENA"}}`,
			"NotAuthorizedException", "login provider"},
		{"GetId", "wrong audience", `{"IdentityPoolId":"POOL","Logins":{"ISSUER":"AUDIENCE"}}`,
			"NotAuthorizedException", "token audience"},

		{"GetOpenIdToken", "unknown identity", `{"IdentityId":"NONE"}`, "ResourceNotFoundException", "identity"},
		{"GetOpenIdToken", "classic flow off", `{"IdentityId":"BAREGUEST"}`, "InvalidParameterException",
			"classic flow"},
		{"GetOpenIdToken", "SAML", `{"IdentityId":"GUEST","Logins":{"` + corp + `":"x"}}`, "InvalidParameterException",
			"classic flow"},
		{"GetCredentialsForIdentity", "a provider that is not registered",
			`{"IdentityId":"GUEST","Logins":{"` + corp + `":"x"}}`, "NotAuthorizedException", "SAML provider"},
		{"GetOpenIdToken", "guests off", `{"IdentityId":"CLOSEDGUEST"}`, "NotAuthorizedException", "guest access"},
		{"GetOpenIdToken", "no login", `{"IdentityId":"ALICEID"}`, "NotAuthorizedException", "identity"},
		{"GetOpenIdToken", "another's login", `{"IdentityId":"ALICEID","Logins":{"ISSUER":"BOB"}}`,
			"NotAuthorizedException", "linked logins"},
		{"GetOpenIdToken", "merged away", `{"IdentityId":"MERGED","Logins":{"ISSUER":"ALICE"}}`,
			"NotAuthorizedException", "identity"},

		{"GetCredentialsForIdentity", "unknown identity", `{"IdentityId":"NONE"}`, "ResourceNotFoundException",
			"identity"},
		{"GetCredentialsForIdentity", "no login", `{"IdentityId":"ALICEID"}`, "NotAuthorizedException", "identity"},
		{"GetCredentialsForIdentity", "another's login", `{"IdentityId":"ALICEID","Logins":{"ISSUER":"BOB"}}`,
			"NotAuthorizedException", "linked logins"},
		{"GetCredentialsForIdentity", "not our token",
			`{"IdentityId":"IDA","Logins":{"cognito-identity.amazonaws.com":"ALICE"}}`, "NotAuthorizedException",
			"own token"},
		{"GetCredentialsForIdentity", "our token of another",
			`{"IdentityId":"GUEST","Logins":{"cognito-identity.amazonaws.com":"TOKENA"}}`, "NotAuthorizedException",
			"own token"},
		{"GetCredentialsForIdentity", "our token with others",
			`{"IdentityId":"IDA","Logins":{"cognito-identity.amazonaws.com":"TOKENA","ISSUER":"ALICE"}}`,
			"InvalidParameterException", "logins"},
		{"GetCredentialsForIdentity", "our token, merged away",
			`{"IdentityId":"MERGED","Logins":{"cognito-identity.amazonaws.com":"MERGEDTOKEN"}}`,
			"NotAuthorizedException", "identity"},
		{"GetCredentialsForIdentity", "our token, unlinked",
			`{"IdentityId":"UNLINKED","Logins":{"cognito-identity.amazonaws.com":"UNLINKEDTOKEN"}}`,
			"NotAuthorizedException", "logins of the token"},
		{"GetCredentialsForIdentity", "no role", `{"IdentityId":"BAREGUEST"}`,
			"InvalidIdentityPoolConfigurationException", "default role"},
		{"GetCredentialsForIdentity", "custom role",
			`{"IdentityId":"GUEST","CustomRoleArn":"arn:aws:iam::000000000000:role/Other"}`, "NotAuthorizedException",
			"CustomRoleArn"},

		{"GetOpenIdTokenForDeveloperIdentity", "unknown pool",
			`{"IdentityPoolId":"NONE","Logins":{"login.my.app":"a"}}`, "ResourceNotFoundException", "identity pool"},
		{"GetOpenIdTokenForDeveloperIdentity", "another provider",
			`{"IdentityPoolId":"POOL","Logins":{"login.other":"a"}}`, "InvalidParameterException",
			"developer provider"},
		{"GetOpenIdTokenForDeveloperIdentity", "no provider",
			`{"IdentityPoolId":"BARE","Logins":{"login.my.app":"a"}}`, "InvalidParameterException",
			"developer provider"},
		{"GetOpenIdTokenForDeveloperIdentity", "long user",
			`{"IdentityPoolId":"POOL","Logins":{"login.my.app":"LONG"}}`, "InvalidParameterException",
			"developer user identifier"},
		{"GetOpenIdTokenForDeveloperIdentity", "bad tags",
			`{"IdentityPoolId":"POOL","Logins":{"login.my.app":"a"},"PrincipalTags":{"aws:x":"y"}}`,
			"InvalidParameterException", "principal tags"},
		{"GetOpenIdTokenForDeveloperIdentity", "bad login",
			`{"IdentityPoolId":"POOL","Logins":{"login.my.app":"a","ISSUER":"AUDIENCE"}}`, "NotAuthorizedException",
			"token audience"},
		{"GetOpenIdTokenForDeveloperIdentity", "unknown identity",
			`{"IdentityPoolId":"POOL","IdentityId":"NONE","Logins":{"login.my.app":"a"}}`, "ResourceNotFoundException",
			"identity"},
		{"GetOpenIdTokenForDeveloperIdentity", "registered elsewhere",
			`{"IdentityPoolId":"POOL","IdentityId":"GUEST","Logins":{"login.my.app":"a"}}`,
			"DeveloperUserAlreadyRegisteredException", "developer user identifier"},
		{"GetOpenIdTokenForDeveloperIdentity", "not linked",
			`{"IdentityPoolId":"POOL","IdentityId":"IDA","Logins":{"login.my.app":"new"}}`, "NotAuthorizedException",
			"linked logins"},
		{"GetOpenIdTokenForDeveloperIdentity", "merged away",
			`{"IdentityPoolId":"POOL","IdentityId":"MERGED","Logins":{"login.my.app":"new"}}`,
			"NotAuthorizedException", "identity"},
		{"GetOpenIdTokenForDeveloperIdentity", "second user of a provider",
			`{"IdentityPoolId":"POOL","Logins":{"login.my.app":"c","ISSUER":"BOB"}}`, "ResourceConflictException",
			"link"},

		{"LookupDeveloperIdentity", "unknown user", `{"IdentityPoolId":"POOL","DeveloperUserIdentifier":"nobody"}`,
			"ResourceNotFoundException", "developer user identifier"},
		{"LookupDeveloperIdentity", "unknown identity", `{"IdentityPoolId":"POOL","IdentityId":"NONE"}`,
			"ResourceNotFoundException", "identity"},
		{"LookupDeveloperIdentity", "another's user",
			`{"IdentityPoolId":"POOL","IdentityId":"GUEST","DeveloperUserIdentifier":"a"}`,
			"ResourceConflictException", "developer user identifier"},

		{"MergeDeveloperIdentities", "unknown pool",
			`{"IdentityPoolId":"NONE","DeveloperProviderName":"login.my.app","SourceUserIdentifier":"a",` +
				`"DestinationUserIdentifier":"c"}`, "ResourceNotFoundException", "identity pool"},
		{"MergeDeveloperIdentities", "another provider",
			`{"IdentityPoolId":"POOL","DeveloperProviderName":"login.other","SourceUserIdentifier":"a",` +
				`"DestinationUserIdentifier":"c"}`, "InvalidParameterException", "developer provider"},
		{"MergeDeveloperIdentities", "unknown user",
			`{"IdentityPoolId":"POOL","DeveloperProviderName":"login.my.app","SourceUserIdentifier":"nobody",` +
				`"DestinationUserIdentifier":"c"}`, "ResourceNotFoundException", "developer user identifier"},

		{"UnlinkDeveloperIdentity", "another provider",
			`{"IdentityPoolId":"POOL","IdentityId":"IDA","DeveloperProviderName":"login.other",` +
				`"DeveloperUserIdentifier":"a"}`, "InvalidParameterException", "developer provider"},
		{"UnlinkDeveloperIdentity", "unknown identity",
			`{"IdentityPoolId":"POOL","IdentityId":"NONE","DeveloperProviderName":"login.my.app",` +
				`"DeveloperUserIdentifier":"a"}`, "ResourceNotFoundException", "identity"},
		{"UnlinkDeveloperIdentity", "unknown user",
			`{"IdentityPoolId":"POOL","IdentityId":"IDA","DeveloperProviderName":"login.my.app",` +
				`"DeveloperUserIdentifier":"nobody"}`, "ResourceNotFoundException", "developer user identifier"},
		{"UnlinkDeveloperIdentity", "another's user",
			`{"IdentityPoolId":"POOL","IdentityId":"IDA","DeveloperProviderName":"login.my.app",` +
				`"DeveloperUserIdentifier":"c"}`, "ResourceConflictException", "developer user identifier"},

		{"UnlinkIdentity", "unknown identity",
			`{"IdentityId":"NONE","Logins":{"ISSUER":"ALICE"},"LoginsToRemove":["ISSUER"]}`,
			"ResourceNotFoundException", "identity"},
		{"UnlinkIdentity", "no login", `{"IdentityId":"ALICEID","Logins":{},"LoginsToRemove":["ISSUER"]}`,
			"NotAuthorizedException", "linked logins"},
		{"UnlinkIdentity", "another's login",
			`{"IdentityId":"ALICEID","Logins":{"ISSUER":"BOB"},"LoginsToRemove":["ISSUER"]}`, "NotAuthorizedException",
			"linked logins"},
		{"UnlinkIdentity", "developer provider",
			`{"IdentityId":"CAROLID","Logins":{"ISSUER":"ALICE"},"LoginsToRemove":["login.my.app"]}`,
			"InvalidParameterException", "logins to remove"},

		{"DescribeIdentity", "unknown identity", `{"IdentityId":"NONE"}`, "ResourceNotFoundException", "identity"},

		{"SetIdentityPoolRoles", "unknown pool", `{"IdentityPoolId":"NONE","Roles":{}}`, "ResourceNotFoundException",
			"identity pool"},
		{"SetIdentityPoolRoles", "not an ARN",
			`{"IdentityPoolId":"POOL","Roles":{"authenticated":"aaaaaaaaaaaaaaaaaaaaa"}}`, "NotAuthorizedException",
			"role"},
		{"SetIdentityPoolRoles", "another account",
			`{"IdentityPoolId":"POOL","Roles":{"authenticated":"arn:aws:iam::111111111111:role/x"}}`,
			"NotAuthorizedException", "role"},
		{"SetIdentityPoolRoles", "may not pass",
			`{"IdentityPoolId":"POOL","Roles":{"authenticated":"arn:aws:iam::000000000000:role/x"}}`,
			"NotAuthorizedException", "role"},
		{"SetIdentityPoolRoles", "unknown provider",
			rules("https://idp.example", `"Type":"Token","AmbiguousRoleResolution":"Deny"`),
			"InvalidParameterException", "role mapping of https://idp.example"},
		{"SetIdentityPoolRoles", "no resolution", rules("PROVIDER", `"Type":"Token"`), "InvalidParameterException",
			"role mapping of " + info.OIDCProviderARN},
		{"SetIdentityPoolRoles", "no rules", rules("PROVIDER", `"Type":"Rules","AmbiguousRoleResolution":"Deny"`),
			"InvalidParameterException", "role mapping of " + info.OIDCProviderARN},
		{"SetIdentityPoolRoles", "rules for a token",
			rules("PROVIDER",
				`"Type":"Token","AmbiguousRoleResolution":"Deny","RulesConfiguration":{"Rules":[`+rule+`]}`),
			"InvalidParameterException", "role mapping of " + info.OIDCProviderARN},
		{"SetIdentityPoolRoles", "too many rules",
			rules("PROVIDER",
				`"Type":"Rules","AmbiguousRoleResolution":"Deny","RulesConfiguration":{"Rules":[`+rule+`,`+rule+`]}`),
			"InvalidParameterException", "role mapping of " + info.OIDCProviderARN},
		{"SetIdentityPoolRoles", "two of one provider",
			`{"IdentityPoolId":"POOL","Roles":{},"RoleMappings":{"PROVIDER":{"Type":"Token",` +
				`"AmbiguousRoleResolution":"Deny"},"ISSUER":{"Type":"Token","AmbiguousRoleResolution":"Deny"}}}`,
			"InvalidParameterException", "role mapping of " + info.OIDCProviderARN},
	} {
		t.Run(test.operation+" "+test.name, func(t *testing.T) {
			body := strings.NewReplacer(values...).Replace(test.body)
			if !json.Valid([]byte(body)) {
				t.Fatalf("the test's body is no JSON: %s", body)
			}
			id, secret := "test", "test"
			if test.name == "may not pass" {
				id, secret = limited.ID, limitedSecret
			}

			got := s.Raw(t, test.operation, body, false,
				func(r *http.Request) {
					wiretest.SignWith(t, r, body, "cognito-identity", wiretest.Region, id,
						secret)
				})
			wiretest.Equal(t, "answer "+got.Body, got.Header.Get("x-amzn-ErrorType"), test.code+":")
			mu.Lock()
			trace := traces[got.Header.Get("x-amzn-RequestId")]
			mu.Unlock()

			for _, step := range trace.Steps {
				if !step.OK && (step.Check == test.check || step.Title() == test.check) {
					if step.Expected == "" || step.Got == "" || step.Fix == "" {
						t.Errorf("the step is not complete: %+v", step)
					}
					return
				}
			}

			t.Errorf("no failed check %q: %s", test.check, fmt.Sprintf("%+v", trace.Steps))
		})
	}
}
