package adminapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	mostFound = 60 // identities of a page
	// scannedIDs and maxScans bound how many IDs one call looks at that begin as asked and belong to others.
	scannedIDs = 500
	maxScans   = 20
)

var (
	// prefixShape has the least that a prefix must have, so that few identities of others share it.
	prefixShape    = awsapi.String{Pattern: awsapi.NewPattern(`[a-z0-9-]{1,32}:[0-9a-f]{4}[0-9a-f-]{0,32}`)}
	foundPageShape = awsapi.Integer{Min: 1, Max: mostFound}
)

type searchIdentitiesInput struct {
	IdentityPoolId   *string
	ProviderName     *string
	Subject          *string
	IdentityIdPrefix *string
	CreatedAfter     *float64 // seconds since 1970
	MaxResults       *int
	NextToken        *string
}

func (in *searchIdentitiesInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("identityPoolId", in.IdentityPoolId, &poolIDShape, false)
	v.String("identityIdPrefix", in.IdentityIdPrefix, &prefixShape, false)
	v.Number("createdAfter", in.CreatedAfter, &epochShape, false)
	v.Integer("maxResults", in.MaxResults, &foundPageShape, false)
	v.String("nextToken", in.NextToken, &pageTokenShape, false)

	return v.Violations()
}

type searchIdentitiesOutput struct {
	Identities []foundIdentity
	NextToken  *string
}

type foundIdentity struct {
	lookupIdentityOutput
	CreationDate     awsapi.Timestamp
	LastModifiedDate awsapi.Timestamp
}

func (s *Service) searchIdentitiesNeeds(
	_ context.Context, c awsapi.Caller, in *searchIdentitiesInput,
) ([]awsapi.Access, error) {
	return s.about(c, in.IdentityPoolId, nil, nil), nil
}

// identitySearch is a search for identities, with the pools that it came across.
type identitySearch struct {
	service *Service
	caller  awsapi.Caller
	pool    identitypool.PoolID // "" = all of the caller's account and region
	prefix  string
	after   time.Time
	size    int
	own     map[identitypool.PoolID]*identitypool.Pool // nil = not the caller's
}

// searchIdentities finds identities of the caller's account and region: the one with a login, those whose ID has
// a prefix, or a pool's in the order of their creation.
func (s *Service) searchIdentities(
	ctx context.Context, c awsapi.Caller, in *searchIdentitiesInput,
) (*searchIdentitiesOutput, error) {
	q := &identitySearch{service: s, caller: c, own: map[identitypool.PoolID]*identitypool.Pool{}}
	if err := q.read(in); err != nil {
		return nil, err
	}

	if q.pool != "" {
		if _, err := s.ownPool(ctx, c, q.pool); errors.Is(err, store.ErrNotFound) {
			return nil, noPool(c)
		} else if err != nil {
			return nil, err
		}
	}

	if in.Subject != nil {
		if in.NextToken != nil {
			return nil, badInput(pageForeign.With(), "NextToken is not one of this operation, account and question.")
		}
		return q.byLogin(ctx, in)
	}

	scope := []string{"SearchIdentities", string(q.pool), q.prefix, q.after.String()}
	start, err := s.pageStart(c, scope, in.NextToken)
	if err != nil {
		return nil, err
	}

	var found []identitypool.Identity
	var next string
	if q.prefix != "" {
		found, next, err = q.byPrefix(ctx, start)
	} else {
		found, next, err = q.byTime(ctx, start)
	}
	if err != nil {
		return nil, err
	}

	out, err := q.shown(ctx, found)
	if err == nil && next != "" {
		out.NextToken = s.pageToken(c, scope, next)
	}

	return out, err
}

// read takes the members, and checks how they go together.
func (q *identitySearch) read(in *searchIdentitiesInput) error {
	login := in.ProviderName != nil && in.Subject != nil
	switch {
	case (in.ProviderName != nil) != (in.Subject != nil),
		login && (in.IdentityPoolId == nil || in.IdentityIdPrefix != nil || in.CreatedAfter != nil),
		in.IdentityPoolId == nil && in.IdentityIdPrefix == nil:
		return missing("IdentityPoolId with ProviderName and Subject, or IdentityIdPrefix, or IdentityPoolId " +
			"alone or with CreatedAfter")
	}

	q.size = pageSize(in.MaxResults, mostFound)
	q.pool = identitypool.PoolID(awsapi.Text(in.IdentityPoolId))
	q.prefix = awsapi.Text(in.IdentityIdPrefix)
	if in.CreatedAfter != nil {
		q.after = inputTime(*in.CreatedAfter)
	}

	return nil
}

