package cognitoidentity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	// defaultDeveloperToken is the lifetime without TokenDuration; AWS's too.
	defaultDeveloperToken = 15 * time.Minute
	maxDeveloperUserID    = 1024 // characters (API model, DeveloperUserIdentifier)
	defaultLookup         = 60   // results without MaxResults
)

// GetOpenIdTokenForDeveloperIdentity registers or finds the identity of a user
// whom the caller's own backend has authenticated, and returns a token for it.
func (s *Service) GetOpenIdTokenForDeveloperIdentity(ctx context.Context, c awsapi.Caller, in *GetOpenIdTokenForDeveloperIdentityInput) (*GetOpenIdTokenForDeveloperIdentityResponse, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	user, ok := in.Logins[pool.DeveloperProviderName]
	if !ok || pool.DeveloperProviderName == "" {
		explain.FromContext(ctx).Fail("developer provider", "Logins with the key "+pool.DeveloperProviderName, "it is not there",
			"use the pool's DeveloperProviderName as the key and the user's identifier as the value")
		return nil, awsapi.Errorf(invalidParameter, messageDeveloperProvider)
	}
	if n := characters(user); n > maxDeveloperUserID {
		explain.FromContext(ctx).Fail("developer user identifier", fmt.Sprintf("at most %d characters", maxDeveloperUserID), fmt.Sprintf("%d characters", n),
			"use a shorter identifier that stays the user's own, such as a hash of the long one")
		return nil, invalid("The developer user identifier has more than %d characters.", maxDeveloperUserID)
	}
	if err := identitypool.ValidTags(in.PrincipalTags); err != nil {
		explain.FromContext(ctx).Fail("principal tags", "tags that STS takes", err.Error(), "change PrincipalTags, or leave them out")
		return nil, invalid("%s.", err)
	}
	others := maps.Clone(in.Logins)
	delete(others, pool.DeveloperProviderName)
	target := ""
	if in.IdentityId != nil {
		target = *in.IdentityId
	}
	verified, err := s.verifyCurrent(ctx, &pool, target, others, toIssue)
	if err != nil {
		return nil, err
	}
	developer, public := pool.DeveloperLogin(user), identitypool.Logins(verified)
	identity, err := s.Store.Resolve(ctx, pool.ID, identitypool.IdentityID(target),
		append([]identitypool.Login{developer.Login}, public...), s.resolver(pool).DeveloperSignIn(developer.Login, public))
	if err != nil {
		return nil, s.resolveError(ctx, err, pool, target)
	}
	lifetime := defaultDeveloperToken
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

// LookupDeveloperIdentity goes from a developer user identifier to its
// identity, from an identity to its user identifiers, or checks that both fit.
func (s *Service) LookupDeveloperIdentity(ctx context.Context, c awsapi.Caller, in *LookupDeveloperIdentityInput) (*LookupDeveloperIdentityResponse, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if in.IdentityId == nil && in.DeveloperUserIdentifier == nil {
		return nil, invalid("Either IdentityId or DeveloperUserIdentifier is required.")
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
			explain.FromContext(ctx).Fail("developer user identifier", "one of the identity named", "it belongs to another identity", "give IdentityId or DeveloperUserIdentifier alone")
			return nil, awsapi.Errorf(conflict, "The developer user identifier does not belong to the identity.")
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
	return identity, missing(ctx, err, id)
}

// developerUser returns the identity of a developer user identifier.
func (s *Service) developerUser(ctx context.Context, pool identitypool.Pool, user string) (identitypool.Identity, error) {
	identity, err := s.Store.IdentityByLogin(ctx, pool.ID, pool.DeveloperLogin(user).Login)
	if errors.Is(err, store.ErrNotFound) {
		return identity, unknownDeveloperUser(ctx)
	}
	return identity, err
}

func unknownDeveloperUser(ctx context.Context) error {
	explain.FromContext(ctx).Fail("developer user identifier", "one that is registered in the pool", "it is not",
		"register the user with GetOpenIdTokenForDeveloperIdentity, or check the identifier: it is compared byte by byte")
	return awsapi.Errorf(notFound, "The developer user identifier is not registered in the identity pool.")
}

// MergeDeveloperIdentities merges the source user's identity into the
// destination user's, which keeps its ID; the source identity ends disabled.
func (s *Service) MergeDeveloperIdentities(ctx context.Context, c awsapi.Caller, in *MergeDeveloperIdentitiesInput) (*MergeDeveloperIdentitiesResponse, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if err := isDeveloperProvider(ctx, pool, *in.DeveloperProviderName); err != nil {
		return nil, err
	}
	source, destination := pool.DeveloperLogin(*in.SourceUserIdentifier).Login, pool.DeveloperLogin(*in.DestinationUserIdentifier).Login
	identity, err := s.Store.Resolve(ctx, pool.ID, "", []identitypool.Login{source, destination}, s.resolver(pool).MergeDevelopers(source, destination))
	if errors.Is(err, identitypool.ErrUnknownDeveloperUser) {
		return nil, unknownDeveloperUser(ctx)
	} else if err != nil {
		return nil, s.resolveError(ctx, err, pool, "")
	}
	return &MergeDeveloperIdentitiesResponse{IdentityId: new(string(identity.ID))}, nil
}

// UnlinkDeveloperIdentity removes one developer user identifier from an
// identity; the user is a new identity at the next sign-in.
func (s *Service) UnlinkDeveloperIdentity(ctx context.Context, c awsapi.Caller, in *UnlinkDeveloperIdentityInput) (*awsapi.NoOutput, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if err := isDeveloperProvider(ctx, pool, *in.DeveloperProviderName); err != nil {
		return nil, err
	}
	identity, err := s.identityIn(ctx, pool, *in.IdentityId)
	if err != nil {
		return nil, err
	}
	gone := pool.DeveloperLogin(*in.DeveloperUserIdentifier).Login
	err = s.Store.Unlink(ctx, identity.ID, func(i identitypool.Identity) ([]identitypool.Login, error) {
		if !i.HasLogin(gone) {
			return nil, identitypool.ErrUnknownDeveloperUser
		}
		return []identitypool.Login{gone}, nil
	})
	if errors.Is(err, identitypool.ErrUnknownDeveloperUser) {
		if _, err := s.developerUser(ctx, pool, *in.DeveloperUserIdentifier); err != nil {
			return nil, err
		}
		explain.FromContext(ctx).Fail("developer user identifier", "one of the identity named", "it belongs to another identity",
			"find its identity with LookupDeveloperIdentity and name that")
		return nil, awsapi.Errorf(conflict, "The developer user identifier belongs to another identity.")
	}
	if err != nil {
		return nil, s.resolveError(ctx, err, pool, *in.IdentityId)
	}
	return nil, nil
}

// isDeveloperProvider refuses a name that is not the pool's developer provider.
func isDeveloperProvider(ctx context.Context, pool identitypool.Pool, name string) error {
	if pool.DeveloperProviderName == name {
		return nil
	}
	expected := "the pool's DeveloperProviderName, " + pool.DeveloperProviderName
	if pool.DeveloperProviderName == "" {
		expected = "a pool with a DeveloperProviderName"
	}
	explain.FromContext(ctx).Fail("developer provider", expected, shownName(name), "use the pool's DeveloperProviderName; UpdateIdentityPool sets one where there is none")
	return awsapi.Errorf(invalidParameter, messageDeveloperProvider)
}
