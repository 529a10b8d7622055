package store_test

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// warnsOf reports whether a warning in a log names something.
func warnsOf(log *wiretest.SafeBuffer, what string) bool {
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "level=WARN") && strings.Contains(line, what) {
			return true
		}
	}
	return false
}

// A database of before the stricter rules starts on either engine, names what no
// longer works, keeps what is right, and opens nothing that is refused today.
func TestUpgrade(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			dir := t.TempDir()
			facts := wiretest.OldDatabase(t, dir)
			database := ""
			if engine == "postgresql" {
				database = pgtest.URL(t)
				wiretest.RestoreOld(t, store.Options{URL: database})
			}

			began := func(log *wiretest.SafeBuffer) *wiretest.Tenants {
				t.Helper()

				return &wiretest.Tenants{Server: wiretest.Start(t, func(c *poolhouse.Config) {
					c.Dev, c.AcceptUnknownRoles, c.TokenAlgorithm = false, false, "ES256"
					c.MasterKey = wiretest.Must(hex.DecodeString(facts["master_key_hex"]))(t)
					c.Logger = slog.New(slog.NewTextHandler(log, nil))
					if c.DatabaseURL = database; database == "" {
						c.DataDir = dir
					}
				})}
			}

			var log wiretest.SafeBuffer
			w := began(&log)
			a := wiretest.Tenant{
				Server:  w.Server,
				Account: facts["account_a"],
				ID:      facts["key_a"],
				Secret:  facts["secret_a"],
			}

			for name, want := range map[string]bool{
				"role/PatternAud":                   true,
				"role/NotAnSTSAction":               true,
				"role/PrincipalMissing":             true,
				"role/NoSuchRole":                   true,
				"policy unknowable":                 true,
				"s3:ExistingObjectTag/class":        true,
				"role/TrustsLivingA lets nobody in": false,
				"role/TrustsLivingA":                false,
				"role/CorpUser":                     false,
			} {
				if warnsOf(&log, name) != want {
					t.Errorf("a warning names %s: %t, want %t\n%s", name, !want, want, log.String())
				}
			}

			for role, want := range map[string]string{"PatternAud": "AccessDenied", "TrustsLivingA": "",
				"NotAnSTSAction": "AccessDenied"} {
				wiretest.Equal(t, "a guest of A as "+role, w.Assume(t, facts["guest_a"], a.RoleARN(role)), want)
			}
			wiretest.Equal(t, "a guest of B as TrustsLivingB",
				w.Assume(t, facts["guest_b"], a.RoleARN("TrustsLivingB")), "")
			_, err := assumeRole(t, w, a, "NotAnSTSAction")
			wiretest.WantError(t, err, "AccessDenied", "")

			// A stored Deny of an old form goes on to deny.
			wiretest.Must(a.IAM().AttachRolePolicy(t.Context(),
				&iamclient.AttachRolePolicyInput{RoleName: aws.String("TrustsAccountRoot"),
					PolicyArn: aws.String("arn:aws:iam::" + a.Account + ":policy/Version2008")}))(t)
			wiretest.Must(a.IAM().PutRolePolicy(t.Context(),
				&iamclient.PutRolePolicyInput{RoleName: aws.String("TrustsAccountRoot"), PolicyName: aws.String("all"),
					PolicyDocument: aws.String(
						`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
					)}))(t)

			session := wiretest.Must(assumeRole(t, w, a, "TrustsAccountRoot"))(t).Credentials
			as := w.SignedBy(wiretest.Region, *session.AccessKeyId, *session.SecretAccessKey, *session.SessionToken)
			_, err = as.DeleteIdentityPool(t.Context(),
				&ci.DeleteIdentityPoolInput{IdentityPoolId: aws.String(facts["living_a"])})
			wiretest.WantError(t, err, "AccessDeniedException", "")
			if !strings.Contains(err.Error(), "with an explicit deny") {
				t.Errorf("DeleteIdentityPool: %v", err)
			}

			described := wiretest.Must(
				a.Pools().DescribeIdentityPool(t.Context(),
					&ci.DescribeIdentityPoolInput{IdentityPoolId: aws.String(facts["living_a"])}),
			)(t)
			if !strings.Contains(described.SupportedLoginProviders["api.twitter.com"], facts["consumer_secret"]) {
				t.Errorf("the consumer secret is %q", described.SupportedLoginProviders["api.twitter.com"])
			}
			if database == "" {
				wantNowhere(t, dir, facts["consumer_secret"])
			}
		})
	}
}

// assumeRole is AssumeRole by an account's root key.
func assumeRole(t *testing.T, w *wiretest.Tenants, a wiretest.Tenant, role string) (*sts.AssumeRoleOutput, error) {
	t.Helper()
	client := sts.New(sts.Options{
		BaseEndpoint:     &w.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		Credentials:      credentials.NewStaticCredentialsProvider(a.ID, a.Secret, ""),
	})

	return client.AssumeRole(t.Context(),
		&sts.AssumeRoleInput{RoleArn: aws.String(a.RoleARN(role)), RoleSessionName: aws.String("root")})
}

// wantNowhere looks for a secret in the files of a folder.
func wantNowhere(t *testing.T, dir, secret string) {
	t.Helper()
	files := wiretest.Must(os.ReadDir(dir))(t)
	if len(files) == 0 {
		t.Error("the folder is empty")
	}

	for _, file := range files {
		if content := wiretest.Must(os.ReadFile(filepath.Join(dir, file.Name())))(t); bytes.Contains(content,
			[]byte(secret)) {
			t.Errorf("%s holds the secret", file.Name())
		}
	}
}
