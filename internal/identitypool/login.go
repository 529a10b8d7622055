package identitypool

import (
	"regexp"
	"sort"
	"strings"
)

// Provider names with a meaning of their own (developer guide, "External
// identity providers").
const (
	OwnProvider = "cognito-identity.amazonaws.com" // tokens that Poolhouse itself issued
	Google      = "accounts.google.com"
	Apple       = "appleid.apple.com"
	Facebook    = "graph.facebook.com"
	Amazon      = "www.amazon.com"
	Twitter     = "api.twitter.com"
	Digits      = "www.digits.com"
)

// ProviderKind says which rules a Logins key is verified by.
type ProviderKind int

// The kinds of login provider that a pool can be configured with.
const (
	UnknownProvider ProviderKind = iota
	AppProvider                  // SupportedLoginProviders: Google, Apple, Facebook, ...
	UserPoolProvider
	OIDCProviderKind
	SAMLProviderKind
	DeveloperProviderKind
)

// ProviderConfig is how a pool is configured for one Logins key.
type ProviderConfig struct {
	Kind      ProviderKind
	Name      string    // the Logins key
	Pool      PoolID    // "" = not of a pool
	Account   AccountID // of the pool
	AppID     string    // AppProvider: the configured application
	ARN       string    // OIDC and SAML providers
	ClientIDs []string  // user pools: one per configured app client
	// ServerSideTokenCheck holds the client IDs whose tokens must be checked
	// with the user pool before anything is issued.
	ServerSideTokenCheck []string
}

// Provider finds what the pool says about a Logins key. Kind is
// UnknownProvider when the pool does not trust it.
func (p Pool) Provider(name string) ProviderConfig {
	c := ProviderConfig{Name: name, Pool: p.ID, Account: p.Account}
	for _, cip := range p.CognitoIdentityProviders {
		if cip.ProviderName != name {
			continue
		}
		c.Kind = UserPoolProvider
		c.ClientIDs = append(c.ClientIDs, cip.ClientID)
		if cip.ServerSideTokenCheck != nil && *cip.ServerSideTokenCheck {
			c.ServerSideTokenCheck = append(c.ServerSideTokenCheck, cip.ClientID)
		}
	}
	if c.Kind != UnknownProvider {
		return c
	}
	// An OIDC registration outranks an app ID of the same name: it is how a
	// pool trusts several Google client IDs (developer guide, "Google").
	for _, arn := range p.OIDCProviderARNs {
		if !strings.HasSuffix(arn, name) { // a pool may have many, and parsing costs more
			continue
		}
		if _, kind, issuer, ok := ParseProviderARN(arn); ok && kind == OIDCProvider && issuer == name {
			c.Kind, c.ARN = OIDCProviderKind, arn
			return c
		}
	}
	if app, ok := p.SupportedLoginProviders[name]; ok {
		c.Kind, c.AppID = AppProvider, app
		return c
	}
	for _, arn := range p.SAMLProviderARNs {
		if arn == name {
			c.Kind, c.ARN = SAMLProviderKind, arn
			return c
		}
	}
	if p.DeveloperProviderName != "" && p.DeveloperProviderName == name {
		c.Kind = DeveloperProviderKind
	}
	return c
}

// HasPublicProviders reports whether any login provider but the developer's own
// is configured.
func (p Pool) HasPublicProviders() bool {
	return len(p.SupportedLoginProviders)+len(p.OIDCProviderARNs)+len(p.CognitoIdentityProviders)+len(p.SAMLProviderARNs) > 0
}

