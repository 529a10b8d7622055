package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// File has the settings of the YAML file that are not single values.
type File struct {
	Roles           []Role                    `yaml:"roles" json:"roles,omitempty"`
	OIDCProviders   []OIDCProvider            `yaml:"oidc_providers" json:"oidc_providers,omitempty"`
	SAMLProviders   []SAMLProvider            `yaml:"saml_providers" json:"saml_providers,omitempty"`
	SAMLPrevious    map[string][]string       `yaml:"saml_previous_entity_ids" json:"saml_previous_entity_ids,omitempty"`
	Providers       map[string]WellKnown      `yaml:"providers" json:"providers,omitempty"`
	UserPools       []UserPool                `yaml:"user_pools" json:"user_pools,omitempty"`
	UserPoolRegions map[string]UserPoolRegion `yaml:"user_pool_regions" json:"user_pool_regions,omitempty"`
	TokenAlgorithms map[string]string         `yaml:"token_algorithms" json:"token_algorithms,omitempty"`
	Check           *Check                    `yaml:"check" json:"check,omitempty"`
	RateLimits      *RateLimits               `yaml:"rate_limits" json:"rate_limits,omitempty"`

	CredentialEngines     map[string]CredentialEngine `yaml:"credential_engines" json:"credential_engines,omitempty"`
	PoolCredentialEngines map[string]string           `yaml:"pool_credential_engines" json:"pool_credential_engines,omitempty"`
	GuestPolicy           Document                    `yaml:"guest_policy" json:"guest_policy,omitempty"`
	PoolGuestPolicies     map[string]Document         `yaml:"pool_guest_policies" json:"pool_guest_policies,omitempty"`
}

// Section is one of the file's lists, or another setting of more than one value.
type Section struct {
	Name    string
	Entries int
}

// Sections lists the sections that are set, in the order of the reference.
func (f File) Sections() []Section {
	var list []Section
	v := reflect.ValueOf(f)
	for n := range v.NumField() {
		s := Section{Name: v.Type().Field(n).Tag.Get("yaml"), Entries: 1}
		if v.Field(n).Kind() != reflect.Pointer {
			s.Entries = v.Field(n).Len()
		} else if v.Field(n).IsNil() {
			s.Entries = 0
		}

		if s.Entries > 0 {
			list = append(list, s)
		}
	}

	return list
}

// Role is an IAM role.
type Role struct {
	ARN                 string   `yaml:"arn" json:"arn"`
	TrustPolicy         Document `yaml:"trust_policy" json:"trust_policy"`
	Policies            []Policy `yaml:"policies" json:"policies,omitempty"`
	PermissionsBoundary Document `yaml:"permissions_boundary" json:"permissions_boundary,omitempty"`
	MaxSessionDuration  int      `yaml:"max_session_duration" json:"max_session_duration,omitempty"` // seconds
}

// Policy is an inline policy of a role.
type Policy struct {
	Name     string   `yaml:"name" json:"name"`
	Document Document `yaml:"document" json:"document"`
}

// OIDCProvider is a registered OpenID Connect provider.
type OIDCProvider struct {
	URL                Address  `yaml:"url" json:"url"`
	ClientIDs          []string `yaml:"client_ids" json:"client_ids"`
	Thumbprints        []string `yaml:"thumbprints" json:"thumbprints,omitempty"`
	EnforceThumbprints bool     `yaml:"enforce_thumbprints" json:"enforce_thumbprints,omitempty"`
	AllowedAlgorithms  []string `yaml:"allowed_algs" json:"allowed_algs,omitempty"`
	DiscoveryURL       Address  `yaml:"discovery_url" json:"discovery_url,omitempty"`
	JWKSURL            Address  `yaml:"jwks_url" json:"jwks_url,omitempty"`
	CABundle           string   `yaml:"ca_bundle" json:"ca_bundle,omitempty"` // PEM file
	AllowHTTP          bool     `yaml:"allow_http" json:"allow_http,omitempty"`
	AllowPrivate       bool     `yaml:"allow_private" json:"allow_private,omitempty"`
	SignOut            SignOut  `yaml:"sign_out" json:"sign_out,omitzero"`
}

