package gate

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which the gate refuses a signed call.
var Refusals explain.Catalogue

// The form of a signature.
var (
	formScheme = Refusals.Add(explain.Reason{
		Code:     "signature-form-scheme",
		Check:    "signature form",
		Expected: "an Authorization header that begins with AWS4-HMAC-SHA256",
		Got:      "{scheme}",
		Fix:      "sign with AWS Signature Version 4 for {service}, as every current AWS SDK does",
	})
	formAlgorithm = Refusals.Add(explain.Reason{
		Code:     "signature-form-algorithm",
		Check:    "signature form",
		Expected: "the algorithm AWS4-HMAC-SHA256",
		Got:      "another algorithm",
		Fix:      "sign with Signature Version 4; version 4A (AWS4-ECDSA-P256-SHA256) is for several regions at once",
	})
	formParameters = Refusals.Add(explain.Reason{
		Code:     "signature-form-parameters",
		Check:    "signature form",
		Expected: "Credential, SignedHeaders, Signature and the date, each once, in the header or in the query",
		Got:      "{fault}",
		Fix: "let an SDK sign; check whether a proxy shortens or adds the Authorization header, or whether a " +
			"presigned URL was sent together with an Authorization header",
	})
	formCredential = Refusals.Add(explain.Reason{
		Code:     "signature-form-credential",
		Check:    "signature form",
		Expected: "Credential=KEY/DATE/REGION/SERVICE/aws4_request",
		Got:      "a Credential of {parts}",
		Fix: "check whether AWS_ACCESS_KEY_ID has a slash: then it has the secret, and the two variables are " +
			"swapped; if you write your own signer, join the five parts with slashes",
	})
	formDate = Refusals.Add(explain.Reason{
		Code:     "signature-form-date",
		Check:    "signature form",
		Expected: "X-Amz-Date as YYYYMMDDTHHMMSSZ, in UTC",
		Got:      "a date in another form",
		Fix:      "format the time this way; in Go, use the layout 20060102T150405Z",
	})
	formHeaders = Refusals.Add(explain.Reason{
		Code:     "signature-form-headers",
		Check:    "signature form",
		Expected: "SignedHeaders with names in lower case, sorted, each once, all of them in the request",
		Got:      "{fault}",
		Fix: "let an SDK sign; if the header is in the list but not in the request, a proxy removes it: make the " +
			"proxy pass it on",
	})
	formToken = Refusals.Add(explain.Reason{
		Code:     "signature-form-token",
		Check:    "signature form",
		Expected: "a session token of at most 8192 bytes",
		Got:      "a longer one",
		Fix:      "set AWS_SESSION_TOKEN to the SessionToken of the credentials, and nothing else",
	})
	formLifetime = Refusals.Add(explain.Reason{
		Code:     "signature-form-lifetime",
		Check:    "signature form",
		Expected: "X-Amz-Expires with 1 to 604800 seconds",
		Got:      "{fault}",
		Fix:      "presign with a lifetime of at most a week",
	})
	formPresigned = Refusals.Add(explain.Reason{
		Code:     "signature-form-presigned",
		Check:    "signature form",
		Expected: "an Authorization header: {service} does not accept presigned URLs",
		Got:      "a presigned URL",
		Fix:      "send the signature in the Authorization header",
	})
	formQuery = Refusals.Add(explain.Reason{
		Code:     "signature-form-query",
		Check:    "signature form",
		Expected: "a path and query with valid escapes, each parameter once",
		Got:      "{fault}",
		Fix:      "percent-encode names and values, and send each parameter once",
	})
	formHeader = Refusals.Add(explain.Reason{
		Code:     "signature-form-header",
		Check:    "signature form",
		Expected: "each signed header once, in one line",
		Got:      "the header {header} several times, or over several lines",
		Fix:      "send it once; check whether a proxy adds one",
	})
	formPayload = Refusals.Add(explain.Reason{
		Code:     "signed-body-mode",
		Check:    "signed body",
		Expected: "X-Amz-Content-Sha256 with the SHA-256 of the body, or none",
		Got:      "{fault}",
		Fix:      "have the client sign the whole body, not an unsigned payload or chunks",
	})
	formOther = Refusals.Add(explain.Reason{
		Code:     "signature-form-other",
		Check:    "signature form",
		Expected: "a signature of version 4",
		Got:      "{fault}",
		Fix:      "let an SDK sign the call",
	})
)

