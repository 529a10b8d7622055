package devuserpool

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Pool is a user pool with everything in it: plain data, as the file of the pool has it.
type Pool struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	Region   string    `json:"region"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	// Settings are those of CreateUserPool and UpdateUserPool, with the defaults filled in. Times, counts
	// and the ARN are not set. Its parts are replaced, never changed.
	Settings UserPoolType `json:"settings"`
	// AWSIssuer means that tokens have AWS's issuer name instead of this server's.
	AWSIssuer bool `json:"awsIssuer,omitzero"`

	Keys    []Key             `json:"keys,omitzero"` // that sign tokens; the last one is used
	Clients map[string]Client `json:"clients"`       // by ID
	Groups  map[string]Group  `json:"groups"`        // by name
	Users   map[string]User   `json:"users"`         // by key: see Pool.key

	bytes int  // of the pool in its file, as it was read or last kept
	ends  bool // a change that is not kept yet ends sign-ins
}

// Key is a key that signs a pool's tokens.
type Key struct {
	ID      string    `json:"id"`
	Private []byte    `json:"private"` // PKCS #8, DER
	Created time.Time `json:"created"`
}

// Client is an app client of a pool.
type Client struct {
	ID       string    `json:"id"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	// Settings are those of CreateUserPoolClient, with the defaults filled in. Times are not set.
	Settings UserPoolClientType `json:"settings"`
}

// Group is a group of a pool.
type Group struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitzero"`
	Role        string    `json:"role,omitzero"`       // ARN; "" = none
	Precedence  *int      `json:"precedence,omitzero"` // the lowest is the user's preferred group; nil = none
	Created     time.Time `json:"created"`
	Modified    time.Time `json:"modified"`
}

// Statuses of users, in the API's words.
const (
	statusUnconfirmed   = "UNCONFIRMED"
	statusConfirmed     = "CONFIRMED"
	statusResetRequired = "RESET_REQUIRED"
	statusForceChange   = "FORCE_CHANGE_PASSWORD"
)

// User is a user of a pool.
type User struct {
	Username   string            `json:"username"`
	Sub        string            `json:"sub"` // a GUID that stays
	Attributes map[string]string `json:"attributes"`
	Status     string            `json:"status"`
	Enabled    bool              `json:"enabled"`
	Created    time.Time         `json:"created"`
	Modified   time.Time         `json:"modified"`
	Groups     []string          `json:"groups,omitzero"` // names, in the order in which the user joined

	// Salt and Verifier are SRP's, in hexadecimal; "" = the user has no password.
	Salt     string `json:"salt,omitzero"`
	Verifier string `json:"verifier,omitzero"`
	// PasswordEnds is when a temporary password stops working; zero = never.
	PasswordEnds time.Time `json:"passwordEnds,omitzero"`

	Codes         []Code         `json:"codes,omitzero"`
	RefreshTokens []RefreshToken `json:"sessions,omitzero"`
	SignedOutAt   time.Time      `json:"signedOutAt,omitzero"` // tokens issued until then are not valid
}

// Code is a code that was sent to a user.
type Code struct {
	Purpose     string    `json:"purpose"`
	Attribute   string    `json:"attribute,omitzero"` // that the code verifies
	Value       string    `json:"value"`
	Destination string    `json:"destination,omitzero"`
	Created     time.Time `json:"created"`
	Ends        time.Time `json:"ends"`
}

// RefreshToken is a refresh token of a sign-in, and stands for the tokens made from it. Those with the same
// origin are of the same sign-in.
type RefreshToken struct {
	Hash    []byte    `json:"hash"`   // SHA-256
	Client  string    `json:"client"` // ID
	Origin  string    `json:"origin"` // origin_jti
	Event   string    `json:"event"`  // event_id
	SignIn  time.Time `json:"signIn"` // auth_time
	Ends    time.Time `json:"ends"`
	Revoked bool      `json:"revoked,omitzero"`
	// Replaced is when a refresh token that was rotated stops working; zero = it was not rotated.
	Replaced time.Time `json:"replaced,omitzero"`
}

// Bounds of what a pool keeps.
const (
	maxPools       = 100
	maxClients     = 100
	maxGroups      = 300
	maxUsers       = 10_000
	maxCodes       = 8   // of a user; the oldest goes
	maxUserSignIns = 200 // sign-ins of a user; the oldest goes, and its tokens are not valid any more
	maxRotated     = 10  // refresh tokens of a sign-in, with those that were replaced
	maxTags        = 50
	maxUserBytes   = 64 << 10 // of a user's name and attributes, in JSON
)

// ARN returns the name of the pool in policies.
func (p *Pool) ARN() string { return poolARN(p.Region, p.Account, p.ID) }

// ProviderName returns AWS's name of the pool as a login provider.
func (p *Pool) ProviderName() string { return identitypool.UserPoolName(p.Region, p.ID) }

