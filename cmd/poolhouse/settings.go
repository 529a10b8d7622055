package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/config"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// addSettings gives a command --config and the flags of the settings table, or only of the named
// settings.
func addSettings(c *cobra.Command, only ...string) {
	c.Flags().String("config", "", "settings file, YAML (environment POOLHOUSE_CONFIG)")

	for _, row := range config.Table {
		if !row.HasFlag() || len(only) > 0 && !slices.Contains(only, row.Key) {
			continue
		}
		if row.Kind == config.Boolean {
			c.Flags().Bool(row.Flag(), row.Default == "true", row.Help)
		} else {
			c.Flags().String(row.Flag(), row.Default, row.Help)
		}
	}
}

// storeSettings are the settings of commands that open the database.
var storeSettings = []string{config.Data, config.Database, config.MasterKeyFile}

// loadSettings merges the command's flags, the environment and the settings file.
func loadSettings(c *cobra.Command) (*config.Settings, error) {
	given := map[string]string{}
	for _, row := range config.Table {
		if f := c.Flags().Lookup(row.Flag()); f != nil && f.Changed {
			given[row.Key] = f.Value.String()
		}
	}

	path, err := c.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	if path == "" {
		path = os.Getenv("POOLHOUSE_CONFIG")
	}

	return config.Load(given, os.Environ(), path)
}

// serverConfig turns settings into the server's. It reads the files that the settings name,
// relative to the folder of the settings file.
func serverConfig(s *config.Settings) (poolhouse.Config, error) {
	c := poolhouse.Config{
		DataDir:        s.Text(config.Data),
		DatabaseURL:    s.Text(config.Database),
		IssuerURL:      strings.TrimSuffix(s.Text(config.IssuerURL), "/"),
		Account:        s.Text(config.AccountID),
		Region:         s.Text(config.Region),
		TokenAlgorithm: s.Text(config.TokenAlgorithm),
		PoolAlgorithms: s.File.TokenAlgorithms,
		ChosenIDs:      s.Text(config.ChosenIDs),
		Limits: poolhouse.Limits{
			Pools:             s.Number(config.LimitPools),
			UserPoolProviders: s.Number(config.LimitUserPoolProviders),
			RulesPerMapping:   s.Number(config.LimitRulesPerMapping),
			LoginsPerIdentity: s.Number(config.LimitLoginsPerIdentity),
			TagsPerPool:       s.Number(config.LimitTagsPerPool),
			TokenBytes:        s.Number(config.LimitTokenBytes),
		},
		DatabaseConnections:  s.Number(config.DatabaseConns),
		BehindProxy:          s.Is(config.BehindProxy),
		AllowedOrigins:       s.List(config.AllowedOrigins),
		MetricsApart:         s.Text(config.MetricsListen) != "",
		DevHosts:             s.List(config.DevAllowedHosts),
		DevOrigins:           s.List(config.DevAllowedOrigins),
		SignOutEndsSessions:  s.Is(config.SignOutEnds),
		SignOutInAllAccounts: s.Is(config.SignOutAll),
		Version:              version(),
	}
	if len(c.AllowedOrigins) == 0 {
		return c, s.Fault(config.AllowedOrigins, `list the origins whose pages may call, or give "*" for any`)
	}

	var err error
	if c.MaxWait, err = time.ParseDuration(s.Text(config.MaxWait)); err != nil {
		return c, s.Fault(config.MaxWait,
			"use a duration from 1ms to 5s, such as 10ms, or 0 to refuse nobody")
	}

	files := bundles{folder: filepath.Dir(s.Path)}
	for _, r := range s.File.Roles {
		policies := map[string]string{}
		for _, p := range r.Policies {
			policies[p.Name] = string(p.Document)
		}
		c.Roles = append(c.Roles, poolhouse.RoleConfig{
			ARN:                 r.ARN,
			TrustPolicy:         string(r.TrustPolicy),
			Policies:            policies,
			PermissionsBoundary: string(r.PermissionsBoundary),
			MaxSessionSeconds:   r.MaxSessionDuration,
		})
	}

	for n, p := range s.File.OIDCProviders {
		c.OIDCProviders = append(c.OIDCProviders, poolhouse.OIDCProviderConfig{
			URL:          string(p.URL),
			ClientIDs:    p.ClientIDs,
			Thumbprints:  p.Thumbprints,
			Algorithms:   p.AllowedAlgorithms,
			DiscoveryURL: string(p.DiscoveryURL),
			JWKSURL:      string(p.JWKSURL),
			CABundle: string(
				files.certificates(fmt.Sprintf("oidc_providers[%d].ca_bundle", n), p.CABundle),
			),
			AllowHTTP:          p.AllowHTTP,
			AllowPrivate:       p.AllowPrivate,
			EnforceThumbprints: p.EnforceThumbprints,
		})
	}

	c.Providers = wellKnownProviders(s, &files)
	if files.err == nil {
		c.SAMLProviders = samlProviders(s, &files)
		c.SAMLPreviousEntityIDs = s.File.SAMLPrevious
	}
	userPools(s, &c, &files)
	c.Check = checkEndpoint(s.File.Check, &files)
	c.RateLimits, c.AddressLimits = rateLimits(s.File.RateLimits), addressLimits(s)
	credentialEngines(s, &c, &files)

	return c, files.err
}

