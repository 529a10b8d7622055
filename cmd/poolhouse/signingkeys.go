package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/signingkeys"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

func signingKeysCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "signing-keys",
		Short: "List, rotate and retire the keys that sign tokens, in the database",
		Long: `List, rotate and retire the keys that sign tokens, in the database, beside the server: the
command needs no access key. "poolhouse signing-key" works from anywhere: it calls a running
server's API.`,
	}
	c.AddCommand(signingKeysListCommand(), signingKeysRotateCommand(), signingKeysRetireCommand())

	return c
}

func signingKeysListCommand() *cobra.Command {
	return onDatabase(&cobra.Command{
		Use:   "list",
		Short: "List the keys that sign tokens",
		Args:  cobra.NoArgs,
	}, func(c *cobra.Command, _ []string, d *database) error {
		keys, err := d.signingKeys(nil).List(c.Context(), signingkeys.Scope{Pools: true, Web: true})
		if err != nil {
			return err
		}

		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tALGORITHM\tSTATE\tSIGNS FROM\tPUBLISHED UNTIL\tSIGNS FOR")

		for _, k := range keys {
			signsFor := "identity pools"
			if k.Account != "" {
				signsFor = "account " + string(k.Account)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n",
				k.ID, k.Algorithm, k.State, moment(k.SignsFrom), end(k.PublishedUntil), signsFor)
		}

		return w.Flush()
	})
}

// moment returns a time as the lists show it.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// end returns the end of a key's time as the lists show it; zero = no other key replaces it yet.
func end(t time.Time) string {
	if t.IsZero() {
		return "it is replaced"
	}
	return moment(t)
}

func signingKeysRotateCommand() *cobra.Command {
	c := onDatabase(&cobra.Command{
		Use:   "rotate",
		Short: "Add new signing keys, used in an hour, or at once with --now",
		Long: `Add a new signing key for every algorithm. Servers publish it at once and sign with
it in an hour, when every verifier that honours the cache headers has seen it. The
old key stays published until the last token that it signed has expired. It does so
for the tokens of identity pools and for the web identity tokens of every account that
has enabled them; with --account only for those of that account.

After a leak, use --now: servers sign with the new keys at once. A verifier may cache
the published keys for a minute, and may refuse new tokens for that minute. The old
keys are still accepted: end them with "signing-keys retire".

Running servers apply the change within ten seconds.`,
		Example: "  poolhouse signing-keys rotate --now --data /var/lib/poolhouse --issuer-url https://id.example.com",
		Args:    cobra.NoArgs,
	}, func(c *cobra.Command, _ []string, d *database) error {
		sealer, err := d.sealer()
		if err != nil {
			return err
		}

		now, _ := c.Flags().GetBool("now")
		named, _ := c.Flags().GetString("account")
		keys := d.signingKeys(sealer)
		if named == "" {
			if keys.Pools, err = poolIssuer(c.Context(), d, sealer); err != nil {
				return err
			}
		}
		account := identitypool.AccountID(named)
		scope := signingkeys.Scope{Pools: named == "", Web: true, Account: account}
		if err := keys.Rotate(c.Context(), scope, now); err != nil {
			return err
		}
		if !now {
			return nil
		}

		w := c.OutOrStdout()
		fmt.Fprintln(w, "Every node signs with the new keys within ten seconds.")
		if named == "" {
			if err := replaced(c.Context(), w, d); err != nil {
				return err
			}
		}

		return webIdentityReplaced(c.Context(), w, d, account)
	}, "issuer_url", "region", "token_algorithm")
	c.Flags().Bool("now", false, "sign with the new keys at once")
	c.Flags().String("account", "", "rotate only the keys of this account's web identity tokens")

	return c
}

// signingKeys returns the signing keys of the database. sealer is not needed to list them.
func (d *database) signingKeys(sealer issuer.Sealer) *signingkeys.Keys {
	return &signingkeys.Keys{
		Store:  d.store,
		Sealer: sealer,
		Web: webidentity.New(webidentity.Options{
			Store:  d.store,
			Sealer: sealer,
			URL:    strings.TrimSuffix(d.settings.IssuerURL, "/"),
		}),
		Now: time.Now,
	}
}

// poolIssuer returns the issuer of the tokens of identity pools.
func poolIssuer(ctx context.Context, d *database, sealer issuer.Sealer) (*issuer.Issuer, error) {
	i, err := issuer.New(ctx, issuer.Options{
		Store:     d.store,
		Sealer:    sealer,
		URL:       strings.TrimSuffix(d.settings.IssuerURL, "/"),
		Region:    d.settings.Region,
		Algorithm: d.settings.TokenAlgorithm,
	})
	if err != nil {
		return nil, fmt.Errorf("%w (use the same issuer_url, region and token_algorithm as the server)", err)
	}

	return i, nil
}

// replaced prints which keys a rotation replaced, and how to end them.
func replaced(ctx context.Context, w io.Writer, d *database) error {
	keys, err := issuer.List(ctx, d.store, time.Now())
	if err != nil {
		return err
	}

	for _, k := range keys {
		if k.State == issuer.Retired {
			fmt.Fprintf(w, "%s (%s) is still accepted; `poolhouse signing-keys retire %s` ends it.\n",
				k.ID, k.Algorithm, k.ID)
		}
	}

	return nil
}