// Parts of the request that the signature covers.
var (
	headersUnsigned = Refusals.Add(explain.Reason{
		Code:     "signed-headers-unsigned",
		Check:    "signed headers",
		Expected: "the header {header} among the signed headers",
		Got:      "SignedHeaders={headers}",
		Fix: "have the client sign the header; if the client does not send it, a proxy adds it: make the proxy " +
			"leave X-Amz-… headers unchanged",
	})
	headersAbsent = Refusals.Add(explain.Reason{
		Code:     "signed-headers-absent",
		Check:    "signed headers",
		Expected: "the header {header}, which the signature covers",
		Got:      "a request without it",
		Fix:      "have the proxy in front pass the header on unchanged; the client signed it",
	})
	bodyChanged = Refusals.Add(explain.Reason{
		Code:     "signed-body-changed",
		Check:    "signed body",
		Expected: "the body whose SHA-256 is in X-Amz-Content-Sha256",
		Got:      "another body, of {size} bytes",
		Fix: "check whether a proxy changes the body (encoding, line ends), or whether the client signs a " +
			"different body from the one that it sends",
	})
)

// The time of a signature. All times are in UTC.
var (
	timeExpired = Refusals.Add(explain.Reason{
		Code:     "signature-time-expired",
		Check:    "signature time",
		Expected: "a signature made in the {window} before {now}, the server's time",
		Got:      "one made at {signed}, {distance} before",
		Fix: "compare both clocks with a time server and correct the wrong one: the client's is {distance} behind " +
			"the server's; if the request waited that long instead, sign it again",
	})
	timeFuture = Refusals.Add(explain.Reason{
		Code:     "signature-time-future",
		Check:    "signature time",
		Expected: "a signature made at most {window} after {now}, the server's time",
		Got:      "one made at {signed}, {distance} after",
		Fix: "compare both clocks with a time server and correct the wrong one: the client's is {distance} ahead " +
			"of the server's",
	})
)

// The scope of a signature.
var (
	scopeService = Refusals.Add(explain.Reason{
		Code:     "credential-scope-service",
		Check:    "credential scope",
		Expected: "the service {service}, which the operation belongs to",
		Got:      "{scoped}",
		Fix:      "sign for {service}: use the SDK's client for it, or give your signer that service name",
	})
	scopeUserPools = Refusals.Add(explain.Reason{
		Code:     "credential-scope-service-user-pools",
		Check:    "credential scope",
		Expected: "the service {service}, which the operation belongs to",
		Got:      "cognito-idp, the service of user pools",
		Fix:      "sign for {service}: identity pools have their own client and signing name",
	})
	scopeRegion = Refusals.Add(explain.Reason{
		Code:     "credential-scope-region",
		Check:    "credential scope",
		Expected: "a region: lower-case letters, digits and inner dashes, such as us-east-1",
		Got:      "{region}",
		Fix:      "set AWS_REGION or the client's region to the pool's: the part of its ID before the colon",
	})
	scopeRegionCase = Refusals.Add(explain.Reason{
		Code:     "credential-scope-region-spelling",
		Check:    "credential scope",
		Expected: "{region}",
		Got:      "the same in another case, or with blanks or quotes around it",
		Fix:      "write the region as {region} in AWS_REGION, the profile or the client's settings",
	})
	scopeDay = Refusals.Add(explain.Reason{
		Code:     "credential-scope-day",
		Check:    "credential scope",
		Expected: "{day}, the day of X-Amz-Date",
		Got:      "{scoped}",
		Fix:      "use one time in UTC for both; a signing key is valid for one day only",
	})
	scopeTerminator = Refusals.Add(explain.Reason{
		Code:     "credential-scope-terminator",
		Check:    "credential scope",
		Expected: "aws4_request at the end",
		Got:      "something else",
		Fix:      "end the scope, and the derivation of the signing key, with aws4_request",
	})
)

