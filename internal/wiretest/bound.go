package wiretest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// BoundServer is a server with callers of every kind that a policy can limit.
type BoundServer struct {
	*Server
	Dir  string
	Keys *iam.AccessKeys
	Made int
}

// StartBound runs a server with its data in a folder.
func StartBound(t *testing.T) *BoundServer {
	t.Helper()
	dir, master := t.TempDir(), bytes.Repeat([]byte{9}, 32)
	s := Start(t, func(c *poolhouse.Config) { c.DataDir, c.MasterKey, c.TokenAlgorithm = dir, master, "ES256" })
	db := Must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	t.Cleanup(func() { _ = db.Close() })

	return &BoundServer{
		Server: s,
		Dir:    dir,
		Keys: Must(iam.NewAccessKeys(iam.AccessKeyOptions{
			Store:  db,
			Sealer: Must(envelope.New(master))(t),
		}))(t),
	}
}

// AllowAllStatement is a policy statement that allows everything.
const AllowAllStatement = `{"Effect":"Allow","Action":"*","Resource":"*"}`

// PolicyOf returns a policy document with the statements.
func PolicyOf(statements string) string {
	return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
}

// Callers returns a caller of each kind, whose policies have the statements.
func (s *BoundServer) Callers(t *testing.T, statements string) map[string]aws.Credentials {
	t.Helper()
	s.Made++
	text := PolicyOf(statements)
	key, secret, err := s.Keys.Create(t.Context(), iam.NewAccessKey{
		Account: identitypool.AccountID(s.Account()),
		Policy:  text,
	})
	if err != nil {
		t.Fatal(err)
	}

	boundary := Must(s.IAM().CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{
		PolicyName:     aws.String(fmt.Sprint("bound-", s.Made)),
		PolicyDocument: &text,
	}))(t).Policy.Arn
	trust := PolicyOf(`{"Effect":"Allow","Principal":{"AWS":"` + s.Account() +
		`"},"Action":["sts:AssumeRole","sts:TagSession"]}`)
	assume := func(kind, inline string, boundary, session *string) aws.Credentials {
		name := fmt.Sprint(strings.ReplaceAll(kind, " ", "-"), "-", s.Made)
		role := Must(s.IAM().CreateRole(t.Context(), &iamclient.CreateRoleInput{
			RoleName:                 &name,
			AssumeRolePolicyDocument: &trust,
			PermissionsBoundary:      boundary,
		}))(t).Role
		Must(s.IAM().PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{
			RoleName:       &name,
			PolicyName:     &name,
			PolicyDocument: &inline,
		}))(t)

		client := sts.New(sts.Options{
			Region:       Region,
			BaseEndpoint: &s.URL,
			Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		})
		c := Must(client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn:         role.Arn,
			RoleSessionName: aws.String("s1"),
			Policy:          session,
		}))(t).Credentials

		return aws.Credentials{
			AccessKeyID:     *c.AccessKeyId,
			SecretAccessKey: *c.SecretAccessKey,
			SessionToken:    *c.SessionToken,
		}
	}

	all := PolicyOf(AllowAllStatement)

	return map[string]aws.Credentials{
		"access key":     {AccessKeyID: key.ID, SecretAccessKey: secret},
		"role session":   assume("role session", text, nil, nil),
		"boundary":       assume("boundary", all, boundary, nil),
		"session policy": assume("session policy", all, nil, &text),
	}
}

// Call posts an operation, signed with a key.
func (s *BoundServer) Call(
	t *testing.T, key aws.Credentials, operation string, body map[string]any,
) (refused bool, got Answer) {
	t.Helper()
	return CallIn(t, s, Region, key, operation, body)
}

// CallIn posts an operation, signed with a key for a region.
func CallIn(
	t *testing.T, s *BoundServer, region string, key aws.Credentials, operation string, body map[string]any,
) (refused bool, got Answer) {
	t.Helper()
	text := string(Must(json.Marshal(body))(t))
	got = s.Raw(t, "", text, false, func(r *http.Request) {
		service := "cognito-identity"
		if name, admin := strings.CutPrefix(operation, "PoolhouseAdmin."); admin {
			service = "poolhouse"
			r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+name)
		} else {
			r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
		}
		sum := sha256.Sum256([]byte(text))

		if err := v4.NewSigner().SignHTTP(
			t.Context(), key, r, hex.EncodeToString(sum[:]), service, region, time.Now(),
		); err != nil {
			t.Fatal(err)
		}
	})
	if got.Status >= 500 {
		t.Errorf("%s: %d %s", operation, got.Status, got.Body)
	}

	return strings.Contains(got.Header.Get("x-amzn-ErrorType")+got.Body, "AccessDenied"), got
}

// TaggedPool makes a pool with tags and one identity.
func (s *BoundServer) TaggedPool(t *testing.T, tags map[string]string) (pool, identity string) {
	t.Helper()
	pool = s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = tags })
	return pool, s.GetID(t, pool, nil)
}
