package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons about sign-ins.
var (
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
)

// signinMessages lists the texts of refused calls about sign-ins.
var signinMessages = []explain.Message{
	{
		Code:    "InvalidParameterException",
		Text:    "Missing required parameter {name}",
		Reasons: []explain.Code{"auth-parameter"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Parameter {name} is too long.",
		Reasons: []explain.Code{"auth-parameter-size"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid SRP_A.",
		Reasons: []explain.Code{"srp-value"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.",
		Reasons: []explain.Code{"timestamp-of-the-proof"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid session for the user.",
		Reasons: []explain.Code{"sign-in-session"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid session for the user, session is expired.",
		Reasons: []explain.Code{"sign-in-session-expired"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid session for the user, session can only be used once.",
		Reasons: []explain.Code{"sign-in-session-used"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Incorrect username or password.",
		Reasons: []explain.Code{"user-and-password"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Password attempts exceeded",
		Reasons: []explain.Code{"password-attempts"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Temporary password has expired and must be reset by an administrator.",
		Reasons: []explain.Code{"temporary-password"},
	},
}
