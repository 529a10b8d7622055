package apply_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// manySettings is a user pool with settings of each form, with a client that has a secret, and a role that a
// group gives.
const manySettings = `
Resources:
  Staff:
    Type: AWS::Cognito::UserPool
    Metadata: { PoolhouseId: us-east-1_Staff }
    Properties:
      AliasAttributes: [email, phone_number]
      UsernameConfiguration: { CaseSensitive: false }
      AutoVerifiedAttributes: [email]
      AccountRecoverySetting: { RecoveryMechanisms: [{ Name: verified_email, Priority: 1 }] }
      AdminCreateUserConfig:
        AllowAdminCreateUserOnly: true
        InviteMessageTemplate: { EmailMessage: "Hello {username}, {####}" }
      DeletionProtection: ACTIVE
      EmailConfiguration: { EmailSendingAccount: COGNITO_DEFAULT, ReplyToEmailAddress: help@example.com }
      MfaConfiguration: "OFF"
      Policies: { PasswordPolicy: { MinimumLength: 10, TemporaryPasswordValidityDays: 3 } }
      Schema:
        - { Name: level, AttributeDataType: Number, Mutable: true, NumberAttributeConstraints: { MaxValue: "9" } }
        - { Name: email, AttributeDataType: String, Required: true }
        - { Name: name, StringAttributeConstraints: { MinLength: "1", MaxLength: "80" } }
      UserAttributeUpdateSettings: { AttributesRequireVerificationBeforeUpdate: [email] }
      UserPoolTags: { _issuer_: aws, "a b": "true" }
  Server:
    Type: AWS::Cognito::UserPoolClient
    Properties:
      UserPoolId: !Ref Staff
      GenerateSecret: true
      AccessTokenValidity: 10
      TokenValidityUnits: { AccessToken: minutes }
      EnableTokenRevocation: false
      PreventUserExistenceErrors: ENABLED
      ReadAttributes: [email, "custom:level"]
      RefreshTokenRotation: { Feature: ENABLED, RetryGracePeriodSeconds: 10 }
  Leads:
    Type: AWS::Cognito::UserPoolGroup
    Properties: { UserPoolId: !Ref Staff, Description: Team leads, RoleArn: !GetAtt Lead.Arn }
  Lead:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Federated: cognito-identity.amazonaws.com }
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringEquals: { "cognito-identity.amazonaws.com:aud": "us-east-1:11111111-2222-4333-8444-555555555555" }
`

// An export of user pools makes the same ones on an empty server, and changes nothing on the server that it
// is from.
func TestExportOfUserPools(t *testing.T) {
	r := newRig(t)
	r.applied(withUserPools(t, userPools), "pools")
	r.applied(withUserPools(t, manySettings), "pools")
	exported := r.export(false)
	file := string(exported.File)

	for _, want := range []string{
		"user pool us-east-1_Customers: its users (1), because nobody can read their passwords",
		"of the user pool us-east-1_Staff: its secret: apply makes another",
	} {
		contains(t, strings.Join(exported.Notes, "\n"), want)
	}
	contains(t, file, "PoolhouseId: us-east-1_Customers\n", "PoolhouseId: customersapp\n",
		"UserPoolId:\n        Ref: Staff")
	lacks(t, file, "alice", "UserPoolUser", "_custom_id_", "ClientSecret", "Name: nickname", "poolhouse:applied")
	equal(t, "what changes on the same server", actions(r.applied(withUserPools(t, file), "pools")), "")

	// A server without user pools takes the rest: identity pools name user pools by their names at AWS.
	rest, err := apply.Read(exported.File, apply.ReadOptions{IgnoreUnknown: true})
	if err != nil {
		t.Fatal(err)
	}
	production := newRig(t)
	production.refuse = refusing("CreateUserPool", "UnknownOperationException")
	production.applied(rest, "pools")
	contains(t, string(production.export(false).File),
		"ProviderName: cognito-idp.us-east-1.amazonaws.com/us-east-1_Customers")

	again := newRig(t)
	again.applied(withUserPools(t, file), "pools")
	copied := again.export(false)
	equal(t, "the file of the copy", string(copied.File), file)
	lacks(t, strings.Join(copied.Notes, "\n"), "its users")

	var out struct {
		UserPool struct{ UserPoolTags map[string]string }
	}
	if err := again.client.JSON(t.Context(), "cognito-idp", "AWSCognitoIdentityProviderService", "DescribeUserPool",
		map[string]any{"UserPoolId": "us-east-1_Staff"}, &out); err != nil {
		t.Fatal(err)
	}
	equal(t, "the issuer of the copy", out.UserPool.UserPoolTags["_issuer_"], "aws")
}

// refusing refuses an operation.
func refusing(operation, code string) func(string) *http.Response {
	return func(called string) *http.Response {
		if called != operation {
			return nil
		}
		return answer(http.StatusBadRequest, `{"__type":"`+code+`","message":"no"}`)
	}
}

// A server without user pools, or which lets nobody list them, is exported without them.
func TestExportWithoutUserPools(t *testing.T) {
	r := newRig(t)
	r.applied(withUserPools(t, userPools), "pools")
	for refusal, noted := range map[string]bool{"UnknownOperationException": false, "AccessDeniedException": true} {
		r.refuse = refusing("ListUserPools", refusal)
		exported := r.export(false)
		lacks(t, string(exported.File), "AWS::Cognito::UserPool\n")
		notes := strings.Join(exported.Notes, "\n")
		if strings.Contains(notes, "user pools: they cannot be read") != noted {
			t.Errorf("%s: notes %q", refusal, exported.Notes)
		}
	}

	r.refuse = refusing("DescribeUserPoolClient", "InternalErrorException")
	if _, err := exportWith(context.Background(), r, false); err == nil {
		t.Error("an export without a client that cannot be read")
	}
}
