package forwardauth

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which this package refuses.
var Refusals explain.Catalogue

// Names of the checks, in their order.
const (
	checkOriginal  = "original request"
	checkHeaders   = "headers of the client"
	checkMethod    = "method and URI"
	checkPath      = "path"
	checkSignature = "signature of the request"
	checkRegion    = "region of the signature"
	checkHash      = "hash of the body"
	checkRoute     = "route"
	checkAccount   = "account of the session"
	checkPolicies  = "policies" // of the session: package iam refuses
	checkSource    = "source of the copy"
	checkBody      = "body"
	checkArrived   = "hash of the arrived body"
	checkService   = "service behind"
	checkRoom      = "room for the request"
	checkPreflight = "preflight"
	checkDatabase  = "database"
)

// The checks of the endpoint and of a forwarded request, in the order of their traces.
var (
	endpointPlan = plan(
		checkOriginal, checkHeaders, checkMethod, checkPath, checkBody, checkSignature, checkRegion, checkHash,
		checkRoute, checkAccount, checkPolicies, checkSource,
	)
	forwardPlan = plan(
		checkRoom, checkOriginal, checkHeaders, checkMethod, checkPath, checkSignature, checkRegion, checkHash,
		checkRoute, checkAccount, checkPolicies, checkSource, checkBody, checkArrived, checkService,
	)
)

func plan(checks ...string) []explain.Code {
	codes := make([]explain.Code, 0, len(checks))
	for _, c := range checks {
		codes = append(codes, explain.CodeOf(c))
	}

	return codes
}

// setting returns a link to a setting of check.
func setting(name string) explain.Link {
	return explain.Setting("check").In(name)
}

