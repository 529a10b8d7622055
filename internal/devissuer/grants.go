package devissuer

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// GrantsFile is the name of the file in the data folder that has the sessions and grants of the
// development issuer. It has hashes in place of cookies and tokens.
const GrantsFile = "dev-sign-ins.json"

// ErrGrants means that the file of sessions and grants cannot be read.
var ErrGrants = errors.New("the file of sign-ins is damaged")

// Bounds and lifetimes of sessions and grants.
const (
	maxSessions     = 500
	maxGrants       = 1000
	maxAccessTokens = 10 // of a grant
	// maxGrantsFile is in bytes: more than these numbers of the largest sessions and grants need.
	maxGrantsFile = 16 << 20

	sessionLifetime = 24 * time.Hour
	tokenLifetime   = time.Hour           // of ID tokens and access tokens
	refreshLifetime = 30 * 24 * time.Hour // after the last use
)

// session is a browser in which a user has signed in.
type session struct {
	ID       string    `json:"sid"`                // sid of the tokens
	Cookie   string    `json:"cookie"`             // hash of the browser's cookie
	Replaced bool      `json:"replaced,omitempty"` // by another user in the same browser: a logout there ends both
	User     string    `json:"user"`               // name
	Subject  string    `json:"sub"`                // of the user at the sign-in
	AuthTime time.Time `json:"auth_time"`
	Clients  []string  `json:"clients,omitempty"` // which got tokens; replaced, not changed
	Expires  time.Time `json:"expires"`
}

// grant has the tokens that one sign-in gave a client, and their successors. Its slices are not
// changed, but replaced.
type grant struct {
	ID       string        `json:"id"`
	Client   string        `json:"client"`
	User     string        `json:"user"`
	Subject  string        `json:"sub"` // of the user at the sign-in
	Session  string        `json:"sid"`
	Scopes   []string      `json:"scopes"`
	AuthTime time.Time     `json:"auth_time"`
	Refresh  string        `json:"refresh,omitempty"` // hash of the only refresh token that is good; "" = none
	Family   string        `json:"family,omitempty"`  // hash of what all refresh tokens of the grant have
	Access   []accessToken `json:"access,omitempty"`  // oldest first
	Expires  time.Time     `json:"expires"`
}

// wasUsed reports whether a secret is that of a refresh token that was used.
func (g grant) wasUsed(secret string) bool {
	return g.isRefresh(secret) && !isHashOf(g.Refresh, secret)
}

// isRefresh reports whether a secret is that of a refresh token, used or not.
func (g grant) isRefresh(secret string) bool {
	return isHashOf(g.Refresh, secret) || isHashOf(g.Family, familyOf(secret))
}

// familyOf returns the part of a refresh token's secret that all refresh tokens of a grant share, and no other
// token has. So a token that was good once is known without a list of all.
func familyOf(secret string) string {
	family, _, _ := strings.Cut(secret, ".")
	return family
}

