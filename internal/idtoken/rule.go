package idtoken

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// DefaultMaxTokenBytes bounds a token whose Rule has no other bound. The API has
// the same limit for a value of Logins (API model of identity pools,
// IdentityProviderToken).
const DefaultMaxTokenBytes = 50_000

// Rule describes the tokens that are accepted from one issuer. Providers differ in
// their values here, never in code.
type Rule struct {
	Provider string // the Logins key; becomes identitypool.Login.Provider

	Issuers    []string // accepted iss, compared byte for byte; discovery must state the first
	Audiences  []string // accepted clients: azp if present, else aud
	Algorithms []string // accepted signature algorithms (RFC 7518 names); nil = RS256
	// Require maps claims to the text that each must have, e.g. token_use to id.
	Require map[string]string
	// WrongAudience is the message for a token of another client; "" =
	// MessageWrongAudience. User pools have MessageUnsupportedProvider.
	WrongAudience string
	// ClientsAt names, for advice, the place where accepted clients are added, such as
	// "to client_ids of oidc_providers"; "" = the identity pool. OneClientAt is set
	// instead if there can be only one, such as "the value of NAME in
	// SupportedLoginProviders". Link leads to that place, unless its Kind is "".
	ClientsAt   string
	OneClientAt string
	Link        explain.Link
	// Development is true if `poolhouse dev token` makes the provider's tokens. No
	// setting holds the clients that it accepts.
	Development bool

	DiscoveryURL string // "" = Issuers[0] + /.well-known/openid-configuration
	JWKSURL      string // if set, there is no discovery
	// OwnKeys is a key set (RFC 7517) of this server itself. With it, nobody is asked for keys: the
	// addresses above have no effect.
	OwnKeys []byte

	outbound.Policy // without pins: Outbound adds those
	// Thumbprints are lower-case hex SHA-1 digests of certificates. With
	// EnforceThumbprints one of them must be in the verified TLS chain, in
	// addition to the usual verification.
	Thumbprints        []string
	EnforceThumbprints bool

	MaxTokenBytes int // 0 for DefaultMaxTokenBytes

	registered bool   // Registered was called
	setting    string // its argument
}

// Outbound returns the policy for requests to the issuer, thumbprints included.
func (r *Rule) Outbound() outbound.Policy {
	p := r.Policy
	if r.EnforceThumbprints {
		p.Pinned, p.Pins = true, strings.Join(r.Thumbprints, ",")
	}
	return p
}

// Accepting returns the advice to accept client, which is a phrase of the caller.
func (r *Rule) Accepting(client string) string {
	if r.OneClientAt != "" {
		return "set " + r.OneClientAt + " to " + client
	}
	return "add " + client + " " + cmp.Or(r.ClientsAt, "to the provider in the identity pool")
}

// issuersAt names the place where an issuer is registered, for advice.
func (r *Rule) issuersAt(named string) string {
	plain := strings.HasPrefix(named, "http:") && !r.AllowHTTP
	switch {
	case r.Development:
		return "`poolhouse dev info` shows the registered one"
	case !r.registered:
		return "the settings can name the issuers of this provider (issuers)"
	case r.Link.Source == explain.SourceFile && plain:
		return "the registered one is url of the provider in oidc_providers of the settings; " +
			"http:// needs allow_http there, which is for development"
	case r.Link.Source == explain.SourceFile:
		return "the registered one is url of the provider in oidc_providers of the settings"
	case plain:
		return "the IAM API registers https:// only; oidc_providers of the settings takes http:// with allow_http, " +
			"for development"
	default:
		return "CreateOpenIDConnectProvider registers it; the URL of a registered provider cannot be changed"
	}
}

// spelledAs returns a link for a provider whose URL should be the issuer named. The API
// registers another one: it cannot change a URL, nor take one with http:// in production. An
// issuer that people cannot read has no link.
func (r *Rule) spelledAs(named string) explain.Link {
	plain := strings.HasPrefix(named, "http:") && !r.AllowHTTP
	l := r.Link.Adding(named)
	switch {
	case !r.registered, l.Add == "", l.Source == explain.SourceAPI && plain:
		return explain.Link{}
	case l.Source == explain.SourceFile:
		l = explain.Setting(r.setting).In("url").Adding(named)
	default:
		account, _, _ := strings.Cut(l.ID, ":oidc-provider/")
		_, issuer, _ := strings.Cut(named, "://")
		l.ID, l.Field = account+":oidc-provider/"+issuer, ""
	}

	return l
}

