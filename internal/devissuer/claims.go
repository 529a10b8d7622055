package devissuer

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// scopeClaims are the claims that clients get for a scope only (OpenID Connect Core 1.0, section 5.4).
// All other claims of a user are in every token.
var scopeClaims = map[string][]string{
	oidc.ScopeProfile: {
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
		"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	oidc.ScopeEmail:   {"email", "email_verified"},
	oidc.ScopePhone:   {"phone_number", "phone_number_verified"},
	oidc.ScopeAddress: {"address"},
}

// protocolClaims are set by the provider, so that no user has them.
var protocolClaims = []string{
	"iss", "sub", "aud", "azp", "iat", "exp", "nbf", "jti", "auth_time", "nonce", "at_hash", "c_hash", "sid", "events",
}

// claimsSupported returns the claims for the discovery document.
func claimsSupported() []string {
	all := []string{"iss", "sub", "aud", "azp", "iat", "exp", "auth_time", "nonce", "at_hash", "sid", "cognito:groups"}
	for _, scope := range scopesSupported {
		all = append(all, scopeClaims[scope]...)
	}

	return all
}

// claimsOf returns a user's claims for the scopes.
func claimsOf(user devuser.User, scopes []string) map[string]any {
	claims := map[string]any{}
	for name, value := range user.Claims {
		if !slices.Contains(protocolClaims, name) {
			claims[name] = value
		}
	}

	for scope, names := range scopeClaims {
		if slices.Contains(scopes, scope) {
			continue
		}

		for _, name := range names {
			delete(claims, name)
		}
	}

	return claims
}

// idToken signs an ID token (OpenID Connect Core 1.0, section 2).
func (p *Provider) idToken(
	ctx context.Context, g grant, user devuser.User, scopes []string, nonce, access string,
) (string, error) {
	now := p.o.Now()
	claims := claimsOf(user, scopes)
	claims["iss"], claims["sub"] = p.o.Issuer.URL, user.Subject
	claims["aud"], claims["azp"] = g.Client, g.Client
	claims["iat"], claims["exp"] = now.Unix(), now.Add(tokenLifetime).Unix()
	claims["auth_time"], claims["sid"] = g.AuthTime.Unix(), g.Session
	if nonce != "" {
		claims["nonce"] = nonce
	}

	accessHash, err := oidc.ClaimHash(access, jose.RS256)
	if err != nil {
		return "", err
	}
	claims["at_hash"] = accessHash

	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}

	return p.o.Issuer.sign(ctx, idTokenType, payload)
}

// hint has the claims of an ID token that a client sends back.
type hint struct {
	Issuer  string        `json:"iss"`
	Subject string        `json:"sub"`
	Client  oidc.Audience `json:"aud"`
	Session string        `json:"sid"`
}

// errHint means that a text is no ID token of this issuer.
var errHint = errors.New("no ID token of this issuer")

// readHint verifies an ID token that a client sends back. It may have expired (OpenID Connect
// RP-Initiated Logout 1.0, section 4). Error: errHint.
func (i *Issuer) readHint(ctx context.Context, token string) (hint, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return hint{}, errHint
	}
	if kind := signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType]; kind != idTokenType {
		return hint{}, errHint // a logout token has the same key
	}
	set, err := i.published(ctx)
	if err != nil {
		return hint{}, err
	}
	key := set.Key(signed.Signatures[0].Header.KeyID)
	if len(key) != 1 {
		return hint{}, errHint
	}

	payload, err := signed.Verify(key[0])
	if err != nil {
		return hint{}, errHint
	}
	var h hint
	if err := json.Unmarshal(payload, &h); err != nil || h.Issuer != i.URL || h.Subject == "" || len(h.Client) == 0 {
		return hint{}, errHint
	}

	return h, nil
}
