package cognitoidentity

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	maxDeveloperUserID = 1024 // characters (API model, DeveloperUserIdentifier)
	defaultLookup      = 60   // results without MaxResults
)

// GetOpenIdTokenForDeveloperIdentity registers or finds the identity of a user
// whom the caller's backend has authenticated, and returns a token for it.
func (s *Service) GetOpenIdTokenForDeveloperIdentity(
	ctx context.Context, c awsapi.Caller, in *GetOpenIdTokenForDeveloperIdentityInput,
) (*GetOpenIdTokenForDeveloperIdentityResponse, error) {
	explain.FromContext(ctx).Plan(developerTokenPlan(s.Providers, in.Logins))
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}

	user, ok := in.Logins[pool.DeveloperProviderName]
	switch {
	case pool.DeveloperProviderName == "":
		return nil, noDeveloperProvider(pool)
	case !ok:
		why := developerMissing.With("provider", pool.DeveloperProviderName)
		return nil, awsapi.Refused(invalidParameter, why, messageDeveloperProvider)
	}
	if n := characters(user); n > maxDeveloperUserID {
		const text = "The developer user identifier has more than %d characters."
		why := developerUserLong.With("limit", strconv.Itoa(maxDeveloperUserID), "size", strconv.Itoa(n))
		return nil, awsapi.Refused(invalidParameter, why, text, maxDeveloperUserID)
	}
	if err := identitypool.ValidTags(in.PrincipalTags); err != nil {
		return nil, awsapi.Refused(invalidParameter, sessionTagsBad.With("problem", err.Error()), "%s.", err)
	}

	others := maps.Clone(in.Logins)
	delete(others, pool.DeveloperProviderName)
	target := ""
	if in.IdentityId != nil {
		target = *in.IdentityId
	}
	verified, pool, err := s.proveLogins(ctx, pool, target, others, toIssue)
	if err != nil {
		return nil, err
	}

	developer, public := pool.DeveloperLogin(user), identitypool.Logins(verified)
	identity, err := s.Store.Resolve(ctx, pool.ID, identitypool.IdentityID(target),
		append([]identitypool.Login{developer.Login}, public...),
		noteNew(ctx, s.resolver(pool).DeveloperSignIn(developer.Login, public)))
	if err != nil {
		if target == "" {
			return nil, resolveError(err, pool, "")
		}
		return nil, callerError(err, target, pool.Region)
	}

	lifetime := developerTokenLifetime
	if in.TokenDuration != nil {
		lifetime = time.Duration(*in.TokenDuration) * time.Second
	}
	amr := identitypool.AMR(append([]identitypool.VerifiedLogin{developer}, verified...))
	token, err := s.sign(ctx, pool, identity, amr, in.PrincipalTags, lifetime)
	if err != nil {
		return nil, err
	}

	return &GetOpenIdTokenForDeveloperIdentityResponse{IdentityId: new(string(identity.ID)), Token: &token}, nil
}

// LookupDeveloperIdentity finds the identity of a developer user identifier, or the
// user identifiers of an identity. Given both, it checks that they belong together.
func (s *Service) LookupDeveloperIdentity(
	ctx context.Context, c awsapi.Caller, in *LookupDeveloperIdentityInput,
) (*LookupDeveloperIdentityResponse, error) {
	explain.FromContext(ctx).Plan(planLookup)
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if in.IdentityId == nil && in.DeveloperUserIdentifier == nil {
		const text = "Either IdentityId or DeveloperUserIdentifier is required."
		return nil, awsapi.Refused(invalidParameter, lookupEmpty.With(), text)
	}

	var id identitypool.IdentityID
	if in.IdentityId != nil {
		identity, err := s.identityIn(ctx, pool, *in.IdentityId)
		if err != nil {
			return nil, err
		}
		id = identity.ID
	}
	if in.DeveloperUserIdentifier != nil {
		owner, err := s.developerUser(ctx, pool, *in.DeveloperUserIdentifier)
		if err != nil {
			return nil, err
		}
		if id != "" && id != owner.ID {
			const text = "The developer user identifier does not belong to the identity."
			return nil, awsapi.Refused(conflict, developerUserOther.With(), text)
		}
		id = owner.ID
	}

	scope := "developers/" + string(pool.ID) + "/" + string(id)
	after, err := s.pageStart(scope, in.NextToken)
	if err != nil {
		return nil, err
	}
	size := defaultLookup
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	users, err := s.Store.DeveloperUserIDs(ctx, id, pool.DeveloperProviderName, after, size+1)
	if err != nil {
		return nil, identityError(err, string(id))
	}

	out := &LookupDeveloperIdentityResponse{IdentityId: new(string(id)), DeveloperUserIdentifierList: []string{}}
	if len(users) > size {
		users = users[:size]
		out.NextToken = s.pageToken(scope, users[size-1])
	}
	out.DeveloperUserIdentifierList = append(out.DeveloperUserIdentifierList, users...)

	return out, nil
}

