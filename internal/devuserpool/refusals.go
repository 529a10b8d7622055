package devuserpool

import (
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Refusals are the reasons for which this package refuses calls.
var Refusals explain.Catalogue

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
		Expected: "{region}_NAME in the tag " + customIDTag + ", or NAME alone, of letters and digits",
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
		Expected: "keys that do not begin with aws:, and " + customIDTag + " at a new pool alone",
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
	clientTaken = Refusals.Add(explain.Reason{
		Code:     "user-pool-client-taken",
		Check:    "user pool client",
		Expected: "an ID that no client of any pool has",
		Got:      "an ID that is taken",
		Fix:      "choose another ID, or let the server choose",
	})
	clientSetting = Refusals.Add(explain.Reason{
		Code:     "user-pool-client-setting",
		Check:    "user pool client",
		Expected: "settings that fit to each other and to the pool",
		Got:      "others",
		Fix:      "correct the setting that the message names",
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
	userUnknown = Refusals.Add(explain.Reason{
		Code:     "user-of-the-pool",
		Check:    "user of the pool",
		Expected: "a user name, a subject or an alias of a user of the pool",
		Got:      "no user with it",
		Fix:      "list the users with aws cognito-idp list-users",
	})
	schemaAttribute = Refusals.Add(explain.Reason{
		Code:     "user-pool-schema",
		Check:    "user pool schema",
		Expected: "a new custom attribute, or a standard attribute with its own data type",
		Got:      "an attribute that cannot be added or changed so",
		Fix:      "correct the attribute that the message names",
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

// tooMany refuses one thing more than there may be.
func tooMany(things string, limit int) *awsapi.Error {
	return awsapi.Refused(limitExceeded, tooManyThings.With("limit", strconv.Itoa(limit), "things", things),
		"There are at most %d %s.", limit, things)
}

// refusedPart refuses what a development server does not simulate. It is never status 500: Terraform would
// try again for minutes.
func refusedPart(thing string) *awsapi.Error {
	return awsapi.Refused(invalidParameter, notSimulated.With("thing", thing),
		"Poolhouse's development user pools do not simulate %s.", thing)
}