// SAMLProvider is a registered SAML identity provider.
type SAMLProvider struct {
	Name                    string    `yaml:"name" json:"name"`
	MetadataFile            string    `yaml:"metadata_file" json:"metadata_file"`
	Audiences               []string  `yaml:"audiences" json:"audiences,omitempty"`
	Recipients              []Address `yaml:"recipients" json:"recipients,omitempty"`
	PreviousEntityIDs       []string  `yaml:"previous_entity_ids" json:"previous_entity_ids,omitempty"`
	EnforceCertificateDates *bool     `yaml:"enforce_certificate_dates" json:"enforce_certificate_dates,omitempty"` // nil is true
}

// Document is a JSON policy document. The file may have it as YAML.
type Document string

// UnmarshalYAML takes a string as it is, and anything else as JSON.
func (d *Document) UnmarshalYAML(unmarshal func(any) error) error {
	var value any
	if err := unmarshal(&value); err != nil {
		return err
	}

	if text, ok := value.(string); ok {
		*d = Document(text)
		return nil
	}

	text, err := json.Marshal(value)
	*d = Document(text)

	return err
}

// MarshalJSON returns the document as JSON, or as text if it is not JSON.
func (d Document) MarshalJSON() ([]byte, error) {
	if json.Valid([]byte(d)) {
		return []byte(d), nil
	}
	return json.Marshal(string(d))
}

const (
	limitsKey        = "limits"
	addressLimitsKey = "address_limits" // on and off stand for enabled: true and false
	rateLimitsKey    = "rate_limits"
	maxFile          = 4 << 20 // bytes
)

// readFile reads the single values and the lists of a settings file.
func readFile(path string) (map[string]any, File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, File{}, fmt.Errorf("settings file: %w", err)
	}
	if info.Size() > maxFile {
		return nil, File{}, fmt.Errorf("settings file %s has %d bytes; the limit is %d", path, info.Size(), maxFile)
	}

	text, err := os.ReadFile(path)
	if err != nil {
		return nil, File{}, fmt.Errorf("settings file: %w", err)
	}

	return parse(path, text)
}

func parse(path string, text []byte) (map[string]any, File, error) {
	var raw map[string]any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return nil, File{}, fmt.Errorf("settings file %s: %w", path, withoutSource(err))
	}
	if documents, err := parser.ParseBytes(text, 0); err == nil && len(documents.Docs) > 1 {
		return nil, File{}, fmt.Errorf("settings file %s has %d YAML documents; what follows the first --- would be lost: put all settings in one", path, len(documents.Docs))
	}

	if enabled, ok := boolean(raw[addressLimitsKey]); ok {
		raw[addressLimitsKey] = map[string]any{"enabled": enabled}
	}

	var faults []error
	values := map[string]any{}

	known := fields(reflect.TypeFor[File]())
	sections := map[string]map[string]reflect.Type{}
	for _, s := range Table {
		section, key := s.place()
		if section == "" {
			known[key] = nil
			continue
		}
		known[section] = nil
		if sections[section] == nil {
			sections[section] = map[string]reflect.Type{}
		}
		sections[section][key] = nil
	}

	faults = append(faults, unknown("", raw, known)...)

	for _, name := range slices.Sorted(maps.Keys(sections)) {
		section, ok := raw[name].(map[string]any)
		switch {
		case ok, raw[name] == nil:
		case name == addressLimitsKey:
			faults = append(faults, fmt.Errorf("%s must be on, off or a mapping", name))
		default:
			faults = append(faults, fmt.Errorf("%s must be a mapping", name))
		}
		faults = append(faults, unknown(name+".", section, sections[name])...)
	}

	for _, s := range Table {
		from := raw
		section, key := s.place()
		if section != "" {
			from, _ = raw[section].(map[string]any)
		}
		v, ok := from[key]
		if _, isFloat := v.(float64); isFloat {
			v = asWritten(text, s.name(), v)
		}
		if ok {
			values[s.Key] = v
		}
	}

	var file File
	if len(faults) == 0 {
		if err := yaml.Unmarshal(text, &file); err != nil {
			faults = append(faults, withoutSource(err))
		}
	}

	if isOff(raw[rateLimitsKey]) {
		file.RateLimits = nil
	}

	faults = append(faults, file.CheckProviders(provider.Default())...)
	faults = append(faults, file.checkUserPools()...)
	faults = append(faults, file.checkEngines()...)
	faults = append(faults, file.checkRates()...)
	faults = append(faults, file.checkForwarding()...)

	if err := errors.Join(faults...); err != nil {
		return nil, File{}, fmt.Errorf("settings file %s: %w", path, err)
	}

	return values, file, nil
}

