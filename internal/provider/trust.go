package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// Trust returns how the logins of a provider are proved. The provider belongs to a pool, or
// to none (c.Pool ""). It returns *Error with Unsupported if no login can be proved.
func (r *Registry) Trust(ctx context.Context, c identitypool.ProviderConfig) (login.Trust, error) {
	switch c.Kind {
	case identitypool.UserPoolProvider:
		t := r.userPoolTrust(c.Name, c.ClientIDs)
		t.Link = clientsOf(c, "CognitoIdentityProviders")
		return t, nil
	case identitypool.OIDCProviderKind:
		return r.oidcTrust(ctx, c)
	case identitypool.SocialProvider:
		return r.appTrust(c)
	case identitypool.SAMLProviderKind:
		return r.samlTrust(ctx, c)
	default:
		return login.Trust{}, unsupported(providerUnverifiable.With("provider", c.Name), nil)
	}
}

func (r *Registry) oidcTrust(ctx context.Context, c identitypool.ProviderConfig) (login.Trust, error) {
	if err := ofPoolsAccount(c); err != nil {
		return login.Trust{}, err
	}

	p, err := r.o.Directory.OIDCProvider(ctx, c.ARN)
	if errors.Is(err, iam.ErrNotFound) {
		why := oidcUnregistered.With("arn", c.ARN, "issuer", c.Name).At(registration(explain.LinkOIDCProvider, c.ARN))
		if right, wrong := rightARN(c.ARN); wrong {
			why = oidcProviderIssuer.With("arn", ShownARN(c.ARN), "right", right).
				At(clientsOf(c, "OpenIdConnectProviderARNs"))
		}
		return login.Trust{}, unsupported(why, err)
	} else if err != nil {
		return login.Trust{}, err
	}

	t, err := r.Registered(p, "")
	if err != nil {
		return login.Trust{}, err
	}
	t.Provider, t.MaxTokenBytes = c.Name, r.o.MaxTokenBytes
	if row, known := r.o.Table.ByIssuer(p.URL); known && row.Issuers[0] == p.URL {
		t.Issuers = row.Issuers // Google's tokens have either of its issuers
	}

	return t, nil
}

// Registered returns the trust in the ID tokens of a registered provider. iss is the issuer that the
// token names, not yet proved; "" = unknown. It returns *Error with Unsupported if that is a user pool
// of this server that is not there, or no longer.
func (r *Registry) Registered(p iam.OIDCProvider, iss string) (login.Trust, error) {
	t := login.Trust{Rule: idtoken.Rule{
		Provider:           withoutScheme(p.URL),
		Issuers:            []string{p.URL},
		Audiences:          p.ClientIDs,
		Algorithms:         p.Algorithms,
		DiscoveryURL:       p.DiscoveryURL,
		JWKSURL:            p.JWKSURL,
		Thumbprints:        p.Thumbprints,
		EnforceThumbprints: p.EnforceThumbprints,
		Policy: outbound.Policy{
			CABundle:     string(p.CABundle),
			AllowHTTP:    p.AllowHTTP,
			AllowPrivate: p.AllowPrivate,
		},
		Development: p.Development,
	}}
	t.Registered(p.ARN, p.Setting)

	return t, r.registeredHere(&t, p.URL, iss, p.InSettings)
}

// ofPoolsAccount refuses an OpenID Connect provider of another account than the pool's. A
// pool may name one, but must not use another account's registration.
func ofPoolsAccount(c identitypool.ProviderConfig) error {
	owner, _, issuer, _ := identitypool.ParseProviderARN(c.ARN)
	if c.Account == "" || owner == c.Account {
		return nil
	}

	why := oidcProviderAccount.With(
		"account", string(c.Account), "arn", c.ARN, "other", string(owner), "issuer", issuer)

	return unsupported(why.At(clientsOf(c, "OpenIdConnectProviderARNs")), nil)
}

