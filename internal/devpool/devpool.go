// Package devpool tells developers about the identity pools of `poolhouse dev`. Start at Of.
package devpool

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Pool is an identity pool as a developer needs it. Its JSON is that of the control API and of ready
// files (docs/control-api.md).
type Pool struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Guests bool   `json:"allow_guests"`
	Trusts bool   `json:"-"` // the built-in issuer
	Roles  []Role `json:"-"`

	// UserPool is the first user pool of the same server that the pool trusts; nil = none.
	UserPool *UserPool `json:"user_pool,omitempty"`
}

// UserPool is a user pool whose users sign in to an identity pool, by one of its clients.
type UserPool struct {
	ID       string `json:"id"`
	ClientID string `json:"client_id"`
}

// Role tells who gets a role of a pool.
type Role struct{ Who, Name string }

// Of returns what a developer needs of a pool. providerARN and loginKey name the built-in issuer.
func Of(pool identitypool.Pool, providerARN, loginKey string) Pool {
	return Pool{
		ID:     string(pool.ID),
		Name:   pool.Name,
		Guests: pool.AllowUnauthenticated,
		Trusts: slices.Contains(pool.OIDCProviderARNs, providerARN),
		Roles:  roles(pool, loginKey),
	}
}

var matches = map[string]string{
	identitypool.MatchEquals:     "is",
	identitypool.MatchNotEqual:   "is not",
	identitypool.MatchStartsWith: "starts with",
	identitypool.MatchContains:   "contains",
}

// roles lists the roles of a pool's guests and users, and of the rules for users of the built-in
// issuer, whose first match counts.
func roles(pool identitypool.Pool, loginKey string) (all []Role) {
	add := func(who, arn string) {
		if arn != "" {
			all = append(all, Role{Who: who, Name: arn[strings.LastIndex(arn, "/")+1:]})
		}
	}
	if pool.AllowUnauthenticated {
		add("guests", pool.Roles[identitypool.Unauthenticated])
	}

	rules := pool.RoleMappings[loginKey].Rules
	for _, rule := range rules {
		add("users whose "+rule.Claim+" "+matches[rule.MatchType]+" "+rule.Value, rule.RoleARN)
	}

	who := "users"
	if len(rules) > 0 {
		who = "other users"
	}
	add(who, pool.Roles[identitypool.Authenticated])

	return all
}

// Amplify returns the configuration of Amplify (version 6, Auth.Cognito) for the pool at an endpoint,
// as JSON.
func (p Pool) Amplify(endpoint string) string {
	cognito := struct {
		UserPoolID           string `json:"userPoolId,omitempty"`
		UserPoolClientID     string `json:"userPoolClientId,omitempty"`
		UserPoolEndpoint     string `json:"userPoolEndpoint,omitempty"`
		IdentityPoolID       string `json:"identityPoolId"`
		IdentityPoolEndpoint string `json:"identityPoolEndpoint"`
		AllowGuestAccess     bool   `json:"allowGuestAccess"`
	}{IdentityPoolID: p.ID, IdentityPoolEndpoint: endpoint, AllowGuestAccess: p.Guests}
	if u := p.UserPool; u != nil {
		cognito.UserPoolID, cognito.UserPoolClientID, cognito.UserPoolEndpoint = u.ID, u.ClientID, endpoint
	}

	text, err := json.MarshalIndent(map[string]any{"Auth": map[string]any{"Cognito": cognito}}, "", "  ")
	if err != nil { // texts and a boolean always encode
		return err.Error()
	}

	return string(text)
}
