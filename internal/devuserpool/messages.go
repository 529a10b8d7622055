package devuserpool

import (
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = slices.Concat(authMessages, []explain.Message{
	{
		Code:    "InvalidParameterException",
		Text:    "{arn} is not the ARN of a user pool of this account and region.",
		Reasons: []explain.Code{"development-user-pool-arn"},
	},
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
		Code:    "GroupExistsException",
		Text:    "A group with the name already exists.",
		Reasons: []explain.Code{"user-pool-group-taken"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Error while parsing filter.",
		Reasons: []explain.Code{"user-filter"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "Group not found.",
		Reasons: []explain.Code{"user-pool-group"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid email address format.",
		Reasons: []explain.Code{"user-attribute-address"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid pagination token.",
		Reasons: []explain.Code{"user-pool-page-token"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid phone number format.",
		Reasons: []explain.Code{"user-attribute-address"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid range for token validity.",
		Reasons: []explain.Code{"user-pool-client-setting"},
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
		Code:    "InvalidParameterException",
		Text:    "Poolhouse's development user pools do not simulate {value}.",
		Reasons: []explain.Code{"simulated-part-of-user-pools"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Required custom attributes are not supported currently.",
		Reasons: []explain.Code{"user-pool-schema"},
	},
	{
		Code:    "UnsupportedUserStateException",
		Text:    "Resend not possible. Status is not FORCE_CHANGE_PASSWORD",
		Reasons: []explain.Code{"user-status"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The client ID is taken.",
		Reasons: []explain.Code{"user-pool-client-taken"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The tag _custom_id_ is not the ID of a user pool in {region}.",
		Reasons: []explain.Code{"development-user-pool-id"},
	},
	{
		Code: "InvalidParameterException",
		Text: "The user pool cannot be deleted because deletion protection is activated. Deletion " +
			"protection must be inactivated first.",
		Reasons: []explain.Code{"development-user-pool-protection"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The user pool ID is taken.",
		Reasons: []explain.Code{"development-user-pool-taken"},
	},
	{
		Code:    "LimitExceededException",
		Text:    "There are at most {limit} {value}.",
		Reasons: []explain.Code{"user-pool-limit"},
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
		Text:    "Tag keys cannot begin with aws:, which is reserved for system use.",
		Reasons: []explain.Code{"development-user-pool-tag"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The tag _custom_id_ chooses the ID of a new pool only.",
		Reasons: []explain.Code{"development-user-pool-tag"},
	},
	{
		Code: "AccessDeniedException",
		Text: "IDs are chosen by the home account of this server only; for other accounts its operator " +
			"can set chosen_ids to all.",
		Reasons: []explain.Code{"choice-of-an-id-of-a-user-pool"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The tag _issuer_ is aws or local.",
		Reasons: []explain.Code{"development-user-pool-issuer"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "User pool {id} does not exist.",
		Reasons: []explain.Code{"development-user-pool"},
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
})
