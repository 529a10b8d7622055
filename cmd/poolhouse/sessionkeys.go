package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/spf13/cobra"
)

func sessionKeysCommand() *cobra.Command {
	c := &cobra.Command{Use: "session-keys", Short: "List, rotate and retire the keys that encrypt session tokens"}
	c.AddCommand(sessionKeysListCommand(), sessionKeysRotateCommand(), sessionKeysRetireCommand())
	return c
}

func sessionKeysListCommand() *cobra.Command {
	return onDatabase(&cobra.Command{
		Use:   "list",
		Short: "List the keys that encrypt session tokens",
		Args:  cobra.NoArgs,
	}, func(c *cobra.Command, _ []string, d *database) error {
		keys, err := session.Keys{Store: d.store, Now: time.Now}.List(c.Context())
		if err != nil {
			return err
		}

		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tSTATE\tSEALS FROM\tKEPT UNTIL")

		for _, k := range keys {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.ID, k.State, moment(k.SealsFrom), end(k.KeptUntil))
		}

		return w.Flush()
	})
}

func sessionKeysRotateCommand() *cobra.Command {
	c := onDatabase(&cobra.Command{
		Use:   "rotate",
		Short: "Add a new session key, used in five minutes, or at once with --now",
		Long: `Add a new session key. Servers encrypt new session tokens with it in five minutes,
when every server has read it, or at once with --now. You need this command only
after a leak: servers rotate session keys every day by themselves.

Sessions under the old keys stay valid: end them with "session-keys retire". Running
servers apply the change within ten seconds.`,
		Example: "  poolhouse session-keys rotate --now --data /var/lib/poolhouse",
		Args:    cobra.NoArgs,
	}, func(c *cobra.Command, _ []string, d *database) error {
		now, _ := c.Flags().GetBool("now")
		sealer, err := d.sealer()
		if err != nil {
			return err
		}

		keys := session.Keys{Store: d.store, Sealer: sealer, Now: time.Now}
		if err := keys.Rotate(c.Context(), now); err != nil || !now {
			return err
		}

		list, err := keys.List(c.Context())
		if err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), "Every node encrypts session tokens with the new key within ten seconds.")

		for _, k := range list {
			if k.State == session.Opening {
				fmt.Fprintf(c.OutOrStdout(),
					"Sessions under %s stay valid; `poolhouse session-keys retire %s` ends them.\n", k.ID, k.ID)
			}
		}

		return nil
	})
	c.Flags().Bool("now", false, "use the new key at once")

	return c
}

func sessionKeysRetireCommand() *cobra.Command {
	return onDatabase(&cobra.Command{
		Use:   "retire KEY",
		Short: "Retire a session key that leaked, and end all its sessions",
		Long: `Retire a session key that leaked. Within ten seconds every server refuses all session
credentials under this key; the command prints which ones. This cannot be undone.

You cannot retire the key in use: run "poolhouse session-keys rotate --now" first.`,
		Example: `  poolhouse session-keys rotate --now --data /var/lib/poolhouse
  poolhouse session-keys retire 0123456789abcdef --data /var/lib/poolhouse`,
		Args: cobra.ExactArgs(1),
	}, func(c *cobra.Command, args []string, d *database) error {
		key, err := session.Keys{Store: d.store, Now: time.Now}.Retire(c.Context(), args[0])
		switch {
		case errors.Is(err, session.ErrNoKey):
			return fmt.Errorf("there is no session key %s; `poolhouse session-keys list` shows them", args[0])
		case errors.Is(err, session.ErrKeySeals):
			return fmt.Errorf("%s encrypts new session tokens: run `poolhouse session-keys rotate --now` first, "+
				"then retire it", args[0])
		case err != nil:
			return err
		}
		showRetiredSessionKey(c.OutOrStdout(), key)

		return nil
	})
}

// showRetiredSessionKey explains which sessions end with a key.
func showRetiredSessionKey(w io.Writer, k session.KeyInfo) {
	fmt.Fprintf(w, "%s is retired. Within ten seconds no server accepts its sessions.\n", k.ID)
	if k.State == session.Upcoming {
		fmt.Fprintln(w, "It was not in use yet: no sessions end.")
		return
	}
	fmt.Fprintf(w, `Sessions that end: all temporary credentials (ASIA...) issued from %s until %s
  that have not expired, of every account, role, identity and access key. They come
  from GetCredentialsForIdentity, AssumeRole, AssumeRoleWithWebIdentity,
  AssumeRoleWithSAML and GetSessionToken. Forward auth refuses them, too.
Apps get new credentials with the same calls. Sessions that external credential
engines issued do not end.
`, moment(k.SealsFrom), moment(k.SealsUntil))
}