func samlProviders(s *config.Settings, files *bundles) []poolhouse.SAMLProviderConfig {
	var list []poolhouse.SAMLProviderConfig
	for n, p := range s.File.SAMLProviders {
		setting := fmt.Sprintf("saml_providers[%d].metadata_file", n)
		metadata := files.read(setting, p.MetadataFile)
		if p.MetadataFile == "" && files.err == nil {
			files.err = fmt.Errorf(
				"%s is required; name the file with the identity provider's metadata, relative to the settings file's folder",
				setting,
			)
		}

		if files.err != nil {
			return nil
		}

		list = append(list, poolhouse.SAMLProviderConfig{
			Name:               p.Name,
			Metadata:           string(metadata),
			Audiences:          p.Audiences,
			Recipients:         texts(p.Recipients),
			PreviousEntityIDs:  p.PreviousEntityIDs,
			AnyCertificateDate: p.EnforceCertificateDates != nil && !*p.EnforceCertificateDates,
		})
	}

	return list
}

// credentialEngines turns the settings of credential engines into the server's.
func credentialEngines(s *config.Settings, c *poolhouse.Config, files *bundles) {
	c.CredentialEngine, c.PoolCredentialEngines = s.Text(config.Engine), s.File.PoolCredentialEngines
	c.GuestPolicy, c.PoolGuestPolicies = string(s.File.GuestPolicy), map[string]string{}
	for pool, policy := range s.File.PoolGuestPolicies {
		c.PoolGuestPolicies[pool] = string(policy)
	}

	c.CredentialEngines = map[string]poolhouse.CredentialEngineConfig{}
	for name, e := range s.File.CredentialEngines {
		session, token, _ := e.Durations() // checked with the file
		c.CredentialEngines[name] = poolhouse.CredentialEngineConfig{
			Endpoint:        string(e.Endpoint),
			Region:          e.Region,
			CABundle:        files.certificates("credential_engines."+name+".ca_bundle", e.CABundle),
			AllowHTTP:       e.AllowHTTP,
			AllowPrivate:    e.AllowPrivate,
			ClientID:        e.ClientID,
			ClientSecret:    string(e.ClientSecret),
			Roles:           e.Roles,
			GuestPolicy:     string(e.GuestPolicy),
			GuestPolicyARNs: e.GuestPolicyARNs,
			SessionPolicy:   string(e.SessionPolicy),
			SessionName:     e.SessionName,
			Duration:        session,
			Token: poolhouse.EngineTokenConfig{
				Algorithm:   e.Token.Algorithm,
				Type:        e.Token.Type,
				Certificate: e.Token.X5C,
				Audience:    string(e.Token.Audience),
				Issuer:      string(e.Token.Issuer),
				AMR:         e.Token.AMR,
				Tags:        e.Token.Tags == nil || *e.Token.Tags,
				Lifetime:    token,
				Claims:      e.Token.Claims,
			},
		}
	}
}

