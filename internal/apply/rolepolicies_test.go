package apply_test

import (
	"strings"
	"testing"
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
	newRig(t).refused(twice("a", "a"), `Role (line 2): Policies: two have the PolicyName "a"`)
	newRig(t).refused(twice(`!Sub "x-${AWS::Region}"`, `!Join ["-", [x, us-east-1]]`),
		`Role (line 2): Policies: two have the PolicyName "x-us-east-1"`)
	contains(t, newRig(t).must(twice("a", "b")), "1 to create", "PolicyName: a", "PolicyName: b")
}
