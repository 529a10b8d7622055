package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// WellKnown changes addresses and checks of a provider of SupportedLoginProviders.
type WellKnown struct {
	BaseURL      Address           `yaml:"base_url" json:"base_url,omitempty"`
	GraphVersion string            `yaml:"graph_version" json:"graph_version,omitempty"`
	VerifyPath   string            `yaml:"verify_path" json:"verify_path,omitempty"`
	AppSecret    Secret            `yaml:"app_secret" json:"app_secret,omitempty"`
	AppSecrets   map[string]Secret `yaml:"app_secrets" json:"app_secrets,omitempty"` // by application ID
	LimitedLogin bool              `yaml:"limited_login" json:"limited_login,omitempty"`
	Issuers      []Address         `yaml:"issuers" json:"issuers,omitempty"`
	JWKSURL      Address           `yaml:"jwks_url" json:"jwks_url,omitempty"`
	CABundle     string            `yaml:"ca_bundle" json:"ca_bundle,omitempty"` // PEM file
	AllowHTTP    bool              `yaml:"allow_http" json:"allow_http,omitempty"`
	AllowPrivate bool              `yaml:"allow_private" json:"allow_private,omitempty"`
}

// Secret is a secret in the settings file. It is masked wherever it is shown.
type Secret string

// MarshalJSON returns the mask.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// String returns the mask.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// Address is a URL in the settings file. It is always shown without user, password, query
// and fragment.
type Address string

// MarshalJSON returns the address as it may be shown.
func (a Address) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// String returns the address as it may be shown.
func (a Address) String() string { return explain.ShownAddress(string(a)) }

// Secrets returns AppSecrets in clear.
func (w WellKnown) Secrets() map[string]string {
	clear := make(map[string]string, len(w.AppSecrets))
	for app, secret := range w.AppSecrets {
		clear[app] = string(secret)
	}
	return clear
}

var graphVersion = regexp.MustCompile(`^v[1-9]\d{0,2}\.\d{1,2}$`)

// Override returns w for the server, with the certificates of its CABundle.
func (w WellKnown) Override(certificates []byte) provider.Override {
	o := provider.Override{
		JWKSURL:      string(w.JWKSURL),
		CABundle:     certificates,
		AllowHTTP:    w.AllowHTTP,
		AllowPrivate: w.AllowPrivate,
		BaseURL:      strings.TrimSuffix(string(w.BaseURL), "/"),
		APIVersion:   w.GraphVersion,
		VerifyPath:   w.VerifyPath,
		AppSecret:    string(w.AppSecret),
		AppSecrets:   w.Secrets(),
		LimitedLogin: w.LimitedLogin,
	}
	for _, issuer := range w.Issuers {
		o.Issuers = append(o.Issuers, string(issuer))
	}

	return o
}

// CheckProviders refuses providers that are not in the table, settings that do not apply
// to them, and values that cannot work.
func (f *File) CheckProviders(table provider.Table) []error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(f.Providers)) {
		row, known := table.BySetting(name)
		if !known {
			names := table.Settings()
			fix := "use " + strings.Join(names, ", ")
			if near := explain.Nearest(name, names); near != "" {
				fix = "did you mean " + near + "?"
			}
			faults = append(faults, fmt.Errorf("providers.%s is not a known provider: %s", name, fix))
			continue
		}
		faults = append(faults, f.Providers[name].check("providers."+name, row)...)
	}

	return faults
}