// checkEndpoint turns the settings of forward auth into the server's; nil = it is off.
func checkEndpoint(s *config.Check, files *bundles) *poolhouse.CheckConfig {
	if s == nil {
		return nil
	}

	body, forward, _ := s.Durations() // checked with the file
	c := &poolhouse.CheckConfig{
		Path:           s.Path,
		Request:        s.Request,
		Service:        s.Service,
		Region:         s.Region,
		Body:           s.Body,
		MaxBody:        s.MaxBody,
		Presigned:      s.Presigned,
		MaxBodies:      s.MaxBodies,
		BodyTime:       body,
		ForwardTimeout: forward,
		ServiceCAs:     files.certificates("check.ca_bundle", s.CABundle),
		AllowedOrigins: s.AllowedOrigins,
		Hosts:          s.Hosts,
		PassSignature:  s.PassSignature,
	}
	for _, r := range s.Routes {
		c.Routes = append(c.Routes, poolhouse.CheckRoute(r))
	}

	return c
}

// rateLimits returns the rates that the settings allow for accounts.
func rateLimits(s *config.RateLimits) poolhouse.RateLimits {
	if s == nil {
		return poolhouse.RateLimits{}
	}

	limits := poolhouse.RateLimits{Preset: s.Preset, Operations: map[string]poolhouse.Rate{}}
	for name, r := range s.Operations {
		limits.Operations[name] = poolhouse.Rate{PerSecond: r.Rate, Burst: r.Burst}
	}

	return limits
}

// addressLimits returns the rates that the settings allow for client addresses.
func addressLimits(s *config.Settings) poolhouse.AddressLimits {
	return poolhouse.AddressLimits{
		Off: !s.Is(config.AddressLimits),
		Guests: poolhouse.Rate{
			PerSecond: float64(s.Number(config.AddressGuestRate)),
			Burst:     s.Number(config.AddressGuestBurst),
		},
		RefusedLogins: poolhouse.Rate{
			PerSecond: float64(s.Number(config.AddressRefusedRate)),
			Burst:     s.Number(config.AddressRefusedBurst),
		},
	}
}

// userPools turns the settings of user pools, and of the sign-outs that providers may send, into
// the server's.
func userPools(s *config.Settings, c *poolhouse.Config, files *bundles) {
	c.UserPools, c.UserPoolRegions = map[string]poolhouse.ProviderOverride{}, map[string]poolhouse.ProviderOverride{}
	c.ProviderAliases = map[string]string{}
	c.UserStatus, c.UserStatusRegions = map[string]poolhouse.UserStatusConfig{}, map[string]poolhouse.UserStatusConfig{}
	c.SignOut = map[string]poolhouse.SignOutConfig{}

	for n, p := range s.File.UserPools {
		o := poolhouse.ProviderOverride{
			BaseURL:      strings.TrimSuffix(string(p.Endpoint), "/"),
			JWKSURL:      string(p.JWKSURL),
			Algorithms:   p.Algorithms,
			AllowHTTP:    p.AllowHTTP,
			AllowPrivate: p.AllowPrivate,
			CABundle:     files.certificates(fmt.Sprintf("user_pools[%d].ca_bundle", n), p.CABundle),
		}
		if p.Issuer != "" {
			o.Issuers = []string{string(p.Issuer)}
		}

		c.UserPools[p.ProviderName] = o
		for _, alias := range p.Aliases {
			c.ProviderAliases[alias] = p.ProviderName
		}
		if p.Status != (config.UserStatus{}) {
			c.UserStatus[p.ProviderName] = userStatus(p.Status, o)
		}
		if !p.SignOut.IsZero() {
			c.SignOut[p.ProviderName] = poolhouse.SignOutConfig(p.SignOut)
		}
	}

	for region, p := range s.File.UserPoolRegions {
		o := poolhouse.ProviderOverride{
			BaseURL:      strings.TrimSuffix(string(p.Endpoint), "/"),
			AllowHTTP:    p.AllowHTTP,
			AllowPrivate: p.AllowPrivate,
			CABundle:     files.certificates("user_pool_regions."+region+".ca_bundle", p.CABundle),
		}
		c.UserPoolRegions[region] = o
		if p.Status != (config.UserStatus{}) {
			c.UserStatusRegions[region] = userStatus(p.Status, o)
		}
	}

	for _, p := range s.File.OIDCProviders {
		if _, key, found := strings.Cut(string(p.URL), "://"); found && !p.SignOut.IsZero() {
			c.SignOut[key] = poolhouse.SignOutConfig(p.SignOut)
		}
	}
}

