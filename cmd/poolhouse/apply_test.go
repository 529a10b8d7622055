package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// applied has every type of resource and nearly every property.
const applied = `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Metadata: {PoolhouseId: "us-east-1:11111111-2222-4333-8444-555555555555"}
    Properties:
      IdentityPoolName: shop
      AllowUnauthenticatedIdentities: false
      AllowClassicFlow: true
      DeveloperProviderName: login.shop
      OpenIdConnectProviderARNs: [!GetAtt Issuer.Arn]
      SamlProviderARNs: [!Ref Corp]
      SupportedLoginProviders: {accounts.google.com: 123.apps.googleusercontent.com}
      CognitoIdentityProviders:
        - {ProviderName: cognito-idp.us-east-1.amazonaws.com/us-east-1_Example, ClientId: shopclient}
        - {ProviderName: cognito-idp.us-east-1.amazonaws.com/us-east-1_Other,
           ClientId: other, ServerSideTokenCheck: true}
      IdentityPoolTags: [{Key: team, Value: web}]
  Issuer:
    Type: AWS::IAM::OIDCProvider
    Properties:
      Url: "https://idp.example.com"
      ClientIdList: [shop-web]
      ThumbprintList: [cccccccccccccccccccccccccccccccccccccccc]
      Tags: [{Key: idp, Value: one}]
  Corp:
    Type: AWS::IAM::SAMLProvider
    Properties: {Name: corp-idp, SamlMetadataDocument: METADATA, Tags: [{Key: idp, Value: corp}]}
  Files:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: files
      Path: /shop/
      Description: what users may do with files
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:ListBucket", Resource: "*"}]}
      Tags: [{Key: of, Value: files}]
  Limit:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}
  UserRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: shop-user
      Path: /shop/
      Description: users who signed in
      MaxSessionDuration: 7200
      PermissionsBoundary: !Ref Limit
      ManagedPolicyArns: [!Ref Files]
      Tags: [{Key: cost, Value: low}, {Key: old, Value: "1"}]
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Federated: cognito-identity.amazonaws.com}
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringEquals: {"cognito-identity.amazonaws.com:aud": !Ref Pool}
              "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": authenticated}
      Policies:
        - PolicyName: own-files
          PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}
  Roles:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: !Ref Pool
      Roles: {authenticated: !GetAtt UserRole.Arn}
      RoleMappings:
        issuer:
          IdentityProvider: !Ref Issuer
          Type: Rules
          AmbiguousRoleResolution: Deny
          RulesConfiguration: {Rules: [{Claim: plan, MatchType: Equals, Value: gold, RoleARN: !GetAtt UserRole.Arn}]}
  Tags:
    Type: AWS::Cognito::IdentityPoolPrincipalTag
    Properties: {IdentityPoolId: !Ref Pool, IdentityProviderName: idp.example.com, PrincipalTags: {plan: plan}}
`

// appliedFile is applied with the metadata of an identity provider.
func appliedFile(t *testing.T) string {
	t.Helper()
	return strings.Replace(applied, "METADATA", metadata(t, samltest.New(t, time.Now(), 0)), 1)
}

func metadata(t *testing.T, idp *samltest.IdP) string {
	t.Helper()
	text, err := json.Marshal(idp.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// devServer is an empty development server; its URL.
func devServer(t *testing.T, change ...func(*poolhouse.Config)) string {
	t.Helper()

	config := poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:4599"}
	for _, f := range change {
		f(&config)
	}
	server, err := poolhouse.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server)
	t.Cleanup(func() { h.Close(); _ = server.Close() })

	return h.URL
}

// command runs a command line in this process.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, notes, err := commandOutputs(t, args...)
	_, _ = io.WriteString(t.Output(), notes)
	return out, err
}

// commandOutputs runs a command line in this process, with standard error.
func commandOutputs(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, notes strings.Builder
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&notes)
	err = root.ExecuteContext(context.WithoutCancel(t.Context()))
	return out.String(), notes.String(), err
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := command(t, args...)
	if err != nil {
		t.Fatalf("poolhouse %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func devKeys(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_REGION", "us-east-1")
}

