package iamapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = []explain.Message{
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"arn-partition"},
	},
	{
		Code:    "NoSuchEntity",
		Reasons: []explain.Code{"attached-policy-absent"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"attached-policy-arn"},
	},
	{
		Code:    "NoSuchEntity",
		Reasons: []explain.Code{"attached-policy-missing"},
	},
	{
		Code:    "LimitExceeded",
		Reasons: []explain.Code{"attached-policy-quota"},
	},
	{
		Code:    "LimitExceeded",
		Reasons: []explain.Code{"client-ids"},
	},
	{
		Code:    "NoSuchEntity",
		Reasons: []explain.Code{"inline-policies-missing"},
	},
	{
		Code:    "LimitExceeded",
		Reasons: []explain.Code{"inline-policies-size"},
	},
	{
		Code:    "NoSuchEntity",
		Reasons: []explain.Code{"instance-profile-missing"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"marker"},
	},
	{
		Code:    "NoSuchEntity",
		Reasons: []explain.Code{"password-policy-missing"},
	},
	{
		Code:    "NoSuchEntity",
		Reasons: []explain.Code{"permissions-boundary"},
	},
	{
		Code:    "MalformedPolicyDocument",
		Reasons: []explain.Code{"policy-document"},
	},
	{
		Code:    "LimitExceeded",
		Reasons: []explain.Code{"policy-document-size"},
	},
	{
		Code:    "MalformedPolicyDocument",
		Reasons: []explain.Code{"policy-document-unreadable"},
	},
	{
		Code:    "DeleteConflict",
		Reasons: []explain.Code{"policy-in-use-attached"},
	},
	{
		Code:    "DeleteConflict",
		Reasons: []explain.Code{"policy-in-use-versions"},
	},
	{
		Code:    "AccessDenied",
		Reasons: []explain.Code{"policy-owner"},
	},
	{
		Code:    "DeleteConflict",
		Reasons: []explain.Code{"policy-version-default"},
	},
	{
		Code:    "NoSuchEntity",
		Reasons: []explain.Code{"policy-version-missing"},
	},
	{
		Code:    "LimitExceeded",
		Reasons: []explain.Code{"policy-version-quota"},
	},
	{
		Code:    "MalformedPolicyDocument",
		Reasons: []explain.Code{"principal-partition"},
	},
	{
		Code:    "MalformedPolicyDocument",
		Reasons: []explain.Code{"principals-of-the-trust-policy"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"provider-url-form"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"provider-url-scheme"},
	},
	{
		Code:    "EntityAlreadyExists",
		Reasons: []explain.Code{"resource-exists"},
	},
	{
		Code:    "UnmodifiableEntity",
		Reasons: []explain.Code{"resource-in-settings"},
	},
	{
		Code:    "NoSuchEntity",
		Reasons: []explain.Code{"resource-missing"},
	},
	{
		Code:    "LimitExceeded",
		Reasons: []explain.Code{"resource-quota"},
	},
	{
		Code:    "DeleteConflict",
		Reasons: []explain.Code{"role-in-use-attached"},
	},
	{
		Code:    "DeleteConflict",
		Reasons: []explain.Code{"role-in-use-inline"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"saml-metadata-encryption"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"saml-metadata-unreadable"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-action"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-boundaries"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-caller"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-entity"},
	},
	{
		Code:    "PolicyEvaluation",
		Reasons: []explain.Code{"simulation-evaluation"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-key"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-key-twice"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-option"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-option-resource"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-organization"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-owner"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-policy"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-resource"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-resource-policy"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-size"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"simulation-value"},
	},
	{
		Code:    "LimitExceeded",
		Reasons: []explain.Code{"tags-quota"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"tags-reserved"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"tags-twice"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"thumbprints-count"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"thumbprints-digits"},
	},
	{
		Code:    "LimitExceeded",
		Reasons: []explain.Code{"trust-policy-size"},
	},
	{
		Code:    "NoSuchEntity",
		Reasons: []explain.Code{"user-missing"},
	},
	{
		Code:    "InvalidInput",
		Reasons: []explain.Code{"user-of-session"},
	},
	{
		Code:    featureDisabled,
		Reasons: []explain.Code{"web-identity-federation-disabled"},
	},
	{
		Code:    featureEnabled,
		Reasons: []explain.Code{"web-identity-federation-enabled"},
	},
}
