package devuserpool

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// refreshFlow is REFRESH_TOKEN_AUTH.
func (s *Service) refreshFlow(a attempt) (*authResponse, error) {
	if err := a.require(paramRefresh); err != nil {
		return nil, err
	}
	if _, rotates := a.client.rotates(); rotates {
		return nil, awsapi.Refused(unsupportedOperation, refreshRotation.With(),
			"Refresh token rotation is enabled for this client: use GetTokensFromRefreshToken.")
	}

	tokens, err := s.refresh(a.pool, a.client, a.params[paramRefresh], func(u User) error {
		return a.client.checkRefreshHash(a.params[paramSecretHash], u)
	})

	return withTokens(tokens), err
}

// GetTokensFromRefreshToken signs new tokens for a refresh token, with a new refresh token if the client
// rotates them.
func (s *Service) GetTokensFromRefreshToken(
	ctx context.Context, in *GetTokensFromRefreshTokenRequest,
) (*GetTokensFromRefreshTokenResponse, error) {
	p, c, err := s.appClient(ctx, *in.ClientId)
	if err != nil {
		return nil, err
	}
	if !c.hasSecret(text(in.ClientSecret)) {
		return nil, awsapi.Refused(notAuthorized, clientSecretWrong.With(),
			"Unable to verify secret for client %s", c.ID)
	}
	if _, rotates := c.rotates(); !rotates && !c.allows(flowRefresh) {
		return nil, flowRefused(flowRefresh)
	}

	tokens, err := s.refresh(p, c, *in.RefreshToken, func(User) error { return nil })
	if err != nil {
		return nil, err
	}

	return &GetTokensFromRefreshTokenResponse{AuthenticationResult: tokens}, nil
}

// refresh signs new tokens for a refresh token of the client. allow may refuse the token's user.
func (s *Service) refresh(
	p *Pool, c Client, token string, allow func(User) error,
) (*AuthenticationResultType, error) {
	u, one, err := s.refreshable(p, c, token)
	if err != nil {
		return nil, err
	}
	if err := allow(u); err != nil {
		return nil, err
	}
	grace, rotates := c.rotates()
	if !rotates {
		return s.tokens(p, c, u, one, "")
	}

	next, hash := randomToken()
	var after *Pool
	again := func(p *Pool) (User, error) {
		u, _, err := s.refreshable(p, c, token)
		return u, err
	}
	err = s.changeUser(p.ID, again, func(p *Pool, u *User) error {
		old := &u.RefreshTokens[u.tokenAt(hashOf(token))]
		if old.Replaced.IsZero() {
			old.Replaced = s.Now().Add(grace)
		}

		one = *old // the new token ends when the old one would have
		one.Hash, one.Replaced = hash, time.Time{}
		u.keepToken(one, s.Now())
		after = p

		return nil
	})
	if err != nil {
		return nil, err
	}

	return s.tokens(after, c, after.Users[after.key(u.Username)], one, next)
}

// tokenAt returns the place of the refresh token with a hash; -1 = there is none.
func (u User) tokenAt(hash []byte) int {
	return slices.IndexFunc(u.RefreshTokens, func(t RefreshToken) bool { return bytes.Equal(t.Hash, hash) })
}

// refreshable finds a refresh token that is valid at the client, and its user.
func (s *Service) refreshable(p *Pool, c Client, token string) (User, RefreshToken, error) {
	hash := hashOf(token)
	for _, u := range p.Users {
		at := u.tokenAt(hash)
		if at < 0 {
			continue
		}
		one := u.RefreshTokens[at]

		return u, one, s.checkRefreshToken(c, u, one)
	}

	return User{}, RefreshToken{}, invalidRefreshToken()
}

// checkRefreshToken refuses a refresh token that gives no tokens any more.
func (s *Service) checkRefreshToken(c Client, u User, one RefreshToken) error {
	now := s.Now()
	switch {
	case one.Client != c.ID:
		return invalidRefreshToken()
	case one.Revoked:
		return awsapi.Refused(notAuthorized, refreshTokenRevoked.With(), "Refresh Token has been revoked")
	case !now.Before(one.Ends):
		return awsapi.Refused(notAuthorized, refreshTokenExpired.With(), "Refresh Token has expired")
	case one.replaced(now):
		return awsapi.Refused(refreshTokenReuse, refreshTokenReplaced.With(), "Refresh Token has been rotated")
	case !u.Enabled:
		return userDisabled()
	case u.Status == statusResetRequired:
		return resetRequired()
	default:
		return nil
	}
}

func invalidRefreshToken() error {
	return awsapi.Refused(notAuthorized, refreshTokenUnknown.With(), "Invalid Refresh Token")
}

// errNothingToRevoke means that no user has a refresh token.
var errNothingToRevoke = errors.New("no user has the refresh token")

// RevokeToken ends a refresh token and all tokens that were made from it. A token that nobody knows is no
// error (RFC 7009, section 2.2).
func (s *Service) RevokeToken(ctx context.Context, in *RevokeTokenRequest) (*RevokeTokenResponse, error) {
	p, c, err := s.appClient(ctx, *in.ClientId)
	if err != nil {
		return nil, awsapi.Refused(unauthorized, revokeClient.With(), "Invalid client.")
	}
	if !c.hasSecret(text(in.ClientSecret)) {
		return nil, awsapi.Refused(unauthorized, revokeClient.With(), "Invalid client.")
	}
	if !c.revokes() {
		return nil, awsapi.Refused(unsupportedOperation, revokeSetting.With(),
			"Token revocation is not enabled for this client.")
	}
	if isValue(in.RevokeAssociatedSessions, "LINKED") {
		return nil, refusedPart("sessions of other clients (RevokeAssociatedSessions)")
	}
	if strings.Count(*in.Token, ".") > 0 {
		return nil, awsapi.Refused(unsupportedTokenType, revokeKind.With(), "Unsupported token type.")
	}

	revoked := RefreshToken{}
	find := func(p *Pool) (User, error) {
		for _, u := range p.Users {
			if at := u.tokenAt(hashOf(*in.Token)); at >= 0 && u.RefreshTokens[at].Client == c.ID {
				revoked = u.RefreshTokens[at]
				return u, nil
			}
		}
		return User{}, errNothingToRevoke
	}
	err = s.changeUser(p.ID, find, func(p *Pool, u *User) error {
		p.ends = true

		for i := range u.RefreshTokens {
			if u.RefreshTokens[i].Origin == revoked.Origin {
				u.RefreshTokens[i].Revoked = true
			}
		}

		return nil
	})
	if errors.Is(err, errNothingToRevoke) {
		err = nil
	}
	if err != nil {
		return nil, err
	}

	return &RevokeTokenResponse{}, nil
}
