package login

import (
	"cmp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// headerNames are the parameters that decide something; other spellings of
// them are refused.
var headerNames = []string{"alg", "kid", "typ", "cty", "crit", "b64", "enc", "zip", "jwk", "jku", "x5u", "x5c"}

// forbiddenParameters are refused outright. jwk, jku, x5u and x5c would let a
// token bring or name its own key (RFC 8725 section 3.10); enc and zip belong to
// encrypted tokens; b64 and crit change what is signed, or demand understanding
// that we do not have (RFC 7515 section 4.1.11).
var forbiddenParameters = []struct {
	name   string
	reason *explain.Reason
}{
	{name: "crit", reason: tokenHeaderCrit},
	{name: "b64", reason: tokenHeaderPayload},
	{name: "jwk", reason: tokenHeaderKey},
	{name: "jku", reason: tokenHeaderKey},
	{name: "x5u", reason: tokenHeaderKey},
	{name: "x5c", reason: tokenHeaderKey},
	{name: "enc", reason: tokenHeaderEncrypted},
	{name: "zip", reason: tokenHeaderCompressed},
}

// readHeader checks the header and notes what it says of the key.
func (j *judge) readHeader(header map[string]any, t *idToken) *Refused {
	for _, p := range forbiddenParameters {
		if _, present := header[p.name]; present {
			return j.refuse(p.reason.With("name", p.name))
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
	if _, supported := algorithms[algorithm]; !supported {
		return j.refuse(algorithmUnsupported.With("algorithms", usable(accepted), "algorithm", explain.Shown(header["alg"])))
	}
	if !slices.Contains(accepted, algorithm) {
		return j.refuse(algorithmNotListed.With("algorithms", usable(accepted), "algorithm", algorithm))
	}
	t.algorithm = algorithm
	if kid, present := header["kid"]; present {
		id, isString := kid.(string)
		if !isString || id == "" || len(id) > maxKeyIDBytes || !explain.Printable(id) {
			return j.refuse(keyID.With("id", explain.Shown(kid)))
		}
		t.keyID = id
	}
	return nil
}

// tokenType tells the tokens of one issuer apart (RFC 8725 section 3.11): those
// that are not ID tokens carry their own type, such as at+jwt (RFC 9068),
// logout+jwt and secevent+jwt (RFC 8417). An ID token may have none.
func (j *judge) tokenType(header map[string]any) *Refused {
	accepted := []string{"JWT", ""}
	if j.types != nil {
		accepted = j.types
	}

	typ, present := header["typ"]
	name, isString := typ.(string)
	if present && (!isString || name == "") || !slices.ContainsFunc(accepted, func(a string) bool { return strings.EqualFold(a, name) }) {
		if j.types == nil {
			return j.refuse(tokenType.With("type", explain.Shown(typ)))
		}
		named := slices.DeleteFunc(slices.Clone(accepted), func(a string) bool { return a == "" })
		return j.refuse(eventType.With("types", cmp.Or(strings.Join(named, " or "), "none"), "type", explain.Shown(typ)))
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
