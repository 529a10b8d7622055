package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
)

func initCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "init",
		Short: "Create the account and its root access key, once, before the first serve",
		Long: `Create the account and its root access key in a new data folder or an empty PostgreSQL
database. Run it once, before the first "poolhouse serve". The secret of the key is
shown only this time. The data folder and the master key are created if they do not
exist.

If the database already has an account, nothing is changed and the exit status is 3.
Several nodes may run "poolhouse init" at once: one of them creates the account.`,
		Example: `  poolhouse init --data /var/lib/poolhouse
  poolhouse init --database postgres://poolhouse@db/poolhouse --master-key-file master.key`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkShows(os.Stdout); err != nil {
				return err
			}
			s, err := loadSettings(c)
			if err != nil {
				return err
			}

			key, err := initialise(c.Context(), s)
			if errors.Is(err, poolhouse.ErrInitialised) {
				err = fmt.Errorf("%w: run `poolhouse serve`; "+
					"if nobody has an access key of the account, create one with `poolhouse keys create`", err)
			}
			if err != nil {
				return err
			}

			return handOver(c, key)
		},
	}
	addSettings(c, append(slices.Clone(storeSettings), "account_id", "log_level", "log_format")...)

	return c
}

// initialise makes the account and its key in the database of the settings.
func initialise(ctx context.Context, s *settings) (key poolhouse.AccessKey, err error) {
	logger, err := commandLogger(s)
	if err != nil {
		return key, err
	}
	c := poolhouse.Config{
		DataDir:     s.DataDir,
		DatabaseURL: s.DatabaseURL,
		Account:     s.Account,
		Logger:      logger,
		Version:     version(),
	}

	if c.DataDir == "" && c.DatabaseURL == "" {
		return key, s.fault(&s.DataDir, "set it to a folder, or set database to a postgres:// URL")
	}
	if c.DatabaseURL == "" {
		if err := checkFolder(s, c.DataDir); err != nil {
			return key, err
		}
	}

	if err := c.Validate(); err != nil {
		return key, err
	}

	// If the database has an account, the master key exists or is lost.
	err = poolhouse.CheckInitialised(ctx, c)
	isNew := errors.Is(err, poolhouse.ErrNotInitialised)
	if err != nil && !isNew {
		return key, err
	}

	if isNew {
		if err := checkRoleAccounts(s); err != nil {
			return key, err
		}
	}
	if isNew && c.DatabaseURL == "" {
		if err := makeFolder(s, c.DataDir); err != nil {
			return key, err
		}
	}
	if c.MasterKey, err = masterKey(s, isNew); err != nil {
		return key, err
	}

	return poolhouse.Initialise(ctx, c)
}

// checkRoleAccounts refuses roles of the settings that do not belong to the new account: serve
// would not start with them, and the account cannot be changed.
func checkRoleAccounts(s *settings) error {
	account := s.Account
	for i, role := range s.file.Roles {
		arn, err := iam.ParseRoleARN(role.ARN)
		if err != nil || string(arn.Account) == account {
			continue // serve refuses an invalid ARN
		}

		return s.fault(&s.Account,
			"roles[%d].arn belongs to account %s: set account_id to that; it cannot be changed later", i, arn.Account)
	}

	return nil
}

// handOver shows the key. If that fails, it deletes the key, so that no root key remains whose
// secret nobody has seen. The next init makes another.
func handOver(c *cobra.Command, key poolhouse.AccessKey) error {
	signal.Ignore(syscall.SIGPIPE) // it would end the process before the key is deleted
	showErr := showKey(os.Stdout, key)
	if showErr == nil {
		return nil
	}

	c.SetContext(context.WithoutCancel(c.Context()))
	err := withDatabase(c, nil, "", onKeys(
		func(c *cobra.Command, _ []string, _ *database, k *iam.AccessKeys) error {
			return k.Delete(c.Context(), key.AccessKeyID)
		}))
	if err != nil {
		return fmt.Errorf("account %s was created, but its root key could be neither shown (%w) nor deleted (%w): "+
			"run `poolhouse keys delete %s` and create another with `poolhouse keys create`",
			key.Account, showErr, err, key.AccessKeyID)
	}

	return fmt.Errorf("account %s was created, but its root key could not be shown and was deleted (%w): "+
		"run `poolhouse init` again", key.Account, showErr)
}

// checkShows refuses a standard output that would swallow the key, which is shown only once. Go
// opens the null device in place of an output that is closed at the start.
func checkShows(out *os.File) error {
	info, err := out.Stat()
	if err != nil {
		return fmt.Errorf("nothing was created: standard output, which would show the key, cannot be used: %w", err)
	}
	if isNullDevice(info) {
		return fmt.Errorf("nothing was created: standard output, which would show the key, is closed or %s: "+
			"send it to a terminal, a file or a pipe", os.DevNull)
	}

	return nil
}

// showKey writes the key, and if the output is a file, waits until it is on disk.
func showKey(out *os.File, key poolhouse.AccessKey) error {
	_, err := fmt.Fprintf(out, "Account %s was created with a root access key. The secret is shown only this time:\n\n"+
		"  AWS_ACCESS_KEY_ID=%s\n  AWS_SECRET_ACCESS_KEY=%s\n\n",
		key.Account, key.AccessKeyID, key.SecretAccessKey)
	if err != nil {
		return err
	}
	if info, err := out.Stat(); err == nil && info.Mode().IsRegular() {
		return out.Sync()
	}

	return nil
}

// initCommandLine returns the init command for a given command: the same flags, as far as init
// has them. Environment variables apply to init, too. The database URL may contain a password
// in several forms, so a variable stands for it.
func initCommandLine(c *cobra.Command) string {
	words, note := []string{programName(), "init"}, ""
	for _, name := range []string{"config", "data", "database", "master-key-file", "account-id"} {
		f := c.Flags().Lookup(name)
		if f == nil || !f.Changed {
			continue
		}
		value := shellQuoted(f.Value.String())
		if name == "database" {
			value = `"$POOLHOUSE_DATABASE"`
			note = "\nwith the value of --database in the variable POOLHOUSE_DATABASE"
		}
		words = append(words, "--"+name, value)
	}

	return strings.Join(words, " ") + note
}
