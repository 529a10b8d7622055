package poolhousetest_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

func TestSignIn(t *testing.T) {
	provider := poolhousetest.NewProvider(t)
	server := poolhousetest.Start(t, provider.AddTo)

	// An administrator makes a pool that takes the provider's users.
	key := server.AccessKey(t)
	client := cognitoidentity.New(cognitoidentity.Options{
		BaseEndpoint: &server.URL,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
	pool, err := client.CreateIdentityPool(t.Context(), &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName:          aws.String("app"),
		OpenIdConnectProviderARNs: []string{provider.ARN()},
	})
	if err != nil {
		t.Fatal(err)
	}

	_, err = client.SetIdentityPoolRoles(t.Context(), &cognitoidentity.SetIdentityPoolRolesInput{
		IdentityPoolId: pool.IdentityPoolId,
		Roles:          map[string]string{"authenticated": "arn:aws:iam::" + key.Account + ":role/User"},
	})
	if err != nil {
		t.Fatal(err)
	}

	// Alice signs in and gets credentials.
	logins := provider.Logins("alice")
	identity, err := client.GetId(t.Context(), &cognitoidentity.GetIdInput{
		IdentityPoolId: pool.IdentityPoolId,
		Logins:         logins,
	})
	if err != nil {
		t.Fatal(err)
	}

	got, err := client.GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{
		IdentityId: identity.IdentityId,
		Logins:     logins,
	})
	if err != nil {
		t.Fatal(err)
	}

	if *got.Credentials.AccessKeyId == "" {
		t.Error("Alice got no access key")
	}
}
