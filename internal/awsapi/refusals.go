package awsapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals lists the reasons for which this package refuses calls.
var Refusals explain.Catalogue

// Reasons to refuse the request itself, before its input is read.
var (
	operationMissing = Refusals.Add(explain.Reason{
		Code:     "operation-missing",
		Check:    "operation",
		Expected: "POST with X-Amz-Target (AWS JSON), or Action and Version (AWS Query)",
		Got:      "neither X-Amz-Target nor Action",
		Fix: "call with an AWS SDK or the AWS CLI and set only its endpoint URL to this server's; " +
			"a proxy in front must pass X-Amz-Target and Content-Type on",
	})
	operationMethod = Refusals.Add(explain.Reason{
		Code:     "operation-method",
		Check:    "operation",
		Expected: "the method {methods}",
		Got:      "another method",
		Fix:      "send the call with {methods}",
	})
	operationTwice = Refusals.Add(explain.Reason{
		Code:     "operation-twice",
		Check:    "operation",
		Expected: "one X-Amz-Target header",
		Got:      "{count} of them",
		Fix:      "send the header once; check whether a proxy adds one",
	})
	operationService = Refusals.Add(explain.Reason{
		Code:     "operation-service",
		Check:    "operation",
		Expected: "a service of this server",
		Got:      "another service's target or version",
		Fix: "use this server's endpoint URL only for Cognito identity pools, STS and IAM; user pools " +
			"(cognito-idp) and all other services have other endpoints",
	})
	operationAbsent = Refusals.Add(explain.Reason{
		Code:     "operation-absent",
		Check:    "operation",
		Expected: "an operation that this server has",
		Got:      "an operation of {service}",
		Fix:      "call another server for it: {why}",
	})
	operationUnknown = Refusals.Add(explain.Reason{
		Code:     "operation-unknown",
		Check:    "operation",
		Expected: "an operation that this server has",
		Got:      "{operation}",
		Fix: "check the spelling and the API version; all 23 operations of identity pools exist; docs/iam.md and " +
			"docs/sts.md list the other operations",
	})

	bodySize = Refusals.Add(explain.Reason{
		Code:     "request-body-size",
		Check:    "request body",
		Expected: "at most {limit} bytes",
		Got:      "more",
		Fix:      "send less in one call; no call of the AWS APIs needs that much",
	})
	bodyCut = Refusals.Add(explain.Reason{
		Code:     "request-body-cut",
		Check:    "request body",
		Expected: "as many bytes as Content-Length announces",
		Got:      "fewer: the connection ended early",
		Fix:      "call again; if it happens often, look at the time limits of the client and of proxies",
	})
	bodyUnread = Refusals.Add(explain.Reason{
		Code:     "request-body-unread",
		Check:    "request body",
		Expected: "a body that can be read",
		Got:      "an error while it was read",
		Fix:      "call again; the server's log has the error under the request ID",
	})
	bodyDepth = Refusals.Add(explain.Reason{
		Code:     "request-body-depth",
		Check:    "request body",
		Expected: "at most {limit} levels of nesting",
		Got:      "more",
		Fix:      "send the members of the operation's input only",
	})
	bodyObject = Refusals.Add(explain.Reason{
		Code:     "request-body-object",
		Check:    "request body",
		Expected: "a JSON object",
		Got:      "something else, or nothing",
		Fix:      "send a JSON object; it may be empty",
	})
	bodySyntax = Refusals.Add(explain.Reason{
		Code:     "request-body-syntax",
		Check:    "request body",
		Expected: "valid JSON in UTF-8",
		Got:      "a fault at byte {offset}",
		Fix:      "correct the JSON there; with curl, give the body in single quotes",
	})
	bodyMember = Refusals.Add(explain.Reason{
		Code:     "request-body-type",
		Check:    "request body",
		Expected: "{type}",
		Got:      "{got}",
		Fix:      "send the member with a value of this type",
	})
	bodyNull = Refusals.Add(explain.Reason{
		Code:     "request-body-null",
		Check:    "request body",
		Expected: "{type}",
		Got:      "null among them",
		Fix:      "take the null out of the list or map",
	})
	bodyTwice = Refusals.Add(explain.Reason{
		Code:     "request-body-twice",
		Check:    "request body",
		Expected: "each name once",
		Got:      "a name twice",
		Fix:      "send one value for each name",
	})

	parameterCount = Refusals.Add(explain.Reason{
		Code:     "request-parameters-count",
		Check:    "request parameters",
		Expected: "at most {limit} parameters",
		Got:      "more",
		Fix:      "send less in one call",
	})
	parameterEncoding = Refusals.Add(explain.Reason{
		Code:     "request-parameters-encoding",
		Check:    "request parameters",
		Expected: "name=value pairs joined by &, percent-encoded UTF-8",
		Got:      "text in another form",
		Fix:      "encode names and values; with curl, use --data-urlencode",
	})
	parameterTwice = Refusals.Add(explain.Reason{
		Code:     "request-parameters-twice",
		Check:    "request parameters",
		Expected: "each parameter once, in the URL or in the body",
		Got:      "one of them twice",
		Fix:      "send it once",
	})
	parameterList = Refusals.Add(explain.Reason{
		Code:     "request-parameters-list",
		Check:    "request parameters",
		Expected: "a list as NAME.member.1, NAME.member.2 and so on",
		Got:      "another spelling, or a gap in the numbers",
		Fix:      "number the elements from 1 without gaps",
	})
	parameterType = Refusals.Add(explain.Reason{
		Code:     "request-parameters-type",
		Check:    "request parameters",
		Expected: "{type}",
		Got:      "another value",
		Fix:      "send the parameter with a value of this type",
	})
)

