package admincli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// signingKey has the members of a key that signs tokens.
type signingKey struct {
	KeyId          string
	Algorithm      string
	State          string
	AgeSeconds     int64
	Account        string  `json:",omitempty"`
	SignsFrom      *moment // nil: it signs from the beginning
	SignsUntil     *moment `json:",omitempty"`
	PublishedUntil *moment `json:",omitempty"`
	RetiredAt      *moment `json:",omitempty"`
}

func (k *signingKey) row(t *lines, indent string) {
	use := "identity pools"
	if k.Account != "" {
		use = "web identity tokens of " + k.Account
	}
	t.add(indent+k.KeyId, k.Algorithm, k.State, (time.Duration(k.AgeSeconds) * time.Second).String(), use)
}

func (o Options) signingKeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "signing-key",
		Short: "List, rotate and retire the keys that sign tokens, on a running server",
		Long: `List, rotate and retire the keys that sign tokens, over the API of a running server.
If the server is down, or you have no access key, use "poolhouse signing-keys" beside it.
That works in the server's database.`,
	}
	c.AddCommand(o.signingKeyList(), o.signingKeyRotate(), o.signingKeyRetire())

	return c
}

func addAccount(c *cobra.Command) {
	c.Flags().String("account", "", "account whose web identity tokens they sign; empty means the caller's")
}

// accountOf returns the input with the account that a flag names.
func accountOf(c *cobra.Command) members {
	in := members{}
	account, _ := c.Flags().GetString("account")
	in.given("Account", account)

	return in
}

func showSigningKeys(c *cobra.Command, all []signingKey) error {
	return show(c, all, func(t *lines) {
		t.add("KEY", "ALGORITHM", "STATE", "AGE", "FOR")

		for i := range all {
			all[i].row(t, "")
		}
	})
}

func (o Options) signingKeyList() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "list",
		Short:   "List signing keys with their states",
		Example: "  poolhouse signing-key list",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
		var out struct{ SigningKeys []signingKey }
		if err := client.Admin(ctx, "ListSigningKeys", accountOf(c), &out); err != nil {
			return err
		}
		return showSigningKeys(c, out.SigningKeys)
	})
	addAccount(c)
	addForm(c)

	return c
}

func (o Options) signingKeyRotate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "rotate",
		Short: "Make new signing keys",
		Long: `They are published at once and sign later, when every verifier has read them. Tokens of
earlier keys stay valid until they expire.`,
		Example: "  poolhouse signing-key rotate",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
		in := accountOf(c)
		if now, _ := c.Flags().GetBool("now"); now {
			in["Now"] = true
		}
		var out struct{ SigningKeys []signingKey }
		if err := client.Admin(ctx, "RotateSigningKeys", in, &out); err != nil {
			return err
		}

		return showSigningKeys(c, out.SigningKeys)
	})
	addAccount(c)
	c.Flags().Bool("now", false,
		"sign with them at once: verifiers that keep the old list refuse their tokens for a while")
	addForm(c)

	return c
}

func (o Options) signingKeyRetire() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "retire KEY_ID",
		Short:   "End a signing key that leaked, with all tokens that it signed",
		Example: "  poolhouse signing-key retire us-east-11abcf06c3763e76e0",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
		question := fmt.Sprintf("Retire the signing key %s? All tokens that it signed are refused.", args[0])
		if err := confirm(c, question); err != nil {
			return err
		}
		in := accountOf(c)
		in["KeyId"] = args[0]
		var out struct{ SigningKey signingKey }
		if err := client.Admin(ctx, "RetireSigningKey", in, &out); err != nil {
			return err
		}

		// The answer has the key's state before.
		return changed(c, args[0], "is withdrawn: all tokens that it signed are refused; it was", out.SigningKey.State)
	})
	c.ValidArgsFunction = o.completer(signingKeyIDs)
	addAccount(c)
	addYes(c)

	return c
}