func contains(t *testing.T, text string, wants ...string) {
	t.Helper()

	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

// A file is applied, twice, changed in every property that can change, and pruned.
func TestApply(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	idp, otherIdP := metadata(t, samltest.New(t, time.Now(), 0)), metadata(t, samltest.New(t, time.Now(), 1))
	original := strings.Replace(applied, "METADATA", idp, 1)
	apply := func(text string, more ...string) string {
		t.Helper()
		file := written(t, "shop.yaml", text)
		return mustRun(t, append([]string{"apply", "--endpoint", endpoint, "-f", file}, more...)...)
	}
	contains(t, apply(original, "--dry-run"), "8 to create")
	contains(t, apply(original), "8 to create", "created Corp", "created Tags")
	contains(t, apply(original), "0 to create, 0 to update, 0 to delete, 8 without change")

	changes := []struct{ from, to, plan string }{
		{"Value: web", "Value: shop", `IdentityPoolTags.team: "web" -> "shop"`},
		{"AllowClassicFlow: true", "AllowClassicFlow: false", "AllowClassicFlow: true -> false"},
		{"123.apps", "456.apps", `SupportedLoginProviders.accounts.google.com: "123.apps.googleusercontent.com" -> ` +
			`"456.apps.googleusercontent.com"`},
		{"ClientId: shopclient", "ClientId: newclient", "CognitoIdentityProviders: "},
		{"[shop-web]", "[shop-app]", `ClientIdList: ["shop-web"] -> ["shop-app"]`},
		{strings.Repeat("c", 40), strings.Repeat("d", 40), "ThumbprintList: "},
		{"Value: one", "Value: two", `Tags.idp: "one" -> "two"`},
		{idp, otherIdP, "SamlMetadataDocument: "},
		{"Value: corp", "Value: firm", `Tags.idp: "corp" -> "firm"`},
		{"s3:ListBucket", "s3:GetBucket*", "PolicyDocument.Statement: "},
		{"Value: files", "Value: documents", `Tags.of: "files" -> "documents"`},
		{`"s3:*"`, `"s3:Get*"`, "PolicyDocument.Statement: "},
		{"users who signed in", "signed-in users", `Description: "users who signed in" -> "signed-in users"`},
		{"MaxSessionDuration: 7200", "MaxSessionDuration: 3600", `MaxSessionDuration: "7200" -> "3600"`},
		{"PermissionsBoundary: !Ref Limit", "PermissionsBoundary: !Ref Files",
			`PermissionsBoundary: "arn:aws:iam::000000000000:policy/Limit" -> ` +
				`"arn:aws:iam::000000000000:policy/shop/files"`},
		{"ManagedPolicyArns: [!Ref Files]", "ManagedPolicyArns: [!Ref Limit]", "ManagedPolicyArns: "},
		{"Key: old", "Key: new", `Tags.old: "1" -> none`},
		{"amr\": authenticated", "amr\": \"auth*\"", "AssumeRolePolicyDocument.Statement: "},
		{"own-files", "their-files", "Policies: "},
		{"Value: gold", "Value: silver",
			"RoleMappings.arn:aws:iam::000000000000:oidc-provider/idp.example.com.RulesConfiguration.Rules: "},
		{"{plan: plan}", "{plan: level}", `PrincipalTags.plan: "plan" -> "level"`},
	}

	changed := original
	for _, c := range changes {
		if strings.Count(changed, c.from) == 0 {
			t.Fatalf("%.80s is not in the file", c.from)
		}
		changed = strings.ReplaceAll(changed, c.from, c.to)
		t.Run(c.to[:min(len(c.to), 40)], func(t *testing.T) {
			contains(t, apply(changed, "--dry-run"), "0 to create, 1 to update", c.plan)
			contains(t, apply(changed), "1 to update", c.plan)
			contains(t, apply(changed), "0 to create, 0 to update, 0 to delete, 8 without change")
		})
	}

	// All at once, and back; then what can be left out.
	contains(t, apply(original), "8 to update")
	contains(t, apply(original), "0 to update, 0 to delete, 8 without change")

	bare := original
	for _, line := range []string{"      PermissionsBoundary: !Ref Limit\n",
		"      Description: users who signed in\n", "      MaxSessionDuration: 7200\n",
		"      SamlProviderARNs: [!Ref Corp]\n",
		"      SupportedLoginProviders: {accounts.google.com: 123.apps.googleusercontent.com}\n",
		", Tags: [{Key: idp, Value: corp}]", "      AllowClassicFlow: true\n"} {
		if !strings.Contains(bare, line) {
			t.Fatalf("%q is not in the file", line)
		}
		bare = strings.Replace(bare, line, "", 1)
	}

	contains(t, apply(bare), "3 to update", `PermissionsBoundary: "arn:aws:iam::000000000000:policy/Limit" -> none`,
		`Description: "users who signed in" -> none`, `MaxSessionDuration: "7200" -> "3600"`)
	contains(t, apply(bare), "0 to update, 0 to delete, 8 without change")
	r, err := iamOf(endpoint).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("shop-user")})
	if err != nil || r.Role.PermissionsBoundary != nil || r.Role.Description != nil && *r.Role.Description != "" {
		t.Errorf("role = %+v, %v", r, err)
	}

	// Another file may not take a resource over, and prunes nothing of this one's.
	other := written(t, "other.yaml",
		"Resources:\n  Issuer: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://idp.example.com\"}}\n")
	if _, err := command(t, "apply", "--endpoint", endpoint, "-f", other); err == nil ||
		!strings.Contains(err.Error(), "shop/Issuer") {
		t.Errorf("another file's resource: %v", err)
	}
	other = written(t, "other.yaml", "Resources: {}\n")
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", other, "--prune"), "0 to delete")

	// A dry run changes nothing, with --prune as well.
	before := mustRun(t, "export", "--endpoint", endpoint)
	unchanged := func(step string) {
		t.Helper()
		if after := mustRun(t, "export", "--endpoint", endpoint); after != before {
			t.Errorf("%s changed the server:\n%s\nbefore:\n%s", step, after, before)
		}
	}

	contains(t, apply("Resources: {}\n", "--dry-run", "--prune"), "6 to delete", "- Pool AWS::Cognito::IdentityPool")
	unchanged("a dry run with --prune")
	contains(t, apply(changed, "--dry-run", "--prune"), "8 to update, 0 to delete")
	unchanged("a dry run with changes")
	shorter, _, _ := strings.Cut(bare, "  Roles:\n")
	contains(t, apply(shorter), "0 to delete")
	unchanged("a shorter file without --prune")
	contains(t, apply(shorter, "--prune"), "2 to delete", "deleted Roles", "deleted Tags")
	contains(t, apply("Resources: {}\n", "--prune"), "6 to delete")
	contains(t, apply("Resources: {}\n", "--prune"), "0 to delete")
}

