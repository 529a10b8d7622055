package sigv4

import (
	"net/http"
	"strings"
	"testing"
)

// The key that a request names is read however broken the rest is, and nothing else is
// taken for it.
func TestUnverifiedKey(t *testing.T) {
	const scope = "/20260101/us-east-1/s3/aws4_request"
	for name, test := range map[string]struct {
		authorization, token, query string
		key, session                string
	}{
		"header": {authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE" + scope +
			", SignedHeaders=host, Signature=00", key: "AKIDEXAMPLE"},
		"with a token": {authorization: "AWS4-HMAC-SHA256 SignedHeaders=host,Credential=AKIDEXAMPLE" +
			scope, token: "T", key: "AKIDEXAMPLE", session: "T"},
		"another algorithm": {authorization: "AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE" + scope,
			key: "AKIDEXAMPLE"},
		"without a scope":      {authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE", key: "AKIDEXAMPLE"},
		"without a credential": {authorization: "AWS4-HMAC-SHA256 Signature=00"},
		"query": {query: "X-Amz-Credential=AKIDEXAMPLE" + strings.ReplaceAll(scope, "/",
			"%2F") + "&X-Amz-Security-Token=T", key: "AKIDEXAMPLE", session: "T"},
		"header and query": {authorization: "AWS4-HMAC-SHA256 Credential=FIRST" + scope,
			query: "X-Amz-Credential=SECOND", key: "FIRST"},
		"a repeated parameter": {query: "X-Amz-Credential=A&X-Amz-Credential=B"},
		"another scheme":       {authorization: "Bearer Credential=AKIDEXAMPLE" + scope},
		"nothing":              {},
		"a header without end": {authorization: "AWS4-HMAC-SHA256 Credential=" + strings.Repeat("A",
			maxAuthorization)},
		"a token without end": {authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE" + scope,
			token: strings.Repeat("T", maxToken+1), key: "AKIDEXAMPLE"},
		"a query that is not one": {query: "%zz"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com/?"+test.query, nil)
		if name == "a query that is not one" {
			r, err = http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com/", nil)
			r.URL.RawQuery = test.query
		}

		if err != nil {
			t.Fatal(err)
		}
		if test.authorization != "" {
			r.Header.Set("Authorization", test.authorization)
		}
		if test.token != "" {
			r.Header.Set("X-Amz-Security-Token", test.token)
		}

		if key, session := UnverifiedKey(r); key != test.key || session != test.session {
			t.Errorf("%s: %q, %q", name, key, session)
		}
	}
}
