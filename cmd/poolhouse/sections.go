package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// sections are the settings of the file that have more than one value. The types are those of
// the components; here are only the settings that two components share.
type sections struct {
	Roles           []poolhouse.RoleConfig                `yaml:"roles"`
	OIDCProviders   []oidcProvider                        `yaml:"oidc_providers"`
	SAMLProviders   []samlProvider                        `yaml:"saml_providers"`
	SAMLPrevious    map[string][]string                   `yaml:"saml_previous_entity_ids"`
	Providers       map[string]poolhouse.ProviderOverride `yaml:"providers"`
	UserPools       []userPool                            `yaml:"user_pools"`
	UserPoolRegions map[string]userPoolRegion             `yaml:"user_pool_regions"`
	TokenAlgorithms map[string]string                     `yaml:"token_algorithms"`
	Check           *checkEndpoint                        `yaml:"check"`
	RateLimits      *poolhouse.RateLimits                 `yaml:"rate_limits"`

	CredentialEngines     map[string]poolhouse.CredentialEngineConfig `yaml:"credential_engines"`
	PoolCredentialEngines map[string]string                           `yaml:"pool_credential_engines"`
	GuestPolicy           policy.Text                                 `yaml:"guest_policy"`
	PoolGuestPolicies     map[string]policy.Text                      `yaml:"pool_guest_policies"`
}

// oidcProvider is an OpenID Connect provider with the sign-outs that it may report.
type oidcProvider struct {
	poolhouse.OIDCProviderConfig `yaml:",inline"`

	SignOut poolhouse.SignOutConfig `yaml:"sign_out"`
}

// samlProvider is a SAML identity provider.
type samlProvider struct {
	poolhouse.SAMLProviderConfig `yaml:",inline"`

	EnforceCertificateDates *bool `yaml:"enforce_certificate_dates"` // nil is true
}

// userPool is a user pool with the way to ask it about users, and the sign-outs that it may
// report.
type userPool struct {
	provider.UserPool `yaml:",inline"`

	Status  poolhouse.UserStatusConfig `yaml:"status"`
	SignOut poolhouse.SignOutConfig    `yaml:"sign_out"`
}

// userPoolRegion has the other user pools of a region.
type userPoolRegion struct {
	provider.UserPoolRegion `yaml:",inline"`

	Status poolhouse.UserStatusConfig `yaml:"status"`
}

// checkEndpoint is the endpoint for forward auth, and the address of forwarded routes.
type checkEndpoint struct {
	poolhouse.CheckConfig `yaml:",inline"`

	Listen string `yaml:"listen"`
}

// check returns the faults that the file alone shows. poolhouse.Config.Validate finds others.
func (f *sections) check() []error {
	faults := provider.Default().CheckSettings(f.Providers)
	within := func(setting string, err error) {
		for _, fault := range parts(err) {
			faults = append(faults, fmt.Errorf("%s.%w", setting, fault))
		}
	}

	var pools []provider.UserPool
	for n, p := range f.UserPools {
		setting := fmt.Sprintf("user_pools[%d]", n)
		pools = append(pools, p.UserPool)
		within(setting, p.Validate())
		within(setting+".status", checkStatus(p.Status, p.AllowHTTP))
		within(setting+".sign_out", p.SignOut.Validate())
		if p.SignOut.CredentialChange && len(p.SignOut.Audiences) == 0 {
			within(setting, errors.New("sign_out.credential_change has no effect without audiences: "+
				"no sign-out of the user pool is accepted then"))
		}
	}
	faults = append(faults, provider.CheckUserPools(pools)...)

	for n, p := range f.OIDCProviders {
		within(fmt.Sprintf("oidc_providers[%d].sign_out", n), p.SignOut.Validate())
	}

	for _, region := range slices.Sorted(maps.Keys(f.UserPoolRegions)) {
		p, setting := f.UserPoolRegions[region], "user_pool_regions."+region
		if !provider.ValidRegion(region) {
			faults = append(faults, fmt.Errorf(
				"user_pool_regions: %q is not a region: write it as in cognito-idp.REGION.amazonaws.com", region))
		}
		if p.Endpoint == "" && p.Status == (poolhouse.UserStatusConfig{}) {
			faults = append(faults, errors.New(setting+" is empty: give endpoint, status or both"))
		}
		within(setting, p.Validate())
		within(setting+".status", checkStatus(p.Status, p.AllowHTTP))
	}

	faults = append(faults, f.checkEngines()...)
	if f.Check != nil {
		faults = append(faults, f.Check.checkListen())
	}

	return faults
}

