package config

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// builtinEngine is the server's own engine, the default source of credentials.
const builtinEngine = "builtin"

// CredentialEngine is an STS outside the server.
type CredentialEngine struct {
	Endpoint     Address `yaml:"endpoint" json:"endpoint,omitempty"`
	Region       string  `yaml:"region" json:"region,omitempty"`
	CABundle     string  `yaml:"ca_bundle" json:"ca_bundle,omitempty"` // PEM file
	AllowHTTP    bool    `yaml:"allow_http" json:"allow_http,omitempty"`
	AllowPrivate bool    `yaml:"allow_private" json:"allow_private,omitempty"`
	ClientID     string  `yaml:"client_id" json:"client_id,omitempty"`
	ClientSecret Secret  `yaml:"client_secret" json:"client_secret,omitempty"`

	Roles           map[string]string `yaml:"roles" json:"roles,omitempty"`
	GuestPolicy     Document          `yaml:"guest_policy" json:"guest_policy,omitempty"`
	GuestPolicyARNs []string          `yaml:"guest_policy_arns" json:"guest_policy_arns,omitempty"`
	SessionPolicy   Document          `yaml:"session_policy" json:"session_policy,omitempty"`
	SessionName     string            `yaml:"role_session_name" json:"role_session_name,omitempty"`
	Duration        string            `yaml:"duration" json:"duration,omitempty"` // e.g. 1h
	Token           EngineToken       `yaml:"token" json:"token,omitzero"`
}

// EngineToken is the shape of the token that an engine gets.
type EngineToken struct {
	Algorithm string         `yaml:"algorithm" json:"algorithm,omitempty"`
	Type      string         `yaml:"typ" json:"typ,omitempty"`
	X5C       bool           `yaml:"x5c" json:"x5c,omitempty"`
	Audience  Address        `yaml:"audience" json:"audience,omitempty"`
	Issuer    Address        `yaml:"issuer" json:"issuer,omitempty"`
	AMR       string         `yaml:"amr" json:"amr,omitempty"`
	Tags      *bool          `yaml:"tags" json:"tags,omitempty"` // nil is true
	Lifetime  string         `yaml:"lifetime" json:"lifetime,omitempty"`
	Claims    map[string]any `yaml:"claims" json:"claims,omitempty"`
}

// Durations returns Duration and Token.Lifetime, or 0 for "".
func (e CredentialEngine) Durations() (session, token time.Duration, err error) {
	for _, d := range []struct {
		setting, text string
		to            *time.Duration
	}{{"duration", e.Duration, &session}, {"token.lifetime", e.Token.Lifetime, &token}} {
		if d.text == "" {
			continue
		}
		if *d.to, err = time.ParseDuration(d.text); err != nil || *d.to <= 0 {
			return 0, 0, fmt.Errorf("%s: %q is no duration: write it like 1h or 15m", d.setting, d.text)
		}
	}

	return session, token, nil
}

// checkEngines checks what the file alone can show. The server checks the rest.
func (f *File) checkEngines() []error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(f.CredentialEngines)) {
		setting := "credential_engines." + name
		if name == builtinEngine {
			faults = append(faults, fmt.Errorf(
				"%s: %s is the server's own engine and has no settings; choose another name", setting, builtinEngine))
		}

		e := f.CredentialEngines[name]
		if e.Endpoint != "" {
			if err := checkAddress(e.Endpoint, e.AllowHTTP); err != nil {
				faults = append(faults, fmt.Errorf("%s.endpoint: %w", setting, err))
			}
		}

		if _, _, err := e.Durations(); err != nil {
			faults = append(faults, fmt.Errorf("%s.%w", setting, err))
		}
	}

	for _, pool := range slices.Sorted(maps.Keys(f.PoolCredentialEngines)) {
		if name := f.PoolCredentialEngines[pool]; name != builtinEngine {
			if _, known := f.CredentialEngines[name]; !known {
				faults = append(faults,
					fmt.Errorf("pool_credential_engines.%s: credential_engines has no %q", pool, name))
			}
		}
	}

	return faults
}