// userStatus returns how to ask a user pool at o: AdminGetUser at the same endpoint unless the
// settings name another.
func userStatus(u config.UserStatus, o poolhouse.ProviderOverride) poolhouse.UserStatusConfig {
	cache, _ := u.CacheTime() // checked with the file
	status := poolhouse.UserStatusConfig{
		Check:           u.Check,
		Endpoint:        string(u.Endpoint),
		Region:          u.Region,
		AccessKeyID:     u.AccessKeyID,
		SecretAccessKey: string(u.SecretAccessKey),
		ClientID:        u.ClientID,
		ClientSecret:    string(u.ClientSecret),
		Cache:           cache,
		CABundle:        o.CABundle,
		AllowHTTP:       o.AllowHTTP,
		AllowPrivate:    o.AllowPrivate,
	}
	if u.Check == poolhouse.UserStatusAdminGetUser && u.Endpoint == "" {
		status.Endpoint = o.BaseURL
	}

	return status
}

// wellKnownProviders returns the settings' overrides of login providers, by Logins key.
func wellKnownProviders(s *config.Settings, files *bundles) map[string]poolhouse.ProviderOverride {
	overrides := map[string]poolhouse.ProviderOverride{}
	for name, p := range s.File.Providers {
		row, _ := provider.Default().BySetting(name) // others are refused with the file
		overrides[row.Key] = p.Override(files.certificates("providers."+name+".ca_bundle", p.CABundle))
	}
	return overrides
}

// texts returns addresses as strings.
func texts(addresses []config.Address) []string {
	var list []string
	for _, a := range addresses {
		list = append(list, string(a))
	}
	return list
}

// bundles reads the files that settings name, and keeps the first error.
type bundles struct {
	folder string
	err    error
}

func (b *bundles) read(setting, path string) []byte {
	if path == "" || b.err != nil {
		return nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.folder, path)
	}

	text, err := os.ReadFile(path)
	if err != nil {
		b.err = fmt.Errorf(
			"%s: %w; name a file that this server may read, relative to the settings file's folder", setting, err,
		)
	}

	return text
}

// certificates reads a file that must contain certificates.
func (b *bundles) certificates(setting, path string) []byte {
	text := b.read(setting, path)
	if path != "" && b.err == nil && !x509.NewCertPool().AppendCertsFromPEM(text) {
		b.err = fmt.Errorf("%s: %s holds no certificate: give PEM", setting, path)
	}
	return text
}

// masterKey reads the master key that the settings name; nil = use the data folder's. Only
// `poolhouse init` and `poolhouse dev` make the file: elsewhere a path that does not exist is a
// mistake.
func masterKey(s *config.Settings, mayCreate bool) ([]byte, error) {
	text, path := s.Text(config.MasterKey), s.Text(config.MasterKeyFile)
	switch {
	case text != "" && path != "":
		return nil, s.Fault(config.MasterKeyFile, "master_key is set too; give one of them")
	case text != "":
		key, err := envelope.ParseKey(text)
		if err != nil {
			return nil, s.Fault(config.MasterKey, "%v", err)
		}
		return key, nil
	case path != "":
		load := envelope.Load
		if mayCreate {
			load = func(path string) ([]byte, error) { key, _, err := envelope.LoadOrCreate(path); return key, err }
		}

		key, err := load(path)

		if errors.Is(err, fs.ErrNotExist) && !mayCreate {
			err = fmt.Errorf("%w: put your copy back, or name the file that has it", err)
		}
		if err != nil {
			return nil, s.Fault(config.MasterKeyFile, "%w", err)
		}

		return key, nil
	default:
		return nil, nil
	}
}

// How long a server still answers after it was told to stop: the defaults, and the longest time.
const (
	serveLameDuck = 5 * time.Second
	devLameDuck   = time.Duration(0)
	maxLameDuck   = datalock.MaxStop
)

// lameDuck reads the setting; standard is the default.
func lameDuck(s *config.Settings, standard time.Duration) (time.Duration, error) {
	text := s.Text(config.LameDuck)
	if text == "" {
		return standard, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxLameDuck {
		return 0, s.Fault(config.LameDuck, "use a time from 0s to %v, such as 5s", maxLameDuck)
	}

	return d, nil
}
