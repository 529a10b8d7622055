package devuserpool

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	refreshTokenBytes    = 96
	accessTokenScope     = "aws.cognito.signin.user.admin"
	tokenTypeBearer      = "Bearer"
	useID, useAccess     = "id", "access"
	defaultTokenLifetime = time.Hour
	defaultRefresh       = defaultRefreshDays * 24 * time.Hour
)

// units are the units of token lifetimes (TokenValidityUnitsType).
var units = map[string]time.Duration{
	"seconds": time.Second,
	"minutes": time.Minute,
	"hours":   time.Hour,
	"days":    24 * time.Hour,
}

func (c Client) validityUnits() TokenValidityUnitsType {
	if c.Settings.TokenValidityUnits == nil {
		return TokenValidityUnitsType{}
	}
	return *c.Settings.TokenValidityUnits
}

func (c Client) accessLifetime() time.Duration {
	set := validity(c.Settings.AccessTokenValidity, c.validityUnits().AccessToken, time.Hour)
	return cmp.Or(set, defaultTokenLifetime)
}

func (c Client) idLifetime() time.Duration {
	return cmp.Or(validity(c.Settings.IdTokenValidity, c.validityUnits().IdToken, time.Hour), defaultTokenLifetime)
}

func (c Client) refreshLifetime() time.Duration {
	return cmp.Or(validity(c.Settings.RefreshTokenValidity, c.validityUnits().RefreshToken, days(1)), defaultRefresh)
}

// revokes reports whether the client's tokens can be revoked. The setting is on unless it is switched off.
func (c Client) revokes() bool {
	return c.Settings.EnableTokenRevocation == nil || *c.Settings.EnableTokenRevocation
}

// newRefreshToken returns the refresh token of a user who signed in now, and its text.
func (s *Service) newRefreshToken(c Client) (RefreshToken, string) {
	token, hash := randomToken()
	now := s.Now()

	return RefreshToken{
		Hash:   hash,
		Client: c.ID,
		Origin: uuid.NewString(),
		Event:  uuid.NewString(),
		SignIn: now,
		Ends:   now.Add(c.refreshLifetime()),
	}, token
}

// randomToken returns a refresh token that nobody can read anything from, and its hash.
func randomToken() (token string, hash []byte) {
	random := make([]byte, refreshTokenBytes)
	_, _ = rand.Read(random) // never fails
	token = base64.RawURLEncoding.EncodeToString(random)

	return token, hashOf(token)
}

func hashOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// guidOf returns a GUID that is made from 16 random-looking bytes or more.
func guidOf(b []byte) string {
	return uuid.Must(uuid.NewRandomFromReader(bytes.NewReader(b))).String()
}

// keepToken adds a refresh token to a user. Those whose time is over go. Of one sign-in only the newest tokens are
// kept, those that still work before others, which stay to tell their reuse: refreshes do not cost the user
// other sign-ins. Above the bound of sign-ins a revoked one goes, or else the oldest.
func (u *User) keepToken(one RefreshToken, now time.Time) {
	u.RefreshTokens = slices.DeleteFunc(u.RefreshTokens, func(t RefreshToken) bool { return !now.Before(t.Ends) })
	u.RefreshTokens = append(u.RefreshTokens, one)

	tokens, origins := 0, map[string]bool{}
	for _, t := range u.RefreshTokens {
		origins[t.Origin] = true
		if t.Origin == one.Origin {
			tokens++
		}
	}

	for ; tokens > maxRotated; tokens-- {
		at := slices.IndexFunc(u.RefreshTokens, func(t RefreshToken) bool {
			return t.Origin == one.Origin && t.replaced(now)
		})
		if at < 0 {
			at = slices.IndexFunc(u.RefreshTokens, func(t RefreshToken) bool { return t.Origin == one.Origin })
		}
		u.RefreshTokens = slices.Delete(u.RefreshTokens, at, at+1)
	}

	for over := len(origins) - maxUserSignIns; over > 0; over-- {
		at := max(0, slices.IndexFunc(u.RefreshTokens, func(t RefreshToken) bool { return t.Revoked }))
		oldest := u.RefreshTokens[at].Origin
		u.RefreshTokens = slices.DeleteFunc(u.RefreshTokens, func(t RefreshToken) bool { return t.Origin == oldest })
	}
}

// replaced reports whether the refresh token was rotated and does not work any more.
func (t RefreshToken) replaced(now time.Time) bool {
	return !t.Replaced.IsZero() && !now.Before(t.Replaced)
}

