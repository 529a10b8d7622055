// Package identitypool is the domain: identity pools, identities, logins, and the
// rules that decide which identity and which role a set of verified logins gets.
// It does no I/O and imports only explain of this module, so every rule can be
// tested as a function from values to values. Terms and rules follow the Amazon
// Cognito identity pools API (2014-06-30) and its developer guide; for rules that
// AWS does not document see docs/behaviour.md. Start reading at resolve.go (which
// identity) and role.go (which role).
package identitypool

import (
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// PoolID is an identity pool ID, "REGION:GUID".
type PoolID string

// IdentityID is an identity ID, "REGION:GUID".
type IdentityID string

// AccountID is a twelve-digit account number.
type AccountID string

// Sequence orders two kinds of events without the nodes' clocks: an account gets a
// pool's ID, and a trust policy is written. The event with the smaller number was
// first. 0 stands for events from before the numbering.
type Sequence int64

// Keys of Pool.Roles.
const (
	Authenticated   = "authenticated"
	Unauthenticated = "unauthenticated"
)

// Pool is an identity pool with its settings. Empty maps and slices mean "not
// configured". The tags name the members of the text in which the store keeps a
// pool's settings. That is a format: tags may be added, but not changed.
type Pool struct {
	ID      PoolID    `json:"-"`
	Account AccountID `json:"-"`
	Region  string    `json:"-"`
	Name    string    `json:"name"`

	AllowUnauthenticated bool `json:"allowUnauthenticated,omitzero"`
	// AllowClassicFlow has three states: nil (never set: the classic flow works
	// and the member is absent from responses), false (refused), true.
	AllowClassicFlow *bool `json:"allowClassicFlow,omitzero"`

	// SupportedLoginProviders maps provider names to application IDs.
	SupportedLoginProviders  map[string]string         `json:"supportedLoginProviders,omitempty"`
	DeveloperProviderName    string                    `json:"developerProviderName,omitzero"`
	OIDCProviderARNs         []string                  `json:"oidcProviderARNs,omitempty"`
	CognitoIdentityProviders []CognitoIdentityProvider `json:"cognitoIdentityProviders,omitempty"`
	SAMLProviderARNs         []string                  `json:"samlProviderARNs,omitempty"`
	Tags                     map[string]string         `json:"tags,omitempty"`

	// Roles maps Authenticated and Unauthenticated to role ARNs.
	Roles map[string]string `json:"roles,omitempty"`
	// RoleMappings has provider names, "userpool:clientID" and ARNs as keys.
	RoleMappings map[string]RoleMapping `json:"roleMappings,omitempty"`
	// PrincipalTags has provider names as keys.
	PrincipalTags map[string]PrincipalTagMap `json:"principalTags,omitempty"`

	// OwnedSince is the point at which the account first got the pool's ID. It stays
	// the same if the account deletes the pool and makes it again. The store sets it.
	OwnedSince Sequence `json:"-"`
	// Predecessor is the pool that had the ID before. The store sets it.
	Predecessor Predecessor `json:"-"`

	Created time.Time `json:"-"`
	Updated time.Time `json:"-"`
	Version int64     `json:"-"` // counts updates; the store compares and swaps on it
}

// ClassicFlow reports whether AllowClassicFlow allows applications to get tokens, and
// roles for them. MapsRoles can still close that flow.
func (p Pool) ClassicFlow() bool { return p.AllowClassicFlow == nil || *p.AllowClassicFlow }

// MapsRoles reports whether the pool has a role mapping, even of a provider that the
// pool no longer has. If so, the classic flow, in which the caller chooses the role,
// is closed to everybody (Cognito developer guide, "Using role-based access
// control").
func (p Pool) MapsRoles() bool { return len(p.RoleMappings) > 0 }

// MapsLogins reports whether a login of the pool can find a role mapping under key: a
// user pool's name with a client ID, another public provider's name, or the ARN of an
// OpenID Connect provider.
func (p Pool) MapsLogins(key string) bool {
	for _, client := range p.CognitoIdentityProviders {
		if key == client.ProviderName+":"+client.ClientID {
			return true
		}
	}

	switch p.Provider(key).Kind {
	case SocialProvider, OIDCProviderKind, SAMLProviderKind:
		return true
	default:
		return p.trustsIssuerOf(key)
	}
}

// trustsIssuerOf reports whether the OpenID Connect provider of this ARN proves logins
// of its issuer. A pool may list two providers of one issuer, of two accounts, but uses
// only the first.
func (p Pool) trustsIssuerOf(arn string) bool {
	_, kind, issuer, ok := ParseProviderARN(arn)
	return ok && kind == OIDCProvider && p.Provider(issuer).ARN == arn
}

// CognitoIdentityProvider is one user-pool app client that a pool trusts.
type CognitoIdentityProvider struct {
	ProviderName         string `json:"providerName"` // cognito-idp.REGION.amazonaws.com/USERPOOLID
	ClientID             string `json:"clientID"`
	ServerSideTokenCheck *bool  `json:"serverSideTokenCheck,omitzero"`
	// Given is the name that answers show if it was another: the local name of a user pool of
	// this server.
	Given string `json:"given,omitzero"`
}

// Values of RoleMapping.Type, RoleMapping.AmbiguousRoleResolution and Rule.MatchType.
const (
	MappingToken = "Token"
	MappingRules = "Rules"

	ResolveAuthenticatedRole = "AuthenticatedRole"
	ResolveDeny              = "Deny"

	MatchEquals     = "Equals"
	MatchContains   = "Contains"
	MatchStartsWith = "StartsWith"
	MatchNotEqual   = "NotEqual"
)

// RoleMapping holds the rules by which a provider's logins choose a role.
type RoleMapping struct {
	Type                    string `json:"type"`
	AmbiguousRoleResolution string `json:"ambiguousRoleResolution,omitzero"`
	Rules                   []Rule `json:"rules,omitempty"` // in order; the first match wins
	Given                   string `json:"given,omitzero"`  // the key that answers show if it was another
}

// Rule maps one claim to a role.
type Rule struct {
	Claim     string `json:"claim"`
	MatchType string `json:"matchType"`
	Value     string `json:"value"`
	RoleARN   string `json:"roleARN"`
}

// PrincipalTagMap maps a provider's claims to session tags.
type PrincipalTagMap struct {
	UseDefaults bool              `json:"useDefaults"`
	Tags        map[string]string `json:"tags,omitempty"` // tag key to claim name
}

// Link returns a link to a field of the pool. For a pool that is not stored yet the
// link has no ID, since nobody could find a pool under it.
func (p Pool) Link(field string) explain.Link {
	if p.Version == 0 {
		p.ID = ""
	}

	return p.ID.Link(field)
}
