package poolhouse_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// iam returns an IAM client that signs with the development keys.
func (s *testServer) iam() *iamclient.Client { return s.iamBy("test", "test", "") }

func (s *testServer) iamBy(id, secret, token string) *iamclient.Client {
	return iamclient.New(iamclient.Options{BaseEndpoint: &s.URL, Region: region, RetryMaxAttempts: 1, HTTPClient: &http.Client{Transport: wholeAnswers{}},
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, token)})
}

// wholeAnswers reads each answer to its end before the SDK sees it. The SDK closes
// its request's body as soon as there is an answer. An answer that came before
// net/http had looked for the body's end, as one from the same process may, would
// then lose its connection half-read.
type wholeAnswers struct{}

func (wholeAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer, err
}

const (
	iamBase      = "arn:aws:iam::000000000000:"
	accountAll   = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`
	accountTrust = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}]}`
	readPools    = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["cognito-identity:Describe*", "cognito-identity:List*"], "Resource": "*"}]}`
)

func iamTag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

// decoded is a document of an answer, which must be encoded as RFC 3986 has it.
func decoded(t *testing.T, document *string) string {
	t.Helper()
	if strings.ContainsAny(*document, " +{\"") {
		t.Errorf("document is not percent-encoded: %s", *document)
	}
	return must(url.PathUnescape(*document))(t)
}

func (s *testServer) newIAMRole(t *testing.T, name, trust string) *types.Role {
	t.Helper()
	return must(s.iam().CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}))(t).Role
}
