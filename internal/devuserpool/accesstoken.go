package devuserpool

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// tokenClaims are the claims of an access token that a call depends on.
type tokenClaims struct {
	Subject  string `json:"sub"`
	Issuer   string `json:"iss"`
	Use      string `json:"token_use"`
	Client   string `json:"client_id"`
	Username string `json:"username"`
	Scope    string `json:"scope"`
	Origin   string `json:"origin_jti"`
	Event    string `json:"event_id"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// bearer is who called with an access token.
type bearer struct {
	pool   *Pool // nobody may change it
	client Client
	user   User
	claims tokenClaims
}

// bearer verifies an access token of a call: signed by the pool's own key, not expired, not revoked, and of
// a user who may still sign in.
func (s *Service) bearer(ctx context.Context, token string) (bearer, error) {
	b, err := s.verified(token)
	if err != nil {
		return b, err
	}
	note(ctx, b.pool)

	b.user, err = s.holder(b, b.pool)

	return b, err
}

// changeBearer changes the user of an access token. edit gets the pool and the user as they are then, in a
// copy that is kept unless edit fails; the token is checked once more.
func (s *Service) changeBearer(b bearer, edit func(*Pool, *User) error) error {
	return s.changeUser(b.pool.ID, func(p *Pool) (User, error) { return s.holder(b, p) }, edit)
}

// verified checks everything about a token that does not change.
func (s *Service) verified(token string) (bearer, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(signed.Signatures) != 1 {
		return bearer{}, invalidAccessToken()
	}

	// The claim client_id only finds the pool, whose keys then decide.
	var claimed tokenClaims
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &claimed) != nil {
		return bearer{}, invalidAccessToken()
	}
	p, c, exists := s.State.client(claimed.Client)
	if !exists {
		return bearer{}, invalidAccessToken()
	}
	set, err := p.keySet()
	if err != nil {
		return bearer{}, err
	}
	keys := set.Key(signed.Signatures[0].Protected.KeyID)
	if len(keys) != 1 {
		return bearer{}, invalidAccessToken()
	}
	payload, err := signed.Verify(keys[0])
	if err != nil {
		return bearer{}, invalidAccessToken()
	}

	var claims tokenClaims
	if json.Unmarshal(payload, &claims) != nil || claims.Issuer != s.IssuerOf(p) || claims.Use != useAccess {
		return bearer{}, invalidAccessToken()
	}
	if !s.Now().Before(time.Unix(claims.Expires, 0)) {
		return bearer{}, awsapi.Refused(notAuthorized, accessTokenExpired.With(), "Access Token has expired")
	}
	if !slices.Contains(strings.Fields(claims.Scope), accessTokenScope) {
		return bearer{}, awsapi.Refused(notAuthorized, accessTokenScopes.With(),
			"Access Token does not have required scopes")
	}

	return bearer{pool: p, client: c, claims: claims}, nil
}

// holder returns the present user of a verified token.
func (s *Service) holder(b bearer, p *Pool) (User, error) {
	u, exists := p.Users[p.key(b.claims.Username)]
	if !exists || u.Sub != b.claims.Subject {
		return User{}, userGone()
	}
	if !u.Enabled {
		return User{}, userDisabled()
	}
	if u.ended(cmp.Or(b.claims.Origin, b.claims.Event), time.Unix(b.claims.IssuedAt, 0)) {
		return User{}, awsapi.Refused(notAuthorized, accessTokenRevoked.With(), "Access Token has been revoked")
	}
	if u.Status == statusResetRequired {
		return User{}, resetRequired()
	}

	return u, nil
}

func invalidAccessToken() error {
	return awsapi.Refused(notAuthorized, accessTokenInvalid.With(), "Invalid Access Token")
}
