package provider

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// UserPool locates a user pool, if its tokens do not come from AWS.
type UserPool struct {
	ProviderName string `yaml:"provider_name"`
	// Aliases are other keys in Logins that stand for the pool.
	Aliases []string `yaml:"aliases"`
	// Endpoint is that of a user pools API.
	Endpoint string `yaml:"endpoint" shown:"address"`
	// Issuer is the only accepted one, whatever the endpoint; "" = any of the endpoint's.
	Issuer       string   `yaml:"issuer" shown:"address"`
	JWKSURL      string   `yaml:"jwks_url" shown:"address"`
	Algorithms   []string `yaml:"allowed_algs"`                  // nil is RS256
	CABundle     string   `yaml:"ca_bundle" file:"certificates"` // PEM
	AllowHTTP    bool     `yaml:"allow_http"`
	AllowPrivate bool     `yaml:"allow_private"`
}

// Override returns the addresses of the pool.
func (p UserPool) Override() Override {
	o := Override{
		BaseURL:      strings.TrimSuffix(p.Endpoint, "/"),
		JWKSURL:      p.JWKSURL,
		Algorithms:   p.Algorithms,
		CABundle:     p.CABundle,
		AllowHTTP:    p.AllowHTTP,
		AllowPrivate: p.AllowPrivate,
	}
	if p.Issuer != "" {
		o.Issuers = []string{p.Issuer}
	}

	return o
}

// UserPoolRegion locates the other user pools of a region.
type UserPoolRegion struct {
	Endpoint     string `yaml:"endpoint" shown:"address"`
	CABundle     string `yaml:"ca_bundle" file:"certificates"` // PEM
	AllowHTTP    bool   `yaml:"allow_http"`
	AllowPrivate bool   `yaml:"allow_private"`
}

// Override returns the addresses of the region's pools.
func (r UserPoolRegion) Override() Override {
	return UserPool{
		Endpoint:     r.Endpoint,
		CABundle:     r.CABundle,
		AllowHTTP:    r.AllowHTTP,
		AllowPrivate: r.AllowPrivate,
	}.Override()
}

// ValidRegion reports whether the name of a user pool can have a region.
func ValidRegion(region string) bool { return regionName.MatchString(region) }

// Validate refuses an address that is no plain URL.
func (r UserPoolRegion) Validate() error {
	return within("endpoint", checkBase(r.Endpoint, r.AllowHTTP))
}

var (
	// The names that the API accepts in CognitoIdentityProviders (API model, ProviderName).
	userPoolName = regexp.MustCompile(`^[\w._:/-]{1,128}$`)
	regionName   = regexp.MustCompile(`^[a-z0-9-]+$`)
	graphVersion = regexp.MustCompile(`^v[1-9]\d{0,2}\.\d{1,2}$`)
)

// Validate refuses a name that no identity pool can have, and addresses that are no plain URLs.
func (p UserPool) Validate() error {
	faults := []error{within("endpoint", checkBase(p.Endpoint, p.AllowHTTP))}
	switch {
	case p.ProviderName == "":
		faults = append(faults, errors.New("provider_name is required"))
	case strings.Contains(p.ProviderName, "://"):
		faults = append(faults, fmt.Errorf("provider_name %s: leave out the scheme", shownAddress(p.ProviderName)))
	case !userPoolName.MatchString(p.ProviderName):
		faults = append(faults, fmt.Errorf("provider_name %s: no identity pool can have it: "+
			"use at most 128 letters, digits and . _ : / -", shownAddress(p.ProviderName)))
	}

	switch {
	case p.JWKSURL != "":
		faults = append(faults, within("jwks_url", outbound.CheckDocumentURL(p.JWKSURL, p.AllowHTTP)))
	case p.Endpoint == "": // the issuer's address leads to the keys
		faults = append(faults, within("issuer", checkBase(p.Issuer, p.AllowHTTP)))
	}

	return errors.Join(faults...)
}

// CheckUserPools refuses names that belong to two pools.
func CheckUserPools(pools []UserPool) []error {
	var faults []error
	seen, aliases := map[string]bool{}, map[string]string{}
	for n, p := range pools {
		setting := fmt.Sprintf("user_pools[%d]", n)
		if seen[p.ProviderName] && p.ProviderName != "" {
			faults = append(faults,
				fmt.Errorf("%s.provider_name %s is there twice", setting, shownAddress(p.ProviderName)))
		}
		seen[p.ProviderName] = true

		for _, alias := range p.Aliases {
			if other, taken := aliases[alias]; taken {
				faults = append(faults,
					fmt.Errorf("%s.aliases: %s is an alias of %s already", setting, shownAddress(alias), other))
			}
			aliases[alias] = p.ProviderName
		}
	}

	return faults
}

