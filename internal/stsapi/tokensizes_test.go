package stsapi_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// tokenOf returns a development token of the nearest length from size on, upwards or
// downwards: base64url does not have every length.
func tokenOf(t *testing.T, s *wiretest.Server, size, step int) string {
	t.Helper()

	for range 8 {
		filler := size / 2
		for range 64 {
			token := s.Token(t, "alice", func(r *poolhouse.DevTokenRequest) {
				r.Claims = map[string]any{"filler": strings.Repeat("f", filler)}
			})
			if len(token) == size {
				return token
			}
			more := (size - len(token)) * 3 / 4
			if more == 0 {
				break
			}
			filler += more
		}

		size += step
	}

	t.Fatalf("no token has about %d bytes", size)

	return ""
}

// Tokens as long as AWS's API allows are taken without any setting, 50,000 characters in
// Logins and 20,000 at STS. One that is longer is refused with the limit.
func TestTokenSizes(t *testing.T) {
	w := startSTS(t)
	pool := w.NewPool(t)
	key := wiretest.DevInfo(w.Server).LoginKey
	getID := func(token string) error {
		_, err := w.Public().GetId(t.Context(), &ci.GetIdInput{
			IdentityPoolId: &pool,
			Logins:         map[string]string{key: token},
		})
		return err
	}

	assume := func(token string) error {
		_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn:          aws.String(wiretest.RolePrefix + "path/Dev"),
			RoleSessionName:  aws.String("alice"),
			WebIdentityToken: &token,
		})
		return err
	}

	for name, test := range map[string]struct {
		call  func(string) error
		limit int
		code  string
		text  string
	}{
		"Logins": {getID, 50_000, "ValidationException", "less than or equal to 50000"},
		"STS":    {assume, 20_000, "ValidationError", "less than or equal to 20000"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.call(tokenOf(t, w.Server, test.limit, -1)); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			err := test.call(tokenOf(t, w.Server, test.limit+1, 1))
			wiretest.WantError(t, err, test.code, "")
			if err == nil || !strings.Contains(err.Error(), test.text) {
				t.Errorf("the error does not tell the limit: %v", err)
			}
		})
	}
}

// Claims of a development token enter it with the types that they have in the request.
func TestDevTokenClaims(t *testing.T) {
	s := wiretest.Start(t)
	post := func(body string) (int, string) {
		response, err := http.Post(s.URL+poolhouse.DevTokenPath, "application/json", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()

		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}

		return response.StatusCode, string(text)
	}

	claims := []string{
		`"n":0`, `"id":12345678901234567890123`, `"ok":true`, `"none":null`, `"text":"0"`, `"list":[1,"1"]`,
	}
	status, answer := post(`{"sub":"123","claims":{` + strings.Join(claims, ",") + `}}`)
	_, token, _ := strings.Cut(answer, `"token":"`)
	parts := strings.Split(token, ".")
	if status != http.StatusOK || len(parts) != 3 {
		t.Fatalf("%d %s", status, answer)
	}

	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}

	for _, claim := range append(claims, `"sub":"123"`) {
		if !strings.Contains(string(payload), claim) {
			t.Errorf("the claims %s lack %s", payload, claim)
		}
	}

	for name, body := range map[string]string{
		"not JSON":         `sub=alice`,
		"a subject of 123": `{"sub":123}`,
		"claims of a list": `{"sub":"a","claims":[1]}`,
		"NaN":              `{"sub":"a","claims":{"n":NaN}}`,
		"another member":   `{"sub":"a","claim":{}}`,
		"two objects":      `{"sub":"a"}{"sub":"b"}`,
		"too large":        `{"sub":"a","claims":{"x":"` + strings.Repeat("x", 70<<10) + `"}}`,
		"a claim of ours":  `{"sub":"a","claims":{"exp":0}}`,
	} {
		status, answer := post(body)
		told := strings.Contains(answer, "any JSON values") || strings.Contains(answer, "places of their own")
		if status != http.StatusBadRequest || !told {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}
