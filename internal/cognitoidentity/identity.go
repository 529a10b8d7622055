package cognitoidentity

import (
	"context"
	"errors"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// GetId returns the identity of the logins, and makes one at the first sign-in.
// Without logins it makes a new guest each time. It ignores AccountId: the pool's
// ID is enough.
func (s *Service) GetId(ctx context.Context, in *GetIdInput) (*GetIdResponse, error) {
	explain.FromContext(ctx).Plan(planGetID.of(s.Providers, in.Logins))
	pool, err := s.Store.SharedPool(ctx, identitypool.PoolID(*in.IdentityPoolId))
	if err != nil {
		return nil, publicPoolError(ctx, err, *in.IdentityPoolId)
	}
	if len(in.Logins) == 0 {
		return s.newGuest(ctx, pool)
	}

	if err := s.admit(ctx, pool, in.Logins); err != nil {
		return nil, err
	}
	verified, pool, err := s.proveLogins(ctx, pool, "", in.Logins, toIdentify)
	if err != nil {
		return nil, err
	}

	logins := identitypool.Logins(verified)
	identity, err := s.Store.Resolve(ctx, pool.ID, "", logins, noteNew(ctx, s.resolver(pool).FirstSignIn(logins)))
	if err != nil {
		// The token operations declare no such error.
		if linked, ok := errors.AsType[*identitypool.LoginConflict](err); ok && linked.TooMany {
			const text = "The identity would have more than %d logins."
			return nil, awsapi.Refused(limitExceeded, reasonOf(err), text, s.Limits.LoginsPerIdentity)
		}
		return nil, resolveError(err, pool, "")
	}

	return &GetIdResponse{IdentityId: new(string(identity.ID))}, nil
}

// publicPoolError is poolError for a call that nobody signed.
func publicPoolError(ctx context.Context, err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return askedPoolNotFound(ctx, id, poolUnknownPublic.With())
	}
	return err
}

func (s *Service) newGuest(ctx context.Context, pool identitypool.Pool) (*GetIdResponse, error) {
	note(ctx, pool)
	if err := s.Addresses.MayMakeGuest(ctx); err != nil {
		return nil, err
	}
	if err := s.admit(ctx, pool, nil); err != nil {
		return nil, err
	}
	if err := guestsAllowed(pool); err != nil {
		return nil, err
	}
	if err := s.Addresses.MakeGuest(ctx); err != nil {
		return nil, err
	}

	now := s.Now()
	guest := identitypool.Identity{
		ID:       identitypool.IdentityID(newID(pool.Region)),
		PoolID:   pool.ID,
		Created:  now,
		Modified: now,
	}
	if err := s.Store.CreateIdentity(ctx, guest); err != nil {
		return nil, poolError(err, string(pool.ID))
	}
	awsapi.RecordFrom(ctx).NewIdentity = true

	return &GetIdResponse{IdentityId: new(string(guest.ID))}, nil
}

func guestsAllowed(pool identitypool.Pool) error {
	if pool.AllowUnauthenticated {
		return nil
	}

	why := guestsOff.With()
	switch {
	case pool.HasPublicProviders():
	case pool.DeveloperProviderName != "":
		why = guestsOffDeveloper.With("provider", pool.DeveloperProviderName)
	default:
		why = guestsOffNoProviders.With()
	}

	return awsapi.Refused(notAuthorized,
		why.At(pool.ID.Link("AllowUnauthenticatedIdentities")), messageGuestsOff)
}

// resolveError turns a refusal of Store.Resolve into the API's error. If the pool was
// deleted meanwhile, the error names the ID that the call named.
func resolveError(err error, pool identitypool.Pool, identityID string) error {
	if errors.Is(err, store.ErrNotFound) && identityID == "" {
		return poolNotFound(string(pool.ID), poolDeleted.With())
	}
	return identityError(err, identityID)
}

// DescribeIdentity returns an identity's provider names and dates.
func (s *Service) DescribeIdentity(
	ctx context.Context, c awsapi.Caller, in *DescribeIdentityInput,
) (*IdentityDescription, error) {
	explain.FromContext(ctx).Plan(planIdentity)
	identity, pool, err := s.callerIdentity(ctx, c, *in.IdentityId)
	if err != nil {
		return nil, err
	}
	note(ctx, pool)
	out := describe(pool, identity)

	return &out, nil
}