// PublicProviderNames lists the Logins keys that the pool trusts, sorted.
func (p Pool) PublicProviderNames() []string {
	seen := map[string]bool{}
	for name := range p.SupportedLoginProviders {
		seen[name] = true
	}
	for _, arn := range p.OIDCProviderARNs {
		if _, _, issuer, ok := ParseProviderARN(arn); ok {
			seen[issuer] = true
		}
	}
	for _, c := range p.CognitoIdentityProviders {
		seen[c.ProviderName] = true
	}
	for _, arn := range p.SAMLProviderARNs {
		seen[arn] = true
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Verified builds the login that a provider's proof of subject amounts to:
// its key, its role-mapping key and its amr entries (contract of the token's
// amr claim: user pools ":CognitoSignIn:", OIDC "ARN:OIDC:", others ":appID:").
func (c ProviderConfig) Verified(subject, audience string) VerifiedLogin {
	v := VerifiedLogin{
		Login:      Login{Kind: Public, Provider: c.Name, Subject: subject},
		Audience:   audience,
		MappingKey: c.Name,
	}
	switch c.Kind {
	case UserPoolProvider:
		v.MappingKey = c.Name + ":" + audience
		v.AMR = []string{c.Name, c.Name + ":CognitoSignIn:" + subject}
	case OIDCProviderKind:
		v.MappingKey = c.ARN
		v.AMR = []string{c.Name, c.ARN + ":OIDC:" + subject}
	case SAMLProviderKind:
		v.MappingKey = c.ARN
		v.AMR = []string{c.ARN, c.ARN + ":" + subject}
	default:
		v.AMR = []string{c.Name, c.Name + ":" + appKey(audience) + ":" + subject}
	}
	return v
}

// appKey drops the secret half of "key;secret" (Twitter, Digits): amr ends up
// in tokens, and a consumer secret must not.
func appKey(appID string) string {
	key, _, _ := strings.Cut(appID, ";")
	return key
}

// DeveloperLogin builds the login that a signed developer call vouches for.
func (p Pool) DeveloperLogin(userID string) VerifiedLogin {
	return VerifiedLogin{
		Login:      Login{Kind: Developer, Provider: p.DeveloperProviderName, Subject: userID},
		MappingKey: p.DeveloperProviderName,
		AMR:        []string{p.DeveloperProviderName, p.DeveloperProviderName + ":" + string(p.ID) + ":" + userID},
	}
}

// Values of the amr claim's first entry.
const (
	amrAuthenticated   = "authenticated"
	amrUnauthenticated = "unauthenticated"
)

// AMR returns the amr claim for the logins of one call; none makes a guest.
// Entries follow the order of logins.
func AMR(logins []VerifiedLogin) []string {
	if len(logins) == 0 {
		return []string{amrUnauthenticated}
	}
	amr := make([]string, 1, 1+2*len(logins))
	amr[0] = amrAuthenticated
	for _, l := range logins {
		amr = append(amr, l.AMR...)
	}
	return amr
}

// Logins strips the proofs.
func Logins(verified []VerifiedLogin) []Login {
	logins := make([]Login, len(verified))
	for i, v := range verified {
		logins[i] = v.Login
	}
	return logins
}

// ProviderNames lists the identity's provider names, sorted, each once: what
// DescribeIdentity shows in Logins.
func (i Identity) ProviderNames() []string {
	seen := make(map[string]bool, len(i.Logins))
	names := make([]string, 0, len(i.Logins))
	for _, l := range i.Logins {
		if !seen[l.Provider] {
			seen[l.Provider] = true
			names = append(names, l.Provider)
		}
	}
	sort.Strings(names)
	return names
}

// publicApp is the form of the application IDs that providers give out. What has
// another one may hold a secret, as "key;secret" does.
var publicApp = regexp.MustCompile(`^[A-Za-z0-9._:/-]*$`)

// clientSecret finds the client secrets of the providers, which have the characters
// of an application ID: Google's GOCSPX-..., Amazon's amzn1.oa2-cs.v1...., Facebook's
// and Amazon's former ones in hexadecimal, and Apple's, which are JWTs. Amazon's
// application IDs have hexadecimal digits behind a dot.
var clientSecret = regexp.MustCompile(
	`(?i)GOCSPX-|amzn1\.oa2-cs\.|(?:^|[:/_-])[0-9a-f]{32,}(?:$|[:/_-])|(?:^|[:/])eyJ[\w-]+\.[\w-]+\.`)

// IsPublicApp reports whether the value that a pool has for a login provider is no
// secret: the ID of an application. X and Digits want a secret beside the ID, so
// nothing of theirs is public, however it is written.
func IsPublicApp(provider, app string) bool {
	return provider != Twitter && provider != Digits && publicApp.MatchString(app) && !clientSecret.MatchString(app)
}

// ShownApp is the value that a pool has for a login provider, for people's eyes:
// without its secret.
func ShownApp(provider, app string) string {
	if IsPublicApp(provider, app) {
		return app
	}
	if key, _, joined := strings.Cut(app, ";"); joined {
		return key + ";(hidden)"
	}
	return "(hidden)"
}
