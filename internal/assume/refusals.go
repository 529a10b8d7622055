package assume

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which the credentials of a role are refused.
var Refusals explain.Catalogue

// The role of an identity pool.
var (
	poolRoleForm = Refusals.Add(explain.Reason{
		Code:     "role-arn-of-pool",
		Check:    "role",
		Expected: "the ARN of a role",
		Got:      "{role}",
		Fix: "have the pool, or the provider whose login names the role, name it " +
			"arn:{partition}:iam::{account}:role/NAME",
	})
	poolRoleMissing = Refusals.Add(explain.Reason{
		Code:     "role-missing-of-pool",
		Check:    "role",
		Expected: "a role that this server knows",
		Got:      "{role}",
		Fix: "create it (IAM CreateRole, or roles in the settings), or give the pool a role that exists; name and " +
			"path are compared exactly",
	})
	roleAccount = Refusals.Add(explain.Reason{
		Code:     "role-account",
		Check:    "role account",
		Expected: "the pool's account, {account}",
		Got:      "account {other}",
		Fix:      "use a role in the pool's account",
	})
)

// The session that the pool requests.
var (
	durationOfPool = Refusals.Add(explain.Reason{
		Code:     "session-duration-pool",
		Check:    "session duration",
		Expected: "{least} to {limit}",
		Got:      "{duration}",
		Fix:      "ask for another duration, or raise the role's max_session_duration",
	})
	tokenSizeOfPool = Refusals.Add(explain.Reason{
		Code:     "session-token-size-pool",
		Check:    "session token size",
		Expected: "up to {limit} bytes",
		Got:      "{fault}",
		Fix:      "map fewer or shorter principal tags",
	})
)

// The role's trust policy, apart from its conditions.
var (
	trustMissing = Refusals.Add(explain.Reason{
		Code:     "trust-policy-missing",
		Check:    "trust policy",
		Expected: "a trust policy",
		Got:      "none",
		Fix:      "give the role a trust policy",
	})
	trustFault = Refusals.Add(explain.Reason{
		Code:     "trust-policy-fault",
		Check:    "trust policy",
		Expected: "{expected}",
		Got:      "{where}: {got}; with this fault, the trust policy lets nobody in",
		Fix:      "{fix}",
	})
	trustDenies = Refusals.Add(explain.Reason{
		Code:     "trust-policy-deny",
		Check:    "trust policy",
		Expected: "no Deny statement for {action}",
		Got:      "an explicit Deny in {statement} for {principal} on {role}",
		Fix:      "change or remove that statement of the trust policy: a Deny wins over every Allow",
	})
	trustDeniesUnknown = Refusals.Add(explain.Reason{
		Code:     "trust-policy-deny-unknown",
		Check:    "trust policy",
		Expected: "no Deny statement for {action}",
		Got:      "an explicit Deny in {cause}",
		Fix: "remove {key} from the trust policy, or have the identity provider give a value that the operator " +
			"can compare; docs/iam.md lists the keys that are known",
	})
	trustNotText = Refusals.Add(explain.Reason{
		Code:     "trust-policy-utf8",
		Check:    "trust policy",
		Expected: "a request that is valid UTF-8",
		Got:      "a request that is not valid UTF-8, so that no policy can be evaluated",
		Fix:      "correct the encoding of the request's parameters, or of the token's claims at the provider",
	})
	trustEmpty = Refusals.Add(explain.Reason{
		Code:     "trust-policy-empty",
		Check:    "trust policy",
		Expected: "a statement that allows {action}",
		Got:      "no Allow statement",
		Fix:      "add an Allow statement for {principal} and {action} to the trust policy, or choose another role",
	})
	trustEmptyPool = Refusals.Add(explain.Reason{
		Code:     "trust-policy-empty-pool",
		Check:    "trust policy",
		Expected: "a statement that allows {action}",
		Got:      "no Allow statement",
		Fix:      "add to the trust policy: {statement}",
	})
	trustPrincipal = Refusals.Add(explain.Reason{
		Code:     "trust-policy-principal",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "none: {got}",
		Fix:      "add the principal and the action to the trust policy, or choose another role",
	})
	trustPrincipalPool = Refusals.Add(explain.Reason{
		Code:     "trust-policy-principal-pool",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "none: {got}",
		Fix:      "add to the trust policy: {statement}",
	})
	trustPrincipalSpelling = Refusals.Add(explain.Reason{
		Code:     "trust-policy-principal-spelling",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{statement}, which is for {written}",
		Fix:      "write the principal of {statement} as {principal}: {cause}",
	})
	trustPrincipalExcluded = Refusals.Add(explain.Reason{
		Code:     "trust-policy-principal-excluded",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{statement}, which excludes it with NotPrincipal",
		Fix:      "take the principal out of the NotPrincipal of {statement}",
	})
	trustAction = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}; it has the principal",
		Fix:      "add {action} to the Action of {statement} of the trust policy",
	})
	trustActionExcluded = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action-excluded",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{statement} excludes the action with NotAction",
		Fix:      "take {action} out of the NotAction of {statement} of the trust policy",
	})
	trustTags = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action-tags",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}",
		Fix: "the session has tags, which need sts:TagSession in addition to {assume} in the Action of the trust " +
			"policy's statement",
	})
	trustPoolTags = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action-principal-tags",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}",
		Fix: "the identity has principal tags, which need sts:TagSession in addition to " +
			"sts:AssumeRoleWithWebIdentity in the Action of the trust policy's statement; or remove the pool's " +
			"principal tag mapping",
	})
	trustSourceIdentity = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action-source-identity",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}",
		Fix: "the session has a source identity, which needs sts:SetSourceIdentity in addition to {assume} in the " +
			"Action of the trust policy's statement",
	})
	trustResource = Refusals.Add(explain.Reason{
		Code:     "trust-policy-resource",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}",
		Fix:      "remove the Resource from {statement}: a trust policy always applies to its own role",
	})
	trustOlderThanPool = Refusals.Add(explain.Reason{
		Code:     "age-of-the-trust-policy",
		Check:    "age of the trust policy",
		Expected: "a trust policy that was written after account {account} got the pool {pool}",
		Got:      "one that is older than the pool; the pool belongs to another account",
		Fix: "if the role is for this pool, write its trust policy again: UpdateAssumeRolePolicy with the same " +
			"document, or, in the settings, with another Sid",
	})
)

