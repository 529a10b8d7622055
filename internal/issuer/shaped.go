package issuer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// Shape describes how a token for one relying party differs from AWS's. Verifiers of
// storage engines are strict about types, keys and claims.
type Shape struct {
	Algorithm string // "" is the issuer's own
	// Type is the typ of the header; "" leaves it out.
	Type        string
	Certificate bool           // x5c in the header
	Issuer      string         // iss; "" is the issuer's own
	Extra       map[string]any // claims in addition to those of Claims; JSON values
}

// ownClaims are the names that Extra may not use.
var ownClaims = []string{"sub", "aud", "amr", claimTags, "iss", claimPoolARN, "exp", "iat", "jti"}

// Validate reports a shape that no token can have.
func (s Shape) Validate() error {
	if s.Algorithm != "" && !slices.Contains(Algorithms, s.Algorithm) {
		return fmt.Errorf("token algorithm %q is not known: use one of %v", s.Algorithm, Algorithms)
	}

	for _, name := range slices.Sorted(maps.Keys(s.Extra)) {
		if name == "" || slices.Contains(ownClaims, name) {
			return fmt.Errorf("the claim %q is not free: the token has its own", name)
		}
	}
	if s.Issuer != "" {
		return CheckURL(s.Issuer)
	}

	return nil
}

// SignShaped returns a token of another shape, under the rules of Sign. It has a random
// jti, so Verify never accepts it: a party that gets it cannot use it here. Empty amr,
// tags and pool ARN are left out.
func (i *Issuer) SignShaped(ctx context.Context, shape Shape, c Claims) (string, error) {
	if err := shape.Validate(); err != nil {
		return "", err
	}
	if c.Subject == "" || c.Audience == "" {
		return "", errors.New("a token needs a subject and an audience")
	}

	k, err := i.signing(ctx, shape.Algorithm, c.IssuedAt, c.Expires)
	if err != nil {
		return "", err
	}

	header := map[string]any{"alg": k.row.Algorithm, "kid": k.row.ID}
	if shape.Type != "" {
		header["typ"] = shape.Type
	}
	if shape.Certificate {
		header["x5c"] = []string{base64.StdEncoding.EncodeToString(k.certificate.Raw)}
	}

	id, err := uuid.NewRandom()
	if err != nil {
		return "", err
	}
	claims := map[string]any{
		"sub": c.Subject,
		"aud": c.Audience,
		"iss": i.options.URL,
		"jti": id.String(),
		"iat": c.IssuedAt.Unix(),
		"exp": c.Expires.Unix(),
	}
	if shape.Issuer != "" {
		claims["iss"] = shape.Issuer
	}
	if len(c.AMR) > 0 {
		claims["amr"] = c.AMR
	}
	if c.PoolARN != "" {
		claims[claimPoolARN] = c.PoolARN
	}

	if len(c.PrincipalTags) > 0 {
		tags := make(map[string][]string, len(c.PrincipalTags))
		for name, value := range c.PrincipalTags {
			tags[name] = []string{value}
		}
		claims[claimTags] = map[string]any{"principal_tags": tags}
	}
	maps.Copy(claims, shape.Extra)

	head, err := json.Marshal(header, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("a claim is no JSON: %w", err)
	}

	token, err := k.complete(append(base64.RawURLEncoding.AppendEncode(nil, head), '.'), body)

	return string(token), err
}
