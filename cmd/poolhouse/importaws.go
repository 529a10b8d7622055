package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/spf13/cobra"
)

func importCommand() *cobra.Command {
	c := &cobra.Command{Use: "import", Short: "Bring pools and identities from AWS"}
	c.AddCommand(importAWSCommand(), importIdentitiesCommand())
	return c
}

// awsPartition is a partition of AWS.
type awsPartition struct {
	prefix    string // of the names of its regions
	domain    string // of its services
	iam       string // host of its IAM
	iamRegion string // that IAM calls are signed for
}

// awsPartitions ends with the partition of all other regions.
var awsPartitions = []awsPartition{
	{
		prefix:    "cn-",
		domain:    "amazonaws.com.cn",
		iam:       "iam.cn-north-1.amazonaws.com.cn",
		iamRegion: "cn-north-1",
	},
	{
		prefix:    "us-gov-",
		domain:    "amazonaws.com",
		iam:       "iam.us-gov.amazonaws.com",
		iamRegion: "us-gov-west-1",
	},
	{
		prefix:    "eusc-",
		domain:    "amazonaws.eu",
		iam:       "iam.eusc-de-east-1.amazonaws.eu",
		iamRegion: "eusc-de-east-1",
	},
	{
		domain:    "amazonaws.com",
		iam:       "iam.amazonaws.com",
		iamRegion: "us-east-1",
	},
}

func partitionOf(region string) awsPartition {
	n := slices.IndexFunc(awsPartitions, func(p awsPartition) bool { return strings.HasPrefix(region, p.prefix) })
	return awsPartitions[n]
}

// awsEndpoint returns the URL at which AWS serves a service.
func awsEndpoint(service, region string) string {
	p := partitionOf(region)
	if service == "iam" {
		return "https://" + p.iam
	}
	return "https://" + service + "." + region + "." + p.domain
}

// iamRegion returns the region that IAM calls of a partition are signed for.
func iamRegion(region string) string { return partitionOf(region).iamRegion }

func importAWSCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "aws",
		Short: "Write the pools of an AWS account and region as a file",
		Long: `Read the identity pools of an AWS account and region, with the roles, policies and
providers that they use, and write a file for "poolhouse apply". Nothing is changed at
AWS. With --identities, also write the identities to a file for "poolhouse import
identities". Anything that cannot be carried over is listed on standard error. Roles keep
AWS's managed policies if --managed-policies names a file with their content, which the
server needs, too (setting managed_policies_file).

` + signingHelp,
		Example: `  poolhouse import aws > pools.yaml
  poolhouse import aws --identities identities.jsonl > pools.yaml
  aws iam get-account-authorization-details --filter AWSManagedPolicy > aws-policies.json
  poolhouse import aws --managed-policies aws-policies.json > pools.yaml`,
		Args: cobra.NoArgs,
		PreRunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("endpoint") {
				return nil
			}
			return validEndpoint(c, args)
		},
		RunE: func(c *cobra.Command, _ []string) error { return importAWS(c) },
	}
	c.Flags().String("endpoint", "", "URL for all AWS services; empty means AWS itself")
	c.Flags().String("identities", "", "new file to write the identities to")
	c.Flags().String(managedPoliciesFlag, "", "the server's managed_policies_file: roles keep AWS's policies in it")

	return c
}

// importAWS reads from AWS, and writes the files.
func importAWS(c *cobra.Command) error {
	region, err := clientRegion(c.Context())
	if err != nil {
		return err
	}
	override, _ := c.Flags().GetString("endpoint")
	client, err := apiClient(c.Context(), func(service string) string {
		if override != "" {
			return override
		}
		return awsEndpoint(service, region)
	})
	if err != nil {
		return err
	}

	if override == "" {
		client.IAMRegion = iamRegion(region)
	}

	known, err := knownAWSPolicies(c)
	if err != nil {
		return err
	}
	out, err := apply.Export(c.Context(), client, apply.ExportOptions{FromAWS: true, AWSPolicies: known})
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

	return writeExported(c, out)
}

const managedPoliciesFlag = "managed-policies"

// knownAWSPolicies returns AWS's managed policies that the server will know.
func knownAWSPolicies(c *cobra.Command) (iam.AWSPolicies, error) {
	path, _ := c.Flags().GetString(managedPoliciesFlag)
	text, err := readAWSPolicies(path)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", managedPoliciesFlag, err)
	}

	return iam.ReadAWSPolicies(text)
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
			client, err := serverClient(c)
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
