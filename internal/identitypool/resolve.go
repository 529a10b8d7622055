package identitypool

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Refusals to use, link or merge an identity; LoginConflict is another.
var (
	// ErrForbidden means that the identity may not be used this way: it has logins
	// and none was given, or it is disabled.
	ErrForbidden = errors.New("access to the identity is forbidden")
	// ErrLoginsDontMatch means that none of the given logins is linked to the identity.
	ErrLoginsDontMatch = errors.New("none of the logins is linked to the identity")
	// ErrDeveloperUserRegistered means that the developer user belongs to another identity.
	ErrDeveloperUserRegistered = errors.New("the developer user identifier is registered under a different identity")
	// ErrUnknownDeveloperUser means that no identity has the developer user identifier.
	ErrUnknownDeveloperUser = errors.New("no identity has the developer user identifier")
)

// reasoned is one of these errors, with its reason.
type reasoned struct {
	error
	why *explain.Refusal
}

func (e *reasoned) Unwrap() []error { return []error{e.error, e.why} }

func because(err error, why *explain.Refusal) error { return &reasoned{error: err, why: why} }

// ForbiddenError returns ErrForbidden with its reason: why the identity cannot be used
// without logins, or at all.
func (i Identity) ForbiddenError() error {
	switch {
	case i.Disabled:
		return because(ErrForbidden, identityDisabled.With())
	case len(i.Logins) == 0:
		return because(ErrForbidden, identityAbandoned.With())
	default:
		return because(ErrForbidden, identityNoLogin.With())
	}
}

// NotLinkedError returns ErrLoginsDontMatch with its reason. sent is the number of the
// call's logins, of which none is linked to the identity.
func (i Identity) NotLinkedError(sent int) error {
	switch {
	case i.Guest():
		return because(ErrLoginsDontMatch, neverLinked.With())
	case i.Disabled:
		return because(ErrLoginsDontMatch, identityDisabled.With())
	case len(i.Logins) == 0:
		return because(ErrLoginsDontMatch, allUnlinked.With())
	case sent == 0:
		return because(ErrLoginsDontMatch, noLogins.With())
	default:
		return because(ErrLoginsDontMatch, notLinked.With())
	}
}

// UnknownDeveloperUser refuses a developer user that no identity of the pool has.
func UnknownDeveloperUser() error {
	return because(ErrUnknownDeveloperUser, developerUserUnknown.With())
}

// LoginConflict is the error for logins that cannot share one identity.
type LoginConflict struct {
	Provider string
	Reason   string
	TooMany  bool // the identity would have more logins than the limit
	refused
}

func (e *LoginConflict) Error() string {
	return fmt.Sprintf("login of provider %q: %s", e.Provider, e.Reason)
}

// Resolver decides to which identity a set of proven logins belongs. It calls NewID
// only if an identity must be created.
type Resolver struct {
	NewID     func() IdentityID
	MaxLogins int // of an identity; AWS: 20
}

// FirstSignIn decides GetId: the identity that owns the logins, or a new one. It
// links the logins that nobody owns. Logins of different identities are a conflict:
// GetId names no identity that the caller wants to keep (AWS documents merging only
// for GetOpenIdToken).
func (r Resolver) FirstSignIn(logins []Login) func(View) (Plan, error) {
	return func(v View) (Plan, error) {
		owners := distinctOwners(v)
		switch len(owners) {
		case 0:
			return r.check(Plan{Identity: r.NewID(), Create: true, Link: logins}, nil, nil)
		case 1:
			return r.check(Plan{Identity: owners[0].ID, Link: unowned(v, logins)}, &owners[0], nil)
		default:
			return Plan{}, &LoginConflict{
				Provider: logins[0].Provider,
				Reason:   "the logins belong to different identities",
				refused:  refused{why: linkOwners.With().Of(logins[0].Provider)},
			}
		}
	}
}

// UseIdentity decides GetOpenIdToken and GetCredentialsForIdentity for the identity
// that the call names. A guest gets the logins, or is absorbed by an owner of one. Any
// other identity must own one of the logins, and absorbs the other owners. View.Target must
// not be nil: store.Resolve returns ErrNotFound for an unknown target.
func (r Resolver) UseIdentity(logins []Login) func(View) (Plan, error) {
	return func(v View) (Plan, error) {
		target := *v.Target
		if target.Disabled {
			return Plan{}, target.ForbiddenError()
		}
		if len(logins) == 0 {
			if !target.Guest() {
				return Plan{}, target.ForbiddenError()
			}
			return Plan{Identity: target.ID}, nil
		}

		owners := distinctOwners(v)
		if target.Guest() {
			if len(owners) == 0 {
				return r.check(Plan{Identity: target.ID, Link: logins}, &target, nil)
			}

			// The identity that already owns a login absorbs the guest; of several
			// owners the oldest keeps its ID.
			absorbed := append([]Identity{target}, owners[1:]...)

			return r.check(Plan{
				Identity: owners[0].ID,
				Link:     unowned(v, logins),
				Absorb:   idsOf(absorbed),
			}, &owners[0], absorbed)
		}

		if !ownsAny(target.ID, v) {
			return Plan{}, target.NotLinkedError(len(logins))
		}

		var absorbed []Identity
		for _, o := range owners {
			if o.ID != target.ID {
				absorbed = append(absorbed, o)
			}
		}

		return r.check(Plan{
			Identity: target.ID,
			Link:     unowned(v, logins),
			Absorb:   idsOf(absorbed),
		}, &target, absorbed)
	}
}

