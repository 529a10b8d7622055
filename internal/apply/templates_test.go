package apply_test

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// template reads a file of testdata/templates, which have the shapes of what tools write.
func (r *rig) template(name string, o apply.ReadOptions) (*apply.File, error) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "templates", name))
	if err != nil {
		r.t.Fatal(err)
	}
	o.Region = region
	text = []byte(strings.Replace(string(text), `"METADATA"`, metadata(r.t)[0], 1))

	return apply.Read(text, o)
}

// applied applies a file.
func (r *rig) applied(file *apply.File, name string) *apply.Result {
	r.t.Helper()
	r.transcript.Reset()
	result, err := apply.Apply(r.t.Context(), r.client, file, apply.Options{Name: name, Out: &r.transcript})
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.transcript.String())
	}

	return result
}

// What AWS's tools write is applied: the second time without a change, and an export of it makes
// the same on an empty server.
func TestTemplates(t *testing.T) {
	const noUserPools = "this server has no user pools"
	unknown := apply.ReadOptions{IgnoreUnknown: true}
	for _, test := range []struct {
		file    string
		options apply.ReadOptions
		refused string // without --ignore-unknown; "" = it is not
		name    string // that the file tells
		made    string
		left    string
		outputs map[string]string
		unknown string // outputs without a value
	}{
		{
			file: "cdk-minimal.yaml",
			name: "Minimal",
			made: "PoolD3F588B8 PoolAuthenticatedRoleF46F2D22 PoolUnauthenticatedRoleD84FEE8E " +
				"PoolDefaultRoleAttachmentB0D1A3B7",
		},
		{
			file: "cdk-legacy.json",
			name: "Legacy",
			made: "PoolD3F588B8 PoolAuthenticatedRoleF46F2D22 PoolUnauthenticatedRoleD84FEE8E " +
				"PoolDefaultRoleAttachmentB0D1A3B7",
		},
		{
			file:    "cdk-providers.json",
			options: unknown,
			refused: `unknown type of Users0A0EEA89 "AWS::Cognito::UserPool": ` + noUserPools,
			name:    "Providers",
			made:    "Oidc70BFA75F Saml Pool AdminRole AuthRole Roles",
			left: "Users0A0EEA89 Client01B0629F Admins " +
				"CustomAWSCDKOpenIdConnectProviderCustomResourceProviderRole517FED65 " +
				"CustomAWSCDKOpenIdConnectProviderCustomResourceProviderHandlerF2C543E0",
			outputs: map[string]string{"PoolId": "POOL", "Issuer": "idp.example.com"},
			unknown: "UserPool",
		},
		{
			file: "cdk-l1.json",
			name: "L1",
			made: "Pool GuestRole Files UserRole Helper Roles Tags",
			outputs: map[string]string{
				"PoolId": "POOL",
				"Guest":  "arn:aws:iam::000000000000:role/GuestRole",
			},
		},
		{
			file:    "cdk-l1.json",
			options: apply.ReadOptions{Parameters: map[string]string{"Guests": "false", "PoolName": "other"}},
			name:    "L1",
			made:    "Pool Files UserRole Helper Roles Tags",
			outputs: map[string]string{"PoolId": "POOL"},
		},
		{
			file:    "amplify.json",
			options: unknown,
			refused: `unknown type of authUserPoolAppClient "AWS::Cognito::UserPoolClient": ` + noUserPools,
			made: "authIdentityPool authauthenticatedUserRole authunauthenticatedUserRole authadminsGroupRole " +
				"authIdentityPoolRoleAttachment",
			left: "authUserPool authUserPoolAppClient authadminsGroup",
			outputs: map[string]string{
				"identityPoolId":   "POOL",
				"authRegion":       region,
				"signupAttributes": `["email"]`,
				"socialProviders":  "",
			},
			unknown: "userPoolId",
		},
		{
			file:    "serverless.json",
			options: unknown,
			refused: `unknown type of ServerlessDeploymentBucket "AWS::S3::Bucket": Poolhouse has no resource of `,
			made:    "Pool Auth Attach",
			left:    "ServerlessDeploymentBucket ServerlessDeploymentBucketPolicy Users Client",
			outputs: map[string]string{"PoolId": "POOL"},
			unknown: "ServerlessDeploymentBucketName",
		},
		{
			file:    "sam.json",
			options: unknown,
			refused: `unknown type of Fn "AWS::Lambda::Function"`,
			made:    "Pool Guest Roles",
			left:    "Fn FnRole",
			outputs: map[string]string{"PoolId": "POOL"},
			unknown: "Fn",
		},
	} {
		t.Run(test.file, func(t *testing.T) {
			r := newRig(t)
			if test.refused != "" {
				_, err := r.template(test.file, apply.ReadOptions{})
				wantError(t, err, test.refused)
			}
			file, err := r.template(test.file, test.options)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "the name", file.Name, cmp.Or(test.name, apply.DefaultName))

			result := r.applied(file, "stack")
			var made, left []string
			for _, one := range result.Resources {
				made = append(made, one.Name)
				if one.Action != "create" || one.PhysicalID == "" {
					t.Errorf("%+v", one)
				}
			}
			for _, one := range result.Skipped {
				left = append(left, one.Name)
			}
			equal(t, "made", strings.Join(made, " "), test.made)
			equal(t, "left out", strings.Join(left, " "), test.left)
			sameOutputs(t, result, test.outputs, test.unknown)

			again := r.applied(file, "stack")
			equal(t, "pools", again.Pools, result.Pools)
			for _, one := range again.Resources {
				equal(t, one.Name, one.Action, "none")
			}
			(&scenario{rig: r}).sameElsewhere()
		})
	}
}

