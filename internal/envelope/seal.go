// Package envelope encrypts small secrets at rest under one master key: access-key secrets,
// signing keys, session keys, and the cursors of page tokens. Start at Sealer.
//
// A sealed value is
//
//	version (1 byte) | fingerprint of the master key (8) | nonce (12) | AES-256-GCM ciphertext and tag
//
// The additional data binds a value to its place, so that a row copied over another does not
// open.
//
// Nonces are random: with 2^32 values per master key, the chance of a repeated nonce is below
// 2^-32 (NIST SP 800-38D, section 8.3).
package envelope

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// KeySize is the length of a master key in bytes.
const KeySize = 32

// Refusals to open a value.
var (
	// ErrWrongKey means that the value was sealed under another master key.
	ErrWrongKey = errors.New("sealed under another master key")
	// ErrCorrupt means that the value was altered, cut short, or belongs elsewhere.
	ErrCorrupt = errors.New("sealed value is corrupt")
)

const (
	version         = 1
	fingerprintSize = 8
	headerSize      = 1 + fingerprintSize
	nonceSize       = 12
	tagSize         = 16
)

// Sealer seals and opens values under one master key. It is safe for concurrent use.
type Sealer struct {
	header []byte
	aead   cipher.AEAD
}

// New returns a Sealer for a master key of KeySize random bytes.
func New(masterKey []byte) (*Sealer, error) {
	if len(masterKey) != KeySize {
		return nil, fmt.Errorf("the master key has %d bytes, want %d", len(masterKey), KeySize)
	}

	block, err := aes.NewCipher(masterKey)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte("poolhouse master key\x00"), masterKey...))

	return &Sealer{header: append([]byte{version}, sum[:fingerprintSize]...), aead: aead}, nil
}

// KeyID returns a fingerprint of the master key, safe to log.
func (s *Sealer) KeyID() string { return hex.EncodeToString(s.header[1:]) }

// Seal encrypts plain for the place that aad names, e.g. "signing-key/KID".
func (s *Sealer) Seal(plain []byte, aad string) []byte {
	sealed := make([]byte, headerSize+nonceSize, headerSize+nonceSize+len(plain)+tagSize)
	copy(sealed, s.header)
	nonce := sealed[headerSize:]
	rand.Read(nonce) // never fails (crypto/rand)
	return s.aead.Seal(sealed, nonce, plain, s.additional(aad))
}

// Owns reports whether sealed was sealed under this master key. It compares only the
// fingerprint.
func (s *Sealer) Owns(sealed []byte) bool { return bytes.HasPrefix(sealed, s.header) }

// Open decrypts a value of Seal for the same aad. It returns ErrWrongKey or ErrCorrupt,
// wrapped with the place.
func (s *Sealer) Open(sealed []byte, aad string) ([]byte, error) {
	if len(sealed) < headerSize+nonceSize+tagSize || sealed[0] != version {
		return nil, fmt.Errorf("%s: %w", aad, ErrCorrupt)
	}
	if !bytes.Equal(sealed[:headerSize], s.header) {
		return nil, fmt.Errorf("%s: %w", aad, ErrWrongKey)
	}

	plain, err := s.aead.Open(nil, sealed[headerSize:headerSize+nonceSize], sealed[headerSize+nonceSize:],
		s.additional(aad))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", aad, ErrCorrupt)
	}

	return plain, nil
}

// SealText is like Seal, and returns the value as URL-safe base64, for page tokens, which clients send back.
func (s *Sealer) SealText(plain []byte, aad string) string {
	return base64.RawURLEncoding.EncodeToString(s.Seal(plain, aad))
}

// OpenText decrypts a text of SealText for the same aad. It returns the errors of Open, or a
// base64.CorruptInputError.
func (s *Sealer) OpenText(text, aad string) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, err
	}
	return s.Open(sealed, aad)
}

// additional returns the authenticated data. It includes the header, so that no bit of a
// sealed value can change unnoticed.
func (s *Sealer) additional(aad string) []byte {
	return append(bytes.Clone(s.header), aad...)
}

// ParseKey reads a master key written as standard base64, as in the key file.
func ParseKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != KeySize {
		// The error must not have the text: it may be a key with a typing error.
		return nil, fmt.Errorf("a master key is the base64 of %d random bytes (44 characters), "+
			"e.g. from `head -c %d /dev/urandom | base64`", KeySize, KeySize)
	}
	return key, nil
}
