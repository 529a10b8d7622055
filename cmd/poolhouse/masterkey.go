package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

func masterKeyCommand() *cobra.Command {
	c := &cobra.Command{Use: "master-key", Short: "Change the master key that seals secrets in the database"}
	c.AddCommand(masterKeyChangeCommand())
	return c
}

func masterKeyChangeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "change NEW_FILE",
		Short: "Seal all secrets in the database under another master key",
		Long: `Seal all secrets in the database under another master key, which is in NEW_FILE or
is made there. Stop all servers first, and start them with the new key: put the file
in the place of the old one. All secrets are sealed anew, or none. Backups that were
made before still need the old key.

Who had the old key and a copy of the database has the secrets: after a leak, replace
them too (docs/operations.md, "The master key leaked").`,
		Example: `  poolhouse master-key change --data /var/lib/poolhouse /var/lib/poolhouse/master.key.new
  mv /var/lib/poolhouse/master.key.new /var/lib/poolhouse/master.key`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withDatabase(c, args, "master-key change", changeMasterKey)
		},
	}
	addSettings(c, storeSettings...)

	return c
}

// changeMasterKey seals the database under the key in the file that args name.
func changeMasterKey(c *cobra.Command, args []string, d *database) error {
	if _, err := d.sealer(); err != nil {
		return err
	}

	key, _, err := envelope.LoadOrCreate(args[0])
	if err != nil {
		return err
	}
	next, err := envelope.New(key)
	if err != nil {
		return err
	}

	values, err := d.store.Reseal(c.Context(), next, store.Places{AccessKey: iam.SealPlace, Key: keyPlace})
	if errors.Is(err, envelope.ErrWrongKey) {
		return fmt.Errorf("%w: give the master key that the servers have now; "+
			"if that is %s, the change was made already", err, args[0])
	}
	if err != nil {
		return err
	}

	_, err = fmt.Fprintf(c.OutOrStdout(),
		"%d secrets are sealed under the master key in %s. Start the servers with it.\n", values, args[0])

	return err
}

// keyPlace returns the place that a sealed signing or session key is bound to.
func keyPlace(k store.Key) (string, error) {
	if place, ok := issuer.SealPlace(k); ok {
		return place, nil
	}
	if place, ok := session.SealPlace(k); ok {
		return place, nil
	}
	return "", fmt.Errorf("a key for %q, which this version does not know", k.Purpose)
}
