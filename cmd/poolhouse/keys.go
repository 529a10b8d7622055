package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

func keysCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Manage access keys",
		Long: `Manage access keys. The command changes the database; running servers apply the
change within five seconds. A key without a policy is root: it may do everything in
its account.`,
	}
	c.AddCommand(
		keysCreateCommand(),
		keysListCommand(),
		keyChangeCommand("disable", "Refuse a key until it is enabled again",
			func(ctx context.Context, k *iam.AccessKeys, id string) error { return k.SetDisabled(ctx, id, true) }),
		keyChangeCommand("enable", "Accept a disabled key again",
			func(ctx context.Context, k *iam.AccessKeys, id string) error { return k.SetDisabled(ctx, id, false) }),
		revokeSessionCommand(),
		keyChangeCommand("delete", "Delete a key",
			func(ctx context.Context, k *iam.AccessKeys, id string) error { return k.Delete(ctx, id) }),
	)

	return c
}

// withKeys runs do on the access keys of the command's database.
func withKeys(c *cobra.Command, do func(ctx context.Context, d *database, k *iam.AccessKeys) error) error {
	return withDatabase(c, func(ctx context.Context, d *database) error {
		sealer, err := d.sealer()
		if err != nil {
			return err
		}
		keys, err := iam.NewAccessKeys(iam.AccessKeyOptions{Store: d.store, Sealer: sealer})
		if err != nil {
			return err
		}

		return do(ctx, d, keys)
	})
}

func keysCreateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "create",
		Short:   "Create an access key and show its secret once",
		Example: "  poolhouse keys create --data /var/lib/poolhouse --description backend --policy policy.json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if out, isFile := c.OutOrStdout().(*os.File); isFile {
				if err := checkShows(out); err != nil {
					return err
				}
			}

			return withKeys(c, func(ctx context.Context, d *database, k *iam.AccessKeys) error {
				n := iam.NewAccessKey{}
				n.Description, _ = c.Flags().GetString("description")
				account, err := keyAccount(ctx, c, d)
				if err != nil {
					return err
				}
				n.Account = account

				if path, _ := c.Flags().GetString("policy"); path != "" {
					text, err := os.ReadFile(path)
					if err != nil {
						return fmt.Errorf("--policy: %w", err)
					}
					n.Policy = string(text)
				}
				key, secret, err := k.Create(ctx, n)
				if err != nil {
					return err
				}

				for _, warning := range iam.AccessKeyPolicyWarnings(n.Policy) {
					fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", warning)
				}
				fmt.Fprintf(c.OutOrStdout(), "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", key.ID, secret)

				return nil
			})
		},
	}
	addSettings(c, storeSettings...)
	c.Flags().String("account", "", "twelve-digit account; empty means account_id of the settings, or else the account of the first start")
	c.Flags().String("description", "", "what the key is for")
	c.Flags().String("policy", "", "file with a JSON policy document that limits the key")

	return c
}

// keyAccount returns the account that a new key belongs to.
func keyAccount(ctx context.Context, c *cobra.Command, d *database) (identitypool.AccountID, error) {
	asked, _ := c.Flags().GetString("account")
	if account := cmp.Or(asked, d.settings.Account); account != "" {
		return identitypool.AccountID(account), nil
	}

	account, err := d.store.HomeAccount(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return "", errors.New("there is no account yet: name one with --account, or run `poolhouse init` once")
	}

	return account, err
}

func keysListCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List access keys, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withKeys(c, func(ctx context.Context, _ *database, k *iam.AccessKeys) error {
				list, err := k.List(ctx, "")
				if err != nil {
					return err
				}

				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "ACCESS KEY\tACCOUNT\tSTATE\tCREATED\tRIGHTS\tDESCRIPTION")

				for _, key := range list {
					state, rights := "enabled", "root"
					if key.Disabled {
						state = "disabled"
					}
					if key.Policy != "" {
						rights = "policy"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n",
						key.ID, key.Account, state, key.Created.UTC().Format("2006-01-02T15:04:05Z"), rights,
						printable(key.Description))
				}

				return w.Flush()
			})
		},
	}
	addSettings(c, storeSettings...)

	return c
}

func keyChangeCommand(name, short string, change func(context.Context, *iam.AccessKeys, string) error) *cobra.Command {
	c := &cobra.Command{
		Use:   name + " ACCESS_KEY_ID",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withKeys(c, func(ctx context.Context, _ *database, k *iam.AccessKeys) error {
				err := change(ctx, k, args[0])
				if errors.Is(err, iam.ErrNotFound) {
					return fmt.Errorf("there is no access key %s; `poolhouse keys list` shows them", args[0])
				}
				return err
			})
		},
	}
	addSettings(c, storeSettings...)

	return c
}

func revokeSessionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "revoke-session [ACCESS_KEY_ID]",
		Short: "End session credentials before they expire",
		Long: `End session credentials: of one temporary access key (ASIA...), or all that have been
issued so far to an identity, in a pool or for a role. Every node refuses them within
five seconds. This cannot be undone. If the identity, pool or role does not exist,
the command reports it.

The command calls a running server and signs with the keys in AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY and AWS_REGION.`,
		Example: `  poolhouse keys revoke-session ASIAIOSFODNN7EXAMPLE
  poolhouse keys revoke-session --identity us-east-1:...
  poolhouse keys revoke-session --role arn:aws:iam::123456789012:role/app`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			in := map[string]string{}
			if len(args) == 1 {
				in["AccessKeyId"] = args[0]
			}

			for flag, member := range map[string]string{
				"identity": "IdentityId",
				"pool":     "IdentityPoolId",
				"role":     "RoleArn",
			} {
				if value, _ := c.Flags().GetString(flag); value != "" {
					in[member] = value
				}
			}

			var out struct{ Known *bool }
			if err := adminCall(c.Context(), endpoint(c), "RevokeSessions", in, &out); err != nil {
				return err
			}
			if out.Known != nil && !*out.Known {
				_, err := fmt.Fprintln(c.OutOrStdout(),
					"The account has no such identity, pool or role now. "+
						"If it was deleted, every node refuses its credentials within five seconds; if not, check the ID.")
				return err
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), "revoked; every node refuses the credentials within five seconds")

			return err
		},
	}
	addEndpoint(c)
	c.Flags().String("identity", "", "end the sessions of this identity")
	c.Flags().String("pool", "", "end the sessions of this identity pool")
	c.Flags().String("role", "", "end the sessions of this role, by its ARN")

	return c
}