// identityIn returns an identity of the pool.
func (s *Service) identityIn(ctx context.Context, pool identitypool.Pool, id string) (identitypool.Identity, error) {
	identity, err := s.Store.Identity(ctx, identitypool.IdentityID(id))
	if err == nil && identity.PoolID != pool.ID {
		err = store.ErrNotFound
	}
	return identity, callerError(err, id, pool.Region)
}

// developerUser returns the identity of a developer user identifier.
func (s *Service) developerUser(
	ctx context.Context, pool identitypool.Pool, user string,
) (identitypool.Identity, error) {
	identity, err := s.Store.IdentityByLogin(ctx, pool.ID, pool.DeveloperLogin(user).Login)
	if errors.Is(err, store.ErrNotFound) {
		return identity, identityError(identitypool.UnknownDeveloperUser(), "")
	}
	return identity, err
}

// MergeDeveloperIdentities merges the source user's identity into the
// destination user's, which keeps its ID. The source identity is disabled.
func (s *Service) MergeDeveloperIdentities(
	ctx context.Context, c awsapi.Caller, in *MergeDeveloperIdentitiesInput,
) (*MergeDeveloperIdentitiesResponse, error) {
	explain.FromContext(ctx).Plan(planMerge)
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if err := isDeveloperProvider(pool, *in.DeveloperProviderName); err != nil {
		return nil, err
	}

	source, destination := pool.DeveloperLogin(*in.SourceUserIdentifier).Login,
		pool.DeveloperLogin(*in.DestinationUserIdentifier).Login
	identity, err := s.Store.Resolve(ctx, pool.ID, "", []identitypool.Login{source, destination},
		s.resolver(pool).MergeDevelopers(source, destination))
	if err != nil {
		return nil, resolveError(err, pool, "")
	}

	return &MergeDeveloperIdentitiesResponse{IdentityId: new(string(identity.ID))}, nil
}

// UnlinkDeveloperIdentity removes one developer user identifier from an
// identity. The user gets a new identity at the next sign-in.
func (s *Service) UnlinkDeveloperIdentity(
	ctx context.Context, c awsapi.Caller, in *UnlinkDeveloperIdentityInput,
) (*awsapi.NoOutput, error) {
	explain.FromContext(ctx).Plan(planUnlinkUser)
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if err := isDeveloperProvider(pool, *in.DeveloperProviderName); err != nil {
		return nil, err
	}
	identity, err := s.identityIn(ctx, pool, *in.IdentityId)
	if err != nil {
		return nil, err
	}

	gone := pool.DeveloperLogin(*in.DeveloperUserIdentifier).Login
	err = s.Store.Unlink(ctx, identity.ID, func(i identitypool.Identity) ([]identitypool.Login, error) {
		if !i.HasLogin(gone) {
			return nil, identitypool.UnknownDeveloperUser()
		}
		return []identitypool.Login{gone}, nil
	})

	if errors.Is(err, identitypool.ErrUnknownDeveloperUser) {
		if _, err := s.developerUser(ctx, pool, *in.DeveloperUserIdentifier); err != nil {
			return nil, err
		}
		const text = "The developer user identifier belongs to another identity."
		return nil, awsapi.Refused(conflict, developerUserOther.With(), text)
	}
	if err != nil {
		return nil, callerError(err, *in.IdentityId, pool.Region)
	}

	return nil, nil
}

// isDeveloperProvider refuses a name that is not the pool's developer provider.
func isDeveloperProvider(pool identitypool.Pool, name string) error {
	switch pool.DeveloperProviderName {
	case name:
		return nil
	case "":
		return noDeveloperProvider(pool)
	default:
		why := developerOther.With("provider", pool.DeveloperProviderName, "name", provider.ShownName(name))
		return awsapi.Refused(invalidParameter, why, messageDeveloperProvider)
	}
}

func noDeveloperProvider(pool identitypool.Pool) error {
	why := developerNone.With().At(pool.ID.Link("DeveloperProviderName"))
	return awsapi.Refused(invalidParameter, why, messageDeveloperProvider)
}
