package adminapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = []explain.Message{
	{
		Code:    "InvalidParameterException",
		Text:    "AccessKeyId, SessionToken, Date, Region and Service are required.",
		Reasons: []explain.Code{"input-members"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Date must be yesterday, today or tomorrow (UTC), as YYYYMMDD.",
		Reasons: []explain.Code{"verified-scope-date"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give IdentityPoolId and Pool.",
		Reasons: []explain.Code{"input-members"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give ProviderName, and Subject or Session or both.",
		Reasons: []explain.Code{"input-members", "input-text"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give either IdentityId, or IdentityPoolId with ProviderName and Subject.",
		Reasons: []explain.Code{"input-members"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give one of AccessKeyId, IdentityId, IdentityPoolId and RoleArn.",
		Reasons: []explain.Code{"input-members"},
	},
	{
		Code: "InvalidParameterException",
		Text: "Logins of {value} do not say when they were issued: end them at the provider, which is " +
			"asked about each.",
		Reasons: []explain.Code{"sign-out-provider-opaque"},
	},
	{
		Code: "ResourceNotFoundException",
		Text: "No refused call of account {account} in the region {region} with this request ID is " +
			"remembered. If the call was for another region, set AWS_REGION to that. The newest " +
			"{count} of all accounts are kept, in memory; the log has them all.",
		Reasons: []explain.Code{"refused-call"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "No signing key is given for a service of this server.",
		Reasons: []explain.Code{"verified-scope-own"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "No such identity in this account and region.",
		Reasons: []explain.Code{"identity-lookup"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "ProviderName is the key in Logins: leave out the scheme.",
		Reasons: []explain.Code{"sign-out-provider-scheme"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "ProviderName, Subject or Session is too long or not valid text.",
		Reasons: []explain.Code{"input-text"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Region and Service are lower-case letters, digits and hyphens.",
		Reasons: []explain.Code{"verified-scope-names"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "RequestId is required.",
		Reasons: []explain.Code{"input-members"},
	},
	{
		Code:    "ExpiredSessionException",
		Text:    "The session has expired.",
		Reasons: []explain.Code{"verified-session-expired"},
	},
	{
		Code:    "InvalidSessionException",
		Text:    "The session token is not one of this account, does not belong to the access key, or was revoked.",
		Reasons: []explain.Code{"verified-session-invalid"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The value is empty, too long or not valid text.",
		Reasons: []explain.Code{"input-text"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "{value} must be {value}.",
		Reasons: []explain.Code{"input-range"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "NextToken is not one of this operation, account and question.",
		Reasons: []explain.Code{"page-token-admin"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "No such identity pool in this account and region.",
		Reasons: []explain.Code{"identity-pool-lookup"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "There is nothing of this kind with this ID in this account and region.",
		Reasons: []explain.Code{"deletion-target"},
	},
	{
		Code: "InvalidParameterException",
		Text: "Give IdentityPoolId with ProviderName and Subject, or IdentityIdPrefix, or IdentityPoolId alone or " +
			"with CreatedAfter.",
		Reasons: []explain.Code{"input-members"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give Kind and Id.",
		Reasons: []explain.Code{"input-members"},
	},
}
