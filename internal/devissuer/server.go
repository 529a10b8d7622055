package devissuer

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// server answers what the library has read from requests of programs. What it does not implement, the
// library refuses.
type server struct {
	op.UnimplementedServer

	p *Provider
}

// code is what an authorization code stands for.
type code struct {
	client, redirectURI, challenge, nonce string
	scopes                                []string
	user, session                         string
	authTime                              time.Time
	grant                                 string // ID of the grant that it becomes
	used                                  bool
}

// invalidClient refuses a client (RFC 6749, section 5.2).
func invalidClient(text string) error {
	return op.NewStatusError(oidc.ErrInvalidClient().WithDescription("%s", text), http.StatusUnauthorized)
}

func invalidGrant(text string) error { return oidc.ErrInvalidGrant().WithDescription("%s", text) }

// VerifyClient authenticates a client, by a secret in the header or the form.
func (s *server) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	if r.Data.ClientAssertion != "" {
		return nil, invalidClient("client assertions are not supported: send the secret, or none for a public client")
	}

	c, found := s.p.o.Clients.find(r.Data.ClientID)
	switch {
	case !found:
		return nil, invalidClient("this can be no client ID")
	case c.Secret == "" && r.Data.ClientSecret != "":
		return nil, invalidClient("this client is public: leave the secret out, or describe the client with a " +
			"secret under Clients in a seed")
	case c.Secret != "" && !c.isSecret(r.Data.ClientSecret):
		return nil, invalidClient("the secret is missing or wrong")
	}

	return c, nil
}

// CodeExchange gives tokens for an authorization code. A code that comes a second time was stolen, so
// that it ends the tokens of the first (RFC 6749, section 4.1.2).
func (s *server) CodeExchange(
	ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest],
) (*op.Response, error) {
	s.p.exchange.Lock()
	defer s.p.exchange.Unlock()

	first := false
	c, found := s.p.codes.change(r.Data.Code, func(c code) code {
		first = !c.used
		c.used = true

		return c
	})
	if found && !first {
		if _, err := s.p.grants.end(func(g grant) bool { return g.ID == c.grant }, noSession); err != nil {
			return nil, err
		}
	}

	switch {
	case !found || !first:
		return nil, invalidGrant("the code is unknown, was used before, or is older than a minute")
	case c.client != r.Client.GetID():
		return nil, invalidGrant("the code was issued to another client")
	case c.redirectURI != r.Data.RedirectURI:
		return nil, invalidGrant("redirect_uri is not that of the authorization request")
	}
	if c.challenge != "" || r.Data.CodeVerifier != "" {
		if !oidc.VerifyCodeChallenge(
			&oidc.CodeChallenge{Challenge: c.challenge, Method: oidc.CodeChallengeMethodS256}, r.Data.CodeVerifier) {
			return nil, invalidGrant("code_verifier does not belong to the code_challenge of the authorization request")
		}
	}

	return s.p.issue(ctx, grant{
		ID:       c.grant,
		Client:   c.client,
		User:     c.user,
		Session:  c.session,
		Scopes:   c.scopes,
		AuthTime: c.authTime,
	}, c.scopes, c.nonce)
}

// RefreshToken gives new tokens for a refresh token, which is no longer good then. One that comes a
// second time ends the grant: either of the two was stolen (RFC 9700, section 4.14.2).
func (s *server) RefreshToken(
	ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest],
) (*op.Response, error) {
	s.p.exchange.Lock()
	defer s.p.exchange.Unlock()

	g, secret, found := s.p.grants.byToken(r.Data.RefreshToken)
	if !found || g.Refresh == "" || g.Client != r.Client.GetID() {
		return nil, invalidGrant("the refresh token is unknown, ended, or has expired")
	}
	if !isHashOf(g.Refresh, secret) {
		if _, err := s.p.grants.end(func(one grant) bool { return one.ID == g.ID }, noSession); err != nil {
			return nil, err
		}
		return nil, invalidGrant("the refresh token was used before, so that all its tokens have ended: sign in again")
	}

	scopes := g.Scopes
	if len(r.Data.Scopes) > 0 {
		scopes = r.Data.Scopes
		for _, scope := range scopes {
			if !slices.Contains(g.Scopes, scope) {
				return nil, oidc.ErrInvalidScope().WithDescription("a scope is asked for that was not granted")
			}
		}
	}

	return s.p.issue(ctx, g, scopes, "")
}