// What export writes makes the same on an empty server; so does import, from a
// server that stands in for AWS, with the identities.
func TestExportAndImport(t *testing.T) {
	devKeys(t)
	source, target := devServer(t), devServer(t)
	mustRun(t, "apply", "--endpoint", source, "-f", written(t, "shop.yaml", appliedFile(t)))
	exported := mustRun(t, "export", "--endpoint", source)
	file := written(t, "shop.yaml", exported)
	contains(t, mustRun(t, "apply", "--endpoint", source, "-f", file), "0 to create, 0 to update")
	mustRun(t, "apply", "--endpoint", target, "-f", file)
	if again := mustRun(t, "export", "--endpoint", target); again != exported {
		t.Errorf("exported again:\n%s\nwant:\n%s", again, exported)
	}

	people := written(t, "people.jsonl",
		`{"IdentityPoolId":"us-east-1:11111111-2222-4333-8444-555555555555",`+
			`"IdentityId":"us-east-1:aaaaaaaa-2222-4333-8444-555555555555",`+
			`"CreationDate":1700000000,"LastModifiedDate":1700000001,`+
			`"Logins":[{"ProviderName":"login.shop","Subject":"alice"}]}`+"\n"+
			`{"IdentityPoolId":"us-east-1:11111111-2222-4333-8444-555555555555",`+
			`"IdentityId":"us-east-1:bbbbbbbb-2222-4333-8444-555555555555",`+
			`"CreationDate":1700000000,"LastModifiedDate":1700000001,`+
			`"Logins":[{"ProviderName":"idp.example.com","Subject":"bob"}]}`+"\n")
	contains(t, mustRun(t, "import", "identities", people, "--endpoint", source),
		"2 loaded, 0 there already, 0 refused")
	contains(t, mustRun(t, "import", "identities", people, "--endpoint", source),
		"0 loaded, 2 there already, 0 refused")

	identities := filepath.Join(t.TempDir(), "identities.jsonl")
	imported := mustRun(t, "import", "aws", "--endpoint", source, "--identities", identities)
	if strings.Contains(imported, "dev-issuer") {
		t.Errorf("a provider that no pool uses is imported:\n%s", imported)
	}

	empty := devServer(t)
	mustRun(t, "apply", "--endpoint", empty, "-f", written(t, "shop.yaml", imported))
	contains(t, mustRun(t, "import", "identities", identities, "--endpoint", empty), "2 loaded")
	contains(t, mustRun(t, "identity", "lookup", "--endpoint", empty,
		"--pool", "us-east-1:11111111-2222-4333-8444-555555555555", "--provider", "login.shop", "--subject", "alice"),
		"us-east-1:aaaaaaaa-2222-4333-8444-555555555555")

	lines, err := os.ReadFile(identities)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(lines), `"Unreadable":["idp.example.com"]`, `"Subject":"alice"`, `"CreationDate":1700000000`)
}

