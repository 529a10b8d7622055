package poolhouse_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
)

// keyID is the kid of a token.
func keyID(t *testing.T, token string) string {
	t.Helper()
	header := payload(t, "."+token)
	_, rest, ok := strings.Cut(header, `"kid":"`)
	if !ok {
		t.Fatalf("no kid in %s", header)
	}
	return rest[:strings.Index(rest, `"`)]
}

const filesPool = "us-east-1:11111111-2222-3333-4444-555555555555"

const (
	filesTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + filesPool + `"}}}]}`
	filesPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],
		"Resource":"arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*"}]}`
)

// files configures a server whose pool's users may read and write the files
// under their own identity ID, and whose guests may read the public ones.
func files(c *poolhouse.Config) {
	c.AcceptUnknownRoles, c.TokenAlgorithm = false, "ES256"
	c.Roles = []poolhouse.RoleConfig{
		{ARN: authenticatedRole, TrustPolicy: filesTrust, Policies: map[string]string{"files": filesPolicy}},
		{ARN: guestRole, TrustPolicy: filesTrust, Policies: map[string]string{"files": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
			"Action":"s3:GetObject","Resource":"arn:aws:s3:::files/public/*"}]}`}},
	}
	c.Check = &poolhouse.CheckConfig{Routes: []poolhouse.CheckRoute{
		{Match: "GET /files/{path...}", Action: "s3:GetObject", Resource: "arn:aws:s3:::files/{path}"},
		{Match: "PUT /files/{path...}", Action: "s3:PutObject", Resource: "arn:aws:s3:::files/{path}"},
	}}
}

// user is an identity with credentials.
type user struct {
	id  string
	key aws.Credentials
}

func (s *testServer) user(t *testing.T, logins map[string]string) user {
	t.Helper()
	id := s.getID(t, filesPool, logins)
	c := must(s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins}))(t).Credentials
	return user{id, aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretKey, SessionToken: *c.SessionToken}}
}

func (s *testServer) filesPool(t *testing.T) {
	t.Helper()
	s.newPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.IdentityPoolTags = map[string]string{"_custom_id_": filesPool}
	})
	must(s.admin().SetPrincipalTagAttributeMap(t.Context(), &ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: aws.String(filesPool),
		IdentityProviderName: aws.String(devInfo(s).LoginKey), UseDefaults: aws.Bool(true)}))(t)
}

// useRole makes role that of the pool's users.
func (s *testServer) useRole(t *testing.T, pool, role string) {
	t.Helper()
	must(s.admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{IdentityPoolId: &pool, Roles: map[string]string{"authenticated": role}}))(t)
}

// signed makes a request to the files service, signed as an AWS SDK does.
func (u user) signed(t *testing.T, method, url, body string, now time.Time) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(t.Context(), u.key, r, hash, "execute-api", region, now); err != nil {
		t.Fatal(err)
	}
	return r
}

// asked is what a proxy that was told so asks the check endpoint about r.
func (s *testServer) asked(t *testing.T, r *http.Request, change ...func(*http.Request)) answer {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/check", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header = r.Header.Clone()
	q.Header.Set("X-Original-Method", r.Method)
	q.Header.Set("X-Original-URI", r.URL.RequestURI())
	q.Header.Set("X-Original-Host", r.URL.Host)
	if r.ContentLength > 0 {
		q.Header.Set("X-Original-Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	for _, f := range change {
		f(q)
	}
	return do(t, q)
}

const filesURL = "https://files.example.com/files/"

func guestPolicy(action, padding string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `",` + padding + `"Resource":"*"}]}`
}
