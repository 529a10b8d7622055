package idtoken

import (
	"errors"
	"maps"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// Peek reads the claims of a signed JWT and proves nothing. A caller may use them
// only to choose who verifies the token. The error for a value that is no such
// token is *Refused; the caller adds it to its trace.
func Peek(token string, maxBytes int) (map[string]any, error) {
	t, refused := peeking(maxBytes).parse(token)
	if refused != nil {
		return nil, refused
	}
	return t.claims, nil
}

// PeekIssuer is Peek for the issuer alone, and reads no other claim into memory.
// issuer is "" if it is not a text, or has more than 16384 bytes; has is false if
// the token names none.
func PeekIssuer(token string, maxBytes int) (issuer string, has bool, err error) {
	j := peeking(maxBytes)
	_, claims, refused := j.open(token)
	if refused != nil {
		return "", false, refused
	}

	read, err := outbound.ParseSome(claims, maxClaimsDepth, []string{"iss"}, claimNames)
	if errors.Is(err, outbound.ErrLargeMember) {
		return "", true, nil
	} else if err != nil {
		return "", false, j.refuse(tokenClaims.With("problem", err.Error()))
	}
	issuer, _ = read["iss"].(string)

	return issuer, read["iss"] != nil, nil
}

// peeking returns a judge that checks only the form.
func peeking(maxBytes int) *judge {
	return &judge{
		rule:  &Rule{MaxTokenBytes: maxBytes, Algorithms: slices.Sorted(maps.Keys(algorithms))},
		types: []string{"JWT", "JWS", ""},

		apiLimit: true,
		whole:    true,
	}
}
