package store

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// poolSettings is the JSON in pools.settings: what is configured on a pool and
// never searched by. Member names are a stored format; they may be added to but
// not changed. Unknown members are refused: they would be lost by an update.
type poolSettings struct {
	Name                     string                     `json:"name"`
	AllowUnauthenticated     bool                       `json:"allowUnauthenticated,omitzero"`
	AllowClassicFlow         *bool                      `json:"allowClassicFlow,omitzero"`
	SupportedLoginProviders  map[string]string          `json:"supportedLoginProviders,omitzero"`
	SealedLoginProviders     map[string][]byte          `json:"sealedLoginProviders,omitzero"` // see sealing.go
	DeveloperProviderName    string                     `json:"developerProviderName,omitzero"`
	OIDCProviderARNs         []string                   `json:"oidcProviderARNs,omitzero"`
	CognitoIdentityProviders []userPoolClient           `json:"cognitoIdentityProviders,omitzero"`
	SAMLProviderARNs         []string                   `json:"samlProviderARNs,omitzero"`
	Tags                     map[string]string          `json:"tags,omitzero"`
	Roles                    map[string]string          `json:"roles,omitzero"`
	RoleMappings             map[string]roleMapping     `json:"roleMappings,omitzero"`
	PrincipalTags            map[string]principalTagMap `json:"principalTags,omitzero"`
}

type userPoolClient struct {
	ProviderName         string `json:"providerName"`
	ClientID             string `json:"clientID"`
	ServerSideTokenCheck *bool  `json:"serverSideTokenCheck,omitzero"`
}

type roleMapping struct {
	Type                    string `json:"type"`
	AmbiguousRoleResolution string `json:"ambiguousRoleResolution,omitzero"`
	Rules                   []rule `json:"rules,omitzero"`
}

type rule struct {
	Claim     string `json:"claim"`
	MatchType string `json:"matchType"`
	Value     string `json:"value"`
	RoleARN   string `json:"roleARN"`
}

type principalTagMap struct {
	UseDefaults bool              `json:"useDefaults"`
	Tags        map[string]string `json:"tags,omitzero"`
}

// encodeSettings refuses (ErrInvalid) text that is not UTF-8, and settings that
// are too large. NUL is escaped by JSON, so any engine keeps it.
func encodeSettings(s poolSettings) (string, error) {
	text, err := json.Marshal(s, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("%w: pool settings: %w", ErrInvalid, err)
	}
	if len(text) > maxSettings {
		return "", fmt.Errorf("%w: pool settings are longer than %d bytes", ErrInvalid, maxSettings)
	}
	return string(text), nil
}

func decodeSettings(pool identitypool.PoolID, text string) (s poolSettings, err error) {
	if err := json.Unmarshal([]byte(text), &s, json.RejectUnknownMembers(true)); err != nil {
		return s, fmt.Errorf("settings of pool %s: %w", pool, err)
	}
	return s, nil
}

func settingsOf(p identitypool.Pool) poolSettings {
	return poolSettings{
		Name:                     p.Name,
		AllowUnauthenticated:     p.AllowUnauthenticated,
		AllowClassicFlow:         p.AllowClassicFlow,
		SupportedLoginProviders:  emptyToNil(p.SupportedLoginProviders),
		DeveloperProviderName:    p.DeveloperProviderName,
		OIDCProviderARNs:         noneToNil(p.OIDCProviderARNs),
		CognitoIdentityProviders: convert(p.CognitoIdentityProviders, func(c identitypool.CognitoIdentityProvider) userPoolClient { return userPoolClient(c) }),
		SAMLProviderARNs:         noneToNil(p.SAMLProviderARNs),
		Tags:                     emptyToNil(p.Tags),
		Roles:                    emptyToNil(p.Roles),
		RoleMappings: convertMap(p.RoleMappings, func(m identitypool.RoleMapping) roleMapping {
			return roleMapping{m.Type, m.AmbiguousRoleResolution, convert(m.Rules, func(r identitypool.Rule) rule { return rule(r) })}
		}),
		PrincipalTags: convertMap(p.PrincipalTags, func(m identitypool.PrincipalTagMap) principalTagMap {
			return principalTagMap{m.UseDefaults, emptyToNil(m.Tags)}
		}),
	}
}

// fill puts the settings on p, but for those that are sealed.
func (s poolSettings) fill(p *identitypool.Pool) {
	p.Name = s.Name
	p.AllowUnauthenticated = s.AllowUnauthenticated
	p.AllowClassicFlow = s.AllowClassicFlow
	p.SupportedLoginProviders = emptyToNil(s.SupportedLoginProviders)
	p.DeveloperProviderName = s.DeveloperProviderName
	p.OIDCProviderARNs = noneToNil(s.OIDCProviderARNs)
	p.CognitoIdentityProviders = convert(s.CognitoIdentityProviders, func(c userPoolClient) identitypool.CognitoIdentityProvider {
		return identitypool.CognitoIdentityProvider(c)
	})
	p.SAMLProviderARNs = noneToNil(s.SAMLProviderARNs)
	p.Tags = emptyToNil(s.Tags)
	p.Roles = emptyToNil(s.Roles)
	p.RoleMappings = convertMap(s.RoleMappings, func(m roleMapping) identitypool.RoleMapping {
		return identitypool.RoleMapping{Type: m.Type, AmbiguousRoleResolution: m.AmbiguousRoleResolution,
			Rules: convert(m.Rules, func(r rule) identitypool.Rule { return identitypool.Rule(r) })}
	})
	p.PrincipalTags = convertMap(s.PrincipalTags, func(m principalTagMap) identitypool.PrincipalTagMap {
		return identitypool.PrincipalTagMap{UseDefaults: m.UseDefaults, Tags: emptyToNil(m.Tags)}
	})
}

// clonePool copies p and all it refers to.
func clonePool(p identitypool.Pool) identitypool.Pool {
	p.AllowClassicFlow = cloneBool(p.AllowClassicFlow)
	p.SupportedLoginProviders = maps.Clone(p.SupportedLoginProviders)
	p.OIDCProviderARNs = slices.Clone(p.OIDCProviderARNs)
	p.CognitoIdentityProviders = convert(p.CognitoIdentityProviders, func(c identitypool.CognitoIdentityProvider) identitypool.CognitoIdentityProvider {
		c.ServerSideTokenCheck = cloneBool(c.ServerSideTokenCheck)
		return c
	})
	p.SAMLProviderARNs = slices.Clone(p.SAMLProviderARNs)
	p.Tags = maps.Clone(p.Tags)
	p.Roles = maps.Clone(p.Roles)
	p.RoleMappings = convertMap(p.RoleMappings, func(m identitypool.RoleMapping) identitypool.RoleMapping {
		m.Rules = slices.Clone(m.Rules)
		return m
	})
	p.PrincipalTags = convertMap(p.PrincipalTags, func(m identitypool.PrincipalTagMap) identitypool.PrincipalTagMap {
		m.Tags = maps.Clone(m.Tags)
		return m
	})
	return p
}

func cloneBool(b *bool) *bool {
	if b == nil {
		return nil
	}
	c := *b
	return &c
}

func emptyToNil[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return m
}

func noneToNil(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	return s
}

func convert[A, B any](in []A, f func(A) B) []B {
	if len(in) == 0 {
		return nil
	}
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func convertMap[A, B any](in map[string]A, f func(A) B) map[string]B {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]B, len(in))
	for k, v := range in {
		out[k] = f(v)
	}
	return out
}
