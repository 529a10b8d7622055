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
		Text:    "After is not the Next of an answer to the same question.",
		Reasons: []explain.Code{"refusals-position"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give After or FromOldest, not both.",
		Reasons: []explain.Code{"refusals-position-twice"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Reason is not the code of a reason.",
		Reasons: []explain.Code{"refusals-reason"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Reason is not the code of a reason. Do you mean {code}?",
		Reasons: []explain.Code{"refusals-reason"},
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
		Text:    "Claims must be one JSON object: it is {problem}.",
		Reasons: []explain.Code{"try-claims"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give {members}.",
		Reasons: []explain.Code{"try-members"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give either IdentityPoolId or Draft.",
		Reasons: []explain.Code{"input-members"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give either Token or SamlResponse.",
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
			"{count} of all accounts are kept, in memory; the log has them all.{warning}",
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
		Code: "AccessDeniedException",
		Text: "Only a caller that may do everything in the account may make or enable an access key, " +
			"or take a key without a policy out of use.",
		Reasons: []explain.Code{"access-key-bounded"},
	},
	{
		Code: "InvalidParameterException",
		Text: "Give Policy: a key without a policy may do everything in the account, and is made with " +
			"poolhouse keys create.",
		Reasons: []explain.Code{"access-key-policy"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "No such access key in this account.",
		Reasons: []explain.Code{"access-key-lookup"},
	},
	{
		Code:    "LimitExceededException",
		Text:    "The account has {count} access keys.",
		Reasons: []explain.Code{"access-key-limit"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The access key is not valid: {value}.",
		Reasons: []explain.Code{"access-key-form"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "This is the account's last enabled access key without a policy.",
		Reasons: []explain.Code{"access-key-last"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "This is the key that signs the call: give AllowOwn to end it all the same.",
		Reasons: []explain.Code{"access-key-own"},
	},
	{
		Code:    "LimitExceededException",
		Text:    "Too many signing keys are published: wait until earlier ones end.",
		Reasons: []explain.Code{"signing-keys-many"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "The account has no signing keys.",
		Reasons: []explain.Code{"signing-keys-none"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "No such signing key.",
		Reasons: []explain.Code{"signing-key-lookup"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The key signs tokens now: call RotateSigningKeys with Now first.",
		Reasons: []explain.Code{"signing-key-in-use"},
	},
	{
		Code:    "AccessDeniedException",
		Text:    "Only the home account may call {operation}.",
		Reasons: []explain.Code{"home-account-only"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "No such provider in this account.",
		Reasons: []explain.Code{"tested-provider"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give one of Issuer, ProviderArn and SamlMetadata.",
		Reasons: []explain.Code{"input-members"},
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
		Text:    "The checks are too many for the caller's policies: ask in several calls.",
		Reasons: []explain.Code{"access-checks-size"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give Kind and Id.",
		Reasons: []explain.Code{"input-members"},
	},
}
