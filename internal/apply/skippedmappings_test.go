package apply_test

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// Only the mapping of a provider that is left out is left out. Without another one, logins would get
// the default role.
func TestSkippedRoleMappings(t *testing.T) {
	const kept = "cognito-idp.us-east-1.amazonaws.com/us-east-1_AAAAAAAAA:c"
	text := `Resources:
  Users: {Type: AWS::Cognito::UserPool}
  Admins: {Type: AWS::Cognito::UserPoolGroup}
  Pool:
    Type: AWS::Cognito::IdentityPool
    Properties:
      AllowUnauthenticatedIdentities: true
      CognitoIdentityProviders:
        - {ProviderName: cognito-idp.us-east-1.amazonaws.com/us-east-1_AAAAAAAAA, ClientId: c}
        - {ProviderName: !GetAtt Users.ProviderName, ClientId: c}
  Roles:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: !Ref Pool
      RoleMappings:
        M:
          IdentityProvider: PROVIDER
          Type: Rules
          AmbiguousRoleResolution: Deny
          RulesConfiguration:
            Rules:
              - {Claim: g, MatchType: Equals, Value: VALUE, RoleARN: "arn:aws:iam::000000000000:role/a"}
`
	read := func(provider, value string) (*apply.File, error) {
		return apply.Read([]byte(strings.NewReplacer("PROVIDER", provider, "VALUE", value).Replace(text)),
			apply.ReadOptions{IgnoreUnknown: true})
	}
	mappings := func(provider, value string) map[string]any {
		file, err := read(provider, value)
		if err != nil {
			t.Fatal(err)
		}
		found, _ := file.Resources[1].Properties["RoleMappings"].(map[string]any)
		return found
	}

	for _, value := range []string{"!Ref Admins", "!Ref Users", `!Sub "x${Users.Arn}"`} {
		_, err := read(kept, value)
		wantError(t, err, "line 22: Roles refers to ")
		wantError(t, err, "that is left out")
	}
	if len(mappings(kept, "x")) != 1 {
		t.Error("the mapping of a provider that is there was left out")
	}
	text = strings.Replace(text, "IdentityPoolId: !Ref Pool", "IdentityPoolId: "+poolOne, 1)
	_, err := read("!GetAtt Users.ProviderName", "x")
	wantError(t, err, "line 17: Roles refers to Users")

	text = strings.Replace(text, "IdentityPoolId: "+poolOne, "IdentityPoolId: !Ref Pool", 1)
	for _, value := range []string{"x", "!Ref Admins"} {
		if len(mappings(`!Sub "${Users.ProviderName}:c"`, value)) != 0 {
			t.Error("the mapping of a provider that is left out was kept")
		}
	}
}
