package clilogin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

const (
	wellKnown         = "/.well-known/openid-configuration"
	maxDiscoveryDepth = 8
	scopeOpenID       = "openid"
	scopeOffline      = "offline_access"
	googleIssuer      = "https://accounts.google.com"
)

// algorithms are the signatures of ID tokens that are accepted: all public-key ones that issuers use.
var algorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// issuer has the members of an issuer's discovery document (OpenID Connect Discovery 1.0, section 3).
type issuer struct {
	URL           string
	Authorization string
	Token         string
	Device        string
	Revocation    string
	Keys          string
	Scopes        []string
	IssInResponse bool // RFC 9207
	SecretInForm  bool // the client sends its secret in the form, not in the header
}

// discover reads the discovery document of an issuer, which must state the issuer exactly.
func (c *Client) discover(ctx context.Context, url string) (issuer, error) {
	body, err := c.web.get(ctx, strings.TrimSuffix(url, "/")+wellKnown)
	if err != nil {
		return issuer{}, err
	}
	document, err := outbound.ParseObject(body, maxDiscoveryDepth, "issuer", "jwks_uri", "token_endpoint")
	if err != nil {
		return issuer{}, untrusted("the discovery document of %s is %v", hostOf(url), err)
	}

	text := func(name string) string {
		value, _ := document[name].(string)
		return value
	}
	if text("issuer") != url {
		return issuer{}, untrusted("the discovery document states the issuer %s, not %s: give --issuer exactly so",
			explain.Shown(document["issuer"]), explain.ShownText(url))
	}

	i := issuer{
		URL:           url,
		Authorization: text("authorization_endpoint"),
		Token:         text("token_endpoint"),
		Device:        text("device_authorization_endpoint"),
		Revocation:    text("revocation_endpoint"),
		Keys:          text("jwks_uri"),
		Scopes:        texts(document["scopes_supported"]),
		IssInResponse: document["authorization_response_iss_parameter_supported"] == true,
	}
	methods := texts(document["token_endpoint_auth_methods_supported"])
	i.SecretInForm = slices.Contains(methods, "client_secret_post") && !slices.Contains(methods, "client_secret_basic")

	for name, address := range map[string]string{
		"authorization_endpoint":        i.Authorization,
		"token_endpoint":                i.Token,
		"device_authorization_endpoint": i.Device,
		"revocation_endpoint":           i.Revocation,
		"jwks_uri":                      i.Keys,
	} {
		if address == "" {
			continue
		}
		if err := checkAddress(address); err != nil {
			return issuer{}, untrusted("the discovery document's %s: %v", name, err)
		}
		// An issuer elsewhere must not send requests to the services of this machine.
		if strings.HasPrefix(url, "https:") && !strings.HasPrefix(address, "https:") {
			return issuer{}, untrusted("the discovery document's %s is not https", name)
		}
	}
	if i.Token == "" || i.Keys == "" {
		return issuer{}, untrusted("the discovery document of %s lacks token_endpoint or jwks_uri", hostOf(url))
	}

	return i, nil
}

// texts returns the texts of a list.
func texts(value any) []string {
	list, _ := value.([]any)

	var found []string
	for _, one := range list {
		if text, is := one.(string); is {
			found = append(found, text)
		}
	}

	return found
}

// scopesAt returns the scopes to ask for. Without offline_access most issuers give no refresh token, and
// those that do not know it refuse it.
func (p Profile) scopesAt(i issuer) []string {
	scopes := slices.Clone(p.Scopes)
	if len(scopes) == 0 && slices.Contains(i.Scopes, scopeOffline) {
		scopes = []string{scopeOffline}
	}
	if !slices.Contains(scopes, scopeOpenID) {
		scopes = append([]string{scopeOpenID}, scopes...)
	}

	return scopes
}

// oauth returns the configuration of the library. The style of authentication is fixed: to find it out,
// the library would send a code or a refresh token twice.
func (p Profile) oauth(i issuer, secret, redirect string) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if secret != "" && !i.SecretInForm {
		style = oauth2.AuthStyleInHeader
	}

	return &oauth2.Config{
		ClientID:     p.ClientID,
		ClientSecret: secret,
		RedirectURL:  redirect,
		Scopes:       p.scopesAt(i),
		Endpoint: oauth2.Endpoint{
			AuthURL:       i.Authorization,
			DeviceAuthURL: i.Device,
			TokenURL:      i.Token,
			AuthStyle:     style,
		},
	}
}

