package admincli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

func (o Options) poolExport() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "export POOL_ID",
		Short: "Write one pool as a file for poolhouse apply, as Terraform or as AWS CLI commands",
		Long: `"poolhouse export" writes everything that the account has. Secrets are never in this
text.`,
		Example: "  poolhouse pool export us-east-1:00000000-0000-4000-8000-000000000001 --format terraform",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
		format, _ := c.Flags().GetString("format")
		var out struct{ Text string }
		in := members{"IdentityPoolId": args[0], "Format": format}
		if err := client.Admin(ctx, "ExportPool", in, &out); err != nil {
			return err
		}
		_, err := io.WriteString(c.OutOrStdout(), out.Text)

		return err
	})
	c.ValidArgsFunction = o.completer(poolNames)
	c.Flags().String("format", "yaml", "yaml, terraform or cli")

	return c
}
