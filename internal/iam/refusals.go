package iam

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals has the reasons for which this package refuses.
var Refusals explain.Catalogue

// Reasons for which policies do not let a caller do something. The subject is the
// caller's ARN.
var (
	policyDeny = Refusals.Add(explain.Reason{
		Code:     "policies-deny",
		Check:    "policies",
		Expected: "no statement that denies {action} on {resource}",
		Got:      "{statement} of {policy}, which denies it",
		Fix: "take the action or the resource out of that statement, or give it a condition that this call does " +
			"not meet; a Deny wins over every Allow",
	})
	policyDenyUnknown = Refusals.Add(explain.Reason{
		Code:     "policies-deny-unknown",
		Check:    "policies",
		Expected: "no statement that denies {action} on {resource}",
		Got:      "{statement} of {policy}, which denies it: {unknown}",
		Fix:      "{help}",
	})
	policyKeyDeny = Refusals.Add(explain.Reason{
		Code:     "policies-key-deny",
		Check:    "policies",
		Expected: "no statement that denies {action} on {resource}",
		Got:      "{statement} of {policy}, which denies it",
		Fix: "call with another key, or create one with a policy that does not deny it (poolhouse keys create " +
			"--policy); the policy of a key cannot be changed",
	})
	policyKeyNone = Refusals.Add(explain.Reason{
		Code:     "policies-key-none",
		Check:    "policies",
		Expected: "a statement that allows {action} on {resource}",
		Got:      "none in {policies}",
		Fix: "call with another key, or create one with a policy that allows it (poolhouse keys create --policy); " +
			"the policy of a key cannot be changed",
	})
	policyNone = Refusals.Add(explain.Reason{
		Code:     "policies-none",
		Check:    "policies",
		Expected: "a statement that allows {action} on {resource}",
		Got:      "none in {policies}",
		Fix: "if the caller meant its own resources, correct the resource, or the part of the request that it " +
			"comes from; else allow {action} on {resource} in a policy of {owner}{bound}",
	})
	policyNoneResource = Refusals.Add(explain.Reason{
		Code:     "policies-none-resource",
		Check:    "policies",
		Expected: "a statement that allows {action} on {resource}",
		Got:      "none in {policies}; {statement} of {policy} allows it on {other}",
		Fix: "if the caller meant its own resources, correct the resource, or the path that it comes from; else " +
			"allow {action} on {resource} in a policy of {owner}, which allows it for everyone with the role{bound}",
	})
	policyNoneUnknown = Refusals.Add(explain.Reason{
		Code:     "policies-none-unknown",
		Check:    "policies",
		Expected: "a statement that allows {action} on {resource}",
		Got:      "none in {policies} that certainly allows it: {unknown}",
		Fix:      "{help}",
	})
	policyBoundary = Refusals.Add(explain.Reason{
		Code:     "policies-boundary",
		Check:    "policies",
		Expected: "a permissions boundary that allows {action} on {resource}",
		Got:      "{policies}, which does not",
		Fix:      "allow {action} on {resource} in the boundary, too, or remove the boundary from the role",
	})
	policySession = Refusals.Add(explain.Reason{
		Code:     "policies-session",
		Check:    "policies",
		Expected: "a session policy that allows {action} on {resource}",
		Got:      "{policies}, none of which does",
		Fix:      "create the session with a Policy or PolicyArns that allow it",
	})
	policyGuest = Refusals.Add(explain.Reason{
		Code:     "policies-session-guest",
		Check:    "policies",
		Expected: "a guest policy that allows {action} on {resource}",
		Got:      "a guest's session, and its guest policy does not allow it",
		Fix: "sign in before the call, or let the setting guest_policy (or pool_guest_policies) allow it, too, and " +
			"get new credentials (docs/engines/builtin.md#guests)",
	})
	policyUTF8 = Refusals.Add(explain.Reason{
		Code:     "policies-text",
		Check:    "policies",
		Expected: "a request for {action} in valid UTF-8",
		Got:      "a value that is not",
		Fix:      "send names, tags and headers in UTF-8",
	})
	policyAccount = Refusals.Add(explain.Reason{
		Code:     "policies-account",
		Check:    "policies",
		Expected: "a resource of the caller's account, {account}",
		Got:      "{resource}, of account {owner}",
		Fix:      "call with a key of account {owner}, or assume a role there first",
	})
	policyTemporary = Refusals.Add(explain.Reason{
		Code:     "policies-temporary",
		Check:    "policies",
		Expected: "a call that temporary credentials of an access key may make",
		Got:      "{action}",
		Fix:      "call with the access key itself, or assume a role that may do it",
	})
	policyFederated = Refusals.Add(explain.Reason{
		Code:     "policies-federated",
		Check:    "policies",
		Expected: "a session policy that allows {action} on {resource}",
		Got:      "credentials of a federated user that has no session policy",
		Fix:      "call GetFederationToken with a Policy or PolicyArns that allow it",
	})
	policyRole = Refusals.Add(explain.Reason{
		Code:     "policies-role-missing",
		Check:    "policies",
		Expected: "the session's role {role}",
		Got:      "no role with that ARN",
		Fix:      "create the role again and sign in again; sessions of a deleted role stay invalid",
	})
	policyRoleReplaced = Refusals.Add(explain.Reason{
		Code:     "policies-role-replaced",
		Check:    "policies",
		Expected: "the session's role {role}, as it was when the session began",
		Got:      "another role of the same name: the session's role was deleted",
		Fix:      "get new credentials for the present role",
	})
	policyUnreadable = Refusals.Add(explain.Reason{
		Code:     "policies-session-unreadable",
		Check:    "policies",
		Expected: "session policies that can be read",
		Got:      "{fault}",
		Fix:      "get new credentials: another version of the server issued these",
	})
	policyNobody = Refusals.Add(explain.Reason{
		Code:     "policies-nobody",
		Check:    "policies",
		Expected: "a caller who may do {action}",
		Got:      "a request without a caller",
		Fix:      "sign the call with an access key or with temporary credentials",
	})
)