// disabledLogins stands for the logins of an identity that was merged into another (AWS's
// answer, recorded).
const disabledLogins = "DISABLED"

func describe(pool identitypool.Pool, i identitypool.Identity) IdentityDescription {
	out := IdentityDescription{
		IdentityId:       new(string(i.ID)),
		CreationDate:     awsapi.At(i.Created),
		LastModifiedDate: awsapi.At(i.Modified),
	}

	names := i.ProviderNames()
	switch {
	case i.Disabled:
		out.Logins = []string{disabledLogins}
	case len(names) > 0:
		out.Logins = pool.ShownNames(names)
	}

	return out
}

// describeIdentityNeeds asks for DescribeIdentity with the pool's ARN as
// condition key: AWS defines no resource for the operation.
func (s *Service) describeIdentityNeeds(
	ctx context.Context, c awsapi.Caller, in *DescribeIdentityInput,
) ([]awsapi.Access, error) {
	needed, err := s.identityNeeds(ctx, c, *in.IdentityId)
	return []awsapi.Access{needed}, err
}

// deleteIdentitiesNeeds asks for DeleteIdentities on one of the identities. The
// operation itself asks about each, and its answer lists those that the caller may
// not delete. A caller who may delete none is refused as for any other operation.
func (s *Service) deleteIdentitiesNeeds(
	ctx context.Context, c awsapi.Caller, in *DeleteIdentitiesInput,
) ([]awsapi.Access, error) {
	var refused []awsapi.Access
	for _, id := range in.IdentityIdsToDelete {
		needed, err := s.identityNeeds(ctx, c, id)
		if err != nil {
			return nil, err
		}
		if needed.Conditions == nil {
			continue // nobody's: counts as done
		}
		err = s.mayDelete(ctx, c, needed)
		if err == nil {
			return []awsapi.Access{needed}, nil
		} else if !isDenied(err) {
			return nil, err
		}
		refused = append(refused, needed)
	}
	if len(refused) == 0 {
		return []awsapi.Access{{}}, nil
	}

	return refused[:1], nil
}

func (s *Service) mayDelete(ctx context.Context, c awsapi.Caller, needed awsapi.Access) error {
	needed.Action, needed.Resource = "cognito-identity:DeleteIdentities", "*"
	return s.Authorize(ctx, c, needed)
}

func isDenied(err error) bool {
	refused, ok := errors.AsType[*awsapi.Error](err)
	return ok && refused.Kind == awsapi.AccessDenied
}

// identityNeeds asks for the operation's action with the ARN of the identity's pool
// as condition key. It leaves the key out if the caller has no such identity.
func (s *Service) identityNeeds(ctx context.Context, c awsapi.Caller, id string) (awsapi.Access, error) {
	_, pool, err := s.loadCallerIdentity(ctx, c, id)
	if errors.Is(err, store.ErrNotFound) {
		return awsapi.Access{}, nil
	} else if err != nil {
		return awsapi.Access{}, err // a failed look-up must not pass as "no such identity"
	}

	return awsapi.Access{
		Conditions:   map[string][]string{"cognito-identity:IdentityPoolArn": {callerPoolARN(c, string(pool.ID))}},
		ResourceTags: func(context.Context) (map[string]string, error) { return pool.Tags, nil },
	}, nil
}

// ListIdentities lists a pool's identities in the order of their creation.
func (s *Service) ListIdentities(
	ctx context.Context, c awsapi.Caller, in *ListIdentitiesInput,
) (*ListIdentitiesResponse, error) {
	explain.FromContext(ctx).Plan(planIdentities)
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}

	hide := in.HideDisabled != nil && *in.HideDisabled
	scope := "identities/" + string(pool.ID)
	start, err := s.pageStart(scope, in.NextToken)
	if err != nil {
		return nil, err
	}
	after, err := store.ParsePlace(start)
	if err != nil { // a token of an older version
		return nil, awsapi.Refused(invalidParameter, pageTokenOld.With(), messageNextToken).Because(err)
	}

	size := int(*in.MaxResults)
	identities, err := s.Store.ListIdentities(ctx, pool.ID, hide, after, size+1)
	if err != nil {
		return nil, poolError(err, string(pool.ID))
	}

	out := &ListIdentitiesResponse{IdentityPoolId: in.IdentityPoolId, Identities: []IdentityDescription{}}
	if len(identities) > size {
		identities = identities[:size]
		out.NextToken = s.pageToken(scope, store.PlaceOf(identities[size-1]).String())
	}

	for _, i := range identities {
		out.Identities = append(out.Identities, describe(pool, i))
	}

	return out, nil
}

