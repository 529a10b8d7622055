package apply_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// shop has every type of resource.
func shop(t *testing.T) string {
	t.Helper()

	return `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Metadata: {PoolhouseId: "` + poolOne + `"}
    Properties:
      AllowUnauthenticatedIdentities: false
      OpenIdConnectProviderARNs: [!Ref Issuer]
      SamlProviderARNs: [!Ref Corp]
  Issuer:
    Type: AWS::IAM::OIDCProvider
    Properties: {Url: "https://idp.example.com", ClientIdList: [web]}
  Corp:
    Type: AWS::IAM::SAMLProvider
    Properties: {SamlMetadataDocument: ` + metadata(t)[0] + `}
  May:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}
  User:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: [!Ref May]
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Federated: cognito-identity.amazonaws.com}
            Action: sts:AssumeRoleWithWebIdentity
            Condition: {StringEquals: {"cognito-identity.amazonaws.com:aud": !Ref Pool}}
      Policies:
        - PolicyName: own
          PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}
  Roles:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties: {IdentityPoolId: !Ref Pool, Roles: {authenticated: !GetAtt User.Arn}}
  Tags:
    Type: AWS::Cognito::IdentityPoolPrincipalTag
    Properties: {IdentityPoolId: !Ref Pool, IdentityProviderName: idp.example.com, PrincipalTags: {plan: plan}}
`
}

// Whichever call fails, the error tells which and how much was done; the next run
// does the rest, and makes the same as a run without a failure.
func TestApplyGoesOnAfterEachFailure(t *testing.T) {
	file := shop(t)
	reference := newRig(t)
	reference.must(file)
	changes := slices.DeleteFunc(slices.Clone(reference.calls), func(name string) bool {
		return reads.MatchString(name)
	})
	want := string(reference.export(false).File)
	if len(changes) != 12 {
		t.Fatalf("%d calls change something: %v", len(changes), changes)
	}

	r := newRig(t)
	for n, operation := range changes {
		seen := 0
		r.refuse = func(called string) *http.Response {
			if reads.MatchString(called) {
				return nil
			}
			if seen++; called == operation {
				return answer(http.StatusInternalServerError, `{"__type":"InternalErrorException","message":"no"}`)
			}
			return nil
		}

		_, err := r.run(file)
		if err == nil || !strings.Contains(err.Error(), operation+": InternalErrorException: no; ") ||
			!strings.HasSuffix(err.Error(), " changes were made") {
			t.Errorf("call %d, %s: %v", n, operation, err)
		}
		contains(t, err.Error(), " changes were made")
		r.refuse = nil
		r.must(file)
		r.must("Resources: {}\n", prune)
	}

	r.must(file)
	equal(t, "the server", string(r.export(false).File), want)
}

// A failure in the middle leaves what was done, says how much that is, and the next
// run only does the rest.
func TestApplyStopsInTheMiddle(t *testing.T) {
	r := newRig(t)
	failAt(r, "AttachRolePolicy", http.StatusServiceUnavailable)
	out, err := r.run(shop(t))
	wantError(t, err, "User: AttachRolePolicy: the server answered with status 503; 4 of 7 changes were made")
	contains(t, out, "created Issuer\n", "created Corp\n", "created Pool\n", "created May\n")
	lacks(t, out, "created User", "SetIdentityPoolRoles")

	r.refuse = nil
	out = r.must(shop(t))
	contains(t, out, "~ User AWS::IAM::Role\n    AssumeRolePolicyDocument.Statement: ",
		"    ManagedPolicyArns: [\"arn:aws:iam::000000000000:policy/May\"]\n",
		"2 to create, 1 to update, 0 to delete, 4 without change\n", "\nupdated User\n", "\ncreated Roles\n",
		"\ncreated Tags\n")
	lacks(t, out, "> CreateRole\n")

	// It was closed until it had all of its policies.
	if at := strings.Index(out, "> UpdateAssumeRolePolicy\n"); at < strings.Index(out, "> PutRolePolicy\n") {
		t.Errorf("the role is open before it has its policies:\n%s", out)
	}
}

