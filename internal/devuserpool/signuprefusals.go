package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons about sign-ups, codes and forgotten passwords.
var (
	signUpClosed = Refusals.Add(explain.Reason{
		Code:     "sign-up-open",
		Check:    "sign-up open",
		Expected: "a pool in which users sign themselves up",
		Got:      "one with AllowAdminCreateUserOnly",
		Fix:      "create the user with AdminCreateUser, or change AdminCreateUserConfig",
	})
	signUpName = Refusals.Add(explain.Reason{
		Code:     "sign-up-preferred-name",
		Check:    "sign-up preferred name",
		Expected: "no preferred_username before the sign-up is confirmed, because the pool has it as an alias",
		Got:      "one",
		Fix:      "set it with UpdateUserAttributes after the first sign-in",
	})
	signUpConfirmed = Refusals.Add(explain.Reason{
		Code:     "sign-up-status",
		Check:    "sign-up status",
		Expected: "a user with the status UNCONFIRMED",
		Got:      "one with {status}",
		Fix:      "sign the user in",
	})
	codeWrong = Refusals.Add(explain.Reason{
		Code:     "code-value",
		Check:    "code value",
		Expected: "the newest code for the purpose",
		Got:      "another one",
		Fix:      "use the code from the terminal or the page of the server; dev.user_pool_code sets one for all",
	})
	codeExpired = Refusals.Add(explain.Reason{
		Code:     "code-in-force",
		Check:    "code in force",
		Expected: "a code that was requested, and not used or expired",
		Got:      "none",
		Fix:      "request another: sign-up codes last a day, codes for passwords an hour",
	})
	codeAttempts = Refusals.Add(explain.Reason{
		Code:     "code-attempts",
		Check:    "code attempts",
		Expected: "at most five wrong codes an hour",
		Got:      "one more",
		Fix:      "wait for an hour; an administrator can confirm the user or set the password at once",
	})
	codeAddress = Refusals.Add(explain.Reason{
		Code:     "code-address",
		Check:    "code address",
		Expected: "an address of the user that the pool can send a code to",
		Got:      "none",
		Fix:      "set AutoVerifiedAttributes of the pool, and the address of the user",
	})
	recoveryAddress = Refusals.Add(explain.Reason{
		Code:     "recovery-address",
		Check:    "recovery address",
		Expected: "a verified e-mail address or telephone number of the user",
		Got:      "none",
		Fix:      "verify the address, or set the password with AdminSetUserPassword",
	})
	passwordResettable = Refusals.Add(explain.Reason{
		Code:     "password-reset-by-the-user",
		Check:    "password reset by the user",
		Expected: "a user who has set a password",
		Got:      "one with a temporary password",
		Fix:      "sign in with the temporary password, or set another with AdminSetUserPassword",
	})
	passwordByAdmin = Refusals.Add(explain.Reason{
		Code:     "password-reset-by-the-user-closed",
		Check:    "password reset by the user",
		Expected: "AccountRecoverySetting of the pool with an address",
		Got:      "admin_only",
		Fix:      "set the password with AdminSetUserPassword",
	})
)

// signupMessages lists the texts of refused calls about sign-ups, codes and forgotten passwords.
var signupMessages = []explain.Message{
	{
		Code:    "NotAuthorizedException",
		Text:    "SignUp is not permitted for this user pool",
		Reasons: []explain.Code{"sign-up-open"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Preferred username cannot be provided for unconfirmed account",
		Reasons: []explain.Code{"sign-up-preferred-name"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "User cannot be confirmed. Current status is {status}",
		Reasons: []explain.Code{"sign-up-status"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "User is already confirmed.",
		Reasons: []explain.Code{"sign-up-status"},
	},
	{
		Code:    "CodeMismatchException",
		Text:    "Invalid verification code provided, please try again.",
		Reasons: []explain.Code{"code-value"},
	},
	{
		Code:    "ExpiredCodeException",
		Text:    "Invalid code provided, please request a code again.",
		Reasons: []explain.Code{"code-in-force"},
	},
	{
		Code:    "LimitExceededException",
		Text:    "Attempt limit exceeded, please try after some time.",
		Reasons: []explain.Code{"code-attempts", "password-attempts"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Auto verification not turned on.",
		Reasons: []explain.Code{"code-address"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "User does not have a value for the attribute {name}.",
		Reasons: []explain.Code{"code-address"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Cannot reset password for the user as there is no registered/verified email or phone_number",
		Reasons: []explain.Code{"recovery-address"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "User password cannot be reset in the current state.",
		Reasons: []explain.Code{"password-reset-by-the-user"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Contact administrator to reset password.",
		Reasons: []explain.Code{"password-reset-by-the-user-closed"},
	},
}
