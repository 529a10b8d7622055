package cognitoidentity

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// SetPrincipalTagAttributeMap sets how a provider's claims become principal tags.
func (s *Service) SetPrincipalTagAttributeMap(
	ctx context.Context, c awsapi.Caller, in *SetPrincipalTagAttributeMapInput,
) (*SetPrincipalTagAttributeMapResponse, error) {
	explain.FromContext(ctx).Plan(setTagMapChecks)
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if err := checkTagMap(pool, *in.IdentityProviderName, in.PrincipalTags); err != nil {
		return nil, err
	}

	var m identitypool.PrincipalTagMap
	_, err = s.Store.UpdatePool(ctx, pool.ID, func(p *identitypool.Pool) error {
		var err error
		m, err = s.setTagMap(p, in)
		return err
	})
	if err != nil {
		return nil, poolError(err, *in.IdentityPoolId)
	}

	return new(SetPrincipalTagAttributeMapResponse(tagMapOutput(*in.IdentityPoolId, *in.IdentityProviderName, m))), nil
}

// setTagMap gives a pool the map of a provider.
func (s *Service) setTagMap(
	p *identitypool.Pool, in *SetPrincipalTagAttributeMapInput,
) (identitypool.PrincipalTagMap, error) {
	given := *in.IdentityProviderName
	m := identitypool.PrincipalTagMap{
		UseDefaults: in.UseDefaults != nil && *in.UseDefaults,
		Tags:        maps.Clone(in.PrincipalTags),
	}
	stored := p.StoredName(given)
	if atAWS, isLocal := s.Providers.LocalName(given); isLocal {
		stored = atAWS
	}

	// An existing map can be changed and emptied even if no login uses it.
	if _, had := p.PrincipalTags[stored]; !had && !p.TagsLogins(stored) {
		return m, tagMapOfNobody(*p, given, stored)
	}
	if p.PrincipalTags == nil {
		p.PrincipalTags = map[string]identitypool.PrincipalTagMap{}
	}
	p.PrincipalTags[stored] = m

	return m, nil
}

// checkTagMap refuses a map for a provider of another partition, and one that cannot produce
// valid tags.
func checkTagMap(pool identitypool.Pool, name string, tags map[string]string) error {
	if err := checkPartition(pool, "PrincipalTags", name); err != nil {
		return err
	}

	link := pool.Link("PrincipalTags")
	if n := tagMapBytes(tags); n > identitypool.MaxTagMapBytes {
		why := tagMapSize.With("limit", strconv.Itoa(identitypool.MaxTagMapBytes), "count", strconv.Itoa(n))
		return awsapi.Refused(invalidParameter, why.At(link),
			"The attributes have %d bytes; the limit is %d.", n, identitypool.MaxTagMapBytes)
	}

	keys := make(map[string]string, len(tags)) // the values are claim names, which have other rules
	for key := range tags {
		keys[key] = ""
	}
	if err := identitypool.ValidTags(keys); err != nil {
		return awsapi.Refused(invalidParameter, tagMapKeys.With("problem", err.Error()).At(link), "%s.", err)
	}

	return nil
}

// tagMapOfNobody refuses a map under a name that no login of the pool uses: it would be
// stored and never applied. stored is the name in the pool's form.
func tagMapOfNobody(p identitypool.Pool, name, stored string) error {
	shown := provider.ShownName(name)
	why := tagMapProvider.With("names", namesOr(p.ShownNames(p.PublicProviderNames())), "name", shown)
	link := p.Link("PrincipalTags")
	userPool, _, _ := strings.Cut(stored, ":")

	switch {
	case p.MapsLogins(stored) && p.Provider(userPool).Kind == identitypool.UserPoolProvider:
		shown = name
		why = tagMapClient.With("userpool", userPool, "name", shown)
	case p.Provider(name).Kind == identitypool.DeveloperProviderKind:
		shown = name
		why, link = tagMapDeveloper.With("name", shown), explain.Link{} // no map would do
	default:
		if misspelt := provider.Misspelt(p, name); misspelt != nil {
			why = misspelt
		}
	}

	const text = "(%s) is not a configured provider of the identity pool."

	return awsapi.Refused(invalidParameter, why.Of(shown).At(link), text, name).
		LogAs(fmt.Sprintf(text, shown))
}

// GetPrincipalTagAttributeMap returns a provider's map, which may be empty. A provider
// that never had a map is refused, as at AWS.
func (s *Service) GetPrincipalTagAttributeMap(
	ctx context.Context, c awsapi.Caller, in *GetPrincipalTagAttributeMapInput,
) (*GetPrincipalTagAttributeMapResponse, error) {
	explain.FromContext(ctx).Plan(setTagMapChecks)
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}

	given := *in.IdentityProviderName
	name, err := s.Providers.StoredName(pool, given)
	if err != nil {
		return nil, providerError(err, pool)
	}

	shownName := pool.ShownName(name)
	if atAWS, isLocal := s.Providers.LocalName(given); isLocal {
		name, shownName = atAWS, given
	}

	m, set := pool.PrincipalTags[name]
	if !set {
		const text = "No Principal Tags configured for Provider %s"
		shown := provider.ShownName(given)
		why := tagMapNone.With("name", shown)
		if !pool.TagsLogins(name) {
			why = tagMapNobody.With("names", namesOr(pool.ShownNames(pool.PublicProviderNames())), "name", shown)
		}

		return nil, awsapi.Refused(notFound, why.Of(shown).At(pool.Link("PrincipalTags")), text, given).
			LogAs(fmt.Sprintf(text, shown))
	}

	return new(tagMapOutput(*in.IdentityPoolId, shownName, m)), nil
}

func tagMapOutput(pool, name string, m identitypool.PrincipalTagMap) GetPrincipalTagAttributeMapResponse {
	return GetPrincipalTagAttributeMapResponse{
		IdentityPoolId:       &pool,
		IdentityProviderName: &name,
		UseDefaults:          new(m.UseDefaults),
		PrincipalTags:        orEmpty(m.Tags),
	}
}
