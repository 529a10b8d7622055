// Package session seals temporary credentials into session tokens, opens them again, and
// ends them before they expire.
//
// The server stores no session. The session token carries the session, encrypted under a
// key that only the nodes of this installation have; the secret access key is derived from
// another key. Whoever can open a token can therefore check a signature and decide without
// asking a database. Keys change daily and are kept until the last session that they sealed
// has ended.
//
// Start reading at Minter, which makes and opens credentials. Keys changes the keys on
// request; Revocations ends sessions.
package session

import (
	"errors"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// The errors that callers distinguish with errors.Is.
var (
	// ErrInvalidToken means that this installation did not make the token, or that it does
	// not belong to the access key.
	ErrInvalidToken = errors.New("the security token included in the request is invalid")
	// ErrExpiredToken means that the session has ended.
	ErrExpiredToken = errors.New("the security token included in the request is expired")
	// ErrTooLarge means that the session does not fit a session token (PackedPolicyTooLarge).
	ErrTooLarge = errors.New("session policies and tags do not fit the session token")
)

// EnhancedFlowName is the role session name of the enhanced flow.
const EnhancedFlowName = "CognitoIdentityCredentials"

// Session has everything that a resource server must know about temporary credentials. It
// travels encrypted inside the session token. It belongs to a role, or to an access key
// (Key).
type Session struct {
	Account           identitypool.AccountID
	RoleARN           iam.RoleARN // the zero ARN for an access key's
	RoleID            string      // AROA…
	SessionName       string
	IdentityID        identitypool.IdentityID // "" for a session without an identity
	PoolID            identitypool.PoolID
	AMR               []string // authenticated or unauthenticated, then how
	Tags              map[string]string
	TransitiveTagKeys []string
	Policies          []string // session policies: built-in names or JSON documents
	SourceIdentity    string
	Provider          string // the login provider
	Region            string
	Issued            time.Time // whole seconds, UTC
	Expires           time.Time // whole seconds, UTC
	// FederatedProvider is the provider that vouched for the user, as trust policies name
	// it: an ARN or a host; "" = the identity pool, if there is one.
	FederatedProvider string
	// Claims has the condition keys from the provider's token and their values, such as
	// idp.example.com:sub or saml:iss. Keys are in lower case.
	Claims map[string][]string
	// Key is the long-lived access key that asked for the session; "" = role session. Each
	// use checks Key again.
	Key string
	// SignIns are the sign-ins at user pools of this server that end the session when they end. One
	// without an ID belongs to a client whose tokens the identity pool does not check: it ends
	// nothing.
	SignIns []identitypool.SignIn
	// FederatedUser is the name that Key gave to a federated user. Then Policies narrow what
	// Key allows, and without any nothing is allowed. "" = a role session, or the key itself,
	// which has neither Policies nor Tags.
	FederatedUser string
}

// Credentials are temporary credentials.
type Credentials struct {
	AccessKeyID     string // ASIA and 16 characters
	SecretAccessKey string // 40 characters
	SessionToken    string
	Expiration      time.Time
}

// Caller returns the session as the caller of a signed operation. Its condition keys are
// those that AWS gives a role assumed by an identity pool: aud, sub and amr, the tags as
// aws:PrincipalTag, the provider and the issue time.
func (s Session) Caller(accessKeyID string) iam.Caller {
	c := policy.Keys{}
	for key, value := range s.Tags {
		c.Set("aws:PrincipalTag/"+key, value)
	}

	if s.PoolID != "" {
		SetIdentity(c, s.PoolID, s.IdentityID, s.AMR)
	}

	for key, values := range s.Claims {
		c.Set(key, values...)
	}
	if s.FederatedProvider != "" {
		c.Set("aws:FederatedProvider", s.FederatedProvider)
	}
	if s.SourceIdentity != "" {
		c.Set("aws:SourceIdentity", s.SourceIdentity)
	}

	var transitive map[string]string
	for _, key := range s.TransitiveTagKeys {
		if value, ok := s.Tags[key]; ok {
			if transitive == nil {
				transitive = map[string]string{}
			}
			transitive[key] = value
		}
	}
	c.Set("aws:TokenIssueTime", s.Issued.UTC().Format(time.RFC3339))

	facts := iam.SessionFacts{
		Expires:           s.Expires,
		Tags:              s.Tags,
		SourceIdentity:    s.SourceIdentity,
		FederatedProvider: s.FederatedProvider,
		Identity:          s.IdentityID,
		Pool:              s.PoolID,
		AMR:               s.AMR,
		LoginProvider:     s.Provider,
	}
	if s.PoolID != "" {
		facts.FederatedProvider = identitypool.ServiceName(identitypool.RegionOf(string(s.PoolID)))
	}

	return iam.NewSessionCaller(iam.SessionCaller{
		Facts:          facts,
		AccessKeyID:    accessKeyID,
		RoleARN:        s.RoleARN,
		RoleID:         s.RoleID,
		SessionName:    s.SessionName,
		Policies:       s.Policies,
		Conditions:     c,
		TransitiveTags: transitive,
		Guest: s.PoolID != "" && s.SessionName == EnhancedFlowName &&
			slices.Contains(s.AMR, identitypool.Unauthenticated),
	})
}

// SetIdentity sets the condition keys of an identity of a pool.
func SetIdentity(c policy.Keys, pool identitypool.PoolID, identity identitypool.IdentityID, amr []string) {
	name := identitypool.ServiceName(identitypool.RegionOf(string(pool)))
	for _, prefix := range []string{policy.CognitoPrincipal, name} { // the same in most regions
		c.Set(prefix+":aud", string(pool))
		c.Set(prefix+":sub", string(identity))
		c.Set(prefix+":amr", amr...)
	}
	c.Set("aws:FederatedProvider", name)
}
