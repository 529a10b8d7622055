package idtoken

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// eventNames are the claims that decide something in an event token.
var eventNames = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "sid",
	"sub_id", "events", "toe", "txn",
}

// VerifyEvent proves a token by which a provider reports an event: a logout token
// (OpenID Connect Back-Channel Logout 1.0 section 2.4) or a security event token
// (RFC 8417). It checks form, type, algorithm, iss, aud, times and signature; the
// caller interprets the event. types are the accepted values of typ, "" standing
// for none. Only typ keeps other tokens of the issuer out, so a caller that
// accepts "" must check more.
//
// Unlike an ID token, an event token needs no exp and no sub, and one accepted
// audience among several is enough. Claims.Subject is "" without sub. The errors
// are those of Verify.
func (v *Verifier) VerifyEvent(ctx context.Context, rule *Rule, types []string, token string) (Claims, error) {
	j := &judge{rule: rule, trace: explain.FromContext(ctx), types: types}
	t, text, refused := j.open(token)
	if refused != nil {
		return Claims{}, refused
	}

	var err error
	if t.claims, err = outbound.ParseObject(text, maxClaimsDepth, eventNames...); err != nil {
		return Claims{}, j.refuse(eventClaims.With("problem", err.Error()))
	}
	dropNulls(t.claims)

	now := v.now()
	c := Claims{All: t.claims}
	for _, step := range []func(*Claims) *Refused{
		j.issuer,
		func(c *Claims) *Refused { return j.eventTimes(c, now, Skew) },
		j.eventSubject,
		j.eventAudience,
	} {
		if refused := step(&c); refused != nil {
			return Claims{}, refused
		}
	}

	switch err := v.proveSignature(ctx, rule, now, &t); {
	case err == nil:
		return c, nil
	case errors.Is(err, errUnknownKey), errors.Is(err, errUnfitKey), errors.Is(err, errBadSignature):
		return Claims{}, j.refuse(eventSignature.With("problem", err.Error()))
	default:
		return Claims{}, j.unavailable(err)
	}
}

func (j *judge) eventSubject(c *Claims) *Refused {
	if c.All["sub"] == nil {
		return nil
	}
	return j.subject(c)
}

// eventAudience requires this server among the recipients (RFC 7519 section 4.1.3).
func (j *judge) eventAudience(c *Claims) *Refused {
	audiences, _ := stringOrList(c.All["aud"])
	for _, a := range audiences {
		if a != "" && slices.Contains(j.rule.Audiences, a) {
			c.Audience = a
			return nil
		}
	}

	return j.refuse(eventAudience.With(
		"clients", strings.Join(j.rule.Audiences, " or "),
		"audience", explain.Shown(c.All["aud"]),
	))
}
