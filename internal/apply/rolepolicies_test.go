package apply_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

// aRole is a file with a role and further properties, one on a line.
func aRole(more ...string) string {
	return "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n" +
		"      AssumeRolePolicyDocument: " + rootTrust + "\n      " + strings.Join(more, "\n      ") + "\n"
}

const (
	rootTrust = `{Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "000000000000"}, ` +
		`Action: "sts:AssumeRole"}]}`
	allows = `{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}`
	denies = `{Version: "2012-10-17", Statement: [{Effect: Deny, Action: "s3:*", Resource: "*"}]}`
)

// Two policies with one name would leave one of them out.
func TestPoliciesWithOneName(t *testing.T) {
	twice := func(first, second string) string {
		return aRole("Policies:", "  - {PolicyName: "+first+", PolicyDocument: "+denies+"}",
			"  - {PolicyName: "+second+", PolicyDocument: "+allows+"}")
	}
	newRig(t).refused(twice("a", "a"), `Role (line 2): two of its Policies have the PolicyName "a"`)
	newRig(t).refused(twice(`!Sub "x-${AWS::Region}"`, `!Join ["-", [x, us-east-1]]`),
		`Role (line 2): two of its Policies have the PolicyName "x-us-east-1"`)
	contains(t, newRig(t).must(twice("a", "b")), "1 to create", "PolicyName: a", "PolicyName: b")
}

// A boundary or another text that is there, but empty, is not taken for one that is left out.
func TestEmptyTexts(t *testing.T) {
	head := "Parameters: {None: {Type: String, Default: \"\"}}\nConditions: {Yes: !Equals [a, a]}\n"
	for property, want := range map[string]string{
		"PermissionsBoundary: null":                             "line 8: PermissionsBoundary is null: leave it out",
		"PermissionsBoundary:":                                  "line 8: PermissionsBoundary is null: leave it out",
		"PermissionsBoundary: !If [Yes, null, x]":               "line 8: null is no value of a property",
		"PermissionsBoundary: !Select [0, [null]]":              "line 8: null is no value of a property",
		`PermissionsBoundary: ""`:                               "Role.PermissionsBoundary must be text that is not",
		"PermissionsBoundary: !Ref None":                        "Role.PermissionsBoundary must be text that is not",
		`PermissionsBoundary: !If [Yes, "", x]`:                 "Role.PermissionsBoundary must be text that is not",
		`PermissionsBoundary: !Select [1, !Split [",", "a,,"]]`: "Role.PermissionsBoundary must be text that is not",
		`ManagedPolicyArns: [""]`:                               "Role.ManagedPolicyArns[0] must be text that is not",
		`RoleName: ""`:                                          "Role.RoleName must be text that is not",
		"Policies:":                                             "line 8: Policies is null",
		"ManagedPolicyArns: ~":                                  "line 8: ManagedPolicyArns is null",
		"Tags: NULL":                                            "line 8: Tags is null",
		"Tags: {a: null}":                                       "line 8: a is null",
		"PermissionsBoundary: !Ref AWS::NoValue":                "",
		"ManagedPolicyArns: []":                                 "",
		`Tags: {a: ""}`:                                         "",
		`Description: ""`:                                       "",
	} {
		_, err := apply.Read([]byte(head+aRole(property)), apply.ReadOptions{})
		if want != "" {
			wantError(t, err, want)
		} else if err != nil {
			t.Errorf("%s: %v", property, err)
		}
	}

	// What is known after the reading only.
	text := aRole(`PermissionsBoundary: !Select [0, !Split ["arn:", !GetAtt May.PolicyArn]]`) +
		"  May: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: " + allows + "}}\n"
	newRig(t).refused(text, "line 6: PermissionsBoundary is empty: leave it out if there is none")
}

// A resource without a name never takes over one that happens to have its name in the file.
func TestNamelessResourcesAdoptNothing(t *testing.T) {
	r := newRig(t)
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},` +
		`"Action":"sts:AssumeRole"}]}`
	const boundary = "arn:aws:iam::000000000000:policy/May"
	r.iam("CreatePolicy", url.Values{"PolicyName": {"May"}, "PolicyDocument": {
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`,
	}})
	r.iam("CreateRole", url.Values{
		"RoleName": {"Role"}, "AssumeRolePolicyDocument": {trust}, "PermissionsBoundary": {boundary},
	})
	r.iam("CreateSAMLProvider", url.Values{
		"Name": {"Corp"}, "SAMLMetadataDocument": {samltest.New(t, time.Now(), 0).Metadata()},
	})

	text := aRole() +
		"  May: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: " + allows + "}}\n" +
		"  Corp: {Type: AWS::IAM::SAMLProvider, Properties: {SamlMetadataDocument: " + metadata(t)[0] + "}}\n"
	out := r.must(text)
	contains(t, out, "> CreateRole", "RoleName: shop-Role-", "> CreatePolicy", "PolicyName: shop-May-",
		"> CreateSAMLProvider", "Name: shop-Corp-", "3 to create, 0 to update")
	generated := regexp.MustCompile(`shop-Role-[0-9a-f]{8}`).FindString(out)
	contains(t, r.must(text), "3 without change")

	// A name in the file is another matter.
	out = r.must(aRole("RoleName: Role"))
	contains(t, out, "> DeleteRolePermissionsBoundary")

	// Nor is the generated name taken over.
	other := newRig(t)
	for _, name := range []string{"Role", generated} {
		other.iam("CreateRole", url.Values{"RoleName": {name}, "AssumeRolePolicyDocument": {trust}})
	}
	other.refused(aRole(), "is there, and this file has not made it: give a RoleName")
}