// What the settings define is exported so that it means the same elsewhere, and
// what the file cannot say is listed.
func TestExportSettings(t *testing.T) {
	devKeys(t)
	idp := samltest.New(t, time.Now(), 0)
	const (
		base     = "arn:aws:iam::000000000000:"
		boundary = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`
		mayBoth  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":["` +
			base + `role/One","` + base + `role/team/Two"]}]}`
	)
	trusts := func(role string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + base + role +
			`"},"Action":"sts:AssumeRole"}]}`
	}
	source := devServer(t, func(c *poolhouse.Config) {
		c.Roles = []poolhouse.RoleConfig{
			{ARN: base + "role/One", TrustPolicy: trusts("role/team/Two"),
				Policies: map[string]string{"both": mayBoth}, PermissionsBoundary: boundary, MaxSessionSeconds: 7200},
			{ARN: base + "role/team/Two", TrustPolicy: trusts("role/One"),
				Policies: map[string]string{"both": mayBoth}},
		}

		c.OIDCProviders = []poolhouse.OIDCProviderConfig{
			{URL: "https://idp.example.com/x", ClientIDs: []string{"web"}, Algorithms: []string{"ES256"},
				JWKSURL: "https://keys.example.com", AllowPrivate: true},
			{URL: "http://plain.example.com", ClientIDs: []string{"web"}, AllowHTTP: true},
			{URL: "http://used.example.com", ClientIDs: []string{"web"}, AllowHTTP: true},
		}

		c.SAMLProviders = []poolhouse.SAMLProviderConfig{
			{Name: "Corp", Metadata: idp.Metadata(), Audiences: []string{"urn:a"}},
		}
	})
	mustRun(t, "apply", "--endpoint", source, "-f",
		written(t, "pool.yaml", "Resources:\n  Pool:\n    Type: AWS::Cognito::IdentityPool\n"+
			"    Metadata: {PoolhouseId: \"us-east-1:11111111-2222-4333-8444-555555555555\"}\n"+
			"    Properties: {AllowUnauthenticatedIdentities: true, OpenIdConnectProviderARNs: [\""+base+
			"oidc-provider/used.example.com\"]}\n"))
	exported, notes, err := commandOutputs(t, "export", "--endpoint", source)
	if err != nil {
		t.Fatal(err)
	}

	want := []string{
		"not carried over: " + base + "oidc-provider/127.0.0.1:4599/dev-issuer: it has no TLS, " +
			"which only poolhouse dev takes, and nothing uses it: it is left out",
		"not carried over: " + base + "oidc-provider/plain.example.com: it has no TLS, which only poolhouse dev " +
			"takes, and nothing uses it: it is left out",
		"not carried over: " + base + "oidc-provider/idp.example.com/x: of the settings file: allowed_algs " +
			"(ES256), jwks_url (https://keys.example.com), allow_private (true)",
		"not carried over: " + base +
			"oidc-provider/used.example.com: of the settings file: allowed_algs (RS256), allow_http (true)",
		"not carried over: " + base + "saml-provider/Corp: of the settings file: audiences (urn:a)",
		"not carried over: " + base + "oidc-provider/used.example.com: it has no TLS: only poolhouse dev takes it",
	}

	slices.Sort(want)
	got := strings.Split(strings.TrimSpace(notes), "\n")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("notes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	contains(t, exported, `Fn::Sub: "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/One"`,
		"Url: http://used.example.com", "Url: https://idp.example.com/x")
	mustRun(t, "apply", "--endpoint", source, "-f", written(t, "pool.yaml", exported), "--dry-run")

	target := devServer(t)
	mustRun(t, "apply", "--endpoint", target, "-f", written(t, "pool.yaml", exported))
	api := iamOf(target)
	r, err := api.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("One")})
	if err != nil || r.Role.PermissionsBoundary == nil || *r.Role.MaxSessionDuration != 7200 {
		t.Fatalf("role = %+v, %v", r, err)
	}

	v, err := api.GetPolicyVersion(t.Context(), &iam.GetPolicyVersionInput{
		PolicyArn: r.Role.PermissionsBoundary.PermissionsBoundaryArn,
		VersionId: aws.String("v1"),
	})
	if err != nil {
		t.Fatal(err)
	}

	if text, _ := url.PathUnescape(*v.PolicyVersion.Document); text !=
		`{"Statement":[{"Action":"s3:Get*","Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}` {
		t.Errorf("boundary = %s", text)
	}
	if again := mustRun(t, "export", "--endpoint", target); again != exported {
		t.Errorf("exported again:\n%s\nwant:\n%s", again, exported)
	}
}

