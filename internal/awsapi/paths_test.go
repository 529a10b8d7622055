package awsapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// The APIs answer at any path, as clients put any into their endpoint, and never send
// elsewhere: SDKs do not follow.
func TestAPIsAnswerAtAnyPath(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	for _, path := range []string{
		"/", "//", "///", "/x", "/x/", "//x", "/x//", "/x//y", "/./", "/../", "/x/..", "/x/../", "/%2F", "/healthz",
		"/healthz/", "//healthz",
	} {
		status, body := exactly(t, s, http.MethodPost, path, `{"IdentityPoolId":"`+pool+`"}`)
		if status != http.StatusOK || !strings.Contains(body, "IdentityId") {
			t.Errorf("POST %s: %d %s", path, status, body)
		}
	}

	// Presigned calls of the Query protocol are GETs.
	presigner := sts.NewPresignClient(sts.New(sts.Options{
		Region:       wiretest.Region,
		BaseEndpoint: &s.URL,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	}))
	signed := wiretest.Must(presigner.PresignGetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t).URL

	_, query, _ := strings.Cut(signed, "?")
	for _, path := range []string{"/", "//", "///"} {
		status, body := exactly(t, s, http.MethodGet, path+"?"+query, "")
		if status != http.StatusOK || !strings.Contains(body, "GetCallerIdentityResult") {
			t.Errorf("GET %s: %d %s", path, status, body)
		}
	}
}

// exactly calls GetId at a target as it is written, and follows no redirect.
func exactly(t *testing.T, s *wiretest.Server, method, target, body string) (status int, answer string) {
	t.Helper()
	request := wiretest.Must(http.NewRequestWithContext(t.Context(), method, s.URL, strings.NewReader(body)))(t)
	request.URL.Opaque = "//" + request.URL.Host + target
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
		request.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetId")
	}

	response := wiretest.Must(http.DefaultTransport.RoundTrip(request))(t)
	defer response.Body.Close()

	return response.StatusCode, string(wiretest.Must(io.ReadAll(response.Body))(t))
}
