package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// answerTime is the longest time that any call takes, whatever state the database is in.
const answerTime = 5 * time.Second

// call is one call of one API.
type call struct {
	name string
	// byMemory: it is answered without the database.
	byMemory bool
	do       func() error
}

// failed makes an error of a raw answer that is none of success.
func failed(a wiretest.Answer) error {
	if a.Status < 400 {
		return nil
	}
	if a.Header.Get("X-Amzn-Requestid") == "" {
		return fmt.Errorf("an answer that is not the server's own: %d %s", a.Status, a.Body)
	}
	return &smithy.GenericAPIError{Code: fmt.Sprint(a.Status), Message: a.Body}
}

// While all of PostgreSQL's processes stand still, each API answers each call with an
// error of its own within five seconds; as soon as they go on, everything works.
func TestFrozenPostgreSQLHangsNobody(t *testing.T) {
	database, corp := pgtest.NewServer(t), logintest.NewIssuer(t)
	s := wiretest.Start(t, wiretest.Files, func(c *poolhouse.Config) {
		c.DatabaseURL, c.MasterKey = database.URL(), bytes.Repeat([]byte{7}, 32)
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{
			URL:          corp.URL,
			ClientIDs:    []string{"app"},
			AllowHTTP:    true,
			AllowPrivate: true,
		}}
	})

	calls := everyAPI(t, s, corp)
	for _, c := range calls {
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}

	database.Freeze()

	var group sync.WaitGroup
	for range 4 {
		for _, c := range calls {
			group.Go(func() {
				began := time.Now()
				err := c.do()
				if took := time.Since(began); took >= answerTime {
					t.Errorf("%s took %s", c.name, took)
				}

				var api smithy.APIError
				if !errors.As(err, &api) && !c.byMemory {
					t.Errorf("%s ended with %v, which is not an error of an API", c.name, err)
				}
			})
		}
	}

	group.Wait()
	database.Thaw()

	for _, c := range calls {
		began := time.Now()
		if err := c.do(); err != nil {
			t.Errorf("%s afterwards: %v", c.name, err)
		}
		if took := time.Since(began); took >= answerTime {
			t.Errorf("%s afterwards took %s", c.name, took)
		}
	}
}

