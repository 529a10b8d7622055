package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// signingHelp tells in a command's help where its keys come from.
const signingHelp = `The command signs with the keys that the AWS CLI would use: those of AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or else of the profile in AWS_PROFILE or the
profile default, which may have a credential_process. The region is AWS_REGION's, or the
profile's.`

// awsSettings returns the region and the source of keys that an AWS SDK would use here: the
// environment, then the profile that AWS_PROFILE names, or else the profile default. A profile
// may run a credential_process, assume a role or have a sign-in of IAM Identity Center. The
// metadata service of a virtual machine is not asked: elsewhere, that would take seconds.
func awsSettings(ctx context.Context) (aws.Config, error) {
	settings, err := config.LoadDefaultConfig(ctx, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	if err != nil {
		return aws.Config{}, fmt.Errorf("the settings of the AWS SDKs: %s", onOneLine(err))
	}

	return settings, nil
}

// onOneLine returns an error's text without the line ends that the SDK has in some.
func onOneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// noKeysError means that an AWS SDK would find no keys here.
type noKeysError struct{ cause error }

func (e *noKeysError) Error() string {
	return "no keys to sign with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE: " +
		onOneLine(e.cause)
}

// Unwrap returns the cause, which has the exit status of a credential_process.
func (e *noKeysError) Unwrap() error { return e.cause }

// clientKeys returns the keys that an AWS SDK would use here.
func clientKeys(ctx context.Context) (sigv4.Credentials, error) {
	settings, err := awsSettings(ctx)
	if err != nil {
		return sigv4.Credentials{}, err
	}

	keys, err := settings.Credentials.Retrieve(ctx)
	if err != nil {
		return sigv4.Credentials{}, &noKeysError{withoutOutput(err)}
	}

	return sigv4.Credentials{
		AccessKeyID:     keys.AccessKeyID,
		SecretAccessKey: keys.SecretAccessKey,
		SessionToken:    keys.SessionToken,
	}, nil
}

// withoutOutput returns an error of keys that does not quote what a credential_process printed. The
// SDK's error does, and what is no whole set of keys may have a secret.
func withoutOutput(err error) error {
	if _, process := errors.AsType[*processcreds.ProviderError](err); !process {
		return err
	}
	if ended, failed := errors.AsType[*exec.ExitError](err); failed {
		return fmt.Errorf("the credential_process failed: %w", ended)
	}

	return errors.New("the credential_process did not print keys in time, as JSON with Version 1, AccessKeyId and " +
		"SecretAccessKey")
}

// clientRegion returns the region that an AWS SDK would use here. AWS_DEFAULT_REGION is read
// too, as the AWS CLI does.
func clientRegion(ctx context.Context) (string, error) {
	settings, err := awsSettings(ctx)
	if err != nil {
		return "", err
	}

	return cmp.Or(
		os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), settings.Region, poolhouse.DevRegion,
	), nil
}

// apiClient calls the signed APIs with the keys that an AWS SDK would use here. at returns a
// service's URL.
func apiClient(ctx context.Context, at func(service string) string) (*apply.Client, error) {
	keys, err := clientKeys(ctx)
	if err != nil {
		return nil, err
	}
	region, err := clientRegion(ctx)
	if err != nil {
		return nil, err
	}

	return &apply.Client{
		Endpoint:    at,
		Credentials: keys,
		Region:      region,
		IAMRegion:   region,
		HTTP:        &http.Client{Timeout: clientTimeout},
		Now:         time.Now,
	}, nil
}

// serverClient returns a client of the server that the command names.
func serverClient(c *cobra.Command) (*apply.Client, error) {
	url := endpoint(c)
	return apiClient(c.Context(), func(string) string { return url })
}
