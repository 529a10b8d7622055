package login

import (
	"maps"
	"slices"
	"strings"
)

// Peek reads the claims of a signed JWT and proves nothing: what they say may
// choose by whom the token is verified, and no more. A value that is no such
// token is *Refused; the caller adds that to its trace.
func Peek(token string, maxBytes int) (map[string]any, error) {
	j := &judge{
		trust: &Trust{MaxTokenBytes: maxBytes, Algorithms: slices.Sorted(maps.Keys(algorithms))},
		types: []string{"JWT", "JWS", ""},

		apiLimit: true,
		whole:    true,
	}
	t, refused := j.parse(token)
	if refused != nil {
		return nil, refused
	}
	return t.claims, nil
}

// Expired reports whether the credential was refused for its age.
func (r *Refused) Expired() bool {
	return r.Message == messageTokenExpired || strings.HasPrefix(r.Message, messageExpired)
}

// MissingClaim returns the claim for whose lack a token was refused, or "".
func (r *Refused) MissingClaim() string {
	name, _ := strings.CutPrefix(r.Message, messageMissingClaim)
	if name == r.Message {
		return ""
	}
	return name
}

// ByProvider reports whether it was the provider that refused the credential.
func (r *Refused) ByProvider() bool { return r.Message == messageNotAccepted }
