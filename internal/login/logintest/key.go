package logintest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Key signs tokens with one algorithm.
type Key struct {
	ID        string
	Algorithm jose.SignatureAlgorithm
	Private   crypto.Signer
	tb        testing.TB
}

var keyCount atomic.Int64

// NewKey returns a key for algorithm. It differs from every other key that a running
// test holds.
func NewKey(tb testing.TB, algorithm jose.SignatureAlgorithm) *Key {
	tb.Helper()

	k := &Key{ID: fmt.Sprintf("key-%d", keyCount.Add(1)), Algorithm: algorithm, tb: tb}
	var err error
	switch algorithm {
	case jose.ES256:
		k.Private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		k.Private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.ES512:
		k.Private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jose.EdDSA:
		_, k.Private, err = ed25519.GenerateKey(rand.Reader)
	default:
		k.Private, err = rsaKeys.take(tb)
	}

	if err != nil {
		tb.Fatalf("logintest: key: %v", err)
	}

	return k
}

// rsaKeys lends RSA keys to tests: making one is slow, and two tests that run at the
// same time need different ones.
var rsaKeys lender

type lender struct {
	mu   sync.Mutex
	idle []*rsa.PrivateKey
}

func (l *lender) take(tb testing.TB) (*rsa.PrivateKey, error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if len(l.idle) == 0 {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		l.idle = append(l.idle, k)
	}
	k := l.idle[len(l.idle)-1]
	l.idle = l.idle[:len(l.idle)-1]
	tb.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()

		l.idle = append(l.idle, k)
	})

	return k, nil
}

// Public returns the published form of the key.
func (k *Key) Public() jose.JSONWebKey {
	return jose.JSONWebKey{
		Key:       k.Private.Public(),
		KeyID:     k.ID,
		Algorithm: string(k.Algorithm),
		Use:       "sig",
	}
}

// Sign returns payload as a compact JWS. The default header parameters are alg, kid
// and typ ("JWT"); one given as nil is left out, and alg may be given to lie about
// the algorithm.
func (k *Key) Sign(header map[string]any, payload []byte) string {
	k.tb.Helper()

	all := map[string]any{"alg": string(k.Algorithm), "kid": k.ID, "typ": "JWT"}
	maps.Copy(all, header)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })

	text, err := json.Marshal(all)
	if err != nil {
		k.tb.Fatalf("logintest: header: %v", err)
	}

	return k.SignRaw(text, payload)
}

// SignRaw signs a header and a payload without change, JSON or not.
func (k *Key) SignRaw(header, payload []byte) string {
	k.tb.Helper()

	encode := base64.RawURLEncoding.EncodeToString
	signed := encode(header) + "." + encode(payload)
	signature, err := k.signature([]byte(signed))
	if err != nil {
		k.tb.Fatalf("logintest: sign: %v", err)
	}

	return signed + "." + encode(signature)
}

func (k *Key) signature(signed []byte) ([]byte, error) {
	hash := map[jose.SignatureAlgorithm]crypto.Hash{
		jose.RS256: crypto.SHA256, jose.PS256: crypto.SHA256, jose.ES256: crypto.SHA256,
		jose.RS384: crypto.SHA384, jose.PS384: crypto.SHA384, jose.ES384: crypto.SHA384,
		jose.RS512: crypto.SHA512, jose.PS512: crypto.SHA512, jose.ES512: crypto.SHA512,
	}[k.Algorithm]
	if k.Algorithm == jose.EdDSA {
		return k.Private.Sign(rand.Reader, signed, crypto.Hash(0))
	}

	h := hash.New()
	h.Write(signed)
	digest := h.Sum(nil)

	switch private := k.Private.(type) {
	case *ecdsa.PrivateKey: // RFC 7518 3.4: R and S of the curve's size, joined
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			return nil, err
		}
		size := (private.Curve.Params().BitSize + 7) / 8
		signature := make([]byte, 2*size)
		r.FillBytes(signature[:size])
		s.FillBytes(signature[size:])

		return signature, nil
	default:
		if k.Algorithm[0] == 'P' {
			return k.Private.Sign(rand.Reader, digest, &rsa.PSSOptions{
				SaltLength: rsa.PSSSaltLengthEqualsHash,
				Hash:       hash,
			})
		}

		return k.Private.Sign(rand.Reader, digest, hash)
	}
}