// withWeb makes the library send its requests through web.
func (c *Client) withWeb(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, c.web.http)
}

// tokens come from an issuer for a sign-in.
type tokens struct {
	id      string
	refresh string // "" = none
}

func tokensOf(t *oauth2.Token) tokens {
	id, _ := t.Extra("id_token").(string)
	return tokens{id: id, refresh: t.RefreshToken}
}

// verify proves an ID token (OpenID Connect Core 1.0, section 3.1.3.7) with the issuer's keys, which it
// fetches each time: a command runs rarely, and issuers rotate keys. nonce is "" if none was sent.
func (c *Client) verify(ctx context.Context, p Profile, keysURL, token, nonce string) (idtoken.Claims, error) {
	keys, err := c.web.get(ctx, keysURL)
	if err != nil {
		return idtoken.Claims{}, err
	}

	client := outbound.New(outbound.Options{Now: c.o.Now}) // contacts nobody: the rule has the keys
	defer client.Close()

	rule := &idtoken.Rule{
		Provider:   p.loginKey(),
		Issuers:    []string{p.issuer()},
		Audiences:  []string{p.ClientID},
		Algorithms: algorithms,
		OwnKeys:    keys,
	}
	if p.UserPool != "" {
		rule.Require = map[string]string{"token_use": "id"}
	}

	claims, err := idtoken.New(client, c.o.Now).Verify(ctx, rule, token)
	if refused, is := errors.AsType[*idtoken.Refused](err); is {
		return claims, untrusted("the ID token of %s is not accepted: %s: got %s, expected %s%s", hostOf(p.issuer()),
			refused.Reason.Check, refused.Got, refused.Expected, c.clockHint(refused))
	}
	if err != nil {
		return claims, untrusted("the ID token of %s cannot be verified: %v", hostOf(p.issuer()), err)
	}

	// OpenID Connect Core 1.0, section 3.1.3.7: azp alone is not enough, as it is for identity pools.
	audience, _ := claims.All["aud"].(string)
	if audience != p.ClientID && !slices.Contains(texts(claims.All["aud"]), p.ClientID) {
		return claims, untrusted("the ID token of %s is for another client: its aud does not have the client ID",
			hostOf(p.issuer()))
	}
	if stated, _ := claims.All["nonce"].(string); nonce != "" && stated != nonce {
		return claims, untrusted("the ID token of %s is not of this sign-in: its nonce is another", hostOf(p.issuer()))
	}

	return claims, nil
}

// clockHint adds to the refusal of a new token that this machine's clock may be wrong.
func (c *Client) clockHint(refused *idtoken.Refused) string {
	if !refused.ByClock() {
		return ""
	}
	return "; the clock of this machine shows " + c.o.Now().UTC().Format(time.RFC3339) + ": is it right?"
}

// revoke ends a refresh token at the issuer (RFC 7009). told = false: the issuer has no such endpoint.
func (c *Client) revoke(ctx context.Context, p Profile, s signIn) (told bool, err error) {
	if p.UserPool != "" {
		input := map[string]string{"Token": s.RefreshToken, "ClientId": p.ClientID}
		if s.ClientSecret != "" {
			input["ClientSecret"] = s.ClientSecret
		}

		return true, c.web.call(ctx, p.userPoolEndpoint(), userPoolService, "RevokeToken", input, &struct{}{})
	}

	i, err := c.discover(ctx, p.Issuer)
	if err != nil || i.Revocation == "" {
		return false, err
	}

	return true, c.revokeAt(ctx, p, i, s)
}

func (c *Client) revokeAt(ctx context.Context, p Profile, i issuer, s signIn) error {
	form := formOf("token", s.RefreshToken, "token_type_hint", "refresh_token", "client_id", p.ClientID)
	if s.ClientSecret != "" && i.SecretInForm {
		form.Set("client_secret", s.ClientSecret)
	}

	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return untrusted("the revocation endpoint is no URL")
	}
	r.Header.Set("Content-Type", formType)
	if s.ClientSecret != "" && !i.SecretInForm {
		basicAuth(r, p.ClientID, s.ClientSecret)
	}

	status, _, err := c.web.do(r)
	if err == nil && status != http.StatusOK {
		err = untrusted("%s answers with status %d", r.URL.Host+r.URL.Path, status)
	}

	return err
}