// issue gives the tokens of a grant, and keeps it.
func (p *Provider) issue(ctx context.Context, g grant, scopes []string, nonce string) (*op.Response, error) {
	user, err := p.o.Users.Get(g.User)
	if err != nil {
		return nil, invalidGrant("the user no longer exists")
	}

	now := p.o.Now()
	access, refresh := p.o.Random(), ""
	g.Expires = now.Add(tokenLifetime)
	g.Access = append(slices.DeleteFunc(slices.Clone(g.Access),
		func(a accessToken) bool { return !now.Before(a.Expires) }),
		accessToken{Hash: hash(access), Issued: now, Expires: now.Add(tokenLifetime)})
	g.Access = g.Access[max(0, len(g.Access)-maxAccessTokens):]
	if slices.Contains(g.Scopes, oidc.ScopeOfflineAccess) {
		refresh = p.o.Random()
		g.Refresh, g.Expires = hash(refresh), now.Add(refreshLifetime)
		refresh = g.ID + "." + refresh
	}

	answer := &oidc.AccessTokenResponse{
		AccessToken:  g.ID + "." + access,
		TokenType:    oidc.BearerToken,
		RefreshToken: refresh,
		ExpiresIn:    uint64(tokenLifetime / time.Second),
		Scope:        scopes,
	}
	if slices.Contains(scopes, oidc.ScopeOpenID) {
		if answer.IDToken, err = p.idToken(ctx, g, user, scopes, nonce, answer.AccessToken); err != nil {
			return nil, err
		}
	}

	err = p.grants.change(func(_ map[string]session, all map[string]grant) error {
		all[g.ID] = g
		return nil
	})
	if err != nil {
		return nil, err
	}

	return op.NewResponse(answer), nil
}

// UserInfo tells about the user of an access token.
func (s *server) UserInfo(_ context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	g, _, good := s.p.grants.byAccessToken(r.Data.AccessToken)
	user, err := s.p.o.Users.Get(g.User)
	if !good || err != nil {
		return nil, op.NewStatusError(
			oidc.ErrAccessDenied().WithDescription("the access token is unknown, ended, or has expired"),
			http.StatusUnauthorized)
	}

	claims := claimsOf(user, g.Scopes)
	claims["sub"] = user.Subject

	return op.NewResponse(claims), nil
}

// Introspect tells a client with a secret about a token (RFC 7662).
func (s *server) Introspect(ctx context.Context, r *op.Request[op.IntrospectionRequest]) (*op.Response, error) {
	_, err := s.VerifyClient(ctx, &op.Request[op.ClientCredentials]{Data: r.Data.ClientCredentials})
	if err != nil {
		return nil, err
	}

	inactive := op.NewResponse(&oidc.IntrospectionResponse{})
	g, access, good := s.p.grants.byAccessToken(r.Data.Token)
	if !good {
		return inactive, nil
	}
	user, err := s.p.o.Users.Get(g.User)
	if err != nil {
		return inactive, nil //nolint:nilerr // a token of nobody is not active
	}

	return op.NewResponse(&oidc.IntrospectionResponse{
		Active:     true,
		Scope:      g.Scopes,
		ClientID:   g.Client,
		TokenType:  oidc.BearerToken,
		Expiration: oidc.FromTime(access.Expires),
		IssuedAt:   oidc.FromTime(access.Issued),
		AuthTime:   oidc.FromTime(g.AuthTime),
		Subject:    user.Subject,
		Audience:   oidc.Audience{g.Client},
		Issuer:     s.p.o.Issuer.URL,
		Username:   user.Name,
	}), nil
}

// Revocation ends a refresh token with its grant, or an access token alone. A token that is not good
// needs none (RFC 7009, section 2.2).
func (s *server) Revocation(_ context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	done := op.NewResponse(nil)
	g, secret, found := s.p.grants.byToken(r.Data.Token)
	if !found || g.Client != r.Client.GetID() {
		return done, nil
	}

	if isHashOf(g.Refresh, secret) {
		_, err := s.p.grants.end(func(one grant) bool { return one.ID == g.ID }, noSession)
		return done, err
	}

	return done, s.p.grants.change(func(_ map[string]session, all map[string]grant) error {
		one, still := all[g.ID]
		if still {
			one.Access = slices.DeleteFunc(slices.Clone(one.Access),
				func(a accessToken) bool { return isHashOf(a.Hash, secret) })
			all[g.ID] = one
		}

		return nil
	})
}

// withoutUnknown returns the scopes that the provider has, each once.
func withoutUnknown(scopes []string) []string {
	var known []string
	for _, scope := range scopes {
		if slices.Contains(scopesSupported, scope) && !slices.Contains(known, scope) {
			known = append(known, scope)
		}
	}

	return known
}

// spaced returns the words of a parameter.
func spaced(text string) []string { return strings.Fields(text) }
