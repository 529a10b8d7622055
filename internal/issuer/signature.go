package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"math/big"
	"time"
)

// es256Half is the size of each of the two numbers in an ES256 signature, in bytes
// (RFC 7518, section 3.4).
const es256Half = 32

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

		signature := make([]byte, 2*es256Half)
		r.FillBytes(signature[:es256Half])
		s.FillBytes(signature[es256Half:])

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
		if len(signature) != 2*es256Half {
			return false
		}

		r, s := new(big.Int).SetBytes(signature[:es256Half]), new(big.Int).SetBytes(signature[es256Half:])
		return ecdsa.Verify(public, digest, r, s)
	default:
		return false
	}
}

func (k *key) digest(input []byte) (crypto.Hash, []byte) {
	if k.row.Algorithm == RS512 {
		sum := sha512.Sum512(input)
		return crypto.SHA512, sum[:]
	}
	sum := sha256.Sum256(input)
	return crypto.SHA256, sum[:]
}