// accepting returns a link to the accepted signature algorithms, which only a provider of
// the settings file has.
func (r *Rule) accepting(algorithm string) explain.Link {
	if r.setting == "" {
		return explain.Link{}
	}

	return explain.Setting(r.setting).In("allowed_algs").Adding(algorithm)
}

// Registered marks the rule as that of a registered OpenID Connect provider, so that
// advice names the place where it can be changed. setting is its place in the settings
// file; "" = the IAM API made it, or the program.
func (r *Rule) Registered(arn, setting string) {
	r.registered, r.setting = true, setting
	if setting != "" {
		r.Link = explain.Setting(setting).In("client_ids")
		r.ClientsAt = "to client_ids of the provider in oidc_providers of the settings"
		return
	}

	r.Link = explain.Link{
		Kind:   explain.LinkOIDCProvider,
		ID:     arn,
		Field:  "ClientIDList",
		Source: explain.SourceAPI,
	}
	r.ClientsAt = "to the registered provider, with AddClientIDToOpenIDConnectProvider"
}

// Validate reports every fault for which the rule would refuse all logins, or could
// not ask its provider. A registration can then be refused, instead of each login.
// The error names the setting, its value and the fix.
func (r *Rule) Validate() error {
	var faults []error
	fault := func(field, value, fix string) {
		faults = append(faults, fmt.Errorf("%s %s: %s", field, value, fix))
	}

	if len(r.Issuers) == 0 || slices.Contains(r.Issuers, "") {
		fault("issuers", explain.ShownList(r.Issuers), "name the provider's issuer, as it stands in the iss claim")
	}
	if len(r.Audiences) == 0 || slices.Contains(r.Audiences, "") {
		fault("client_ids", explain.ShownList(r.Audiences), "name at least one client ID")
	}
	if r.Algorithms != nil && len(r.Algorithms) == 0 {
		fault("allowed_algs", "[]", "leave it out for RS256, or name at least one")
	}

	for _, algorithm := range r.Algorithms {
		if _, supported := algorithms[algorithm]; !supported {
			fault("allowed_algs", explain.ShownText(algorithm),
				"use "+strings.Join(slices.Sorted(maps.Keys(algorithms)), ", "))
		}
	}

	r.validateAddresses(fault)
	if r.EnforceThumbprints && len(r.Thumbprints) == 0 {
		fault("thumbprints", "[]", "register one, or do not enforce thumbprints")
	}

	for _, thumbprint := range r.Thumbprints {
		raw, err := hex.DecodeString(thumbprint)
		if err != nil || len(raw) != 20 || strings.ToLower(thumbprint) != thumbprint {
			fault("thumbprints", explain.ShownText(thumbprint),
				"give the certificate's SHA-1 as 40 lower-case hexadecimal digits")
		}
	}

	return errors.Join(append(faults, r.Policy.Validate())...)
}

// validateAddresses checks the address to which the first request would go.
func (r *Rule) validateAddresses(fault func(field, value, fix string)) {
	if r.OwnKeys != nil {
		return
	}

	field, address := "jwks_url", r.JWKSURL
	if address == "" {
		field, address = "discovery_url", r.DiscoveryURL
	}
	if address == "" {
		if len(r.Issuers) == 0 {
			return // already a fault
		}
		field, address = "issuers", discoveryURL(r)
	}

	u, err := outbound.CheckURL(address, r.AllowHTTP)
	var failed *outbound.Error
	switch {
	case errors.As(err, &failed):
		fault(field, failed.Problem, failed.Fix)
	case u.Scheme != "https" && r.EnforceThumbprints:
		fault(field, explain.ShownText(address), "use https, or do not enforce thumbprints")
	}
}
