package poolhouse_test

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

// boundServer is a server with callers of every kind that a policy bounds.
type boundServer struct {
	*testServer
	dir  string
	keys *iam.AccessKeys
	made int
}

func startBound(t *testing.T) *boundServer {
	t.Helper()
	dir, master := t.TempDir(), bytes.Repeat([]byte{9}, 32)
	s := start(t, func(c *poolhouse.Config) { c.DataDir, c.MasterKey, c.TokenAlgorithm = dir, master, "ES256" })
	db := must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	t.Cleanup(func() { _ = db.Close() })
	return &boundServer{testServer: s, dir: dir, keys: must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db, Sealer: must(envelope.New(master))(t)}))(t)}
}

const allowAllStatement = `{"Effect":"Allow","Action":"*","Resource":"*"}`

func policyOf(statements string) string {
	return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
}

// callers returns one of each kind whose policies have the statements.
func (s *boundServer) callers(t *testing.T, statements string) map[string]aws.Credentials {
	t.Helper()
	s.made++
	text := policyOf(statements)
	key, secret, err := s.keys.Create(t.Context(), iam.NewAccessKey{Account: identitypool.AccountID(s.Account()), Policy: text})
	if err != nil {
		t.Fatal(err)
	}
	boundary := must(s.iam().CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{PolicyName: aws.String(fmt.Sprint("bound-", s.made)), PolicyDocument: &text}))(t).Policy.Arn
	trust := policyOf(`{"Effect":"Allow","Principal":{"AWS":"` + s.Account() + `"},"Action":["sts:AssumeRole","sts:TagSession"]}`)
	assume := func(kind, inline string, boundary, session *string) aws.Credentials {
		name := fmt.Sprint(strings.ReplaceAll(kind, " ", "-"), "-", s.made)
		role := must(s.iam().CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust, PermissionsBoundary: boundary}))(t).Role
		must(s.iam().PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: &name, PolicyName: &name, PolicyDocument: &inline}))(t)
		client := sts.New(sts.Options{Region: region, BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
		c := must(client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: role.Arn, RoleSessionName: aws.String("s1"), Policy: session}))(t).Credentials
		return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
	}
	all := policyOf(allowAllStatement)
	return map[string]aws.Credentials{
		"access key":     {AccessKeyID: key.ID, SecretAccessKey: secret},
		"role session":   assume("role session", text, nil, nil),
		"boundary":       assume("boundary", all, boundary, nil),
		"session policy": assume("session policy", all, nil, &text),
	}
}

// call posts an operation, signed with a key.
func (s *boundServer) call(t *testing.T, key aws.Credentials, operation string, body map[string]any) (refused bool, got answer) {
	t.Helper()
	return callIn(t, s, region, key, operation, body)
}

// callIn posts an operation, signed with a key for a region.
func callIn(
	t *testing.T, s *boundServer, region string, key aws.Credentials, operation string, body map[string]any,
) (refused bool, got answer) {
	t.Helper()
	text := string(must(json.Marshal(body))(t))
	got = s.raw(t, "", text, false, func(r *http.Request) {
		service := "cognito-identity"
		if name, admin := strings.CutPrefix(operation, "PoolhouseAdmin."); admin {
			service = "poolhouse"
			r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+name)
		} else {
			r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
		}
		sum := sha256.Sum256([]byte(text))
		if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
			t.Fatal(err)
		}
	})
	if got.status >= 500 {
		t.Errorf("%s: %d %s", operation, got.status, got.body)
	}
	return strings.Contains(got.header.Get("x-amzn-ErrorType")+got.body, "AccessDenied"), got
}

// taggedPool makes a pool with tags and one identity.
func (s *boundServer) taggedPool(t *testing.T, tags map[string]string) (pool, identity string) {
	t.Helper()
	pool = s.newPool(t, func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = tags })
	return pool, s.getID(t, pool, nil)
}
