package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/admincli"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

func keysCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Manage access keys in the database, beside the server",
		Long: `Manage access keys in the database, beside the server: the command needs no access key.
Running servers apply a change within five seconds. A key without a policy is root: it may
do everything in its account. "poolhouse key" works from anywhere: it calls a running
server's API, and makes no root keys.`,
	}
	c.AddCommand(
		keysCreateCommand(),
		keysListCommand(),
		keyChangeCommand("disable", "Refuse a key until it is enabled again",
			func(ctx context.Context, k *iam.AccessKeys, id string) error { return k.SetDisabled(ctx, id, true) }),
		keyChangeCommand("enable", "Accept a disabled key again",
			func(ctx context.Context, k *iam.AccessKeys, id string) error { return k.SetDisabled(ctx, id, false) }),
		admincli.RevokeSession(adminOptions()),
		keyChangeCommand("delete", "Delete a key",
			func(ctx context.Context, k *iam.AccessKeys, id string) error { return k.Delete(ctx, id) }),
	)

	return c
}

// onKeys returns the work on the access keys of a database.
func onKeys(do func(c *cobra.Command, args []string, d *database, k *iam.AccessKeys) error) work {
	return func(c *cobra.Command, args []string, d *database) error {
		sealer, err := d.sealer()
		if err != nil {
			return err
		}
		keys, err := iam.NewAccessKeys(iam.AccessKeyOptions{Store: d.store, Sealer: sealer})
		if err != nil {
			return err
		}

		return do(c, args, d, keys)
	}
}

func keysCreateCommand() *cobra.Command {
	c := onDatabase(&cobra.Command{
		Use:     "create",
		Short:   "Create an access key and show its secret once",
		Example: "  poolhouse keys create --data /var/lib/poolhouse --description backend --policy policy.json",
		Args:    cobra.NoArgs,
		PreRunE: func(c *cobra.Command, _ []string) error {
			if out, isFile := c.OutOrStdout().(*os.File); isFile {
				return checkShows(out)
			}
			return nil
		},
	}, onKeys(createKey))
	c.Flags().String("account", "",
		"twelve-digit account; empty means account_id of the settings, or else the account of the first start")
	c.Flags().String("description", "", "what the key is for")
	c.Flags().String("policy", "", "file with a JSON policy document that limits the key")

	return c
}

func createKey(c *cobra.Command, _ []string, d *database, k *iam.AccessKeys) error {
	account, err := keyAccount(c, d)
	if err != nil {
		return err
	}

	n := iam.NewAccessKey{Account: account}
	n.Description, _ = c.Flags().GetString("description")
	if path, _ := c.Flags().GetString("policy"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("--policy: %w", err)
		}
		n.Policy = string(text)
	}

	key, secret, err := k.Create(c.Context(), n)
	if err != nil {
		return err
	}

	for _, warning := range iam.AccessKeyPolicyWarnings(n.Policy) {
		fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", warning)
	}
	fmt.Fprintf(c.OutOrStdout(), "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", key.ID, secret)

	return nil
}

// keyAccount returns the account that a new key belongs to.
func keyAccount(c *cobra.Command, d *database) (identitypool.AccountID, error) {
	asked, _ := c.Flags().GetString("account")
	if account := cmp.Or(asked, d.settings.Account); account != "" {
		return identitypool.AccountID(account), nil
	}

	account, err := d.store.HomeAccount(c.Context())
	if errors.Is(err, store.ErrNotFound) {
		return "", errors.New("there is no account yet: name one with --account, or run `poolhouse init` once")
	}

	return account, err
}

func keysListCommand() *cobra.Command {
	return onDatabase(&cobra.Command{
		Use:   "list",
		Short: "List access keys, without their secrets",
		Args:  cobra.NoArgs,
	}, onKeys(func(c *cobra.Command, _ []string, _ *database, k *iam.AccessKeys) error {
		list, err := k.List(c.Context(), "")
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
				key.ID, key.Account, state, moment(key.Created), rights, printable(key.Description))
		}

		return w.Flush()
	}))
}

func keyChangeCommand(name, short string, change func(context.Context, *iam.AccessKeys, string) error) *cobra.Command {
	return onDatabase(&cobra.Command{
		Use:   name + " ACCESS_KEY_ID",
		Short: short,
		Args:  cobra.ExactArgs(1),
	}, onKeys(func(c *cobra.Command, args []string, _ *database, k *iam.AccessKeys) error {
		err := change(c.Context(), k, args[0])
		if errors.Is(err, iam.ErrNotFound) {
			return fmt.Errorf("there is no access key %s; `poolhouse keys list` shows them", args[0])
		}
		return err
	}))
}