var (
	originalUnreadable = Refusals.Add(explain.Reason{
		Code:     "original-request",
		Check:    checkOriginal,
		Expected: "method, URI and host of the client's request, each once",
		Got:      "{fault}",
		Fix: "set check.request to the convention of the proxy, and make the proxy send method, URI and host; " +
			"docs/check.md has a configuration for each proxy",
	})
	originalMalformed = Refusals.Add(explain.Reason{
		Code:     "original-request-form",
		Check:    checkOriginal,
		Expected: "a method, a path that begins with a slash, and a host",
		Got:      "{fault}",
		Fix:      "send an ordinary HTTP request: its method in capitals, a path as the target, and a Host header",
	})

	headerReserved = Refusals.Add(explain.Reason{
		Code:     "headers-of-the-client-reserved",
		Check:    checkHeaders,
		Expected: "no header that begins with {prefixes}",
		Got:      "{header}",
		Fix: "leave the header out of the client's request; where another proxy in front sets it, make this one " +
			"remove it before it asks (docs/check.md)",
	})
	headerConnection = Refusals.Add(explain.Reason{
		Code:     "headers-of-the-client-connection",
		Check:    checkHeaders,
		Expected: "Connection: close or keep-alive",
		Got:      "Connection: {options}, which removes headers from the signed request",
		Fix:      "name no headers in Connection",
	})
	headerUpgrade = Refusals.Add(explain.Reason{
		Code:     "headers-of-the-client-upgrade",
		Check:    checkHeaders,
		Expected: "an HTTP request without Upgrade",
		Got:      "Upgrade: {protocol}",
		Fix: "use plain HTTP requests on routes with forward_to; WebSocket connections need a route without it, and " +
			"a proxy that asks by forward auth",
	})
	headerSpelling = Refusals.Add(explain.Reason{
		Code:     "headers-of-the-client-spelling",
		Check:    checkHeaders,
		Expected: "{name}, which is signed, or no such header",
		Got:      "{header}, which some services read as {name}",
		Fix:      "spell the header {name}, before the request is signed",
	})
	hostOther = Refusals.Add(explain.Reason{
		Code:     "headers-of-the-client-host",
		Check:    checkHeaders,
		Expected: "a Host of check.hosts",
		Got:      "{host}",
		Fix:      "call the server by a name of check.hosts, or add the name there; a proxy in front must pass Host on",
	})
	methodNot = Refusals.Add(explain.Reason{
		Code:     "method-and-uri-not-forwarded",
		Check:    checkMethod,
		Expected: "a method that a service answers",
		Got:      "{method}",
		Fix:      "use another method",
	})
	requestOverridden = Refusals.Add(explain.Reason{
		Code:     "method-and-uri-overridden",
		Check:    checkMethod,
		Expected: "the same method and URI in the whole request",
		Got:      "another one in the {where}",
		Fix:      "send the intended method and path, and leave the {where} out",
	})
	pathAmbiguous = Refusals.Add(explain.Reason{
		Code:     "path-ambiguous",
		Check:    checkPath,
		Expected: "a path that every server reads in the same way",
		Got:      "{fault}",
		Fix:      "request the path in its plain form",
	})

	unsigned = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-missing",
		Check:    checkSignature,
		Expected: "an Authorization header with AWS4-HMAC-SHA256{presigned}",
		Got:      "no signature",
		Fix:      "sign the request for service {service} in region {region} (AWS Signature Version 4)",
	})
	unsignedPreflight = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-preflight",
		Check:    checkSignature,
		Expected: "a signed request",
		Got:      "a browser's preflight (OPTIONS, from a page of {origin}), which is never signed",
		Fix: "make the proxy answer preflights itself (docs/check.md), or give the route forward_to and list the " +
			"origin in check.allowed_origins",
	})
	signatureUnreadable = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-form",
		Check:    checkSignature,
		Expected: "the parts of a signature, each once and well-formed",
		Got:      "{fault}",
		Fix:      "let an AWS SDK or another tested signer sign, and make the proxy pass all headers on unchanged",
	})
	signatureScope = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-scope",
		Check:    checkSignature,
		Expected: "a credential scope of the request's day, region {region} and service {service}",
		Got:      "{fault}",
		Fix: "set service and region of the client's signer to {service} and {region}, or check.service and " +
			"check.region to the client's",
	})
	signatureExpired = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-expired",
		Check:    checkSignature,
		Expected: "a request that was signed up to 15 minutes ago, or a presigned URL within its time",
		Got:      "one {signed}",
		Fix:      "sign each request just before it is sent; if the client did, set its clock right (NTP)",
	})
	signatureEarly = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-early",
		Check:    checkSignature,
		Expected: "a request that is dated up to 15 minutes ahead",
		Got:      "one {signed}",
		Fix:      "set the client's clock right (NTP), or this server's if it is behind",
	})
	signatureWrong = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-mismatch",
		Check:    checkSignature,
		Expected: "the signature of this request by the secret that came with access key {key} ({account})",
		Got:      "another one; the canonical request and the string to sign, as they are here, follow",
		Fix: "compare with the client's{proxy}. The last line of the canonical request is the SHA-256 of the body, " +
			"as X-Amz-Content-Sha256 states it or else of what arrived: if it differs, the body was changed. If " +
			"everything is the same, the secret is wrong: get new credentials. Except for s3, a path with ':' or " +
			"'%' must be escaped once more before it is signed; curl 7.88 does not do this",
	})
	signatureBody = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-body",
		Check:    checkSignature,
		Expected: "X-Amz-Content-Sha256 with the SHA-256 of the body: a proxy asks without the body",
		Got:      "{fault}",
		Fix: "make the client send X-Amz-Content-Sha256 (docs/check.md has the line for each signer), or give the " +
			"route forward_to",
	})
	signatureUncovered = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-covers",
		Check:    checkSignature,
		Expected: "a signature over the host and every X-Amz- header, and the body that was signed",
		Got:      "{fault}",
		Fix: "add such headers before signing, do not change the body after signing, and let no proxy add X-Amz- " +
			"headers",
	})
	keyUnknown = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-key",
		Check:    checkSignature,
		Expected: "the access key of a session (ASIA…), with its token in X-Amz-Security-Token",
		Got:      "access key {key} ({account}), {token}",
		Fix: "sign with all three parts of the credentials that GetCredentialsForIdentity or AssumeRole returned; " +
			"long-lived keys are not accepted here",
	})
	tokenInvalid = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-token",
		Check:    checkSignature,
		Expected: "the session token of access key {key}, by this server",
		Got:      "a session token of another key or another server, or a changed one",
		Fix:      "get new credentials from this server, and send access key, secret and token of the same answer",
	})
	tokenExpired = Refusals.Add(explain.Reason{
		Code:     "signature-of-the-request-session",
		Check:    checkSignature,
		Expected: "a session that is still valid",
		Got:      "an expired session of access key {key}",
		Fix:      "get new credentials from this server; SDKs do it by themselves when they know the expiration",
	})

	regionOther = Refusals.Add(explain.Reason{
		Code:     "region-of-the-signature-other",
		Check:    checkRegion,
		Expected: "{want}",
		Got:      "{region}",
		Fix:      "set the client's region, or check.region, so that they agree",
	})
	hashMissing = Refusals.Add(explain.Reason{
		Code:     "hash-of-the-body-unsigned",
		Check:    checkHash,
		Expected: "the body's SHA-256 in X-Amz-Content-Sha256",
		Got:      unsignedPayload,
		Fix:      "make the client sign the body, or set check.body to unchecked if nothing depends on it",
	})
	hashOther = Refusals.Add(explain.Reason{
		Code:     "hash-of-the-arrived-body-other",
		Check:    checkArrived,
		Expected: "a body with the SHA-256 {stated}, which was signed",
		Got:      "one with {arrived}; the service did not get all of it",
		Fix: "send the body that was signed, byte for byte, or compute X-Amz-Content-Sha256 from the bytes that are " +
			"sent",
	})

	routeNone = Refusals.Add(explain.Reason{
		Code:     "route-none",
		Check:    checkRoute,
		Expected: "a route that matches",
		Got:      "{method} and the path match none",
		Fix:      "add a route for it to check.routes",
	})
	routeParameter = Refusals.Add(explain.Reason{
		Code:     "route-parameter",
		Check:    checkRoute,
		Expected: "a route whose match names the parameter",
		Got:      "{parameter}, which no matching route names",
		Fix: "add a route with the parameter at the end of its match (such as GET /files/{path...}?acl) and its " +
			"action (s3:GetObjectAcl), or leave the parameter out",
	})
	routeStays = Refusals.Add(explain.Reason{
		Code:     "route-stays",
		Check:    checkRoute,
		Expected: "a route with forward_to",
		Got:      "{match}, which has none",
		Fix:      "give the route forward_to, or send the request to the proxy that uses forward auth",
	})
	accountOther = Refusals.Add(explain.Reason{
		Code:     "account-of-the-session-other",
		Check:    checkAccount,
		Expected: "account {want}, this server's own (account_id)",
		Got:      "account {account}",
		Fix:      "use credentials of a pool of account {want}",
	})
	copyOther = Refusals.Add(explain.Reason{
		Code:     "source-of-the-copy-other",
		Check:    checkSource,
		Expected: copySource + " with the bucket and key of an object that a route of check.routes lets clients get",
		Got:      "{fault}",
		Fix:      "copy from /BUCKET/KEY, escaped as in a URL, where a route for GET has that object as its resource",
	})

	bodyLarge = Refusals.Add(explain.Reason{
		Code:     "body-large",
		Check:    checkBody,
		Expected: "up to {limit} bytes",
		Got:      "more",
		Fix: "send less, or raise check.max_body; on routes with forward_to the size is not limited if the client " +
			"sends X-Amz-Content-Sha256",
	})
	bodyMissing = Refusals.Add(explain.Reason{
		Code:     "body-missing",
		Check:    checkBody,
		Expected: "{length} bytes",
		Got:      "{got} bytes",
		Fix:      "make the proxy forward the whole body, or set check.body to hash-required",
	})
	bodySlow = Refusals.Add(explain.Reason{
		Code:     "body-slow",
		Check:    checkBody,
		Expected: "the whole body within {limit}",
		Got:      "a part of it",
		Fix: "send it faster, raise check.body_time, or make the client send X-Amz-Content-Sha256, so that it is " +
			"streamed",
	})
	bodyIdle = Refusals.Add(explain.Reason{
		Code:     "body-idle",
		Check:    checkBody,
		Expected: "more of the body within {limit}",
		Got:      "nothing",
		Fix:      "see why the client stopped sending; check.forward_timeout is how long it may",
	})
	bodyPace = Refusals.Add(explain.Reason{
		Code:     "body-pace",
		Check:    checkBody,
		Expected: "{pace} bytes of the body per second on average, with {limit} of extra time",
		Got:      "less",
		Fix:      "see why the client sends so slowly; check.forward_timeout is the extra time",
	})
	bodyCut = Refusals.Add(explain.Reason{
		Code:     "body-cut",
		Check:    checkBody,
		Expected: "the whole body",
		Got:      "a part of it, then the client hung up",
		Fix:      "see the client's log for why it stopped",
	})
	bodiesFull = Refusals.Add(explain.Reason{
		Code:     "body-room",
		Check:    checkBody,
		Expected: "room in check.max_bodies for the body, which is read before its signature is checked",
		Got:      "bodies of {limit} bytes in total already",
		Fix: "try again, raise check.max_bodies, or make clients send X-Amz-Content-Sha256, so that bodies " +
			"are streamed",
	})
	bodiesOfOne = Refusals.Add(explain.Reason{
		Code:     "body-share",
		Check:    checkBody,
		Expected: "room for the body in the share of check.max_bodies for one identity and one client address",
		Got:      "bodies of {limit} bytes of this identity or address already",
		Fix: "try again, raise check.max_bodies, or make clients send X-Amz-Content-Sha256, so that bodies are " +
			"streamed; if there is a proxy in front, set behind_proxy, so that the clients' addresses count and " +
			"not the proxy's",
	})
	bodyUnkept = Refusals.Add(explain.Reason{
		Code:     "body-file",
		Check:    checkBody,
		Expected: "a temporary file for the body",
		Got:      "none: the log has the error",
		Fix:      "free space in the folder for temporary files (TMPDIR), and let the server write there",
	})

	serviceDown = Refusals.Add(explain.Reason{
		Code:     "service-behind-down",
		Check:    checkService,
		Expected: "an answer of {service}",
		Got:      "none: {fault}",
		Fix:      "start the service, or set forward_to of the route to its URL",
	})
	serviceSlow = Refusals.Add(explain.Reason{
		Code:     "service-behind-slow",
		Check:    checkService,
		Expected: "an answer of {service} within {limit}",
		Got:      "none",
		Fix:      "see what the service waits for, or raise check.forward_timeout",
	})
	serviceCut = Refusals.Add(explain.Reason{
		Code:     "service-behind-cut",
		Check:    checkService,
		Expected: "a whole answer of {service}",
		Got:      "a part of it, then the connection ended",
		Fix:      "see the service's log, and whether the client hung up",
	})
	tooMany = Refusals.Add(explain.Reason{
		Code:     "room-for-the-request-none",
		Check:    checkRoom,
		Expected: "fewer than {limit} forwarded requests at once",
		Got:      "one more",
		Fix:      "try again; if it lasts, find out why the service is slow, or add another node",
	})
	tooManyOfOne = Refusals.Add(explain.Reason{
		Code:     "room-for-the-request-share",
		Check:    checkRoom,
		Expected: "up to {limit} forwarded requests of one identity at once",
		Got:      "one more",
		Fix:      "let the client wait for answers before it sends more requests",
	})
	tooManyUnproven = Refusals.Add(explain.Reason{
		Code:  "room-for-the-request-unproven",
		Check: checkRoom,
		Expected: "up to {limit} forwarded requests of one identity at once whose body is read before the signature " +
			"is checked",
		Got: "one more",
		Fix: "make the client send X-Amz-Content-Sha256, so that its signature is checked before the body comes",
	})
	tooManyOfAddress = Refusals.Add(explain.Reason{
		Code:     "room-for-the-request-address",
		Check:    checkRoom,
		Expected: "up to {limit} forwarded requests of one client address at once",
		Got:      "one more",
		Fix: "let the clients wait for answers before they send more requests; if there is a proxy in front, set " +
			"behind_proxy, so that the clients' addresses count and not the proxy's",
	})
	preflightOther = Refusals.Add(explain.Reason{
		Code:     "preflight-origin",
		Check:    checkPreflight,
		Expected: "an origin of check.allowed_origins",
		Got:      "{origin}",
		Fix:      "add the origin (scheme://host:port) to check.allowed_origins, if the page is yours",
	})
	databaseSilent = Refusals.Add(explain.Reason{
		Code:     "database-silent",
		Check:    checkDatabase,
		Expected: "an answer of the database",
		Got:      "none",
		Fix:      "see the log for the error, and try again",
	})
)
