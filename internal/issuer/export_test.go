package issuer

import (
	"context"
	"crypto"
	"encoding/base64"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// SetGenerate replaces the making of private keys.
func (o *Options) SetGenerate(generate func(algorithm string) (crypto.Signer, error)) {
	o.generate = generate
}

// NumberKeys leaves the hash out of the IDs of new keys, as versions before it did.
func (o *Options) NumberKeys() {
	o.idSuffix = func(crypto.PublicKey) (string, error) { return "", nil }
}

// HashKeys undoes NumberKeys.
func (o *Options) HashKeys() { o.idSuffix = idSuffix }

// OwnSigners has what follows in a test sign on threads of the test alone: goroutines
// in a bubble of testing/synctest may not wait for others. restore ends that.
func OwnSigners() (restore func()) {
	before := rsaSigners
	rsaSigners = newSigners(time.Now)
	return func() { rsaSigners = before }
}

// SignAny signs any payload as if it were a token's.
func (i *Issuer) SignAny(ctx context.Context, algorithm, payload string) (string, error) {
	now := i.options.Now()
	set, err := i.current(ctx, now)
	if err != nil {
		return "", err
	}
	k := set.signer(algorithm, now)
	input := k.header + base64.RawURLEncoding.EncodeToString([]byte(payload))
	signature, err := k.sign([]byte(input))

	return input + "." + base64.RawURLEncoding.EncodeToString(signature), err
}

// ReadClaims and AppendClaims are the two directions of a token's payload.
func (i *Issuer) ReadClaims(payload []byte) (Claims, error) { return i.readClaims(payload) }

// AppendClaims is the other direction.
func (i *Issuer) AppendClaims(c Claims) ([]byte, error) { return i.appendClaims(nil, c) }

// SealedFor is the place that a row's private key is bound to.
func SealedFor(r store.Key) string { return sealedFor(r) }

// Generate makes a private key as New does when no test interferes.
func Generate(algorithm string) (crypto.Signer, error) { return generate(algorithm, nil) }
