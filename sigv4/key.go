package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// SigningKey is the key of one access key for one day, region and service. Its holder can check, and make, signatures
// of that scope and of no other: the secret does not follow from it.
type SigningKey [sha256.Size]byte

// DeriveSigningKey derives the signing key of a secret access key for a date (YYYYMMDD), region and service.
func DeriveSigningKey(secret, date, region, service string) SigningKey {
	return deriveKey(secret, Scope{Date: date, Region: region, Service: service, terminator: terminator})
}

// String hides the key.
func (SigningKey) String() string { return redacted }

// GoString hides the key.
func (SigningKey) GoString() string { return redacted }

// deriveKey computes the signing key from the secret, by a chain of HMACs.
func deriveKey(secret string, s Scope) SigningKey {
	k := SigningKey(sum([]byte("AWS4"+secret), s.Date))
	k = sum(k[:], s.Region)
	k = sum(k[:], s.Service)
	return sum(k[:], s.terminator)
}

// sum computes HMAC-SHA256 (RFC 2104) in two calls of the hash, without the allocations of crypto/hmac: a verifier
// spends most of its time on HMACs.
func sum(key []byte, data string) [sha256.Size]byte {
	var block [sha256.BlockSize]byte
	if len(key) > len(block) {
		short := sha256.Sum256(key)
		key = short[:]
	}
	copy(block[:], key)

	for i := range block {
		block[i] ^= 0x36
	}

	inner := make([]byte, 0, 512) // on the stack: a string to sign has about 150 bytes
	inner = append(append(inner, block[:]...), data...)
	first := sha256.Sum256(inner)

	var outer [sha256.BlockSize + sha256.Size]byte
	for i := range block {
		outer[i] = block[i] ^ 0x36 ^ 0x5c
	}
	copy(outer[sha256.BlockSize:], first[:])

	return sha256.Sum256(outer[:])
}

// sign returns the signature of a string to sign, in hexadecimal.
func (k SigningKey) sign(stringToSign string) []byte {
	mac := sum(k[:], stringToSign)
	return hex.AppendEncode(nil, mac[:])
}

// keyID identifies a derived key by a hash of all its inputs. The secret is one, so the key of a replaced secret is
// never found again. The size of the hash does not depend on the request.
type keyID [sha256.Size]byte

func newKeyID(secret string, s Scope) keyID {
	h := sha256.New()
	for _, part := range []string{secret, s.AccessKeyID, s.Date, s.Region, s.Service} {
		n := sha256.Sum256([]byte(part)) // fixed length: two lists of parts cannot run together
		h.Write(n[:])
	}

	var id keyID
	h.Sum(id[:0])

	return id
}

// keysPerGeneration bounds the cache: two generations of 64-byte entries, some 200 KiB.
const keysPerGeneration = 1024

// keyCache keeps derived signing keys in two generations. When the young one is full it replaces the old one. A key of
// the old generation moves to the young one when it is used. So keys in use stay, and others go, cheaply.
//
// cache: derived keys
type keyCache struct {
	mu         sync.Mutex
	young, old map[keyID]SigningKey
}

func (c *keyCache) get(id keyID) (SigningKey, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()

	k, ok := c.young[id]
	if !ok {
		if k, ok = c.old[id]; ok {
			c.add(id, k)
		}
	}

	return k, ok
}

func (c *keyCache) put(id keyID, k SigningKey) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.add(id, k)
}

func (c *keyCache) add(id keyID, k SigningKey) {
	if c.young == nil || len(c.young) >= keysPerGeneration {
		c.old, c.young = c.young, make(map[keyID]SigningKey)
	}
	c.young[id] = k
}