func iamOf(endpoint string) *iam.Client {
	return iam.New(iam.Options{
		BaseEndpoint: &endpoint,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// A changed document is a new version; one is deleted only where there is no room
// for it, and the plan says which.
func TestApplyPolicyVersions(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	policy := func(action string) string {
		return written(t, "p.yaml", "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n"+
			"      PolicyDocument: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Action: \"s3:"+action+
			"\", Resource: \"*\"}]}\n")
	}

	arn := aws.String("arn:aws:iam::000000000000:policy/P")
	versions := func() string {
		t.Helper()
		out, err := iamOf(endpoint).ListPolicyVersions(t.Context(), &iam.ListPolicyVersionsInput{PolicyArn: arn})
		if err != nil {
			t.Fatal(err)
		}

		var names []string
		for _, v := range out.Versions {
			name := *v.VersionId
			if v.IsDefaultVersion {
				name += "*"
			}
			names = append(names, name)
		}

		return strings.Join(names, " ")
	}

	mustRun(t, "apply", "--endpoint", endpoint, "-f", policy("Get1"))

	for i, want := range []string{"v2* v1", "v3* v2 v1", "v4* v3 v2 v1", "v5* v4 v3 v2 v1"} {
		if out := mustRun(t, "apply", "--endpoint", endpoint, "-f",
			policy("Get"+string(rune('2'+i)))); strings.Contains(out, "deleted to make room") {
			t.Errorf("there was room:\n%s", out)
		}
		if got := versions(); got != want {
			t.Errorf("versions %s, want %s", got, want)
		}
	}

	if _, err := iamOf(endpoint).SetDefaultPolicyVersion(t.Context(),
		&iam.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")}); err != nil {
		t.Fatal(err)
	}
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", policy("Put"), "--dry-run"),
		"its oldest version, v2, is deleted to make room: there are 5")
	if got := versions(); got != "v5 v4 v3 v2 v1*" {
		t.Errorf("after a dry run: %s", got)
	}

	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", policy("Put")), "its oldest version, v2,")
	if got := versions(); got != "v6* v5 v4 v3 v1" {
		t.Errorf("versions %s", got)
	}
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", policy("Put")), "1 without change")
	contains(t,
		mustRun(t, "apply", "--endpoint", endpoint, "-f", written(t, "p.yaml", "Resources: {}\n"), "--prune"),
		"deleted P")
}

// What cannot be is refused before anything is changed.
func TestApplyRefuses(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	pools := ci.New(ci.Options{
		BaseEndpoint: &endpoint,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})

	for range 2 { // as two applies at once could leave them
		_, err := pools.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName: aws.String("twin"),
			IdentityPoolTags: map[string]string{"poolhouse:applied": "f/Twin"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	const (
		policy = `PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}`
		trust  = `AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, ` +
			`Principal: {AWS: "arn:aws:iam::000000000000:root"}, Action: "sts:AssumeRole"}]}`
		first = "  First: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://first.example.com\"}}\n"
	)
	mustRun(t, "apply", "--endpoint", endpoint, "-f", written(t, "shop.yaml", appliedFile(t)))
	before := mustRun(t, "export", "--endpoint", endpoint)

	tests := []struct{ name, resources, want string }{
		{"policies whose names differ by case",
			"  A: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: App, " + policy +
				"}}\n  B: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: app, Path: /x/, " +
				policy + "}}\n",
			"B (line 4): is the same as A"},
		{"roles whose names differ by case", "  A: {Type: AWS::IAM::Role, Properties: {RoleName: App, " + trust +
			"}}\n  B: {Type: AWS::IAM::Role, Properties: {RoleName: APP, " + trust + "}}\n",
			"B (line 4): is the same as A"},
		{"a role that is there in another case",
			"  A: {Type: AWS::IAM::Role, Properties: {RoleName: Shop-User, Path: /shop/, " + trust + "}}\n",
			"A (line 3): an earlier apply made it as shop/UserRole"},
		{"a pool of another region",
			"  A: {Type: AWS::Cognito::IdentityPool, " +
				"Metadata: {PoolhouseId: \"eu-west-1:11111111-2222-4333-8444-555555555555\"}, " +
				"Properties: {AllowUnauthenticatedIdentities: true}}\n",
			"which is not of the region us-east-1"},
		{"two pools with the file's tag",
			"  Twin: {Type: AWS::Cognito::IdentityPool, Properties: {AllowUnauthenticatedIdentities: true}}\n",
			"both have the tag poolhouse:applied: f/Twin"},
		{"another file's role attachment", "  A: {Type: AWS::Cognito::IdentityPoolRoleAttachment, " +
			"Properties: {IdentityPoolId: \"us-east-1:11111111-2222-4333-8444-555555555555\"}}\n",
			"an earlier apply made it as shop/Roles"},
		{"another file's principal tags", "  A: {Type: AWS::Cognito::IdentityPoolPrincipalTag, " +
			"Properties: {IdentityPoolId: \"us-east-1:11111111-2222-4333-8444-555555555555\", " +
			"IdentityProviderName: idp.example.com}}\n", "an earlier apply made it as shop/Tags"},
		{"a trust policy without a pool",
			"  A: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: \"2012-10-17\", " +
				"Statement: [{Effect: Allow, Principal: {Federated: cognito-identity.amazonaws.com}, " +
				"Action: \"sts:AssumeRoleWithWebIdentity\"}]}}}\n",
			"A (line 3): AssumeRolePolicyDocument: "},
		{"an inline policy", "  A: {Type: AWS::IAM::Role, Properties: {" + trust + ", Policies: [{PolicyName: p, " +
			"PolicyDocument: {Version: \"2012-10-17\", Statement: [{Effect: Perhaps}]}}]}}\n",
			"A (line 3): policy p: "},
		{"text that becomes no document",
			"  A: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: !Sub \"${AWS::Region}\"}}\n",
			"A (line 3): PolicyDocument: "},
		{"SAML metadata", "  A: {Type: AWS::IAM::SAMLProvider, Properties: {SamlMetadataDocument: nothing}}\n",
			"A (line 3): SamlMetadataDocument: "},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := command(t, "apply", "--endpoint", endpoint, "-f",
				written(t, "f.yaml", "Resources:\n"+first+tt.resources))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}

	if after := mustRun(t, "export", "--endpoint", endpoint); after != before {
		t.Errorf("something was changed:\n%s", after)
	}
}

// A boundary that is not there is told before anything is made.
func TestApplyWithoutBoundary(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	text := strings.Replace(appliedFile(t), "PermissionsBoundary: !Ref Limit",
		"PermissionsBoundary: \"arn:aws:iam::000000000000:policy/Gone\"", 1)
	out, err := command(t, "apply", "--endpoint", endpoint, "-f", written(t, "shop.yaml", text))
	if err == nil || !strings.Contains(err.Error(), ":policy/Gone is not there") || strings.Contains(out, "created") {
		t.Fatalf("%v\n%s", err, out)
	}
	file := written(t, "shop.yaml", appliedFile(t))
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", file), "8 to create")
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", written(t, "shop.yaml", appliedFile(t)), "--dry-run"),
		"0 to create")
}

// Where a pool has no developer provider yet, one can be set; not another one.
func TestApplyDeveloperProvider(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	file := func(more string) string {
		return written(t, "f.yaml",
			"Resources:\n"+
				"  P: {Type: AWS::Cognito::IdentityPool, Properties: {AllowUnauthenticatedIdentities: true"+more+"}}\n")
	}
	mustRun(t, "apply", "--endpoint", endpoint, "-f", file(""))
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", file(", DeveloperProviderName: login.shop")),
		"1 to update")
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", file(", DeveloperProviderName: login.shop")),
		"1 without change")

	for _, other := range []string{"", ", DeveloperProviderName: login.other"} {
		if _, err := command(t, "apply", "--endpoint", endpoint, "-f", file(other)); err == nil ||
			!strings.Contains(err.Error(), "cannot be changed") {
			t.Errorf("%q: %v", other, err)
		}
	}
}

// A role is never without its boundary while it still has what that bounded.
func TestApplyBoundaryOrder(t *testing.T) {
	devKeys(t)
	server, err := url.Parse(devServer(t))
	if err != nil {
		t.Fatal(err)
	}

	var calls []string
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(server)
		r.Out.Host = r.In.Host // it is signed
		body, _ := io.ReadAll(r.In.Body)
		r.Out.Body = io.NopCloser(bytes.NewReader(body))
		if form, _ := url.ParseQuery(string(body)); strings.Contains(form.Get("Action"), "RoleP") {
			calls = append(calls, form.Get("Action"))
		}
	}})
	t.Cleanup(proxy.Close)

	role := func(properties string) string {
		return written(t, "r.yaml", "Resources:\n  R: {Type: AWS::IAM::Role, Properties: {"+properties+
			`AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, `+
			`Principal: {AWS: "arn:aws:iam::000000000000:root"}, Action: "sts:AssumeRole"}]}}}`+"\n")
	}
	const boundary, wide = `PermissionsBoundary: "arn:aws:iam::aws:policy/AdministratorAccess", `,
		`Policies: [{PolicyName: wide, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, ` +
			`Action: "*", Resource: "*"}]}}], `
	mustRun(t, "apply", "--endpoint", proxy.URL, "-f", role(""))

	for _, step := range []struct {
		properties string
		want       []string
	}{
		{boundary + wide, []string{"PutRolePermissionsBoundary", "PutRolePolicy"}},
		{"", []string{"DeleteRolePolicy", "DeleteRolePermissionsBoundary"}},
	} {
		calls = nil
		mustRun(t, "apply", "--endpoint", proxy.URL, "-f", role(step.properties))
		calls = slices.DeleteFunc(calls, func(name string) bool {
			return strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List") ||
				strings.HasPrefix(name, "Update")
		})
		if !slices.Equal(calls, step.want) {
			t.Errorf("%v, want %v", calls, step.want)
		}
	}
}

