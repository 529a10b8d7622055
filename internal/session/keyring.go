package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	keyPurpose   = "session"
	keyAlgorithm = "AES-256-GCM+HKDF-SHA256"
	keyBytes     = 32
	keyIDBytes   = 8
	nonceBytes   = 12
)

type keyID [keyIDBytes]byte

// sessionKey is a master key of sessions. Two keys are derived from it, so that knowing
// one does not reveal the other.
type sessionKey struct {
	id        keyID
	notBefore time.Time
	aead      cipher.AEAD // of session tokens
	secrets   sync.Pool   // of *deriver: of secret access keys
}

// deriver computes HMACs under one key. It is reused because setting up an HMAC costs as
// much as computing one.
type deriver struct {
	mac  hash.Hash
	text []byte
}

const secretBytes = 30 // 40 characters of base64

func newSessionKey(id keyID, notBefore time.Time, master []byte) (*sessionKey, error) {
	if len(master) != keyBytes {
		return nil, fmt.Errorf("has %d bytes, not %d", len(master), keyBytes)
	}

	encryption, err := hkdf.Key(sha256.New, master, nil, "poolhouse session token", keyBytes)
	if err != nil {
		return nil, err
	}
	secrets, err := hkdf.Key(sha256.New, master, nil, "poolhouse secret access key", keyBytes)
	if err != nil {
		return nil, err
	}

	block, err := aes.NewCipher(encryption)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}

	k := &sessionKey{id: id, notBefore: notBefore, aead: aead}
	k.secrets.New = func() any { return &deriver{mac: hmac.New(sha256.New, secrets)} }

	return k, nil
}

// secret derives the secret access key of an access key ID and a token's nonce:
// 40 characters. It is HKDF-Expand (RFC 5869, section 2.3) with the info
// "sk|ID|nonce", of which one block is enough.
func (k *sessionKey) secret(accessKeyID string, nonce []byte) string {
	d := k.secrets.Get().(*deriver)
	defer k.secrets.Put(d)

	d.text = append(append(append(d.text[:0], "sk|"...), accessKeyID...), '|')
	d.text = append(append(d.text, nonce...), 1)
	d.mac.Reset()
	d.mac.Write(d.text) // never fails (hash.Hash)
	d.text = d.mac.Sum(d.text[:0])

	var secret [40]byte
	base64.StdEncoding.Encode(secret[:], d.text[:secretBytes])

	return string(secret[:])
}

// keyring is an immutable set of session keys, oldest first.
type keyring struct {
	read time.Time // when the store held these keys, at the earliest
	keys []*sessionKey
	byID map[keyID]*sessionKey
}

// current returns the key to seal with.
func (r *keyring) current(now time.Time) *sessionKey {
	return r.keys[sealing(r.keys, func(k *sessionKey) time.Time { return k.notBefore }, now)]
}

// sealing returns the index of the key that seals, of keys in order of notBefore: the newest
// whose time has come. If the node's clock is so far behind that none has, it is the oldest,
// which every node knows.
func sealing[K any](keys []K, notBefore func(K) time.Time, now time.Time) int {
	for n := len(keys) - 1; n > 0; n-- {
		if !notBefore(keys[n]).After(now) {
			return n
		}
	}
	return 0
}

// SealPlace returns the place that a sealed session key is bound to, or false if the key
// has another purpose.
func SealPlace(r store.Key) (string, bool) { return sealedFor(r.ID), r.Purpose == keyPurpose }

func sealedFor(id string) string { return "session-key/" + id }

// newKeyring unseals the stored keys.
func newKeyring(stored []store.Key, sealer Sealer) (*keyring, error) {
	r := &keyring{byID: make(map[keyID]*sessionKey, len(stored))}
	for _, s := range stored {
		raw, err := hex.DecodeString(s.ID)
		if err != nil || len(raw) != keyIDBytes {
			return nil, fmt.Errorf("session key %q: its ID is not %d hexadecimal characters", s.ID, 2*keyIDBytes)
		}
		if s.Algorithm != keyAlgorithm {
			return nil, fmt.Errorf(
				"session key %s: unknown algorithm %q, written by another version", s.ID, s.Algorithm,
			)
		}

		master, err := sealer.Open(s.Sealed, sealedFor(s.ID))
		if err != nil {
			return nil, fmt.Errorf("session key %s cannot be unsealed: %w", s.ID, err)
		}
		k, err := newSessionKey(keyID(raw), s.NotBefore, master)
		if err != nil {
			return nil, fmt.Errorf("session key %s: %w", s.ID, err)
		}

		r.keys = append(r.keys, k)
		r.byID[k.id] = k
	}
	slices.SortStableFunc(r.keys, func(a, b *sessionKey) int { return a.notBefore.Compare(b.notBefore) })

	return r, nil
}

// rotation decides which keys should exist.
type rotation struct {
	every time.Duration // age at which a key is replaced
	// lead is how long a key is in the store before it seals: time for every
	// node to have read it, so that no node meets a token it cannot open.
	lead time.Duration
}

// keepMargin is how long a key outlives the last session that it may have sealed: for
// nodes that learn late of the next key, and for clocks that differ.
const keepMargin = time.Hour

// plan returns the keys that should exist at now, given those that exist, and whether
// that is a change. It is called again inside the store's transaction, so that nodes
// agree.
func (p rotation) plan(keys []store.Key, now time.Time, sealer Sealer) ([]store.Key, bool) {
	keys = slices.Clone(keys)
	sortKeys(keys)

	changed := false
	switch n := len(keys); {
	case n == 0:
		keys, changed = append(keys, generateKey(now, now, sealer)), true
	case !now.Before(keys[n-1].NotBefore.Add(p.every - p.lead)):
		keys, changed = append(keys, generateKey(now, now.Add(p.lead), sealer)), true
	}

	before := slices.Clone(keys)
	setEnds(keys)

	for n, k := range keys {
		changed = changed || !k.NotAfter.Equal(before[n].NotAfter)
	}
	kept := slices.DeleteFunc(keys, func(k store.Key) bool { return !k.NotAfter.IsZero() && now.After(k.NotAfter) })

	return kept, changed || len(kept) < len(before)
}

// setEnds sorts keys and sets how long each is kept: until the last session can have ended
// that it sealed before the next key took over. The newest key has no end.
func setEnds(keys []store.Key) {
	sortKeys(keys)

	for n := range keys {
		keys[n].NotAfter = time.Time{}
		if n+1 < len(keys) {
			keys[n].NotAfter = keys[n+1].NotBefore.Add(iam.MaxSession + keepMargin)
		}
	}
}

func generateKey(now, notBefore time.Time, sealer Sealer) store.Key {
	var id keyID
	var master [keyBytes]byte
	rand.Read(id[:]) // never fails (crypto/rand)
	rand.Read(master[:])
	name := hex.EncodeToString(id[:])

	// The store keeps milliseconds.
	return store.Key{
		Purpose:   keyPurpose,
		ID:        name,
		Algorithm: keyAlgorithm,
		Sealed:    sealer.Seal(master[:], sealedFor(name)),
		Created:   now.UTC().Truncate(time.Millisecond),
		NotBefore: notBefore.UTC().Truncate(time.Millisecond),
	}
}
