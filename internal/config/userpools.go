package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// UserPool describes where a user pool's tokens come from, if not from AWS, and how its
// users are looked up.
type UserPool struct {
	ProviderName string     `yaml:"provider_name" json:"provider_name"`
	Aliases      []string   `yaml:"aliases" json:"aliases,omitempty"`
	Endpoint     Address    `yaml:"endpoint" json:"endpoint,omitempty"`
	Issuer       Address    `yaml:"issuer" json:"issuer,omitempty"`
	JWKSURL      Address    `yaml:"jwks_url" json:"jwks_url,omitempty"`
	Algorithms   []string   `yaml:"allowed_algs" json:"allowed_algs,omitempty"`
	CABundle     string     `yaml:"ca_bundle" json:"ca_bundle,omitempty"` // PEM file
	AllowHTTP    bool       `yaml:"allow_http" json:"allow_http,omitempty"`
	AllowPrivate bool       `yaml:"allow_private" json:"allow_private,omitempty"`
	Status       UserStatus `yaml:"status" json:"status,omitzero"`
	SignOut      SignOut    `yaml:"sign_out" json:"sign_out,omitzero"`
}

// UserPoolRegion describes where the user pools of a region are.
type UserPoolRegion struct {
	Endpoint     Address    `yaml:"endpoint" json:"endpoint,omitempty"`
	CABundle     string     `yaml:"ca_bundle" json:"ca_bundle,omitempty"` // PEM file
	AllowHTTP    bool       `yaml:"allow_http" json:"allow_http,omitempty"`
	AllowPrivate bool       `yaml:"allow_private" json:"allow_private,omitempty"`
	Status       UserStatus `yaml:"status" json:"status,omitzero"`
}

// UserStatus describes how a user pool is asked about a user (ServerSideTokenCheck). Its
// certificates and addresses follow the user pool's own settings.
type UserStatus struct {
	Check           string  `yaml:"check" json:"check,omitempty"`
	Endpoint        Address `yaml:"endpoint" json:"endpoint,omitempty"`
	Region          string  `yaml:"region" json:"region,omitempty"`
	AccessKeyID     string  `yaml:"access_key_id" json:"access_key_id,omitempty"`
	SecretAccessKey Secret  `yaml:"secret_access_key" json:"secret_access_key,omitempty"`
	ClientID        string  `yaml:"client_id" json:"client_id,omitempty"`
	ClientSecret    Secret  `yaml:"client_secret" json:"client_secret,omitempty"`
	Cache           string  `yaml:"cache" json:"cache,omitempty"` // a duration, e.g. 3s
}

// SignOut configures which sign-outs a provider may report.
type SignOut struct {
	Audiences        []string `yaml:"audiences" json:"audiences,omitempty"`
	CredentialChange bool     `yaml:"credential_change" json:"credential_change,omitempty"`
}

// IsZero reports whether nothing is set.
func (s SignOut) IsZero() bool { return len(s.Audiences) == 0 && !s.CredentialChange }

// CacheTime returns Cache, or 0 for "".
func (s UserStatus) CacheTime() (time.Duration, error) {
	if s.Cache == "" {
		return 0, nil
	}

	d, err := time.ParseDuration(s.Cache)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration: write it like 3s", s.Cache)
	}

	return d, nil
}

