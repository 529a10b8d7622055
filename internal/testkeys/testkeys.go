// Package testkeys knows the RSA keys that package poolhousetest gives to servers for tests. Their private
// halves are in the source, for everybody to read, so no other server may use them. Start at Maker.
package testkeys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"errors"
	"strings"
)

const bits = 2048 // of each key

// ErrPublished means that somebody who keeps data for others would use a key that is published for tests.
var ErrPublished = errors.New("a test key of package poolhousetest, whose private half everybody can read")

// fingerprints has the Fingerprint of each key, one a line. TestFingerprints of poolhousetest writes it.
//
//go:embed fingerprints.txt
var fingerprints string

// known has the fingerprints of the keys.
var known = func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(fingerprints) {
		all[strings.TrimSpace(line)] = true
	}
	return all
}()

// Fingerprint returns the SHA-256 of a public key's SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7) in
// hexadecimal digits; "" if the key is of no type that has one.
func Fingerprint(public crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)

	return hex.EncodeToString(sum[:])
}

// Maker makes the RSA keys of a server. The zero value generates each, and refuses the test keys. Any other
// value is a function that gives out test keys; it is for servers that keep their data in memory.
type Maker func() (*rsa.PrivateKey, error)

// New returns a key of 2048 bits. With test keys it takes microseconds, without them up to seconds.
func (m Maker) New() (*rsa.PrivateKey, error) {
	if m == nil {
		return rsa.GenerateKey(rand.Reader, bits)
	}
	return m()
}

// Check refuses a stored key that only a server with test keys may use. Error: ErrPublished.
func (m Maker) Check(public crypto.PublicKey) error {
	if m == nil {
		return Check(public)
	}
	return nil
}

// Check refuses all test keys. Error: ErrPublished.
func Check(public crypto.PublicKey) error {
	if known[Fingerprint(public)] {
		return ErrPublished
	}
	return nil
}
