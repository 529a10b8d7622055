package cognitoidentity

import (
	"context"
	"errors"
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
	if characters(user) > maxDeveloperUserID {
		return nil, invalid("The developer user identifier has more than %d characters.", maxDeveloperUserID)
	}
	if err := identitypool.ValidTags(in.PrincipalTags); err != nil {
		return nil, invalid("%s.", err)
	}
	others := maps.Clone(in.Logins)
	delete(others, pool.DeveloperProviderName)
	verified, err := s.verifyLogins(ctx, askBy(ctx), pool, others, toIssue)
	if err != nil {
		return nil, err
	}
	developer, public := pool.DeveloperLogin(user), identitypool.Logins(verified)
	target := ""
	if in.IdentityId != nil {
		target = *in.IdentityId
	}
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
	token, err := s.sign(ctx, pool, identity.ID, amr, in.PrincipalTags, lifetime)
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
	if err != nil {
		return identity, identityError(err, id)
	}
	if identity.PoolID != pool.ID {
		return identitypool.Identity{}, identityNotFound(id)
	}
	return identity, nil
}

// developerUser returns the identity of a developer user identifier.
func (s *Service) developerUser(ctx context.Context, pool identitypool.Pool, user string) (identitypool.Identity, error) {
	identity, err := s.Store.IdentityByLogin(ctx, pool.ID, pool.DeveloperLogin(user).Login)
	if errors.Is(err, store.ErrNotFound) {
		return identity, unknownDeveloperUser()
	}
	return identity, err
}

func unknownDeveloperUser() error {
	return awsapi.Errorf(notFound, "The developer user identifier is not registered in the identity pool.")
}

// MergeDeveloperIdentities merges the source user's identity into the
// destination user's, which keeps its ID; the source identity ends disabled.
func (s *Service) MergeDeveloperIdentities(ctx context.Context, c awsapi.Caller, in *MergeDeveloperIdentitiesInput) (*MergeDeveloperIdentitiesResponse, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if pool.DeveloperProviderName != *in.DeveloperProviderName {
		return nil, awsapi.Errorf(invalidParameter, messageDeveloperProvider)
	}
	source, destination := pool.DeveloperLogin(*in.SourceUserIdentifier).Login, pool.DeveloperLogin(*in.DestinationUserIdentifier).Login
	identity, err := s.Store.Resolve(ctx, pool.ID, "", []identitypool.Login{source, destination}, s.resolver(pool).MergeDevelopers(source, destination))
	if errors.Is(err, identitypool.ErrUnknownDeveloperUser) {
		return nil, unknownDeveloperUser()
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
	if pool.DeveloperProviderName != *in.DeveloperProviderName {
		return nil, awsapi.Errorf(invalidParameter, messageDeveloperProvider)
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
		return nil, awsapi.Errorf(conflict, "The developer user identifier belongs to another identity.")
	}
	return nil, identityError(err, *in.IdentityId)
}
