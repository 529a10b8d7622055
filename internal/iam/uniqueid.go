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

// uniqueID derives an ID from what it stands for, so that it needs no place to
// be kept and stays the same across restarts and nodes.
func uniqueID(prefix, of string) string {
	sum := sha256.Sum256([]byte(prefix + "\x00" + of))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

// newUniqueID draws prefix and 17 characters of A-Z, 2-7: what is deleted and
// made anew is something else.
func newUniqueID(prefix string) string {
	var b [11]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return prefix + base32.StdEncoding.EncodeToString(b[:])[:17]
}

// newAccessKeyID draws AKIA and 16 characters of A-Z, 2-7.
func newAccessKeyID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return accessKeyPrefix + base32.StdEncoding.EncodeToString(b[:])
}

// newSecret draws 40 characters of the base64 alphabet: 240 bits.
func newSecret() string {
	var b [30]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
