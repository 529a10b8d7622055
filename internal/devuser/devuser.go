// Package devuser keeps the users of `poolhouse dev`: the people that its built-in issuer vouches
// for by name, each with the claims of their tokens. Start at Open.
package devuser

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of users.
const (
	MaxUsers   = 1000
	maxName    = 128      // bytes
	maxSubject = 255      // bytes (OpenID Connect Core 1.0, section 2)
	maxClaims  = 16 << 10 // bytes of JSON
	maxDepth   = 16       // levels of the claims, themselves one; that is what pools read of a token
)

// Errors of this package. ErrInvalid means that a user cannot be kept as it is, and ErrDamaged that
// the file of users cannot be read.
var (
	ErrNotFound = errors.New("no such user")
	ErrExists   = errors.New("there is such a user")
	ErrInvalid  = errors.New("invalid user")
	ErrDamaged  = errors.New("the file of users is damaged")
)

// User is somebody whom the built-in issuer vouches for.
type User struct {
	Name    string         `json:"name"` // by which people and commands name the user; unique
	Subject string         `json:"sub"`
	Claims  map[string]any `json:"claims,omitempty"` // all others; JSON values
}

// ExampleFlag returns the flag of `poolhouse dev token` that names the first of the users or, if there is
// none, somebody.
func ExampleFlag(users []User) string {
	if len(users) == 0 {
		return "--sub alice"
	}
	return "--user " + users[0].Name
}

// nameForm has the names that need no quotes in a shell, e-mail addresses too.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]*$`)

// issued are the claims that the issuer sets.
var issued = []string{"iss", "aud", "iat", "exp"}

// deciding are the claims that decide something when a token is verified.
var deciding = append([]string{"sub", "nbf", "azp", "jti", "nonce", "token_use", "events"}, issued...)

// CheckClaims refuses claims that would spoil a token: pools refuse those whose names differ in case only
// from a claim that decides something, and those that are nested deeply. Error: ErrInvalid.
func CheckClaims(claims map[string]any) error {
	_, err := encodeClaims(claims)
	return err
}

// encodeClaims is CheckClaims, and returns the claims as JSON.
func encodeClaims(claims map[string]any) ([]byte, error) {
	for name := range claims {
		for _, known := range deciding {
			if name != known && strings.EqualFold(name, known) {
				return nil, fmt.Errorf("%w: pools refuse tokens with the claim %s, which is %s in another case: "+
					"leave it out", ErrInvalid, shown(name), known)
			}
		}
	}

	text, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("%w: the claims are no JSON: %w", ErrInvalid, err)
	}
	if isDeep(text) {
		return nil, fmt.Errorf("%w: the claims are nested more than %d levels deep, and pools refuse such tokens",
			ErrInvalid, maxDepth)
	}

	return text, nil
}

// isDeep reports whether valid JSON has more than maxDepth levels.
func isDeep(text []byte) bool {
	depth, inText, escaped := 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case inText:
			escaped, inText = c == '\\', c != '"'
		case c == '"':
			inText = true
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}

	return false
}

// New returns a user with the claims of a token. The claim sub is the subject; without it the
// subject is the name. Error: ErrInvalid.
func New(name string, claims map[string]any) (User, error) {
	u := User{Name: name, Subject: name, Claims: maps.Clone(claims)}
	if subject, given := u.Claims["sub"]; given {
		text, isText := subject.(string)
		if !isText {
			return User{}, fmt.Errorf("%w: sub must be text", ErrInvalid)
		}
		u.Subject = text
		delete(u.Claims, "sub")
	}

	return u, u.check()
}

// check refuses a user that cannot be kept, or whose tokens could not be signed.
func (u User) check() error {
	switch {
	case len(u.Name) > maxName || !nameForm.MatchString(u.Name):
		return fmt.Errorf("%w: the name %q must have 1 to %d letters, digits, '.', '_', '@', '+' and '-', "+
			"and begin with a letter or digit", ErrInvalid, u.Name, maxName)
	case u.Subject == "" || len(u.Subject) > maxSubject || !utf8.ValidString(u.Subject):
		return fmt.Errorf("%w: sub must have 1 to %d bytes", ErrInvalid, maxSubject)
	}

	for _, name := range append([]string{"sub"}, issued...) {
		if _, given := u.Claims[name]; given {
			return fmt.Errorf("%w: the issuer sets the claim %s: leave it out", ErrInvalid, name)
		}
	}

	text, err := encodeClaims(u.Claims)
	if err != nil {
		return err
	}
	if len(text) > maxClaims {
		return fmt.Errorf("%w: the claims have %d bytes of JSON; the limit is %d", ErrInvalid, len(text), maxClaims)
	}

	return nil
}

// DisplayName returns the claim name, and without it the user's name.
func (u User) DisplayName() string {
	if text, ok := u.Claims["name"].(string); ok && strings.TrimSpace(text) != "" {
		return shown(text)
	}
	return u.Name
}

// Email returns the claim email; "" = none.
func (u User) Email() string {
	text, _ := u.Claims["email"].(string)
	return shown(text)
}

// Groups returns the claim cognito:groups or, without it, groups.
func (u User) Groups() []string {
	for _, claim := range []string{"cognito:groups", "groups"} {
		list, isList := u.Claims[claim].([]any)
		if !isList {
			continue
		}

		var groups []string
		for _, item := range list {
			if text, ok := item.(string); ok {
				groups = append(groups, shown(text))
			}
		}

		return groups
	}

	return nil
}

// shown returns text without characters that change what a terminal shows.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// clone returns a user that shares nothing that a caller may change.
func (u User) clone() User {
	u.Claims = maps.Clone(u.Claims)
	return u
}

// names returns the users' names in order.
func names(users map[string]User) []string { return slices.Sorted(maps.Keys(users)) }
