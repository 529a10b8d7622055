package wiretest

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

// KeyID returns the kid of a token.
func KeyID(t *testing.T, token string) string {
	t.Helper()
	header := Payload(t, "."+token)
	_, rest, ok := strings.Cut(header, `"kid":"`)
	if !ok {
		t.Fatalf("no kid in %s", header)
	}
	return rest[:strings.Index(rest, `"`)]
}

// FilesPool is the pool of a server with the settings of Files.
const FilesPool = "us-east-1:11111111-2222-3333-4444-555555555555"

// Policies of the roles of FilesPool.
const (
	FilesTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + FilesPool + `"}}}]}`
	FilesPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],
		"Resource":"arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*"}]}`
)

// Files configures a server whose pool's users may read and write the files under their
// identity ID, and whose guests may read the public files.
func Files(c *poolhouse.Config) {
	c.AcceptUnknownRoles, c.TokenAlgorithm = false, "ES256"
	c.Roles = []poolhouse.RoleConfig{
		{ARN: AuthenticatedRole, TrustPolicy: FilesTrust, Policies: map[string]string{"files": FilesPolicy}},
		{ARN: GuestRole, TrustPolicy: FilesTrust, Policies: map[string]string{
			"files": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
			"Action":"s3:GetObject","Resource":"arn:aws:s3:::files/public/*"}]}`,
		}},
	}

	c.Check = &poolhouse.CheckConfig{Routes: []poolhouse.CheckRoute{
		{Match: "GET /files/{path...}", Action: "s3:GetObject", Resource: "arn:aws:s3:::files/{path}"},
		{Match: "PUT /files/{path...}", Action: "s3:PutObject", Resource: "arn:aws:s3:::files/{path}"},
	}}
}

// User is an identity with credentials.
type User struct {
	ID  string
	Key aws.Credentials
}

// User signs a user, or a guest, in to FilesPool.
func (s *Server) User(t *testing.T, logins map[string]string) User {
	t.Helper()
	id := s.GetID(t, FilesPool, logins)
	c := Must(s.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{
		IdentityId: &id,
		Logins:     logins,
	}))(t).Credentials

	return User{
		ID: id,
		Key: aws.Credentials{
			AccessKeyID:     *c.AccessKeyId,
			SecretAccessKey: *c.SecretKey,
			SessionToken:    *c.SessionToken,
		},
	}
}

// FilesPool makes the pool FilesPool.
func (s *Server) FilesPool(t *testing.T) {
	t.Helper()
	s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.IdentityPoolTags = map[string]string{"_custom_id_": FilesPool}
	})
	Must(s.Admin().SetPrincipalTagAttributeMap(t.Context(), &ci.SetPrincipalTagAttributeMapInput{
		IdentityPoolId:       aws.String(FilesPool),
		IdentityProviderName: aws.String(DevInfo(s).LoginKey),
		UseDefaults:          aws.Bool(true),
	}))(t)
}

// UseRole gives the pool's users a role.
func (s *Server) UseRole(t *testing.T, pool, role string) {
	t.Helper()
	Must(s.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &pool,
		Roles:          map[string]string{"authenticated": role},
	}))(t)
}

// Signed returns a request to the files service, signed as by an AWS SDK.
func (u User) Signed(t *testing.T, method, url, body string, now time.Time) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(t.Context(), u.Key, r, hash, "execute-api", Region, now); err != nil {
		t.Fatal(err)
	}

	return r
}

// Asked returns the answer of forward auth to a proxy that asks about r.
func (s *Server) Asked(t *testing.T, r *http.Request, change ...func(*http.Request)) Answer {
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

	return Do(t, q)
}

// FilesURL is the address of the service behind forward auth.
const FilesURL = "https://files.example.com/files/"

// GuestPolicy returns a policy that allows action, with padding inside its text.
func GuestPolicy(action, padding string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `",` + padding +
		`"Resource":"*"}]}`
}
