package awsapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = []explain.Message{
	{
		Code:    "UnknownOperationException, InvalidAction",
		Text:    "Could not find operation {operation} for version {version}",
		Reasons: []explain.Code{"operation-service", "operation-unknown"},
	},
	{
		Code:    "InternalErrorException, InternalFailure, ServiceFailure",
		Text:    "Internal error. The server's log has the reason under the request ID.",
		Reasons: []explain.Code{"server-fault"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "List {parameter} {fault}",
		Reasons: []explain.Code{"request-parameters-list"},
	},
	{
		Code:    "UnknownOperationException, InvalidAction",
		Text:    "Operation {operation} is not an operation of {service}.",
		Reasons: []explain.Code{"operation-unknown"},
	},
	{
		Code:    "AccessDenied",
		Text:    "Pages of this origin may not call: the server's setting {setting} does not list it.",
		Reasons: []explain.Code{"origin-of-the-request-listed"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "Parameter {value} appears twice.",
		Reasons: []explain.Code{"request-parameters-twice"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "Parameter {value} is not valid UTF-8.",
		Reasons: []explain.Code{"request-parameters-encoding"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "Parameter {parameter} must be {type}.",
		Reasons: []explain.Code{"request-parameters-type"},
	},
	{
		Code:    "UnknownOperationException",
		Text:    "This server does not answer {service}: {value}.",
		Reasons: []explain.Code{"operation-absent"},
	},
	{
		Code:    "TooManyRequestsException, Throttling",
		Text:    "Rate exceeded",
		Reasons: []explain.Code{"account-call-rate", "guest-rate", "refused-login-rate", "server-load-wait"},
	},
	{
		Code:    "UnknownOperationException, InvalidAction",
		Text:    "Requests with Action are sent with POST or GET.",
		Reasons: []explain.Code{"operation-method"},
	},
	{
		Code:    "UnknownOperationException, InvalidAction",
		Text:    "Requests with X-Amz-Target are sent with POST.",
		Reasons: []explain.Code{"operation-method"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "The body cannot be read.",
		Reasons: []explain.Code{"request-body-unread"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "The body could not be read.",
		Reasons: []explain.Code{"request-body-unread"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "The body ends before its announced length.",
		Reasons: []explain.Code{"request-body-cut"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "The body is larger than {value} bytes.",
		Reasons: []explain.Code{"request-body-size"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "The body is nested more than {value} levels deep.",
		Reasons: []explain.Code{"request-body-depth"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "The body is not valid JSON: see byte {value}.",
		Reasons: []explain.Code{"request-body-syntax"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "The body must be a JSON object.",
		Reasons: []explain.Code{"request-body-object"},
	},
	{
		Code:    "ValidationException, ValidationError",
		Text:    "The input fails to satisfy the service's constraints.",
		Reasons: []explain.Code{"input-missing", "input-constraint"},
	},
	{
		Code: "SerializationException, MalformedInput",
		Text: "The request cannot be read.",
		When: "The body or the parameters cannot be read.",
		Fix:  "see the reasons `request-body-…` and `request-parameters-…` below",
	},
	{
		Code:    "UnknownOperationException, InvalidAction",
		Text:    "The request has more than one X-Amz-Target header.",
		Reasons: []explain.Code{"operation-twice"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "The request has more than {value} parameters.",
		Reasons: []explain.Code{"request-parameters-count"},
	},
	{
		Code: "UnknownOperationException, InvalidAction",
		Text: "The request names no operation: send POST with X-Amz-Target (AWS JSON) or with Action " +
			"and Version (AWS Query).",
		Reasons: []explain.Code{"operation-missing"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "The request's parameters are not form-encoded.",
		Reasons: []explain.Code{"request-parameters-encoding"},
	},
	{
		Code:    "InvalidAction",
		Text:    "The requested action is not recognized.",
		Reasons: []explain.Code{"operation-service", "operation-unknown"},
	},
	{
		Code:    "UnknownOperationException",
		Text:    "The requested operation is not recognized by the service.",
		Reasons: []explain.Code{"operation-service", "operation-unknown"},
	},
	{
		Code:    "InternalErrorException, ServiceUnavailable, ServiceFailure",
		Text:    "The service cannot do this now. Try again.",
		Reasons: []explain.Code{"database-unavailable"},
	},
	{
		Code: "AccessDenied",
		Text: "This development server does not answer to {host}, so that no page reaches it by DNS " +
			"rebinding. If the name is yours, add it to dev.allowed_hosts.",
		Reasons: []explain.Code{"host-of-the-request"},
	},
	{
		Code: "AccessDeniedException",
		Text: "Other machines may not use the control API of this development server, because it issues " +
			"tokens for anybody. Call it from the machine or container that it runs in, by a loopback address, " +
			"or set dev.control_token and send Authorization: Bearer with it.",
		Reasons: []explain.Code{"control-token-unset"},
	},
	{
		Code: "AccessDeniedException",
		Text: "The control API of this development server needs the token of its setting dev.control_token " +
			"from other machines: send Authorization: Bearer with it.",
		Reasons: []explain.Code{"control-token"},
	},
	{
		Code:    "ValidationException, ValidationError",
		Text:    "{count} validation error detected: {fault}",
		When:    "A member of the input is missing, too long, or of another form.",
		Fix:     "correct the member that the message names",
		Reasons: []explain.Code{"input-missing", "input-constraint"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "{value} contains a name twice.",
		Reasons: []explain.Code{"request-body-twice"},
	},
	{
		Code:    "SerializationException, MalformedInput",
		Text:    "{member} contains a value of the wrong type: it must be {type}.",
		Reasons: []explain.Code{"request-body-null", "request-body-type"},
	},
}
