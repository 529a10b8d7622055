package store

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Limits in bytes, above those of the API, so that no row can fill the database and
// every engine refuses the same values.
const (
	maxID       = 256      // IDs, accounts, regions, purposes: they are indexed
	maxProvider = 512      // indexed
	maxScope    = 4 << 10  // an entity ID and two qualifiers of 1024 bytes
	maxSubject  = 8 << 10  // 1024 characters of a developer user identifier need 4096
	maxText     = 64 << 10 // descriptions, policies, sealed secrets
	maxSettings = 1 << 20
	maxLogins   = 64 // logins of one call
)

// storable reports whether s can be kept and compared as text by every engine.
func storable(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// checkText returns ErrInvalid unless value is text of at most limit bytes.
func checkText(what, value string, limit int) error {
	if !storable(value, limit) {
		return fmt.Errorf("%w: %s must be UTF-8 without NUL, at most %d bytes", ErrInvalid, what, limit)
	}
	return nil
}

// checkID is checkText for text that must not be empty.
func checkID(what, value string) error {
	if value == "" {
		return fmt.Errorf("%w: %s is empty", ErrInvalid, what)
	}
	return checkText(what, value, maxID)
}

func checkBytes(what string, value []byte, limit int) error {
	if len(value) > limit {
		return fmt.Errorf("%w: %s is longer than %d bytes", ErrInvalid, what, limit)
	}
	return nil
}

// checkLogin accepts any bytes as the subject: they are kept as bytes.
func checkLogin(l identitypool.Login) error {
	if l.Kind != identitypool.Public && l.Kind != identitypool.Developer {
		return fmt.Errorf("%w: kind of login", ErrInvalid)
	}
	if l.Provider == "" || l.Subject == "" {
		return fmt.Errorf("%w: a login needs a provider and a subject", ErrInvalid)
	}
	if err := checkText("login provider", l.Provider, maxProvider); err != nil {
		return err
	}
	if err := checkText("login scope", l.Scope, maxScope); err != nil {
		return err
	}

	return checkBytes("login subject", []byte(l.Subject), maxSubject)
}

func checkLogins(logins []identitypool.Login) error {
	if len(logins) > maxLogins {
		return fmt.Errorf("%w: more than %d logins in one call", ErrInvalid, maxLogins)
	}

	for _, l := range logins {
		if err := checkLogin(l); err != nil {
			return err
		}
	}

	return nil
}
