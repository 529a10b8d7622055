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
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

func masterKeyCommand() *cobra.Command {
	c := &cobra.Command{Use: "master-key", Short: "Change the master key, which encrypts secrets in the database"}
	c.AddCommand(masterKeyChangeCommand())
	return c
}

func masterKeyChangeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "change NEW_FILE",
		Short: "Encrypt all secrets in the database with another master key",
		Long: `Encrypt all secrets in the database with another master key. The command reads the new
key from NEW_FILE; if the file does not exist, it creates a key there. Stop all
servers first. Then replace the old key file with NEW_FILE and start the servers. The
command changes all secrets or none. Older backups still need the old key.

After a leak, replace the secrets, too: whoever has the old key and a copy of the
database can read them (docs/operations.md, "The master key leaked").`,
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
		return fmt.Errorf("%w: give the master key that the servers use now; "+
			"if that is %s, the key was already changed", err, args[0])
	}
	if err != nil {
		return err
	}

	_, err = fmt.Fprintf(c.OutOrStdout(),
		"%d secrets are encrypted with the master key in %s. Start the servers with it.\n", values, args[0])

	return err
}

// keyPlace returns the place that a sealed signing or session key is bound to.
func keyPlace(k store.Key) (string, error) {
	for _, placeOf := range []func(store.Key) (string, bool){
		issuer.SealPlace, webidentity.SealPlace, session.SealPlace,
	} {
		if place, ok := placeOf(k); ok {
			return place, nil
		}
	}

	return "", fmt.Errorf("a key for %q, which this version does not know", k.Purpose)
}
