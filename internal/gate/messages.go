package gate

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = []explain.Message{
	{
		Code:    "MissingAuthenticationTokenException, MissingAuthenticationToken",
		Text:    "Missing Authentication Token",
		Reasons: []explain.Code{"request-signature-missing", "request-signature-unchecked"},
	},
	{
		Code:    "MissingAuthenticationTokenException, MissingAuthenticationToken",
		Text:    "Request is missing Authentication Token",
		Reasons: []explain.Code{"request-signature-missing", "request-signature-unchecked"},
	},
	{
		Code:    "InvalidSignatureException, SignatureDoesNotMatch",
		Text:    "Signature expired.",
		Reasons: []explain.Code{"signature-time-expired", "signature-time-future"},
	},
	{
		Code:    "AccessDeniedException, AccessDenied",
		Text:    "The caller is not authorized to perform this action.",
		Reasons: []explain.Code{"access-key-caller"},
	},
	{
		Code: "IncompleteSignatureException, IncompleteSignature",
		Text: "The request signature does not conform to AWS standards.",
		When: "A part of the signature is missing or has another form.",
		Fix:  "let an AWS SDK sign the call; see the reasons `signature-form-…` below",
	},
	{
		Code: "InvalidSignatureException, SignatureDoesNotMatch",
		Text: "The request signature we calculated does not match the signature you provided. Check " +
			"your AWS Secret Access Key and signing method. Consult the service documentation for " +
			"details.",
		Reasons: []explain.Code{
			"request-signature-mismatch",
			"request-signature-mismatch-session",
			"request-signature-mismatch-development",
		},
	},
	{
		Code:    "ExpiredTokenException, ExpiredToken",
		Text:    "The security token included in the request is expired",
		Reasons: []explain.Code{"session-token-expired"},
	},
	{
		Code: "UnrecognizedClientException, InvalidClientTokenId",
		Text: "The security token included in the request is invalid.",
		When: "The access key or the session token is not one of this server, is disabled, or was revoked.",
		Fix: "use the keys of this server, all three values of one set of credentials; for new ones " +
			"see `poolhouse keys`",
		Reasons: []explain.Code{
			"access-key-unknown",
			"access-key-disabled",
			"access-key-without-token",
			"session-token-invalid",
			"session-token-key",
		},
	},
	{
		Code: "AccessDeniedException, AccessDenied",
		Text: "User: {caller} is not authorized to perform: {action} on resource: {resource}",
		When: "No policy of the caller allows the call, or one denies it. Or the role to assume does " +
			"not exist, or its trust policy does not let the caller in.",
		Fix: "allow the action on the resource in a policy of the role or key, and the caller in the " +
			"trust policy; `poolhouse explain` names the policy that decided",
	},
}