// DeveloperSignIn decides GetOpenIdTokenForDeveloperIdentity. The signed call vouches
// for developer, tokens prove public, and the call may name an identity. Unlike
// UseIdentity it never merges identities; MergeDeveloperIdentities does.
func (r Resolver) DeveloperSignIn(developer Login, public []Login) func(View) (Plan, error) {
	all := append([]Login{developer}, public...)

	return func(v View) (Plan, error) {
		if v.Target == nil {
			owners := distinctOwners(v)
			switch len(owners) {
			case 0:
				return r.check(Plan{Identity: r.NewID(), Create: true, Link: all}, nil, nil)
			case 1:
				return r.check(Plan{Identity: owners[0].ID, Link: unowned(v, all)}, &owners[0], nil)
			default:
				return Plan{}, linkedElsewhere(all[1].Provider)
			}
		}

		target := *v.Target
		if target.Disabled {
			return Plan{}, target.ForbiddenError()
		}
		if owner, ok := v.Owners[developer]; ok && owner.ID != target.ID {
			return Plan{}, because(ErrDeveloperUserRegistered, developerUserTaken.With())
		}

		for _, l := range public {
			if owner, ok := v.Owners[l]; ok && owner.ID != target.ID {
				return Plan{}, linkedElsewhere(l.Provider)
			}
		}

		if !target.Guest() && !ownsAny(target.ID, v) {
			return Plan{}, target.NotLinkedError(len(all))
		}

		return r.check(Plan{Identity: target.ID, Link: unowned(v, all)}, &target, nil)
	}
}

// MergeDevelopers decides MergeDeveloperIdentities: the destination's identity
// absorbs the source's.
func (r Resolver) MergeDevelopers(source, destination Login) func(View) (Plan, error) {
	return func(v View) (Plan, error) {
		from, ok := v.Owners[source]
		if !ok {
			return Plan{}, UnknownDeveloperUser()
		}
		into, ok := v.Owners[destination]
		if !ok {
			return Plan{}, UnknownDeveloperUser()
		}
		if from.ID == into.ID {
			return Plan{Identity: into.ID}, nil
		}

		return r.check(Plan{Identity: into.ID, Absorb: []IdentityID{from.ID}}, &into, []Identity{from})
	}
}

// check refuses a plan whose identity would have two users of one public provider, or too
// many logins. survivor is the plan's identity, nil if it is created; absorbed are those of
// Absorb.
func (r Resolver) check(p Plan, survivor *Identity, absorbed []Identity) (Plan, error) {
	var held []Login
	if survivor != nil {
		held = append(held, survivor.Logins...)
	}
	held = append(held, p.Link...)

	for _, a := range absorbed {
		held = append(held, a.Logins...)
	}

	users := make(map[string]Login, len(held))
	for _, l := range held {
		if l.Kind != Public {
			continue
		}
		if user, ok := users[l.Provider]; ok && user != l {
			return Plan{}, &LoginConflict{
				Provider: l.Provider,
				Reason:   "the identity already has a different user of this provider",
				refused:  refused{why: linkSecondUser.With().Of(l.Provider)},
			}
		}
		users[l.Provider] = l
	}

	if len(held) > r.MaxLogins && !p.Unchanged() {
		why := linkLimit.With("limit", strconv.Itoa(r.MaxLogins), "count", strconv.Itoa(len(held)))
		setting := explain.Setting("limits.logins_per_identity")

		return Plan{}, &LoginConflict{
			Provider: held[len(held)-1].Provider,
			Reason:   fmt.Sprintf("the identity would have more than %d logins", r.MaxLogins),
			TooMany:  true,
			refused:  refused{why: why.At(setting)},
		}
	}

	return p, nil
}

func linkedElsewhere(provider string) *LoginConflict {
	return &LoginConflict{
		Provider: provider,
		Reason:   "the login is linked to another identity",
		refused:  refused{why: linkOther.With().Of(provider)},
	}
}

func idsOf(identities []Identity) []IdentityID {
	var ids []IdentityID
	for _, i := range identities {
		ids = append(ids, i.ID)
	}
	return ids
}

// distinctOwners returns the identities that own a login of the view, the oldest first.
func distinctOwners(v View) []Identity {
	owners := make([]Identity, 0, len(v.Owners))
	for _, o := range v.Owners {
		if !slices.ContainsFunc(owners, func(known Identity) bool { return known.ID == o.ID }) {
			owners = append(owners, o)
		}
	}

	slices.SortFunc(owners, func(a, b Identity) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})

	return owners
}

func unowned(v View, logins []Login) []Login {
	var free []Login
	for _, l := range logins {
		if _, ok := v.Owners[l]; !ok {
			free = append(free, l)
		}
	}
	return free
}

func ownsAny(id IdentityID, v View) bool {
	for _, o := range v.Owners {
		if o.ID == id {
			return true
		}
	}
	return false
}