// Reasons that concern the signature and the input.
var (
	signatureMissing = Refusals.Add(explain.Reason{
		Code:     "request-signature-missing",
		Check:    "request signature",
		Expected: "AWS Signature Version 4 for the service {service}",
		Got:      "none",
		Fix:      "give the client an access key of this server; only public operations work without one",
	})
	signatureUnasked = Refusals.Add(explain.Reason{
		Code:     "request-signature-unchecked",
		Check:    "request signature",
		Expected: "a server that knows access keys",
		Got:      "one that accepts no signed calls",
		Fix:      "call a server that has the operation's API and access keys",
	})
	inputMissing = Refusals.Add(explain.Reason{
		Code:     "input-missing",
		Check:    "input",
		Expected: "a value: the operation requires this member",
		Got:      "none",
		Fix:      "send the member with a value",
	})
	inputConstraint = Refusals.Add(explain.Reason{
		Code:     "input-constraint",
		Check:    "input",
		Expected: "{constraint}",
		Got:      "{value}",
		Fix:      "{fix}",
	})
)

// Reasons that are the server's fault or load.
var (
	overloaded = Refusals.Add(explain.Reason{
		Code:     "server-load-wait",
		Check:    "server load",
		Expected: "room for one more call of the class {class}",
		Got:      "an overloaded server: the call would have waited too long",
		Fix: "retry with increasing pauses, as AWS SDKs do; if it lasts, give the server more processors, add a " +
			"node, or raise max_wait",
	})
	queueFull = Refusals.Add(explain.Reason{
		Code:     "server-load-queue",
		Check:    "server load",
		Expected: "room in the queue of work",
		Got:      "a full queue: {fault}",
		Fix: "retry with increasing pauses, as AWS SDKs do; if it lasts, look at the database and at " +
			"poolhouse_faults_total",
	})
	databaseAway = Refusals.Add(explain.Reason{
		Code:     "database-unavailable",
		Check:    "database",
		Expected: "a database that can do what the call needs",
		Got:      "one that cannot do it now: {fault}",
		Fix:      "call again; /readyz shows what is wrong, and docs/operations.md tells what to do",
	})
	serverFault = Refusals.Add(explain.Reason{
		Code:     "server-fault",
		Check:    "server",
		Expected: "an answer",
		Got:      "a fault of the server: {fault}",
		Fix:      "call again; if it lasts, look in the server's log for the request ID {request}",
	})
	unexplained = Refusals.Add(explain.Reason{
		Code:     Unexplained,
		Check:    "operation",
		Expected: "a call that the operation accepts",
		Got:      "one that it refused with {outcome}",
		Fix:      "follow the message of the answer",
	})
)

// Unexplained is the code of a refusal for which no check gave a reason. No refusal
// should have it; tests look for it.
const Unexplained explain.Code = "operation-refused"
