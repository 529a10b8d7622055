package poolhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/console"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/forwardauth"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/stsapi"
	"github.com/poolhouse-id/poolhouse/internal/testkeys"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// Config has the settings of a Server. It needs an IssuerURL and, outside development, a
// DataDir or a DatabaseURL; with the latter also a MasterKey.
//
// Struct tags give a single-valued setting its name, its default, and whether the program masks
// it when it prints the settings. SettingHelp documents each setting.
type Config struct {
	// DataDir is the folder of the embedded database; DatabaseURL (postgres://...) replaces
	// it. Without both, all data is in memory, which only Dev allows.
	DataDir     string `setting:"data"`
	DatabaseURL string `setting:"database" shown:"secret"`
	// DatabaseConnections is the number of PostgreSQL connections for reads, and also for
	// writes; 0 = 8, at most MaxDatabaseConnections.
	DatabaseConnections int `setting:"database_connections" default:"8"`
	// MasterKey encrypts secrets at rest: 32 bytes. If all data is in memory, New generates one.
	MasterKey []byte

	// RequireInitialised makes New refuse a database without an account (ErrNotInitialised)
	// and create nothing, neither file nor schema; see Initialise. Without it, the first
	// start makes the account.
	RequireInitialised bool
	// ListenAddress and LameDuck are for a second server that is started on the same DataDir:
	// where this server can be reached, and how long it still answers after a stop signal.
	ListenAddress string
	LameDuck      time.Duration

	// IssuerURL is the iss of the tokens and the base of discovery, without a trailing
	// slash. The roles and providers in the settings and the first access key belong to
	// Account. Region is in the key IDs of tokens, gives the partition of ARNs, and is the
	// default of Check.Region.
	IssuerURL string `setting:"issuer_url" shown:"address"`
	Region    string `setting:"region" default:"us-east-1"`
	Account   string `setting:"account_id"`

	// BehindProxy means that every request comes through a proxy that sets X-Forwarded-For
	// and X-Forwarded-Proto; conditions on aws:SourceIp and aws:SecureTransport use these.
	BehindProxy bool `setting:"behind_proxy"`
	// MaxWait is how long calls may wait for their work (a signature, a durable write, a
	// processor) during overload; those that would wait longer are refused. 0 = no limit;
	// else 1 ms to 5 s.
	MaxWait time.Duration `setting:"max_wait" default:"10ms" bounds:"from 1ms to 5s, or 0 to refuse nobody"`

	// TokenAlgorithm is RS512 (default), RS256 or ES256; PoolAlgorithms overrides it for
	// single pools.
	TokenAlgorithm string `setting:"token_algorithm" default:"RS512"`
	PoolAlgorithms map[string]string

	// ChosenIDs names the accounts that may choose the IDs of pools and identities: "" or
	// "home" = only Account, "all" = every account.
	ChosenIDs string `setting:"chosen_ids" default:"home"`

	// CredentialEngine issues the enhanced flow's credentials: "" = builtin, else one of
	// CredentialEngines. PoolCredentialEngines overrides it for single pools.
	CredentialEngine      string `setting:"credential_engine" default:"builtin"`
	CredentialEngines     map[string]CredentialEngineConfig
	PoolCredentialEngines map[string]string
	// GuestPolicy bounds the sessions that the built-in engine gives to guests in the
	// enhanced flow: "" or "aws" = as AWS does; "off" = by the role alone; else a policy
	// document. PoolGuestPolicies overrides it for single pools.
	GuestPolicy       string
	PoolGuestPolicies map[string]string

	// ManagedPolicies has AWS's managed policies that roles may have, besides the built-in
	// ones: what `aws iam get-account-authorization-details --filter AWSManagedPolicy` prints.
	ManagedPolicies string

	Roles         []RoleConfig
	OIDCProviders []OIDCProviderConfig
	SAMLProviders []SAMLProviderConfig
	// SAMLPreviousEntityIDs has the former entity IDs of SAML providers made by the IAM API,
	// by the provider's ARN: their users keep their identities.
	SAMLPreviousEntityIDs map[string][]string
	Providers             map[string]ProviderOverride // Google, Facebook, ... by Logins key, e.g. accounts.google.com
	ProviderTable         provider.Table              // nil = provider.Default; for tests of this module
	UserPools             map[string]ProviderOverride // by provider name
	// UserPoolRegions locates the user pools that UserPools does not name, by region;
	// ProviderAliases maps Logins keys to the provider that they stand for.
	UserPoolRegions map[string]ProviderOverride
	ProviderAliases map[string]string
	// UserStatus has how to ask user pools for ServerSideTokenCheck, by provider name;
	// UserStatusRegions the same by region, for all others.
	UserStatus        map[string]UserStatusConfig
	UserStatusRegions map[string]UserStatusConfig
	SignOut           map[string]SignOutConfig // which sign-outs providers may send, by Logins key

	// SignOutEndsSessions makes a user's sign-out also end the session credentials that the
	// login led to.
	SignOutEndsSessions bool `setting:"sign_out_ends_sessions"`
	// SignOutInAllAccounts makes a SignOut by the home account end logins in the identity
	// pools of all accounts.
	SignOutInAllAccounts bool `setting:"sign_out_in_all_accounts"`

	// RateLimits bounds how often each account may call an operation; off by default.
	RateLimits RateLimits
	// Check is the endpoint for forward auth; nil = there is none.
	Check *CheckConfig

	// AllowedOrigins are the origins whose pages may call, scheme://host[:port]; empty or
	// "*" = any, as at AWS. In development DevOrigins counts instead.
	AllowedOrigins []string `setting:"allowed_origins" default:"*" shown:"address"`
	// MetricsApart removes /metrics from the Server; MetricsHandler serves it.
	MetricsApart bool

	// Console serves the console at /console/. ConsoleApart removes it from the Server: ConsoleHandler
	// serves it, together with everything that the page calls. ConsoleIdle is the time without input after
	// which the page forgets its user's key; 0 = 30 minutes.
	Console      bool `setting:"console"`
	ConsoleApart bool
	ConsoleIdle  time.Duration `setting:"console_idle" default:"30m0s" bounds:"from 1s to 24h"`

	// DevHosts and DevOrigins are the hosts that a development server answers to, and the
	// origins whose pages may call it, in addition to the developer's machine.
	DevHosts   []string `setting:"dev.allowed_hosts" shown:"address"`
	DevOrigins []string `setting:"dev.allowed_origins" shown:"address"`
	// DevControlToken lets other machines use the control API of a development server
	// (DevPaths); "" = only this machine may.
	DevControlToken string `setting:"dev.control_token" shown:"secret"`
	// DevUserPoolCode is every code that the user pools of a development server send; "" = codes are
	// random.
	DevUserPoolCode string `setting:"dev.user_pool_code" shown:"secret"`
	// DevEndpoint is where clients on this machine reach a development server; "" = IssuerURL.
	DevEndpoint string
	// DevConsoleURL is where browsers on this machine reach a console that is apart on a development server, with
	// a slash at the end.
	DevConsoleURL string
	// Dev switches on the well-known key pair test/test, the development issuer, pinned pool
	// IDs and a start that does not wait for RSA keys.
	Dev bool
	// AcceptUnknownRoles treats a role that was never defined as one that trusts the pool
	// and allows nothing. Only with Dev.
	AcceptUnknownRoles bool
	// TestKeys gives out the RSA keys of package poolhousetest, for a quick start. Only with Dev, and with
	// all data in memory; package poolhousetest sets it. nil = generate keys, and refuse test keys.
	TestKeys testkeys.Maker

	// AddressLimits bounds what clients may do from one address before they prove anything;
	// on by default.
	AddressLimits AddressLimits `setting:"address_limits."`
	Limits        Limits        `setting:"limits." flag:"no"` // zero fields = AWS's numbers

	Logger  *slog.Logger     // nil = none
	Now     func() time.Time // nil = time.Now
	OnTrace func(Trace)      // receives every refusal as it happens; may be nil
	// OnDevCode receives every code that the user pools of a development server send; may be nil.
	OnDevCode func(DevCode)
	// OnDevReset fills a development server after a reset, before it answers anybody; empty = with what every
	// server has. nil = it stays as it is. See Server.DevReset.
	OnDevReset func(ctx context.Context, fresh *Server, empty bool) error
	// LogLinesDropped returns how many lines the Logger has dropped because nobody read
	// them, for the metrics; nil = none.
	LogLinesDropped func() uint64

	Version string // shown in metrics
	// Settings are the settings in force, which ListSettings shows to the home account; nil = the
	// single-valued ones of this struct.
	Settings []Setting
}