// Roles of one file may trust each other, themselves and sessions of each other, in
// any order, though the server takes no trust policy that names a role which does
// not exist. What a role trusts already may be gone when another property changes.
func TestApplyTrustBetweenRoles(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	const prefix = "arn:aws:iam::000000000000:role/"
	role := func(name, more string, principals ...string) string {
		return "  " + name + ": {Type: AWS::IAM::Role, Properties: {RoleName: " + name + ", " + more +
			"AssumeRolePolicyDocument: {Version: \"2012-10-17\", " +
			"Statement: [{Effect: Allow, Principal: {AWS: [\"" + strings.Join(principals, `", "`) +
			"\"]}, Action: \"sts:AssumeRole\"}]}}}\n"
	}

	apply := func(text string, more ...string) string {
		return mustRun(t,
			append([]string{"apply", "--endpoint", endpoint, "-f", written(t, "roles.yaml", "Resources:\n"+text)},
				more...)...)
	}
	trusts := func(name string) string {
		text, err := url.PathUnescape(*trustOf(t, endpoint, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}

	apply(role("There", "", "000000000000"))
	all := role("There", "", prefix+"Second") +
		role("First", "", prefix+"Second", prefix+"Third") +
		role("Second", "", prefix+"First") +
		role("Third", "", prefix+"Third", "arn:aws:sts::000000000000:assumed-role/Second/me")
	contains(t, apply(all), "3 to create, 1 to update")
	contains(t, apply(all, "--dry-run"), "0 to create, 0 to update", "4 without change")
	contains(t, trusts("There"), prefix+"Second")
	contains(t, trusts("First"), prefix+"Second", prefix+"Third")
	contains(t, trusts("Second"), prefix+"First")
	contains(t, trusts("Third"), prefix+"Third", "assumed-role/Second/me")

	_, err := command(t, "apply", "--endpoint", endpoint, "-f",
		written(t, "roles.yaml", "Resources:\n"+all+role("Fourth", "", prefix+"None")))
	if err == nil || !strings.Contains(err.Error(), `Invalid principal in policy: "AWS":"`+prefix+`None"`) {
		t.Errorf("a role that nobody makes: %v", err)
	}

	if _, err := iamOf(endpoint).DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("Second")}); err !=
		nil {
		t.Fatal(err)
	}
	contains(t, apply(role("There", "Description: new, ", prefix+"Second")), "1 to update")
	contains(t, trusts("There"), prefix+"Second")
}