// parts returns the errors that err joins.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func checkStatus(s poolhouse.UserStatusConfig, allowHTTP bool) error {
	if s.Endpoint == "" {
		return nil
	}
	if err := outbound.CheckDocumentURL(s.Endpoint, allowHTTP); err != nil {
		return fmt.Errorf("endpoint: %w", err)
	}
	return nil
}

func (f *sections) checkEngines() (faults []error) {
	for _, name := range slices.Sorted(maps.Keys(f.CredentialEngines)) {
		setting, e := "credential_engines."+name, f.CredentialEngines[name]
		if name == assume.Builtin {
			faults = append(faults, fmt.Errorf(
				"%s: %s is the server's own engine and has no settings; choose another name", setting, name))
		}
		if e.Endpoint != "" {
			if err := outbound.CheckBaseURL(e.Endpoint, e.AllowHTTP); err != nil {
				faults = append(faults, fmt.Errorf("%s.endpoint: %w", setting, err))
			}
		}
	}

	for _, pool := range slices.Sorted(maps.Keys(f.PoolCredentialEngines)) {
		name := f.PoolCredentialEngines[pool]
		if _, known := f.CredentialEngines[name]; !known && name != assume.Builtin {
			faults = append(faults, fmt.Errorf("pool_credential_engines.%s: credential_engines has no %q", pool, name))
		}
	}

	return faults
}

func (c *checkEndpoint) checkListen() error {
	switch _, _, err := net.SplitHostPort(c.Listen); {
	case c.Forwards() && c.Listen == "":
		return errors.New("check.listen: set an address for the routes with forward_to, " +
			"such as 127.0.0.1:4600")
	case !c.Forwards() && c.Listen != "":
		return errors.New("check.listen: no route has forward_to, so nothing would be served there; " +
			"add it to a route, or leave check.listen out")
	case c.Listen != "" && err != nil:
		return fmt.Errorf("check.listen %q: write it like 127.0.0.1:4600", c.Listen)
	default:
		return nil
	}
}

// addTo adds the sections to the server's settings.
func (f *sections) addTo(c *poolhouse.Config) {
	c.Roles = f.Roles

	c.PoolAlgorithms, c.PoolCredentialEngines = f.TokenAlgorithms, f.PoolCredentialEngines
	c.CredentialEngines, c.GuestPolicy = f.CredentialEngines, string(f.GuestPolicy)
	c.PoolGuestPolicies = map[string]string{}
	for pool, document := range f.PoolGuestPolicies {
		c.PoolGuestPolicies[pool] = string(document)
	}
	if f.Check != nil {
		c.Check = &f.Check.CheckConfig
	}
	if f.RateLimits != nil {
		c.RateLimits = *f.RateLimits
	}

	c.SAMLPreviousEntityIDs = f.SAMLPrevious
	for _, p := range f.SAMLProviders {
		p.AnyCertificateDate = p.EnforceCertificateDates != nil && !*p.EnforceCertificateDates
		c.SAMLProviders = append(c.SAMLProviders, p.SAMLProviderConfig)
	}

	c.Providers, c.SignOut = provider.Default().Overrides(f.Providers), map[string]poolhouse.SignOutConfig{}
	for _, p := range f.OIDCProviders {
		c.OIDCProviders = append(c.OIDCProviders, p.OIDCProviderConfig)
		if _, key, found := strings.Cut(p.URL, "://"); found && !p.SignOut.IsZero() {
			c.SignOut[key] = p.SignOut
		}
	}
	f.addUserPools(c)
}

func (f *sections) addUserPools(c *poolhouse.Config) {
	c.UserPools, c.UserPoolRegions = map[string]poolhouse.ProviderOverride{}, map[string]poolhouse.ProviderOverride{}
	c.ProviderAliases = map[string]string{}
	c.UserStatus, c.UserStatusRegions = map[string]poolhouse.UserStatusConfig{}, map[string]poolhouse.UserStatusConfig{}

	for _, p := range f.UserPools {
		o := p.Override()
		c.UserPools[p.ProviderName] = o
		for _, alias := range p.Aliases {
			c.ProviderAliases[alias] = p.ProviderName
		}
		if p.Status != (poolhouse.UserStatusConfig{}) {
			c.UserStatus[p.ProviderName] = withAddress(p.Status, o)
		}
		if _, registered := c.SignOut[p.ProviderName]; !registered && !p.SignOut.IsZero() {
			c.SignOut[p.ProviderName] = p.SignOut
		}
	}

	for region, p := range f.UserPoolRegions {
		o := p.Override()
		c.UserPoolRegions[region] = o
		if p.Status != (poolhouse.UserStatusConfig{}) {
			c.UserStatusRegions[region] = withAddress(p.Status, o)
		}
	}
}