// Pruning, too, goes on where it stopped.
func TestPruneGoesOn(t *testing.T) {
	r := newRig(t)
	r.must(shop(t))

	for _, operation := range []string{"DeleteIdentityPool", "DetachRolePolicy", "DeleteRole", "DeletePolicy",
		"DeleteSAMLProvider"} {
		failAt(r, operation, http.StatusServiceUnavailable)
		_, err := r.run("Resources: {}\n", prune)
		wantError(t, err, operation+": the server answered with status 503; ")
	}

	r.refuse = nil
	contains(t, r.must("Resources: {}\n", prune), "0 to create, 0 to update, 1 to delete, 0 without change")
	contains(t, r.must("Resources: {}\n", prune), "0 to create, 0 to update, 0 to delete, 0 without change")
}

// Parts of a pool are pruned before the pool; a pool takes its parts with it.
func TestPruneParts(t *testing.T) {
	r := newRig(t)
	r.must(shop(t))
	withoutParts, _, _ := strings.Cut(shop(t), "  Roles:\n")
	out := r.must(withoutParts, prune, dryRun)
	contains(t, out,
		"- Roles AWS::Cognito::IdentityPoolRoleAttachment\n- Tags AWS::Cognito::IdentityPoolPrincipalTag\n",
		"0 to create, 0 to update, 2 to delete, 5 without change")
	contains(t, r.must(withoutParts), "0 to delete")
	contains(t, r.must("Resources: {}\n", prune, dryRun), "5 to delete")
	lacks(t, strings.Join(r.calls, " "), "GetIdentityPoolRoles")

	out = r.must(withoutParts, prune)
	contains(t, out, "> SetIdentityPoolRoles\n>   IdentityPoolId: \""+poolOne+
		"\"\n>   RoleMappings: {}\n>   Roles: {}\n> UntagResource\n",
		"> SetPrincipalTagAttributeMap\n", ">   PrincipalTags: {}\n>   UseDefaults: false\n> UntagResource\n")
	exported := string(r.export(false).File)
	lacks(t, exported, "RoleAttachment", "PrincipalTags:")
	contains(t, exported, "IdentityProviderName: idp.example.com\n      UseDefaults: false\n") // empty, but there
}

// One file's resources are another's neither to change nor to prune.
func TestApplyOtherFiles(t *testing.T) {
	r := newRig(t)
	r.must(shop(t))

	other := func(o *apply.Options) { o.Name = "other" }
	for _, test := range []struct{ resource, owner string }{
		{"{Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://idp.example.com\"}}", "Issuer"},
		{"{Type: AWS::IAM::SAMLProvider, Properties: {Name: Corp, SamlMetadataDocument: x}}", "Corp"},
		{"{Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: May, PolicyDocument: {}}}", "May"},
		{"{Type: AWS::IAM::Role, Properties: {RoleName: USER, AssumeRolePolicyDocument: {}}}", "User"},
		{"{Type: AWS::Cognito::IdentityPool, Metadata: {PoolhouseId: \"" + poolOne +
			"\"}, Properties: {AllowUnauthenticatedIdentities: false}}", "Pool"},
		{"{Type: AWS::Cognito::IdentityPoolRoleAttachment, Properties: {IdentityPoolId: \"" + poolOne +
			"\"}}", "Roles"},
		{"{Type: AWS::Cognito::IdentityPoolPrincipalTag, Properties: {IdentityPoolId: \"" + poolOne +
			"\", IdentityProviderName: idp.example.com}}", "Tags"},
	} {
		r.refused("Resources:\n  X: "+test.resource+"\n", "X (line 2): an earlier apply made it as shop/"+test.owner+
			": one resource belongs to one file; when this is that file,"+
			" give --name and keep the resource's name", other)
		r.refused("Resources:\n  X: "+test.resource+"\n", "an earlier apply made it as shop/"+test.owner)
	}

	contains(t, r.must("Resources: {}\n", prune, other), "0 to delete")
}

// What apply did not make it may change; it is not marked, and not pruned.
func TestApplyUnmarked(t *testing.T) {
	r := newRig(t)
	r.iam("CreateOpenIDConnectProvider", url.Values{"Url": {"https://idp.example.com"}})
	file := "Resources:\n  X: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://idp.example.com\", " +
		"ClientIdList: [a]}}\n"
	lacks(t, r.must(file), "poolhouse:applied")
	contains(t, r.must(file), "1 without change")
	contains(t, r.must("Resources: {}\n", prune), "0 to delete")
}