func trustOf(t *testing.T, endpoint, role string) *string {
	t.Helper()
	out, err := iamOf(endpoint).GetRole(t.Context(), &iam.GetRoleInput{RoleName: &role})
	if err != nil {
		t.Fatal(err)
	}
	return out.Role.AssumeRolePolicyDocument
}

// A trust policy may name a pool of the same file, whose ID is not known yet; a
// pattern of pools stops the command before anything is made.
func TestApplyTrustOfPools(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	file := func(condition string) string {
		return written(t, "pool.yaml", `Resources:
  P: {Type: AWS::Cognito::IdentityPool, Properties: {AllowUnauthenticatedIdentities: true}}
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: R
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Federated: cognito-identity.amazonaws.com},
             Action: "sts:AssumeRoleWithWebIdentity", Condition: `+condition+`}
`)
	}

	for _, condition := range []string{`{StringLike: {"cognito-identity.amazonaws.com:aud": "us-*"}}`,
		`{StringLike: {"cognito-identity.amazonaws.com:aud": !Sub "${P}*"}}`} {
		out, err := command(t, "apply", "--endpoint", endpoint, "-f", file(condition))
		if err == nil ||
			!strings.Contains(err.Error(),
				"AssumeRolePolicyDocument: A condition block must be present for the Cognito provider") ||
			strings.Contains(out, "created") {
			t.Errorf("%s: %v\n%s", condition, err, out)
		}
	}

	good := file(`{StringEquals: {"cognito-identity.amazonaws.com:aud": !Ref P}}`)
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", good), "2 to create")
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", good, "--dry-run"), "2 without change")
}

