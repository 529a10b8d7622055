package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/admincli"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// adminOptions are what the commands on a running server need of this program.
func adminOptions() admincli.Options {
	return admincli.Options{Client: serverClient, AddEndpoint: addEndpoint, SigningHelp: signingHelp}
}

// adminCall calls an operation of the administrators' API of the server that the command names.
func adminCall(c *cobra.Command, operation string, in, out any) error {
	client, err := serverClient(c)
	if err != nil {
		return err
	}
	return client.Admin(c.Context(), operation, in, out)
}

func explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain REQUEST_ID",
		Short: "Show why a call was refused",
		Long: `Show why a running server refused a call: the checks that it made, the one that failed,
the value that it expected, the value that it got, and how to fix it. The request ID is
in the response header x-amzn-RequestId; SDKs show it with the error.

` + signingHelp + `

Use the account and the region of the refused call. If the call belongs to no account,
use the server's own account. With --docs, print all reasons for which a
server refuses calls.`,
		Example: `  poolhouse explain 3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55
  poolhouse explain --docs`,
		Args: func(c *cobra.Command, args []string) error {
			if docs, _ := c.Flags().GetBool("docs"); docs {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if docs, _ := c.Flags().GetBool("docs"); docs {
				_, err := io.WriteString(c.OutOrStdout(), explain.Reference(poolhouse.Refusals()))
				return err
			}

			var out struct {
				Operation, Outcome, Message string
				Steps                       []explain.Step
				Planned                     []explain.Code
			}
			if _, err := uuid.Parse(args[0]); err != nil {
				return fmt.Errorf(
					"%q is not a request ID: copy it from the response header x-amzn-RequestId; it looks like "+
						"3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55", args[0],
				)
			}
			err := adminCall(c, "Explain", map[string]string{"RequestId": args[0]}, &out)
			if err != nil {
				return fmt.Errorf(
					"asking %s: %w; choose another server with --endpoint; the key in AWS_ACCESS_KEY_ID needs "+
						"the permission poolhouse:Explain", explain.ShownAddress(endpoint(c)), err,
				)
			}

			var b strings.Builder
			fmt.Fprintln(&b, printable(joined(": ", out.Operation, out.Outcome, out.Message)))
			writeSteps(&b, terminal.PaletteFor(c.OutOrStdout()), out.Steps, out.Planned)
			_, err = io.WriteString(c.OutOrStdout(), b.String())

			return err
		},
	}
	addEndpoint(c)
	c.Flags().Bool("docs", false, "print all reasons for which calls are refused, in Markdown")

	return c
}
