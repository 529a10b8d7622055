package saml

import (
	"slices"
	"strings"
)

// Unrecorded stands, among PreviousEntityIDs, for the unknown identity provider of
// logins that were stored before entity IDs were. It is not a URI, so no provider
// has it as its entity ID.
const Unrecorded = "unrecorded"

// scopeSeparator cannot be in an entity ID or a qualifier: both are printable.
const scopeSeparator = "\n"

// scope returns the namespace in which a NameID is unique: the identity provider's
// entity ID, and the NameID's qualifiers if they differ from their defaults.
//
// By SAML Core 8.3.7 and 8.3.8, NameQualifier (the identity provider that made the
// identifier) and SPNameQualifier (the service provider or affiliation for which it
// did) are parts of persistent and transient identifiers. They default to the
// assertion's issuer and its consumer, which is this server. In the other formats
// NameQualifier names the domain of the name (2.2.2): equal names of two domains
// are two people there too.
func (p *Provider) scope(nameQualifier, spNameQualifier string) string {
	if nameQualifier == p.EntityID || slices.Contains(p.PreviousEntityIDs, nameQualifier) {
		nameQualifier = ""
	}
	if p.acceptsAudience(spNameQualifier) {
		spNameQualifier = ""
	}
	if nameQualifier == "" && spNameQualifier == "" {
		return p.EntityID
	}

	return strings.Join([]string{p.EntityID, nameQualifier, spNameQualifier}, scopeSeparator)
}

// FormerScopes returns the scopes that a NameID of scope had under the provider's
// previous entity IDs.
func (p *Provider) FormerScopes(scope string) []string {
	_, qualifiers, qualified := strings.Cut(scope, scopeSeparator)
	var former []string
	for _, id := range p.PreviousEntityIDs {
		if qualified {
			id += scopeSeparator + qualifiers
		}
		former = append(former, id)
	}

	return former
}

// Is reports whether an entity ID is the provider's, now or before.
func (p *Provider) Is(entityID string) bool {
	return entityID == p.EntityID || slices.Contains(p.PreviousEntityIDs, entityID)
}

// EntityOf returns the entity ID of a scope.
func EntityOf(scope string) string {
	entityID, _, _ := strings.Cut(scope, scopeSeparator)
	return entityID
}

// plainEntityID reports whether text can be an entity ID.
func plainEntityID(text string) bool {
	return text != "" && len(text) <= maxEntityID && printable(text) && strings.TrimSpace(text) == text
}

// CheckPreviousEntityID reports whether text can be among PreviousEntityIDs.
func CheckPreviousEntityID(text string) bool { return plainEntityID(text) }
