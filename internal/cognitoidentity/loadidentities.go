package cognitoidentity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// maxLoaded is the limit of identities in one call of LoadIdentities.
const maxLoaded = 500

// maxLoadedLogins is the limit of logins of one such identity.
const maxLoadedLogins = 64

// LoadIdentitiesInput names identities that were made elsewhere. AWS has no such
// operation.
type LoadIdentitiesInput struct {
	IdentityPoolId *string
	Identities     []LoadedIdentity
}

// LoadedIdentity is an identity with its known logins. If it has logins that nobody
// knows, it is not a Guest, and cannot be used by its ID alone: otherwise whoever
// knows the ID could claim it.
type LoadedIdentity struct {
	IdentityId       *string
	CreationDate     *float64 // epoch seconds; absent is now
	LastModifiedDate *float64
	Guest            *bool // usable without logins
	Logins           []LoadedLogin
}

// LoadedLogin is one login of an identity. A subject of the pool's developer
// provider is a developer user identifier.
type LoadedLogin struct {
	ProviderName *string
	Subject      *string
}

// LoadIdentitiesOutput counts the identities by outcome.
type LoadIdentitiesOutput struct {
	Loaded  int // new
	Present int // already in the pool, with these logins
	Refused []RefusedIdentity
}

// RefusedIdentity is an identity that was not loaded.
type RefusedIdentity struct {
	IdentityId string
	Message    string
}