func noPool(c awsapi.Caller) error {
	return awsapi.Refused("ResourceNotFoundException", poolMissing.With("account", c.Account, "region", c.Region),
		"No such identity pool in this account and region.")
}

func (q *identitySearch) byLogin(ctx context.Context, in *searchIdentitiesInput) (*searchIdentitiesOutput, error) {
	identity, _, err := q.service.findIdentity(ctx, q.caller, &lookupIdentityInput{
		IdentityPoolId: in.IdentityPoolId,
		ProviderName:   in.ProviderName,
		Subject:        in.Subject,
	})
	if errors.Is(err, store.ErrNotFound) {
		return q.shown(ctx, nil)
	} else if err != nil {
		return nil, err
	}

	return q.shown(ctx, []identitypool.Identity{identity})
}

// byTime lists a pool's identities, which were made at a time or later, in the order of their creation.
func (q *identitySearch) byTime(ctx context.Context, start string) (
	found []identitypool.Identity, next string, err error,
) {
	after := store.Place{Created: q.after}
	if start != "" {
		if after, err = store.ParsePlace(start); err != nil {
			return nil, "", err
		}
	}

	found, err = q.service.options.Store.ListIdentities(ctx, q.pool, false, after, q.size+1)
	if errors.Is(err, store.ErrNotFound) {
		return nil, "", noPool(q.caller)
	}
	if len(found) > q.size {
		found = found[:q.size]
		next = store.PlaceOf(found[q.size-1]).String()
	}

	return found, next, err
}

// byPrefix lists the identities whose ID has the prefix, in the order of their IDs. A page has fewer of them than
// asked for, and a next one, if many identities of others have the prefix.
func (q *identitySearch) byPrefix(
	ctx context.Context, after string,
) (found []identitypool.Identity, next string, err error) {
	if !strings.HasPrefix(q.prefix, q.caller.Region+":") {
		return nil, "", nil
	}

	for range maxScans {
		page, err := q.service.options.Store.IdentitiesWithPrefix(
			ctx, q.prefix, identitypool.IdentityID(after), scannedIDs)
		if err != nil {
			return nil, "", err
		}

		for _, i := range page {
			pool, err := q.ownPool(ctx, i.PoolID)
			if err != nil {
				return nil, "", err
			}
			if pool == nil || q.pool != "" && i.PoolID != q.pool || i.Created.Before(q.after) {
				continue
			}
			if len(found) == q.size {
				return found, string(found[q.size-1].ID), nil
			}
			found = append(found, i)
		}

		if len(page) < scannedIDs {
			return found, "", nil
		}
		after = string(page[len(page)-1].ID)
	}

	return found, after, nil
}

// ownPool returns a pool of the caller's account and region, nil for others.
func (q *identitySearch) ownPool(ctx context.Context, id identitypool.PoolID) (*identitypool.Pool, error) {
	if pool, known := q.own[id]; known {
		return pool, nil
	}

	q.own[id] = nil
	pool, err := q.service.ownPool(ctx, q.caller, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	q.own[id] = &pool

	return &pool, nil
}

func (q *identitySearch) shown(ctx context.Context, found []identitypool.Identity) (*searchIdentitiesOutput, error) {
	out := &searchIdentitiesOutput{Identities: []foundIdentity{}}
	for _, i := range found {
		pool, err := q.ownPool(ctx, i.PoolID)
		if err != nil {
			return nil, err
		}
		if pool == nil { // deleted meanwhile
			continue
		}

		out.Identities = append(out.Identities, foundIdentity{
			lookupIdentityOutput: *shownIdentity(i, *pool),
			CreationDate:         awsapi.Timestamp(i.Created),
			LastModifiedDate:     awsapi.Timestamp(i.Modified),
		})
	}

	return out, nil
}
