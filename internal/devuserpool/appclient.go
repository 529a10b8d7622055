package devuserpool

import (
	"context"
	"crypto/hmac"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// appClient finds the client that a public call names, with its pool. Nobody may change them.
func (s *Service) appClient(ctx context.Context, id string) (*Pool, Client, error) {
	p, c, exists := s.State.client(id)
	if !exists {
		return nil, Client{}, clientMissing(id)
	}
	note(ctx, p)

	return p, c, nil
}

func clientMissing(id string) error {
	return awsapi.Refused(resourceNotFound, appClientUnknown.With("client", explain.ShownText(id)),
		"User pool client %s does not exist.", id)
}

// secret returns the secret of a confidential client; "" = the client has none.
func (c Client) secret() string { return text(c.Settings.ClientSecret) }

// preventsExistenceErrors reports whether answers must not tell which users exist.
func (c Client) preventsExistenceErrors() bool {
	return text(c.Settings.PreventUserExistenceErrors) == "ENABLED"
}

// challengeTime is how long the client has for each step of a sign-in.
func (c Client) challengeTime() time.Duration {
	if minutes := number(c.Settings.AuthSessionValidity); minutes > 0 {
		return time.Duration(minutes) * time.Minute
	}
	return defaultChallengeTime
}

// checkSecretHash verifies SECRET_HASH: HMAC-SHA256 of the user name as sent and the client ID. names are
// the user names that count.
func (c Client) checkSecretHash(given string, names ...string) error {
	switch {
	case c.secret() == "" && given == "":
		return nil
	case c.secret() == "":
		return awsapi.Refused(invalidParameter, secretHashUnexpected.With(),
			"App client %s is not configured for secret but secret hash was received", c.ID)
	case given == "":
		return awsapi.Refused(notAuthorized, secretHashMissing.With(),
			"Client %s is configured with secret but SECRET_HASH was not received", c.ID)
	}

	decoded, err := base64.StdEncoding.DecodeString(given)
	for _, name := range names {
		if err == nil && hmac.Equal(decoded, authenticated([]byte(c.secret()), []byte(name), []byte(c.ID))) {
			return nil
		}
	}

	return c.wrongSecretHash()
}

// checkRefreshHash verifies SECRET_HASH of a refresh. The hash is of the user name, which the refresh token alone
// tells; an address that the user signed in with does not count. Some clients send the secret itself.
func (c Client) checkRefreshHash(given string, u User) error {
	if given == "" || c.secret() == "" {
		return c.checkSecretHash(given)
	}
	if c.hasSecret(given) || c.checkSecretHash(given, u.Username, u.Sub) == nil {
		return nil
	}

	return awsapi.Refused(notAuthorized, refreshHashWrong.With(), "SecretHash does not match for the client: %s", c.ID)
}

func (c Client) wrongSecretHash() error {
	return awsapi.Refused(notAuthorized, secretHashWrong.With(), "Unable to verify secret hash for client %s", c.ID)
}

// hasSecret reports whether given is the client's secret. A client without secret needs none.
func (c Client) hasSecret(given string) bool {
	return subtle.ConstantTimeCompare([]byte(c.secret()), []byte(given)) == 1
}

// Flows of InitiateAuth, in the API's words.
const (
	flowSRP           = "USER_SRP_AUTH"
	flowPassword      = "USER_PASSWORD_AUTH"
	flowAdminPassword = "ADMIN_USER_PASSWORD_AUTH"
	flowAdminNoSRP    = "ADMIN_NO_SRP_AUTH" // former name of flowAdminPassword
	flowRefresh       = "REFRESH_TOKEN_AUTH"
	flowRefreshShort  = "REFRESH_TOKEN"
	flowUser          = "USER_AUTH"
	flowCustom        = "CUSTOM_AUTH"
	customOnly        = "CUSTOM_AUTH_FLOW_ONLY"
)

// allows reports whether ExplicitAuthFlows of the client has a flow. Without a list the client has SRP and
// refresh. A list of the former kind, without the prefix ALLOW_, adds to these (API reference,
// CreateUserPoolClient, ExplicitAuthFlows).
func (c Client) allows(flow string) bool {
	flows := c.Settings.ExplicitAuthFlows
	former := !slices.ContainsFunc(flows, func(f string) bool { return strings.HasPrefix(f, "ALLOW_") })

	switch {
	case slices.Contains(flows, "ALLOW_"+flow):
		return true
	case !former:
		return false
	case flow == flowRefresh, flow == flowSRP:
		return !slices.Contains(flows, customOnly) || flow == flowRefresh
	case flow == flowAdminPassword:
		return slices.Contains(flows, flowAdminNoSRP)
	default:
		return slices.Contains(flows, flow)
	}
}

// rotates reports whether each refresh gives a new refresh token, and for how long the old one stays
// valid.
func (c Client) rotates() (grace time.Duration, rotates bool) {
	r := c.Settings.RefreshTokenRotation
	if r == nil || text(r.Feature) != "ENABLED" {
		return 0, false
	}
	return time.Duration(number(r.RetryGracePeriodSeconds)) * time.Second, true
}
