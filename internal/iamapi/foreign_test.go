package iamapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// foreignIAM are the IAM API's operations on a thing that exists, with the thing
// of another account: ROLE, POLICY, OIDC and SAML. Others are in ownIAM.
var foreignIAM = map[string]string{
	"GetRole":                       "RoleName=ROLE",
	"UpdateRole":                    "RoleName=ROLE&MaxSessionDuration=3601",
	"UpdateRoleDescription":         "RoleName=ROLE&Description=d",
	"UpdateAssumeRolePolicy":        "RoleName=ROLE&PolicyDocument=TRUST",
	"DeleteRole":                    "RoleName=ROLE",
	"TagRole":                       "RoleName=ROLE&Tags.member.1.Key=k&Tags.member.1.Value=v",
	"UntagRole":                     "RoleName=ROLE&TagKeys.member.1=k",
	"ListRoleTags":                  "RoleName=ROLE",
	"ListInstanceProfilesForRole":   "RoleName=ROLE",
	"GetInstanceProfile":            "InstanceProfileName=ROLE",
	"PutRolePermissionsBoundary":    "RoleName=ROLE&PermissionsBoundary=POLICY",
	"DeleteRolePermissionsBoundary": "RoleName=ROLE",
	"PutRolePolicy":                 "RoleName=ROLE&PolicyName=inline&PolicyDocument=ALLOW",
	"GetRolePolicy":                 "RoleName=ROLE&PolicyName=inline",
	"DeleteRolePolicy":              "RoleName=ROLE&PolicyName=inline",
	"ListRolePolicies":              "RoleName=ROLE",
	"AttachRolePolicy":              "RoleName=ROLE&PolicyArn=POLICY",
	"DetachRolePolicy":              "RoleName=ROLE&PolicyArn=POLICY",
	"ListAttachedRolePolicies":      "RoleName=ROLE",

	"GetPolicy":               "PolicyArn=POLICY",
	"DeletePolicy":            "PolicyArn=POLICY",
	"CreatePolicyVersion":     "PolicyArn=POLICY&PolicyDocument=ALLOW",
	"GetPolicyVersion":        "PolicyArn=POLICY&VersionId=v1",
	"ListPolicyVersions":      "PolicyArn=POLICY",
	"SetDefaultPolicyVersion": "PolicyArn=POLICY&VersionId=v1",
	"DeletePolicyVersion":     "PolicyArn=POLICY&VersionId=v1",
	"ListEntitiesForPolicy":   "PolicyArn=POLICY",
	"TagPolicy":               "PolicyArn=POLICY&Tags.member.1.Key=k&Tags.member.1.Value=v",
	"UntagPolicy":             "PolicyArn=POLICY&TagKeys.member.1=k",
	"ListPolicyTags":          "PolicyArn=POLICY",

	"GetOpenIDConnectProvider":                "OpenIDConnectProviderArn=OIDC",
	"AddClientIDToOpenIDConnectProvider":      "OpenIDConnectProviderArn=OIDC&ClientID=c",
	"RemoveClientIDFromOpenIDConnectProvider": "OpenIDConnectProviderArn=OIDC&ClientID=app",
	"UpdateOpenIDConnectProviderThumbprint": "OpenIDConnectProviderArn=OIDC&" +
		"ThumbprintList.member.1=0000000000000000000000000000000000000000",
	"DeleteOpenIDConnectProvider":   "OpenIDConnectProviderArn=OIDC",
	"TagOpenIDConnectProvider":      "OpenIDConnectProviderArn=OIDC&Tags.member.1.Key=k&Tags.member.1.Value=v",
	"UntagOpenIDConnectProvider":    "OpenIDConnectProviderArn=OIDC&TagKeys.member.1=k",
	"ListOpenIDConnectProviderTags": "OpenIDConnectProviderArn=OIDC",

	"GetSAMLProvider":      "SAMLProviderArn=SAML",
	"UpdateSAMLProvider":   "SAMLProviderArn=SAML&SAMLMetadataDocument=METADATA",
	"DeleteSAMLProvider":   "SAMLProviderArn=SAML",
	"TagSAMLProvider":      "SAMLProviderArn=SAML&Tags.member.1.Key=k&Tags.member.1.Value=v",
	"UntagSAMLProvider":    "SAMLProviderArn=SAML&TagKeys.member.1=k",
	"ListSAMLProviderTags": "SAMLProviderArn=SAML",

	"SimulatePrincipalPolicy":          "PolicySourceArn=ROLEARN&ActionNames.member.1=s3:GetObject",
	"GetContextKeysForPrincipalPolicy": "PolicySourceArn=ROLEARN",
}