// A condition of the trust policy.
var (
	conditionUnknown = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-unknown",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{key} cannot be evaluated here{also}",
		Fix: "remove {key} from the trust policy, or have the identity provider give a value that the operator " +
			"can compare; docs/iam.md lists the keys that are known",
	})
	conditionKeySpelling = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-key",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "a request without that key, but with {right}{also}",
		Fix:      "write the condition key as {right}: {cause}",
	})
	conditionSpelling = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-spelling",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix:      "correct the value in this condition of the trust policy: {cause}",
	})
	conditionPool = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-pool",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "the role trusts another pool: add {pool} to this condition, or give the pool a role that trusts " +
			"it",
	})
	conditionGuest = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-guest",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix:      "the role is not for guests: give the pool another unauthenticated role",
	})
	conditionSignIn = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-amr",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "the role does not accept this way of signing in: choose another role, or add one of the request's " +
			"amr values to this condition",
	})
	conditionOtherGuest = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-guest-identity",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "the role is for other identities: give the pool another unauthenticated role, or add the guest's " +
			"identity ID to this condition",
	})
	conditionIdentity = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-identity",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix:      "the role is for other identities: choose another role, or add {identity} to this condition",
	})
	conditionPoolTags = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-principal-tags",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix:      "compare the pool's principal tag mapping with this condition of the trust policy",
	})
	conditionExternalID = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-external-id",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "pass the ExternalId that the role's owner gave to the caller, or change this condition of the trust " +
			"policy",
	})
	conditionExcluded = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-excluded",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "the condition excludes this request: change this condition of the trust policy, or choose another " +
			"role",
	})
	conditionAbsent = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-absent",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "change this condition of the trust policy, choose another role, or send the key in the request; it " +
			"has {keys}",
	})
	conditionValue = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix:      "change this condition of the trust policy, or choose another role",
	})
)