// SettingHelp documents the single-valued settings, by name.
func (Config) SettingHelp() map[string]string {
	return map[string]string{
		"data": "Folder for the embedded database and the master key. Empty means .poolhouse in poolhouse dev " +
			"(--memory keeps nothing).",
		"database": "PostgreSQL URL, postgres://user:password@host/name, instead of the embedded database.",
		"database_connections": "Connections to PostgreSQL for reads, and the same number for writes, 1 to 1000. " +
			"PostgreSQL's max_connections must allow twice this number for each node.",

		"issuer_url": "The https:// URL where clients and relying parties reach this server; " +
			"tokens have it as iss. In poolhouse dev it may be http://, and empty means the address of listen.",
		"region": "Region in the key IDs of tokens. A pool is created in the region that the request is signed for.",
		"account_id": "Account of the roles and providers in the settings file, twelve digits; " +
			"empty means the account of the first access key.",

		"behind_proxy": "A proxy in front of this server handles TLS and sets X-Forwarded-For and X-Forwarded-Proto; " +
			"allows plain HTTP on an address that others can reach.",
		"max_wait": "During overload, the longest time that a call may wait before the server works on it. " +
			"A call that would wait longer is refused with status 429 before any work is done. " +
			"1ms to 5s; 0 means no limit and is the default of poolhouse dev.",

		"token_algorithm": "Signature algorithm of tokens: RS512, RS256 or ES256.",
		"chosen_ids": "Which accounts may choose the IDs of pools and identities, to keep their IDs when they move " +
			"from AWS: home (only account_id) or all. " +
			"With all, one account can take an ID that another account is about to import.",

		"credential_engine": "Where the enhanced flow gets credentials: builtin, or a name from " +
			"credential_engines. pool_credential_engines overrides it for single pools.",

		"sign_out_ends_sessions": "When a user signs out, also end the credentials issued for the login, " +
			"within five seconds.",
		"sign_out_in_all_accounts": "Let poolhouse identity sign-out end logins in the identity pools of all " +
			"accounts when it is signed with a key of account_id. " +
			"A key of another account always reaches only that account's pools.",

		"allowed_origins": "Origins of the web pages that may call poolhouse serve, such as https://app.example.com; " +
			"* allows every origin, as AWS does.",
		"console": "Serve the console, a web page for administrators, at /console/. " +
			"The default of poolhouse dev is true.",
		"console_idle": "Time without input after which the console forgets the access key that its user entered, " +
			"1s to 24h.",
		"dev.allowed_hosts": "Host names that poolhouse dev accepts in addition to IP addresses, localhost, " +
			"names without a dot, host.docker.internal and the host of issuer_url.",
		"dev.allowed_origins": "Origins of the web pages that may call poolhouse dev, such as https://app.test, " +
			"in addition to localhost, loopback addresses, names without a dot " +
			"and the host that the request is sent to.",
		"dev.control_token": "Token with which other machines may use the control API of poolhouse dev, which issues " +
			"tokens for anybody; at least 16 characters. Empty: only the server's own machine may.",
		"dev.user_pool_code": "Code that the user pools of poolhouse dev send to every user, such as 123456, " +
			"in place of random ones; 1 to 64 letters and digits.",
	}
}