// CheckSettings refuses overrides of providers that are not in the table, settings that do not
// apply to a provider, and values that cannot work. The keys are Row.Setting.
func (t Table) CheckSettings(overrides map[string]Override) []error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		row, known := t.BySetting(name)
		if !known {
			names := t.Settings()
			fix := "use " + strings.Join(names, ", ")
			if near := explain.Nearest(name, names); near != "" {
				fix = "did you mean " + near + "?"
			}
			faults = append(faults, fmt.Errorf("providers.%s is not a known provider: %s", name, fix))
			continue
		}
		faults = append(faults, overrides[name].check("providers."+name, row)...)
	}

	return faults
}

// Overrides returns overrides with the Logins keys of the providers that their keys name
// (Row.Setting).
func (t Table) Overrides(bySetting map[string]Override) map[string]Override {
	overrides := make(map[string]Override, len(bySetting))
	for name, o := range bySetting {
		row, _ := t.BySetting(name)
		overrides[row.Key] = o
	}
	return overrides
}

// check checks the settings of one provider.
func (o Override) check(setting string, row Row) []error {
	var faults []error
	if row.IDTokens != nil && !o.LimitedLogin && (len(o.Issuers) > 0 || o.JWKSURL != "") {
		faults = append(faults, fmt.Errorf("%s: issuers and jwks_url are those of Limited Login: "+
			"set limited_login: true, or leave them out", setting))
	}
	if row.Ended != nil && o.VerifyPath != "" && o.BaseURL == "" {
		faults = append(faults, fmt.Errorf("%s.verify_path has no meaning without base_url: "+
			"%s has ended, so name what is to answer in its place", setting, row.Name))
	}

	for _, c := range o.checks(row) {
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

type overrideCheck struct {
	name  string
	set   bool
	fault error
}

func (o Override) checks(row Row) []overrideCheck {
	return []overrideCheck{
		{name: SettingBaseURL, set: o.BaseURL != "", fault: checkBase(o.BaseURL, o.AllowHTTP)},
		{name: SettingGraphVersion, set: o.APIVersion != "", fault: checkGraphVersion(o.APIVersion)},
		{name: SettingVerifyPath, set: o.VerifyPath != "", fault: checkVerifyPath(o.VerifyPath)},
		{name: SettingAppSecret, set: o.AppSecret != "", fault: checkSecret(o.AppSecret)},
		{name: SettingAppSecrets, set: len(o.AppSecrets) > 0, fault: checkSecrets(o.AppSecrets, row)},
		{name: SettingLimitedLogin, set: o.LimitedLogin},
		{name: SettingIssuers, set: len(o.Issuers) > 0, fault: o.checkIssuers()},
		{name: SettingJWKSURL, set: o.JWKSURL != "", fault: checkBase(o.JWKSURL, o.AllowHTTP)},
	}
}

func checkGraphVersion(version string) error {
	if !graphVersion.MatchString(version) {
		return fmt.Errorf("%q is no version of the Graph API: write it like v25.0", version)
	}
	return nil
}

func checkVerifyPath(path string) error {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?# \t\r\n") {
		return fmt.Errorf("%q is no path: begin with a slash and leave out the query, "+
			"e.g. /1.1/account/verify_credentials.json", path)
	}
	return nil
}

func checkSecret(s explain.Secret) error {
	if s == "" || strings.ContainsAny(string(s), "| \t\r\n") {
		return errors.New("is empty or has blanks or a bar: give the secret alone, as the provider shows it")
	}
	return nil
}

func checkSecrets(secrets map[string]explain.Secret, row Row) error {
	for app, secret := range secrets {
		if checkSecret(secret) != nil || app == "" || strings.Trim(app, "0123456789") != "" {
			return fmt.Errorf("%q: name a %s application by its ID in digits, and give its secret", app, row.Name)
		}
	}
	return nil
}

func (o Override) checkIssuers() error {
	switch {
	case slices.Contains(o.Issuers, ""):
		return errors.New("one is empty: name each issuer as it stands in the iss claim")
	case len(o.Issuers) > 0 && o.JWKSURL == "": // the first one leads to the keys
		return checkBase(o.Issuers[0], o.AllowHTTP)
	default:
		return nil
	}
}

// checkBase is outbound.CheckBaseURL for an address that may be left out.
func checkBase(text string, allowHTTP bool) error {
	if text == "" {
		return nil
	}
	return outbound.CheckBaseURL(text, allowHTTP)
}

// within adds the name of a setting to its fault, if there is one.
func within(setting string, fault error) error {
	if fault == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", setting, fault)
}

// shownAddress returns an address as faults may show it, in quotes.
func shownAddress(text string) string { return fmt.Sprintf("%q", explain.ShownAddress(text)) }
