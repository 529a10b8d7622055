package main

import (
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/spf13/cobra"
)

func exportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "export",
		Short: "Write a running server's pools, roles and providers as a file",
		Long: `Write a running server's pools, roles and providers as a file for "poolhouse apply".
On an empty server, apply creates the same resources from the file, with the same pool
IDs. Anything that the file cannot describe is listed on standard error. The file has
no identities: use "poolhouse backup" for them.

The command signs with the keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_REGION.`,
		Example: "  poolhouse export > pools.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			url := endpoint(c)
			client, err := apiClient(func(string) string { return url })
			if err != nil {
				return err
			}
			out, err := apply.Export(c.Context(), client, false)
			if err != nil {
				return err
			}

			notCarriedOver(c, out.Notes)
			holdsSecrets(c, out.Secrets)
			_, err = c.OutOrStdout().Write(out.File)

			return err
		},
	}
	addEndpoint(c)

	return c
}

// holdsSecrets warns of the secrets in a file.
func holdsSecrets(c *cobra.Command, secrets []string) {
	for _, secret := range secrets {
		fmt.Fprintln(c.ErrOrStderr(), "the file holds a secret, keep it like a password: "+printable(secret))
	}
}

// notCarriedOver lists what a file does not contain.
func notCarriedOver(c *cobra.Command, notes []string) {
	for _, note := range notes {
		fmt.Fprintln(c.ErrOrStderr(), "not carried over: "+printable(note))
	}
}
