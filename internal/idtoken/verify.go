// Package idtoken proves tokens that providers sign: ID tokens, and event tokens
// (event.go). It judges a token by a Rule and returns its claims or a refusal. It
// never returns a claim of an unproved token, nor contacts an address that the
// Rule does not name. The rules are those of OpenID Connect Core 1.0 section
// 3.1.3.7, RFC 7519 and RFC 8725, or the Amazon Cognito developer guide's where
// they are narrower. Start reading at Verify: token.go (form and header),
// claims.go, keyset.go (which keys), signature.go.
package idtoken

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// Skew is the tolerated clock difference (Cognito developer guide, "Open
// ID Connect providers").
const Skew = 5 * time.Minute

// Verifier verifies tokens, and remembers the keys of their providers. It is safe
// for concurrent use.
type Verifier struct {
	client *outbound.Client
	now    func() time.Time

	discoveries *outbound.Bounded[discoveryKey, *outbound.Published[string]] // cache: discovery documents
	keySets     *outbound.Bounded[keySetKey, *keySet]                        // cache: key sets
	own         *lru.Cache[[sha256.Size]byte, *keys]                         // cache: own key sets; by their text
	proved      *lru.Cache[proof, struct{}]                                  // cache: proofs
}

// New returns a Verifier that asks providers through client.
func New(client *outbound.Client, now func() time.Time) *Verifier {
	// lru.New fails only for sizes below 1.
	proved, _ := lru.New[proof, struct{}](maxProved)
	own, _ := lru.New[[sha256.Size]byte, *keys](maxOwnKeySets)

	return &Verifier{
		client:      client,
		now:         now,
		discoveries: outbound.NewBounded[discoveryKey, *outbound.Published[string]](outbound.MaxHosts),
		keySets:     outbound.NewBounded[keySetKey, *keySet](outbound.MaxHosts),
		own:         own,
		proved:      proved,
	}
}

// Forget drops all documents of providers, and which tokens they proved.
func (v *Verifier) Forget() {
	v.discoveries.Clear()
	v.keySets.Clear()
	v.own.Purge()
	v.proved.Purge()
}

// Verify proves an OpenID Connect ID token by a rule, which it neither keeps nor
// changes. It returns *Refused if the token is bad and *Unavailable if the
// provider could not be asked; both are also added to the context's explain.Trace.
//
// The checks that need no key come first, so that a token of another issuer or
// client, or an expired one, causes no request to the provider.
func (v *Verifier) Verify(ctx context.Context, rule *Rule, token string) (Claims, error) {
	j := &judge{rule: rule, trace: explain.FromContext(ctx)}
	t, refused := j.parse(token)
	if refused != nil {
		return Claims{}, refused
	}

	now := v.now()

	claims, refused := j.judgeClaims(t.claims, now, Skew)
	if refused != nil {
		return Claims{}, refused
	}

	if err := j.signature(&t, v.proveSignature(ctx, rule, now, &t)); err != nil {
		return Claims{}, err
	}
	if refused := j.readRest(&t, &claims); refused != nil {
		return Claims{}, refused
	}

	return claims, nil
}

// signature judges the result of proveSignature.
func (j *judge) signature(t *idToken, err error) error {
	switch {
	case err == nil:
		if j.trace != nil {
			j.pass("token signature", t.algorithm+" "+explain.ShownText(t.keyID))
		}
		return nil
	case errors.Is(err, errUnknownKey) && j.rule.OwnKeys != nil:
		return j.refuse(signingKeyFormer.With("provider", j.rule.Provider, "id", explain.ShownText(t.keyID)))
	case errors.Is(err, errUnknownKey):
		return j.refuse(signingKeyUnknown.With(
			"id", explain.ShownText(t.keyID),
			"period", refetchPeriod.String(),
		))
	case errors.Is(err, errUnfitKey):
		return j.refuse(signingKeyUnfit.With("algorithm", t.algorithm))
	case errors.Is(err, errBadSignature):
		return j.refuse(tokenSignature.With("algorithm", t.algorithm))
	default:
		return j.unavailable(err)
	}
}

// unavailable records that the provider could not be asked.
func (j *judge) unavailable(err error) *Unavailable {
	told := outbound.Told(err)
	fix := cmp.Or(outbound.FixOf(told), "try again; check that the provider is reachable from this server")

	return &Unavailable{
		Provider: j.rule.Provider,
		Cause:    err,
		Refusal: j.trace.Refuse(providerKeys.With(
			"issuer", explain.ShownText(j.rule.Issuers[0]),
			"problem", told.Error(),
			"fix", fix,
		)),
	}
}
