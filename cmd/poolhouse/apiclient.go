package main

import (
	"cmp"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// clientKeys returns the keys of the environment, or else those of the profile that it names.
func clientKeys() (sigv4.Credentials, error) {
	keys := sigv4.Credentials{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
	}
	if keys.AccessKeyID != "" && keys.SecretAccessKey != "" {
		return keys, nil
	}

	p, err := chosenAWSProfile()
	if err != nil {
		return keys, err
	}
	if p == nil {
		return keys, errors.New("no keys to sign with: " + keyVariables)
	}

	return p.keys()
}

// clientRegion returns the region of the environment, or else that of the profile that it names.
func clientRegion() (string, error) {
	if region := cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")); region != "" {
		return region, nil
	}
	p, err := chosenAWSProfile()
	if err != nil {
		return "", err
	}
	if p == nil {
		return poolhouse.DevRegion, nil
	}

	return cmp.Or(p.values["region"], poolhouse.DevRegion), nil
}

// apiClient calls the signed APIs with the keys in the environment. at returns a service's
// URL.
func apiClient(at func(service string) string) (*apply.Client, error) {
	keys, err := clientKeys()
	if err != nil {
		return nil, err
	}
	region, err := clientRegion()
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
	return apiClient(func(string) string { return url })
}
