package wiretest

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// LocalUserPools stands in for the user pools of a development server.
type LocalUserPools struct {
	mu      sync.Mutex
	pools   map[string]LocalUserPool // by ID
	changes uint64
	asked   []identitypool.SignIn
}

// LocalUserPool is a user pool with the issuer that holds its keys.
type LocalUserPool struct {
	Issuer    *logintest.Issuer
	AWSIssuer bool
	// Standings are those of sign-ins by ID; "" stands for sign-ins without ID.
	Standings map[string]identitypool.Standing
}

// Configure gives them to a server.
func (l *LocalUserPools) Configure(c *poolhouse.Config) { c.LocalUserPools = l }

// Set makes or replaces a user pool.
func (l *LocalUserPools) Set(id string, p LocalUserPool) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if l.pools == nil {
		l.pools = map[string]LocalUserPool{}
	}
	l.pools[id] = p
	l.changes++
}

// Delete deletes a user pool.
func (l *LocalUserPools) Delete(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()

	delete(l.pools, id)
	l.changes++
}

// End gives a sign-in a standing. The sign-ins without an ID get it, too.
func (l *LocalUserPools) End(id, signIn string, s identitypool.Standing) {
	l.mu.Lock()
	defer l.mu.Unlock()

	p := l.pools[id]
	p.Standings = maps.Clone(p.Standings)
	if p.Standings == nil {
		p.Standings = map[string]identitypool.Standing{}
	}
	p.Standings[signIn], p.Standings[""] = s, s
	l.pools[id] = p
	l.changes++
}

// Asked returns the sign-ins that were asked about since the last call.
func (l *LocalUserPools) Asked() []identitypool.SignIn {
	l.mu.Lock()
	defer l.mu.Unlock()

	asked := l.asked
	l.asked = nil

	return asked
}

// UserPool implements provider.LocalUserPools.
func (l *LocalUserPools) UserPool(id string) (provider.LocalUserPool, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()

	p, found := l.pools[id]
	if !found {
		return provider.LocalUserPool{}, false
	}
	name, _ := identitypool.OwnUserPoolName(id, Region)

	return provider.LocalUserPool{Name: name, AWSIssuer: p.AWSIssuer, Keys: p.Issuer.KeySet()}, true
}

// Standing implements provider.LocalUserPools.
func (l *LocalUserPools) Standing(s identitypool.SignIn) identitypool.Standing {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.asked = append(l.asked, s)
	parsed, _ := identitypool.ParseUserPool(s.Provider)
	p, found := l.pools[parsed.ID]
	if !found {
		return identitypool.UserPoolGone
	}
	if standing, set := p.Standings[s.ID]; set {
		return standing
	}

	return identitypool.Good
}

// Changes implements provider.LocalUserPools.
func (l *LocalUserPools) Changes() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.changes
}

// IDToken returns an ID token of a user pool, with the issuer that it has on the server. The sign-in
// has the subject's name as its ID.
func (l *LocalUserPools) IDToken(tb testing.TB, s *Server, id, client, subject string, claims map[string]any) string {
	tb.Helper()
	l.mu.Lock()
	issuer := l.pools[id].Issuer
	l.mu.Unlock()

	all := map[string]any{
		"iss":              s.URL + "/" + id,
		"aud":              client,
		"sub":              subject,
		"token_use":        "id",
		"origin_jti":       "sign-in of " + subject,
		"auth_time":        time.Now().Unix(),
		"cognito:username": subject,
	}
	maps.Copy(all, claims)

	return issuer.Token(all)
}
