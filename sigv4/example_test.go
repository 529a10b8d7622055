package sigv4_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsv4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/poolhouse-id/poolhouse/sigv4"
)

// A service that answers signed requests only, and a client that signs with the AWS SDK.
func Example() {
	verifier := &sigv4.Verifier{
		Credentials: func(_ context.Context, accessKeyID, sessionToken string) (string, error) {
			if accessKeyID != "AKIDEXAMPLE" || sessionToken != "" {
				return "", sigv4.ErrUnknownKey
			}
			return "example-secret", nil
		},
		Services: map[string]sigv4.Service{
			"cognito-identity": {},
			"sts":              {Presigned: sigv4.PresignedWindow},
		},
	}

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil {
			http.Error(w, "cannot read the body", http.StatusBadRequest)
			return
		}
		service := "cognito-identity" // a real service takes it from the operation

		caller, err := verifier.Verify(r, body, service)
		var refusal *sigv4.Error
		switch {
		case errors.As(err, &refusal):
			http.Error(w, string(refusal.Code), http.StatusForbidden)
		case err != nil:
			http.Error(w, "try again", http.StatusServiceUnavailable)
		default:
			fmt.Fprintf(w, "%s in %s", caller.AccessKeyID, caller.Region)
		}
	}))
	defer server.Close()

	call := func(secret string) {
		const body = `{"MaxResults":10}`
		r, err := http.NewRequest(http.MethodPost, server.URL, strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}

		r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.ListIdentityPools")
		hash := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
		credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}
		if err := awsv4.NewSigner().SignHTTP(r.Context(), credentials, r, hash, "cognito-identity", "eu-central-1",
			time.Now()); err != nil {
			fmt.Println(err)
			return
		}

		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()

		answer, err := io.ReadAll(resp.Body)
		fmt.Println(resp.StatusCode, strings.TrimSpace(string(answer)), err)
	}

	call("example-secret")
	call("a guess")
	// Output:
	// 200 AKIDEXAMPLE in eu-central-1 <nil>
	// 403 BadSignature <nil>
}
