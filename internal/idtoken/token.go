package idtoken

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// Bounds on a token's parts, checked before anything is parsed.
const (
	maxHeaderBytes = 4 << 10
	maxHeaderDepth = 4
	maxClaimsDepth = 16
	maxKeyIDBytes  = 256
	// largeClaims is the size, in bytes, above which claims are read in two steps.
	// Nearly all tokens are smaller.
	largeClaims = 8 << 10
)

// idToken is a token whose form was checked and whose signature was not.
type idToken struct {
	text      string
	algorithm string
	keyID     string // "" if the header names none
	signature []byte
	claims    map[string]any
	// unread is the text of all claims if only the deciding ones were read; else nil.
	unread []byte
}

// judge records the checks of one token.
type judge struct {
	rule  *Rule
	trace *explain.Trace
	types []string // accepted values of typ, "" = none; nil = those of an ID token
	// apiLimit is true if the API bounds the token's size, not a setting.
	apiLimit bool
	whole    bool // read all claims, proved or not
	// thorough makes all checks of the claims, whatever the earlier ones said.
	thorough bool
	client   string // the client that the claims name, proved or not
}

func (j *judge) pass(check, got string) { j.trace.Pass(check, got) }

func (j *judge) refuse(r *explain.Refusal) *Refused {
	if j.client != "" {
		r.Client = explain.ShownText(j.client)
	}
	return &Refused{Refusal: j.trace.Refuse(r)}
}

// parse checks the form of a token: JWS compact serialization (RFC 7515 section
// 7.1) in canonical base64url, with a header and claims in strict JSON. The
// returned token is not yet proved.
func (j *judge) parse(text string) (idToken, *Refused) {
	t, claims, refused := j.open(text)
	if refused != nil {
		return idToken{}, refused
	}

	// From large claims only those that decide are read now, and the others once the
	// signature holds: a flood of large bad tokens must not cost thousands of values.
	var err error
	if len(claims) > largeClaims && !j.whole {
		t.unread = claims
		t.claims, err = outbound.ParseSome(claims, maxClaimsDepth, j.decidingNames(), claimNames)
	} else {
		t.claims, err = outbound.ParseObject(claims, maxClaimsDepth, claimNames...)
	}
	if err != nil {
		return idToken{}, j.refuse(tokenClaims.With("problem", err.Error()))
	}
	dropNulls(t.claims)

	if j.trace != nil {
		j.pass("token form", strconv.Itoa(len(text))+" bytes, "+t.algorithm)
	}

	return t, nil
}

// registeredClaims are the claims of RFC 7519, OpenID Connect and the event tokens
// that count as absent if their value is null.
var registeredClaims = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti",
	"azp", "nonce", "auth_time", "acr", "amr", "at_hash", "c_hash", "sid",
	"events", "sub_id", "toe", "txn", "token_use",
}

// dropNulls removes the registered claims that are JSON null: some providers write
// null for a claim without a value.
func dropNulls(claims map[string]any) {
	for _, name := range registeredClaims {
		if value, present := claims[name]; present && value == nil {
			delete(claims, name)
		}
	}
}

// decidingNames returns the names of the claims by which a token is judged.
func (j *judge) decidingNames() []string {
	return slices.AppendSeq(slices.Clone(claimNames), maps.Keys(j.rule.Require))
}

// readRest reads the claims of a large token that parse has left unread.
func (j *judge) readRest(t *idToken, c *Claims) *Refused {
	if t.unread == nil {
		return nil
	}

	all, err := outbound.ParseObject(t.unread, maxClaimsDepth, claimNames...)
	if err != nil {
		return j.refuse(tokenClaims.With("problem", err.Error()))
	}
	dropNulls(all)
	c.All = all

	return nil
}

