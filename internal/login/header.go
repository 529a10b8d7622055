package login

import (
	"cmp"
	"slices"
	"strings"
)

// headerNames are the parameters that decide something; other spellings of
// them are refused.
var headerNames = []string{"alg", "kid", "typ", "cty", "crit", "b64", "enc", "zip", "jwk", "jku", "x5u", "x5c"}

// forbiddenParameters are refused outright. jwk, jku, x5u and x5c would let a
// token bring or name its own key (RFC 8725 section 3.10); enc and zip belong to
// encrypted tokens; b64 and crit change what is signed, or demand understanding
// that we do not have (RFC 7515 section 4.1.11).
var forbiddenParameters = []struct{ name, fix string }{
	{"crit", "The provider demands a header extension that is not supported; have it issue plain ID tokens."},
	{"b64", "Have the provider issue tokens with an encoded payload."},
	{"jwk", "Keys come from the provider's key set only; have the provider leave the key out of the header."},
	{"jku", "Keys come from the provider's key set only; have the provider leave the key address out of the header."},
	{"x5u", "Keys come from the provider's key set only; have the provider leave the certificate address out of the header."},
	{"x5c", "Keys come from the provider's key set only; have the provider leave the certificates out of the header."},
	{"enc", "Have the provider issue signed, unencrypted ID tokens to this client."},
	{"zip", "Have the provider issue uncompressed ID tokens."},
}

// readHeader checks the header and notes what it says of the key.
func (j *judge) readHeader(header map[string]any, t *idToken) *Refused {
	for _, p := range forbiddenParameters {
		if _, present := header[p.name]; present {
			return j.refuse(MessageNotOIDC, "token header", "no parameter "+p.name, p.name+" is present", p.fix)
		}
	}
	if refused := j.tokenType(header); refused != nil {
		return refused
	}
	algorithm, _ := header["alg"].(string)
	accepted := j.trust.Algorithms
	if accepted == nil {
		accepted = defaultAlgorithms
	}
	// The registration may only choose among what this package verifies: none
	// and the shared-secret algorithms cannot be switched on.
	if _, supported := algorithms[algorithm]; !supported || !slices.Contains(accepted, algorithm) {
		return j.refuse(MessageBadSignature, "signature algorithm", usable(accepted), show(header["alg"]),
			"Have the provider sign ID tokens with an accepted algorithm, or add the provider's algorithm to its registration.")
	}
	t.algorithm = algorithm
	if kid, present := header["kid"]; present {
		id, isString := kid.(string)
		if !isString || id == "" || len(id) > maxKeyIDBytes || !printable(id) {
			return j.refuse(MessageBadSignature, "key ID", "a printable string of 1 to 256 bytes", show(kid),
				"Send the provider's ID token unchanged; no provider issues such a key ID.")
		}
		t.keyID = id
	}
	return nil
}

// tokenType tells the tokens of one issuer apart (RFC 8725 section 3.11): those
// that are not ID tokens carry their own type, such as at+jwt (RFC 9068),
// logout+jwt and secevent+jwt (RFC 8417). An ID token may have none.
func (j *judge) tokenType(header map[string]any) *Refused {
	accepted, fix := []string{"JWT", ""}, "Send the ID token; an access, logout or event token of the same issuer is not a login."
	if j.types != nil {
		accepted, fix = j.types, "Have the provider send the token that this address is for, with its type in the header."
	}
	typ, present := header["typ"]
	name, isString := typ.(string)
	if present && (!isString || name == "") || !slices.ContainsFunc(accepted, func(a string) bool { return strings.EqualFold(a, name) }) {
		return j.refuse(MessageNotOIDC, "token type", cmp.Or(strings.Join(slices.DeleteFunc(slices.Clone(accepted), func(a string) bool { return a == "" }), " or "), "none"), show(typ), fix)
	}
	return nil
}

// usable names the algorithms of a registration that can be verified.
func usable(accepted []string) string {
	var names []string
	for _, name := range accepted {
		if _, supported := algorithms[name]; supported {
			names = append(names, name)
		}
	}
	return cmp.Or(strings.Join(names, ", "), "one that the provider's registration accepts, which names none that can be verified")
}