// withAddress returns how to ask a user pool at o: AdminGetUser at the same endpoint unless the
// settings name another.
func withAddress(s poolhouse.UserStatusConfig, o poolhouse.ProviderOverride) poolhouse.UserStatusConfig {
	s.CABundle, s.AllowHTTP, s.AllowPrivate = o.CABundle, o.AllowHTTP, o.AllowPrivate
	if s.Check == poolhouse.UserStatusAdminGetUser && s.Endpoint == "" {
		s.Endpoint = o.BaseURL
	}
	return s
}

// counts lists the sections that are set, with the number of their entries, in the order of
// the reference.
func (f *sections) counts() []section {
	var list []section
	v := reflect.ValueOf(f).Elem()
	for n := range v.NumField() {
		one := section{name: v.Type().Field(n).Tag.Get("yaml"), entries: 1}
		switch field := v.Field(n); {
		case field.IsZero():
			continue
		case field.Kind() != reflect.Pointer:
			one.entries = field.Len()
		}
		if one.entries > 0 {
			list = append(list, one)
		}
	}

	return list
}

type section struct {
	name    string
	entries int
}

// object is a JSON object whose members keep their order.
type object []jsonMember

type jsonMember struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for n, m := range o {
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%c%q:%s", "{,"[min(n, 1)], m.name, value)
	}
	if len(o) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')

	return b.Bytes(), nil
}

// show returns the sections as JSON may show them: secrets masked, members that are not set
// left out.
func (f settingsFile) show() object { return shownStruct(reflect.ValueOf(f.sections), f.written) }

// shown returns a value of the file as JSON may show it. written is the value as the file has
// it, tag that of the field that has it.
func shown(v reflect.Value, written any, tag reflect.StructTag) any {
	if own, ok := v.Interface().(interface{ FileForm() any }); ok {
		return shown(reflect.ValueOf(own.FileForm()), written, tag)
	}

	switch known := v.Interface().(type) {
	case json.Marshaler:
		return known
	case time.Duration:
		return durationText(known, written)
	}

	switch v.Kind() {
	case reflect.Pointer:
		return shown(v.Elem(), written, tag)
	case reflect.Struct:
		members, _ := written.(map[string]any)
		return shownStruct(v, members)
	case reflect.Slice:
		items, _ := written.([]any)
		list := make([]any, v.Len())
		for n := range list {
			var item any
			if n < len(items) {
				item = items[n]
			}
			list[n] = shown(v.Index(n), item, tag)
		}

		return list
	case reflect.Map:
		members, _ := written.(map[string]any)
		entries := map[string]any{}
		for _, key := range v.MapKeys() {
			entries[key.String()] = shown(v.MapIndex(key), members[key.String()], tag)
		}

		return entries
	case reflect.String:
		if tag.Get("form") == "policy" {
			return policy.Text(v.String())
		}
		if tag.Get("shown") == "address" {
			return explain.ShownAddress(v.String())
		}
	}

	return v.Interface()
}

func shownStruct(v reflect.Value, written map[string]any) object {
	o := object{}
	for _, field := range fileFields(v.Type()) {
		value, name := v.FieldByIndex(field.Index), field.Tag.Get("yaml")
		if isShown(value, written[name], field.Tag) {
			o = append(o, jsonMember{name: name, value: shown(value, written[name], field.Tag)})
		}
	}

	return o
}

// isShown reports whether JSON shows a member: one that is not zero, and one that the file has
// although it is the default, if the default is not zero.
func isShown(v reflect.Value, written any, tag reflect.StructTag) bool {
	if d, ok := v.Interface().(time.Duration); ok {
		return durationText(d, written) != ""
	}

	switch v.Kind() {
	case reflect.Bool:
		isTrue, defaultTrue := v.Bool(), tag.Get("default") == "true"
		return isTrue != defaultTrue || defaultTrue && written != nil
	case reflect.Slice, reflect.Map:
		return v.Len() > 0
	case reflect.Struct:
		members, _ := written.(map[string]any)
		return len(shownStruct(v, members)) > 0
	default:
		return !v.IsZero()
	}
}

// durationText returns a duration as the file has it; "" = it is not set.
func durationText(d time.Duration, written any) string {
	if text, err := scalar(written); err == nil && text != "" {
		return text
	}
	if d == 0 {
		return ""
	}
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(d.String())
}
