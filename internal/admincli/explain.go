package admincli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// Explain returns the command that shows why calls were refused. docs returns the page of all
// reasons.
func Explain(o Options, docs func() string) *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "explain [REQUEST_ID]",
		Short: "Show why calls were refused, or what a token would pass",
		Long: `With a request ID: the checks that the server made, the one that failed, the value that it
expected, the value that it got, and how to fix it. The request ID is in the response
header x-amzn-RequestId; SDKs show it with the error.

Without one: the newest refusals; with --follow, also those to come.

With --token: which pools would accept a token or a SAML response, and which check would
fail at the others. Nobody is signed in, and the token is not kept.

Use the account and the region of the refused call. If the call belongs to no account,
use the server's own account. The key needs the permissions poolhouse:Explain,
poolhouse:ListRefusals and poolhouse:ExplainToken.`,
		Example: `  poolhouse explain 3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55
  poolhouse explain --follow --reason token-audience
  poolhouse explain --token token.txt
  poolhouse explain --docs`,
		Args: cobra.MaximumNArgs(1),
	}, explainWork)

	ask := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if all, _ := c.Flags().GetBool("docs"); all { // asks no server
			_, err := io.WriteString(c.OutOrStdout(), docs())
			return err
		}
		if len(args) == 1 {
			if _, err := uuid.Parse(args[0]); err != nil {
				return fmt.Errorf("%q is not a request ID: copy it from the response header x-amzn-RequestId; it "+
					"looks like 3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55", args[0])
			}
		}

		return ask(c, args)
	}

	f := c.Flags()
	f.Bool("docs", false, "print all reasons for which calls are refused, in Markdown")
	f.Bool("follow", false, "show refusals as they happen, until it is stopped")
	f.String("token", "", "file with a token or a SAML response; - reads standard input")
	f.String("pool", "", "only refusals, or checks, of this identity pool")
	f.String("provider", "", "only refusals of this login provider; with --token: the provider's key in Logins")
	f.String("reason", "", "only refusals for this reason: a code of --docs")
	f.String("operation", "", "only refusals of this operation")
	c.MarkFlagsMutuallyExclusive("docs", "follow", "token")
	_ = c.RegisterFlagCompletionFunc("pool", o.flagCompleter(poolNames))
	_ = c.RegisterFlagCompletionFunc("operation", o.flagCompleter(refusedOperations))
	_ = c.RegisterFlagCompletionFunc("reason",
		cobra.FixedCompletions(o.Reasons, cobra.ShellCompDirectiveNoFileComp))
	addForm(c)

	return c
}

func explainWork(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	follow, _ := c.Flags().GetBool("follow")
	token, _ := c.Flags().GetString("token")
	switch {
	case len(args) == 1 && (follow || token != ""):
		return fmt.Errorf("--follow and --token take no request ID")
	case len(args) == 1:
		return explainCall(ctx, c, client, args[0])
	case token != "":
		return explainToken(ctx, c, client, token)
	default:
		return listRefusals(ctx, c, client, follow)
	}
}

// refusal has the members of a refused call in Explain and ListRefusals.
type refusal struct {
	RequestId      string
	Time           moment
	Operation      string
	Outcome        string
	Message        string         `json:",omitempty"`
	Reason         explain.Code   `json:",omitempty"`
	Region         string         `json:",omitempty"`
	IdentityPoolId string         `json:",omitempty"`
	ProviderName   string         `json:",omitempty"`
	Client         string         `json:",omitempty"`
	SourceAddress  string         `json:",omitempty"`
	AccessKeyId    string         `json:",omitempty"`
	KeyUnproven    bool           `json:",omitempty"`
	Node           string         `json:",omitempty"`
	Steps          []step         `json:",omitempty"`
	Planned        []explain.Code `json:",omitempty"`
}

func explainCall(ctx context.Context, c *cobra.Command, client *apply.Client, id string) error {
	var out refusal
	if err := client.Admin(ctx, "Explain", members{"RequestId": id}, &out); err != nil {
		return fmt.Errorf(
			"%w; the key needs the permission poolhouse:Explain; another server is named by --endpoint", err)
	}

	return showText(c, out, func(to io.Writer) error {
		_, err := io.WriteString(to, out.text(terminal.PaletteFor(to)))
		return err
	})
}

// text tells why a call was refused: a heading, where it came from, and its checks.
func (r *refusal) text(p terminal.Palette) string {
	var b strings.Builder

	heading := []string{}
	for _, part := range []string{r.Operation, r.Outcome, r.Message} {
		if part != "" {
			heading = append(heading, part)
		}
	}
	fmt.Fprintln(&b, explain.Escaped(strings.Join(heading, ": ")))

	origin := &lines{}
	origin.named("  time", r.Time.String())
	origin.named("  region", r.Region)
	origin.named("  pool", r.IdentityPoolId)
	origin.named("  provider", r.ProviderName)
	origin.named("  client", r.Client)
	origin.named("  address", r.SourceAddress)
	key := r.AccessKeyId
	if r.KeyUnproven {
		key += " (named by the request, not proven)"
	}
	origin.named("  access key", key)
	origin.named("  node", r.Node)
	_ = origin.writeTo(&b) // a strings.Builder takes all

	b.WriteString(Steps(p, explainedSteps(r.Steps), r.Planned))

	return b.String()
}

// Steps tells the checks of a refused call, each on lines of its own, indented.
func Steps(p terminal.Palette, steps []explain.Step, planned []explain.Code) string {
	colour := func(word string) string {
		if strings.HasPrefix(word, "ok") {
			return p.Green + word + p.Reset
		}
		return p.Red + word + p.Reset
	}

	text := explain.Text(steps, planned, colour)
	if text == "" {
		return ""
	}

	return "  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n"
}
