package admincli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

func (o Options) identitySignOut() *cobra.Command {
	flags := memberFlags{
		{name: "provider", member: "ProviderName", usage: "login provider name: the key in Logins"},
		{name: "subject", member: "Subject", usage: "the provider's subject"},
		{name: "session", member: "Session", usage: "end one session only: sid, origin_jti or jti of its tokens"},
	}
	c := o.on(&cobra.Command{
		Use:   "sign-out",
		Short: "Sign a user out: refuse the tokens that a provider has issued so far",
		Long: `From now on, every pool of the key's account refuses the ID tokens that a provider has
issued to the user so far, or only those of one session. If the setting
sign_out_in_all_accounts is on and the key belongs to the server's own account, this
applies to the pools of all accounts. New sign-ins at the provider are accepted.

Tokens and credentials that Poolhouse has issued stay valid until they expire. If the
setting sign_out_ends_sessions is on, the credentials end, too.`,
		Example: `  poolhouse identity sign-out --provider accounts.google.com --subject 1092...
  poolhouse identity sign-out --provider idp.example.com --subject alice \
    --session 08a5019c-17e1-4977-8f42-65a12843ea02`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
		return signOut(ctx, c, client, flags.given(c))
	})
	flags.addTo(c)

	return c
}

func signOut(ctx context.Context, c *cobra.Command, client *apply.Client, in members) error {
	var out struct {
		ProviderName string
		NotBefore    moment
		Known        *bool // nil: an older server's answer
	}
	if err := client.Admin(ctx, "SignOut", in, &out); err != nil {
		return err
	}

	text := fmt.Sprintf("signed out at %s, as of %s\n", explain.Escaped(out.ProviderName), out.NotBefore)
	if out.Known != nil && !*out.Known {
		text += "The account has no such login provider now: " +
			"unless it was deleted, nobody is signed out. Give the provider's key in Logins.\n"
	}
	_, err := io.WriteString(c.OutOrStdout(), text)

	return err
}

// RevokeSession returns the command that ends session credentials.
func RevokeSession(o Options) *cobra.Command {
	flags := memberFlags{
		{name: "identity", member: "IdentityId", usage: "end the sessions of this identity"},
		{name: "pool", member: "IdentityPoolId", usage: "end the sessions of this identity pool"},
		{name: "role", member: "RoleArn", usage: "end the sessions of this role, by its ARN"},
	}
	c := o.on(&cobra.Command{
		Use:   "revoke-session [ACCESS_KEY_ID]",
		Short: "End session credentials before they expire",
		Long: `Those of one temporary access key (ASIA...) end, or all that have been issued so far to an
identity, in a pool or for a role. Every node refuses them within five seconds. This cannot
be undone. If the identity, pool or role does not exist, the command reports it.`,
		Example: `  poolhouse keys revoke-session ASIAIOSFODNN7EXAMPLE
  poolhouse keys revoke-session --identity us-east-1:...
  poolhouse keys revoke-session --role arn:aws:iam::123456789012:role/app`,
		Args: cobra.MaximumNArgs(1),
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
		in := flags.given(c)
		if len(args) == 1 {
			in["AccessKeyId"] = args[0]
		}
		return revokeSessions(ctx, c, client, in)
	})
	flags.addTo(c)

	return c
}

func revokeSessions(ctx context.Context, c *cobra.Command, client *apply.Client, in members) error {
	var out struct{ Known *bool }
	if err := client.Admin(ctx, "RevokeSessions", in, &out); err != nil {
		return err
	}

	text := "revoked; every node refuses the credentials within five seconds"
	if out.Known != nil && !*out.Known {
		text = "The account has no such identity, pool or role now. If it was deleted, every node refuses its " +
			"credentials within five seconds; if not, check the ID."
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), text)

	return err
}
