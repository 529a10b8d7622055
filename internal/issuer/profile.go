package issuer

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Profile has what differs between the issuer of Cognito tokens and others. Everything else, such as
// rotation, is the same.
type Profile struct {
	Purpose    string        // of the keys in the store; no two issuers share one
	Algorithms []string      // that sign, the default first
	KeyIDs     string        // the beginning of key IDs; a number and a hash follow
	TokenType  string        // typ of the header
	Lifetime   time.Duration // the longest of a token
	JWKSPath   string        // below the issuer's address
	Claims     []string      // that the discovery document lists
	Refusal    string        // of the endpoint at which users of other issuers sign in
}

// cognito is the profile of the issuer of Cognito tokens.
func cognito(region string) Profile {
	return Profile{
		Purpose:    purpose,
		Algorithms: Algorithms,
		KeyIDs:     region,
		TokenType:  "JWS", // AWS's
		Lifetime:   MaxTokenLifetime,
		JWKSPath:   JWKSPath,
		Claims:     []string{"sub", "aud", "amr", claimTags, "iss", claimPoolARN, "exp", "iat"},
		Refusal:    "Its tokens are the answers of GetOpenIdToken and GetOpenIdTokenForDeveloperIdentity.",
	}
}

// purpose names the signing keys of Cognito tokens in the store.
const purpose = "signing"

// KeyPurpose is purpose, for whoever keeps the keys while the rest of the data is deleted.
const KeyPurpose = purpose

// profile returns the profile that the options ask for.
func (o *Options) profile() Profile {
	if o.Profile != nil {
		return *o.Profile
	}
	return cognito(o.Region)
}

// ordered returns the profile's algorithms, with one of them first.
func (p Profile) ordered(first string) []string {
	order := []string{first}
	for _, algorithm := range p.Algorithms {
		if algorithm != first {
			order = append(order, algorithm)
		}
	}

	return order
}

// unknown reports an algorithm that the profile does not have.
func (p Profile) unknown(algorithm string) error {
	return fmt.Errorf("token algorithm %q is not known: use %s", algorithm, strings.Join(p.Algorithms, ", "))
}

// missing lists the algorithms that have no key to sign with, now or later.
func (p Profile) missing(keys []*key) []string {
	var absent []string
	for _, algorithm := range p.Algorithms {
		if !slices.ContainsFunc(keys, func(k *key) bool {
			return k.row.Algorithm == algorithm && k.row.NotAfter.IsZero() && !k.withdrawn()
		}) {
			absent = append(absent, algorithm)
		}
	}

	return absent
}
