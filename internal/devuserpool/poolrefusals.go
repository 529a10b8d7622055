package devuserpool

import (
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Reasons about pools and groups.
var (
	poolUnknown = Refusals.Add(explain.Reason{
		Code:     "development-user-pool",
		Check:    "development user pool",
		Expected: "the ID of a user pool of the caller's account and region",
		Got:      "{pool}",
		Fix:      "list the pools with aws cognito-idp list-user-pools, and sign the call for the region in the ID",
	})
	poolTaken = Refusals.Add(explain.Reason{
		Code:     "development-user-pool-taken",
		Check:    "development user pool",
		Expected: "an ID that no pool has; case does not count",
		Got:      "an ID that is taken",
		Fix:      "choose another ID, or let the server choose",
	})
	poolIDFault = Refusals.Add(explain.Reason{
		Code:     "development-user-pool-id",
		Check:    "development user pool",
		Expected: "{region}_NAME in the tag " + identitypool.CustomIDTag + ", or NAME alone, of letters and digits",
		Got:      "another form or region",
		Fix:      "correct the tag, or leave it out",
	})
	idChoice = Refusals.Add(explain.Reason{
		Code:     "choice-of-an-id-of-a-user-pool",
		Check:    "choice of an ID",
		Expected: "a call by the server's own account (account_id)",
		Got:      "a call by account {account}",
		Fix:      "let the server choose, or ask its operator to set chosen_ids to all",
	})
	issuerFault = Refusals.Add(explain.Reason{
		Code:     "development-user-pool-issuer",
		Check:    "development user pool",
		Expected: "aws or local in the tag " + issuerTag,
		Got:      "{issuer}",
		Fix:      "correct the tag, or leave it out: local is the default",
	})
	tagFault = Refusals.Add(explain.Reason{
		Code:     "development-user-pool-tag",
		Check:    "development user pool",
		Expected: "keys that do not begin with aws:, and " + identitypool.CustomIDTag + " at a new pool alone",
		Got:      "{key}",
		Fix:      "correct the tag, or leave it out",
	})
	deletionProtected = Refusals.Add(explain.Reason{
		Code:     "development-user-pool-protection",
		Check:    "development user pool",
		Expected: "DeletionProtection INACTIVE",
		Got:      "ACTIVE",
		Fix:      "set DeletionProtection to INACTIVE with UpdateUserPool first",
	})
	arnFault = Refusals.Add(explain.Reason{
		Code:     "development-user-pool-arn",
		Check:    "development user pool",
		Expected: "{prefix}ID",
		Got:      "{arn}",
		Fix:      "write the ARN that DescribeUserPool returns",
	})
	pageToken = Refusals.Add(explain.Reason{
		Code:     "user-pool-page-token",
		Check:    "user pool page token",
		Expected: "a token from the answer with the page before",
		Got:      "another text",
		Fix:      "begin again without a token",
	})
	schemaAttribute = Refusals.Add(explain.Reason{
		Code:     "user-pool-schema",
		Check:    "user pool schema",
		Expected: "a new custom attribute, or a standard attribute with its own data type",
		Got:      "an attribute that cannot be added or changed so",
		Fix:      "correct the attribute that the message names",
	})
	groupUnknown = Refusals.Add(explain.Reason{
		Code:     "user-pool-group",
		Check:    "user pool group",
		Expected: "the name of a group of the pool",
		Got:      "no group with it",
		Fix:      "list the groups with aws cognito-idp list-groups",
	})
	groupTaken = Refusals.Add(explain.Reason{
		Code:     "user-pool-group-taken",
		Check:    "user pool group",
		Expected: "a name that no group of the pool has",
		Got:      "a name that is taken",
		Fix:      "choose another name, or update the group",
	})
	tooManyThings = Refusals.Add(explain.Reason{
		Code:     "user-pool-limit",
		Check:    "user pool limit",
		Expected: "at most {limit} {things}",
		Got:      "one more",
		Fix:      "delete some that are not used any more",
	})
	notSimulated = Refusals.Add(explain.Reason{
		Code:     "simulated-part-of-user-pools",
		Check:    "simulated part of user pools",
		Expected: "what docs/dev-user-pools.md lists",
		Got:      "{thing}",
		Fix:      "leave it out, or test this part with AWS",
	})
)

// poolMessages lists the texts of refused calls about pools and groups.
var poolMessages = []explain.Message{
	{
		Code:    "InvalidParameterException",
		Text:    "{arn} is not the ARN of a user pool of this account and region.",
		Reasons: []explain.Code{"development-user-pool-arn"},
	},
	{
		Code:    "GroupExistsException",
		Text:    "A group with the name already exists.",
		Reasons: []explain.Code{"user-pool-group-taken"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "Group not found.",
		Reasons: []explain.Code{"user-pool-group"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid pagination token.",
		Reasons: []explain.Code{"user-pool-page-token"},
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
}
