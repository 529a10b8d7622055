package cognitoidentity

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// trust turns what a pool says about a provider into what its verifier needs.
// A provider that cannot be verified is refused here.
func (s *Service) trust(ctx context.Context, c identitypool.ProviderConfig) (login.Trust, error) {
	t := login.Trust{Rule: idtoken.Rule{Provider: c.Name, MaxTokenBytes: s.Limits.TokenBytes}}
	switch c.Kind {
	case identitypool.UserPoolProvider:
		t := s.userPoolTrust(c.Name, c.ClientIDs)
		t.Link = clientsOf(c, "CognitoIdentityProviders")
		return t, nil
	case identitypool.OIDCProviderKind:
		if err := ofPoolsAccount(c); err != nil {
			return login.Trust{}, err
		}
		p, err := s.Providers.OIDCProvider(ctx, c.ARN)
		if errors.Is(err, iam.ErrNotFound) {
			why := oidcUnregistered.With("arn", c.ARN, "issuer", c.Name).At(registration(explain.LinkOIDCProvider, c.ARN))
			if right, wrong := rightARN(c.ARN); wrong {
				why = oidcProviderIssuer.With("arn", shownProviderARN(c.ARN), "right", right)
			}
			return login.Trust{}, unsupportedProvider(why).Because(err)
		} else if err != nil {
			return login.Trust{}, err
		}
		t.Issuers, t.Audiences, t.Algorithms = []string{p.URL}, p.ClientIDs, p.Algorithms
		if p.URL == googleIssuers[0] {
			t.Issuers = googleIssuers // several client IDs, the same two spellings
		}
		t.Registered(p.ARN, p.InSettings)
		t.Development = p.Development
		t.DiscoveryURL, t.JWKSURL = p.DiscoveryURL, p.JWKSURL
		t.Thumbprints, t.EnforceThumbprints = p.Thumbprints, p.EnforceThumbprints
		t.CABundle, t.AllowHTTP, t.AllowPrivate = string(p.CABundle), p.AllowHTTP, p.AllowPrivate
		return t, nil
	case identitypool.AppProvider:
		makeTrust, known := wellKnown[c.Name]
		if !known {
			break
		}
		t, err := makeTrust(c.AppID, s.WellKnown[c.Name])
		if err != nil {
			why := providerConsumerKey.With("provider", c.Name)
			if errors.Is(err, errDigits) {
				why = providerEnded.With("provider", c.Name)
			}
			return login.Trust{}, unsupportedProvider(why).Because(err)
		}
		for _, t := range []*idtoken.Rule{&t.Rule, t.IDTokens} {
			if t == nil {
				continue
			}
			t.Provider, t.MaxTokenBytes = c.Name, s.Limits.TokenBytes
			t.OneClientAt = "the value of " + c.Name + " in SupportedLoginProviders of the identity pool"
			t.Link = clientsOf(c, "SupportedLoginProviders")
		}
		return t, nil
	case identitypool.SAMLProviderKind:
		p, err := s.Providers.SAMLProvider(ctx, c.ARN)
		if errors.Is(err, iam.ErrNotFound) {
			why := samlUnregistered.With("arn", c.ARN).At(registration(explain.LinkSAMLProvider, c.ARN))
			return login.Trust{}, unsupportedProvider(why).Because(err)
		} else if err != nil {
			return login.Trust{}, err
		}
		t.Kind, t.SAML = login.SAML, p.Provider
		return t, nil
	}

	return login.Trust{}, unsupportedProvider(providerUnverifiable.With("provider", c.Name))
}

// clientsOf leads to the field of a pool that has the provider, or its accepted clients.
func clientsOf(c identitypool.ProviderConfig, field string) explain.Link {
	if c.Pool == "" {
		return explain.Link{}
	}

	return c.Pool.Link(field)
}

func unsupportedProvider(why *explain.Refusal) *awsapi.Error {
	return awsapi.Refused(notAuthorized, why, messageUnsupportedProvider)
}

func registration(kind, arn string) explain.Link {
	return explain.Link{Kind: kind, ID: arn, Source: explain.SourceAPI}
}

// ofPoolsAccount refuses an OpenID Connect provider of another account than the pool's. A
// pool may name one, and must not use what another account registered.
func ofPoolsAccount(c identitypool.ProviderConfig) error {
	owner, _, issuer, _ := identitypool.ParseProviderARN(c.ARN)
	if c.Account == "" || owner == c.Account {
		return nil
	}

	why := oidcProviderAccount.With("account", string(c.Account), "arn", c.ARN, "other", string(owner), "issuer", issuer)

	return awsapi.Refused(notAuthorized, why.At(clientsOf(c, "OpenIdConnectProviderARNs")),
		messageUnsupportedProvider)
}

// override applies the settings' addresses for a provider.
func override(t *idtoken.Rule, o ProviderOverride) {
	if len(o.Issuers) > 0 {
		t.Issuers, t.JWKSURL = o.Issuers, ""
	}
	if o.JWKSURL != "" {
		t.JWKSURL = o.JWKSURL
	}
	if len(o.Algorithms) > 0 {
		t.Algorithms = o.Algorithms
	}
	t.CABundle, t.AllowHTTP, t.AllowPrivate = string(o.CABundle), o.AllowHTTP, o.AllowPrivate
}
