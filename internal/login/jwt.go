package login

import (
	"context"
	"crypto/rsa"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// verifyIDToken proves an OpenID Connect ID token. Whatever the token can be
// refused for without its provider's keys comes first, so that a token of
// another issuer or client, or an expired one, sends no packet.
func (v *Verifier) verifyIDToken(ctx context.Context, trust Trust, token string) (Claims, error) {
	j := &judge{trust: &trust, trace: explain.FromContext(ctx)}
	t, refused := j.parse(token)
	if refused != nil {
		return Claims{}, refused
	}
	now := v.now()
	claims, refused := j.judgeClaims(t.claims, now, v.o.Skew)
	if refused != nil {
		return Claims{}, refused
	}
	switch err := v.proveSignature(ctx, &trust, now, &t); {
	case err == nil:
		if j.trace != nil {
			j.pass("token signature", t.algorithm+" "+explain.ShownText(t.keyID))
		}
		if refused := j.readRest(&t, &claims); refused != nil {
			return Claims{}, refused
		}
		return claims, nil
	case errors.Is(err, errUnknownKey):
		return Claims{}, j.refuse(signingKeyUnknown.With("id", explain.ShownText(t.keyID), "period", v.o.RefetchPeriod.String()))
	case errors.Is(err, errUnfitKey):
		return Claims{}, j.refuse(signingKeyUnfit.With("algorithm", t.algorithm))
	case errors.Is(err, errBadSignature):
		return Claims{}, j.refuse(tokenSignature.With("algorithm", t.algorithm))
	default:
		return Claims{}, j.unavailable(err)
	}
}

// unavailable records that the provider could not be asked.
func (j *judge) unavailable(err error) *Unavailable {
	fix := "try again; check that the provider is reachable from this server"
	var failed *fetchError
	if errors.As(err, &failed) {
		fix = failed.fix
	}

	return &Unavailable{
		Provider: j.trust.Provider,
		Cause:    err,
		Refusal: j.trace.Refuse(providerKeys.With(
			"issuer", explain.ShownText(j.trust.Issuers[0]), "problem", err.Error(), "fix", fix,
		)),
	}
}

// prove checks the signature with the key that the token names.
func (k *keys) prove(t *idToken) error {
	fitting, published := k.find(t.keyID, t.algorithm)
	switch {
	case !published:
		return errUnknownKey
	case len(fitting) == 0:
		return errUnfitKey
	}
	for _, candidate := range fitting {
		if t.signedBy(candidate.key) == nil {
			return nil
		}
	}
	return errBadSignature
}

// signedBy checks the signature with a key that fits the token's algorithm. RSA's
// is checked without the JOSE library, which takes a salt of any length
// (RFC 7518 section 3.5 wants the digest's) and reads the token once more.
func (t *idToken) signedBy(key any) error {
	public, isRSA := key.(*rsa.PublicKey)
	if !isRSA {
		signed, err := jose.ParseSignedCompact(t.text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.algorithm)})
		if err == nil {
			_, err = signed.Verify(key)
		}
		return err
	}
	algorithm := algorithms[t.algorithm]
	if algorithm.hash == 0 {
		return errUnfitKey
	}
	h := algorithm.hash.New()
	h.Write([]byte(t.text[:strings.LastIndexByte(t.text, '.')]))
	if algorithm.salted {
		return rsa.VerifyPSS(public, algorithm.hash, h.Sum(nil), t.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	return rsa.VerifyPKCS1v15(public, algorithm.hash, h.Sum(nil), t.signature)
}