// A permission policy that the server has from before, and would not take today, is
// no reason to refuse another change of its resource.
func TestApplyKeepsOldPolicies(t *testing.T) {
	devKeys(t)
	dir := t.TempDir()
	endpoint := devServer(t, func(c *poolhouse.Config) { c.DataDir = dir })
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.CreatePolicy(t.Context(), store.ManagedPolicy{
		Account: "000000000000", Name: "Old", Path: "/", ID: "ANPAAAAAAAAAAAAAAAAAA", Default: 1, Next: 2,
		Versions: []store.PolicyVersion{
			{Number: 1, Document: `{"Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3"}]}`},
		},
	}, 0); err != nil {
		t.Fatal(err)
	}

	file := func(action string) string {
		return written(t, "old.yaml", "Resources:\n"+
			"  Old: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: Old, Tags: [{Key: a, Value: b}], "+
			"PolicyDocument: {Statement: [{Effect: Deny, Action: \""+action+"\", Resource: \"arn:aws:s3\"}]}}}\n")
	}
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", file("s3:*")), "1 to update")
	if _, err := command(t, "apply", "--endpoint", endpoint, "-f", file("s3:Get*")); err == nil ||
		!strings.Contains(err.Error(), "must be version 2012-10-17 or greater") {
		t.Errorf("a new version of the old document: %v", err)
	}
}

// The plan, and what makes a key, name the condition keys of policies that the
// server cannot know.
func TestWarningsOfConditionKeys(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	const file = `Resources:
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Deny, Action: "s3:*", Resource: "*", Condition: {StringEquals: {"s3:managedkey": "x"}}}
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: r
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {AWS: "000000000000"}, Action: "sts:AssumeRole",
             Condition: {StringNotEquals: {"aws:trustkey": "x"}}}
      Policies:
        - PolicyName: inline
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Allow, Action: "s3:*", Resource: "*",
                 Condition: {"Null": {"s3:inlinekey": "true", "s3:prefix": "false"}}}
`

	path := written(t, "w.yaml", file)
	for _, more := range [][]string{{"--dry-run"}, nil, {"--dry-run"}} { // the last time without a change
		out := mustRun(t, append([]string{"apply", "--endpoint", endpoint, "-f", path}, more...)...)
		contains(t, out, "warning: PolicyDocument: statement 0 (Deny) depends on s3:managedkey",
			"warning: AssumeRolePolicyDocument: statement 0 (Allow) depends on aws:trustkey",
			"warning: policy inline: statement 0 (Allow) depends on s3:inlinekey")
		if strings.Contains(out, "s3:prefix, which") {
			t.Errorf("a known key is named:\n%s", out)
		}
	}

	policy := written(t, "p.json",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",`+
			`"Condition":{"Null":{"foo:bar":"true"}}}}`)
	data := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}

	server, err := poolhouse.New(t.Context(),
		poolhouse.Config{DataDir: data, IssuerURL: "https://id.example", TokenAlgorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}

	_, notes, err := commandOutputs(t, "keys", "create", "--data", data, "--account", "000000000000",
		"--policy", policy)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, notes, "warning: statement 0 (Allow) depends on foo:bar")
}
