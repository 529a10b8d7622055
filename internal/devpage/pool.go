package devpage

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Pool is a pool as a developer needs it.
type Pool struct {
	ID, Name string
	Guests   bool
	Trusts   bool   // the built-in issuer
	Amplify  string // configuration of Amplify for the pool: see Amplify
	Roles    []Role
}

// Role tells who gets a role of a pool.
type Role struct{ Who, Name string }

// PoolOf returns what a developer needs of a pool, for clients of endpoint.
func PoolOf(pool identitypool.Pool, info devissuer.Info, endpoint string) Pool {
	return Pool{
		ID:      string(pool.ID),
		Name:    pool.Name,
		Guests:  pool.AllowUnauthenticated,
		Trusts:  slices.Contains(pool.OIDCProviderARNs, info.OIDCProviderARN),
		Amplify: Amplify(string(pool.ID), endpoint, pool.AllowUnauthenticated),
		Roles:   roles(pool, info.LoginKey),
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

// Amplify returns the configuration of Amplify (version 6, Auth.Cognito) for a pool at an endpoint,
// as JSON. guests tells whether the pool has guests.
func Amplify(pool, endpoint string, guests bool) string {
	cognito := struct {
		IdentityPoolID       string `json:"identityPoolId"`
		IdentityPoolEndpoint string `json:"identityPoolEndpoint"`
		AllowGuestAccess     bool   `json:"allowGuestAccess"`
	}{pool, endpoint, guests}

	text, err := json.MarshalIndent(map[string]any{"Auth": map[string]any{"Cognito": cognito}}, "", "  ")
	if err != nil { // texts and a boolean always encode
		return err.Error()
	}

	return string(text)
}
