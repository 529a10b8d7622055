package main

import (
	"errors"
	"os"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/spf13/cobra"
)

func importCommand() *cobra.Command {
	c := &cobra.Command{Use: "import", Short: "Bring pools and identities from AWS"}
	c.AddCommand(importAWSCommand(), importIdentitiesCommand())
	return c
}

// awsEndpoint returns the URL at which AWS serves a service.
func awsEndpoint(service, region string) string {
	suffix := "amazonaws.com"
	china, gov := strings.HasPrefix(region, "cn-"), strings.HasPrefix(region, "us-gov-")
	europe := strings.HasPrefix(region, "eusc-")

	if china {
		suffix += ".cn"
	}
	if europe {
		suffix = "amazonaws.eu"
	}

	switch {
	case service != "iam":
		return "https://" + service + "." + region + "." + suffix
	case china:
		return "https://iam.cn-north-1." + suffix
	case gov:
		return "https://iam.us-gov." + suffix
	case europe:
		return "https://iam.eusc-de-east-1." + suffix
	}

	return "https://iam." + suffix
}

// iamRegion returns the region that IAM calls of a partition are signed for.
func iamRegion(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "cn-north-1"
	case strings.HasPrefix(region, "us-gov-"):
		return "us-gov-west-1"
	case strings.HasPrefix(region, "eusc-"):
		return "eusc-de-east-1"
	}

	return "us-east-1"
}

func importAWSCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "aws",
		Short: "Write the pools of an AWS account and region as a file",
		Long: `Read the identity pools of an AWS account and region, with the roles, policies and
providers that they use, and write a file for "poolhouse apply". Nothing is changed at
AWS. With --identities, also write the identities to a file for "poolhouse import
identities". Anything that cannot be carried over is listed on standard error.

The command signs with the keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_SESSION_TOKEN and AWS_REGION. To use the keys of an AWS profile, run first:
eval "$(aws configure export-credentials --format env)".`,
		Example: `  poolhouse import aws > pools.yaml
  poolhouse import aws --identities identities.jsonl > pools.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			region := clientRegion()
			override, _ := c.Flags().GetString("endpoint")
			client, err := apiClient(func(service string) string {
				if override != "" {
					return override
				}
				return awsEndpoint(service, region)
			})
			if err != nil {
				return err
			}

			if client.IAMRegion = iamRegion(region); override != "" {
				client.IAMRegion = region
			}

			out, err := apply.Export(c.Context(), client, true)
			if err != nil {
				return err
			}

			if path, _ := c.Flags().GetString("identities"); path != "" {
				file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
				if err != nil {
					return err
				}
				notes, err := apply.WriteIdentities(c.Context(), client, out.Pools, file)
				if err := errors.Join(err, file.Close()); err != nil {
					return err
				}
				out.Notes = append(out.Notes, notes...)
			}

			notCarriedOver(c, out.Notes)
			holdsSecrets(c, out.Secrets)
			_, err = c.OutOrStdout().Write(out.File)

			return err
		},
	}
	c.Flags().String("endpoint", "", "URL for all AWS services; empty means AWS itself")
	c.Flags().String("identities", "", "new file to write the identities to")

	return c
}

func importIdentitiesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "identities FILE",
		Short: "Load identities with their IDs into a running server",
		Long: `Load the identities from a file of "poolhouse import aws --identities" into a running
server that already has their pools. You may run the command again with the same file.

AWS shows only the subjects of developer identities. Any other identity with logins is
loaded to keep its ID, but nobody can use it. If you know the user's subject, add it to
Logins in the file.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			url := endpoint(c)
			client, err := apiClient(func(string) string { return url })
			if err != nil {
				return err
			}

			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()

			return apply.LoadIdentities(c.Context(), client, file, c.OutOrStdout())
		},
	}
	addEndpoint(c)

	return c
}
