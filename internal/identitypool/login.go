package identitypool

import (
	"maps"
	"slices"
	"strings"
)

// OwnProvider is the Logins key of Cognito tokens (developer guide, "External identity providers").
const OwnProvider = "cognito-identity.amazonaws.com"

// ProviderKind selects the rules by which a Logins key is verified.
type ProviderKind int

// The kinds of login provider that a pool can be configured with.
const (
	UnknownProvider ProviderKind = iota
	SocialProvider               // SupportedLoginProviders: Google, Apple, Facebook, ...
	UserPoolProvider
	OIDCProviderKind
	SAMLProviderKind
	DeveloperProviderKind
)

// ProviderConfig holds a pool's settings for one Logins key.
type ProviderConfig struct {
	Kind      ProviderKind
	Name      string    // the Logins key
	Pool      PoolID    // "" if not of a pool
	Account   AccountID // of the pool
	AppID     string    // SocialProvider: the configured application
	ARN       string    // OIDC and SAML providers
	ClientIDs []string  // user pools: one per configured app client
	// ServerSideTokenCheck holds the client IDs whose tokens must be checked
	// with the user pool before anything is issued.
	ServerSideTokenCheck []string
}

// Provider returns the pool's settings for a Logins key. Their Kind is
// UnknownProvider if the pool does not trust it.
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

	// An OpenID Connect provider outranks an app ID of the same name: with it a pool
	// trusts several Google client IDs (developer guide, "Google").
	for _, arn := range p.OIDCProviderARNs {
		if !strings.HasSuffix(arn, name) { // a pool may have many, and parsing is slower
			continue
		}
		if _, kind, issuer, ok := ParseProviderARN(arn); ok && kind == OIDCProvider && issuer == name {
			c.Kind, c.ARN = OIDCProviderKind, arn
			return c
		}
	}
	if app, ok := p.SupportedLoginProviders[name]; ok {
		c.Kind, c.AppID = SocialProvider, app
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

// HasPublicProviders reports whether any login provider except the developer's is
// configured.
func (p Pool) HasPublicProviders() bool {
	return len(p.SupportedLoginProviders)+len(p.OIDCProviderARNs)+
		len(p.CognitoIdentityProviders)+len(p.SAMLProviderARNs) > 0
}

// PublicProviderNames returns the Logins keys that the pool trusts, sorted.
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

	return slices.Sorted(maps.Keys(seen))
}

// Verified returns the login of a subject that the provider proved, with its key in
// role mappings and its entries in amr (user pools ":CognitoSignIn:", OpenID Connect
// "ARN:OIDC:", others ":appID:").
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

// appKey drops the secret half of "key;secret", the form of applications that need their
// secret: amr appears in tokens, where the secret must not.
func appKey(appID string) string {
	key, _, _ := strings.Cut(appID, ";")
	return key
}

// DeveloperLogin returns the login that a signed developer call vouches for.
func (p Pool) DeveloperLogin(userID string) VerifiedLogin {
	return VerifiedLogin{
		Login:      Login{Kind: Developer, Provider: p.DeveloperProviderName, Subject: userID},
		MappingKey: p.DeveloperProviderName,
		AMR:        []string{p.DeveloperProviderName, p.DeveloperProviderName + ":" + string(p.ID) + ":" + userID},
	}
}

// First entries of the amr claim.
const (
	amrAuthenticated   = "authenticated"
	amrUnauthenticated = "unauthenticated"
)

// AMR returns the amr claim for the logins of one call, in their order. Without
// logins it is a guest's.
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

// Logins returns the logins without their proofs.
func Logins(verified []VerifiedLogin) []Login {
	logins := make([]Login, len(verified))
	for i, v := range verified {
		logins[i] = v.Login
	}
	return logins
}

// ProviderNames returns the identity's provider names, sorted, each once, for Logins
// of DescribeIdentity.
func (i Identity) ProviderNames() []string {
	names := make([]string, 0, len(i.Logins))
	for _, l := range i.Logins {
		names = append(names, l.Provider)
	}
	slices.Sort(names)

	return slices.Compact(names)
}