type accessToken struct {
	Hash    string    `json:"hash"`
	Scopes  []string  `json:"scopes"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

// grants keeps sessions and grants in a file, or in memory. It is safe for concurrent use.
//
// cache: development sign-ins
type grants struct {
	path string // "" = memory
	now  func() time.Time

	mu       sync.Mutex
	sessions map[string]session // by ID
	grants   map[string]grant   // by ID
}

// grantsDocument is the content of the file.
type grantsDocument struct {
	Sessions []session `json:"sessions"`
	Grants   []grant   `json:"grants"`
}

// openGrants reads a file; one that does not exist has nothing. Error: ErrGrants.
func openGrants(path string, now func() time.Time) (*grants, error) {
	g := &grants{path: path, now: now, sessions: map[string]session{}, grants: map[string]grant{}}
	if path == "" {
		return g, nil
	}

	text, err := wholefile.Read(path, maxGrantsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if refused, ok := errors.AsType[*wholefile.RefusedError](err); ok {
		return nil, fmt.Errorf("%s: %w: %s", path, ErrGrants, refused.Reason)
	}
	if err != nil {
		return nil, err
	}

	var d grantsDocument
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&d); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrGrants, err)
	}

	for _, s := range d.Sessions {
		g.sessions[s.ID] = s
	}

	for _, one := range d.Grants {
		g.grants[one.ID] = one
	}

	return g, nil
}

// hash returns the hash that is kept in place of a secret. Secrets are random, so that no salt is needed.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func isHashOf(kept, secret string) bool {
	return kept != "" && subtle.ConstantTimeCompare([]byte(kept), []byte(hash(secret))) == 1
}

// change changes sessions and grants in the file, and then in memory. It drops those that have expired,
// and others if there are too many.
func (g *grants) change(edit func(sessions map[string]session, all map[string]grant) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()

	sessions, all := maps.Clone(g.sessions), maps.Clone(g.grants)
	now := g.now()
	maps.DeleteFunc(sessions, func(_ string, s session) bool { return !now.Before(s.Expires) })
	maps.DeleteFunc(all, func(_ string, one grant) bool { return !now.Before(one.Expires) })

	if err := edit(sessions, all); err != nil {
		return err
	}
	dropSessions(sessions, all)
	dropFirst(all, maxGrants, func(one grant) time.Time { return one.Expires })

	if g.path != "" {
		if err := writeGrants(g.path, sessions, all); err != nil {
			return err
		}
	}
	g.sessions, g.grants = sessions, all

	return nil
}

// dropSessions removes sessions until there are at most maxSessions: first the oldest that were replaced, with
// their tokens, which no logout would find any more, and then those that expire first.
func dropSessions(sessions map[string]session, all map[string]grant) {
	replaced := map[string]session{}
	for id, s := range sessions {
		if s.Replaced {
			replaced[id] = s
		}
	}

	kept := maps.Clone(replaced)
	dropFirst(kept, max(0, maxSessions-(len(sessions)-len(replaced))), func(s session) time.Time { return s.AuthTime })

	for id := range replaced {
		if _, stays := kept[id]; !stays {
			delete(sessions, id)
			maps.DeleteFunc(all, func(_ string, one grant) bool { return one.Session == id })
		}
	}
	dropFirst(sessions, maxSessions, func(s session) time.Time { return s.Expires })
}

// dropFirst removes the entries that expire first until there are at most most entries.
func dropFirst[V any](all map[string]V, most int, expires func(V) time.Time) {
	for len(all) > most {
		first := ""
		for name, one := range all {
			if first == "" || expires(one).Before(expires(all[first])) {
				first = name
			}
		}
		delete(all, first)
	}
}

// writeGrants writes the file whole or not at all.
func writeGrants(path string, sessions map[string]session, all map[string]grant) error {
	d := grantsDocument{
		Sessions: slices.SortedFunc(maps.Values(sessions), func(a, b session) int { return cmp.Compare(a.ID, b.ID) }),
		Grants:   slices.SortedFunc(maps.Values(all), func(a, b grant) int { return cmp.Compare(a.ID, b.ID) }),
	}
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}

	return wholefile.ReplaceWithin(path, append(text, '\n'), maxGrantsFile)
}

// session returns the session of a cookie; false = none, or it has expired.
func (g *grants) session(cookie string) (session, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()

	kept := hash(cookie)
	for _, s := range g.sessions {
		if s.Cookie == kept && !s.Replaced {
			return s, g.now().Before(s.Expires)
		}
	}

	return session{}, false
}

// replacedBy returns the sessions that the browser of a session had before it.
func (g *grants) replacedBy(id string) (before []session) {
	g.mu.Lock()
	defer g.mu.Unlock()

	current, found := g.sessions[id]
	if !found || current.Replaced {
		return nil
	}

	for _, s := range g.sessions {
		if s.Cookie == current.Cookie && s.Replaced {
			before = append(before, s)
		}
	}
	slices.SortFunc(before, func(a, b session) int { return cmp.Compare(a.User, b.User) })

	return before
}

// replace makes s the session of a browser with a cookie, whose other sessions stay for a logout to find. The
// same user's goes on: the ID tokens of both have the same sid.
func (s session) replace(cookie string, sessions map[string]session) session {
	for id, one := range sessions {
		if one.Cookie != cookie {
			continue
		}
		if one.User == s.User && one.Subject == s.Subject {
			s.ID, s.Clients = one.ID, one.Clients
		}

		one.Cookie, one.Replaced, one.Expires = s.Cookie, true, s.Expires
		sessions[id] = one
	}
	sessions[s.ID] = s

	return s
}

// byToken returns the grant that a token names, and the token's secret; false = there is none, or it
// has expired.
func (g *grants) byToken(token string) (one grant, secret string, found bool) {
	id, secret, _ := strings.Cut(token, ".")

	g.mu.Lock()
	defer g.mu.Unlock()

	one, found = g.grants[id]

	return one, secret, found && g.now().Before(one.Expires)
}

// byAccessToken returns the grant of an access token that is good.
func (g *grants) byAccessToken(token string) (one grant, access accessToken, good bool) {
	one, secret, found := g.byToken(token)
	if !found {
		return grant{}, accessToken{}, false
	}

	for _, access := range one.Access {
		if isHashOf(access.Hash, secret) && g.now().Before(access.Expires) {
			return one, access, true
		}
	}

	return grant{}, accessToken{}, false
}

// end ends grants, and sessions with them, and returns the grants that it ended.
func (g *grants) end(ends func(grant) bool, endsSession func(session) bool) (ended []grant, err error) {
	err = g.change(func(sessions map[string]session, all map[string]grant) error {
		for id, one := range all {
			if ends(one) {
				ended = append(ended, one)
				delete(all, id)
			}
		}
		maps.DeleteFunc(sessions, func(_ string, s session) bool { return endsSession(s) })

		return nil
	})

	return ended, err
}

// forget ends the grants and sessions of users, in memory also if the file cannot be written: the next
// change writes it.
func (g *grants) forget(isGone func(user, subject string) bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()

	sessions, all := maps.Clone(g.sessions), maps.Clone(g.grants)
	maps.DeleteFunc(sessions, func(_ string, s session) bool { return isGone(s.User, s.Subject) })
	maps.DeleteFunc(all, func(_ string, one grant) bool { return isGone(one.User, one.Subject) })
	if len(sessions) == len(g.sessions) && len(all) == len(g.grants) {
		return nil
	}
	g.sessions, g.grants = sessions, all

	if g.path == "" {
		return nil
	}

	return writeGrants(g.path, sessions, all)
}

func noSession(session) bool { return false }
