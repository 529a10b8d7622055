package idtoken

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// maxProved bounds the number of remembered signatures, at about 150 bytes each.
const maxProved = 16384

// proof names a token, by its SHA-256, and the fetched keys that proved its signature.
type proof struct {
	keys  *keys
	token [sha256.Size]byte
}

// prove runs keys.prove once for each token: clients present the same token to
// GetId, then to GetCredentialsForIdentity, then at each renewal. After keys are
// fetched again, every token is proved again, so that a withdrawn key has no
// lasting effect. The claims, above all the times, are judged at every use.
func (v *Verifier) prove(k *keys, t *idToken) error {
	this := proof{keys: k, token: sha256.Sum256([]byte(t.text))}
	if _, done := v.proved.Get(this); done {
		return nil
	}
	err := k.prove(t)
	if err == nil {
		v.proved.Add(this, struct{}{})
	}

	return err
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

// signedBy checks the signature with a key that fits the token's algorithm. RSA
// signatures are checked without the JOSE library, which accepts a salt of any
// length (RFC 7518 section 3.5 requires the digest's) and parses the token again.
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
		return rsa.VerifyPSS(public, algorithm.hash, h.Sum(nil), t.signature, &rsa.PSSOptions{
			SaltLength: rsa.PSSSaltLengthEqualsHash,
		})
	}

	return rsa.VerifyPKCS1v15(public, algorithm.hash, h.Sum(nil), t.signature)
}

// maxSameID bounds the keys that one signature is tried with.
const maxSameID = 4

// find returns the keys that may verify a token, and whether the provider
// publishes its key ID at all. A token without key ID gets a key only if exactly
// one fits.
func (k *keys) find(id, algorithm string) (fitting []publicKey, published bool) {
	candidates, published := k.byID[id], true
	if id == "" {
		candidates = k.all
	} else if len(candidates) == 0 {
		return nil, false
	}

	for i, c := range candidates {
		if !c.fits(algorithm) {
			continue
		}
		if fitting == nil && i == len(candidates)-1 {
			return candidates[i : i+1 : i+1], published // the usual case allocates nothing
		}
		fitting = append(fitting, c)
	}
	if id == "" && len(fitting) > 1 || len(fitting) > maxSameID {
		return nil, published
	}

	return fitting, published
}

// fits reports whether the key may verify a signature of algorithm.
func (k publicKey) fits(algorithm string) bool {
	need, known := algorithms[algorithm]
	if !known || k.kty != need.kty || k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	ec, isEC := k.key.(*ecdsa.PublicKey)
	return !isEC || ec.Curve == need.curve
}
