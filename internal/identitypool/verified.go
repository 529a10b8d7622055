package identitypool

import "time"

// VerifiedLogin is a login proved by its provider's own protocol.
type VerifiedLogin struct {
	Login
	// Audience is the client to which the credential was issued: azp if present,
	// else aud; the app ID for providers without audiences.
	Audience string
	// AMR holds the entries that this login adds to a token's amr claim after
	// "authenticated": the provider name, then provider:...:subject.
	AMR []string
	// MappingKey is the login's key in Pool.RoleMappings: the provider name, an
	// ARN, or "userpool:clientID".
	MappingKey string
	// Claims are the provider's claims, for role rules and principal tags.
	// Numbers are json.Number, arrays []any, objects map[string]any.
	Claims map[string]any
	// Roles are the ARNs of the roles that the provider offers the user (SAML's Role
	// attribute): nil if it does not mention roles.
	Roles []string
	// Checked means that the pool asks the provider whether the login still counts.
	Checked bool
	// Expires is the end of the credential's validity; zero if unknown.
	Expires time.Time
}
