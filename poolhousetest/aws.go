package poolhousetest

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

var errNoKey = errors.New("poolhousetest: only a development server has a known access key: call FirstKey")

// AWSConfig returns a configuration for clients of AWS SDK v2 for Go, of every API that the server has:
//
//	identities := cognitoidentity.NewFromConfig(server.AWSConfig())
//	users := cognitoidentityprovider.NewFromConfig(server.AWSConfig())
//
// Calls are signed with the key that AccessKey returns. The SDK leaves public calls, such as GetId, unsigned.
// It repeats calls that are throttled or find the server unavailable, by its usual rules.
func (s *Server) AWSConfig() aws.Config {
	return s.configWith(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		info, ok := s.DevInfo()
		if !ok {
			return aws.Credentials{}, errNoKey
		}

		return aws.Credentials{
			AccessKeyID:     info.AccessKeyID,
			SecretAccessKey: info.SecretAccessKey,
			AccountID:       info.AccountID,
			Source:          source,
		}, nil
	}))
}

const source = "poolhousetest" // of credentials, for the SDK's messages

func (s *Server) configWith(credentials aws.CredentialsProvider) aws.Config {
	return aws.Config{
		Region:       s.region,
		BaseEndpoint: &s.URL,
		Credentials:  credentials,
		HTTPClient:   s.client,
	}
}