func (r *Registry) samlTrust(ctx context.Context, c identitypool.ProviderConfig) (login.Trust, error) {
	p, err := r.o.Directory.SAMLProvider(ctx, c.ARN)
	if errors.Is(err, iam.ErrNotFound) {
		why := samlUnregistered.With("arn", c.ARN).At(registration(explain.LinkSAMLProvider, c.ARN))
		return login.Trust{}, unsupported(why, err)
	} else if err != nil {
		return login.Trust{}, err
	}

	return login.Trust{
		Kind: login.SAML,
		SAML: p.Provider,
		Rule: idtoken.Rule{Provider: c.Name, MaxTokenBytes: r.o.MaxTokenBytes},
	}, nil
}

func (r *Registry) appTrust(c identitypool.ProviderConfig) (login.Trust, error) {
	row, known := r.o.Table.ByKey(c.Name)
	if !known {
		return login.Trust{}, unsupported(providerUnverifiable.With("provider", c.Name), nil)
	}

	t, err := row.trust(c.AppID, r.o.WellKnown[c.Name])
	if err != nil {
		why := providerConsumerKey.With("provider", c.Name)
		if errors.Is(err, row.Ended) {
			why = providerEnded.With("provider", c.Name)
		}
		return login.Trust{}, unsupported(why.At(clientsOf(c, "SupportedLoginProviders")), err)
	}

	for _, t := range []*idtoken.Rule{&t.Rule, t.IDTokens} {
		if t == nil {
			continue
		}
		t.MaxTokenBytes = r.o.MaxTokenBytes
		t.OneClientAt = "the value of " + c.Name + " in SupportedLoginProviders of the identity pool"
		t.Link = clientsOf(c, "SupportedLoginProviders")
	}

	return t, nil
}

// AppTrust returns the trust in tokens that a provider of the table issued to one
// application, with the settings' override.
func (r *Registry) AppTrust(key, app string) (login.Trust, error) {
	row, known := r.o.Table.ByKey(key)
	if !known {
		return login.Trust{}, fmt.Errorf("login provider %q is not known", key)
	}

	return row.trust(app, r.o.WellKnown[key])
}

// userPoolOverride returns the addresses of a user pool. They come from the settings of the
// pool itself, else from those of its region. A base URL belongs to a user pools API, which
// issues tokens as URL/POOL or as AWS would. Its keys are at
// URL/POOL/.well-known/jwks.json in both cases.
func (r *Registry) userPoolOverride(name string) Override {
	o, own := r.o.UserPools[name]
	pool := name[strings.LastIndexByte(name, '/')+1:]
	if !own {
		parsed, atAWS := identitypool.ParseUserPool(name)
		if !atAWS {
			return Override{}
		}
		o = r.o.UserPoolRegions[parsed.Region]
	}

	if o.BaseURL == "" {
		return o
	}
	issuer := o.BaseURL + "/" + pool
	if len(o.Issuers) == 0 {
		o.Issuers = []string{issuer, "https://" + name}
	}
	if o.JWKSURL == "" {
		o.JWKSURL = issuer + "/.well-known/jwks.json"
	}

	return o
}

// userPoolTrust returns the trust in a user pool.
func (r *Registry) userPoolTrust(name string, clients []string) login.Trust {
	t := login.Trust{Rule: idtoken.Rule{
		Provider:      name,
		MaxTokenBytes: r.o.MaxTokenBytes,
		Issuers:       []string{"https://" + name},
		Audiences:     clients,
		Require:       map[string]string{"token_use": "id"},
		WrongAudience: idtoken.MessageUnsupportedProvider,
	}}
	if r.proveHere(&t, name); t.OwnKeys != nil {
		return t
	}

	r.userPoolOverride(name).applyTo(&t.Rule)
	if t.JWKSURL == "" {
		// By rule: emulated user pools publish no matching discovery document.
		t.JWKSURL = t.Issuers[0] + "/.well-known/jwks.json"
	}

	return t
}

// clientsOf links to the field of a pool that has the provider, or its accepted clients.
func clientsOf(c identitypool.ProviderConfig, field string) explain.Link {
	if c.Pool == "" {
		return explain.Link{}
	}

	return c.Pool.Link(field)
}

func registration(kind, arn string) explain.Link {
	return explain.Link{Kind: kind, ID: arn, Source: explain.SourceAPI}
}