// Types of the settings, for programs that write a Config.
type (
	// RoleConfig is a role of the settings.
	RoleConfig = iam.RoleConfig

	// OIDCProviderConfig is an OpenID Connect provider of the settings.
	OIDCProviderConfig = iam.OIDCProviderConfig

	// SAMLProviderConfig is a SAML identity provider of the settings.
	SAMLProviderConfig = iam.SAMLProviderConfig

	// ProviderOverride changes how a login provider or user pool is reached and checked.
	ProviderOverride = provider.Override

	// Limits bounds inputs and results of the identity pools API.
	Limits = cognitoidentity.Limits

	// UserStatusConfig is how a user pool is asked whether a user may still sign in.
	UserStatusConfig = userstatus.Config

	// SignOutConfig are the rules for the sign-outs that a provider reports.
	SignOutConfig = signout.Settings

	// CredentialEngineConfig is an external STS that issues credentials.
	CredentialEngineConfig = assume.EngineConfig

	// EngineTokenConfig is the token that such an engine gets.
	EngineTokenConfig = assume.TokenConfig

	// CheckConfig is the endpoint for forward auth.
	CheckConfig = forwardauth.Config

	// CheckRoute maps requests to the action and resource that forward auth asks for.
	CheckRoute = forwardauth.Route

	// Secret is a text that is masked when it is shown.
	Secret = explain.Secret

	// Rate is how often something may happen.
	Rate = ratelimit.Rate

	// RateLimits bounds how often accounts may call.
	RateLimits = ratelimit.Settings

	// AddressLimits bounds what one client address may do.
	AddressLimits = ratelimit.AddressLimits
)

