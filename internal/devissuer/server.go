package devissuer

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// server answers requests of programs that the library has read. The library refuses those for which it
// has no method.
type server struct {
	op.UnimplementedServer

	p *Provider
}

// code is a sign-in that waits until its client exchanges the authorization code.
type code struct {
	client, redirectURI, challenge, nonce string
	scopes                                []string
	session                               session
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
	case c.described.Secret == "" && r.Data.ClientSecret != "":
		return nil, invalidClient("this client is public: leave the secret out, or describe the client with a " +
			"secret under Clients in a seed")
	case c.described.Secret != "" && !c.isSecret(r.Data.ClientSecret):
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
		User:     c.session.User,
		Subject:  c.session.Subject,
		Session:  c.session.ID,
		Scopes:   c.scopes,
		AuthTime: c.session.AuthTime,
	}, c.scopes, rand.Text(), c.nonce)
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
	if g.wasUsed(secret) {
		if _, err := s.p.grants.end(func(one grant) bool { return one.ID == g.ID }, noSession); err != nil {
			return nil, err
		}
		return nil, invalidGrant("the refresh token was used before, so that all its tokens have ended: sign in again")
	}
	if !isHashOf(g.Refresh, secret) {
		return nil, invalidGrant("the refresh token is unknown, ended, or has expired")
	}

	scopes := g.Scopes
	if len(r.Data.Scopes) > 0 {
		scopes = r.Data.Scopes
		for _, scope := range scopes {
			if !slices.Contains(g.Scopes, scope) {
				return nil, oidc.ErrInvalidScope().WithDescription("a scope is asked for that was not granted")
			}
		}
		scopes = withoutUnknown(scopes) // each once
	}

	return s.p.issue(ctx, g, scopes, familyOf(secret), "")
}

// invalidToken is an error of protected resources (RFC 6750, section 3.1).
const invalidToken = "invalid_token"

// issue gives the tokens of a grant, and keeps it.
func (p *Provider) issue(
	ctx context.Context, g grant, scopes []string, family, nonce string,
) (*op.Response, error) {
	user, found := p.person(g.User, g.Subject)
	if !found {
		if _, err := p.grants.end(func(one grant) bool { return one.ID == g.ID }, noSession); err != nil {
			return nil, err
		}
		return nil, invalidGrant("the user no longer exists, or has another subject since")
	}

	now := p.o.Now()
	access, refresh := rand.Text(), ""
	g.Expires = now.Add(tokenLifetime)
	g.Access = append(slices.DeleteFunc(slices.Clone(g.Access),
		func(a accessToken) bool { return !now.Before(a.Expires) }),
		accessToken{Hash: hash(access), Scopes: scopes, Issued: now, Expires: now.Add(tokenLifetime)})
	g.Access = g.Access[max(0, len(g.Access)-maxAccessTokens):]
	if slices.Contains(g.Scopes, oidc.ScopeOfflineAccess) {
		refresh = family + "." + rand.Text()
		g.Refresh, g.Family, g.Expires = hash(refresh), hash(family), now.Add(refreshLifetime)
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
		token, err := p.idToken(ctx, g, user, scopes, nonce, answer.AccessToken)
		if err != nil {
			return nil, err
		}
		answer.IDToken = token
	}

	err := p.grants.change(func(_ map[string]session, all map[string]grant) error {
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
	g, access, good := s.p.grants.byAccessToken(r.Data.AccessToken)
	user, found := s.p.person(g.User, g.Subject)
	if !good || !found {
		return nil, op.NewStatusError(
			&oidc.Error{ErrorType: invalidToken, Description: "the access token is unknown, ended, or has expired"},
			http.StatusUnauthorized)
	}

	claims := claimsOf(user, access.Scopes)
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
	user, found := s.p.person(g.User, g.Subject)
	if !found {
		return inactive, nil
	}

	return op.NewResponse(&oidc.IntrospectionResponse{
		Active:     true,
		Scope:      access.Scopes,
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

// Revocation ends a refresh token with its grant, or an access token alone. A refresh token that was used
// ends the grant, too: its successor may be on the way to a client that no longer wants it. A token that
// is not good needs none (RFC 7009, section 2.2).
func (s *server) Revocation(_ context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	s.p.exchange.Lock()
	defer s.p.exchange.Unlock()

	done := op.NewResponse(nil)
	g, secret, found := s.p.grants.byToken(r.Data.Token)
	if !found || g.Client != r.Client.GetID() {
		return done, nil
	}

	if g.isRefresh(secret) {
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
	for _, scope := range scopesSupported {
		if slices.Contains(scopes, scope) {
			known = append(known, scope)
		}
	}

	return known
}