// What cannot be is refused before anything is changed, though the file has good
// resources, too.
func TestApplyRefuses(t *testing.T) {
	r := newRig(t)
	for range 2 { // as two applies at once could leave them
		r.pools("CreateIdentityPool", map[string]any{
			"IdentityPoolName": "twin", "AllowUnauthenticatedIdentities": true,
			"IdentityPoolTags": map[string]string{"poolhouse:applied": "shop/Twin"},
		}, nil)
	}

	const (
		policy = `PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}`
		trust  = `AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, ` +
			`Principal: {AWS: "000000000000"}, Action: "sts:AssumeRole"}]}`
		first = "Resources:\n" +
			"  First: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://first.example.com\"}}\n"
	)
	r.must(strings.Replace(first, "First", "There", 1) + "  Role: {Type: AWS::IAM::Role, Properties: {" +
		trust + "}}\n")

	first2 := strings.Replace(first, "first.", "second.", 1)
	for _, test := range []struct{ resources, want string }{
		{"  A: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: App, " + policy + "}}\n" +
			"  B: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: app, Path: /x/, " + policy + "}}\n",
			"B (line 4): is the same as A"},
		{"  A: {Type: AWS::IAM::Role, Properties: {RoleName: App, " + trust +
			"}}\n  B: {Type: AWS::IAM::Role, Properties: {RoleName: APP, " + trust + "}}\n",
			"B (line 4): is the same as A"},
		{"  A: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://second.example.com\"}}\n",
			"A (line 3): is the same as First"},
		{"  A: {Type: AWS::IAM::SAMLProvider, Properties: {Name: a, SamlMetadataDocument: " + metadata(t)[0] + "}}\n" +
			"  B: {Type: AWS::IAM::SAMLProvider, Properties: {Name: a, SamlMetadataDocument: " + metadata(t)[0] +
			"}}\n", "B (line 4): is the same as A"},
		{"  A: {Type: AWS::Cognito::IdentityPool, Metadata: {PoolhouseId: \"" + poolOne +
			"\"}, Properties: {AllowUnauthenticatedIdentities: true}}\n" +
			"  B: {Type: AWS::Cognito::IdentityPool, Metadata: {PoolhouseId: \"" + poolOne +
			"\"}, Properties: {AllowUnauthenticatedIdentities: true}}\n",
			"B (line 4): is the same as A"},
		{"  P: {Type: AWS::Cognito::IdentityPool, Properties: {AllowUnauthenticatedIdentities: true}}\n" +
			"  A: {Type: AWS::Cognito::IdentityPoolRoleAttachment, Properties: {IdentityPoolId: !Ref P}}\n" +
			"  B: {Type: AWS::Cognito::IdentityPoolRoleAttachment, Properties: {IdentityPoolId: !Ref P}}\n",
			"B (line 5): is the same as A"},
		{"  A: {Type: AWS::Cognito::IdentityPool, " +
			"Metadata: {PoolhouseId: \"eu-west-1:11111111-2222-4333-8444-555555555555\"}, " +
			"Properties: {AllowUnauthenticatedIdentities: true}}\n",
			"PoolhouseId is eu-west-1:11111111-2222-4333-8444-555555555555, which is not of the region us-east-1"},
		{"  Twin: {Type: AWS::Cognito::IdentityPool, Properties: {AllowUnauthenticatedIdentities: true}}\n",
			"both have the tag poolhouse:applied: shop/Twin: delete one, or its tag"},
		{"  A: {Type: AWS::Cognito::IdentityPoolRoleAttachment, Properties: {IdentityPoolId: x, RoleMappings: " +
			"{a: {Type: Token}, b: {Type: Token, IdentityProvider: a}}}}\n", "A (line 3): two role mappings are for a"},
		{"  A: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: \"2012-10-17\", " +
			"Statement: [{Effect: Allow, " +
			"Principal: {Federated: cognito-identity.amazonaws.com}, Action: \"sts:AssumeRoleWithWebIdentity\"}]}}}\n",
			"A (line 3): AssumeRolePolicyDocument: A condition block must be present for the Cognito provider"},
		{"  A: {Type: AWS::IAM::Role, Properties: {" + trust +
			", Policies: [{PolicyName: p, PolicyDocument: {Version: \"2012-10-17\", " +
			"Statement: [{Effect: Perhaps}]}}]}}\n", "A (line 3): policy p: "},
		{"  A: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: !Sub \"${AWS::Region}\"}}\n",
			"A (line 3): PolicyDocument: "},
		{"  A: {Type: AWS::IAM::SAMLProvider, Properties: {SamlMetadataDocument: nothing}}\n",
			"A (line 3): SamlMetadataDocument: "},
		{"  Role: {Type: AWS::IAM::Role, Properties: {Path: /x/, " + trust + "}}\n",
			`Role (line 3): Path is "/" and cannot be changed to "/x/": delete the resource or rename it in the file`},
	} {
		r.refused(first2+test.resources, test.want)
	}
}

