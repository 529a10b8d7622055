package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// apiClient calls the signed APIs with the keys in the environment. at returns a service's
// URL.
func apiClient(at func(service string) string) (*apply.Client, error) {
	keys := sigv4.Credentials{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
	}
	if keys.AccessKeyID == "" || keys.SecretAccessKey == "" {
		return nil, fmt.Errorf("no keys to sign with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}

	region := clientRegion()

	return &apply.Client{
		Endpoint:    at,
		Credentials: keys,
		Region:      region,
		IAMRegion:   region,
		HTTP:        &http.Client{Timeout: clientTimeout},
		Now:         time.Now,
		Wait:        wait,
	}, nil
}

// serverClient returns a client of the server that the command names.
func serverClient(c *cobra.Command) (*apply.Client, error) {
	url := endpoint(c)
	return apiClient(func(string) string { return url })
}

func clientRegion() string {
	return cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), poolhouse.DevRegion)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func applyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Create and change resources on a running server from a file",
		Long: `Create and change resources on a running server until they match a file. The file is
YAML in the form of a CloudFormation template. It may describe identity pools, their
roles and principal tags, roles, managed policies, and OpenID Connect and SAML
providers. The plan is printed first. Resources are deleted only with --prune, and
only those that an earlier apply of the same file created.

The command signs with the keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_REGION.`,
		Example: `  poolhouse apply -f pools.yaml --dry-run
  poolhouse apply -f pools.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, _ := c.Flags().GetString("file")
			name, _ := c.Flags().GetString("name")
			dryRun, _ := c.Flags().GetBool("dry-run")
			prune, _ := c.Flags().GetBool("prune")

			text, err := readAtMost(path, apply.MaxFile)
			if err != nil {
				return err
			}
			resources, err := apply.Read(text)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if name == "" {
				name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
			}

			client, err := serverClient(c)
			if err != nil {
				return err
			}

			return apply.Apply(c.Context(), client, resources, apply.Options{
				Name:   name,
				DryRun: dryRun,
				Prune:  prune,
				Out:    c.OutOrStdout(),
			})
		},
	}
	addEndpoint(c)
	c.Flags().StringP("file", "f", "", "the file (required)")
	c.Flags().String("name", "",
		"name in the tags of created resources; empty means the file's name without its extension")
	c.Flags().Bool("dry-run", false, "print the plan and change nothing")
	c.Flags().Bool("prune", false,
		"delete resources that an earlier apply of this file created and that the file no longer has")
	_ = c.MarkFlagRequired("file") // the flag exists

	return c
}

func readAtMost(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	return io.ReadAll(io.LimitReader(file, limit+1)) // apply.Read refuses a longer file
}
