package cognitoidentity

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

type validated interface{ Validate() []awsapi.Violation }

// inputs returns a new input of every operation.
func inputs() map[string]validated {
	return map[string]validated{
		"CreateIdentityPool": new(CreateIdentityPoolInput), "DeleteIdentities": new(DeleteIdentitiesInput),
		"DeleteIdentityPool": new(DeleteIdentityPoolInput), "DescribeIdentity": new(DescribeIdentityInput),
		"DescribeIdentityPool":      new(DescribeIdentityPoolInput),
		"GetCredentialsForIdentity": new(GetCredentialsForIdentityInput),
		"GetId":                     new(GetIdInput), "GetIdentityPoolRoles": new(GetIdentityPoolRolesInput),
		"GetOpenIdToken":                     new(GetOpenIdTokenInput),
		"GetOpenIdTokenForDeveloperIdentity": new(GetOpenIdTokenForDeveloperIdentityInput),
		"GetPrincipalTagAttributeMap":        new(GetPrincipalTagAttributeMapInput),
		"ListIdentities":                     new(ListIdentitiesInput),
		"ListIdentityPools":                  new(ListIdentityPoolsInput),
		"ListTagsForResource":                new(ListTagsForResourceInput),
		"LookupDeveloperIdentity":            new(LookupDeveloperIdentityInput),
		"MergeDeveloperIdentities":           new(MergeDeveloperIdentitiesInput),
		"SetIdentityPoolRoles":               new(SetIdentityPoolRolesInput),
		"SetPrincipalTagAttributeMap":        new(SetPrincipalTagAttributeMapInput),
		"TagResource":                        new(TagResourceInput),
		"UnlinkDeveloperIdentity":            new(UnlinkDeveloperIdentityInput),
		"UnlinkIdentity":                     new(UnlinkIdentityInput), "UntagResource": new(UntagResourceInput),
		"UpdateIdentityPool": new(IdentityPool),
	}
}

