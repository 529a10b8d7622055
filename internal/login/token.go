package login

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Bounds on a token's parts, held before anything is parsed.
const (
	maxHeaderBytes = 4 << 10
	maxHeaderDepth = 4
	maxClaimsDepth = 16
	maxKeyIDBytes  = 256
)

// idToken is a token whose form was checked and whose signature was not.
type idToken struct {
	text      string
	algorithm string
	keyID     string // "" when the header names none
	signature []byte
	claims    map[string]any
}

// judge records the checks of one token.
type judge struct {
	trust *Trust
	trace *explain.Trace
	types []string // accepted typ, "" for none; nil is an ID token's
}

func (j *judge) pass(check, got string) { j.trace.Pass(check, got) }

func (j *judge) refuse(message, check, expected, got, fix string) *Refused {
	j.trace.Fail(check, expected, got, fix)
	return &Refused{Message: message, Check: check, Expected: expected, Got: got, Fix: fix}
}

const formCheck = "token form"

// parse checks the form of a token: JWS compact serialization (RFC 7515 section
// 7.1) in canonical base64url, with a header and claims in strict JSON. What it
// returns is not yet proved.
func (j *judge) parse(text string) (idToken, *Refused) {
	t, claims, refused := j.open(text)
	if refused != nil {
		return idToken{}, refused
	}
	var err error
	if t.claims, err = parseObject(claims, maxClaimsDepth, claimNames...); err != nil {
		return idToken{}, j.refuse(MessageNotOIDC, "token claims", "a JSON object with unique names", err.Error(),
			"Send an ID token of the provider; this value's claims are not one.")
	}
	dropNulls(t.claims)

	if j.trace != nil {
		j.pass(formCheck, strconv.Itoa(len(text))+" bytes, "+t.algorithm)
	}
	return t, nil
}

// open takes a token apart and reads its header. The claims come back as text.
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
			return idToken{}, nil, j.refuse(MessageNotOIDC, formCheck, "canonical base64url", "a part that is not",
				"Send the ID token exactly as the provider issued it; something changed its last characters.")
		}
	}
	if len(decoded[0]) > maxHeaderBytes {
		return idToken{}, nil, j.refuse(MessageNotOIDC, formCheck, fmt.Sprintf("a header of at most %d bytes", maxHeaderBytes),
			fmt.Sprintf("%d bytes", len(decoded[0])), "No provider's header is this large; send the ID token unchanged.")
	}
	header, err := parseObject(decoded[0], maxHeaderDepth, headerNames...)
	if err != nil {
		return idToken{}, nil, j.refuse(MessageNotOIDC, "token header", "a JSON object with unique names", err.Error(),
			"Send an ID token of the provider; this value's header is not one.")
	}
	t.text, t.signature = text, decoded[2]
	if refused := j.readHeader(header, &t); refused != nil {
		return idToken{}, nil, refused
	}
	return t, decoded[1], nil
}

// split cuts the token in three without looking at more than the allowed size.
func (j *judge) split(text string) (segments [3]string, refused *Refused) {
	limit := j.trust.MaxTokenBytes
	if limit <= 0 {
		limit = DefaultMaxTokenBytes
	}
	if len(text) > limit {
		return segments, j.refuse(MessageNotOIDC, formCheck, fmt.Sprintf("at most %d bytes", limit), fmt.Sprintf("%d bytes", len(text)),
			"Send an ID token, not another document; if the provider's tokens really are this large, raise limits.token_bytes in the settings.")
	}
	bad := func(got, fix string) ([3]string, *Refused) {
		return segments, j.refuse(MessageNotOIDC, formCheck, "a signed JWT: three base64url parts joined by dots", got, fix)
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
				return bad("JSON text", "Send the token in compact form; the JSON forms of RFC 7515 are not accepted.")
			}
			return bad("a byte that base64url does not have", "Send the ID token itself, without padding, blanks, quotes, a prefix such as Bearer, or line ends.")
		}
	}
	switch {
	case dots == 4:
		return bad("five parts", "The token is encrypted (JWE). Have the provider issue signed, unencrypted ID tokens to this client.")
	case dots != 2:
		return bad(fmt.Sprintf("%d parts", dots+1), "Send the provider's ID token; this looks like an opaque access token or a code.")
	}
	segments[2] = text[start:]
	for _, s := range segments {
		if s == "" {
			return bad("an empty part", "Send a signed ID token; unsigned and detached tokens are not accepted.")
		}
	}
	return segments, nil
}

// base64urlBytes is the alphabet of RFC 4648 section 5.
var base64urlBytes = func() (alphabet [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		alphabet[c] = true
	}
	return alphabet
}()
