package issuer

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxWebIdentityLifetime is the longest life of a web identity token (API model,
// webIdentityTokenDurationSecondsType).
const MaxWebIdentityLifetime = time.Hour

// WebIdentityAlgorithms lists the algorithms that can sign web identity tokens, the default
// of verifiers first (STS API reference, GetWebIdentityToken).
var WebIdentityAlgorithms = []string{RS256, ES384}

// profile has what differs between the issuer of Cognito tokens and those of web identity
// tokens. Everything else, such as rotation, is the same.
type profile struct {
	purpose    string   // of the keys in the store; no two issuers share one
	algorithms []string // that sign, the default first
	keyIDs     string   // the beginning of key IDs; a number and a hash follow
	tokenType  string   // typ of the header
	lifetime   time.Duration
	jwksPath   string
	claims     []string // that the discovery document lists
	refusal    string   // of the endpoint at which users of other issuers sign in
}

// cognito is the profile of the issuer of Cognito tokens.
func cognito(region string) profile {
	return profile{
		purpose:    purpose,
		algorithms: Algorithms,
		keyIDs:     region,
		tokenType:  "JWS", // AWS's
		lifetime:   MaxTokenLifetime,
		jwksPath:   JWKSPath,
		claims:     []string{"sub", "aud", "amr", claimTags, "iss", claimPoolARN, "exp", "iat"},
		refusal:    "Its tokens are the answers of GetOpenIdToken and GetOpenIdTokenForDeveloperIdentity.",
	}
}

// purpose names the signing keys of Cognito tokens in the store.
const purpose = "signing"

// KeyPurpose is purpose, for whoever keeps the keys while the rest of the data is deleted.
const KeyPurpose = purpose

// webIdentityPurpose is followed by the ID of the issuer.
const webIdentityPurpose = "web-identity/"

// ClaimWebIdentity holds the facts about the caller in a web identity token.
const ClaimWebIdentity = "https://sts.amazonaws.com/"

// webIdentity is the profile of the issuer of web identity tokens with an ID.
func webIdentity(id string) profile {
	return profile{
		purpose:    webIdentityPurpose + id,
		algorithms: WebIdentityAlgorithms,
		keyIDs:     webIdentityKeyIDs(id),
		tokenType:  "JWT", // AWS's
		lifetime:   MaxWebIdentityLifetime,
		jwksPath:   WebIdentityJWKSPath,
		claims:     []string{"aud", "sub", ClaimWebIdentity, "iss", "exp", "iat", "jti"},
		refusal:    "Its tokens are the answers of sts:GetWebIdentityToken.",
	}
}

// webIdentityKeyIDs returns the beginning of an issuer's key IDs: the 48 random bits at the end
// of its ID, so that a command can name a key without its account.
func webIdentityKeyIDs(id string) string {
	return id[strings.LastIndexByte(id, '-')+1:] + "-"
}

// profile returns the profile that the options ask for.
func (o *Options) profile() profile {
	if o.WebIdentity != "" {
		return webIdentity(o.WebIdentity)
	}
	return cognito(o.Region)
}

// ordered returns the profile's algorithms, with one of them first.
func (p profile) ordered(first string) []string {
	order := []string{first}
	for _, algorithm := range p.algorithms {
		if algorithm != first {
			order = append(order, algorithm)
		}
	}

	return order
}

// unknown reports an algorithm that the profile does not have.
func (p profile) unknown(algorithm string) error {
	return fmt.Errorf("token algorithm %q is not known: use %s", algorithm, strings.Join(p.algorithms, ", "))
}

// missing lists the algorithms that have no key to sign with, now or later.
func (p profile) missing(keys []*key) []string {
	var absent []string
	for _, algorithm := range p.algorithms {
		if !slices.ContainsFunc(keys, func(k *key) bool {
			return k.row.Algorithm == algorithm && k.row.NotAfter.IsZero() && !k.withdrawn()
		}) {
			absent = append(absent, algorithm)
		}
	}

	return absent
}
