package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// adminCall calls an operation of the administrators' API, signed with the keys in the
// environment.
func adminCall(ctx context.Context, endpoint, operation string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()

	body, err := json.Marshal(in)
	if err != nil {
		return err
	}

	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "PoolhouseAdmin."+operation)
	if err := signRequest(request, body, time.Now().UTC()); err != nil {
		return err
	}

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()

	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}

	if response.StatusCode != http.StatusOK {
		var refused struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if json.Unmarshal(answer, &refused) == nil && refused.Type != "" {
			return fmt.Errorf("%s: %s", refused.Type, refused.Message)
		}
		return fmt.Errorf("%s answered %s", explain.ShownAddress(endpoint), response.Status)
	}

	return json.Unmarshal(answer, out)
}

// signRequest signs a request with the keys in the environment.
func signRequest(r *http.Request, body []byte, now time.Time) error {
	keys := sigv4.Credentials{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
	}
	if keys.AccessKeyID == "" || keys.SecretAccessKey == "" {
		return fmt.Errorf("no keys to sign with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	region := cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), poolhouse.DevRegion)

	return sigv4.Sign(r, body, keys, region, "poolhouse", now)
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
				Operation, Outcome, Message string
				Reason                      explain.Code
				Steps                       []explain.Step
				Planned                     []explain.Code
			}
			if _, err := uuid.Parse(args[0]); err != nil {
				return fmt.Errorf(
					"%q is not a request ID: copy it from the response header x-amzn-RequestId; it looks like "+
						"3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55", args[0],
				)
			}
			err := adminCall(c.Context(), endpoint(c), "Explain", map[string]string{"RequestId": args[0]}, &out)
			if err != nil {
				return fmt.Errorf(
					"asking %s: %w; choose another server with --endpoint; the key in AWS_ACCESS_KEY_ID needs "+
						"the permission poolhouse:Explain", explain.ShownAddress(endpoint(c)), err,
				)
			}

			var b strings.Builder
			fmt.Fprintln(&b, printable(joined(": ", out.Operation, out.Outcome, out.Message)))
			writeSteps(&b, newPalette(c.OutOrStdout()), poolhouse.Trace{
				Steps:   out.Steps,
				Reason:  out.Reason,
				Planned: out.Planned,
			})
			_, err = io.WriteString(c.OutOrStdout(), b.String())

			return err
		},
	}
	addEndpoint(c)
	c.Flags().Bool("docs", false, "print all reasons for which calls are refused, in Markdown")

	return c
}

func identityCommand() *cobra.Command {
	c := &cobra.Command{Use: "identity", Short: "Find identities by login, and logins by identity"}
	lookup := &cobra.Command{
		Use:   "lookup",
		Short: "Find an identity by a provider's subject, or the subjects of an identity",
		Example: `  poolhouse identity lookup --pool us-east-1:... --provider accounts.google.com --subject 1092...
  poolhouse identity lookup --identity-id us-east-1:...`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			in := map[string]string{}
			for flag, member := range map[string]string{
				"pool":        "IdentityPoolId",
				"provider":    "ProviderName",
				"subject":     "Subject",
				"identity-id": "IdentityId",
			} {
				if value, _ := c.Flags().GetString(flag); value != "" {
					in[member] = value
				}
			}

			var out struct {
				IdentityId, IdentityPoolId, MergedTo string
				Disabled                             bool
				Logins                               []struct{ ProviderName, Subject, Kind string }
			}
			if err := adminCall(c.Context(), endpoint(c), "LookupIdentity", in, &out); err != nil {
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
	lookup.Flags().String("pool", "", "identity pool ID")
	lookup.Flags().String("provider", "", "login provider name")
	lookup.Flags().String("subject", "", "the provider's subject, or the developer user identifier")
	lookup.Flags().String("identity-id", "", "identity ID")
	c.AddCommand(lookup, signOutCommand())

	return c
}

func signOutCommand() *cobra.Command {
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
  poolhouse identity sign-out --provider idp.example.com --subject alice --session 08a5019c-17e1-4977-8f42-65a12843ea02`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			in := map[string]string{}
			for flag, member := range map[string]string{
				"provider": "ProviderName",
				"subject":  "Subject",
				"session":  "Session",
			} {
				if value, _ := c.Flags().GetString(flag); value != "" {
					in[member] = value
				}
			}

			var out struct {
				ProviderName string
				NotBefore    float64
				Known        *bool // nil: an older server's answer
			}
			if err := adminCall(c.Context(), endpoint(c), "SignOut", in, &out); err != nil {
				return err
			}

			at := time.Unix(int64(out.NotBefore), 0).UTC().Format(time.RFC3339)
			if _, err := fmt.Fprintf(
				c.OutOrStdout(), "signed out at %s, as of %s\n", printable(out.ProviderName), at,
			); err != nil {
				return err
			}
			if out.Known != nil && !*out.Known {
				_, err := fmt.Fprintln(c.OutOrStdout(), "The account has no such login provider now: "+
					"unless it was deleted, nobody is signed out. Give the provider's key in Logins.")
				return err
			}

			return nil
		},
	}
	addEndpoint(c)
	c.Flags().String("provider", "", "login provider name: the key in Logins")
	c.Flags().String("subject", "", "the provider's subject")
	c.Flags().String("session", "", "end one session only: sid, origin_jti or jti of its tokens")

	return c
}
