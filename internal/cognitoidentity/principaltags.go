package cognitoidentity

import (
	"context"
	"maps"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// SetPrincipalTagAttributeMap sets how a provider's claims become principal tags.
func (s *Service) SetPrincipalTagAttributeMap(ctx context.Context, c awsapi.Caller, in *SetPrincipalTagAttributeMapInput) (*SetPrincipalTagAttributeMapResponse, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	if err := checkPartition(pool, *in.IdentityProviderName); err != nil {
		return nil, err
	}
	if n := tagMapBytes(in.PrincipalTags); n > identitypool.MaxTagMapBytes {
		return nil, invalid("The attributes have %d bytes; the limit is %d.", n, identitypool.MaxTagMapBytes)
	}
	keys := make(map[string]string, len(in.PrincipalTags)) // the values are claim names, which have other rules
	for key := range in.PrincipalTags {
		keys[key] = ""
	}
	if err := identitypool.ValidTags(keys); err != nil {
		return nil, invalid("%s.", err)
	}
	m := identitypool.PrincipalTagMap{UseDefaults: in.UseDefaults != nil && *in.UseDefaults, Tags: maps.Clone(in.PrincipalTags)}
	_, err = s.Store.UpdatePool(ctx, identitypool.PoolID(*in.IdentityPoolId), func(p *identitypool.Pool) error {
		name := p.StoredName(*in.IdentityProviderName)
		_, had := p.PrincipalTags[name]
		if !had && !taggable(*p, name) {
			return invalid("(%s) is not a configured provider of the identity pool.", *in.IdentityProviderName)
		}
		if p.PrincipalTags == nil {
			p.PrincipalTags = map[string]identitypool.PrincipalTagMap{}
		}
		p.PrincipalTags[name] = m
		return nil
	})
	if err != nil {
		return nil, poolError(err, *in.IdentityPoolId)
	}
	return new(SetPrincipalTagAttributeMapResponse(tagMapOutput(*in.IdentityPoolId, *in.IdentityProviderName, m))), nil
}

// taggable reports whether logins of the pool can come under this name: maps of
// other names would pile up and never be read.
func taggable(p identitypool.Pool, name string) bool {
	return slices.Contains(p.PublicProviderNames(), name) || slices.Contains(p.OIDCProviderARNs, name) ||
		p.DeveloperProviderName != "" && name == p.DeveloperProviderName || mappable(p, name)
}

// GetPrincipalTagAttributeMap returns a provider's map. A provider that never
// had one answers an empty map without defaults: that is what is in force.
func (s *Service) GetPrincipalTagAttributeMap(ctx context.Context, c awsapi.Caller, in *GetPrincipalTagAttributeMapInput) (*GetPrincipalTagAttributeMapResponse, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	name, err := s.knownName(pool, *in.IdentityProviderName)
	if err != nil {
		return nil, err
	}
	return new(tagMapOutput(*in.IdentityPoolId, pool.ShownName(name), pool.PrincipalTags[name])), nil
}

func tagMapOutput(pool, provider string, m identitypool.PrincipalTagMap) GetPrincipalTagAttributeMapResponse {
	tags := m.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return GetPrincipalTagAttributeMapResponse{IdentityPoolId: &pool, IdentityProviderName: &provider, UseDefaults: new(m.UseDefaults), PrincipalTags: tags}
}
