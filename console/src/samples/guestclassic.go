//go:build ignore

// Sign a guest in by the classic flow.
package main

import (
	"context"
	"fmt"
	"log"

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
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	pools := cognitoidentity.New(cognitoidentity.Options{BaseEndpoint: aws.String(endpoint), Region: region})
	id, err := pools.GetId(ctx, &cognitoidentity.GetIdInput{IdentityPoolId: aws.String(pool)})
	if err != nil {
		return err
	}

	openID, err := pools.GetOpenIdToken(ctx, &cognitoidentity.GetOpenIdTokenInput{IdentityId: id.IdentityId})
	if err != nil {
		return err
	}

	anybody := sts.New(sts.Options{BaseEndpoint: aws.String(endpoint), Region: region})
	out, err := anybody.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(role), RoleSessionName: aws.String("app"), WebIdentityToken: openID.Token,
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
