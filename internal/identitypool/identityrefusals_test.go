package identitypool

import (
	"errors"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// explained reports whether err carries a reason of the catalogue, with all its values.
func explained(err error) bool {
	why, ok := errors.AsType[*explain.Refusal](err)
	if !ok {
		return false
	}

	for _, text := range []string{why.Reason.Check, why.Expected, why.Got, why.Fix} {
		if text == "" || strings.ContainsAny(text, "{}") {
			return false
		}
	}

	return true
}

// The reason tells what became of the identity, since that decides what to do.
func TestReasonsOfIdentities(t *testing.T) {
	linked := []Login{{Kind: Public, Provider: googleKey, Subject: "alice"}}
	for name, test := range map[string]struct {
		err  error
		is   error
		want explain.Code
	}{
		"merged away": {Identity{Disabled: true, EverLinked: true}.ForbiddenError(), ErrForbidden,
			"identity-disabled"},
		"no login sent": {Identity{Logins: linked, EverLinked: true}.ForbiddenError(), ErrForbidden,
			"identity-no-login"},
		"its last login unlinked": {Identity{EverLinked: true}.ForbiddenError(), ErrForbidden, "identity-abandoned"},

		"another's login":      {Identity{Logins: linked}.NotLinkedError(1), ErrLoginsDontMatch, "linked-logins"},
		"no login to prove it": {Identity{Logins: linked}.NotLinkedError(0), ErrLoginsDontMatch, "linked-logins-none"},
		"a login, none is left": {Identity{EverLinked: true}.NotLinkedError(1), ErrLoginsDontMatch,
			"linked-logins-abandoned"},
		"a guest, no login": {Identity{}.NotLinkedError(0), ErrLoginsDontMatch, "linked-logins-guest"},
		"a guest, a login":  {Identity{}.NotLinkedError(1), ErrLoginsDontMatch, "linked-logins-guest"},
		"none is left, no login": {
			Identity{EverLinked: true}.NotLinkedError(0), ErrLoginsDontMatch, "linked-logins-abandoned",
		},
		"merged away, a login": {
			Identity{Disabled: true, EverLinked: true}.NotLinkedError(1), ErrLoginsDontMatch, "identity-disabled",
		},

		"unknown developer user": {UnknownDeveloperUser(), ErrUnknownDeveloperUser,
			"developer-user-identifier-unknown"},
	} {
		why, _ := errors.AsType[*explain.Refusal](test.err)
		if !explained(test.err) || !errors.Is(test.err, test.is) || why.Reason.Code != test.want {
			t.Errorf("%s: %v, want %s", name, test.err, test.want)
		}
	}
}
