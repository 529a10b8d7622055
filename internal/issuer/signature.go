package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"math/big"
	"time"
)

// halfSize is the size of each of the two numbers in a signature of a curve, in bytes
// (RFC 7518, section 3.4).
func halfSize(curve elliptic.Curve) int { return (curve.Params().BitSize + 7) / 8 }

var rsaSigners = newSigners(time.Now) // one for the process, because its keys share the processors

// sign returns the signature over input (RFC 7518, sections 3.3 and 3.4).
func (k *key) sign(input []byte) ([]byte, error) {
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		hash, digest := k.digest(input)
		return rsaSigners.sign(private, hash, digest)
	case *ecdsa.PrivateKey:
		_, digest := k.digest(input)
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			return nil, err
		}

		half := halfSize(private.Curve)
		signature := make([]byte, 2*half)
		r.FillBytes(signature[:half])
		s.FillBytes(signature[half:])

		return signature, nil
	default:
		return nil, errors.New("the key no longer signs")
	}
}

// verify checks a signature over input with the key's own algorithm only.
func (k *key) verify(input, signature []byte) bool {
	hash, digest := k.digest(input)
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		half := halfSize(public.Curve)
		if len(signature) != 2*half {
			return false
		}

		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		return ecdsa.Verify(public, digest, r, s)
	default:
		return false
	}
}

func (k *key) digest(input []byte) (crypto.Hash, []byte) {
	switch k.row.Algorithm {
	case RS512:
		sum := sha512.Sum512(input)
		return crypto.SHA512, sum[:]
	case ES384:
		sum := sha512.Sum384(input)
		return crypto.SHA384, sum[:]
	default:
		sum := sha256.Sum256(input)
		return crypto.SHA256, sum[:]
	}
}
