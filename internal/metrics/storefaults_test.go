package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// anybody lets every signature in.
type anybody struct{}

func (anybody) Authenticate(_ *http.Request, _ []byte, _ string) (awsapi.Caller, error) {
	return awsapi.Caller{}, nil
}
func (anybody) Authorize(context.Context, awsapi.Caller, awsapi.Access) error { return nil }

// Whatever keeps the database from its work, and however an operation words it,
// clients read that it is not their fault, no word of it, and an error that they try
// again.
func TestStoreFaultsAreTriedAgain(t *testing.T) {
	var fault error
	fail := func(context.Context, *struct{}) (*awsapi.NoOutput, error) { return nil, fault }
	failSigned := func(context.Context, awsapi.Caller, *struct{}) (*awsapi.NoOutput, error) { return nil, fault }
	service, err := awsapi.New(awsapi.Options{
		APIs: []awsapi.API{
			{
				Name:         "cognito-identity",
				Target:       "AWSCognitoIdentityService",
				InternalCode: "InternalErrorException",
				Operations: []awsapi.Operation{
					awsapi.Public("GetId", overload.Writes, fail),
					awsapi.Public("GetOpenIdToken", overload.Signing, fail),
					awsapi.Public("GetCredentialsForIdentity", overload.Reads, fail),
					awsapi.Signed("DeleteIdentityPool", "cognito-identity:DeleteIdentityPool", failSigned, nil),
				},
			},
			{
				Name:      "sts",
				Version:   "2011-06-15",
				Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
				Operations: []awsapi.Operation{
					awsapi.Public("AssumeRoleWithWebIdentity", overload.Reads, fail),
					awsapi.Signed("GetCallerIdentity", "sts:GetCallerIdentity", failSigned, nil),
				},
			},
			{
				Name:         "iam",
				Version:      "2010-05-08",
				Namespace:    "https://iam.amazonaws.com/doc/2010-05-08/",
				InternalCode: "ServiceFailure",
				Operations: []awsapi.Operation{
					awsapi.Signed("DeleteRole", "iam:DeleteRole", failSigned, nil),
				},
			},
		},
		Gate:        anybody{},
		Busy:        Busy,
		Unavailable: Unavailable,
	})
	if err != nil {
		t.Fatal(err)
	}

	server := httptest.NewServer(service)
	defer server.Close()

	ctx, url := t.Context(), &server.URL
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	pools := ci.New(ci.Options{BaseEndpoint: url, Region: "us-east-1", RetryMaxAttempts: 1, Credentials: keys})
	tokens := sts.New(sts.Options{BaseEndpoint: url, Region: "us-east-1", RetryMaxAttempts: 1, Credentials: keys})
	roles := iam.New(iam.Options{BaseEndpoint: url, Region: "us-east-1", RetryMaxAttempts: 1, Credentials: keys})

	calls := []struct {
		name              string
		Busy, Unavailable string // the codes
		status            int    // of busy
		do                func() error
	}{
		{"GetId", "TooManyRequestsException", "InternalErrorException", 429, func() error {
			_, err := pools.GetId(ctx, &ci.GetIdInput{IdentityPoolId: aws.String("p")})
			return err
		}},
		{"GetOpenIdToken", "TooManyRequestsException", "InternalErrorException", 429, func() error {
			_, err := pools.GetOpenIdToken(ctx, &ci.GetOpenIdTokenInput{IdentityId: aws.String("i")})
			return err
		}},
		{"GetCredentialsForIdentity", "TooManyRequestsException", "InternalErrorException", 429, func() error {
			_, err := pools.GetCredentialsForIdentity(ctx,
				&ci.GetCredentialsForIdentityInput{IdentityId: aws.String("i")})
			return err
		}},
		{"DeleteIdentityPool", "TooManyRequestsException", "InternalErrorException", 429, func() error {
			_, err := pools.DeleteIdentityPool(ctx, &ci.DeleteIdentityPoolInput{IdentityPoolId: aws.String("p")})
			return err
		}},
		{"AssumeRoleWithWebIdentity", "Throttling", "ServiceUnavailable", 400, func() error {
			_, err := tokens.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
				RoleArn: aws.String("r"), RoleSessionName: aws.String("s"), WebIdentityToken: aws.String("t")})
			return err
		}},
		{"GetCallerIdentity", "Throttling", "ServiceUnavailable", 400, func() error {
			_, err := tokens.GetCallerIdentity(ctx, nil)
			return err
		}},
		{"DeleteRole", "Throttling", "ServiceFailure", 400, func() error {
			_, err := roles.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("r")})
			return err
		}},
	}

	busyFaults := []error{store.ErrQueueFull, issuer.ErrBusy}

	var otherFaults []error
	for _, f := range databaseFaults {
		otherFaults = append(otherFaults, f.err)
	}

	for _, cause := range slices.Concat(busyFaults, otherFaults) {
		cause = fmt.Errorf("writing: %w: /var/lib/s3cr3t", cause)
		for wording, err := range map[string]error{
			"as it is":          cause,
			"as our fault":      awsapi.Internal(cause),
			"as the caller's":   (&awsapi.Error{Code: "NotAuthorizedException", Message: "no"}).Because(cause),
			"beside another":    errors.Join(errors.New("closing"), cause),
			"as too much of it": (&awsapi.Error{Code: "LimitExceededException", Message: "no"}).Because(cause),
		} {
			for _, c := range calls {
				fault = err
				got := c.do()
				code, status := c.Unavailable, 503
				if slices.ContainsFunc(busyFaults, func(f error) bool { return errors.Is(cause, f) }) {
					code, status = c.Busy, c.status
				}
				var api smithy.APIError

				var response *awshttp.ResponseError
				if !errors.As(got, &api) || !errors.As(got, &response) {
					t.Fatalf("%s, %v, %s: %v", c.name, cause, wording, got)
				}
				if api.ErrorCode() != code || response.HTTPStatusCode() != status {
					t.Errorf("%s, %v, %s: %d %s, want %d %s", c.name, cause, wording, response.HTTPStatusCode(),
						api.ErrorCode(), status, code)
				}
				if !retry.NewStandard().IsErrorRetryable(got) {
					t.Errorf("%s, %v, %s: the SDK does not try again", c.name, cause, wording)
				}
				if strings.Contains(got.Error(), "s3cr3t") || response.Response.Header.Get("Retry-After") != "1" {
					t.Errorf("%s, %v, %s: %v, Retry-After %q", c.name, cause, wording, got,
						response.Response.Header.Get("Retry-After"))
				}
			}
		}
	}
}

