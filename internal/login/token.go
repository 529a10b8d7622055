package login

import (
	"encoding/base64"
	"maps"
	"slices"
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
	// largeClaims is from where on claims are read in two steps: nearly all tokens are
	// smaller.
	largeClaims = 8 << 10
)

// idToken is a token whose form was checked and whose signature was not.
type idToken struct {
	text      string
	algorithm string
	keyID     string // "" when the header names none
	signature []byte
	claims    map[string]any
	// unread is the text of claims of which only the deciding ones were read; nil = all
	// were read.
	unread []byte
}

// judge records the checks of one token.
type judge struct {
	trust *Trust
	trace *explain.Trace
	types []string // accepted typ, "" for none; nil is an ID token's
	// apiLimit says that the API and no setting bounds the token's size.
	apiLimit bool
	whole    bool // all claims are wanted, proved or not
}

func (j *judge) pass(check, got string) { j.trace.Pass(check, got) }

func (j *judge) refuse(r *explain.Refusal) *Refused { return &Refused{Refusal: j.trace.Refuse(r)} }

// parse checks the form of a token: JWS compact serialization (RFC 7515 section
// 7.1) in canonical base64url, with a header and claims in strict JSON. What it
// returns is not yet proved.
func (j *judge) parse(text string) (idToken, *Refused) {
	t, claims, refused := j.open(text)
	if refused != nil {
		return idToken{}, refused
	}
	// Of large claims those that decide are read, and the others once the signature
	// holds: a flood of large bad tokens makes no lists of thousands of values.
	var err error
	if len(claims) > largeClaims && !j.whole {
		t.unread = claims
		t.claims, err = parseSome(claims, maxClaimsDepth, j.decidingNames(), claimNames)
	} else {
		t.claims, err = parseObject(claims, maxClaimsDepth, claimNames...)
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

// decidingNames are the claims by which a token is judged.
func (j *judge) decidingNames() []string {
	return slices.AppendSeq(slices.Clone(claimNames), maps.Keys(j.trust.Require))
}

// readRest reads the claims that a large token has besides.
func (j *judge) readRest(t *idToken, c *Claims) *Refused {
	if t.unread == nil {
		return nil
	}
	all, err := parseObject(t.unread, maxClaimsDepth, claimNames...)
	if err != nil {
		return j.refuse(tokenClaims.With("problem", err.Error()))
	}
	dropNulls(all)
	c.All = all

	return nil
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
			return idToken{}, nil, j.refuse(tokenFormBase64.With())
		}
	}
	if len(decoded[0]) > maxHeaderBytes {
		return idToken{}, nil, j.refuse(tokenFormHeader.With(
			"limit", strconv.Itoa(maxHeaderBytes),
			"size", strconv.Itoa(len(decoded[0])),
		))
	}
	header, err := parseObject(decoded[0], maxHeaderDepth, headerNames...)
	if err != nil {
		return idToken{}, nil, j.refuse(tokenHeader.With("problem", err.Error()))
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

	return tokenFormSize.With("limit", strconv.Itoa(limit), "size", strconv.Itoa(size)).At(explain.Link{
		Kind:   explain.LinkSetting,
		ID:     "limits.token_bytes",
		Source: explain.SourceFile,
	})
}

// base64urlBytes is the alphabet of RFC 4648 section 5.
var base64urlBytes = func() (alphabet [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		alphabet[c] = true
	}
	return alphabet
}()