// PresetAWS is the preset with the rates that AWS documents.
const PresetAWS = ratelimit.PresetAWS

// DefaultAddressLimits are high enough for an office, or a mobile operator's customers, behind
// one address.
var DefaultAddressLimits = ratelimit.DefaultAddressLimits

// Ways of asking a user pool (UserStatusConfig.Check).
const (
	UserStatusAdminGetUser  = userstatus.AdminGetUser
	UserStatusIntrospection = userstatus.Introspection
	UserStatusPush          = userstatus.Push
)

// DefaultLimits are the quotas that AWS documents.
var DefaultLimits = cognitoidentity.DefaultLimits

// Values of Config.ChosenIDs.
const (
	chosenIDsHome = "home"
	chosenIDsAll  = "all"
)

// Bounds of MaxWait. A server that may not let work wait even the shortest time is idle
// between two calls; after the longest, the client has given up.
const (
	minMaxWait = time.Millisecond
	maxMaxWait = 5 * time.Second
)

// MaxDatabaseConnections bounds Config.DatabaseConnections.
const MaxDatabaseConnections = 1000

var accountPattern = regexp.MustCompile(`^\d{12}$`)

// Validate returns an error for each value that no server can run with. It accepts missing
// values; New requires them.
func (c *Config) Validate() error {
	var faults []error
	faults = append(faults, c.checkAccount())
	if c.Region != "" && !identitypool.ValidRegion(c.Region) {
		faults = append(faults, fmt.Errorf(
			"region %q: use up to 18 lower-case letters, digits and hyphens, a letter first, such as us-east-1",
			c.Region,
		))
	}

	if c.MaxWait != 0 && (c.MaxWait < minMaxWait || c.MaxWait > maxMaxWait) {
		faults = append(faults, fmt.Errorf("max_wait %s: use 0 or %s to %s", c.MaxWait, minMaxWait, maxMaxWait))
	}
	if !slices.Contains([]string{"", chosenIDsHome, chosenIDsAll}, c.ChosenIDs) {
		faults = append(faults, fmt.Errorf("chosen_ids %q: use %s or %s", c.ChosenIDs, chosenIDsHome, chosenIDsAll))
	}
	if n := c.DatabaseConnections; n < 0 || n > MaxDatabaseConnections {
		faults = append(faults, fmt.Errorf("database_connections %d: use 1 to %d", n, MaxDatabaseConnections))
	}

	algorithm := func(setting, name string) {
		if name != "" && !slices.Contains(issuer.Algorithms, name) {
			faults = append(faults, fmt.Errorf("%s %q: use %s", setting, name, strings.Join(issuer.Algorithms, ", ")))
		}
	}

	algorithm("token_algorithm", c.TokenAlgorithm)
	if c.IssuerURL != "" {
		if err := issuer.CheckURL(c.IssuerURL); err != nil {
			faults = append(faults, fmt.Errorf("issuer_url: %w", err))
		}
	}
	if c.Check != nil {
		faults = append(faults, c.Check.Validate())
	}
	faults = append(faults, console.CheckIdle(c.ConsoleIdle), c.checkOrigins())

	for _, pool := range slices.Sorted(maps.Keys(c.PoolAlgorithms)) {
		faults = append(faults, poolKey("token_algorithms", pool))
		algorithm("token_algorithms."+pool, c.PoolAlgorithms[pool])
	}

	// The zero services are there for the names of their operations.
	apis := append(
		awsAPIs(new(cognitoidentity.Service), new(stsapi.API), new(iamapi.Service)), adminAPI(new(adminapi.Service)),
	)
	_, guests := c.guestPolicies()
	faults = append(faults,
		c.RateLimits.Validate(apis),
		c.AddressLimits.Validate(),
		c.engines().Validate(),
		guests,
		c.loginProviders(nil).Validate(),
		c.userStatus().Validate(),
	)

	if errors.Join(faults...) == nil { // the account is part of every provider's ARN
		faults = append(faults, c.directory(c.OIDCProviders, nil, nil).Validate())
		if !c.Dev {
			faults = append(faults, c.checkRoleAccounts())
		}
	}

	return errors.Join(faults...)
}