// checkUserPools checks what the file alone can show. The server checks the rest.
func (f *File) checkUserPools() []error {
	var faults []error
	seen, aliases := map[string]bool{}, map[string]string{}
	for n, p := range f.UserPools {
		setting := fmt.Sprintf("user_pools[%d]", n)
		switch {
		case p.ProviderName == "":
			faults = append(faults, fmt.Errorf("%s.provider_name is required", setting))
		case strings.Contains(p.ProviderName, "://"):
			faults = append(faults,
				fmt.Errorf("%s.provider_name %s: leave out the scheme", setting, shown(p.ProviderName)))
		case !providerName.MatchString(p.ProviderName):
			faults = append(faults,
				fmt.Errorf("%s.provider_name %s: no identity pool can have it: use at most 128 letters, digits and . _ : / -", setting, shown(p.ProviderName)))
		case seen[p.ProviderName]:
			faults = append(faults, fmt.Errorf("%s.provider_name %s is there twice", setting, shown(p.ProviderName)))
		}

		seen[p.ProviderName] = true
		for _, alias := range p.Aliases {
			if other, taken := aliases[alias]; taken {
				faults = append(faults,
					fmt.Errorf("%s.aliases: %s is an alias of %s already", setting, shown(alias), other))
			}
			aliases[alias] = p.ProviderName
		}

		if p.Endpoint != "" {
			if err := checkAddress(p.Endpoint, p.AllowHTTP); err != nil {
				faults = append(faults, fmt.Errorf("%s.endpoint: %w", setting, err))
			}
		}
		if p.JWKSURL != "" {
			if err := checkDocument(p.JWKSURL, p.AllowHTTP); err != nil {
				faults = append(faults, fmt.Errorf("%s.jwks_url: %w", setting, err))
			}
		} else if p.Issuer != "" && p.Endpoint == "" { // the issuer's address leads to the keys
			if err := checkAddress(p.Issuer, p.AllowHTTP); err != nil {
				faults = append(faults, fmt.Errorf("%s.issuer: %w", setting, err))
			}
		}

		faults = append(faults, p.Status.check(setting+".status", p.AllowHTTP)...)
		faults = append(faults, p.SignOut.check(setting+".sign_out")...)
		if p.SignOut.CredentialChange && len(p.SignOut.Audiences) == 0 {
			faults = append(faults,
				errors.New(setting+".sign_out.credential_change has no meaning without audiences: a user pool may tell nothing then"))
		}
	}

	for n, p := range f.OIDCProviders {
		faults = append(faults, p.SignOut.check(fmt.Sprintf("oidc_providers[%d].sign_out", n))...)
	}

	for _, region := range slices.Sorted(maps.Keys(f.UserPoolRegions)) {
		p, setting := f.UserPoolRegions[region], "user_pool_regions."+region
		if !regionName.MatchString(region) {
			faults = append(faults, fmt.Errorf(
				"user_pool_regions: %q is no region: write it as in cognito-idp.REGION.amazonaws.com", region))
		}

		if p.Endpoint != "" {
			if err := checkAddress(p.Endpoint, p.AllowHTTP); err != nil {
				faults = append(faults, fmt.Errorf("%s.endpoint: %w", setting, err))
			}
		} else if p.Status == (UserStatus{}) {
			faults = append(faults, errors.New(setting+" says nothing: give endpoint, status or both"))
		}
		faults = append(faults, p.Status.check(setting+".status", p.AllowHTTP)...)
	}

	return faults
}

var (
	// The names that the API accepts in CognitoIdentityProviders (API model, ProviderName).
	providerName = regexp.MustCompile(`^[\w._:/-]{1,128}$`)
	regionName   = regexp.MustCompile(`^[a-z0-9-]+$`)
)

func (s UserStatus) check(setting string, allowHTTP bool) (faults []error) {
	if _, err := s.CacheTime(); err != nil {
		faults = append(faults, fmt.Errorf("%s.cache: %w", setting, err))
	}

	if s.Endpoint != "" {
		if err := checkDocument(s.Endpoint, allowHTTP); err != nil {
			faults = append(faults, fmt.Errorf("%s.endpoint: %w", setting, err))
		}
	}

	return faults
}

func (s SignOut) check(setting string) (faults []error) {
	if n := slices.Index(s.Audiences, ""); n >= 0 {
		faults = append(faults,
			fmt.Errorf("%s.audiences[%d] is empty: name what stands in aud, or leave it out", setting, n))
	}
	return faults
}