// The texts are AWS's: pattern, length and map of logins as observed in public
// reports, the others in the same grammar.
func TestValidationMessages(t *testing.T) {
	const (
		pool   = `"IdentityPoolId":"us-east-1:0a"`
		logins = "Value at 'logins' failed to satisfy constraint: "
	)
	for _, tt := range []struct{ operation, input, want string }{
		{"GetId", `{` + pool + `,"Logins":{}}`, ""},
		{"GetId", `{` + pool + `,"AccountId":"123456789012","Logins":{"accounts.google.com":"eyJ"}}`, ""},
		{"GetId", `{}`, "Value null at 'identityPoolId' failed to satisfy constraint: Member must not be null"},
		{"GetId", `{"IdentityPoolId":"us-east-2:mock"}`,
			`Value 'us-east-2:mock' at 'identityPoolId' failed to satisfy constraint: Member must satisfy regular ` +
				`expression pattern: [\w-]+:[0-9a-f-]+`},
		{"GetId", `{` + pool + `,"Logins":{"p":""}}`,
			logins + "Map value must satisfy constraint: [Member must have length less than or equal to 50000, " +
				"Member must have length greater than or equal to 1]"},
		{"GetId", `{` + pool + `,"Logins":{"":"secret"}}`,
			logins + "Map keys must satisfy constraint: [Member must have length less than or equal to 128, " +
				"Member must have length greater than or equal to 1]"},
		{"GetId", `{` + pool +
			`,"Logins":{"a":"x","b":"x","c":"x","d":"x","e":"x","f":"x","g":"x","h":"x","i":"x","j":"x","k":"x"}}`,
			logins + "Member must have length less than or equal to 10"},
		{"GetId", `{"AccountId":"1a"}`,
			`Value '1a' at 'accountId' failed to satisfy constraint: Member must satisfy regular expression ` +
				`pattern: \d+; ` +
				"Value null at 'identityPoolId' failed to satisfy constraint: Member must not be null"},
		{"ListIdentityPools", `{"MaxResults":0}`,
			"Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or " +
				"equal to 1"},
		{"ListIdentityPools", `{"MaxResults":61}`,
			"Value '61' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 60"},
		{"ListIdentityPools", `{}`, "Value null at 'maxResults' failed to satisfy constraint: Member must not be null"},
		{"ListIdentityPools", `{"MaxResults":1,"NextToken":"a b"}`,
			`Value 'a b' at 'nextToken' failed to satisfy constraint: Member must satisfy regular expression ` +
				`pattern: [\S]+`},
		{"DeleteIdentities", `{"IdentityIdsToDelete":[]}`,
			"Value '[]' at 'identityIdsToDelete' failed to satisfy constraint: Member must have length greater " +
				"than or equal to 1"},
		{"DeleteIdentities", `{"IdentityIdsToDelete":["us-east-1:0a","x"]}`,
			`Value '[us-east-1:0a, x]' at 'identityIdsToDelete' failed to satisfy constraint: Member must satisfy ` +
				`constraint: [Member must have length less than or equal to 55, ` +
				`Member must have length greater than or equal to 1, Member must satisfy regular expression ` +
				`pattern: [\w-]+:[0-9a-f-]+]`},
		{"CreateIdentityPool", `{"IdentityPoolName":"my pool+=,.@-_\u000b1","AllowUnauthenticatedIdentities":false}`,
			""},
		{"CreateIdentityPool", `{"IdentityPoolName":"a/b"}`,
			`Value 'a/b' at 'identityPoolName' failed to satisfy constraint: Member must satisfy regular ` +
				`expression pattern: [\w\s+=,.@-]+; ` +
				"Value null at 'allowUnauthenticatedIdentities' failed to satisfy constraint: Member must not be null"},
		{"CreateIdentityPool",
			`{"IdentityPoolName":"a","AllowUnauthenticatedIdentities":true,"CognitoIdentityProviders":[{},` +
				`{"ClientId":"a-b"}]}`,
			`Value 'a-b' at 'cognitoIdentityProviders.2.member.clientId' failed to satisfy constraint: Member must ` +
				`satisfy regular expression pattern: [\w_]+`},
		{"CreateIdentityPool",
			`{"IdentityPoolName":"a","AllowUnauthenticatedIdentities":true,"SupportedLoginProviders":{"p":"a b"},` +
				`"OpenIdConnectProviderARNs":["short"]}`,
			`Value '{p=a b}' at 'supportedLoginProviders' failed to satisfy constraint: Map value must satisfy ` +
				`constraint: [Member must have length less than or equal to 128, ` +
				`Member must have length greater than or equal to 1, Member must satisfy regular expression ` +
				`pattern: [\w.;_/-]+]; ` +
				"Value '[short]' at 'openIdConnectProviderARNs' failed to satisfy constraint: Member must satisfy " +
				"constraint: [Member must have length less than or equal to 2048, " +
				"Member must have length greater than or equal to 20]"},
		{"SetIdentityPoolRoles", `{` + pool + `,"Roles":{"admin":"arn:aws:iam::111122223333:role/r"}}`,
			"Value '{admin=arn:aws:iam::111122223333:role/r}' at 'roles' failed to satisfy constraint: Map keys " +
				"must satisfy constraint: [Member must have length less than or equal to 128, " +
				"Member must have length greater than or equal to 1, Member must satisfy regular expression " +
				"pattern: (un)?authenticated]"},
		{"SetIdentityPoolRoles",
			`{` + pool + `,"Roles":{},"RoleMappings":{"p":{"Type":"Other",` +
				`"RulesConfiguration":{"Rules":[{"Claim":"é","MatchType":"Is","Value":"","RoleARN":"r"}]}},"q":{}}}`,
			"Value 'Other' at 'roleMappings.p.member.type' failed to satisfy constraint: Member must satisfy enum " +
				"value set: [Token, Rules]; " +
				"Value 'Is' at 'roleMappings.p.member.rulesConfiguration.rules.1.member.matchType' failed to " +
				"satisfy constraint: Member must satisfy enum value set: [Equals, Contains, StartsWith, NotEqual]; " +
				"Value '' at 'roleMappings.p.member.rulesConfiguration.rules.1.member.value' failed to satisfy " +
				"constraint: Member must have length greater than or equal to 1; " +
				"Value 'r' at 'roleMappings.p.member.rulesConfiguration.rules.1.member.roleARN' failed to satisfy " +
				"constraint: Member must have length greater than or equal to 20; " +
				"Value null at 'roleMappings.q.member.type' failed to satisfy constraint: Member must not be null"},
		{"SetIdentityPoolRoles",
			`{` + pool + `,"Roles":{},"RoleMappings":{"p":{"Type":"Rules","RulesConfiguration":{"Rules":[]}}}}`,
			"Value '[]' at 'roleMappings.p.member.rulesConfiguration.rules' failed to satisfy constraint: Member " +
				"must have length greater than or equal to 1"},
		{"GetOpenIdTokenForDeveloperIdentity",
			`{` + pool + `,"Logins":{"a":"b"},"TokenDuration":86401,"PrincipalTags":{"k":""}}`,
			"Value '{k=}' at 'principalTags' failed to satisfy constraint: Map value must satisfy " +
				"constraint: [Member must have length less than or equal to 256, " +
				"Member must have length greater than or equal to 1]; " +
				"Value '86401' at 'tokenDuration' failed to satisfy constraint: Member must have value less than " +
				"or equal to 86400"},
		{"TagResource",
			`{"ResourceArn":"arn:aws:cognito-identity:us-east-1:111122223333:identitypool/us-east-1:0a",` +
				`"Tags":{"k":""}}`, ""},
		{"UnlinkIdentity", `{"IdentityId":"us-east-1:0a"}`,
			"Value null at 'logins' failed to satisfy constraint: Member must not be null; " +
				"Value null at 'loginsToRemove' failed to satisfy constraint: Member must not be null"},
	} {
		in := inputs()[tt.operation]
		if err := json.Unmarshal([]byte(tt.input), in); err != nil {
			t.Fatalf("%s: %v", tt.input, err)
		}
		got := ""
		if found := in.Validate(); len(found) > 0 {
			_, got, _ = strings.Cut(awsapi.Invalid(found).Message, " detected: ")
		}

		if got != tt.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", tt.operation, tt.input, got, tt.want)
		}
	}
}