// DeleteIdentities deletes identities of the caller's account and region.
// An ID that does not exist there counts as done: the operation has no answer for
// "not found", and must not reveal who has the ID. Identities that the caller's
// policies do not let it delete stay, and the answer lists them.
func (s *Service) DeleteIdentities(
	ctx context.Context, c awsapi.Caller, in *DeleteIdentitiesInput,
) (*DeleteIdentitiesResponse, error) {
	out := &DeleteIdentitiesResponse{UnprocessedIdentityIds: []UnprocessedIdentityId{}}
	for _, id := range in.IdentityIdsToDelete {
		needed, err := s.identityNeeds(ctx, c, id)
		if err == nil && needed.Conditions == nil {
			continue
		}

		if err == nil {
			err = s.mayDelete(ctx, c, needed)
		}
		if err == nil {
			err = s.Store.DeleteIdentity(ctx, identitypool.IdentityID(id))
		}

		switch {
		case err == nil || errors.Is(err, store.ErrNotFound):
			continue
		case isDenied(err):
			out.UnprocessedIdentityIds = append(out.UnprocessedIdentityIds,
				UnprocessedIdentityId{IdentityId: &id, ErrorCode: new("AccessDenied")})
		default:
			s.Logger.ErrorContext(ctx, "an identity could not be deleted", "error", err)
			out.UnprocessedIdentityIds = append(out.UnprocessedIdentityIds,
				UnprocessedIdentityId{IdentityId: &id, ErrorCode: new("InternalServerError")})
		}
	}

	return out, nil
}

// UnlinkIdentity removes public logins from an identity; the given logins prove who
// owns it. It ignores a provider that is not linked, so that a retry is safe. An
// identity that loses its last login can no longer be used.
func (s *Service) UnlinkIdentity(ctx context.Context, in *UnlinkIdentityInput) (*awsapi.NoOutput, error) {
	explain.FromContext(ctx).Plan(planUnlink.of(s.Providers, in.Logins))
	identity, pool, err := s.anyIdentity(ctx, *in.IdentityId)
	if err != nil {
		return nil, err
	}
	if err := s.admit(ctx, pool, in.Logins); err != nil {
		return nil, err
	}
	if len(in.Logins) == 0 {
		return nil, identityError(identity.NotLinkedError(0), string(identity.ID))
	}

	for _, name := range in.LoginsToRemove {
		if name == pool.DeveloperProviderName && name != "" {
			why := publicOnly.With("provider", name)
			return nil, awsapi.Refused(invalidParameter, why, messagePublicProvider)
		}
	}

	verified, pool, err := s.proveLogins(ctx, pool, string(identity.ID), in.Logins, toIdentify)
	if err != nil {
		return nil, err
	}

	err = s.Store.Unlink(ctx, identity.ID, func(i identitypool.Identity) ([]identitypool.Login, error) {
		if i.Disabled {
			return nil, i.ForbiddenError()
		}
		if !slices.ContainsFunc(verified, func(v identitypool.VerifiedLogin) bool { return i.HasLogin(v.Login) }) {
			return nil, i.NotLinkedError(len(verified))
		}

		var remove []identitypool.Login
		for _, l := range i.Logins {
			if l.Kind == identitypool.Public && slices.ContainsFunc(in.LoginsToRemove, func(key string) bool {
				named, _ := s.Providers.In(pool, key) // with an error, the key itself
				return named.Name == l.Provider
			}) {
				remove = append(remove, l)
			}
		}

		return remove, nil
	})
	if err != nil {
		return nil, resolveError(err, pool, string(identity.ID))
	}

	return nil, nil
}
