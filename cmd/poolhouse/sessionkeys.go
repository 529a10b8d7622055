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
	c := &cobra.Command{Use: "session-keys", Short: "List, rotate and retire the keys that seal session credentials"}
	c.AddCommand(sessionKeysListCommand(), sessionKeysRotateCommand(), sessionKeysRetireCommand())
	return c
}

func sessionKeysListCommand() *cobra.Command {
	return onDatabase(&cobra.Command{
		Use:   "list",
		Short: "List the keys that seal session credentials",
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
		Short: "Add a new session key: sealing in five minutes, or at once with --now",
		Long: `Add a new session key. It seals in five minutes, when every server has read it, or
with --now at once. Servers rotate by themselves every day, so that is for a leak.
Sessions under the old keys go on: end them with "session-keys retire". Running
servers take the change up within ten seconds.`,
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
		fmt.Fprintln(c.OutOrStdout(), "The new key seals on every node within ten seconds.")

		for _, k := range list {
			if k.State == session.Opening {
				fmt.Fprintf(c.OutOrStdout(),
					"Sessions under %s go on; `poolhouse session-keys retire %s` ends them.\n", k.ID, k.ID)
			}
		}

		return nil
	})
	c.Flags().Bool("now", false, "the new key seals at once")

	return c
}

func sessionKeysRetireCommand() *cobra.Command {
	return onDatabase(&cobra.Command{
		Use:   "retire KEY",
		Short: "End a session key that leaked, with all sessions that it sealed",
		Long: `End a session key that leaked. Within ten seconds every server refuses all session
credentials that it sealed; the command prints which those are. This cannot be
undone.

The key that seals now is refused: run "poolhouse session-keys rotate --now" first.`,
		Example: `  poolhouse session-keys rotate --now --data /var/lib/poolhouse
  poolhouse session-keys retire 0123456789abcdef --data /var/lib/poolhouse`,
		Args: cobra.ExactArgs(1),
	}, func(c *cobra.Command, args []string, d *database) error {
		key, err := session.Keys{Store: d.store, Now: time.Now}.Retire(c.Context(), args[0])
		switch {
		case errors.Is(err, session.ErrNoKey):
			return fmt.Errorf("there is no session key %s; `poolhouse session-keys list` shows them", args[0])
		case errors.Is(err, session.ErrKeySeals):
			return fmt.Errorf("%s seals new sessions now: run `poolhouse session-keys rotate --now` first, "+
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
	fmt.Fprintf(w, "%s is retired. Within ten seconds no server accepts what it sealed.\n", k.ID)
	if k.State == session.Upcoming {
		fmt.Fprintln(w, "It had not sealed yet: no sessions end.")
		return
	}
	fmt.Fprintf(w, `Sessions that end: all temporary credentials (ASIA...) issued from %s until %s
  that have not expired, of every account, role, identity and access key: of
  GetCredentialsForIdentity, AssumeRole, AssumeRoleWithWebIdentity,
  AssumeRoleWithSAML and GetSessionToken, here and in forward auth.
Apps get new ones by the same calls. Sessions of credential engines outside are
not under this key.
`, moment(k.SealsFrom), moment(k.SealsUntil))
}
