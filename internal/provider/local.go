package provider

import (
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// A development server has user pools itself. Each has two names: that of AWS,
// cognito-idp.REGION.amazonaws.com/ID, and its issuer without the scheme, HOST:PORT/ID, which
// clients such as Amplify make their Logins key of. The first is the provider's name everywhere
// inside; the second is an alias, whether the user pool is there yet or not.

// LocalUserPools finds the user pools of this server, of all its accounts: as at AWS, an
// identity pool may trust a user pool of another account. It is safe for concurrent use.
type LocalUserPools interface {
	// UserPool returns the user pool with an ID, as it is now; false = there is none.
	UserPool(id string) (LocalUserPool, bool)
	// Standing returns what has become of a sign-in at a user pool. It never returns
	// identitypool.NotHere.
	Standing(s identitypool.SignIn) identitypool.Standing
	// Changes returns a number that is another one after each change of a Standing.
	Changes() uint64
}

// LocalUserPool has the facts about a user pool of this server that prove its tokens.
type LocalUserPool struct {
	Name string // at AWS
	// AWSIssuer adds the issuer that the user pool would have at AWS to its own.
	AWSIssuer bool
	// Keys is the key set (RFC 7517) of the keys that count now. It is not nil.
	Keys []byte
}

// Local has the user pools of this server. The zero value stands for none: then all user pools
// are elsewhere.
type Local struct {
	UserPools LocalUserPools
	URL       string // the issuer of a user pool is this address, a slash and the user pool's ID
	Region    string // of user pools whose ID names none
}

// nameOf returns the name at AWS of the user pool that a local name stands for, even if there is
// no such user pool yet.
func (l Local) nameOf(name string) (string, bool) {
	if l.UserPools == nil {
		return "", false
	}
	id, ours := strings.CutPrefix(name, withoutScheme(l.URL)+"/")
	if !ours {
		return "", false
	}

	if p, found := l.UserPools.UserPool(id); found {
		return p.Name, true
	}

	return identitypool.OwnUserPoolName(id, l.Region)
}

// find returns the user pool with a name at AWS.
func (l Local) find(name string) (LocalUserPool, bool) {
	parsed, atAWS := identitypool.ParseUserPool(name)
	if !atAWS {
		return LocalUserPool{}, false
	}
	p, found := l.UserPools.UserPool(parsed.ID)

	return p, found && p.Name == name // the same ID under another region's host is another pool
}

// issuers returns the issuers that a user pool can have by its name at AWS: its own, and the
// one at AWS.
func (l Local) issuers(name string) (own, atAWS string) {
	return l.URL + name[strings.LastIndexByte(name, '/'):], "https://" + name
}

// locate returns the user pool of this server with a name at AWS. Settings of this one user pool come
// first: they are the more deliberate. Then comes a user pool of this server, then the settings for
// a region, then AWS.
func (r *Registry) locate(name string) (pool LocalUserPool, here bool) {
	if r.o.Local.UserPools == nil || r.HasUserPool(name) {
		return LocalUserPool{}, false
	}
	return r.o.Local.find(name)
}

// IsLocal reports whether the user pool with a name at AWS is one of this server.
func (r *Registry) IsLocal(name string) bool {
	_, here := r.locate(name)
	return here
}

// Standing returns what has become of a sign-in at a user pool of this server, which may be deleted
// by now. Ask it only about sign-ins whose user pool was here.
func (r *Registry) Standing(s identitypool.SignIn) identitypool.Standing {
	if r.o.Local.UserPools == nil || !r.IsLocal(s.Provider) && r.hasSettings(s.Provider) {
		return identitypool.NotHere
	}
	return r.o.Local.UserPools.Standing(s)
}

// Changes returns a number that is another one after each change of a Standing.
func (r *Registry) Changes() uint64 {
	if r.o.Local.UserPools == nil {
		return 0
	}
	return r.o.Local.UserPools.Changes()
}

// proveHere makes a rule prove the tokens of a user pool of this server, which has the name at
// AWS. It changes the rule of no other user pool.
func (r *Registry) proveHere(t *login.Trust, name string) {
	pool, here := r.locate(name)
	if !here {
		return
	}

	own, atAWS := r.o.Local.issuers(name)
	t.Issuers = []string{own}
	if pool.AWSIssuer {
		t.Issuers = []string{atAWS, own}
	}
	t.OwnKeys, t.JWKSURL, t.DiscoveryURL = pool.Keys, "", ""
}

// hasSettings reports whether settings say where the user pool with a name at AWS is.
func (r *Registry) hasSettings(name string) bool {
	parsed, atAWS := identitypool.ParseUserPool(name)
	return r.HasUserPool(name) || atAWS && r.HasRegion(parsed.Region)
}

// checkLogin is checkLocal for a login. If the key is a name at AWS, the token shows whether the user
// pool of that name was here: its issuer, which is not proved yet.
func (r *Registry) checkLogin(key, token string) error {
	if r.o.Local.UserPools == nil {
		return nil
	}
	if _, atAWS := identitypool.ParseUserPool(key); atAWS && !r.hasSettings(key) && !r.IsLocal(key) {
		iss, _, err := idtoken.PeekIssuer(token, r.o.MaxTokenBytes)
		if own, _ := r.o.Local.issuers(key); err != nil || iss != own {
			return nil
		}
		key = withoutScheme(iss)
	}

	return r.checkLocal(key)
}

// checkLocal refuses the local name of a user pool that is not here, or no longer: no other server
// has a user pool of that name.
func (r *Registry) checkLocal(key string) error {
	name, isAlias := r.o.Local.nameOf(key)
	if !isAlias || r.IsLocal(name) || r.hasSettings(name) {
		return nil
	}

	id := name[strings.LastIndexByte(name, '/')+1:]

	return unsupported(userPoolMissing.With("name", ShownName(key), "id", id), nil)
}

// registeredHere is proveHere for an OpenID Connect provider whose URL is the issuer of a user
// pool, at AWS or here. Like other settings, oidc_providers come first: of them, it changes only
// those with the local issuer. iss is the issuer that the token names, not yet proved; "" = unknown.
func (r *Registry) registeredHere(t *login.Trust, url, iss string, inSettings bool) error {
	name, isAlias := r.o.Local.nameOf(withoutScheme(url))
	if !isAlias {
		name = withoutScheme(url)
	}
	if _, isUserPool := identitypool.ParseUserPool(name); !isUserPool || inSettings && !isAlias {
		return nil
	}

	r.proveHere(t, name)
	if iss == "" {
		iss = url
	}

	return r.checkLocal(withoutScheme(iss))
}

// LocalName returns the name at AWS of what a key of role mappings or of principal tags names:
// a user pool of this server by its local name, with or without a client ID after it. It returns
// false for all other keys.
func (r *Registry) LocalName(key string) (string, bool) {
	if r.HasUserPool(key) {
		return "", false
	}
	if name, isAlias := r.o.Local.nameOf(key); isAlias {
		return name, true
	}

	n := strings.LastIndexByte(key, ':')
	if n < strings.LastIndexByte(key, '/') {
		return "", false
	}
	name, isAlias := r.o.Local.nameOf(key[:max(n, 0)])

	return name + key[max(n, 0):], isAlias
}

// LocalNames returns both names of the user pool of this server whose ID ends a name that is
// neither of them, such as one with another host.
func (r *Registry) LocalNames(name string) (atAWS, local string, found bool) {
	id := name[strings.LastIndexByte(name, '/')+1:]
	if r.o.Local.UserPools == nil {
		return "", "", false
	}
	p, found := r.o.Local.UserPools.UserPool(id)

	return p.Name, withoutScheme(r.o.Local.URL) + "/" + id, found
}

// RegisteredIssuer returns the URL under which an issuer can be registered in IAM: at AWS's name
// for a user pool of this server, since the API registers https:// only.
func (r *Registry) RegisteredIssuer(iss string) string {
	if name, isAlias := r.o.Local.nameOf(withoutScheme(iss)); isAlias && strings.HasPrefix(iss, r.o.Local.URL) {
		return "https://" + name
	}
	return iss
}