// open splits a token and reads its header. It returns the claims as text.
func (j *judge) open(text string) (t idToken, claims []byte, refused *Refused) {
	segments, refused := j.split(text)
	if refused != nil {
		return idToken{}, nil, refused
	}

	var decoded [3][]byte
	for i, s := range segments {
		var err error
		// Strict refuses stray bits after the last byte: a token has one spelling.
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(s); err != nil {
			return idToken{}, nil, j.refuse(tokenFormBase64.With())
		}
	}

	if len(decoded[0]) > maxHeaderBytes {
		return idToken{}, nil, j.refuse(tokenFormHeader.With(
			"limit", strconv.Itoa(maxHeaderBytes),
			"size", strconv.Itoa(len(decoded[0])),
		))
	}

	header, err := outbound.ParseObject(decoded[0], maxHeaderDepth, headerNames...)
	if err != nil {
		return idToken{}, nil, j.refuse(tokenHeader.With("problem", err.Error()))
	}

	t.text, t.signature = text, decoded[2]
	if refused := j.readHeader(header, &t); refused != nil {
		return idToken{}, nil, refused
	}

	return t, decoded[1], nil
}

// split cuts the token into its three parts. It reads no more than the allowed size.
func (j *judge) split(text string) (segments [3]string, refused *Refused) {
	limit := j.rule.MaxTokenBytes
	if limit <= 0 {
		limit = DefaultMaxTokenBytes
	}
	if len(text) > limit {
		return segments, j.refuse(j.tooLong(limit, len(text)))
	}

	dots, start := 0, 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if base64urlBytes[c] {
			continue
		}

		switch c {
		case '.':
			if dots < 2 {
				segments[dots] = text[start:i]
			}
			dots, start = dots+1, i+1
		default:
			if strings.HasPrefix(strings.TrimSpace(text), "{") {
				return segments, j.refuse(tokenFormJSON.With())
			}
			return segments, j.refuse(tokenFormByte.With())
		}
	}

	switch {
	case dots == 4:
		return segments, j.refuse(tokenFormEncrypted.With())
	case dots != 2:
		return segments, j.refuse(tokenFormParts.With("parts", explain.Count(dots+1, "part")))
	}

	segments[2] = text[start:]
	for _, s := range segments {
		if s == "" {
			return segments, j.refuse(tokenFormUnsigned.With())
		}
	}

	return segments, nil
}

// tooLong refuses a token for its size.
func (j *judge) tooLong(limit, size int) *explain.Refusal {
	if j.apiLimit {
		return tokenFormAPISize.With("limit", strconv.Itoa(limit), "size", strconv.Itoa(size))
	}

	why := tokenFormSize.With("limit", strconv.Itoa(limit), "size", strconv.Itoa(size))

	return why.At(explain.Setting("limits.token_bytes"))
}

// base64urlBytes is the alphabet of RFC 4648 section 5.
var base64urlBytes = func() (alphabet [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		alphabet[c] = true
	}
	return alphabet
}()

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

// readHeader checks the header, and notes its algorithm and key ID in t.
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
	accepted := j.rule.Algorithms
	if accepted == nil {
		accepted = defaultAlgorithms
	}

	// The registration may only choose among what this package verifies: none
	// and the shared-secret algorithms cannot be switched on.
	if _, supported := algorithms[algorithm]; !supported {
		return j.refuse(algorithmUnsupported.With(
			"algorithms", usable(accepted),
			"algorithm", explain.Shown(header["alg"]),
		))
	}
	if !slices.Contains(accepted, algorithm) {
		why := algorithmNotListed.With("algorithms", usable(accepted), "algorithm", algorithm)
		return j.refuse(why.At(j.rule.accepting(algorithm)))
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

// tokenType distinguishes the tokens of one issuer (RFC 8725 section 3.11): those that
// are not ID tokens have special types, such as at+jwt (RFC 9068), logout+jwt and
// secevent+jwt (RFC 8417). An ID token may have none.
func (j *judge) tokenType(header map[string]any) *Refused {
	accepted := []string{"JWT", ""}
	if j.types != nil {
		accepted = j.types
	}

	typ, present := header["typ"]
	name, isString := typ.(string)
	if present && (!isString || name == "") ||
		!slices.ContainsFunc(accepted, func(a string) bool { return strings.EqualFold(a, name) }) {
		if j.types == nil {
			return j.refuse(tokenType.With("type", explain.Shown(typ)))
		}

		named := slices.DeleteFunc(slices.Clone(accepted), func(a string) bool { return a == "" })

		return j.refuse(eventType.With(
			"types", cmp.Or(strings.Join(named, " or "), "none"),
			"type", explain.Shown(typ),
		))
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

	return cmp.Or(
		strings.Join(names, ", "),
		"one that the provider's registration accepts, which names none that can be verified",
	)
}
