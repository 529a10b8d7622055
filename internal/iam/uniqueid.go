package iam

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
)

// Prefixes of unique IDs (IAM User Guide, "Understanding unique ID prefixes").
const (
	roleIDPrefix    = "AROA"
	userIDPrefix    = "AIDA"
	policyIDPrefix  = "ANPA"
	samlIDPrefix    = "ASMP"
	accessKeyPrefix = "AKIA"
)

// SessionPrefix begins the IDs of temporary access keys.
const SessionPrefix = "ASIA"

// uniqueID derives an ID from the resource's ARN or name. It is not stored, and it is
// the same after restarts and on all nodes.
func uniqueID(prefix, of string) string {
	sum := sha256.Sum256([]byte(prefix + "\x00" + of))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

// newUniqueID returns prefix and 17 random characters of A-Z, 2-7: a resource that is
// deleted and made again is another one.
func newUniqueID(prefix string) string {
	var b [11]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return prefix + base32.StdEncoding.EncodeToString(b[:])[:17]
}

// newAccessKeyID returns AKIA and 16 random characters of A-Z, 2-7.
func newAccessKeyID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return accessKeyPrefix + base32.StdEncoding.EncodeToString(b[:])
}

// newSecret returns 40 random characters of the base64 alphabet: 240 bits.
func newSecret() string {
	var b [30]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
