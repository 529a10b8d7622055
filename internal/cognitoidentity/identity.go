package cognitoidentity

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// GetId returns the identity of the logins, making one at the first sign-in;
// without logins, a new guest each time. AccountId is not needed and not
// looked at: the pool's ID says it all.
func (s *Service) GetId(ctx context.Context, in *GetIdInput) (*GetIdResponse, error) {
	pool, err := s.Store.Pool(ctx, identitypool.PoolID(*in.IdentityPoolId))
	if err != nil {
		return nil, poolError(err, *in.IdentityPoolId)
	}
	note(ctx, pool)
	if len(in.Logins) == 0 {
		return s.newGuest(ctx, pool)
	}
	verified, err := s.verifyLogins(ctx, askBy(ctx), pool, in.Logins, toIdentify)
	if err != nil {
		return nil, err
	}
	logins := identitypool.Logins(verified)
	identity, err := s.Store.Resolve(ctx, pool.ID, "", logins, s.resolver(pool).FirstSignIn(logins))
	if err != nil {
		return nil, s.resolveError(ctx, err, pool, "")
	}
	return &GetIdResponse{IdentityId: new(string(identity.ID))}, nil
}

func (s *Service) newGuest(ctx context.Context, pool identitypool.Pool) (*GetIdResponse, error) {
	if err := guestsAllowed(ctx, pool); err != nil {
		return nil, err
	}
	now := s.Now()
	guest := identitypool.Identity{ID: identitypool.IdentityID(newID(pool.Region)), PoolID: pool.ID, Created: now, Modified: now}
	if err := s.Store.CreateIdentity(ctx, guest); err != nil {
		return nil, poolError(err, string(pool.ID))
	}
	return &GetIdResponse{IdentityId: new(string(guest.ID))}, nil
}

func guestsAllowed(ctx context.Context, pool identitypool.Pool) error {
	if pool.AllowUnauthenticated {
		return nil
	}
	explain.FromContext(ctx).Fail("guest access", "AllowUnauthenticatedIdentities of the pool", "it is off, and no Logins were sent",
		"send a login of one of the pool's providers, or allow unauthenticated identities")
	return awsapi.Errorf(notAuthorized, messageGuestsOff)
}

// resolveError words a refusal of Store.Resolve and records it in the trace. A
// pool that vanished meanwhile is "not found" by the ID that the call named.
func (s *Service) resolveError(ctx context.Context, err error, pool identitypool.Pool, identityID string) error {
	trace := explain.FromContext(ctx)
	var linked *identitypool.LoginConflict
	switch {
	case errors.Is(err, store.ErrNotFound) && identityID == "":
		return poolNotFound(string(pool.ID))
	case errors.Is(err, identitypool.ErrForbidden):
		trace.Fail("identity", "an enabled identity, and a linked login unless it is a guest", "it is disabled, or has logins and none was sent",
			"call GetId again and use the identity ID that it returns; send a login that is linked to the identity")
	case errors.Is(err, identitypool.ErrLoginsDontMatch):
		trace.Fail("linked logins", "at least one login that is linked to the identity", "none of those sent is",
			"send a login that the identity already has, or call GetId to find the login's own identity")
	case errors.Is(err, identitypool.ErrDeveloperUserRegistered):
		trace.Fail("developer user identifier", "one that is new or belongs to the identity named", "it belongs to another identity",
			"leave IdentityId out, or merge the two with MergeDeveloperIdentities")
	case errors.As(err, &linked):
		trace.Fail("link", "logins that can share one identity", linked.Error(), "sign in with one login at a time, or unlink the other first")
	}
	return identityError(err, identityID)
}

// DescribeIdentity returns an identity's provider names and dates.
func (s *Service) DescribeIdentity(ctx context.Context, c awsapi.Caller, in *DescribeIdentityInput) (*IdentityDescription, error) {
	identity, pool, err := s.callerIdentity(ctx, c, *in.IdentityId)
	if err != nil {
		return nil, err
	}
	note(ctx, pool)
	out := describe(identity)
	return &out, nil
}

func describe(i identitypool.Identity) IdentityDescription {
	out := IdentityDescription{IdentityId: new(string(i.ID)), CreationDate: awsapi.At(i.Created), LastModifiedDate: awsapi.At(i.Modified)}
	if names := i.ProviderNames(); len(names) > 0 {
		out.Logins = names
	}
	return out
}

// describeIdentityNeeds asks for DescribeIdentity with the pool's ARN as
// condition key: the operation has no resource of its own.
func (s *Service) describeIdentityNeeds(ctx context.Context, c awsapi.Caller, in *DescribeIdentityInput) ([]awsapi.Access, error) {
	return s.identityNeeds(ctx, c, []string{*in.IdentityId})
}

func (s *Service) deleteIdentitiesNeeds(ctx context.Context, c awsapi.Caller, in *DeleteIdentitiesInput) ([]awsapi.Access, error) {
	return s.identityNeeds(ctx, c, in.IdentityIdsToDelete)
}

