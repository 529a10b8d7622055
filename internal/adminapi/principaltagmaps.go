package adminapi

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// mostTagMaps bounds the maps of a page. A pool may have more: maps of providers that it had remain.
const mostTagMaps = 50

var (
	tagMapsPoolShape = awsapi.String{Min: 1, Max: 55}
	tagMapsPageShape = awsapi.Integer{Min: 1, Max: mostTagMaps}
)

type listPrincipalTagMapsInput struct {
	IdentityPoolId *string
	MaxResults     *int
	NextToken      *string
}

func (in *listPrincipalTagMapsInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("identityPoolId", in.IdentityPoolId, &tagMapsPoolShape, true)
	v.Integer("maxResults", in.MaxResults, &tagMapsPageShape, false)
	v.String("nextToken", in.NextToken, &pageTokenShape, false)

	return v.Violations()
}

type listPrincipalTagMapsOutput struct {
	PrincipalTagMaps []principalTagMap
	NextToken        *string `json:",omitzero"`
}

// principalTagMap tells how claims of a provider become principal tags.
type principalTagMap struct {
	IdentityProviderName string
	UseDefaults          bool
	PrincipalTags        map[string]string // tags and their claims
}

func (s *Service) listPrincipalTagMapsNeeds(
	_ context.Context, c awsapi.Caller, in *listPrincipalTagMapsInput,
) ([]awsapi.Access, error) {
	return s.about(c, in.IdentityPoolId, nil, nil), nil
}

// listPrincipalTagMaps lists the maps that were set for providers of a pool, by the names that
// GetPrincipalTagAttributeMap takes. That operation refuses a provider that has none.
func (s *Service) listPrincipalTagMaps(
	ctx context.Context, c awsapi.Caller, in *listPrincipalTagMapsInput,
) (*listPrincipalTagMapsOutput, error) {
	scope := []string{"ListPrincipalTagMaps", *in.IdentityPoolId}
	after, err := s.pageStart(c, scope, in.NextToken)
	if err != nil {
		return nil, err
	}
	pool, err := s.ownPool(ctx, c, identitypool.PoolID(*in.IdentityPoolId))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noPool(c)
	} else if err != nil {
		return nil, err
	}

	size := mostTagMaps
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	names := slices.Sorted(maps.Keys(pool.PrincipalTags))
	names = slices.DeleteFunc(names, func(name string) bool { return name <= after })

	out := &listPrincipalTagMapsOutput{PrincipalTagMaps: []principalTagMap{}}
	if len(names) > size {
		names = names[:size]
		out.NextToken = s.pageToken(c, scope, names[size-1])
	}

	for _, name := range names {
		set := pool.PrincipalTags[name]
		shown := principalTagMap{
			IdentityProviderName: pool.ShownName(name),
			UseDefaults:          set.UseDefaults,
			PrincipalTags:        map[string]string{},
		}
		maps.Copy(shown.PrincipalTags, set.Tags)
		out.PrincipalTagMaps = append(out.PrincipalTagMaps, shown)
	}

	return out, nil
}
