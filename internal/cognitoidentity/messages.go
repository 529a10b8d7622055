package cognitoidentity

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = []explain.Message{
	{
		Code:    "InvalidParameterException",
		Text:    "'{arn}' is not the ARN of an IAM {type}.",
		Reasons: []explain.Code{"provider-arn-form", "provider-arn-twice"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "'{value}' is not the ARN of an identity pool.",
		Reasons: []explain.Code{"pool-arn"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "'{arn}' is not the ARN of an identity pool. In the partition {partition} it is {right}.",
		Reasons: []explain.Code{"pool-partition"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "({provider}) and ({provider}) are role mappings of one provider; give one.",
		Reasons: []explain.Code{"role-mapping-twice"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "({provider}) is not a valid RoleMapping ProviderName or is not a configured provider.",
		Reasons: []explain.Code{"role-mapping-provider"},
	},
	{
		Code: "InvalidParameterException",
		Text: "({value}) is not a configured provider of the identity pool.",
		Reasons: []explain.Code{
			"principal-tag-map-client",
			"principal-tag-map-developer",
			"principal-tag-map-provider",
		},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "({value}) is not a supported login provider.",
		Reasons: []explain.Code{"supported-login-provider"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "A token of {value} cannot be combined with other logins.",
		Reasons: []explain.Code{"logins-own-token"},
	},
	{
		Code: "NotAuthorizedException",
		Text: "Access to Identity '{id}' is forbidden.",
		When: "The logins of the call do not belong to the identity, or the identity is disabled.",
		Fix: "send a valid login of the identity; an identity without logins belongs to a guest, and only a guest " +
			"can use it",
	},
	{
		Code: "NotAuthorizedException",
		Text: "Access to Role '{arn}' is forbidden.",
		When: "The caller asks for, or gives a pool, a role that it may not use.",
		Fix:  "name a role that the logins offer; to give a pool a role, allow the caller `iam:PassRole` on it",
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Access to Role '{arn}' is forbidden. In the partition {partition} it is {right}.",
		Reasons: []explain.Code{"role-partition"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "AmbiguousRoleResolution is required for the role mapping of {provider}.",
		Reasons: []explain.Code{"role-mapping-resolution"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Basic (classic) flow is not enabled, please use enhanced flow.",
		Reasons: []explain.Code{"classic-flow", "classic-flow-closed"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.",
		Reasons: []explain.Code{"classic-flow-role-mappings"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Basic (classic) flow is not supported with SAML, please use enhanced flow.",
		Reasons: []explain.Code{"classic-flow-saml"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Give at most {limit} identities; there are {count}.",
		Reasons: []explain.Code{"load-limit"},
	},
	{
		Code: "AccessDeniedException, AccessDenied",
		Text: "IDs are chosen by the home account of this server only; for other accounts its operator " +
			"can set chosen_ids to all.",
		Reasons: []explain.Code{"choice-of-an-id"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "Identity '{id}' not found.",
		Reasons: []explain.Code{"identity-unknown", "identity-unknown-signed", "identity-region"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Identity provider {provider} is not valid for account {account}",
		Reasons: []explain.Code{"provider-arn-account"},
	},
	{
		Code: "NotAuthorizedException",
		Text: "Identity provider {provider} is not valid for account {account}. " +
			"In the partition {partition} it is {right}.",
		Reasons: []explain.Code{"provider-partition"},
	},
	{
		Code: "ResourceNotFoundException",
		Text: "IdentityPool '{id}' not found.",
		Reasons: []explain.Code{
			"identity-pool",
			"identity-pool-region",
			"identity-pool-public",
			"identity-pool-deleted",
		},
	},
	{
		Code:    "ResourceConflictException",
		Text:    "IdentityPool '{value}' already exists.",
		Reasons: []explain.Code{"pool-id-taken"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "IdentityPoolId is required.",
		Reasons: []explain.Code{"load-pool"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "IdentityPoolId must be a pool ID of this region, {value}:<lower-case GUID>.",
		Reasons: []explain.Code{"pool-id-form"},
	},
	{
		Code: "InvalidParameterException",
		Text: "Invalid Cognito Identity Provider",
		Reasons: []explain.Code{
			"user-pool-provider-member",
			"user-pool-provider-form",
			"user-pool-provider-regions",
		},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid NextToken.",
		Reasons: []explain.Code{"page-token-old", "page-token"},
	},
	{
		Code: "InvalidIdentityPoolConfigurationException",
		Text: "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
		When: "The pool's role cannot be used: it is not set, does not exist, or its trust policy does " +
			"not let this identity in.",
		Fix: "set the pool's roles (`SetIdentityPoolRoles`), and let the role's trust policy name " +
			"`cognito-identity.amazonaws.com`, the pool in `aud`, and the kind of identity in `amr`",
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Can't pass in a Cognito token.",
		Reasons: []explain.Code{"login-provider-own-token"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Encrypted SAML assertions are not supported.",
		Reasons: []explain.Code{"saml-encryption"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Issuer doesn't match providerName",
		Reasons: []explain.Code{"token-issuer-key"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Issuer not present in specified provider",
		Reasons: []explain.Code{"saml-issuer", "saml-response-issuer"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Missing a required claim: iss",
		Reasons: []explain.Code{"token-claims-issuer"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Not a Cognito token.",
		Reasons: []explain.Code{"own-token-key", "own-token-signature"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Not a valid OpenId Connect identity token.",
		Reasons: []explain.Code{"token-form-key"},
	},
	{
		Code: "NotAuthorizedException",
		Text: "Invalid login token. Not a valid SAML assertion response.",
		When: "The response is not one that a login accepts: its form, its subject or its conditions.",
		Fix: "send the provider's response as it came, in Base64, soon after the sign-in; register " +
			"its present metadata",
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Response does not contain the required audience.",
		Reasons: []explain.Code{"saml-audience", "saml-audience-none"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Response signature invalid",
		When:    "The signature of the response is not by a certificate of the registered metadata.",
		Fix:     "register the provider's present metadata; send the response unchanged",
		Reasons: []explain.Code{"saml-signature"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. The SAML response reports a failure.",
		Reasons: []explain.Code{"saml-status"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid login token. Token expired: {now} >= {exp}",
		Reasons: []explain.Code{"own-token-expired", "token-expiry"},
	},
	{
		Code:    "ResourceConflictException",
		Text:    "Login of provider '{provider}' cannot be linked: {reason}.",
		Reasons: []explain.Code{"link-owners", "link-other-identity", "link-second-user"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Logins don't match. Please include at least one valid login for this identity or identity pool.",
		Reasons: []explain.Code{"linked-logins", "linked-logins-none", "linked-logins-guest"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "No Principal Tags configured for Provider {value}",
		Reasons: []explain.Code{"principal-tag-map-none", "principal-tag-map-none-provider"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Please provide a valid public provider",
		Reasons: []explain.Code{"login-provider-form", "logins-to-remove"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Tag keys that begin with 'aws:' are reserved.",
		Reasons: []explain.Code{"pool-tags-reserved"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Tags may hold letters, digits, white space and _.:/=+-@ only.",
		Reasons: []explain.Code{"pool-tags-alphabet"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The Cognito identity provider {provider} with client {client} is listed twice.",
		Reasons: []explain.Code{"user-pool-provider-twice"},
	},
	{
		Code:    "LimitExceededException",
		Text:    "The account has reached its limit of {limit} identity pools in {region}.",
		Reasons: []explain.Code{"pool-limit"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "The ambiguous role mapping rules for: {provider} denied this request.",
		Reasons: []explain.Code{"role-mapping-several", "role-mapping-no-role"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The attributes have {size} bytes; the limit is {limit}.",
		Reasons: []explain.Code{"principal-tag-map-size"},
	},
	{
		Code: "ExternalServiceException",
		Text: "The credential engine of this identity pool is not responding.",
		When: "The STS that issues the pool's credentials cannot be reached, or answers with something else.",
		Fix:  "look at the engine's address and log, and at `credential_engines` in the settings",
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The developer provider name '{value}' is the name of a public login provider.",
		Reasons: []explain.Code{"developer-provider-name-shared", "developer-provider-name-taken"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The developer provider name of an identity pool cannot be changed once it is set.",
		Reasons: []explain.Code{"developer-provider-name-change"},
	},
	{
		Code:    "ResourceConflictException",
		Text:    "The developer user identifier belongs to another identity.",
		Reasons: []explain.Code{"developer-user-identifier-identity"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The developer user identifier does not belong to the identity.",
		Reasons: []explain.Code{"lookup-key"},
	},
	{
		Code:    "ResourceConflictException",
		Text:    "The developer user identifier does not belong to the identity.",
		Reasons: []explain.Code{"developer-user-identifier-identity"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The developer user identifier has more than {value} characters.",
		Reasons: []explain.Code{"developer-user-identifier-size"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "The developer user identifier is not registered in the identity pool.",
		Reasons: []explain.Code{"developer-user-identifier-unknown"},
	},
	{
		Code:    "LimitExceededException",
		Text:    "The identity pool would have {count} Cognito identity providers; the limit is {limit}.",
		Reasons: []explain.Code{"user-pool-provider-limit"},
	},
	{
		Code:    "LimitExceededException",
		Text:    "The identity pool would have {count} tags; the limit is {limit}.",
		Reasons: []explain.Code{"pool-tags-limit"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The identity pool would have {count} tags; the limit is {limit}.",
		Reasons: []explain.Code{"pool-tags-limit"},
	},
	{
		Code:    "LimitExceededException",
		Text:    "The identity would have more than {value} logins.",
		Reasons: []explain.Code{"link-limit"},
	},
	{
		Code: "NotAuthorizedException",
		Text: "The login cannot be mapped to principal tags: {value}.",
		When: "A claim of the login breaks a rule of session tags.",
		Fix:  "correct the claim at the provider, or take its attribute out of the pool's principal tags",
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "The login of {provider} offers no role through this provider.",
		Reasons: []explain.Code{"saml-roles-none"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "The login of {provider} offers several roles: CustomRoleArn must name one of them.",
		Reasons: []explain.Code{"saml-roles-several"},
	},
	{
		Code: "ExternalServiceException",
		Text: "The login provider {value} is not responding.",
		When: "The provider's keys or its user could not be asked for.",
		Fix: "call again after a pause; let this server reach the provider's addresses, and check " +
			"`ca_file` and `allow_private`",
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "The logins {login} and {other} are of the same provider.",
		Reasons: []explain.Code{"login-provider-two-names", "login-provider-twice"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The logins {login} and {other} are of the same provider.",
		Reasons: []explain.Code{"login-provider-two-names", "login-provider-twice"},
	},
	{
		Code: "DeveloperUserAlreadyRegisteredException",
		Text: "The provided developer user identifier is already registered with Cognito under a " +
			"different identity ID.",
		Reasons: []explain.Code{"developer-user-identifier-taken"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The provider '{value}' is listed twice.",
		Reasons: []explain.Code{"provider-arn-twice"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The provider {arn} is not of the partition {partition}, as the identity pool is: write {right}.",
		Reasons: []explain.Code{"provider-partition"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The region {value} does not begin with a letter.",
		Reasons: []explain.Code{"region-form"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The region {region} is longer than {limit} characters.",
		Reasons: []explain.Code{"region-length"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The role mapping of {provider} has {count} rules; the limit is {limit}.",
		Reasons: []explain.Code{"role-mapping-rules-limit"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The tag {tag} must hold a pool ID of this region, {region}:<lower-case GUID>, or its GUID alone.",
		Reasons: []explain.Code{"pool-id-form-of-the-tag"},
	},
	{
		Code: "InvalidParameterException",
		Text: "This identity pool does not support the specified developer provider",
		Reasons: []explain.Code{
			"developer-provider-missing",
			"developer-user-identifier-size",
			"developer-provider-name",
			"developer-provider-unset",
		},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Token is not from a supported provider of this identity pool.",
		Reasons: []explain.Code{"login-provider"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Unauthenticated access is not supported for this identity pool.",
		Reasons: []explain.Code{"guest-access", "guest-access-developer", "guest-access-only"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "{fault}: {name}. User pools of the region {region} have names like {right}.",
		Reasons: []explain.Code{"user-pool-host"},
	},
}