// ownIAM are the operations that list the caller's account, or make things in it.
var ownIAM = map[string]string{
	"ListRoles":                      "",
	"ListPolicies":                   "Scope=Local",
	"ListOpenIDConnectProviders":     "",
	"ListSAMLProviders":              "",
	"ListAccountAliases":             "",
	"GetAccountAuthorizationDetails": "",
	"GetUser":                        "",
	"GetAccountSummary":              "",
	"GetAccountPasswordPolicy":       "",

	"EnableOutboundWebIdentityFederation":  "",
	"GetOutboundWebIdentityFederationInfo": "",
	"DisableOutboundWebIdentityFederation": "",

	"ListUsers":                   "",
	"ListGroups":                  "",
	"ListInstanceProfiles":        "",
	"ListServerCertificates":      "",
	"ListVirtualMFADevices":       "",
	"CreateRole":                  "RoleName=ROLE&AssumeRolePolicyDocument=TRUST",
	"CreatePolicy":                "PolicyName=ROLE&PolicyDocument=ALLOW",
	"CreateOpenIDConnectProvider": "Url=https://shared.example&ClientIDList.member.1=b",
	"CreateSAMLProvider":          "Name=ROLE&SAMLMetadataDocument=METADATA",

	"SimulateCustomPolicy":          "PolicyInputList.member.1=ALLOW&ActionNames.member.1=s3:GetObject",
	"GetContextKeysForCustomPolicy": "PolicyInputList.member.1=ALLOW",
}

