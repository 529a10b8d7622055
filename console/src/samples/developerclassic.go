//go:build ignore

// Sign a user of your backend in by the classic flow. The variable USER_ID has the user's ID there.
// The first call is signed with the backend's own key.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	endpoint = "__ENDPOINT__"
	region   = "__REGION__"
	pool     = "__POOL_ID__"
	role     = "__ROLE_ARN__"
	login    = "__LOGIN_KEY__"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	backend := credentials.NewStaticCredentialsProvider(
		os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"))
	pools := cognitoidentity.New(cognitoidentity.Options{
		BaseEndpoint: aws.String(endpoint), Region: region, Credentials: backend,
	})
	id, err := pools.GetOpenIdTokenForDeveloperIdentity(ctx,
		&cognitoidentity.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: aws.String(pool), Logins: map[string]string{login: os.Getenv("USER_ID")},
		})
	if err != nil {
		return err
	}

	anybody := sts.New(sts.Options{BaseEndpoint: aws.String(endpoint), Region: region})
	out, err := anybody.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(role), RoleSessionName: aws.String("app"), WebIdentityToken: id.Token,
	})
	if err != nil {
		return err
	}
	keys := out.Credentials

	client := sts.New(sts.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       region,
		Credentials: credentials.NewStaticCredentialsProvider(
			*keys.AccessKeyId, *keys.SecretAccessKey, *keys.SessionToken),
	})
	caller, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return err
	}

	fmt.Println(*id.IdentityId)
	fmt.Println(*caller.Arn)

	return nil
}
