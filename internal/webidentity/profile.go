package webidentity

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// maxLifetime is the longest life of a web identity token (API model,
// webIdentityTokenDurationSecondsType).
const maxLifetime = time.Hour

// Algorithms lists the algorithms that can sign web identity tokens, the default of verifiers
// first (STS API reference, GetWebIdentityToken).
var Algorithms = []string{issuer.RS256, issuer.ES384}

// jwksPath is the path of the keys below an issuer (IAM API reference,
// EnableOutboundWebIdentityFederation).
const jwksPath = "/.well-known/jwks.json"

// purpose begins the names of the issuers' keys in the store. The ID of the issuer follows.
const purpose = "web-identity/"

// Profile returns what an issuer with an ID, a UUID, has of its own.
func Profile(id string) (issuer.Profile, error) {
	if err := uuid.Validate(id); err != nil { // it begins key IDs
		return issuer.Profile{}, fmt.Errorf("the ID %q of an issuer is no UUID", id)
	}

	return issuer.Profile{
		Purpose:    purpose + id,
		Algorithms: Algorithms,
		KeyIDs:     keyIDs(id),
		TokenType:  "JWT", // AWS's
		Lifetime:   maxLifetime,
		JWKSPath:   jwksPath,
		Claims:     claims(),
		Refusal:    "Its tokens are the answers of sts:GetWebIdentityToken.",
	}, nil
}

// keyIDs returns the beginning of an issuer's key IDs: the 48 random bits at the end of its ID, so
// that a command can name a key without its account.
func keyIDs(id string) string { return id[strings.LastIndexByte(id, '-')+1:] + "-" }

// claims returns the names of the claims, as payload has them.
func claims() (names []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[payload]()) {
		names = append(names, field.Tag.Get("json"))
	}
	return names
}

// SealPlace returns the place that the sealed private half of a key of these issuers is bound to, or
// false if the key has another purpose.
func SealPlace(r store.Key) (string, bool) {
	place, _ := issuer.SealPlace(r)
	return place, strings.HasPrefix(r.Purpose, purpose)
}