// Every fault that clients are to wait for has a name, by which log and metric count it.
func TestFaultsThatPassHaveNames(t *testing.T) {
	faults := []error{store.ErrQueueFull, issuer.ErrBusy}
	for _, f := range databaseFaults {
		faults = append(faults, f.err)
	}

	for _, err := range faults {
		if name := FaultOf(fmt.Errorf("op: %w", err)); name == "" {
			t.Errorf("%v has no name", err)
		}
	}
}

// The reason for unreadiness is the most telling of those that an error has, and
// every reason can be told.
func TestUnreadyReasons(t *testing.T) {
	for _, f := range databaseFaults {
		if got := Unready(fmt.Errorf("probing: %w", f.err)); got != f.reason {
			t.Errorf("%v: %q, want %q", f.err, got, f.reason)
		}
	}

	for reason, err := range map[string]error{
		"no writes: the database has damaged pages": fmt.Errorf("%w: %w", store.ErrStopped, store.ErrDamaged),
		"no writes: the database is read-only":      fmt.Errorf("%w: %w", store.ErrBusy, store.ErrReadOnly),
		"no writes: writes wait too long":           fmt.Errorf("%w: %w", store.ErrQueueFull, context.DeadlineExceeded),
		Unanswered:                                  errors.New("another"),
	} {
		if got := Unready(err); got != reason {
			t.Errorf("%v: %q, want %q", err, got, reason)
		}
	}
}
