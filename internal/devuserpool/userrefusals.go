package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons about users and their attributes.
var (
	userUnknown = Refusals.Add(explain.Reason{
		Code:     "user-of-the-pool",
		Check:    "user of the pool",
		Expected: "a user name, a subject or an alias of a user of the pool",
		Got:      "no user with it",
		Fix:      "list the users with aws cognito-idp list-users",
	})
	attributeValue = Refusals.Add(explain.Reason{
		Code:     "user-attribute",
		Check:    "user attribute",
		Expected: "attributes of the pool's schema with values of their form, and all that it requires",
		Got:      "another attribute or value",
		Fix: "correct the attribute that the message names; custom attributes begin with custom: and are added by " +
			"Schema or AddCustomAttributes",
	})
	addressForm = Refusals.Add(explain.Reason{
		Code:     "user-attribute-address",
		Check:    "user attribute",
		Expected: "an e-mail address, or a telephone number like +14155550100",
		Got:      "another form",
		Fix:      "write the number with + and the country code, without blanks",
	})
	nameForm = Refusals.Add(explain.Reason{
		Code:     "user-name-form",
		Check:    "user name",
		Expected: "an address where the pool has UsernameAttributes, and none where it has it as AliasAttributes",
		Got:      "a name of another form",
		Fix:      "name the user as the pool's settings demand",
	})
	nameTaken = Refusals.Add(explain.Reason{
		Code:     "user-name-taken",
		Check:    "user name",
		Expected: "a name that no user of the pool has",
		Got:      "a name that is taken",
		Fix:      "choose another name, or delete the user",
	})
	aliasTaken = Refusals.Add(explain.Reason{
		Code:     "user-name-alias",
		Check:    "user name",
		Expected: "an address that names no other user of the pool",
		Got:      "an address of another user",
		Fix:      "use another address, or remove it from the other user",
	})
	userStatus = Refusals.Add(explain.Reason{
		Code:     "user-status",
		Check:    "user status",
		Expected: "a status in which the operation has a meaning",
		Got:      "{status}",
		Fix:      "see the status with aws cognito-idp admin-get-user",
	})
	noAddress = Refusals.Add(explain.Reason{
		Code:     "user-verified-address",
		Check:    "user verified address",
		Expected: "a user with a verified e-mail address or telephone number",
		Got:      "a user without",
		Fix:      "set email and email_verified with AdminUpdateUserAttributes",
	})
	filterForm = Refusals.Add(explain.Reason{
		Code:     "user-filter",
		Check:    "user filter",
		Expected: `ATTRIBUTE = "VALUE" or ATTRIBUTE ^= "VALUE", with one of the attributes that can be searched`,
		Got:      "another filter",
		Fix: "use username, email, phone_number, name, given_name, family_name, preferred_username, " +
			"cognito:user_status, status or sub, and put the value in double quotes",
	})
	writableAttribute = Refusals.Add(explain.Reason{
		Code:     "writable-attribute",
		Check:    "writable attribute",
		Expected: "an attribute that the app client may write",
		Got:      "{name}",
		Fix:      "add it to WriteAttributes of the app client; only administrators set whether an address is verified",
	})
	requiredAttribute = Refusals.Add(explain.Reason{
		Code:     "required-attribute",
		Check:    "required attribute",
		Expected: "a value for {name}, which the pool requires",
		Got:      "none",
		Fix:      "send userAttributes.{name} with the new password",
	})
	addressAttribute = Refusals.Add(explain.Reason{
		Code:     "address-attribute",
		Check:    "address attribute",
		Expected: "email or phone_number",
		Got:      "{name}",
		Fix:      "correct AttributeName",
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
)

// userMessages lists the texts of refused calls about users and their attributes.
var userMessages = []explain.Message{
	{
		Code:    "AliasExistsException",
		Text:    "An account with the given {name} already exists.",
		Reasons: []explain.Code{"user-name-alias"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Attributes did not conform to the schema: {fault}\n",
		Reasons: []explain.Code{"user-attribute"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Cannot reset password for the user as there is no registered/verified email or phone_number",
		Reasons: []explain.Code{"user-verified-address"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Error while parsing filter.",
		Reasons: []explain.Code{"user-filter"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid email address format.",
		Reasons: []explain.Code{"user-attribute-address"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid phone number format.",
		Reasons: []explain.Code{"user-attribute-address"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "One or more requested attributes do not exist.",
		Reasons: []explain.Code{"user-attribute"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "One or more requested attributes cannot be searched.",
		Reasons: []explain.Code{"user-filter"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.",
		Reasons: []explain.Code{"user-name-form"},
	},
	{
		Code:    "UnsupportedUserStateException",
		Text:    "Resend not possible. Status is not FORCE_CHANGE_PASSWORD",
		Reasons: []explain.Code{"user-status"},
	},
	{
		Code:    "UsernameExistsException",
		Text:    "User already exists",
		Reasons: []explain.Code{"user-name-taken"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "User cannot be confirmed. Current status is {value}",
		Reasons: []explain.Code{"user-status"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "User password cannot be reset in the current state.",
		Reasons: []explain.Code{"user-status"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Username should be an email.",
		Reasons: []explain.Code{"user-name-form"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Username should be a phone number.",
		Reasons: []explain.Code{"user-name-form"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Username should be either an email or a phone number.",
		Reasons: []explain.Code{"user-name-form"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Username cannot be of email format, since user pool is configured for email alias.",
		Reasons: []explain.Code{"user-name-form"},
	},
	{
		Code: "InvalidParameterException",
		Text: "Username cannot be of phone number format, since user pool is configured for phone number " +
			"alias.",
		Reasons: []explain.Code{"user-name-form"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password not long enough",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must not start or end with a space",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must have uppercase characters",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must have lowercase characters",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must have numeric characters",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must have symbol characters",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "User is disabled.",
		Reasons: []explain.Code{"user-enabled"},
	},
	{
		Code:    "UserNotConfirmedException",
		Text:    "User is not confirmed.",
		Reasons: []explain.Code{"user-confirmed"},
	},
	{
		Code:    "PasswordResetRequiredException",
		Text:    "Password reset required for the user",
		Reasons: []explain.Code{"user-password-reset"},
	},
	{
		Code:    "UserNotFoundException",
		Text:    "User does not exist.",
		Reasons: []explain.Code{"user-of-the-token", "user-of-the-pool"},
	},
	{
		Code:    "UserNotFoundException",
		Text:    "Username/client id combination not found.",
		Reasons: []explain.Code{"user-of-the-pool"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid attributes given, {name} is missing",
		Reasons: []explain.Code{"required-attribute"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "A client attempted to write unauthorized attribute",
		Reasons: []explain.Code{"writable-attribute"},
	},
	{
		Code:    "AliasExistsException",
		Text:    "An account with the {attribute} already exists.",
		Reasons: []explain.Code{"user-name-alias"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid attribute {name}: only email and phone_number can be verified.",
		Reasons: []explain.Code{"address-attribute"},
	},
}