// tokens signs an ID token and an access token of a sign-in. The refresh token is in the answer if it is
// not "".
func (s *Service) tokens(
	p *Pool, c Client, u User, one RefreshToken, refresh string,
) (*AuthenticationResultType, error) {
	id, err := s.sign(p, s.idClaims(p, c, u, one))
	if err != nil {
		return nil, err
	}
	access, err := s.sign(p, s.accessClaims(p, c, u, one))
	if err != nil {
		return nil, err
	}

	seconds, kind := int(c.accessLifetime()/time.Second), tokenTypeBearer
	result := &AuthenticationResultType{
		AccessToken: &access,
		IdToken:     &id,
		ExpiresIn:   &seconds,
		TokenType:   &kind,
	}
	if refresh != "" {
		result.RefreshToken = &refresh
	}

	return result, nil
}

// sign returns a signed token with claims and a new jti.
func (s *Service) sign(p *Pool, claims map[string]any) (string, error) {
	claims["jti"] = uuid.NewString()
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("the claims of a token: %w", err)
	}

	signer, err := p.signer()
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}

	return signed.CompactSerialize()
}

// commonClaims are in both tokens.
func (s *Service) commonClaims(
	p *Pool, c Client, u User, one RefreshToken, use string, life time.Duration,
) map[string]any {
	now := s.Now()
	claims := map[string]any{
		"sub":       u.Sub,
		"iss":       s.IssuerOf(p),
		"token_use": use,
		"auth_time": one.SignIn.Unix(),
		"iat":       now.Unix(),
		"exp":       now.Add(life).Unix(),
		"event_id":  one.Event,
	}
	if c.revokes() {
		claims["origin_jti"] = one.Origin
	}
	if groups := p.groupsOf(u); len(groups) > 0 {
		claims["cognito:groups"] = namesOf(groups)
	}

	return claims
}

func (s *Service) accessClaims(p *Pool, c Client, u User, one RefreshToken) map[string]any {
	claims := s.commonClaims(p, c, u, one, useAccess, c.accessLifetime())
	claims["client_id"], claims["username"], claims["scope"] = c.ID, u.Username, accessTokenScope

	return claims
}

func (s *Service) idClaims(p *Pool, c Client, u User, one RefreshToken) map[string]any {
	claims := map[string]any{}
	for name, value := range u.Attributes {
		if c.mayRead(name) {
			claims[name] = claimValue(name, value)
		}
	}

	for name, value := range s.commonClaims(p, c, u, one, useID, c.idLifetime()) {
		claims[name] = value
	}

	claims["aud"], claims["cognito:username"] = c.ID, u.Username

	groups := p.groupsOf(u)
	if roles := rolesOf(groups); len(roles) > 0 {
		claims["cognito:roles"] = roles
	}
	if role := preferredRole(groups); role != "" {
		claims["cognito:preferred_role"] = role
	}

	return claims
}

// claimValue returns an attribute as ID tokens have it: text, except for what is verified and the address
// (OpenID Connect Core 1.0, section 5.1).
func claimValue(name, value string) any {
	switch name {
	case "email_verified", "phone_number_verified":
		return value == "true"
	case "address":
		return map[string]string{"formatted": value}
	default:
		return value
	}
}

// mayRead reports whether a client sees an attribute. Without a list it sees all.
func (c Client) mayRead(attribute string) bool {
	return len(c.Settings.ReadAttributes) == 0 || attribute == "sub" ||
		slices.Contains(c.Settings.ReadAttributes, attribute)
}

// groupsOf returns the groups of a user: those with the lowest precedence first, and those of the same
// precedence in the order of their names.
func (p *Pool) groupsOf(u User) []Group {
	var groups []Group
	for _, name := range u.Groups {
		if g, exists := p.Groups[name]; exists {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(comparePrecedence(a, b), strings.Compare(a.Name, b.Name))
	})

	return groups
}

// comparePrecedence orders groups; one without precedence comes last.
func comparePrecedence(a, b Group) int {
	switch {
	case a.Precedence == nil && b.Precedence == nil:
		return 0
	case a.Precedence == nil:
		return 1
	case b.Precedence == nil:
		return -1
	default:
		return cmp.Compare(*a.Precedence, *b.Precedence)
	}
}

func namesOf(groups []Group) []string {
	names := make([]string, 0, len(groups))
	for _, g := range groups {
		names = append(names, g.Name)
	}
	return names
}

// rolesOf returns the roles of groups, each once.
func rolesOf(groups []Group) []string {
	var roles []string
	for _, g := range groups {
		if g.Role != "" && !slices.Contains(roles, g.Role) {
			roles = append(roles, g.Role)
		}
	}
	return roles
}

// preferredRole returns the role of the group with the lowest precedence; "" = there is none, or groups of
// the same precedence have different ones (API reference, CreateGroup, Precedence).
func preferredRole(groups []Group) string {
	withRole := slices.DeleteFunc(slices.Clone(groups), func(g Group) bool { return g.Role == "" })
	if len(withRole) == 0 {
		return ""
	}

	first := withRole[0]
	for _, g := range withRole[1:] {
		if comparePrecedence(first, g) == 0 && g.Role != first.Role {
			return ""
		}
	}

	return first.Role
}
