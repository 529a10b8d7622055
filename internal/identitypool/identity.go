package identitypool

import (
	"slices"
	"time"
)

// LoginKind separates subjects that a provider vouched for from user identifiers
// that a developer's signed call vouched for. The two never match, even if a
// developer provider has a public provider's name.
type LoginKind string

// The two kinds of login.
const (
	Public    LoginKind = "public"
	Developer LoginKind = "developer"
)

// Login is a user at a provider. In a pool, each Login belongs to at most one
// identity; subjects are compared byte for byte.
type Login struct {
	Kind     LoginKind
	Provider string // the key in Logins, e.g. accounts.google.com
	Subject  string // the provider's stable user ID, never the token's text
	// Scope is the namespace in which Subject is unique, for SAML, since a SAML
	// provider's name may later stand for another issuer. It is "" for all others,
	// and for logins that were stored before there was a Scope.
	Scope string
}

// Identity is one person or device in a pool.
type Identity struct {
	ID       IdentityID
	PoolID   PoolID
	Logins   []Login
	Disabled bool       // it lost a merge
	MergedTo IdentityID // the identity that absorbed it
	Created  time.Time
	Modified time.Time
	// EverLinked distinguishes a guest from an identity whose last login was
	// unlinked: a guest can be used by its ID alone, the other by nobody.
	EverLinked bool
	// Predecessor is the identity that had the ID before. The store sets it.
	Predecessor Predecessor
}

// Guest reports whether the identity may be used without logins.
func (i Identity) Guest() bool { return !i.EverLinked && !i.Disabled && len(i.Logins) == 0 }

// HasLogin reports whether l is linked to the identity.
func (i Identity) HasLogin(l Login) bool {
	return slices.Contains(i.Logins, l)
}

// View is the store's state, at one instant, of the identities of a call: the
// identity that the call names, if any, and the owner of each of its logins that
// has one.
type View struct {
	Target *Identity
	Owners map[Login]Identity
}

// Plan is the outcome of a decision on a View. The store writes it only if the View still
// holds; otherwise it reads and decides again (see store.Resolve).
type Plan struct {
	Identity IdentityID   // the identity to return
	Create   bool         // Identity does not exist yet
	Link     []Login      // to link to Identity
	Absorb   []IdentityID // to merge into Identity: their logins move, they end disabled
}

// Unchanged reports whether the plan writes nothing.
func (p Plan) Unchanged() bool { return !p.Create && len(p.Link) == 0 && len(p.Absorb) == 0 }
