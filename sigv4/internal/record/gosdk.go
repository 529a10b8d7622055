package main

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	stssdk "github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func goSDK(base string) recorder {
	config := func(session bool, path string) aws.Config {
		token := ""
		if session {
			token = sessionToken
		}

		return aws.Config{
			Region:           region,
			BaseEndpoint:     aws.String(base + path),
			RetryMaxAttempts: 1,
			Credentials:      credentials.NewStaticCredentialsProvider(accessKeyID, secret, token),
		}
	}
	presigned := func(session bool, headers map[string]string) func(context.Context) error {
		return func(ctx context.Context) error { return presign(ctx, config(session, ""), headers) }
	}

	return recorder{
		version: func(context.Context) (string, error) { return "aws-sdk-go-v2 " + aws.SDKVersion, nil },
		calls: []call{
			{"list-identity-pools", cognito, false, false, func(ctx context.Context) error {
				_, err := cognitoidentity.NewFromConfig(config(false, "")).
					ListIdentityPools(ctx, &cognitoidentity.ListIdentityPoolsInput{MaxResults: aws.Int32(10)})
				return err
			}},
			{"create-identity-pool-with-path-and-session", cognito, true, false, func(ctx context.Context) error {
				_, err := cognitoidentity.NewFromConfig(config(true, "/svc")).
					CreateIdentityPool(ctx, &cognitoidentity.CreateIdentityPoolInput{
						IdentityPoolName: aws.String(poolName),
					})
				return err
			}},
			{"get-caller-identity", sts, false, false, func(ctx context.Context) error {
				_, err := stssdk.NewFromConfig(config(false, "")).
					GetCallerIdentity(ctx, &stssdk.GetCallerIdentityInput{})
				return err
			}},
			{"presigned-get-without-expires", sts, false, true, presigned(false, nil)},
			{"presigned-get-with-session-and-cluster", sts, true, true,
				presigned(true, map[string]string{"X-Amz-Expires": "60", "x-k8s-aws-id": "example-cluster"})},
		},
	}
}

// presign presigns GetCallerIdentity with extra headers, as aws-iam-authenticator does, and sends it.
func presign(ctx context.Context, config aws.Config, headers map[string]string) error {
	client := stssdk.NewPresignClient(stssdk.NewFromConfig(config))
	in := &stssdk.GetCallerIdentityInput{}
	signed, err := client.PresignGetCallerIdentity(ctx, in, func(o *stssdk.PresignOptions) {
		o.ClientOptions = append(o.ClientOptions, func(o *stssdk.Options) {
			for name, value := range headers {
				o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue(name, value))
			}
		})
	})
	if err != nil {
		return err
	}

	r, err := http.NewRequestWithContext(ctx, signed.Method, signed.URL, nil)
	if err != nil {
		return err
	}

	for name, values := range signed.SignedHeader {
		if name != "Host" {
			r.Header[name] = values
		}
	}

	return send(r)
}