// caseSensitive reports whether user names that differ only in case are of two users. They are unless the
// pool was made with UsernameConfiguration (API reference).
func (p *Pool) caseSensitive() bool {
	c := p.Settings.UsernameConfiguration
	return c == nil || c.CaseSensitive == nil || *c.CaseSensitive
}

// key returns the key of a user name in Users.
func (p *Pool) key(username string) string {
	if p.caseSensitive() {
		return username
	}
	return strings.ToLower(username)
}

// user finds a user by user name, else by subject, else, where the pool has such aliases, by e-mail address,
// telephone number or preferred user name.
func (p *Pool) user(name string) (User, bool) {
	if u, found := p.Users[p.key(name)]; found {
		return u, true
	}

	var owner User
	found := false
	for _, u := range p.Users {
		if p.sameText(u.Sub, name) {
			return u, true
		}
		// One name has one user. Files of former versions may have more: all calls find the same one.
		if p.hasAlias(u, name) && (!found || u.Sub < owner.Sub) {
			owner, found = u, true
		}
	}

	return owner, found
}

// namesAnother reports whether a name is the user name, the subject or an alias of a user whose subject is
// not except. A name that begins to count must be of nobody else: who takes it would take over sign-ins.
func (p *Pool) namesAnother(name, except string) bool {
	if u, found := p.Users[p.key(name)]; found && u.Sub != except {
		return true
	}

	for _, u := range p.Users {
		if u.Sub != except && (p.sameText(u.Sub, name) || p.hasAlias(u, name)) {
			return true
		}
	}

	return false
}

// hasAlias reports whether a user can be named by an attribute of this value.
func (p *Pool) hasAlias(u User, value string) bool {
	for _, attribute := range p.aliases() {
		if p.isAlias(u, attribute) && p.sameText(u.Attributes[attribute], value) {
			return true
		}
	}
	return false
}

// aliases returns the attributes that can name users.
func (p *Pool) aliases() []string {
	if len(p.Settings.UsernameAttributes) > 0 {
		return p.Settings.UsernameAttributes
	}
	return p.Settings.AliasAttributes
}

// isAlias reports whether an attribute names its user. Where users choose their names, an address does so
// only when it is verified.
func (p *Pool) isAlias(u User, attribute string) bool {
	switch {
	case u.Attributes[attribute] == "":
		return false
	case len(p.Settings.UsernameAttributes) > 0, attribute == "preferred_username":
		return true
	default:
		return u.Attributes[attribute+"_verified"] == "true"
	}
}

// sameText compares two names of users.
func (p *Pool) sameText(a, b string) bool { return p.key(a) == p.key(b) }

// aliasOwner returns another user whom an attribute of this value names.
func (p *Pool) aliasOwner(attribute, value, except string) (User, bool) {
	if !slices.Contains(p.aliases(), attribute) || value == "" {
		return User{}, false
	}

	for _, u := range p.Users {
		if u.Sub != except && p.isAlias(u, attribute) && p.sameText(u.Attributes[attribute], value) {
			return u, true
		}
	}

	return User{}, false
}

// takeAlias lets an address name no other user any more. Files of former versions may have addresses as preferred
// user names: those users lose it.
func (p *Pool) takeAlias(attribute, value, except string) {
	if !slices.Contains(p.Settings.AliasAttributes, attribute) || value == "" {
		return
	}

	for key, u := range p.Users {
		if u.Sub == except {
			continue
		}
		if p.isAlias(u, attribute) && p.sameText(u.Attributes[attribute], value) {
			u.Attributes[attribute+verifiedSuffix] = "false"
		}
		if p.hasAlias(u, value) {
			delete(u.Attributes, "preferred_username")
		}
		p.Users[key] = u
	}
}

// put stores a user.
func (p *Pool) put(u User) { p.Users[p.key(u.Username)] = u }

// remove removes a user.
func (p *Pool) remove(u User) { delete(p.Users, p.key(u.Username)) }

// clone returns a copy that may be changed.
func (p *Pool) clone() *Pool {
	c := *p
	c.Settings.UserPoolTags = maps.Clone(p.Settings.UserPoolTags)
	c.Keys = slices.Clone(p.Keys)
	c.Clients = maps.Clone(p.Clients)
	c.Groups = maps.Clone(p.Groups)

	c.Users = make(map[string]User, len(p.Users))
	for key, u := range p.Users {
		c.Users[key] = u.clone()
	}

	return &c
}

// clone returns a copy that may be changed.
func (u User) clone() User {
	u.Attributes = maps.Clone(u.Attributes)
	u.Groups = slices.Clone(u.Groups)
	u.Codes = slices.Clone(u.Codes)
	u.RefreshTokens = slices.Clone(u.RefreshTokens)

	return u
}
