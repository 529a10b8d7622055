package cognitoidentity_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// BenchmarkServe measures the cost of a request inside the server, its log line
// included and the network left out:
//
//	go test -run xxx -bench Serve -benchmem .
func BenchmarkServe(b *testing.B) {
	s, pool := startHot(b, slog.New(slog.NewJSONHandler(io.Discard, nil)))
	logins := s.Logins(b, "alice")
	guest, user := s.GetID(b, pool, nil), s.GetID(b, pool, logins)
	for _, c := range []struct {
		name, operation string
		input           any
	}{
		{"GetIdKnownLogin", "GetId", ci.GetIdInput{IdentityPoolId: &pool, Logins: logins}},
		{"GetCredentialsGuest", "GetCredentialsForIdentity", ci.GetCredentialsForIdentityInput{IdentityId: &guest}},
		{"GetCredentialsUser", "GetCredentialsForIdentity",
			ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: logins}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, s, c.operation, c.input) })
	}
}

// startHot starts a server with a pool whose guests and users get credentials.
func startHot(b *testing.B, logger *slog.Logger) (s *wiretest.Server, pool string) {
	b.Helper()
	const pinned = "us-east-1:b64805ad-cb56-40ba-9ffc-f5d8207e6d42"
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pinned + `"},
		"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":["authenticated","unauthenticated"]}}}]}`
	s = wiretest.Start(b, func(c *poolhouse.Config) {
		c.Logger = logger
		c.Roles = []poolhouse.RoleConfig{{ARN: wiretest.GuestRole, TrustPolicy: trust},
			{ARN: wiretest.AuthenticatedRole, TrustPolicy: trust}}
	})
	pool = s.NewPool(b,
		func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"_custom_id_": pinned} })

	return s, pool
}

// benchmark makes the same call again and again, without a network.
func benchmark(b *testing.B, s *wiretest.Server, operation string, input any) {
	b.Helper()
	body, err := json.Marshal(input)
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.URL, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.RemoteAddr = "127.0.0.1:50000"
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)

	w := &discard{header: http.Header{}}
	b.ReportAllocs()

	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		clear(w.header)
		s.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}

// discard is a client that reads nothing of its answers.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