// asWritten returns the text of a number with a point: 1.10 may be a name, and 1.1 is
// another. It returns value if the number is not written at that place, but is an alias.
func asWritten(text []byte, name string, value any) any {
	path, err := yaml.PathString("$." + name)
	if err != nil {
		return value
	}
	node, err := path.ReadNode(bytes.NewReader(text))
	if err != nil {
		return value
	}

	switch node.Type() {
	case ast.FloatType, ast.InfinityType, ast.NanType:
		return node.GetToken().Value
	default:
		return value
	}
}

// withoutSource returns a YAML error with place and reason but without the lines around
// it, which may have a secret.
func withoutSource(err error) error { return errors.New(yaml.FormatError(err, false, false)) }

// fields maps the YAML names of a structure to their types.
func fields(t reflect.Type) map[string]reflect.Type {
	names := map[string]reflect.Type{}
	for n := range t.NumField() {
		if field := t.Field(n); field.IsExported() {
			names[field.Tag.Get("yaml")] = field.Type
		}
	}
	return names
}

// unknown reports keys that no setting has, at any depth, each with the nearest existing
// key. known maps names to types; it does not look into nil types. If a value has another
// form than its setting, the YAML library refuses it.
func unknown(prefix string, section map[string]any, known map[string]reflect.Type) []error {
	var faults []error

	names := make([]string, 0, len(section))
	for name := range section {
		names = append(names, name)
	}
	slices.Sort(names)

	for _, name := range names {
		t, ok := known[name]
		if !ok {
			faults = append(faults, fmt.Errorf("unknown setting %s%s%s", prefix, name, suggest(prefix, name, known)))
			continue
		}
		if t != nil {
			faults = append(faults, inside(prefix+name, section[name], t)...)
		}
	}

	return faults
}

func inside(path string, value any, t reflect.Type) []error {
	var faults []error
	switch t.Kind() {
	case reflect.Pointer:
		return inside(path, value, t.Elem())
	case reflect.Slice:
		items, _ := value.([]any)
		for n, item := range items {
			faults = append(faults, inside(fmt.Sprintf("%s[%d]", path, n), item, t.Elem())...)
		}
	case reflect.Map:
		entries, _ := value.(map[string]any)
		for name, entry := range entries {
			faults = append(faults, inside(path+"."+name, entry, t.Elem())...)
		}
	case reflect.Struct:
		if section, ok := value.(map[string]any); ok {
			return unknown(path+".", section, fields(t))
		}
	}

	return faults
}

func suggest(prefix, name string, known map[string]reflect.Type) string {
	names := make([]string, 0, len(known))
	for n := range known {
		names = append(names, n)
	}

	if near := explain.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %s%s?", prefix, near)
	}
	slices.Sort(names)

	return "; known are " + strings.Join(names, ", ")
}