func sameOutputs(t *testing.T, result *apply.Result, want map[string]string, unknown string) {
	t.Helper()

	got := map[string]string{}
	var missing []string

	for name, o := range result.Outputs {
		switch o.Value {
		case result.Pools[0].ID:
			o.Value = "POOL"
		}
		if o.Unknown != "" {
			missing = append(missing, name)
		} else {
			got[name] = o.Value
		}
	}

	if want == nil {
		want = map[string]string{}
	}
	equal(t, "outputs", got, want)

	slices.Sort(missing)
	equal(t, "outputs without a value", strings.Join(missing, " "), unknown)
}

// sameElsewhere checks that an export makes the same on an empty server, but for pool IDs, which
// it keeps.
func (s *scenario) sameElsewhere() {
	s.t.Helper()
	exported := string(s.export(false).File)
	target := newRig(s.t)
	target.must(exported)
	equal(s.t, "exported again", string(target.export(false).File), exported)
}

// What a template's policies give reaches the role: inline, attached, and in a circle of roles.
func TestTemplatePolicies(t *testing.T) {
	r := newRig(t)
	file, err := r.template("cdk-l1.json", apply.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.applied(file, "l1")
	exported := string(r.export(false).File)
	contains(t, exported, "PolicyName: UserRoleDefaultPolicy",
		`"arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub}/*"`, "MaxSessionDuration: \"3600\"",
		"Key: stack\n          Value: L1\n")
	contains(t, strings.Join(file.Notes, "\n"),
		"UserRoleDefaultPolicy is an inline policy of the role UserRole",
		"the rule CheckBootstrapVersion is taken as met")
	lacks(t, strings.Join(file.Notes, "\n"), "Systems Manager")

	out := struct {
		Policies []string `xml:"ListAttachedRolePoliciesResult>AttachedPolicies>member>PolicyArn"`
	}{}
	if err := r.client.Query(t.Context(), "iam", "2010-05-08", "ListAttachedRolePolicies",
		map[string][]string{"RoleName": {"UserRole"}}, &out); err != nil {
		t.Fatal(err)
	}
	equal(t, "attached", out.Policies, []string{"arn:aws:iam::000000000000:policy/Files"})
}

// What refers to a resource that is left out is refused with both names, but for outputs.
func TestTemplateRefersToWhatIsLeftOut(t *testing.T) {
	const bucket = "  Bucket: {Type: AWS::S3::Bucket}\n"
	policy := func(resource string) string {
		return "Resources:\n" + bucket + "  May:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n" +
			"      PolicyDocument: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Action: \"s3:*\", Resource: " +
			resource + "}]}\n"
	}
	for name, text := range map[string]string{
		"attribute": policy("!GetAtt Bucket.Arn"),
		"text":      policy("!Sub \"${Bucket.Arn}/*\""),
		"piece":     policy("!Select [0, !Split [\":\", !GetAtt Bucket.Arn]]"),
	} {
		_, err := apply.Read([]byte(text), apply.ReadOptions{IgnoreUnknown: true})
		wantError(t, err, "line 6: May refers to Bucket, an AWS::S3::Bucket that is left out: "+
			"Poolhouse has no resource of this type")
		if t.Failed() {
			t.Log(name)
		}
		_, err = apply.Read([]byte(text), apply.ReadOptions{})
		wantError(t, err, `line 2: unknown type of Bucket "AWS::S3::Bucket": Poolhouse has no resource of this type; `+
			`--ignore-unknown leaves it out`)
	}

	file, err := apply.Read([]byte("Resources:\n"+bucket+"Outputs: {B: {Value: !Ref Bucket}}\n"),
		apply.ReadOptions{IgnoreUnknown: true})
	if err != nil || len(file.Resources) != 0 || file.Outputs[0].Unknown == "" || file.Outputs[0].Value != nil {
		t.Errorf("%+v, %v", file, err)
	}
}

// Two files whose resources have no names make their own, and keep them.
func TestNamesOfTwoFiles(t *testing.T) {
	r := newRig(t)
	text := "Resources:\n" +
		"  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: \"2012-10-17\", " +
		"Statement: [{Effect: Allow, Principal: {AWS: \"000000000000\"}, Action: \"sts:AssumeRole\"}]}}}\n" +
		"  May: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Version: \"2012-10-17\", " +
		"Statement: [{Effect: Allow, Action: \"s3:*\", Resource: \"*\"}]}}}\n" +
		"  Corp: {Type: AWS::IAM::SAMLProvider, Properties: {SamlMetadataDocument: " + metadata(t)[0] + "}}\n"
	named := func(name string) map[string]string {
		ids := map[string]string{}
		for _, one := range r.applied(readAll(t, text), name).Resources {
			ids[one.Name] = one.PhysicalID
		}
		return ids
	}

	first, second := named("a"), named("b")
	equal(t, "the first file's names", first, map[string]string{
		"Role": "Role",
		"May":  "arn:aws:iam::000000000000:policy/May",
		"Corp": "arn:aws:iam::000000000000:saml-provider/Corp",
	})
	equal(t, "the second file's names", second, map[string]string{
		"Role": "b-Role-e94c45aa",
		"May":  "arn:aws:iam::000000000000:policy/b-May-1389023f",
		"Corp": "arn:aws:iam::000000000000:saml-provider/b-Corp-34f5e3fb",
	})

	// Neither moves to a name that becomes free.
	equal(t, "the first again", named("a"), first)
	if _, err := apply.Apply(t.Context(), r.client, readAll(t, "Resources: {}\n"),
		apply.Options{Name: "a", Prune: true, Out: &r.transcript}); err != nil {
		t.Fatal(err)
	}
	equal(t, "the second again", named("b"), second)
	contains(t, r.transcript.String(), "0 to create, 0 to update, 0 to delete, 3 without change")

	// A name that is too long is shortened.
	long := strings.Repeat("Long", 30)
	ids := r.applied(readAll(t, strings.Replace(text, "  Role:", "  "+long+":", 1)), "c")
	if id := ids.Resources[0].PhysicalID; len(id) != 64 || !strings.HasPrefix(id, "c-LongLong") {
		t.Errorf("the long name is %q", id)
	}
}

// A parameter with NoEcho is neither in the plan nor in an error.
func TestParametersWithNoEcho(t *testing.T) {
	const secret = `hunter"2 & more`
	text := `Parameters: {Secret: {Type: String, NoEcho: true}}
Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Properties:
      AllowUnauthenticatedIdentities: true
      IdentityPoolName: shop
      IdentityPoolTags: {secret: !Sub "x-${Secret}"}
      DeveloperProviderName: !Ref Provider
`
	text = strings.Replace(text, "!Ref Provider", "!Ref Secret", 1)
	file, err := apply.Read([]byte(text), apply.ReadOptions{Parameters: map[string]string{"Secret": secret}})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	var plan strings.Builder
	_, err = apply.Apply(t.Context(), r.client, file, apply.Options{Name: "f", Out: &plan})
	if err == nil {
		t.Fatal("a developer provider's name with blanks was taken")
	}
	contains(t, plan.String(), `IdentityPoolTags: {"secret":"x-****"}`)
	lacks(t, plan.String()+err.Error(), "hunter", "more")
	contains(t, err.Error(), "****")

	visible := strings.Replace(text, ", NoEcho: true", "", 1)
	file, err = apply.Read([]byte(visible), apply.ReadOptions{Parameters: map[string]string{"Secret": secret}})
	if err != nil {
		t.Fatal(err)
	}
	plan.Reset()
	_, err = apply.Apply(t.Context(), r.client, file, apply.Options{Name: "f", Out: &plan})
	contains(t, plan.String(), `x-hunter`)
	wantError(t, err, "hunter")
}

// When a secret is changed, the old one is not shown either, and nothing that is made of one.
func TestRotatedSecrets(t *testing.T) {
	text := `Parameters:
  Secret: {Type: String, NoEcho: true}
  List: {Type: CommaDelimitedList, NoEcho: true, Default: "first-one,second-one"}
  Fixed: {Type: String, Default: login.shop}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: TRUST
      Description: !Ref Secret
      Tags:
        encoded: !Base64 {"Fn::Sub": "x${Secret}"}
        joined: !Join ["-", [a, !Ref Secret]]
        element: !Select [1, !Ref List]
        part: !Select [0, !Split ["/", !Ref Secret]]
        plain: !Sub "${Fixed}"
  Pool:
    Type: AWS::Cognito::IdentityPool
    Properties: {AllowUnauthenticatedIdentities: true, DeveloperProviderName: !Ref Fixed}
`
	text = strings.Replace(text, "TRUST", rootTrust, 1)
	r := newRig(t)
	applyWith := func(text string, parameters map[string]string) (string, error) {
		file, err := apply.Read([]byte(text), apply.ReadOptions{Parameters: parameters})
		if err != nil {
			t.Fatal(err)
		}
		var plan strings.Builder
		_, err = apply.Apply(t.Context(), r.client, file, apply.Options{Name: "f", Out: &plan})
		return plan.String(), err
	}

	old := []string{"oldpart", "oldrest", "second-one", "eG9sZHBhcnQvb2xkcmVzdA=="}
	out, err := applyWith(text, map[string]string{"Secret": "oldpart/oldrest"})
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, `"plain":"login.shop"`, `"joined":"a-****"`, `"encoded":"****"`, `"element":"****"`,
		`"part":"****"`)
	lacks(t, out, old...)

	out, err = applyWith(text, map[string]string{"Secret": "newpart/newrest", "List": "other-one,another-one"})
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, `Description: "****" -> "****"`, `Tags.joined: "****" -> "a-****"`,
		`Tags.encoded: "****" -> "****"`)
	lacks(t, out, append(old, "newpart", "another-one")...)

	// A property that cannot change: neither secret is in the error, in quotes neither.
	text = strings.Replace(text, "        plain: !Sub \"${Fixed}\"\n", "", 1)
	secret := strings.Replace(text, "Fixed: {Type: String,", "Fixed: {Type: String, NoEcho: true,", 1)
	out, err = applyWith(secret, map[string]string{
		"Secret": "newpart/newrest", "List": "other-one,another-one", "Fixed": `hunt"er`,
	})
	wantError(t, err, `DeveloperProviderName is "****" and cannot be changed to "****"`)
	lacks(t, out+err.Error(), "login.shop", "hunt", "newpart")
}

// Names of a file's resources do not depend on the order of a map.
func TestTemplateIsStable(t *testing.T) {
	r := newRig(t)
	first, err := r.template("cdk-l1.json", apply.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := r.template("cdk-l1.json", apply.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, resource := range first.Resources {
			equal(t, "order", again.Resources[i].Name, resource.Name)
		}
	}
}
