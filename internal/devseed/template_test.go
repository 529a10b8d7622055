package devseed_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cdkTemplate has the shape of what `cdk synth` writes, with types that Poolhouse does not have.
const cdkTemplate = `{
 "Parameters": {
  "Guests": {"Type": "String", "Default": "true", "AllowedValues": ["true", "false"]},
  "BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}
 },
 "Conditions": {
  "HasGuests": {"Fn::Equals": [{"Ref": "Guests"}, "true"]},
  "Elsewhere": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}
 },
 "Resources": {
  "Bucket": {"Type": "AWS::S3::Bucket"},
  "Users": {"Type": "AWS::Cognito::UserPool"},
  "Client": {"Type": "AWS::Cognito::UserPoolClient", "Properties": {"UserPoolId": {"Ref": "Users"}}},
  "Pool": {
   "Type": "AWS::Cognito::IdentityPool",
   "Properties": {
    "IdentityPoolName": {"Fn::Join": ["-", [{"Ref": "AWS::StackName"}, "pool"]]},
    "AllowUnauthenticatedIdentities": {"Ref": "Guests"},
    "CognitoIdentityProviders": [
     {"ClientId": {"Ref": "Client"}, "ProviderName": {"Fn::GetAtt": ["Users", "ProviderName"]}}
    ]
   }
  },
  "Far": {
   "Type": "AWS::Cognito::IdentityPool",
   "Condition": "Elsewhere",
   "Properties": {"IdentityPoolName": "far", "AllowUnauthenticatedIdentities": true}
  },
  "Guest": {
   "Type": "AWS::IAM::Role",
   "Condition": "HasGuests",
   "Properties": {"AssumeRolePolicyDocument": {
    "Version": "2012-10-17",
    "Statement": [{
     "Effect": "Allow",
     "Principal": {"Federated": "cognito-identity.amazonaws.com"},
     "Action": "sts:AssumeRoleWithWebIdentity",
     "Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": {"Ref": "Pool"}}}
    }]
   }}
  },
  "GuestPolicy": {
   "Type": "AWS::IAM::Policy",
   "Properties": {
    "PolicyName": "read",
    "PolicyDocument": {
     "Version": "2012-10-17",
     "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]
    },
    "Roles": [{"Ref": "Guest"}]
   }
  },
  "Attachment": {
   "Type": "AWS::Cognito::IdentityPoolRoleAttachment",
   "Properties": {"IdentityPoolId": {"Ref": "Pool"}, "Roles": {"unauthenticated": {"Fn::GetAtt": ["Guest", "Arn"]}}}
  },
  "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Condition": "Elsewhere"}
 },
 "Outputs": {"BucketName": {"Value": {"Ref": "Bucket"}}}
}
`

// TestTemplateAsSeed checks that a template is a seed as it stands, and that it is told what the
// server does not have.
func TestTemplateAsSeed(t *testing.T) {
	r := start(t)
	path := r.write("App.template.json", cdkTemplate)
	printed := r.applied(path)

	for _, want := range []string{
		"Seed " + path + ": created Users, Client, Pool, Guest, Attachment\n",
		"  left out: Bucket, AWS::S3::Bucket: Poolhouse has no resource of this type\n",
		"  note: GuestPolicy is an inline policy of the role Guest\n",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q lacks %q", printed, want)
		}
	}

	for id, pool := range r.pools() {
		if pool.Name != "App.template-pool" || len(pool.Roles) != 1 {
			t.Errorf("the pool %s is %+v", id, pool)
		}
	}
	if len(r.pools()) != 1 {
		t.Errorf("the pools are %v", r.pools())
	}

	if printed := r.applied(path); !strings.Contains(printed, "no resource to change") {
		t.Errorf("printed %q", printed)
	}
}

// TestFolderOfTemplatesAsSeed checks that a folder of `cdk synth` gives its stacks, and nothing of
// the other files in it.
func TestFolderOfTemplatesAsSeed(t *testing.T) {
	r := start(t)
	r.write("App.template.json", cdkTemplate)
	r.write("App.assets.json", `{"version": "38.0.1"}`)
	r.write("manifest.json", `{"version": "38.0.1", "artifacts": {"App": {"type": "aws:cloudformation:stack",
		"properties": {"templateFile": "App.template.json", "stackName": "Shop"}}}}`)
	printed := r.applied(r.folder)
	want := filepath.Join(r.folder, "App.template.json") + ": created Users, Client, Pool"
	if !strings.Contains(printed, want) {
		t.Errorf("%q lacks %q", printed, want)
	}
	for id, pool := range r.pools() {
		if pool.Name != "Shop-pool" {
			t.Errorf("the pool %s is %+v", id, pool)
		}
	}

	// The file alone is of the same stack: what the folder made is there.
	if printed := r.applied(filepath.Join(r.folder, "App.template.json")); !strings.Contains(printed, "no resource") {
		t.Errorf("printed %q", printed)
	}
	if err := os.Remove(filepath.Join(r.folder, "App.template.json")); err != nil {
		t.Fatal(err)
	}
	_, err := r.apply(r.folder)
	r.refused(err, "App.template.json")
}

// TestValuesInSeedSections checks that users and identities may use the parameters and conditions of
// the template, and nothing that is made later.
func TestValuesInSeedSections(t *testing.T) {
	const parameters = `Parameters:
  Mail: {Type: String, Default: ann@example.com}
Conditions:
  IsTest: !Equals [!Ref Mail, x]
`
	text := parameters + strings.NewReplacer(
		"  alice: {email: alice@example.com, level: 12345678901234567890}", `  alice:
    email: !Sub "<${Mail}>"
    left: !If [IsTest, a, !Ref AWS::NoValue]`,
		"IdentityId: us-east-1:a", `IdentityId: !Sub "${AWS::Region}:a`,
		"aaaaaaa-2222-4333-8444-555555555555", `aaaaaaa-2222-4333-8444-555555555555"`,
	).Replace(shop)
	r := start(t)
	r.applied(r.write("shop.yaml", text))

	alice, err := r.seeder.Users.Get("alice")
	if err != nil || alice.Claims["email"] != "<ann@example.com>" {
		t.Errorf("alice is %+v, %v", alice, err)
	}
	if _, has := alice.Claims["left"]; has {
		t.Error("a claim without a value is there")
	}
	if got := r.identity(shopPool, "alice"); got != aliceID {
		t.Errorf("alice is %s", got)
	}

	for change, want := range map[[2]string]string{
		{`"1234"`, "!Ref Pool"}:                                          "line 33: Logins needs a value that is known",
		{"User: alice", "User: [a]"}:                                     "line 28: User needs text here",
		{"!Ref Other", "!Sub '${Other}-x'"}:                              "IdentityPoolId needs a value that is known",
		{"!Ref Other", "!Ref Poolhouse::DevLoginKey"}:                    "IdentityPoolId needs a value that is known",
		{"!Ref Poolhouse::DevProviderArn", "!Ref Poolhouse::DevProvidr"}: `unknown resource "Poolhouse::DevProvidr"`,
	} {
		path := r.write("bad.yaml", strings.Replace(text, change[0], change[1], 1))
		_, err := r.apply(path)
		r.refused(err, path+": line ", want)
	}

	r = start(t)
	r.applied(r.write("shop.yaml",
		strings.Replace(shop, "!Ref Poolhouse::DevProviderArn", `!Sub "${Poolhouse::DevProviderArn}"`, 1)))
	if got := r.identity(shopPool, "alice"); got != aliceID {
		t.Errorf("alice is %s", got)
	}
}