// The name is in tags: what a tag cannot hold is refused before any call.
func TestApplyNames(t *testing.T) {
	r := rigAt(t, emptyServer{})
	for _, name := range []string{"", "a/b", "a b", strings.Repeat("a", 65), "ä"} {
		_, err := r.run("Resources: {}\n", func(o *apply.Options) { o.Name = name })
		wantError(t, err, "must have 1 to 64 letters, digits, '_', '.' and '-': choose one with --name")
		equal(t, "calls", len(r.calls), 0)
	}
	if _, err := r.run("Resources: {}\n", func(o *apply.Options) { o.Name = "A-z_0.9" }); err != nil {
		t.Error(err)
	}
}

// A developer provider can be set where there is none yet; it cannot be changed.
func TestApplyDeveloperProvider(t *testing.T) {
	r := newRig(t)
	file := func(more string) string {
		return "Resources:\n" +
			"  P: {Type: AWS::Cognito::IdentityPool, Properties: {AllowUnauthenticatedIdentities: true" + more + "}}\n"
	}
	r.must(file(""))
	contains(t, r.must(file(", DeveloperProviderName: login.shop")), "    DeveloperProviderName: \"login.shop\"\n",
		"1 to update")
	r.refused(file(", DeveloperProviderName: login.other"),
		`P (line 2): DeveloperProviderName is "login.shop" and cannot be changed to "login.other"`)
	r.refused(file(""), `DeveloperProviderName is "login.shop" and cannot be changed to none`)
}

// Lists whose order does not count are compared without it; the server's thumbprints
// stay where the file has none.
func TestApplyWithoutOrder(t *testing.T) {
	r := newRig(t)
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	file := func(clients, prints string) string {
		return "Resources:\n  I: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://i.example\", " +
			"ClientIdList: [" + clients + "]" + prints + "}}\n"
	}
	r.must(file("x, y, z", ", ThumbprintList: ["+b+", "+a+"]"))
	contains(t, r.must(file("z, y, x", ", ThumbprintList: ["+a+", "+b+"]")), "1 without change")
	contains(t, r.must(file("z, y, x", "")), "1 without change")
	contains(t, r.must(file("z, y, x", ", ThumbprintList: ["+a+"]")), "1 to update")
}

// A document that differs in spaces, quoting or the order of members is the same.
func TestApplySameDocument(t *testing.T) {
	r := newRig(t)
	file := func(document string) string {
		return "Resources:\n  M: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: " + document + "}}\n"
	}
	r.must(file(`{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:<&>", Resource: "*"}]}`))

	for _, same := range []string{
		`'{"Statement": [{"Resource": "*", "Action": "s3:<&>", "Effect": "Allow"}], "Version": "2012-10-17"}'`,
		`!Sub '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:<&>","Resource":"*"}]}'`,
		`{Statement: [{Action: "s3:\u003c\u0026>", Resource: "*", Effect: "Allow"}], Version: '2012-10-17'}`,
	} {
		contains(t, r.must(file(same)), "1 without change")
		lacks(t, strings.Join(r.calls, " "), "ListPolicyVersions")
	}
}

// Names on the server may come from anybody: they do not drive the terminal.
func TestApplyPrintsNoControls(t *testing.T) {
	r := rigAt(t, onePool(`,"IdentityPoolTags":{"poolhouse:applied":"shop/\u001b[2JX"}`))
	out := r.must("Resources: {}\n", prune, dryRun)
	contains(t, out, "- \uFFFD[2JX AWS::Cognito::IdentityPool\n")
	lacks(t, out, "\x1b")
}

