package assume

import "github.com/poolhouse-id/poolhouse/internal/explain"

// EngineRefusals are the reasons for which credential engines refuse credentials.
var EngineRefusals explain.Catalogue

// The pool's role.
var (
	engineRoleForm = EngineRefusals.Add(explain.Reason{
		Code:     "role-engine-arn",
		Check:    "role",
		Expected: "the ARN of a role",
		Got:      "{role}",
		Fix: "have the pool, or the provider whose login names the role, name it " +
			"arn:{partition}:iam::{account}:role/NAME; put the engine's name for it into " +
			"credential_engines.{engine}.roles",
	})
	engineRoleAccount = EngineRefusals.Add(explain.Reason{
		Code:     "role-account-engine",
		Check:    "role account",
		Expected: "the pool's account, {account}",
		Got:      "account {other}",
		Fix:      "use a role in the pool's account; credential_engines.{engine}.roles rewrites it for the engine",
	})
	roleUnmapped = EngineRefusals.Add(explain.Reason{
		Code:     "role-engine-unmapped",
		Check:    "role",
		Expected: "a role in credential_engines.{engine}.roles",
		Got:      "{role}",
		Fix:      "add the role there, with the engine's name for it",
	})
)

// The name of the session.
var (
	nameOfGuest = EngineRefusals.Add(explain.Reason{
		Code:     "role-session-name-guest",
		Check:    "role session name",
		Expected: "a login: role_session_name uses its {variable}",
		Got:      "a guest, who has no login",
		Fix:      "name sessions by ${identity_id} in a pool that has guests, or have the user sign in",
	})
	nameOfDeveloperUser = EngineRefusals.Add(explain.Reason{
		Code:     "role-session-name-own-token",
		Check:    "role session name",
		Expected: "a login with the claim {claim}, which role_session_name uses",
		Got:      "a token of GetOpenIdTokenForDeveloperIdentity, which has no claims of a login",
		Fix: "name sessions by ${identity_id}, or by ${tag:KEY} with a principal tag that the backend and the " +
			"pool's attribute map set",
	})
	nameWithoutClaim = EngineRefusals.Add(explain.Reason{
		Code:     "role-session-name-claim",
		Check:    "role session name",
		Expected: "a login with the claim {claim}, which role_session_name uses",
		Got:      "no such claim in the logins of {providers}",
		Fix:      "have the provider issue the claim, or name sessions by another claim or ${identity_id}",
	})
	nameOfSeveralLogins = EngineRefusals.Add(explain.Reason{
		Code:     "role-session-name-several",
		Check:    "role session name",
		Expected: "one value of the claim {claim}",
		Got:      "different values in the logins of {providers}",
		Fix:      "send one login only, or name sessions by a claim in which the logins agree, or by ${identity_id}",
	})
	nameOfOtherForm = EngineRefusals.Add(explain.Reason{
		Code:     "role-session-name-form",
		Check:    "role session name",
		Expected: "a claim {claim} that is one text or one whole number",
		Got:      "another value in the login of {providers}",
		Fix:      "name sessions by a claim that is a text or a whole number, or by ${identity_id}",
	})
	nameWithoutTag = EngineRefusals.Add(explain.Reason{
		Code:     "role-session-name-tag",
		Check:    "role session name",
		Expected: "the principal tag {tag}, which role_session_name uses",
		Got:      "no such tag, or an empty one",
		Fix:      "map a claim of the login to the tag, or name sessions by ${identity_id}",
	})
	nameLength = EngineRefusals.Add(explain.Reason{
		Code:     "role-session-name-length",
		Check:    "role session name",
		Expected: "2 to 64 characters, as STS requires",
		Got:      "{length} characters",
		Fix: "shorten the text around the variable in role_session_name, or name sessions by another claim or " +
			"${identity_id}; a name is never cut, because two people could then share it",
	})
	nameCharacters = EngineRefusals.Add(explain.Reason{
		Code:     "role-session-name-characters",
		Check:    "role session name",
		Expected: "letters from a to z, digits and +=,.@_-, as STS requires",
		Got:      "a name of {length} characters; {others} of them are not allowed",
		Fix: "name sessions by another claim or ${identity_id}; characters are never replaced, because two " +
			"people could then share a name",
	})
)

// Templates that a user's principal tags fill.
var (
	claimTag = EngineRefusals.Add(explain.Reason{
		Code:     "engine-token-claim-tag",
		Check:    "engine token claim",
		Expected: "principal tag {tag}: 1 to 256 letters, digits and _.:/=+@-",
		Got:      "no such value",
		Fix:      "map a claim without commas and blanks to the tag",
	})
	policyTag = EngineRefusals.Add(explain.Reason{
		Code:     "engine-session-policy-tag",
		Check:    "engine session policy",
		Expected: "principal tag {tag}: 1 to 256 letters, digits and _.:/=+@-",
		Got:      "no such value",
		Fix:      "map a claim without commas and blanks to the tag",
	})
)

// The engine's answers.
var (
	engineDenied = EngineRefusals.Add(explain.Reason{
		Code:     "credential-engine-denied",
		Check:    "credential engine",
		Expected: "credentials for {role}",
		Got:      "{answer}",
		Fix: "check that the role exists at the engine and that its trust policy names this issuer and the " +
			"token's audience; with principal tags it must allow sts:TagSession",
	})
	engineToken = EngineRefusals.Add(explain.Reason{
		Code:     "credential-engine-token",
		Check:    "credential engine",
		Expected: "credentials for {role}",
		Got:      "{answer}",
		Fix: "check that the engine knows this issuer, reaches its keys, and accepts " +
			"credential_engines.{engine}.token: audience, algorithm, typ",
	})
	engineClock = EngineRefusals.Add(explain.Reason{
		Code:     "credential-engine-expired",
		Check:    "credential engine",
		Expected: "credentials for {role}",
		Got:      "{answer}",
		Fix: "compare the clocks of this server and the engine; or set a longer " +
			"credential_engines.{engine}.token.lifetime",
	})
	engineInput = EngineRefusals.Add(explain.Reason{
		Code:     "credential-engine-parameter",
		Check:    "credential engine",
		Expected: "credentials for {role}",
		Got:      "{answer}",
		Fix: "compare credential_engines.{engine} with the engine's documentation: it may not understand " +
			"guest_policy (try s3), session_policy, the role or a claim",
	})
	engineRefused = EngineRefusals.Add(explain.Reason{
		Code:     "credential-engine-refused",
		Check:    "credential engine",
		Expected: "credentials for {role}",
		Got:      "{answer}",
		Fix:      "look the code up in the engine's documentation, and at its log; see docs/engines",
	})
	engineUnreachable = EngineRefusals.Add(explain.Reason{
		Code:     "credential-engine-unreachable",
		Check:    "credential engine",
		Expected: "a response of its STS within the time limit",
		Got:      "{answer}",
		Fix:      "{fix}",
	})
	engineNoSTS = EngineRefusals.Add(explain.Reason{
		Code:     "credential-engine-answer",
		Check:    "credential engine",
		Expected: "a response of its STS within the time limit",
		Got:      "{answer}",
		Fix:      "check that the endpoint of credential_engines.{engine} is an STS, and look at the engine's log",
	})
)

// enginePlan are the checks of a request for credentials, in their order.
var enginePlan = []explain.Code{
	"role", "role-account", "role-at-credential-engine", "role-session-name", "engine-token-claim",
	"engine-session-policy", "credential-engine",
}
