package forwardauth

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = []explain.Message{
	{
		Code:    "NoRoute",
		Text:    "No route of the settings allows this request.",
		Reasons: []explain.Code{"route-none"},
	},
	{
		Code:    "ForeignOrigin",
		Text:    "Pages of this origin may not call.",
		Reasons: []explain.Code{"preflight-origin"},
	},
	{
		Code:    "Unavailable",
		Text:    "The body cannot be kept now.",
		Reasons: []explain.Code{"body-file"},
	},
	{
		Code:    "RequestTimeout",
		Text:    "The body did not arrive in time.",
		Reasons: []explain.Code{"body-slow"},
	},
	{
		Code: "BodyMismatch",
		Text: "The body is not the one that was signed.",
		When: "The hash of the body is not that in the signature.",
		Fix:  "send the body that was signed; check whether a proxy changes it",
	},
	{
		Code:    "BodyTooLarge",
		Text:    "The body is too large to be verified.",
		Reasons: []explain.Code{"body-large"},
	},
	{
		Code:    "ConnectionHeader",
		Text:    "The header Connection takes others out of the request.",
		Reasons: []explain.Code{"headers-of-the-client-connection"},
	},
	{
		Code:    "AmbiguousHeader",
		Text:    "The header {header} could be read as {name}.",
		Reasons: []explain.Code{"headers-of-the-client-spelling"},
	},
	{
		Code:    "ReservedHeader",
		Text:    "The header {value} is this server's to set: a client may not send it.",
		Reasons: []explain.Code{"headers-of-the-client-reserved"},
	},
	{
		Code:    "MethodNotAllowed",
		Text:    "The method {method} is not forwarded.",
		Reasons: []explain.Code{"method-and-uri-not-forwarded"},
	},
	{
		Code:    "AmbiguousPath",
		Text:    "The path could be read in two ways: {value}.",
		Reasons: []explain.Code{"path-ambiguous"},
	},
	{
		Code:    "Upgrade",
		Text:    "The protocol of a forwarded request cannot be changed.",
		Reasons: []explain.Code{"headers-of-the-client-upgrade"},
	},
	{
		Code:    "BodyMissing",
		Text:    "The proxy did not forward the body.",
		Reasons: []explain.Code{"body-missing"},
	},
	{
		Code:    "MissingOriginalRequest",
		Text:    "The proxy does not say what was asked for: {value}.",
		Reasons: []explain.Code{"original-request"},
	},
	{
		Code:    "Subresource",
		Text:    "The query parameter {value} makes another action of the request.",
		Reasons: []explain.Code{"route-parameter"},
	},
	{
		Code:    "BadRequest",
		Text:    "The request cannot be forwarded: {fault}.",
		Reasons: []explain.Code{"original-request-form"},
	},
	{
		Code:    "RequestAborted",
		Text:    "The request ended before its body.",
		Reasons: []explain.Code{"body-cut"},
	},
	{
		Code:    "CopySource",
		Text:    "The request is about another object than its path names.",
		Reasons: []explain.Code{"source-of-the-copy-other"},
	},
	{
		Code:    "UnsignedPayload",
		Text:    "The request must state the SHA-256 of its body in X-Amz-Content-Sha256.",
		Reasons: []explain.Code{"hash-of-the-body-unsigned"},
	},
	{
		Code:    "NotForwarded",
		Text:    "The route of this request is not forwarded.",
		Reasons: []explain.Code{"route-stays"},
	},
	{
		Code:    "AccessDenied",
		Text:    "The session belongs to another account.",
		Reasons: []explain.Code{"account-of-the-session-other"},
	},
	{
		Code:    "OverriddenRequest",
		Text:    "The {value} asks the service for something else than the request itself.",
		Reasons: []explain.Code{"method-and-uri-overridden"},
	},
	{
		Code:    "ForeignHost",
		Text:    "This server does not forward requests for this host.",
		Reasons: []explain.Code{"headers-of-the-client-host"},
	},
	{
		Code:    "Busy",
		Text:    "Too many bodies are being read.",
		Reasons: []explain.Code{"body-room"},
	},
	{
		Code:    "Busy",
		Text:    "Too many bodies of this identity or address are being read.",
		Reasons: []explain.Code{"body-share"},
	},
	{
		Code:    "Busy",
		Text:    "Too many requests are under way.",
		Reasons: []explain.Code{"room-for-the-request-none"},
	},
	{
		Code: "Busy",
		Text: "Too many requests of this {who} are under way.",
		Reasons: []explain.Code{
			"room-for-the-request-share",
			"room-for-the-request-address",
			"room-for-the-request-unproven",
		},
	},
}