// LoadIdentities adds identities with their IDs to a pool. A refused identity does
// not stop the others. One that already exists with the same logins stays as it is,
// so that a load may be repeated.
func (s *Service) LoadIdentities(
	ctx context.Context, c awsapi.Caller, in *LoadIdentitiesInput,
) (*LoadIdentitiesOutput, error) {
	explain.FromContext(ctx).Plan(loadChecks)
	if in.IdentityPoolId == nil {
		return nil, awsapi.Refused(invalidParameter, loadPoolMissing.With(), "IdentityPoolId is required.")
	}
	if n := len(in.Identities); n > maxLoaded {
		return nil, awsapi.Refused(invalidParameter,
			loadLimit.With("limit", strconv.Itoa(maxLoaded), "count", strconv.Itoa(n)),
			"Give at most %d identities; there are %d.", maxLoaded, n)
	}

	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if err := s.mayChooseIDs(c); err != nil {
		return nil, err
	}

	out := &LoadIdentitiesOutput{Refused: []RefusedIdentity{}}
	refuse := func(id identitypool.IdentityID, message string) {
		out.Refused = append(out.Refused, RefusedIdentity{IdentityId: string(id), Message: message})
	}

	var identities []identitypool.Identity
	for _, given := range in.Identities {
		identity, problem, err := s.loaded(ctx, pool, given, s.loadedLogin)
		if err != nil {
			return nil, err
		}
		if problem != "" {
			refuse(identity.ID, problem)
			continue
		}
		identities = append(identities, identity)
	}

	outcomes, err := s.Store.LoadIdentities(ctx, pool.ID, identities)
	if err != nil {
		return nil, poolError(err, *in.IdentityPoolId)
	}

	for n, identity := range identities {
		switch err := outcomes[n]; {
		case err == nil:
			out.Loaded++
		case errors.Is(err, store.ErrConflict):
			have, err := s.Store.Identity(ctx, identity.ID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
			if err == nil && sameLogins(have, identity) {
				out.Present++
				continue
			}
			refuse(identity.ID, "The ID is taken, or one of the logins belongs to another identity.")
		case errors.Is(err, store.ErrInvalid):
			refuse(identity.ID, "A login is empty, too long or not valid text.")
		default:
			return nil, poolError(err, *in.IdentityPoolId)
		}
	}

	return out, nil
}

// loaded returns the identity that in describes, or the problem with it.
func (s *Service) loaded(
	ctx context.Context, pool identitypool.Pool, in LoadedIdentity, read loginReader,
) (i identitypool.Identity, problem string, err error) {
	if in.IdentityId != nil {
		i.ID = identitypool.IdentityID(*in.IdentityId)
	}
	guest := in.Guest != nil && *in.Guest

	switch {
	case !identitypool.ValidID(string(i.ID)) || identitypool.RegionOf(string(i.ID)) != pool.Region:
		return i, "IdentityId must be an ID of the pool's region.", nil
	case len(in.Logins) > maxLoadedLogins:
		return i, fmt.Sprintf("An identity has at most %d logins.", maxLoadedLogins), nil
	}

	i.PoolID = pool.ID
	for _, given := range in.Logins {
		l, problem, err := read(ctx, pool, given)
		if problem != "" || err != nil {
			return i, problem, err
		}
		if i.HasLogin(l) {
			return i, "A login is listed twice.", nil
		}
		i.Logins = append(i.Logins, l)
	}
	if guest && len(i.Logins) > 0 {
		return i, "A guest has no logins.", nil
	}

	i.EverLinked = !guest
	i.Created, i.Modified = s.moment(in.CreationDate), s.moment(in.LastModifiedDate)
	if i.Modified.Before(i.Created) {
		i.Modified = i.Created
	}

	return i, "", nil
}

// loginReader returns the login that in describes, or the problem with it.
type loginReader func(ctx context.Context, pool identitypool.Pool, in LoadedLogin) (
	l identitypool.Login, problem string, err error)

// loadedLogin is a loginReader. If the store has the login in a former form, loadedLogin changes it
// to the present one.
func (s *Service) loadedLogin(
	ctx context.Context, pool identitypool.Pool, in LoadedLogin,
) (l identitypool.Login, problem string, err error) {
	l, of, problem, err := s.describedLogin(ctx, pool, in)
	if of != nil && problem == "" && err == nil {
		if err := s.rescope(ctx, pool.ID, l, of); err != nil && !errors.Is(err, store.ErrInvalid) {
			return l, "", err
		}
	}

	return l, problem, err
}

// unknownSAML is the problem with a login whose SAML provider is not there.
const unknownSAML = "A login is of a SAML provider that is not registered: register it first, " +
	"its metadata names the issuer of these users."

// describedLogin returns the login that in describes, with its provider if the store may have it in a
// former form. It changes nothing.
func (s *Service) describedLogin(
	ctx context.Context, pool identitypool.Pool, in LoadedLogin,
) (l identitypool.Login, of *saml.Provider, problem string, err error) {
	if in.ProviderName == nil || in.Subject == nil || *in.ProviderName == "" || *in.Subject == "" {
		return l, nil, "A login has no ProviderName or no Subject.", nil
	}
	if *in.ProviderName == pool.DeveloperProviderName {
		if characters(*in.Subject) > maxDeveloperUserID {
			return l, nil, "A developer user identifier is too long.", nil
		}
		return pool.DeveloperLogin(*in.Subject).Login, nil, "", nil
	}

	l, of, known, err := s.ofSubject(ctx, pool.StoredName(s.Providers.NameOf(*in.ProviderName)), *in.Subject)
	if err == nil && !known {
		problem = unknownSAML
	}

	return l, of, problem, err
}

// moment converts a time in epoch seconds. A missing or future time becomes now.
func (s *Service) moment(seconds *float64) time.Time {
	now := s.Now()
	if seconds == nil || *seconds < 0 || *seconds >= float64(now.Unix()) {
		return now
	}
	return time.UnixMilli(int64(*seconds * 1000)).UTC()
}

func sameLogins(have, want identitypool.Identity) bool {
	if have.PoolID != want.PoolID || have.Disabled || have.EverLinked != want.EverLinked ||
		len(have.Logins) != len(want.Logins) {
		return false
	}

	return !slices.ContainsFunc(want.Logins, func(l identitypool.Login) bool { return !have.HasLogin(l) })
}