// The signer.
var (
	keyUnknown = Refusals.Add(explain.Reason{
		Code:     "access-key-unknown",
		Check:    "access key",
		Expected: "a key of this server",
		Got:      "the unknown key {key}",
		Fix: "use a key of this server: `poolhouse keys list` shows them, `poolhouse keys create` creates one; " +
			"keys of AWS or of another server do not work here",
	})
	keyUnknownDev = Refusals.Add(explain.Reason{
		Code:     "access-key-unknown-development",
		Check:    "access key",
		Expected: "a key of this development server",
		Got:      "the unknown key {key}",
		Fix: "`poolhouse dev` knows the keys test/test: set AWS_ACCESS_KEY_ID=test and AWS_SECRET_ACCESS_KEY=test, " +
			"and check whether a profile or another variable comes first",
	})
	keyOfDevelopment = Refusals.Add(explain.Reason{
		Code:     "access-key-of-development",
		Check:    "access key",
		Expected: "a key from `poolhouse keys create`",
		Got:      "the key test, which is for `poolhouse dev` only",
		Fix:      "create a key with `poolhouse keys create`, or call the development server",
	})
	keySecret = Refusals.Add(explain.Reason{
		Code:     "access-key-secret",
		Check:    "access key",
		Expected: "an access key ID",
		Got:      "a text that looks like a secret access key, of {size} characters",
		Fix: "check whether AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are swapped, or the secret is in both; " +
			"replace the key if others may have seen the call, in a network or a log",
	})
	keySpelling = Refusals.Add(explain.Reason{
		Code:     "access-key-spelling",
		Check:    "access key",
		Expected: "an access key ID in upper case, without blanks or quotes around it",
		Got:      "an ID in another letter case, or with blanks or quotes around it",
		Fix:      "copy the ID again; it begins with AKIA or ASIA and has 20 characters",
	})
	keySpellingDev = Refusals.Add(explain.Reason{
		Code:     "access-key-spelling-development",
		Check:    "access key",
		Expected: "the key test",
		Got:      "the same in another case, or with blanks or quotes around it",
		Fix:      "write it as test, in lower case, with nothing around it; the secret is test, too",
	})
	keyDisabled = Refusals.Add(explain.Reason{
		Code:     "access-key-disabled",
		Check:    "access key",
		Expected: "a key that is enabled",
		Got:      "{key} of account {account}, which is disabled",
		Fix:      "enable it with `poolhouse keys enable {key}`, or use another key of the account",
	})
	keyWithoutToken = Refusals.Add(explain.Reason{
		Code:     "access-key-without-token",
		Check:    "access key",
		Expected: "a session token for {key}: keys that begin with ASIA are temporary",
		Got:      "none",
		Fix:      "set AWS_SESSION_TOKEN, or give the client all three parts of the credentials",
	})
	tokenInvalid = Refusals.Add(explain.Reason{
		Code:     "session-token-invalid",
		Check:    "session token",
		Expected: "the token that came with {key}, from this server",
		Got:      "a token that does not belong to it, or cannot be opened",
		Fix: "take the key ID, the secret and the whole token from one response; if the token is from another " +
			"server, or its session key was retired, get new credentials",
	})
	tokenOfKey = Refusals.Add(explain.Reason{
		Code:     "session-token-unasked",
		Check:    "session token",
		Expected: "no session token for {key}: keys that do not begin with ASIA are long-lived",
		Got:      "a session token",
		Fix:      "unset AWS_SESSION_TOKEN, or remove the token from the profile: it belongs to other credentials",
	})
	tokenExpired = Refusals.Add(explain.Reason{
		Code:     "session-token-expired",
		Check:    "session token",
		Expected: "a session that is valid at {now}",
		Got:      "one that has ended",
		Fix: "get new credentials; SDKs do this by themselves if they get a credential provider instead of " +
			"fixed keys",
	})
	tokenKeyGone = Refusals.Add(explain.Reason{
		Code:     "session-token-key",
		Check:    "session token",
		Expected: "the access key that the session was created with, enabled",
		Got:      "a key that was disabled or deleted",
		Fix:      "call GetSessionToken with a key that is enabled",
	})
	signatureOther = Refusals.Add(explain.Reason{
		Code:     "request-signature-mismatch",
		Check:    "request signature",
		Expected: "the signature of this request by the secret of {key}, of account {account}",
		Got:      "another one, over the headers {headers} for the host {host}",
		Fix: "compare the canonical request with the client's (AWS CLI: --debug). If they are the same, the secret " +
			"is wrong: `poolhouse keys create` creates a new key. If they differ, a proxy changed the host, the " +
			"path, the query or a signed header: have it pass them on unchanged",
	})
	signatureOtherDev = Refusals.Add(explain.Reason{
		Code:     "request-signature-mismatch-development",
		Check:    "request signature",
		Expected: "the signature of this request with the secret access key test",
		Got:      "another one, over the headers {headers} for the host {host}",
		Fix: "set AWS_SECRET_ACCESS_KEY=test. If it already is, compare the canonical request with the client's " +
			"(AWS CLI: --debug): a proxy in between changed the host, the path, the query or a signed header",
	})
	signatureOfSession = Refusals.Add(explain.Reason{
		Code:     "request-signature-mismatch-session",
		Check:    "request signature",
		Expected: "the signature of this request by the secret that came with {key}, of account {account}",
		Got:      "another one, over the headers {headers} for the host {host}",
		Fix: "take the key ID, the secret and the token from one response. If they are, compare the canonical " +
			"request with the client's (AWS CLI: --debug): a proxy in between changed the host, the path, the " +
			"query or a signed header",
	})
	callerUnknown = Refusals.Add(explain.Reason{
		Code:     "access-key-caller",
		Check:    "access key",
		Expected: "a caller of this server",
		Got:      "none",
		Fix:      "sign the call with an access key of this server",
	})
)
