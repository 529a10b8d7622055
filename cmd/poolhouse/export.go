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
no identities: use "poolhouse backup" for them. From poolhouse dev it has the user pools
with their clients and groups, but no users.

` + signingHelp,
		Example: "  poolhouse export > pools.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := serverClient(c)
			if err != nil {
				return err
			}
			out, err := apply.Export(c.Context(), client, apply.ExportOptions{})
			if err != nil {
				return err
			}

			return writeExported(c, out)
		},
	}
	addEndpoint(c)

	return c
}

// writeExported writes a file. On standard error it lists what the file does not contain, and
// warns of the secrets in it.
func writeExported(c *cobra.Command, out *apply.Exported) error {
	for _, note := range out.Notes {
		fmt.Fprintln(c.ErrOrStderr(), "not carried over: "+printable(note))
	}

	for _, secret := range out.Secrets {
		fmt.Fprintln(c.ErrOrStderr(), "the file holds a secret, keep it like a password: "+printable(secret))
	}
	_, err := c.OutOrStdout().Write(out.File)

	return err
}
