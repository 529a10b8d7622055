package idtoken

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons that concern the form of a token.
var (
	tokenFormSize = Refusals.Add(explain.Reason{
		Code:     "token-form-size",
		Check:    "token form",
		Expected: "at most {limit} bytes (limits.token_bytes)",
		Got:      "{size} bytes",
		Fix: "send an ID token, not another document; if the provider's tokens really are this large, " +
			"raise limits.token_bytes in the settings",
		Message: MessageNotOIDC + " It has {size} bytes; at most {limit} are accepted.",
	})
	tokenFormAPISize = Refusals.Add(explain.Reason{
		Code:     "token-form-api-size",
		Check:    "token form",
		Expected: "at most {limit} bytes, the limit of the API",
		Got:      "{size} bytes",
		Fix:      "have the provider issue smaller tokens, such as with fewer groups; no setting raises this limit",
		Message:  MessageNotOIDC + " It has {size} bytes; at most {limit} are accepted.",
	})
	tokenFormBase64 = Refusals.Add(explain.Reason{
		Code:     "token-form-base64",
		Check:    "token form",
		Expected: "three parts in base64url, as RFC 4648 writes it",
		Got:      "a part with bits after its last byte",
		Fix:      "send the ID token exactly as the provider issued it; something changed its last characters",
		Message:  MessageNotOIDC,
	})
	tokenFormHeader = Refusals.Add(explain.Reason{
		Code:     "token-form-header-size",
		Check:    "token form",
		Expected: "a header of at most {limit} bytes",
		Got:      "{size} bytes",
		Fix:      "send the ID token unchanged; no provider's header is this large",
		Message:  MessageNotOIDC,
	})
	tokenFormJSON = Refusals.Add(explain.Reason{
		Code:     "token-form-json",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "JSON text",
		Fix:      "send the token in compact form; the JSON forms of RFC 7515 are not accepted",
		Message:  MessageNotOIDC,
	})
	tokenFormByte = Refusals.Add(explain.Reason{
		Code:     "token-form-byte",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "a byte that base64url does not have",
		Fix:      "send the ID token itself, without padding, blanks, quotes, a prefix such as Bearer, or line ends",
		Message:  MessageNotOIDC,
	})
	tokenFormEncrypted = Refusals.Add(explain.Reason{
		Code:     "token-form-encrypted",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "five parts, as encrypted tokens (JWE) have",
		Fix:      "have the provider issue signed, unencrypted ID tokens to this client",
		Message:  MessageNotOIDC,
	})
	tokenFormParts = Refusals.Add(explain.Reason{
		Code:     "token-form-parts",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "a token of {parts}",
		Fix:      "send the provider's ID token; this looks like an opaque access token or a code",
		Message:  MessageNotOIDC,
	})
	tokenFormUnsigned = Refusals.Add(explain.Reason{
		Code:     "token-form-unsigned",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "an empty part",
		Fix:      "send a signed ID token; unsigned and detached tokens are not accepted",
		Message:  MessageNotOIDC,
	})
)

const signedJWT = "a signed JWT: three base64url parts joined by dots"

// Reasons that concern the header of a token.
var (
	tokenHeader = Refusals.Add(explain.Reason{
		Code:     "token-header",
		Check:    "token header",
		Expected: "a JSON object with unique names",
		Got:      "{problem}",
		Fix:      "send an ID token of the provider; this value does not have the header of an ID token",
		Message:  MessageNotOIDC,
	})
	tokenHeaderCrit = Refusals.Add(explain.Reason{
		Code:     "token-header-crit",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name}",
		Fix: "have the provider issue plain ID tokens: the token requires a header extension that is not " +
			"supported",
		Message: MessageNotOIDC,
	})
	tokenHeaderPayload = Refusals.Add(explain.Reason{
		Code:     "token-header-payload",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name}",
		Fix:      "have the provider issue tokens with an encoded payload",
		Message:  MessageNotOIDC,
	})
	tokenHeaderKey = Refusals.Add(explain.Reason{
		Code:     "token-header-key",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name}",
		Fix:      "have the provider leave {name} out of the header: only keys from its key set are used",
		Message:  MessageNotOIDC,
	})
	tokenHeaderEncrypted = Refusals.Add(explain.Reason{
		Code:     "token-header-encrypted",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name}",
		Fix:      "have the provider issue signed, unencrypted ID tokens to this client",
		Message:  MessageNotOIDC,
	})
	tokenHeaderCompressed = Refusals.Add(explain.Reason{
		Code:     "token-header-compressed",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name}",
		Fix:      "have the provider issue uncompressed ID tokens",
		Message:  MessageNotOIDC,
	})
	tokenType = Refusals.Add(explain.Reason{
		Code:     "token-type",
		Check:    "token type",
		Expected: "JWT",
		Got:      "{type}",
		Fix:      "send the ID token; an access, logout or event token of the same issuer is not a login",
		Message:  MessageNotOIDC,
	})
	eventType = Refusals.Add(explain.Reason{
		Code:     "token-type-event",
		Check:    "token type",
		Expected: "{types}",
		Got:      "{type}",
		Fix:      "have the provider send the kind of token that this URL accepts, with its type in the header",
		Message:  MessageNotOIDC,
	})
	algorithmNotListed = Refusals.Add(explain.Reason{
		Code:     "signature-algorithm",
		Check:    "signature algorithm",
		Expected: "{algorithms}",
		Got:      "{algorithm}",
		Fix: "have the provider sign ID tokens with an accepted algorithm, or add {algorithm} to allowed_algs of the " +
			"provider in oidc_providers of the settings",
		Message: MessageBadSignature,
	})
	algorithmUnsupported = Refusals.Add(explain.Reason{
		Code:     "signature-algorithm-unsupported",
		Check:    "signature algorithm",
		Expected: "{algorithms}",
		Got:      "{algorithm}",
		Fix:      "have the provider sign ID tokens with an accepted algorithm; no setting allows this one",
		Message:  MessageBadSignature,
	})
	keyID = Refusals.Add(explain.Reason{
		Code:     "key-id",
		Check:    "key ID",
		Expected: "a printable string of 1 to 256 bytes",
		Got:      "{id}",
		Fix:      "send the provider's ID token unchanged; no provider issues such a key ID",
		Message:  MessageBadSignature,
	})
)
