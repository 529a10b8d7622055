package userstatus

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
)

// introspection asks whether the token itself is still active (RFC 7662). The RFC
// covers access and refresh tokens; some providers accept ID tokens, too.
type introspection struct {
	Config
	Options
}

func (i *introspection) same(u User) string {
	sum := sha256.Sum256([]byte(u.Token))
	return string(sum[:])
}

func (i *introspection) ask(ctx context.Context, u User) (*explain.Refusal, error) {
	header := http.Header{}
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	// RFC 6749 section 2.3.1: both are form-encoded before they are joined.
	pair := url.QueryEscape(i.ClientID) + ":" + url.QueryEscape(string(i.ClientSecret))
	header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))

	response, err := post(ctx, i.Asker, i.endpoint(i.Endpoint), header, []byte(url.Values{"token": {u.Token}}.Encode()))
	if err != nil {
		return nil, err
	}

	code, _ := response.Object["error"].(string)
	switch {
	case response.Status == http.StatusOK:
	case code == "unsupported_token_type":
		return nil, misconfigured("the provider does not introspect ID tokens (unsupported_token_type)",
			"this provider cannot be asked about ID tokens: use admin_get_user or push for it, "+
				"or set ServerSideTokenCheck to false")
	case response.Status == http.StatusUnauthorized, code == "invalid_client", code == "unauthorized_client":
		return nil, misconfigured("the provider does not accept this server's client",
			"correct client_id and client_secret of the user pool's status section, "+
				"and allow the client to introspect at the provider")
	default:
		return nil, misconfigured(fmt.Sprintf("the endpoint answers with status %d", response.Status),
			"check that endpoint in the user pool's status section is the provider's introspection endpoint, "+
				"and that it takes ID tokens")
	}

	active, stated := response.Object["active"].(bool)
	if !stated {
		return nil, misconfigured("the answer does not say whether the token is active",
			"check that endpoint in the user pool's status section is the provider's introspection endpoint")
	}
	if !active {
		return inactiveToken.With(), nil
	}

	// The answer's other members must fit; null counts as absent. aud is not checked: for
	// an ID token some providers put the receiver of the answer there.
	if subject := response.Object["sub"]; subject != nil && subject != any(u.Claims.Subject) {
		return otherUser.With(), nil
	}
	if issuer := response.Object["iss"]; issuer != nil && issuer != any(u.Claims.Issuer) {
		return otherIssuer.With(), nil
	}
	if expires := response.Object["exp"]; expires != nil && !i.later(expires) {
		return expiredToken.With(), nil
	}

	return nil, nil
}

// later reports whether a NumericDate is in the future, with the same tolerance as for
// the token itself.
func (i *introspection) later(value any) bool {
	number, isNumber := value.(json.Number)
	if !isNumber {
		return false
	}

	seconds, err := number.Float64()
	return err == nil && seconds < 1e12 && time.Unix(int64(seconds), 0).Add(idtoken.Skew).After(i.Now())
}
