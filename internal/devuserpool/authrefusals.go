package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons about sign-ins.
var (
	appClientUnknown = Refusals.Add(explain.Reason{
		Code:     "user-pool-client",
		Check:    "user pool client",
		Expected: "the ID of an app client of a user pool of this server",
		Got:      "{client}",
		Fix: "list the clients with aws cognito-idp list-user-pool-clients, and correct the client ID or the " +
			"endpoint in the application",
	})
	secretHashMissing = Refusals.Add(explain.Reason{
		Code:     "secret-hash-missing",
		Check:    "secret hash",
		Expected: "SECRET_HASH, because the app client has a secret",
		Got:      "none",
		Fix:      "send it, or use an app client without a secret: browsers and phones cannot keep one",
	})
	secretHashUnexpected = Refusals.Add(explain.Reason{
		Code:     "secret-hash-unexpected",
		Check:    "secret hash",
		Expected: "no SECRET_HASH, because the app client has no secret",
		Got:      "one",
		Fix:      "leave it out, or correct the client ID",
	})
	secretHashWrong = Refusals.Add(explain.Reason{
		Code:  "secret-hash",
		Check: "secret hash",
		Expected: "the Base64 of HMAC-SHA256, with the client secret as key, over the user name as sent and the " +
			"client ID",
		Got: "another value",
		Fix: "compare the client secret, and hash the user name that the same call sends",
	})
	refreshHashWrong = Refusals.Add(explain.Reason{
		Code:     "secret-hash-of-the-refresh",
		Check:    "secret hash of the refresh",
		Expected: "the Base64 of HMAC-SHA256, with the client secret as key, over the user name and the client ID",
		Got:      "another value",
		Fix:      "hash the claim cognito:username of the ID token, also if the user signed in with an address",
	})
	clientSecretWrong = Refusals.Add(explain.Reason{
		Code:     "client-secret",
		Check:    "client secret",
		Expected: "the secret of the app client, or none if it has none",
		Got:      "something else",
		Fix:      "send ClientSecret as DescribeUserPoolClient shows it",
	})
	authFlow = Refusals.Add(explain.Reason{
		Code:     "auth-flow",
		Check:    "auth flow",
		Expected: "a flow that ExplicitAuthFlows of the app client allows",
		Got:      "{flow}",
		Fix:      "add ALLOW_{flow} to ExplicitAuthFlows of the app client",
	})
	authFlowOperation = Refusals.Add(explain.Reason{
		Code:     "auth-flow-operation",
		Check:    "auth flow",
		Expected: "a flow of this operation",
		Got:      "{flow}",
		Fix:      "use USER_PASSWORD_AUTH with InitiateAuth, and ADMIN_USER_PASSWORD_AUTH with AdminInitiateAuth",
	})
	authParameter = Refusals.Add(explain.Reason{
		Code:     "auth-parameter",
		Check:    "auth parameter",
		Expected: "the parameter {name}",
		Got:      "none, or an empty one",
		Fix:      "send it",
	})
	authParameterSize = Refusals.Add(explain.Reason{
		Code:     "auth-parameter-size",
		Check:    "auth parameter",
		Expected: "a user name of at most 128 characters",
		Got:      "a longer one",
		Fix:      "correct the user name",
	})
	srpValueForm = Refusals.Add(explain.Reason{
		Code:     "srp-value",
		Check:    "SRP value",
		Expected: "SRP_A as a hexadecimal number below the prime, and not a multiple of it",
		Got:      "something else: {fault}",
		Fix:      "use an SRP library that knows this group, such as that of Amplify or pycognito",
	})
	timestampText = Refusals.Add(explain.Reason{
		Code:     "timestamp-of-the-proof",
		Check:    "timestamp of the proof",
		Expected: "TIMESTAMP such as Sun Nov 9 18:04:11 UTC 2026, in English",
		Got:      "another form",
		Fix:      "use English names, a day without leading zero, and UTC",
	})
	signInUnknown = Refusals.Add(explain.Reason{
		Code:     "sign-in-session",
		Check:    "sign-in session",
		Expected: "the session or secret block of a sign-in at this app client and this step",
		Got:      "another value",
		Fix: "send Session, or PASSWORD_CLAIM_SECRET_BLOCK, as the challenge had it; a restart of the server ends " +
			"all sign-ins",
	})
	signInExpired = Refusals.Add(explain.Reason{
		Code:     "sign-in-session-expired",
		Check:    "sign-in session",
		Expected: "an answer within AuthSessionValidity of the app client, by default 3 minutes",
		Got:      "a later one",
		Fix:      "sign in again, or raise AuthSessionValidity",
	})
	signInUsed = Refusals.Add(explain.Reason{
		Code:     "sign-in-session-used",
		Check:    "sign-in session",
		Expected: "a session that was not used yet",
		Got:      "one that was",
		Fix:      "sign in again",
	})
	passwordWrong = Refusals.Add(explain.Reason{
		Code:     "user-and-password",
		Check:    "user and password",
		Expected: "the name and the password of a user of the pool",
		Got:      "another name or password",
		Fix: "list the users with aws cognito-idp list-users; set a password with aws cognito-idp " +
			"admin-set-user-password --permanent",
	})
	passwordAttempts = Refusals.Add(explain.Reason{
		Code:     "password-attempts",
		Check:    "password attempts",
		Expected: "a pause after five wrong passwords: one second, and twice as long after each further one",
		Got:      "an attempt before its end",
		Fix:      "wait up to 15 minutes, and correct the password",
	})
	passwordExpired = Refusals.Add(explain.Reason{
		Code:     "temporary-password",
		Check:    "temporary password",
		Expected: "one that is not older than TemporaryPasswordValidityDays",
		Got:      "an older one",
		Fix:      "set another with AdminSetUserPassword or AdminCreateUser",
	})
	passwordPolicy = Refusals.Add(explain.Reason{
		Code:     "password-policy",
		Check:    "password policy",
		Expected: "a password that the policy of the pool allows",
		Got:      "one of which the policy says: {rule}",
		Fix:      "choose another password, or change the policy with UpdateUserPool",
	})
	userOff = Refusals.Add(explain.Reason{
		Code:     "user-enabled",
		Check:    "user enabled",
		Expected: "a user who is enabled",
		Got:      "a disabled one",
		Fix:      "call AdminEnableUser",
	})
	userUnconfirmed = Refusals.Add(explain.Reason{
		Code:     "user-confirmed",
		Check:    "user confirmed",
		Expected: "a user who has confirmed the sign-up",
		Got:      "one who has not",
		Fix: "send the code with ConfirmSignUp; the terminal and the page of the server show codes; or call " +
			"AdminConfirmSignUp",
	})
	userReset = Refusals.Add(explain.Reason{
		Code:     "user-password-reset",
		Check:    "user password reset",
		Expected: "a user whose password was not reset",
		Got:      "one whose password was",
		Fix:      "call ForgotPassword and ConfirmForgotPassword, or AdminSetUserPassword",
	})
	userDeleted = Refusals.Add(explain.Reason{
		Code:     "user-of-the-token",
		Check:    "user of the token",
		Expected: "a user of the pool",
		Got:      "none, or another one of the same name",
		Fix:      "sign in again as a user who exists",
	})
	requiredAttribute = Refusals.Add(explain.Reason{
		Code:     "required-attribute",
		Check:    "required attribute",
		Expected: "a value for {name}, which the pool requires",
		Got:      "none",
		Fix:      "send userAttributes.{name} with the new password",
	})
)