// Long values are cut in the plan.
func TestApplyShortens(t *testing.T) {
	r := rigAt(t, emptyServer{})
	long := strings.Repeat("é", 250)
	out := r.must("Resources:\n  I: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://i\", Tags: {k: "+long+
		", l: "+long+"}}}\n", dryRun)
	contains(t, out, `    Tags: {"k":"`+strings.Repeat("é", 94)+"… (515 characters)\n")
}

// A role that is made while another waits for it keeps its policy closed to all.
func TestApplyClosedTrustOnFailure(t *testing.T) {
	const base = "arn:aws:iam::" + account + ":role/"
	role := func(name, trusted string) string {
		return "  " + name + ":\n    Type: AWS::IAM::Role\n    Properties:\n" +
			"      AssumeRolePolicyDocument: {Version: \"2012-10-17\", " +
			"Statement: [{Effect: Allow, Principal: {AWS: \"" + base + trusted + "\"}, Action: \"sts:AssumeRole\"}]}\n"
	}
	file := "Resources:\n" + role("One", "Two") + role("Two", "One")
	r := newRig(t)
	made := 0
	r.refuse = func(operation string) *http.Response {
		if operation == "CreateRole" {
			made++
		}
		if made == 2 {
			return answer(http.StatusServiceUnavailable, "")
		}
		return nil
	}

	_, err := r.run(file)
	wantError(t, err, "Two: CreateRole: the server answered with status 503; 1 of 2 changes were made")
	r.refuse = nil
	contains(t, string(r.export(false).File), "Effect: Deny\n            Principal: \"*\"")

	contains(t, r.must(file), "1 to create, 1 to update")
	lacks(t, string(r.export(false).File), "Deny")
	contains(t, r.must(file), "2 without change")
}

// Calls that are throttled are repeated with growing pauses, five times in all.
func TestThrottling(t *testing.T) {
	for _, code := range []string{"TooManyRequestsException", "ThrottlingException", "Throttling"} {
		r := rigAt(t, emptyServer{})
		left := 3
		r.refuse = func(string) *http.Response {
			if left--; left < 0 {
				return nil
			}
			return answer(http.StatusBadRequest, `{"__type":"`+code+`"}`)
		}

		r.must("Resources: {}\n")
		equal(t, code, r.waits, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second})

		r.waits, left = nil, 99
		_, err := r.run("Resources: {}\n")
		wantError(t, err, "GetCallerIdentity: "+code+": ")
		equal(t, "waits", len(r.waits), 4)

		stop := errors.New("stop")
		r.client.Wait = func(context.Context, time.Duration) error { return stop }
		if _, err := r.run("Resources: {}\n"); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
	}
}

// An answer that is no answer is an error, not an empty server.
func TestOddAnswers(t *testing.T) {
	for body, want := range map[string]string{
		"":        "EOF",
		"no XML":  "EOF",
		"<a></a>": `GetCallerIdentity: the ARN "" has no partition`,
		"<a><GetCallerIdentityResult><Arn>x</Arn></GetCallerIdentityResult></a>": `the ARN "x" has no partition`,
		strings.Repeat(" ", 16<<20+1): "GetCallerIdentity: the answer " +
			"has more than 16777216 bytes",
	} {
		r := rigAt(t, emptyServer{})
		r.refuse = func(string) *http.Response { return answer(http.StatusOK, body) }
		_, err := r.run("Resources: {}\n")
		wantError(t, err, want)
	}

	for name, test := range map[string]struct {
		answer *http.Response
		want   string
	}{
		"JSON with a namespace": {answer(400, `{"__type":"com.amazon#Odd","message":"m"}`),
			"GetCallerIdentity: Odd: m"},
		"XML":     {answer(403, `<R><Error><Code>C</Code><Message>m</Message></Error></R>`), "GetCallerIdentity: C: m"},
		"nothing": {answer(502, ``), "GetCallerIdentity: the server answered with status 502"},
		"a page":  {answer(502, `<html>`), "GetCallerIdentity: the server answered with status 502"},
	} {
		r := rigAt(t, emptyServer{})
		r.refuse = func(string) *http.Response { return test.answer }
		_, err := r.run("Resources: {}\n")
		if wantError(t, err, test.want); t.Failed() {
			t.Log(name)
		}
	}
}
