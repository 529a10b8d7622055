// Package config reads the settings: flags before environment (POOLHOUSE_*) before one
// YAML file. Single values are rows of one table. Flags, look-ups, `poolhouse config` and
// the reference in docs/ are all derived from it. Lists (roles, providers) are in the file
// only. Start at Load.
package config

import "strings"

// Kind is the type of a single-valued setting.
type Kind int

// The kinds of setting.
const (
	Text Kind = iota
	Boolean
	Integer
	List // texts, in the file a list; elsewhere separated by commas or spaces
)

// Setting is one row of the table.
type Setting struct {
	Key     string // in the file, "section.name" in a section; the flag has dashes for underscores and dots
	Kind    Kind
	Max     int // of an Integer; 0 = the server checks it, if anybody does
	Default string
	Secret  bool   // masked when shown, and no flag: process lists show flags
	Address bool   // shown without user, password, query and fragment
	Limit   bool   // below "limits" in the file
	Help    string // one sentence
}

// Flag returns the setting's flag without the leading dashes.
func (s Setting) Flag() string { return strings.NewReplacer("_", "-", ".", "-").Replace(s.Key) }

// Env returns the setting's environment variable.
func (s Setting) Env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(s.name(), ".", "_"))
}

// EnvPrefix begins all environment variables of Poolhouse.
const EnvPrefix = "POOLHOUSE_"

// Keys of single-valued settings.
const (
	Listen         = "listen"
	Data           = "data"
	Database       = "database"
	DatabaseConns  = "database_connections"
	IssuerURL      = "issuer_url"
	Region         = "region"
	AccountID      = "account_id"
	TLSCert        = "tls_cert"
	TLSKey         = "tls_key"
	BehindProxy    = "behind_proxy"
	MasterKeyFile  = "master_key_file"
	MasterKey      = "master_key"
	MaxWait        = "max_wait"
	TokenAlgorithm = "token_algorithm"
	StrictRoles    = "strict_roles"
	ChosenIDs      = "chosen_ids"
	SignOutEnds    = "sign_out_ends_sessions"
	SignOutAll     = "sign_out_in_all_accounts"
	Engine         = "credential_engine"
	LogLevel       = "log_level"
	LogFormat      = "log_format"
	MetricsListen  = "metrics_listen"
	LameDuck       = "lame_duck"
	AllowedOrigins = "allowed_origins"

	DevAllowedHosts   = "dev.allowed_hosts"
	DevAllowedOrigins = "dev.allowed_origins"

	AddressLimits       = "address_limits.enabled"
	AddressGuestRate    = "address_limits.guest_rate"
	AddressGuestBurst   = "address_limits.guest_burst"
	AddressRefusedRate  = "address_limits.refused_login_rate"
	AddressRefusedBurst = "address_limits.refused_login_burst"

	LimitPools             = "pools"
	LimitUserPoolProviders = "user_pool_providers"
	LimitRulesPerMapping   = "rules_per_mapping"
	LimitLoginsPerIdentity = "logins_per_identity"
	LimitTagsPerPool       = "tags_per_pool"
	LimitTokenBytes        = "token_bytes"
)

// maxRate is the highest value of a rate limit, in calls a second or at once.
const maxRate = 1_000_000

