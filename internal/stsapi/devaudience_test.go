package stsapi_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// No settings have the clients of the development issuer: the advice is about the command
// that makes its tokens.
func TestDevelopmentTokensOfOtherClients(t *testing.T) {
	w := startSTS(t)
	pool := w.NewPool(t)
	key := wiretest.DevInfo(w.Server).LoginKey

	calls := map[string]func(token string) error{
		"GetId": func(token string) error {
			_, err := w.Public().GetId(t.Context(),
				&ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{key: token}})
			return err
		},
		"AssumeRoleWithWebIdentity": func(token string) error {
			_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
				RoleArn:          aws.String(wiretest.RolePrefix + "path/Dev"),
				RoleSessionName:  aws.String("alice"),
				WebIdentityToken: &token,
			})
			return err
		},
	}

	for name, test := range map[string]struct {
		change func(*poolhouse.DevTokenRequest)
		code   explain.Code
	}{
		"audience": {func(r *poolhouse.DevTokenRequest) { r.Audience = "other" }, "token-audience-development"},
		"authorized party": {func(r *poolhouse.DevTokenRequest) { r.Claims = map[string]any{"azp": "other"} },
			"token-authorized-party-development"},
	} {
		for operation, call := range calls {
			t.Run(operation+", "+name, func(t *testing.T) {
				if err := call(w.Token(t, "alice", test.change)); err == nil {
					t.Fatal("accepted")
				}
				w.mu.Lock()
				step, _ := explain.Deciding(w.traces[len(w.traces)-1].Steps)
				w.mu.Unlock()

				if step.Code != test.code || !strings.Contains(step.Fix, "poolhouse dev token") ||
					strings.Contains(step.Fix, "settings") {
					t.Errorf("%+v", step)
				}
			})
		}
	}
}
