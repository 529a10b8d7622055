package overload_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/stsapi"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Each operation is in the class of what it waits for: a new one that is public, or
// that signs tokens, has its row here.
func TestOperationClasses(t *testing.T) {
	classes := map[string]overload.Class{ // of all others: overload.Administration
		"GetId":                              overload.Writes,
		"UnlinkIdentity":                     overload.Writes,
		"GetOpenIdToken":                     overload.Signing,
		"GetOpenIdTokenForDeveloperIdentity": overload.Signing,
		"GetCredentialsForIdentity":          overload.Reads,
		"AssumeRoleWithWebIdentity":          overload.Reads,
		"AssumeRoleWithSAML":                 overload.Reads,
		"GetWebIdentityToken":                overload.Signing,
	}

	check := func(operations []awsapi.Operation) {
		t.Helper()

		for _, op := range operations {
			want, named := classes[op.Name()]
			if !named {
				want = overload.Administration
			}
			if op.Class() != want {
				t.Errorf("%s is in class %s, want %s", op.Name(), op.Class(), want)
			}
			if !op.Signed() && op.Class() == overload.Administration {
				t.Errorf("%s is public and in the class of administration", op.Name())
			}
		}
	}

	query := append(stsapi.NewAPI(stsapi.APIOptions{}).Operations(), iamapi.New(iamapi.Options{}).Operations()...)
	check(cognitoidentity.New(cognitoidentity.Options{}).Operations())
	check(query)

	// The headers of AWS Query do not name the operation, only whether it is signed. Signing is not what
	// they say: these calls are admitted again when their bodies are read.
	for _, op := range query {
		want := overload.Reads
		if op.Signed() {
			want = overload.Administration
		}
		if op.Class() != want && op.Class() != overload.Signing {
			t.Errorf("%s is in class %s; its headers say %s", op.Name(), op.Class(), want)
		}
	}

	// Where another STS gives the credentials, it reads a token of ours.
	classes["GetCredentialsForIdentity"] = overload.Signing
	check(cognitoidentity.New(cognitoidentity.Options{CredentialsByToken: true}).Operations())
}

// While signatures wait too long, calls that need one are refused, and everything
// else goes on: durable writes, reads, administration, health, keys and metrics,
// which show the refusals.
func TestOverloadedSigner(t *testing.T) {
	// longer than a busy machine delays anything
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.MaxWait = time.Second })
	ctx, client := t.Context(), s.Public()
	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.AllowClassicFlow = aws.Bool(true) })
	guest := s.GetID(t, pool, nil)
	token := func() error {
		_, err := client.GetOpenIdToken(ctx, &ci.GetOpenIdTokenInput{IdentityId: &guest})
		return err
	}
	if err := token(); err != nil {
		t.Fatal(err)
	}

	wiretest.Must(s.IAM().EnableOutboundWebIdentityFederation(ctx,
		&iamclient.EnableOutboundWebIdentityFederationInput{}))(t)
	keys := sts.New(sts.Options{
		BaseEndpoint:     &s.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	wanted := &sts.GetWebIdentityTokenInput{Audience: []string{"service"}, SigningAlgorithm: aws.String("RS256")}
	wiretest.Must(keys.GetWebIdentityToken(ctx, wanted))(t)

	queue := issuer.SigningQueue() // of the process: other tests' servers refuse nobody
	tickets := make([]overload.Ticket, 100000)
	for i := range tickets {
		tickets[i] = queue.Enter()
	}

	empty := sync.OnceFunc(func() {
		for _, ticket := range tickets {
			queue.Drop(ticket)
		}
	})
	defer empty()

	wiretest.WantError(t, token(), "TooManyRequestsException", "Rate exceeded")
	_, err := s.Admin().GetOpenIdTokenForDeveloperIdentity(ctx, &ci.GetOpenIdTokenForDeveloperIdentityInput{
		IdentityPoolId: &pool,
		Logins:         map[string]string{"login.example": "u"},
	})
	wiretest.WantError(t, err, "TooManyRequestsException", "Rate exceeded")
	_, err = keys.GetWebIdentityToken(ctx, wanted)
	wiretest.WantError(t, err, "Throttling", "Rate exceeded")
	s.GetID(t, pool, nil)
	wiretest.Must(s.Admin().DescribeIdentityPool(ctx, &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}))(t)
	wiretest.Must(s.Whoami(t, "test", "test", ""))(t)

	metrics := ""
	for _, path := range []string{
		"/healthz", "/readyz", "/.well-known/jwks.json", "/.well-known/openid-configuration", "/metrics",
	} {
		a := wiretest.Do(t, wiretest.Must(http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil))(t))
		wiretest.Equal(t, path, a.Status, http.StatusOK)
		metrics = a.Body
	}

	for _, line := range []string{
		`poolhouse_overload_refusals_total{class="signing",reason="queue"} 3`,
		`poolhouse_overload_refusals_total{class="reads",reason="queue"} 0`,
		`poolhouse_requests_total{operation="GetOpenIdToken",outcome="TooManyRequestsException"} 1`,
		`poolhouse_request_seconds_count{operation="GetOpenIdToken"} 1`, // of the one that was answered
		`poolhouse_calls_in_flight{class="signing"} 0`,
		`poolhouse_overload_wait_seconds{class="signing"}`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no metric %s", line)
		}
	}

	empty()
	if err := token(); err != nil {
		t.Errorf("when nothing waits any more: %v", err)
	}
}
