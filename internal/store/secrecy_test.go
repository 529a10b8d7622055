package store_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// No token and no secret reaches the log, the decision traces, the metrics or,
// in clear, the data folder, in whatever way a call ends.
func TestSecretsStaySecret(t *testing.T) {
	idp := logintest.NewIssuer(t)
	logs := &wiretest.SafeBuffer{}
	folder := t.TempDir()
	var traces []poolhouse.Trace
	server, err := poolhouse.New(t.Context(), poolhouse.Config{
		DataDir: folder, IssuerURL: "https://id.example",
		OIDCProviders: []poolhouse.OIDCProviderConfig{
			{URL: idp.URL, ClientIDs: []string{"app"}, AllowHTTP: true, AllowPrivate: true},
		},
		Logger:  slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnTrace: func(t poolhouse.Trace) { traces = append(traces, t) },
	})
	if err != nil {
		t.Fatal(err)
	}

	web := httptest.NewServer(server)
	defer web.Close()

	key, made, err := server.FirstKey(t.Context())
	if err != nil || !made {
		t.Fatalf("the first start made no key: %v", err)
	}

	admin := ci.New(ci.Options{BaseEndpoint: &web.URL, Region: wiretest.Region, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, "")})
	loginKey := strings.TrimPrefix(idp.URL, "http://")
	pool := wiretest.Must(admin.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("p"),
		AllowUnauthenticatedIdentities: true,
		DeveloperProviderName:          aws.String("login.my.app"),
		OpenIdConnectProviderARNs:      []string{"arn:aws:iam::" + key.Account + ":oidc-provider/" + loginKey},
	}))(t)

	good := idp.Token(map[string]any{"aud": "app", "sub": "canary-subject-4711", "email": "canary@example.com"})
	canaries := []string{key.SecretAccessKey, good, "canary-subject-4711", "canary@example.com"}
	public := ci.New(ci.Options{
		BaseEndpoint:     &web.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	})
	guest := *wiretest.Must(
		public.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: pool.IdentityPoolId}),
	)(t).IdentityId
	// mixed up: whoever has a guest's ID is that guest
	_, err = public.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &guest})
	wiretest.WantError(t, err, "ResourceNotFoundException", "IdentityPool '"+guest+"' not found.")

	canaries = append(canaries, guest)
	for _, token := range []string{good, good + "x", wiretest.Flip(good), "canary-not-a-token",
		idp.Token(map[string]any{"aud": "other", "sub": "canary-subject-4711", "email": "canary@example.com"}),
		idp.Token(map[string]any{"aud": "app", "sub": "canary-subject-4711", "exp": 1}),
		idp.Token(map[string]any{"aud": "app", "sub": "canary-subject-4711", "iss": "https://other.example"})} {
		canaries = append(canaries, token)
		for _, provider := range []string{loginKey, "accounts.google.com", "cognito-identity.amazonaws.com"} {
			logins := map[string]string{provider: token}
			out, err := public.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: pool.IdentityPoolId, Logins: logins})
			if err != nil {
				continue
			}
			if issued, err := public.GetOpenIdToken(t.Context(),
				&ci.GetOpenIdTokenInput{IdentityId: out.IdentityId, Logins: logins}); err == nil {
				canaries = append(canaries, *issued.Token)
			}

			_, _ = public.GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: out.IdentityId, Logins: logins})
			_, _ = public.UnlinkIdentity(t.Context(), &ci.UnlinkIdentityInput{
				IdentityId:     out.IdentityId,
				Logins:         logins,
				LoginsToRemove: []string{"canary-provider"},
			})
		}
	}

	// Key and value swapped, where the pool has providers and where it has none.
	bare := wiretest.Must(admin.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("bare")}))(t)
	for _, secret := range []string{"1234-canaryToken;canarySecret", "EAAcanaryToken", "Atza|canaryToken",
		"canarytoken"} {
		canaries = append(canaries, secret)
		for _, id := range []*string{pool.IdentityPoolId, bare.IdentityPoolId} {
			_, err := public.GetId(t.Context(),
				&ci.GetIdInput{IdentityPoolId: id, Logins: map[string]string{secret: "api.twitter.com"}})
			wiretest.WantError(t, err, "NotAuthorizedException", "")
		}

		_, _ = public.GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{
			IdentityId: &guest,
			Logins:     map[string]string{secret: "api.twitter.com"},
		})
		_, _ = public.UnlinkIdentity(t.Context(), &ci.UnlinkIdentityInput{
			IdentityId:     &guest,
			Logins:         map[string]string{secret: "x"},
			LoginsToRemove: []string{secret},
		})
	}

	developer := wiretest.Must(admin.GetOpenIdTokenForDeveloperIdentity(t.Context(),
		&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: pool.IdentityPoolId,
			Logins: map[string]string{"login.my.app": "user"}}))(t)
	canaries = append(canaries, *developer.Token)
	_, _ = public.GetId(t.Context(), &ci.GetIdInput{
		IdentityPoolId: pool.IdentityPoolId,
		Logins:         map[string]string{"cognito-identity.amazonaws.com": *developer.Token},
	})

	wrong := ci.New(ci.Options{BaseEndpoint: &web.URL, Region: wiretest.Region, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, "canary-wrong-secret",
			"canary-session-token")})
	_, err = wrong.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
	wiretest.WantError(t, err, "UnrecognizedClientException", "")
	canaries = append(canaries, "canary-wrong-secret", "canary-session-token")

	metrics := httptest.NewRecorder()
	server.ServeHTTP(metrics, httptest.NewRequestWithContext(context.Background(), "GET", "/metrics", nil))
	web.Close()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if len(traces) == 0 || !strings.Contains(logs.String(), "GetOpenIdToken") {
		t.Fatal("nothing was logged or traced: the test proves nothing")
	}

	var steps strings.Builder
	for _, trace := range traces {
		steps.WriteString(trace.Message)

		for _, s := range trace.Steps {
			steps.WriteString(s.Expected + s.Got + s.Fix)
		}
	}

	for where, text := range map[string]string{"log": logs.String(), "traces": steps.String(),
		"metrics": metrics.Body.String()} {
		for _, canary := range canaries {
			if strings.Contains(text, canary) {
				t.Errorf("the %s shows %.20s…", where, canary)
			}
		}
	}

	// The data folder holds subjects, which are data, but no secret in clear.
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}

		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}

		for _, secret := range []string{key.SecretAccessKey, "PRIVATE KEY", rsaPKCS8, good, *developer.Token} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds %.20s… in clear", entry.Name(), secret)
			}
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rsaPKCS8 is how a private RSA key in PKCS #8 goes on after its length: version
// 0, then the algorithm (RFC 5208). A public key has no version there.
const rsaPKCS8 = "\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
