package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// adminCall calls an operation of the administrators' API of the server that the command names.
func adminCall(c *cobra.Command, operation string, in, out any) error {
	client, err := serverClient(c)
	if err != nil {
		return err
	}
	return client.Admin(c.Context(), operation, in, out)
}

// memberFlags are flags whose values are members of an operation's input.
type memberFlags []struct{ name, member, usage string }

func (m memberFlags) addTo(c *cobra.Command) {
	for _, f := range m {
		c.Flags().String(f.name, "", f.usage)
	}
}

// given returns the members whose flags have a value.
func (m memberFlags) given(c *cobra.Command) map[string]string {
	in := map[string]string{}
	for _, f := range m {
		if value, _ := c.Flags().GetString(f.name); value != "" {
			in[f.member] = value
		}
	}

	return in
}

func explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain REQUEST_ID",
		Short: "Show why a call was refused",
		Long: `Show why a running server refused a call: the checks that it made, the one that failed,
the value that it expected, the value that it got, and how to fix it. The request ID is
in the response header x-amzn-RequestId; SDKs show it with the error.

The command signs with the keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_REGION. Use the account and the region of the refused call. If the call belongs to
no account, use the server's own account. With --docs, print all reasons for which a
server refuses calls.`,
		Example: `  poolhouse explain 3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55
  poolhouse explain --docs`,
		Args: func(c *cobra.Command, args []string) error {
			if docs, _ := c.Flags().GetBool("docs"); docs {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if docs, _ := c.Flags().GetBool("docs"); docs {
				_, err := io.WriteString(c.OutOrStdout(), explain.Reference(poolhouse.Refusals()))
				return err
			}

			var out struct {
				refusedCall
				Operation, Outcome, Message string
				Steps                       []explain.Step
				Planned                     []explain.Code
			}
			if _, err := uuid.Parse(args[0]); err != nil {
				return fmt.Errorf(
					"%q is not a request ID: copy it from the response header x-amzn-RequestId; it looks like "+
						"3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55", args[0],
				)
			}
			err := adminCall(c, "Explain", map[string]string{"RequestId": args[0]}, &out)
			if err != nil {
				return fmt.Errorf(
					"asking %s: %w; choose another server with --endpoint; the key in AWS_ACCESS_KEY_ID needs "+
						"the permission poolhouse:Explain", explain.ShownAddress(endpoint(c)), err,
				)
			}

			var b strings.Builder
			fmt.Fprintln(&b, printable(joined(": ", out.Operation, out.Outcome, out.Message)))
			out.write(&b)
			writeSteps(&b, newPalette(c.OutOrStdout()), out.Steps, out.Planned)
			_, err = io.WriteString(c.OutOrStdout(), b.String())

			return err
		},
	}
	addEndpoint(c)
	c.Flags().Bool("docs", false, "print all reasons for which calls are refused, in Markdown")

	return c
}

// refusedCall tells where a refused call came from and what it reached.
type refusedCall struct {
	Time                                       float64
	IdentityPoolId, ProviderName, Client, Node string
	SourceAddress, AccessKeyId, Region         string
}

// write writes what is known, a line each.
func (r refusedCall) write(b *strings.Builder) {
	var when string
	if r.Time > 0 {
		when = time.UnixMilli(int64(r.Time * 1000)).UTC().Format(time.RFC3339)
	}

	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"time", when},
		{"region", r.Region},
		{"pool", r.IdentityPoolId},
		{"provider", r.ProviderName},
		{"client", r.Client},
		{"address", r.SourceAddress},
		{"key", r.AccessKeyId},
		{"node", r.Node},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "  %s\t%s\n", line[0], printable(line[1]))
		}
	}
	_ = w.Flush() // into memory
}

func identityCommand() *cobra.Command {
	c := &cobra.Command{Use: "identity", Short: "Find identities by login, and logins by identity"}
	flags := memberFlags{
		{name: "pool", member: "IdentityPoolId", usage: "identity pool ID"},
		{name: "provider", member: "ProviderName", usage: "login provider name"},
		{name: "subject", member: "Subject", usage: "the provider's subject, or the developer user identifier"},
		{name: "identity-id", member: "IdentityId", usage: "identity ID"},
	}
	lookup := &cobra.Command{
		Use:   "lookup",
		Short: "Find an identity by a provider's subject, or the subjects of an identity",
		Example: `  poolhouse identity lookup --pool us-east-1:... --provider accounts.google.com --subject 1092...
  poolhouse identity lookup --identity-id us-east-1:...`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				IdentityId, IdentityPoolId, MergedTo string
				Disabled                             bool
				Logins                               []struct{ ProviderName, Subject, Kind string }
			}
			if err := adminCall(c, "LookupIdentity", flags.given(c), &out); err != nil {
				return err
			}

			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "identity\t%s\npool\t%s\n", out.IdentityId, out.IdentityPoolId)
			if out.Disabled {
				fmt.Fprintf(w, "disabled\tmerged into %s\n", out.MergedTo)
			}

			for _, l := range out.Logins {
				fmt.Fprintf(
					w, "login\t%s\t%s\t%s\n", printable(l.ProviderName), printable(l.Subject), printable(l.Kind),
				)
			}

			return w.Flush()
		},
	}
	addEndpoint(lookup)
	flags.addTo(lookup)
	c.AddCommand(lookup, signOutCommand())

	return c
}

func signOutCommand() *cobra.Command {
	flags := memberFlags{
		{name: "provider", member: "ProviderName", usage: "login provider name: the key in Logins"},
		{name: "subject", member: "Subject", usage: "the provider's subject"},
		{name: "session", member: "Session", usage: "end one session only: sid, origin_jti or jti of its tokens"},
	}
	c := &cobra.Command{
		Use:   "sign-out",
		Short: "Sign a user out: refuse the tokens that a provider has issued so far",
		Long: `Sign a user out. From now on, every pool of the key's account refuses the ID tokens
that a provider has issued to the user so far, or only those of one session. If the
setting sign_out_in_all_accounts is on and the key belongs to the server's own account,
this applies to the pools of all accounts. New sign-ins at the provider are accepted.

Tokens and credentials that Poolhouse has issued stay valid until they expire. If the
setting sign_out_ends_sessions is on, the credentials end, too.

The command signs with the keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_REGION.`,
		Example: `  poolhouse identity sign-out --provider accounts.google.com --subject 1092...
  poolhouse identity sign-out --provider idp.example.com --subject alice \
    --session 08a5019c-17e1-4977-8f42-65a12843ea02`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				ProviderName string
				NotBefore    float64
				Known        *bool // nil: an older server's answer
			}
			if err := adminCall(c, "SignOut", flags.given(c), &out); err != nil {
				return err
			}

			at := time.Unix(int64(out.NotBefore), 0).UTC().Format(time.RFC3339)
			text := fmt.Sprintf("signed out at %s, as of %s\n", printable(out.ProviderName), at)
			if out.Known != nil && !*out.Known {
				text += "The account has no such login provider now: " +
					"unless it was deleted, nobody is signed out. Give the provider's key in Logins.\n"
			}
			_, err := io.WriteString(c.OutOrStdout(), text)

			return err
		},
	}
	addEndpoint(c)
	flags.addTo(c)

	return c
}