// check checks the settings of one provider.
func (w WellKnown) check(setting string, row provider.Row) []error {
	var faults []error
	if row.IDTokens != nil && !w.LimitedLogin && (len(w.Issuers) > 0 || w.JWKSURL != "") {
		faults = append(faults, fmt.Errorf("%s: issuers and jwks_url are those of Limited Login: "+
			"set limited_login: true, or leave them out", setting))
	}
	if row.Ended != nil && w.VerifyPath != "" && w.BaseURL == "" {
		faults = append(faults, fmt.Errorf("%s.verify_path has no meaning without base_url: "+
			"%s has ended, so name what is to answer in its place", setting, row.Name))
	}

	for _, c := range w.checks(row) {
		switch {
		case !c.set:
		case !slices.Contains(row.Allowed, c.name):
			faults = append(faults, fmt.Errorf("%s.%s has no meaning for this provider: leave it out (it has %s)",
				setting, c.name, strings.Join(row.Allowed, ", ")))
		case c.fault != nil:
			faults = append(faults, fmt.Errorf("%s.%s: %w", setting, c.name, c.fault))
		}
	}

	return faults
}

type providerCheck struct {
	name  string
	set   bool
	fault error
}

func (w WellKnown) checks(row provider.Row) []providerCheck {
	list := []providerCheck{
		{provider.SettingBaseURL, w.BaseURL != "", checkAddress(w.BaseURL, w.AllowHTTP)},
		{provider.SettingGraphVersion, w.GraphVersion != "", nil},
		{provider.SettingVerifyPath, w.VerifyPath != "", nil},
		{provider.SettingAppSecret, w.AppSecret != "", checkSecret(w.AppSecret)},
		{provider.SettingAppSecrets, len(w.AppSecrets) > 0, nil},
		{provider.SettingLimitedLogin, w.LimitedLogin, nil},
		{provider.SettingIssuers, len(w.Issuers) > 0, nil},
		{provider.SettingJWKSURL, w.JWKSURL != "", checkAddress(w.JWKSURL, w.AllowHTTP)},
	}
	if !graphVersion.MatchString(w.GraphVersion) {
		list[1].fault = fmt.Errorf("%q is no version of the Graph API: write it like v25.0", w.GraphVersion)
	}
	if !strings.HasPrefix(w.VerifyPath, "/") || strings.ContainsAny(w.VerifyPath, "?# \t\r\n") {
		list[2].fault = fmt.Errorf("%q is no path: begin with a slash and leave out the query, e.g. /1.1/account/verify_credentials.json", w.VerifyPath)
	}

	for app, secret := range w.AppSecrets {
		if err := checkSecret(secret); err != nil || app == "" || strings.Trim(app, "0123456789") != "" {
			list[4].fault = fmt.Errorf("%q: name a %s application by its ID in digits, and give its secret", app,
				row.Name)
		}
	}

	if slices.Contains(w.Issuers, "") {
		list[6].fault = errors.New("one is empty: name each issuer as it stands in the iss claim")
	} else if len(w.Issuers) > 0 && w.JWKSURL == "" { // the first one leads to the keys
		list[6].fault = checkAddress(w.Issuers[0], w.AllowHTTP)
	}

	return list
}

func checkSecret(s Secret) error {
	if s == "" || strings.ContainsAny(string(s), "| \t\r\n") {
		return errors.New("is empty or has blanks or a bar: give the secret alone, as the provider shows it")
	}
	return nil
}

// checkAddress accepts https URLs without a query, and http URLs if the provider's
// allow_http is true.
func checkAddress(text Address, allowHTTP bool) error {
	if u, err := url.Parse(string(text)); err == nil && (u.RawQuery != "" || u.ForceQuery) {
		return fmt.Errorf("%s is no plain URL: give scheme, host and path only", shown(string(text)))
	}
	return checkDocument(text, allowHTTP)
}

// checkDocument is checkAddress for URLs that may have a query.
func checkDocument(text Address, allowHTTP bool) error {
	u, err := url.Parse(string(text))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return fmt.Errorf("%s is no plain URL: give scheme, host and path only", shown(string(text)))
	case u.Scheme == "https" || u.Scheme == "http" && allowHTTP:
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("%s is not https: use https, or set allow_http for this provider if it is a development one",
			shown(string(text)))
	default:
		return fmt.Errorf("%s is not https: use https", shown(string(text)))
	}
}

// shown returns an address as faults may show it, in quotes.
func shown(text string) string { return strconv.Quote(explain.ShownAddress(text)) }