// Table lists the single-valued settings. The limits' defaults are AWS's numbers (developer
// guide, "Quotas in Amazon Cognito").
var Table = []Setting{
	{Key: Listen, Address: true, Default: "127.0.0.1:4599", Help: "Address to listen on, host:port."},
	{
		Key:  Data,
		Help: "Folder of the embedded database and the master key; empty keeps everything in memory (poolhouse dev only).",
	},
	{
		Key:    Database,
		Secret: true,
		Help:   "PostgreSQL URL, postgres://user:password@host/name, in place of the embedded database.",
	},
	{
		Key:     DatabaseConns,
		Kind:    Integer,
		Default: "8",
		Help:    "Connections to PostgreSQL for reads, and as many again for writes, 1 to 1000. PostgreSQL's max_connections must allow twice this number for each node.",
	},
	{
		Key:     IssuerURL,
		Address: true,
		Help:    "The https:// URL under which clients and relying parties reach this server; the iss of its tokens.",
	},
	{
		Key:     Region,
		Default: "us-east-1",
		Help:    "Region in the key IDs of tokens. Pools are made in the region that a request is signed for.",
	},
	{
		Key:  AccountID,
		Help: "Account of the roles and providers in this file, twelve digits; empty takes the account of the first access key.",
	},
	{Key: TLSCert, Help: "PEM file of the server's certificate and its chain."},
	{Key: TLSKey, Help: "PEM file of the certificate's private key."},
	{
		Key:     BehindProxy,
		Kind:    Boolean,
		Default: "false",
		Help:    "A proxy in front ends TLS; allows plain HTTP on an address that others can reach.",
	},
	{
		Key:     MaxWait,
		Default: "10ms",
		Help:    "How long calls may wait for their work while more come than can be answered; those that would wait longer are refused (429), before their work. 1ms to 5s; 0 refuses none for that, as poolhouse dev does by default.",
	},
	{
		Key:  MasterKeyFile,
		Help: "File of the master key that seals secrets in the database; empty is master.key in the data folder.",
	},
	{Key: MasterKey, Secret: true, Help: "The master key itself: base64 of 32 bytes, in place of a file."},
	{Key: TokenAlgorithm, Default: "RS512", Help: "Signature algorithm of tokens: RS512, RS256 or ES256."},
	{
		Key:     StrictRoles,
		Kind:    Boolean,
		Default: "false",
		Help:    "Refuse roles that are not defined, also in poolhouse dev; poolhouse serve always does.",
	},
	{
		Key:     ChosenIDs,
		Default: "home",
		Help:    "Who may choose the IDs of pools and identities, to bring them over from AWS: home (the account of this file) or all. With all an account can take an ID that another is about to bring over.",
	},
	{
		Key:     Engine,
		Default: builtinEngine,
		Help:    "Where the enhanced flow's credentials come from: builtin, or a name of credential_engines. pool_credential_engines says otherwise for single pools.",
	},
	{
		Key:     SignOutEnds,
		Kind:    Boolean,
		Default: "false",
		Help:    "A user's sign-out also ends the session credentials that the login led to, within five seconds.",
	},
	{
		Key:     SignOutAll,
		Kind:    Boolean,
		Default: "false",
		Help:    "poolhouse sign-out with a key of the server's own account (account_id) ends logins in the identity pools of all accounts; otherwise, and with other accounts' keys, in those of the key's account.",
	},
	{Key: LogLevel, Default: "info", Help: "Least level to log: debug, info, warn or error."},
	{Key: LogFormat, Default: "auto", Help: "text, json, or auto: text on a terminal, JSON otherwise."},
	{
		Key:     MetricsListen,
		Address: true,
		Help:    "Address that serves /metrics, host:port, plain HTTP; empty serves it on the main address.",
	},
	{
		Key:  LameDuck,
		Help: "How long a server that was told to stop goes on answering while /readyz is 503, at most 25s; empty is 5s in poolhouse serve and 0s in poolhouse dev.",
	},
	{
		Key:     AllowedOrigins,
		Address: true,
		Kind:    List,
		Default: "*",
		Help:    "Origins whose pages may call poolhouse serve, such as https://app.example.com; * is any, as at AWS.",
	},

	{
		Key:     DevAllowedHosts,
		Address: true,
		Kind:    List,
		Help:    "Host names that poolhouse dev answers to, besides IP addresses, localhost, names without a dot, host.docker.internal and the host of issuer_url.",
	},
	{
		Key:     DevAllowedOrigins,
		Address: true,
		Kind:    List,
		Help:    "Origins whose pages may call poolhouse dev, such as https://app.test, besides those of localhost, loopback addresses, names without a dot and the host that the request names.",
	},

	{
		Key:     AddressLimits,
		Kind:    Boolean,
		Default: "true",
		Help:    "Limit what a client may do from one address (IPv6: /64) without having proved anything; in the file also address_limits: on or off; docs/operations.md, \"Rate limits\".",
	},
	{
		Key:     AddressGuestRate,
		Kind:    Integer,
		Max:     maxRate,
		Default: "100",
		Help:    "New guests a second of one client address, a whole number from 1 to 1000000.",
	},
	{
		Key:     AddressGuestBurst,
		Kind:    Integer,
		Max:     maxRate,
		Default: "1000",
		Help:    "New guests at once of one client address, a whole number from 1 to 1000000.",
	},
	{
		Key:     AddressRefusedRate,
		Kind:    Integer,
		Max:     maxRate,
		Default: "20",
		Help:    "Refused logins a second of one client address, a whole number from 1 to 1000000.",
	},
	{
		Key:     AddressRefusedBurst,
		Kind:    Integer,
		Max:     maxRate,
		Default: "200",
		Help:    "Refused logins at once of one client address, a whole number from 1 to 1000000.",
	},

	{Key: LimitPools, Kind: Integer, Limit: true, Default: "1000", Help: "Identity pools per account and region."},
	{
		Key:     LimitUserPoolProviders,
		Kind:    Integer,
		Limit:   true,
		Default: "50",
		Help:    "User-pool app clients per identity pool.",
	},
	{
		Key:     LimitRulesPerMapping,
		Kind:    Integer,
		Limit:   true,
		Default: "25",
		Help:    "Role-mapping rules per provider; the API allows at most 400.",
	},
	{Key: LimitLoginsPerIdentity, Kind: Integer, Limit: true, Default: "20", Help: "Logins linked to one identity."},
	{Key: LimitTagsPerPool, Kind: Integer, Limit: true, Default: "50", Help: "Tags per identity pool."},
	{
		Key:     LimitTokenBytes,
		Kind:    Integer,
		Limit:   true,
		Default: "50000",
		Help:    "Size of one OpenID Connect login token in bytes. The API allows 50000 characters in Logins: more changes nothing.",
	},
}

// place returns where the setting is in the file: in a section, or at the top ("").
func (s Setting) place() (section, key string) {
	if s.Limit {
		return limitsKey, s.Key
	}
	if section, key, found := strings.Cut(s.Key, "."); found {
		return section, key
	}
	return "", s.Key
}

// name returns the setting's name in messages.
func (s Setting) name() string {
	section, key := s.place()
	if section == "" {
		return key
	}
	return section + "." + key
}

// HasFlag reports whether the setting can be given as a flag.
func (s Setting) HasFlag() bool { return !s.Secret && !s.Limit || s.Key == Database }
