// Package identitypool is the domain: identity pools, identities, logins, and
// the rules that decide which identity and which role a set of verified logins
// gets. It does no I/O and imports nothing of ours but explain, so every rule
// is testable as a function from values to values.
//
// Terms and rules follow the Amazon Cognito identity pools API (2014-06-30) and
// its developer guide; where AWS's rule is unknown docs/behaviour.md gives ours.
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

// Sequence is a number from one order of two kinds of events: an account gets a
// pool's ID, and a trust policy is written. The smaller one was first, whatever
// the clocks of the nodes say. 0 is older than the order.
type Sequence int64

// Keys of Pool.Roles.
const (
	Authenticated   = "authenticated"
	Unauthenticated = "unauthenticated"
)

// Pool is an identity pool with everything configured on it. Empty maps and
// slices mean "not configured". The tags name the members of the text in which the
// store keeps a pool's settings, which is a format: add to them, change none.
type Pool struct {
	ID      PoolID    `json:"-"`
	Account AccountID `json:"-"`
	Region  string    `json:"-"`
	Name    string    `json:"name"`

	AllowUnauthenticated bool `json:"allowUnauthenticated,omitzero"`
	// AllowClassicFlow has three states: nil (never set: the classic flow works
	// and the member is absent from answers), false (refused), true.
	AllowClassicFlow *bool `json:"allowClassicFlow,omitzero"`

	SupportedLoginProviders  map[string]string         `json:"supportedLoginProviders,omitempty"` // provider name to app ID
	DeveloperProviderName    string                    `json:"developerProviderName,omitzero"`
	OIDCProviderARNs         []string                  `json:"oidcProviderARNs,omitempty"`
	CognitoIdentityProviders []CognitoIdentityProvider `json:"cognitoIdentityProviders,omitempty"`
	SAMLProviderARNs         []string                  `json:"samlProviderARNs,omitempty"`
	Tags                     map[string]string         `json:"tags,omitempty"`

	Roles         map[string]string          `json:"roles,omitempty"`         // Authenticated, Unauthenticated to role ARN
	RoleMappings  map[string]RoleMapping     `json:"roleMappings,omitempty"`  // by provider name, "userpool:clientID" or ARN
	PrincipalTags map[string]PrincipalTagMap `json:"principalTags,omitempty"` // by provider name

	// OwnedSince is when the account first had the pool's ID, also if it deleted
	// the pool since and made it again. The store sets it.
	OwnedSince Sequence `json:"-"`
	// Predecessor is the pool that had the ID before. The store sets it.
	Predecessor Predecessor `json:"-"`

	Created time.Time `json:"-"`
	Updated time.Time `json:"-"`
	Version int64     `json:"-"` // counts updates; the store compares and swaps on it
}

// ClassicFlow reports whether AllowClassicFlow lets applications have tokens, and
// roles for them. MapsRoles can still close that flow.
func (p Pool) ClassicFlow() bool { return p.AllowClassicFlow == nil || *p.AllowClassicFlow }

// MapsRoles reports whether the pool has a role mapping, of any provider, also one
// that the pool no longer has. Then the classic flow, in which the caller chooses
// the role, is closed to everybody (Cognito developer guide, "Using role-based
// access control").
func (p Pool) MapsRoles() bool { return len(p.RoleMappings) > 0 }

// MapsLogins reports whether a login of the pool can look up a role mapping under key: a
// user pool with its client ID, other public providers by name, and an OpenID Connect
// provider also by its ARN.
func (p Pool) MapsLogins(key string) bool {
	for _, client := range p.CognitoIdentityProviders {
		if key == client.ProviderName+":"+client.ClientID {
			return true
		}
	}

	switch p.Provider(key).Kind {
	case AppProvider, OIDCProviderKind, SAMLProviderKind:
		return true
	default:
		return p.trustsIssuerOf(key)
	}
}

// trustsIssuerOf reports whether logins of an issuer are proved by the OpenID Connect
// provider of this ARN. A pool may list two providers of one issuer, of two accounts, and
// looks at the first only.
func (p Pool) trustsIssuerOf(arn string) bool {
	_, kind, issuer, ok := ParseProviderARN(arn)
	return ok && kind == OIDCProvider && p.Provider(issuer).ARN == arn
}

// CognitoIdentityProvider is one user-pool app client that a pool trusts.
type CognitoIdentityProvider struct {
	ProviderName         string `json:"providerName"` // cognito-idp.REGION.amazonaws.com/USERPOOLID
	ClientID             string `json:"clientID"`
	ServerSideTokenCheck *bool  `json:"serverSideTokenCheck,omitzero"`
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

// RoleMapping says how a provider's logins choose a role.
type RoleMapping struct {
	Type                    string `json:"type"`
	AmbiguousRoleResolution string `json:"ambiguousRoleResolution,omitzero"`
	Rules                   []Rule `json:"rules,omitempty"` // in order; the first match wins
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

// Link leads to a field of the pool. A pool that is not stored yet has no ID: nobody
// could find it under the ID that it would have got.
func (p Pool) Link(field string) explain.Link {
	if p.Version == 0 {
		p.ID = ""
	}

	return p.ID.Link(field)
}
