package idtoken

import (
	"context"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// Examine judges a token as Verify does, for people who ask what is wrong with it: it makes
// every check that has a meaning by itself, also after a refusal. The error is Verify's. The
// claims are those that could be read, proved or not; proven reports whether the provider's
// keys proved the signature. Only a nil error means that the token is good.
//
// The provider is asked for keys only if the token has its issuer.
func (v *Verifier) Examine(ctx context.Context, rule *Rule, token string) (c Claims, proven bool, err error) {
	j := &judge{
		rule:     rule,
		trace:    explain.FromContext(ctx),
		whole:    true,
		thorough: true,
	}
	t, refused := j.parse(token)
	if refused != nil {
		return Claims{}, false, refused
	}

	now := v.now()
	c, refused = j.judgeClaims(t.claims, now, Skew)
	if c.Issuer == "" {
		return c, false, refused
	}

	err = j.signature(&t, v.proveSignature(ctx, rule, now, &t))
	proven = err == nil
	if refused != nil {
		err = refused
	}

	return c, proven, err
}

// ParseClaims reads claims as those of a token are read: as one JSON object with unique names,
// at most DefaultMaxTokenBytes long.
func ParseClaims(text []byte) (map[string]any, error) {
	if len(text) > DefaultMaxTokenBytes {
		return nil, fmt.Errorf("%d bytes; the limit is %d", len(text), DefaultMaxTokenBytes)
	}

	claims, err := outbound.ParseObject(text, maxClaimsDepth, claimNames...)
	if err != nil {
		return nil, err
	}
	dropNulls(claims)

	return claims, nil
}

// Stated returns the facts that claims state, of a token that nobody has proved.
func Stated(claims map[string]any) Claims {
	c := Claims{All: claims}
	c.Issuer, _ = claims["iss"].(string)
	c.Subject, _ = claims["sub"].(string)
	c.Audience, _ = claims["azp"].(string)
	if audiences := c.Audiences(); claims["azp"] == nil && len(audiences) > 0 {
		c.Audience = audiences[0]
	}
	c.Expires, _ = numericDate(claims["exp"])
	c.IssuedAt, _ = numericDate(claims["iat"])

	return c
}
