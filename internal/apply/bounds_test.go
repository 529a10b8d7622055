package apply_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the server would refuse after a part of the file was applied is refused before.
func TestBoundsOfResources(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	policy := func(name, document string) string {
		return "  - {PolicyName: " + name + ", PolicyDocument: " + document + "}"
	}
	sized := func(n int) string { return strings.Replace(allows, "s3:*", "s3:Get"+long(n), 1) }
	var tags, arns []string
	for i := range 50 {
		tags = append(tags, fmt.Sprintf("k%d: v", i))
		arns = append(arns, fmt.Sprintf("arn:aws:iam::000000000000:policy/p%d", i))
	}

	for property, want := range map[string]string{
		"RoleName: " + long(65):                 "RoleName has 65 characters; the limit is 64",
		"RoleName: " + long(15<<20):             "RoleName has 15728640 characters; the limit is 64",
		"RoleName: a b":                         `RoleName does not have the form`,
		"RoleName: é":                           `RoleName does not have the form`,
		"Path: a":                               "Path does not have the form",
		"Path: /a":                              "Path does not have the form",
		"Description: " + long(1001):            "Description has 1001 characters; the limit is 1000",
		"MaxSessionDuration: 3599":              "MaxSessionDuration is 3599; it must be 3600 to 43200",
		"MaxSessionDuration: 43201":             "MaxSessionDuration is 43201; it must be",
		"PermissionsBoundary: May":              "PermissionsBoundary does not have the form",
		`ManagedPolicyArns: ["arn:aws:s3:::b"]`: "ManagedPolicyArns[0] does not have the form",
		"ManagedPolicyArns: [" + strings.Join(arns[:11], ", ") + "]": "ManagedPolicyArns has 11 elements",
		"Tags: {" + strings.Join(tags, ", ") + "}":                   "Tags has 50 elements; the limit is 49",
		"Tags: {a: " + long(257) + "}":                               "the value of the tag a has 257 characters",
		`Tags: {"a*": b}`:                                            "the key of a tag does not have the form",
		"Policies:\n      " + policy("a b", allows):                  "PolicyName does not have the form",
		"Policies:\n      " + policy("a", sized(10_240)):             "Policies: 10",
		"PermissionsBoundary: arn:aws:iam::000000000000:policy/none": "the managed policy arn:aws:iam::000000000000:",
		"ManagedPolicyArns: [arn:aws:iam::aws:policy/None]":          "policy/None is not there",
	} {
		text := aRole(property) +
			"  A: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://idp.example.com\"}}\n"
		newRig(t).refused(text, want)
	}

	document := func(n int) string {
		return "Resources: {May: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: " + sized(n) + "}}}\n"
	}
	newRig(t).refused(document(6144), "PolicyDocument: 6")
	newRig(t).must(document(5000))
	newRig(t).must(aRole("RoleName: "+long(64), "Path: /a/", "MaxSessionDuration: \"03600\"", "Tags: {a: \"\"}"))
}

// What is applied the second time does not change, however it is written.
func TestApplyConverges(t *testing.T) {
	r := newRig(t)
	may := "arn:aws:iam::000000000000:policy/May"
	text := aRole("ManagedPolicyArns: ["+may+", !Ref May, "+may+"]", `MaxSessionDuration: "03600"`, "DependsOn: May") +
		"  May: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: " + allows + "}}\n" +
		"  Issuer: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://i\", ClientIdList: [b, a, b]}}\n"
	text = strings.Replace(text, "      DependsOn", "    DependsOn", 1)
	contains(t, r.must(text), "3 to create")
	contains(t, r.must(text), "3 without change")
}

// Who may not read a policy may still name it.
func TestPoliciesThatCannotBeAsked(t *testing.T) {
	r := newRig(t)
	r.must("Resources: {May: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: " + allows + "}}}\n")
	r.refuse = func(operation string) *http.Response {
		if operation != "GetPolicy" {
			return nil
		}
		return answer(http.StatusForbidden,
			"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")
	}
	contains(t, r.must(aRole("ManagedPolicyArns: [arn:aws:iam::000000000000:policy/May]")), "> AttachRolePolicy")
}

// Denials come first and go last, so that a failure never leaves more allowed.
func TestDenialsComeFirst(t *testing.T) {
	r := newRig(t)
	managed := "  AAllow: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: " + allows + "}}\n" +
		"  BDeny: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: " + denies + "}}\n"
	policies := func(documents ...string) string {
		text := "Policies: ["
		for i := 0; i < len(documents); i += 2 {
			text += "{PolicyName: " + documents[i] + ", PolicyDocument: " + documents[i+1] + "}, "
		}
		return text + "]"
	}
	order := func(out string) (calls []string) {
		for _, found := range regexp.MustCompile(
			`> (\w+Role(?:Policy|PermissionsBoundary))\n(?:>   PolicyArn: .*policy/(\w+)|>   PolicyDocument: .*\n>   `+
				`PolicyName: (\w+)|>   PolicyName: (\w+))`).FindAllStringSubmatch(out, -1) {
			calls = append(calls, found[1]+" "+strings.Join(found[2:], ""))
		}
		return calls
	}

	out := r.must(aRole("ManagedPolicyArns: [!Ref AAllow, !Ref BDeny]", policies("a", allows, "z", denies)) + managed)
	equal(t, "created", order(out), []string{
		"PutRolePolicy z", "AttachRolePolicy BDeny", "AttachRolePolicy AAllow", "PutRolePolicy a",
	})

	// a denies now, z no longer, c is new.
	out = r.must(aRole(policies("a", denies, "c", allows)) + managed)
	equal(t, "changed", order(out), []string{
		"PutRolePolicy a", "PutRolePolicy c", "DetachRolePolicy AAllow", "DetachRolePolicy BDeny", "DeleteRolePolicy z",
	})
	out = r.must(aRole(policies("a", allows)) + managed)
	equal(t, "weaker", order(out), []string{"DeleteRolePolicy c", "PutRolePolicy a"})
	if slices.Contains(r.calls, "CreateRole") {
		t.Error("the role was made again")
	}
}