// identityNeeds asks for the action once per pool that the identities belong to.
func (s *Service) identityNeeds(ctx context.Context, c awsapi.Caller, ids []string) ([]awsapi.Access, error) {
	pools := map[identitypool.PoolID]bool{}
	for _, id := range ids {
		_, pool, err := s.callerIdentity(ctx, c, id)
		if refused, ok := errors.AsType[*awsapi.Error](err); ok && refused.Code == notFound {
			continue
		} else if err != nil {
			return nil, err // what could not be looked up must not go unasked
		}
		pools[pool.ID] = true
	}
	needed := make([]awsapi.Access, 0, len(pools))
	for _, pool := range slices.Sorted(maps.Keys(pools)) {
		needed = append(needed, awsapi.Access{Conditions: map[string][]string{"cognito-identity:IdentityPoolArn": {callerPoolARN(c, string(pool))}}})
	}
	if len(needed) == 0 {
		needed = append(needed, awsapi.Access{})
	}
	return needed, nil
}

// ListIdentities lists a pool's identities in the order of their IDs.
func (s *Service) ListIdentities(ctx context.Context, c awsapi.Caller, in *ListIdentitiesInput) (*ListIdentitiesResponse, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	hide := in.HideDisabled != nil && *in.HideDisabled
	scope := "identities/" + string(pool.ID) + "/" + strconv.FormatBool(hide)
	after, err := s.pageStart(scope, in.NextToken)
	if err != nil {
		return nil, err
	}
	size := int(*in.MaxResults)
	identities, err := s.Store.ListIdentities(ctx, pool.ID, hide, identitypool.IdentityID(after), size+1)
	if err != nil {
		return nil, poolError(err, string(pool.ID))
	}
	out := &ListIdentitiesResponse{IdentityPoolId: in.IdentityPoolId, Identities: []IdentityDescription{}}
	if len(identities) > size {
		identities = identities[:size]
		out.NextToken = s.pageToken(scope, string(identities[size-1].ID))
	}
	for _, i := range identities {
		out.Identities = append(out.Identities, describe(i))
	}
	return out, nil
}

// DeleteIdentities deletes identities of the caller's account and region.
// An ID that does not exist, or not there, counts as done: the operation has no
// way to say "not found", and must not say whose it is.
func (s *Service) DeleteIdentities(ctx context.Context, c awsapi.Caller, in *DeleteIdentitiesInput) (*DeleteIdentitiesResponse, error) {
	out := &DeleteIdentitiesResponse{UnprocessedIdentityIds: []UnprocessedIdentityId{}}
	for _, id := range in.IdentityIdsToDelete {
		_, _, err := s.callerIdentity(ctx, c, id)
		if err == nil {
			err = s.Store.DeleteIdentity(ctx, identitypool.IdentityID(id))
		}
		if refused, ok := errors.AsType[*awsapi.Error](err); ok && refused.Code == notFound || errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			s.Logger.ErrorContext(ctx, "an identity could not be deleted", "error", err)
			out.UnprocessedIdentityIds = append(out.UnprocessedIdentityIds, UnprocessedIdentityId{IdentityId: &id, ErrorCode: new("InternalServerError")})
		}
	}
	return out, nil
}

// UnlinkIdentity removes public logins from an identity whose ownership the
// logins given prove. A provider that is not linked is passed over, so that a
// retry is safe. Without its last login nobody can use the identity any more.
func (s *Service) UnlinkIdentity(ctx context.Context, in *UnlinkIdentityInput) (*awsapi.NoOutput, error) {
	identity, pool, err := s.identityAndPool(ctx, *in.IdentityId)
	if err != nil {
		return nil, err
	}
	note(ctx, pool)
	if len(in.Logins) == 0 {
		return nil, s.resolveError(ctx, identitypool.ErrLoginsDontMatch, pool, string(identity.ID))
	}
	for _, provider := range in.LoginsToRemove {
		if provider == pool.DeveloperProviderName && provider != "" {
			return nil, awsapi.Errorf(invalidParameter, messagePublicProvider)
		}
	}
	verified, err := s.verifyLogins(ctx, askBy(ctx), pool, in.Logins, toIdentify)
	if err != nil {
		return nil, err
	}
	err = s.Store.Unlink(ctx, identity.ID, func(i identitypool.Identity) ([]identitypool.Login, error) {
		if i.Disabled {
			return nil, identitypool.ErrForbidden
		}
		if !slices.ContainsFunc(verified, func(v identitypool.VerifiedLogin) bool { return i.HasLogin(v.Login) }) {
			return nil, identitypool.ErrLoginsDontMatch
		}
		var remove []identitypool.Login
		for _, l := range i.Logins {
			if l.Kind == identitypool.Public && slices.ContainsFunc(in.LoginsToRemove, func(key string) bool { return s.nameIn(pool, key) == l.Provider }) {
				remove = append(remove, l)
			}
		}
		return remove, nil
	})
	if err != nil {
		return nil, s.resolveError(ctx, err, pool, string(identity.ID))
	}
	return nil, nil
}
