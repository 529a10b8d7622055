package devuserpool

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/testkeys"
)

// errNoKey means that a pool has no key that signs.
var errNoKey = errors.New("the user pool has no signing key")

// newKey makes a key that signs a new pool's tokens. Its ID is made from the public key, so that
// nobody who has cached a key takes it for another.
func newKey(now time.Time, rsaKeys testkeys.Maker) (Key, error) {
	private, err := rsaKeys.New()
	if err != nil {
		return Key{}, fmt.Errorf("a signing key for a user pool: %w", err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("a signing key for a user pool: %w", err)
	}

	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&private.PublicKey))

	return Key{
		ID:      base64.RawURLEncoding.EncodeToString(sum[:]),
		Private: text,
		Created: now,
	}, nil
}

// private returns the key as it signs.
func (k Key) private() (*rsa.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("the signing key %s of a user pool: %w", k.ID, err)
	}
	private, isRSA := parsed.(*rsa.PrivateKey)
	if !isRSA {
		return nil, fmt.Errorf("the signing key %s of a user pool is no RSA key", k.ID)
	}

	return private, nil
}

// keySet returns the public keys of a pool as it publishes them (RFC 7517).
func (p *Pool) keySet() (jose.JSONWebKeySet, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range p.Keys {
		private, err := k.private()
		if err != nil {
			return set, err
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{
			Key:       &private.PublicKey,
			KeyID:     k.ID,
			Algorithm: string(jose.RS256),
			Use:       "sig",
		})
	}

	return set, nil
}

// signer returns a signer with the newest key of a pool.
func (p *Pool) signer() (jose.Signer, error) {
	if len(p.Keys) == 0 {
		return nil, fmt.Errorf("%s: %w", p.ID, errNoKey)
	}

	k := p.Keys[len(p.Keys)-1]
	private, err := k.private()
	if err != nil {
		return nil, err
	}

	key := jose.JSONWebKey{Key: private, KeyID: k.ID, Algorithm: string(jose.RS256)}

	return jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
}