func signingKeysRetireCommand() *cobra.Command {
	return onDatabase(&cobra.Command{
		Use:   "retire KEY",
		Short: "Retire a signing key that leaked, and end the tokens that it signed",
		Long: `Retire a signing key that leaked. Within ten seconds no server publishes it, and every
server refuses the tokens that it signed, in Logins and in STS calls. The command
prints the pools and credential engines that are affected; it needs the server's
settings file for that. This cannot be undone.

You cannot retire the key in use: run "poolhouse signing-keys rotate --now" first.`,
		Example: `  poolhouse signing-keys rotate --now --config poolhouse.yaml
  poolhouse signing-keys retire us-east-11-5d3f8a1c90b2e674 --config poolhouse.yaml`,
		Args: cobra.ExactArgs(1),
	}, func(c *cobra.Command, args []string, d *database) error {
		sealer, err := d.sealer()
		if err != nil {
			return err
		}

		scope := signingkeys.Scope{Pools: true, Web: true}

		key, err := d.signingKeys(sealer).Retire(c.Context(), scope, args[0])
		switch {
		case errors.Is(err, issuer.ErrNoKey):
			return fmt.Errorf("there is no signing key %s; `poolhouse signing-keys list` shows them", args[0])
		case errors.Is(err, issuer.ErrKeySigns):
			return fmt.Errorf("%s signs tokens now: run `poolhouse signing-keys rotate --now` first, "+
				"then retire it", args[0])
		case err != nil:
			return err
		}
		if key.Account != "" {
			showRetiredWebIdentity(c.OutOrStdout(), key)
			return nil
		}
		showRetired(c.OutOrStdout(), key.KeyInfo, d.settings)

		return nil
	}, "token_algorithm")
}

// retiredBefore explains that a key is retired. It reports whether no token ends with it.
func retiredBefore(w io.Writer, k issuer.KeyInfo) bool {
	if k.State == issuer.Withdrawn {
		fmt.Fprintf(w, "%s (%s) was retired already, at %s.\n", k.ID, k.Algorithm, moment(k.Withdrawn))
		return true
	}

	fmt.Fprintf(w, "%s (%s) is retired. Within ten seconds no server publishes it or accepts what it signed.\n",
		k.ID, k.Algorithm)
	if k.State == issuer.Upcoming {
		fmt.Fprintln(w, "It was not in use yet: no tokens end.")
		return true
	}

	return false
}

// showRetired explains which tokens end with a key.
func showRetired(w io.Writer, k issuer.KeyInfo, s *settings) {
	if retiredBefore(w, k) {
		return
	}

	fmt.Fprintf(w, `Tokens that end, signed from %s until %s:
  tokens of GetOpenIdToken (10 minutes) and GetOpenIdTokenForDeveloperIdentity (up to 24 hours)
  of %s
Apps get new tokens with the same calls. Session credentials that were issued for such
tokens stay valid until they expire: end them with "poolhouse keys revoke-session", or
all at once with "poolhouse session-keys".
`, moment(k.SignsFrom), moment(k.SignsUntil), poolsSignedWith(k.Algorithm, s))

	engines := enginesOf(k.Algorithm, s)
	if len(engines) == 0 {
		fmt.Fprintf(w, "Credential engines: none in these settings gets tokens signed with %s.\n", k.Algorithm)
	}

	for _, e := range engines {
		fmt.Fprintf(w, "Credential engine %s\n", e)
	}

	fmt.Fprint(w, `External credential engines and other verifiers may accept the key until they read the
published keys again: a minute if they honour the cache headers. Restart those that
do not. End the sessions that an external engine issued at that engine.
`)
}

// poolsSignedWith names the pools whose tokens are signed with an algorithm.
func poolsSignedWith(algorithm string, s *settings) string {
	var with, without []string
	for _, pool := range slices.Sorted(maps.Keys(s.file.TokenAlgorithms)) {
		if s.file.TokenAlgorithms[pool] == algorithm {
			with = append(with, pool)
		} else {
			without = append(without, pool)
		}
	}

	switch isDefault := defaultAlgorithm(s) == algorithm; {
	case isDefault && len(without) == 0:
		return "all identity pools"
	case isDefault:
		return "all identity pools but " + strings.Join(without, ", ")
	case len(with) == 0:
		return "no identity pool in these settings"
	default:
		return "the identity pools " + strings.Join(with, ", ")
	}
}

func defaultAlgorithm(s *settings) string {
	return cmp.Or(s.TokenAlgorithm, issuer.RS512)
}

// enginesOf describes the credential engines that get tokens signed with an algorithm, with their
// pools.
func enginesOf(algorithm string, s *settings) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(s.file.CredentialEngines)) {
		e := s.file.CredentialEngines[name]
		if cmp.Or(e.Token.Algorithm, defaultAlgorithm(s)) != algorithm {
			continue
		}

		var pools []string
		for _, pool := range slices.Sorted(maps.Keys(s.file.PoolCredentialEngines)) {
			if s.file.PoolCredentialEngines[pool] == name {
				pools = append(pools, pool)
			}
		}
		if s.CredentialEngine == name {
			pools = append(pools, "all pools without an engine of their own")
		}

		served := cmp.Or(strings.Join(pools, ", "), "no pool")
		line := fmt.Sprintf("%s (%s), for %s", name, explain.ShownAddress(e.Endpoint), served)
		if e.Token.Certificate {
			line += "; it gets the key's certificate (x5c): replace it where it was installed by hand"
		}
		lines = append(lines, line)
	}

	return lines
}