// everyAPI makes what the calls need.
func everyAPI(t *testing.T, s *wiretest.Server, corp *logintest.Issuer) []call {
	t.Helper()
	s.FilesPool(t)
	pool, logins := wiretest.FilesPool, s.Logins(t, "alice")
	alice := s.User(t, logins)
	ctx := t.Context()
	sdk := func(name string, do func(context.Context) error) call {
		return call{name: name, do: func() error { return do(ctx) }}
	}

	get := func(name, path string, byMemory bool) call {
		return call{name: name, byMemory: byMemory, do: func() error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
			if err != nil {
				return err
			}
			return failed(wiretest.Do(t, request))
		}}
	}

	return []call{
		sdk("GetId of a guest", func(ctx context.Context) error {
			_, err := s.Public().GetId(ctx, &ci.GetIdInput{IdentityPoolId: &pool})
			return err
		}),
		sdk("GetId", func(ctx context.Context) error {
			_, err := s.Public().GetId(ctx, &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
			return err
		}),
		sdk("GetOpenIdToken", func(ctx context.Context) error {
			_, err := s.Public().GetOpenIdToken(ctx, &ci.GetOpenIdTokenInput{IdentityId: &alice.ID, Logins: logins})
			return err
		}),
		sdk("GetCredentialsForIdentity", func(ctx context.Context) error {
			_, err := s.Public().GetCredentialsForIdentity(ctx,
				&ci.GetCredentialsForIdentityInput{IdentityId: &alice.ID, Logins: logins})
			return err
		}),
		sdk("GetOpenIdTokenForDeveloperIdentity", func(ctx context.Context) error {
			_, err := s.Admin().GetOpenIdTokenForDeveloperIdentity(ctx, &ci.GetOpenIdTokenForDeveloperIdentityInput{
				IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": "bob"}})
			return err
		}),
		sdk("CreateIdentityPool and DeleteIdentityPool", func(ctx context.Context) error {
			made, err := s.Admin().CreateIdentityPool(ctx,
				&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("short")})
			if err == nil {
				_, err = s.Admin().DeleteIdentityPool(ctx,
					&ci.DeleteIdentityPoolInput{IdentityPoolId: made.IdentityPoolId})
			}
			return err
		}),
		sdk("SetIdentityPoolRoles", func(ctx context.Context) error {
			_, err := s.Admin().SetIdentityPoolRoles(ctx, &ci.SetIdentityPoolRolesInput{IdentityPoolId: &pool,
				Roles: map[string]string{"authenticated": wiretest.AuthenticatedRole,
					"unauthenticated": wiretest.GuestRole}})
			return err
		}),
		sdk("ListIdentities", func(ctx context.Context) error {
			_, err := s.Admin().ListIdentities(ctx,
				&ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(10)})
			return err
		}),
		sdk("DeleteIdentities", func(ctx context.Context) error {
			out, err := s.Admin().DeleteIdentities(ctx, &ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{
				"us-east-1:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "us-east-1:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeef"}})
			if err == nil && len(out.UnprocessedIdentityIds) > 0 && out.UnprocessedIdentityIds[0].ErrorCode ==
				types.ErrorCodeInternalServerError {
				err = &smithy.GenericAPIError{Code: "InternalServerError"}
			}
			return err
		}),
		{name: "STS GetCallerIdentity by a session", byMemory: true, do: func() error { // for two seconds
			_, err := s.Whoami(t, alice.Key.AccessKeyID, alice.Key.SecretAccessKey, alice.Key.SessionToken)
			return err
		}},
		{name: "STS GetCallerIdentity by a key", byMemory: true, do: func() error { // for some seconds
			_, err := s.Whoami(t, "test", "test", "")
			return err
		}},
		sdk("STS AssumeRoleWithWebIdentity", func(ctx context.Context) error {
			token, err := s.Public().GetOpenIdToken(ctx, &ci.GetOpenIdTokenInput{IdentityId: &alice.ID, Logins: logins})
			if err != nil {
				return err
			}

			_, err = sts.New(sts.Options{BaseEndpoint: &s.URL, Region: wiretest.Region, RetryMaxAttempts: 1}).
				AssumeRoleWithWebIdentity(ctx,
					&sts.AssumeRoleWithWebIdentityInput{
						RoleArn:          aws.String(wiretest.AuthenticatedRole),
						RoleSessionName:  aws.String("session"),
						WebIdentityToken: token.Token,
					})
			var api smithy.APIError
			if errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied") { // the enhanced flow's role
				return nil
			}

			return err
		}),
		sdk("IAM ListRoles", func(ctx context.Context) error {
			_, err := s.IAM().ListRoles(ctx, &iamclient.ListRolesInput{})
			return err
		}),
		sdk("IAM CreateOpenIDConnectProvider and its deletion", func(ctx context.Context) error {
			made, err := s.IAM().CreateOpenIDConnectProvider(ctx, &iamclient.CreateOpenIDConnectProviderInput{
				Url: aws.String("https://short.example.com"), ClientIDList: []string{"app"}})
			if err == nil {
				_, err = s.IAM().DeleteOpenIDConnectProvider(ctx,
					&iamclient.DeleteOpenIDConnectProviderInput{
						OpenIDConnectProviderArn: made.OpenIDConnectProviderArn,
					})
			}

			return err
		}),
		{name: "admin API", do: func() error {
			return failed(s.AdminCall(t, "RevokeSessions", `{"RoleArn":"arn:aws:iam::000000000000:role/Nobody"}`))
		}},
		{name: "forward auth", byMemory: true, do: func() error { // for two seconds
			return failed(s.Asked(t, alice.Signed(t, http.MethodGet, wiretest.FilesURL+alice.ID+"/a", "", time.Now())))
		}},
		{name: "sign-out receiver", do: func() error {
			token := wiretest.Event(corp, "logout+jwt", fmt.Sprint(time.Now().UnixNano()),
				map[string]any{"sub": "carol", "aud": "app",
					"events": map[string]any{wiretest.LogoutEvent: map[string]any{}},
					"exp":    time.Now().Add(time.Minute).Unix()})
			return failed(s.BackChannelLogout(t, strings.TrimPrefix(corp.URL, "http://"), token))
		}},
		get("discovery", "/.well-known/openid-configuration", true),
		get("key set", "/.well-known/jwks_uri", true),
		get("metrics", "/metrics", true),
		get("liveness", "/healthz", true),
	}
}
