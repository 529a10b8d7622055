package userstatus

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// adminGetUser asks with AdminGetUser of the user pools API
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminGetUser.html).
// It detects users who were disabled or deleted, but not those who signed out everywhere.
type adminGetUser struct {
	Config
	Options
}

// allowedStatus are the states in which a user may have signed in. ARCHIVED and
// COMPROMISED are missing on purpose, and so is every unknown state.
var allowedStatus = map[string]bool{
	"CONFIRMED":             true,
	"EXTERNAL_PROVIDER":     true,
	"FORCE_CHANGE_PASSWORD": true,
	"RESET_REQUIRED":        true,
	"UNCONFIRMED":           true,
}

// username returns the user's name in the pool, which may differ from sub.
func username(u User) string {
	name, _ := u.Claims.All["cognito:username"].(string)
	return cmp.Or(name, u.Claims.Subject)
}

func (a *adminGetUser) same(u User) string {
	return u.Provider + "\x00" + u.Claims.Subject + "\x00" + username(u)
}

func (a *adminGetUser) ask(ctx context.Context, u User) (*explain.Refusal, error) {
	pool := u.Provider[strings.LastIndexByte(u.Provider, '/')+1:]
	endpoint := a.Endpoint
	at, atAWS := identitypool.ParseUserPool(u.Provider)

	switch {
	case endpoint != "":
	case !atAWS:
		return nil, misconfigured("the user pool is not at AWS, and its endpoint is not known",
			"set endpoint in the user pool's status section")
	default:
		endpoint = "https://" + at.Host + "/"
	}

	ofID, _, _ := strings.Cut(pool, "_")
	region := cmp.Or(a.Region, at.Region, ofID)

	body, err := json.Marshal(map[string]string{"UserPoolId": pool, "Username": username(u)})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, misconfigured("the endpoint is not an address",
			"correct endpoint in the user pool's status section")
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.AdminGetUser")
	keys := sigv4.Credentials{AccessKeyID: a.AccessKeyID, SecretAccessKey: string(a.SecretAccessKey)}
	if err := sigv4.Sign(request, body, keys, region, "cognito-idp", a.Now()); err != nil {
		return nil, err
	}

	response, err := post(ctx, a.Asker, a.endpoint(endpoint), request.Header, body)
	if err != nil {
		return nil, err
	}
	if response.Status == http.StatusOK {
		return judgeUser(response, u)
	}

	switch name := errorType(response); name {
	case "UserNotFoundException":
		return unknownUser.With(), nil
	case "ResourceNotFoundException":
		return nil, misconfigured("the endpoint does not know the user pool",
			"correct the provider name or the endpoint of the user pool in the settings")
	case "NotAuthorizedException", "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
		"SignatureDoesNotMatch", "InvalidClientTokenId", "MissingAuthenticationTokenException":
		return nil, misconfigured("the endpoint does not let this server ask ("+name+")",
			"correct access_key_id and secret_access_key of the user pool's status section, "+
				"and allow the key cognito-idp:AdminGetUser on the user pool")
	default:
		return nil, misconfigured(
			fmt.Sprintf("the endpoint answers with status %d and no error that is known", response.Status),
			"check that endpoint in the user pool's status section is a user pools API with AdminGetUser")
	}
}

// judgeUser reads the pool's answer about a user that it knows.
func judgeUser(response outbound.Response, u User) (*explain.Refusal, error) {
	enabled, stated := response.Object["Enabled"].(bool)
	status, _ := response.Object["UserStatus"].(string)
	if !stated || status == "" {
		return nil, misconfigured("the answer does not say whether the user is enabled",
			"check that endpoint in the user pool's status section is a user pools API with AdminGetUser")
	}

	switch {
	case !enabled:
		return disabledUser.With(), nil
	case !allowedStatus[status]:
		return otherStatus.With(), nil
	case anotherUser(response, u.Claims.Subject):
		return renamedUser.With(), nil
	}

	return nil, nil
}

// anotherUser reports whether the answer is not about the token's user: the answers of
// user pools always contain the sub, once.
func anotherUser(response outbound.Response, subject string) bool {
	attributes, _ := response.Object["UserAttributes"].([]any)

	found := 0
	for _, a := range attributes {
		attribute, _ := a.(map[string]any)
		if name, _ := attribute["Name"].(string); name == "sub" {
			value, _ := attribute["Value"].(string)
			if value != subject {
				return true
			}
			found++
		}
	}

	return found != 1
}
