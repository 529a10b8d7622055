package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/config"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

func signingKeysCommand() *cobra.Command {
	c := &cobra.Command{Use: "signing-keys", Short: "List and rotate the keys that sign tokens"}
	c.AddCommand(signingKeysListCommand(), signingKeysRotateCommand())
	return c
}

func signingKeysListCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the keys that sign tokens",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withDatabase(c, func(ctx context.Context, d *database) error {
				keys, err := issuer.List(ctx, d.store, time.Now())
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "KEY\tALGORITHM\tSTATE\tSIGNS FROM\tPUBLISHED UNTIL")
				for _, k := range keys {
					until := "it is succeeded"
					if !k.PublishedUntil.IsZero() {
						until = k.PublishedUntil.UTC().Format(time.RFC3339)
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Algorithm, k.State, k.SignsFrom.UTC().Format(time.RFC3339), until)
				}
				return w.Flush()
			})
		},
	}
	addSettings(c, storeSettings...)
	return c
}

func signingKeysRotateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Add new signing keys: published now, signing in an hour",
		Long: `Add a new key of every algorithm. It is published at once and signs in an hour,
when every verifier that honours the cache headers has seen it; the old key
stays published until the last token it signed has expired. Running servers
take the change up within a minute.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withDatabase(c, func(ctx context.Context, d *database) error {
				sealer, err := d.sealer()
				if err != nil {
					return err
				}
				i, err := issuer.New(ctx, issuer.Options{Store: d.store, Sealer: sealer, URL: d.settings.Text(config.IssuerURL),
					Region: d.settings.Text(config.Region), Algorithm: d.settings.Text(config.TokenAlgorithm)})
				if err != nil {
					return fmt.Errorf("%w (give the settings that the server has: issuer_url, region, token_algorithm)", err)
				}
				return i.Rotate(ctx)
			})
		},
	}
	addSettings(c, append(slices.Clone(storeSettings), config.IssuerURL, config.Region, config.TokenAlgorithm)...)
	return c
}
