package identitypool

import "time"

// VerifiedLogin is a login proved by its provider's own protocol.
type VerifiedLogin struct {
	Login
	// Audience is the client the credential was issued to: azp when present,
	// else aud; the app ID for providers without audiences.
	Audience string
	// AMR holds the entries this login adds to a token's amr claim after
	// "authenticated": the provider name, then provider:...:subject.
	AMR []string
	// MappingKey is the login's key in Pool.RoleMappings: the provider name, an
	// ARN, or "userpool:clientID".
	MappingKey string
	// Claims are the provider's claims, for role rules and principal tags.
	// Numbers are json.Number, arrays []any, objects map[string]any.
	Claims map[string]any
	// Roles are the ARNs of the roles that the provider itself offers the user
	// (SAML's Role attribute): nil when it says nothing of roles.
	Roles []string
	// Expires is when the credential stops being valid; zero when unknown.
	Expires time.Time
}
