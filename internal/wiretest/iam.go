package wiretest

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// IAM returns an IAM client that signs with the development keys.
func (s *Server) IAM() *iamclient.Client { return s.IAMBy("test", "test", "") }

// IAMBy returns an IAM client that signs with the given keys.
func (s *Server) IAMBy(id, secret, token string) *iamclient.Client {
	return iamclient.New(iamclient.Options{
		BaseEndpoint:     &s.URL,
		Region:           Region,
		RetryMaxAttempts: 1,
		HTTPClient:       Connections,
		Credentials:      credentials.NewStaticCredentialsProvider(id, secret, token),
	})
}

// Policies, and the start of the home account's ARNs.
const (
	IAMBase      = "arn:aws:iam::000000000000:"
	AccountAll   = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`
	AccountTrust = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",` +
		` "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}]}`
	ReadPools = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",` +
		` "Action": ["cognito-identity:Describe*", "cognito-identity:List*"], "Resource": "*"}]}`
)

// IAMTag returns a tag of the IAM API.
func IAMTag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

// Decoded returns a document of an answer, which must be percent-encoded (RFC 3986).
func Decoded(t *testing.T, document *string) string {
	t.Helper()
	if strings.ContainsAny(*document, " +{\"") {
		t.Errorf("document is not percent-encoded: %s", *document)
	}
	return Must(url.PathUnescape(*document))(t)
}

// NewIAMRole makes a role by the IAM API.
func (s *Server) NewIAMRole(t *testing.T, name, trust string) *types.Role {
	t.Helper()
	return Must(s.IAM().CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName:                 &name,
		AssumeRolePolicyDocument: &trust,
	}))(t).Role
}
