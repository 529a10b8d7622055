package poolhousetest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

func TestSignIn(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	client := cognitoidentity.NewFromConfig(server.AWSConfig())

	identity, err := client.GetId(t.Context(), &cognitoidentity.GetIdInput{
		IdentityPoolId: aws.String(poolhousetest.DemoPool),
		Logins:         server.Logins(t, "alice"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if *identity.IdentityId == "" {
		t.Error("Alice got no identity")
	}
}

func TestSessionOfAUser(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	alice, guest := server.SignIn(t, "", "alice"), server.Guest(t, "")

	who, err := sts.NewFromConfig(alice.AWSConfig()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || alice.ID == guest.ID {
		t.Fatal(err)
	}
	t.Log(*who.Arn) // arn:aws:sts::000000000000:assumed-role/PoolhouseDemoUser/CognitoIdentityCredentials
}

func TestThrottledOnce(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	server.Fail(t, poolhousetest.Fault{Operation: "GetId", Error: "TooManyRequestsException", Times: 1})

	client := cognitoidentity.NewFromConfig(server.AWSConfig(), func(o *cognitoidentity.Options) {
		o.RetryMaxAttempts = 1 // the SDK would repeat the call by itself
	})
	guest := &cognitoidentity.GetIdInput{IdentityPoolId: aws.String(poolhousetest.DemoPool)}
	if _, err := client.GetId(t.Context(), guest); !errors.As(err, new(*types.TooManyRequestsException)) {
		t.Errorf("the first call: %v", err)
	}
	if _, err := client.GetId(t.Context(), guest); err != nil {
		t.Errorf("the second call: %v", err)
	}
}

func TestCredentialsExpire(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	alice := server.SignIn(t, "", "alice")

	server.Clock.Advance(2 * time.Hour)
	client := sts.NewFromConfig(alice.AWSConfig())
	if _, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err == nil {
		t.Error("the credentials are still valid")
	}
}

func TestCallsOfTheApp(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	client := cognitoidentity.NewFromConfig(server.AWSConfig())
	guest := &cognitoidentity.GetIdInput{IdentityPoolId: aws.String("us-east-1:99999999-0000-4000-8000-000000000000")}
	if _, err := client.GetId(t.Context(), guest); err == nil {
		t.Fatal("there is such a pool")
	}

	for _, call := range server.CallsOf("GetId") {
		t.Log(call) // the outcome, and why it was refused
	}
	server.Reset(t) // as after the start: the demo, and nothing else
}

func TestProviderOfYourOwn(t *testing.T) {
	provider := poolhousetest.NewProvider(t)
	server := poolhousetest.Start(t, provider.AddTo)

	client := cognitoidentity.NewFromConfig(server.AWSConfig())
	pool, err := client.CreateIdentityPool(t.Context(), &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName:          aws.String("app"),
		OpenIdConnectProviderARNs: []string{provider.ARN()},
	})
	if err != nil {
		t.Fatal(err)
	}

	_, err = client.GetId(t.Context(), &cognitoidentity.GetIdInput{
		IdentityPoolId: pool.IdentityPoolId,
		Logins:         provider.Logins("alice"),
	})
	if err != nil {
		t.Fatal(err)
	}
}