// Whoever holds another account's root key finds nothing of this account's and
// changes nothing of it, by any signed operation of the IAM and STS APIs; what is
// there is answered like what is not. The 23 operations are in TestAnotherAccountSeesNothing,
// the administrators' in TestAnotherAccountAdministersNothing.
func TestAnotherAccountTouchesNothing(t *testing.T) {
	const b = "111111111111"
	w := wiretest.StartTenants(t, []string{b})

	var missing []string
	for _, o := range iamapi.New(iamapi.Options{}).Operations() {
		if foreignIAM[o.Name()] == "" && !slices.Contains(keysOf(ownIAM), o.Name()) {
			missing = append(missing, o.Name())
		}
	}
	if len(missing) > 0 {
		t.Fatalf("the tables lack %q", missing)
	}

	metadata := samltest.New(t, time.Now().Truncate(time.Second), 0).Metadata()
	arn := "arn:aws:iam::" + wiretest.HomeAccount + ":"
	call := func(account, action, parameters, name string) (int, string, string, string) {
		values := wiretest.Must(url.ParseQuery(parameters))(t)
		for key, list := range values {
			values[key] = []string{map[string]string{
				"ROLE":     name,
				"ROLEARN":  arn + "role/" + name,
				"POLICY":   arn + "policy/" + name,
				"OIDC":     arn + "oidc-provider/" + strings.ToLower(name) + ".example",
				"SAML":     arn + "saml-provider/" + name,
				"TRUST":    wiretest.AccountTrust,
				"ALLOW":    wiretest.AccountAll,
				"METADATA": string(metadata),
			}[list[0]]}
			if values[key][0] == "" {
				values[key] = list
			}
		}

		values.Set("Action", action)
		values.Set("Version", "2010-05-08")
		body := values.Encode()
		r := wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL, strings.NewReader(body)))(t)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		key := w.Keys[account]
		wiretest.SignWith(t, r, body, "iam", wiretest.Region, key.AccessKeyID, key.SecretAccessKey)

		return wiretest.Answered(t, r)
	}

	for _, step := range [][2]string{
		{"CreatePolicy", "PolicyName=ROLE&PolicyDocument=ALLOW"},
		{"CreatePolicyVersion", "PolicyArn=POLICY&PolicyDocument=ALLOW&SetAsDefault=true"},
		{
			"CreateRole",
			"RoleName=ROLE&AssumeRolePolicyDocument=TRUST&PermissionsBoundary=POLICY&Tags.member.1.Key=k&" +
				"Tags.member.1.Value=1",
		},
		{"PutRolePolicy", "RoleName=ROLE&PolicyName=inline&PolicyDocument=ALLOW"},
		{"AttachRolePolicy", "RoleName=ROLE&PolicyArn=POLICY"},
		{"CreateOpenIDConnectProvider", "Url=https://shared.example&ClientIDList.member.1=app"},
		{"CreateSAMLProvider", "Name=ROLE&SAMLMetadataDocument=METADATA"},
		{"EnableOutboundWebIdentityFederation", ""},
	} {
		if status, code, message, _ := call(wiretest.HomeAccount, step[0], step[1], "Shared"); status != http.StatusOK {
			t.Fatalf("%s: %s %s", step[0], code, message)
		}
	}

	issuer := logintest.NewIssuer(t)
	m := w.Joins(t, wiretest.HomeAccount, issuer, "app")
	alice := w.SignIn(t, m, issuer, strings.TrimPrefix(issuer.URL, "http://"), "alice")

	state := func() string {
		var all strings.Builder
		for _, action := range []string{
			"GetAccountAuthorizationDetails",
			"GetOpenIDConnectProvider",
			"GetSAMLProvider",
			"ListOpenIDConnectProviders",
			"ListSAMLProviders",
			"GetOutboundWebIdentityFederationInfo",
		} {
			_, _, _, body := call(wiretest.HomeAccount, action, foreignIAM[action], "Shared")
			body, _, _ = strings.Cut(body, "<ResponseMetadata>")
			fmt.Fprintln(&all, body)
		}

		fmt.Fprintln(
			&all, w.Administer(t, wiretest.HomeAccount, "LookupIdentity", `{"IdentityId":"`+alice.Identity+`"}`).Body,
		)
		fmt.Fprintln(
			&all,
			w.Post(
				t,
				wiretest.HomeAccount,
				"cognito-identity",
				"AWSCognitoIdentityService.DescribeIdentityPool",
				`{"IdentityPoolId":"`+m.Pool+`"}`,
			).Body,
		)

		return all.String()
	}
	before := state()

	for _, action := range wiretest.Sorted(keysOf(foreignIAM)) {
		status, code, message, _ := call(b, action, foreignIAM[action], "Shared")
		absentStatus, absentCode, absentMessage, _ := call(b, action, foreignIAM[action], "Absent")
		absentMessage = strings.NewReplacer("Absent", "Shared", "absent", "shared").Replace(absentMessage)
		if status == http.StatusOK || status != absentStatus || code != absentCode || message != absentMessage {
			t.Errorf(
				"%s: %d %s %s; of what is not there: %d %s %s",
				action,
				status,
				code,
				message,
				absentStatus,
				absentCode,
				absentMessage,
			)
		}
	}

	const enable = "EnableOutboundWebIdentityFederation"
	for _, action := range wiretest.Sorted(keysOf(ownIAM)) {
		if strings.HasPrefix(action, "Create") || action == "GetAccountPasswordPolicy" { // there is none
			continue
		}
		if action != enable && strings.Contains(action, "OutboundWebIdentityFederation") {
			call(b, enable, "", "Shared") // so that there is something to see and to disable
		}
		if status, _, _, body := call(
			b, action, ownIAM[action], "Shared",
		); status != http.StatusOK || strings.Contains(body, wiretest.HomeAccount) {
			t.Errorf("%s: %d %s", action, status, body)
		}
	}

	for _, action := range wiretest.Sorted(keysOf(ownIAM)) { // the same names, in the caller's account
		if !strings.HasPrefix(action, "Create") {
			continue
		}
		if status, _, message, body := call(
			b, action, ownIAM[action], "Shared",
		); status != http.StatusOK || !strings.Contains(body, "arn:aws:iam::"+b) {
			t.Errorf("%s: %d %s %s", action, status, message, body)
		}
	}

	// STS: a role whose trust policy does not name the caller is like none.
	assume := func(role string) string {
		v := wiretest.Form("AssumeRole", "RoleArn", role, "RoleSessionName", "session")
		body := v.Encode()
		r := wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL, strings.NewReader(body)))(t)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		wiretest.SignWith(t, r, body, "sts", wiretest.Region, w.Keys[b].AccessKeyID, w.Keys[b].SecretAccessKey)
		_, code, message, _ := wiretest.Answered(t, r)
		return code + " " + strings.ReplaceAll(message, "Absent", "Shared")
	}
	wiretest.Equal(t, "AssumeRole", assume(arn+"role/Shared"), assume(arn+"role/Absent"))

	administer := func(operation, body string) string {
		got := w.Administer(t, b, operation, body)
		return fmt.Sprint(got.Status, got.Body)
	}
	const nobody = "us-east-1:00000000-0000-4000-8000-000000000000"
	for operation, body := range map[string]string{
		"LookupIdentity": `{"IdentityId":"IDENTITY"}`,
		"LoadIdentities": `{"IdentityPoolId":"POOL","Identities":[{"IdentityId":"` + nobody + `","Guest":true}]}`,
		"VerifySession": `{"AccessKeyId":"KEY","SessionToken":"TOKEN","Date":"` +
			time.Now().UTC().Format("20060102") + `","Region":"us-east-1","Service":"s3"}`,
	} {
		with := func(pool, identity, token string) string {
			got := administer(
				operation,
				strings.NewReplacer(
					"POOL", pool, "IDENTITY", identity, "KEY", alice.Key.AccessKeyID, "TOKEN", token,
				).Replace(body),
			)
			return strings.ReplaceAll(got, pool, nobody)
		}

		there, absent := with(m.Pool, alice.Identity, alice.Key.SessionToken), with(nobody, nobody, "garbage")
		if there != absent || strings.HasPrefix(there, "200") {
			t.Errorf("%s: %s; of what is not there: %s", operation, there, absent)
		}
	}

	if got := administer(
		"CreateIdentityPoolWithId",
		`{"IdentityPoolId":"`+m.Pool+`","Pool":{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true}}`,
	); strings.HasPrefix(got, "200") {
		t.Errorf("CreateIdentityPoolWithId: %s", got)
	}

	if got := administer("ListProviderSettings", `{}`); strings.Contains(got, wiretest.HomeAccount) {
		t.Errorf("ListProviderSettings: %s", got)
	}

	for _, of := range []string{
		`"AccessKeyId":"` + alice.Key.AccessKeyID + `"`,
		`"IdentityId":"` + alice.Identity + `"`,
		`"IdentityPoolId":"` + m.Pool + `"`,
		`"RoleArn":"` + m.Role + `"`,
	} {
		administer("RevokeSessions", "{"+of+"}") // whatever it answers
	}

	administer("SignOut", `{"ProviderName":"`+strings.TrimPrefix(issuer.URL, "http://")+`","Subject":"alice"}`)
	wiretest.Equal(t, "the user's session", alice.Session(t), "accepted")
	wiretest.Equal(t, "the user's login", alice.Refusal(t, m.Pool, alice.Logins), "accepted")

	wiretest.Equal(t, "the account afterwards", state(), before)
	_, err := w.Roles(b).GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("User")})
	wiretest.WantError(t, err, "NoSuchEntity", "")
}

func keysOf(m map[string]string) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}

	return keys
}