// Every operation of the model has an input here, so that the tests below miss none.
func TestInputsAreComplete(t *testing.T) {
	have := inputs()
	for _, op := range apiOperations {
		if have[op.name] == nil {
			t.Errorf("no input for %s", op.name)
		}
	}
	if len(have) != len(apiOperations) {
		t.Errorf("%d inputs for %d operations", len(have), len(apiOperations))
	}
}

// Whatever decodes can be validated, and a message can be made of the outcome.
func FuzzValidate(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"IdentityPoolId":"us-east-1:0a","Logins":{"a":"b"}}`,
		`{"Roles":{"x":""},"RoleMappings":{"a":{"RulesConfiguration":{"Rules":[{}]}}}}`,
		`{"CognitoIdentityProviders":[{"ClientId":"\u0000"}],"OpenIdConnectProviderARNs":[""],` +
			`"IdentityPoolTags":{"":""}}`,
		`{"MaxResults":-9223372036854775808,"NextToken":""}`, `{"IdentityIdsToDelete":["a","b"],"TokenDuration":0}`,
	} {
		f.Add([]byte(s))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		for name, in := range inputs() {
			if json.Unmarshal(body, in) != nil {
				continue
			}
			found := in.Validate()
			if len(found) == 0 {
				continue
			}
			if message := awsapi.Invalid(found).Message; !strings.Contains(message,
				"failed to satisfy constraint: Member must") &&
				!strings.Contains(message, "failed to satisfy constraint: Map ") {
				t.Errorf("%s: %s", name, message)
			}
		}
	})
}

// Printing a structure that carries a secret, in any way, does not print it.
func TestSecretsAreHidden(t *testing.T) {
	const secret = "s3cr3t"
	logins := map[string]string{"accounts.google.com": secret}
	credentials := Credentials{AccessKeyId: new("ASIA1"), SecretKey: new(secret), SessionToken: new(secret),
		Expiration: new(awsapi.Timestamp)}

	for _, v := range []any{
		GetIdInput{Logins: logins}, &GetIdInput{Logins: logins}, GetOpenIdTokenInput{Logins: logins},
		GetCredentialsForIdentityInput{Logins: logins},
		GetOpenIdTokenForDeveloperIdentityInput{Logins: logins}, UnlinkIdentityInput{Logins: logins}, credentials,
		&credentials,
		GetCredentialsForIdentityResponse{Credentials: &credentials}, GetOpenIdTokenResponse{Token: new(secret)},
		GetOpenIdTokenForDeveloperIdentityResponse{Token: new(secret)},
	} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "v", v)
		text := fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v) + log.String() + fmt.Sprint([]any{v}, struct{ V any }{v})
		if strings.Contains(text, secret) {
			t.Errorf("%T prints its secret: %s", v, text)
		}
		if !strings.Contains(text, "[hidden]") {
			t.Errorf("%T does not say that there is a secret: %s", v, text)
		}
	}

	if got, want := (GetIdInput{IdentityPoolId: new("us-east-1:0a"), Logins: logins}).String(),
		"[IdentityPoolId=us-east-1:0a Logins=[hidden]]"; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

// Answers leave absent members out, and keep empty lists and maps.
func TestWireForm(t *testing.T) {
	for _, tt := range []struct {
		v    any
		want string
	}{
		{GetIdResponse{IdentityId: new("us-east-1:0a")}, `{"IdentityId":"us-east-1:0a"}`},
		{TagResourceResponse{}, `{}`},
		{IdentityPool{IdentityPoolId: new("us-east-1:0a"), IdentityPoolName: new("n"),
			AllowUnauthenticatedIdentities: new(false)},
			`{"IdentityPoolId":"us-east-1:0a","IdentityPoolName":"n","AllowUnauthenticatedIdentities":false}`},
		{ListIdentityPoolsResponse{IdentityPools: []IdentityPoolShortDescription{}}, `{"IdentityPools":[]}`},
		{ListTagsForResourceResponse{Tags: map[string]string{}}, `{"Tags":{}}`},
		{GetCredentialsForIdentityResponse{IdentityId: new("i"),
			Credentials: &Credentials{AccessKeyId: new("a"), SecretKey: new("s"), SessionToken: new("t"),
				Expiration: new(awsapi.Timestamp)}},
			`{"IdentityId":"i","Credentials":{"AccessKeyId":"a","SecretKey":"s","SessionToken":"t",` +
				`"Expiration":-62135596800}}`},
	} {
		got, err := json.Marshal(tt.v)
		if err != nil {
			t.Errorf("%T: %v", tt.v, err)
		} else if diff := cmp.Diff(string(got), tt.want); diff != "" {
			t.Errorf("%T: got -, want +\n%s", tt.v, diff)
		}
	}
}
