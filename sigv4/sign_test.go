package sigv4

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsv4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// What Sign signs, AWS's signer signs alike, and the verifier takes.
func TestSign(t *testing.T) {
	for name, c := range map[string]struct{ method, url, body, token string }{
		"call":    {"POST", "https://cognito-idp.us-east-1.amazonaws.com/", `{"UserPoolId":"us-east-1_a"}`, ""},
		"session": {"POST", "http://127.0.0.1:9229/", `{}`, "a token"},
		"no path": {"POST", "https://idp.example:8443", "", ""},
		"path":    {"POST", "https://idp.example/a b/ü", "x", ""},
		"query":   {"GET", "https://idp.example/?b=2&a=1+%3B&c", "", testToken},
	} {
		t.Run(name, func(t *testing.T) {
			request := func() *http.Request {
				r, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/x-amz-json-1.1")
				r.Header.Set("X-Amz-Target", "  AWSCognitoIdentityProviderService.AdminGetUser ")
				return r
			}

			ours, theirs := request(), request()
			k := Credentials{testKey, testSecret, c.token}
			if err := Sign(ours, []byte(c.body), k, "us-east-1", "cognito-idp", testTime); err != nil {
				t.Fatal(err)
			}

			hash := sum256(c.body)
			theirs.ContentLength = 0 // AWS's signer would sign the length, too
			if err := awsv4.NewSigner().SignHTTP(t.Context(),
				aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey,
					SessionToken: k.SessionToken},
				theirs, hex.EncodeToString(hash[:]), "cognito-idp", "us-east-1", testTime); err != nil {
				t.Fatal(err)
			}

			if got, want := ours.Header.Get("Authorization"), theirs.Header.Get("Authorization"); got != want {
				t.Errorf("Authorization = %s\nAWS's signer    %s", got, want)
			}
			v := newVerifier()
			v.Services["cognito-idp"] = Service{}
			v.Credentials = func(context.Context, string, string) (string, error) { return testSecret, nil }
			received := ours.Clone(t.Context())
			received.RequestURI = received.URL.RequestURI()
			if _, err := v.Verify(received, []byte(c.body), "cognito-idp"); err != nil {
				t.Errorf("Verify: %v", err)
			}
		})
	}

	r, _ := http.NewRequestWithContext(t.Context(), "POST", "https://idp.example", nil)
	r.Header["X-Amz-Target"] = []string{"a\nhost:evil"}
	if err := Sign(r, nil, Credentials{testKey, testSecret, ""}, "us-east-1", "s", testTime); err == nil {
		t.Error("a header with a line break is signed")
	}
}