func (c *Config) checkAccount() error {
	if c.Account != "" && !accountPattern.MatchString(c.Account) {
		return fmt.Errorf(
			"account_id %q: use twelve digits in quotes; without quotes, YAML may read a leading 0 as octal",
			c.Account,
		)
	}
	return nil
}

// checkRoleAccounts refuses roles of another account than the server's: its pools could not
// have them, and its keys could not change that. Another check reports an ARN that cannot be
// read.
func (c *Config) checkRoleAccounts() error {
	if c.Account == "" {
		return nil
	}

	var faults []error
	for i, role := range c.Roles {
		arn, err := iam.ParseRoleARN(role.ARN)
		if err != nil || string(arn.Account) == c.Account {
			continue
		}

		own := iam.NewRoleARN(arn.Partition, identitypool.AccountID(c.Account), arn.Path, arn.Name)
		faults = append(faults, &iam.SettingError{
			Setting: fmt.Sprintf("roles[%d].arn", i),
			Value:   role.ARN,
			Problem: fmt.Sprintf("the role belongs to account %s, but this server's account is %s",
				arn.Account, c.Account),
			Fix: fmt.Sprintf(
				"write %s, or start over: set account_id %s and run `poolhouse init` on an empty data folder or "+
					"database; to create roles in another account, call the IAM API with a key of that account",
				own, arn.Account,
			),
		})
	}

	return errors.Join(faults...)
}

// loginProviders returns the options of the provider registry. directory may be nil to check
// only the settings.
func (c *Config) loginProviders(directory provider.Directory) provider.Options {
	return provider.Options{
		Table:           c.ProviderTable,
		Directory:       directory,
		WellKnown:       c.Providers,
		UserPools:       c.UserPools,
		UserPoolRegions: c.UserPoolRegions,
		Aliases:         c.ProviderAliases,
		IssuerAliases:   c.Dev,
		Partition:       identitypool.Partition(c.region()),
		MaxTokenBytes:   c.Limits.TokenBytes,
	}
}

// userStatus returns how to ask user pools for ServerSideTokenCheck.
func (c *Config) userStatus() userstatus.Settings {
	return userstatus.Settings{ByProvider: c.UserStatus, ByRegion: c.UserStatusRegions}
}

// mayChooseIDs reports whether an account may choose the IDs of the pools and identities that
// it creates.
func (c *Config) mayChooseIDs(account identitypool.AccountID) bool {
	return c.ChosenIDs == chosenIDsAll || string(account) == c.Account
}

// poolKey refuses a key of a setting for single pools that is no pool's ID.
func poolKey(setting, pool string) error {
	if identitypool.ValidID(pool) {
		return nil
	}
	return fmt.Errorf("%s.%s: not an identity pool ID (REGION:GUID)", setting, pool)
}

// guestPolicies returns a function that returns the session policies of a pool's guests.
func (c *Config) guestPolicies() (func(identitypool.PoolID) []string, error) {
	all, err := iam.GuestPolicies(c.GuestPolicy)
	var faults []error
	if err != nil {
		faults = append(faults, fmt.Errorf("guest_policy: %w", err))
	}

	pools := make(map[identitypool.PoolID][]string, len(c.PoolGuestPolicies))
	for _, pool := range slices.Sorted(maps.Keys(c.PoolGuestPolicies)) {
		faults = append(faults, poolKey("pool_guest_policies", pool))
		policies, err := iam.GuestPolicies(c.PoolGuestPolicies[pool])
		if err != nil {
			faults = append(faults, fmt.Errorf("pool_guest_policies.%s: %w", pool, err))
		}
		pools[identitypool.PoolID(pool)] = policies
	}

	return func(pool identitypool.PoolID) []string {
		if own, ok := pools[pool]; ok {
			return own
		}
		return all
	}, errors.Join(faults...)
}

// engines returns the settings of the credential engines.
func (c *Config) engines() assume.Settings {
	return assume.Settings{Engine: c.CredentialEngine, Engines: c.CredentialEngines, Pools: c.PoolCredentialEngines}
}
