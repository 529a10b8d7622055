package admincli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// maxCredential bounds a token or a SAML response, in bytes.
const maxCredential = 256 << 10

// trial is the outcome that a sign-in at one pool would have.
type trial struct {
	IdentityPoolId string            `json:",omitempty"`
	Name           string            `json:",omitempty"`
	ProviderName   string            `json:",omitempty"`
	Accepted       bool              //nolint:tagliatelle // the API's name
	Reason         explain.Code      `json:",omitempty"`
	Error          string            `json:",omitempty"`
	Message        string            `json:",omitempty"`
	RoleArn        string            `json:",omitempty"`
	Trust          *trust            `json:",omitempty"`
	Tags           map[string]string `json:",omitempty"`
	Steps          []step
}

type trust struct {
	Allowed   bool
	Statement string `json:",omitempty"`
}

// explainedToken has the outcomes of one credential at all pools.
type explainedToken struct {
	Kind    string
	Issuer  string  `json:",omitempty"`
	Subject string  `json:",omitempty"`
	Expires *moment `json:",omitempty"`
	Results []trial
}

// explainToken shows which pools would accept the credential in a file. It never prints it.
func explainToken(ctx context.Context, c *cobra.Command, client *apply.Client, path string) error {
	credential, err := readCredential(c.InOrStdin(), path)
	if err != nil {
		return err
	}

	in := credentialMember(credential)
	provider, _ := c.Flags().GetString("provider")
	in.given("ProviderName", provider)
	if id, _ := c.Flags().GetString("pool"); id != "" {
		in["IdentityPoolIds"] = []string{id}
	}

	var whole explainedToken
	for token := ""; ; {
		var page struct {
			explainedToken
			NextToken string
		}
		in.given("NextToken", token)
		if err := client.Admin(ctx, "ExplainToken", in, &page); err != nil {
			return err
		}

		results := append(whole.Results, page.Results...)
		whole = page.explainedToken
		whole.Results = results
		if token = page.NextToken; token == "" {
			break
		}
	}

	return showText(c, whole, whole.write)
}

// readCredential reads a token or a SAML response without the blanks around it.
func readCredential(stdin io.Reader, path string) (string, error) {
	in := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("--token: %w", err)
		}
		defer file.Close()

		in = file
	}

	text, err := io.ReadAll(io.LimitReader(in, maxCredential+1))
	if err != nil {
		return "", fmt.Errorf("--token: %w", err)
	}
	if len(text) > maxCredential {
		return "", fmt.Errorf("--token: more than %d bytes", maxCredential)
	}
	credential := strings.TrimSpace(string(text))
	if credential == "" {
		return "", fmt.Errorf("--token: there is nothing in it")
	}

	return credential, nil
}

// credentialMember returns the member for a credential: a SAML response is Base64 of XML, or XML.
func credentialMember(credential string) members {
	if strings.HasPrefix(credential, "PD") || strings.HasPrefix(credential, "PH") || credential[0] == '<' {
		return members{"SamlResponse": credential}
	}
	return members{"Token": credential}
}

// write tells a person what all pools say.
func (e *explainedToken) write(out io.Writer) error {
	head := &lines{}
	head.add("kind", e.Kind)
	head.named("issuer", e.Issuer)
	head.named("subject", e.Subject)
	if e.Expires != nil {
		head.add("expires", e.Expires.String())
	}
	if err := head.writeTo(out); err != nil {
		return err
	}

	for i := range e.Results {
		r := &e.Results[i]
		fmt.Fprintf(out, "\n%s %s\n%s", printed(r.IdentityPoolId), printed(r.Name), r.text(terminal.PaletteFor(out)))
	}

	return nil
}

// text tells the checks of a trial and its result.
func (r *trial) text(p terminal.Palette) string {
	var b strings.Builder
	b.WriteString(Steps(p, explainedSteps(r.Steps), nil))
	result := &lines{}
	if r.Accepted {
		result.add("  accepted", "as "+cmp.Or(r.ProviderName, "a guest"))
	} else {
		result.add("  refused", r.Error+": "+r.Message)
	}
	result.named("  role", r.RoleArn)
	if r.Trust != nil && r.Trust.Allowed {
		result.add("  trusted by", r.Trust.Statement)
	}

	for _, key := range sortedKeys(r.Tags) {
		result.add("  principal tag", key, r.Tags[key])
	}
	_ = result.writeTo(&b) // a strings.Builder takes all

	return b.String()
}

// rule is one role rule and what it said.
type rule struct {
	Matched, LookedAt bool
	Why               string
}

// tryRolesCommand returns the command that tells which role a user would get.
func tryRolesCommand(o Options) *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "try-roles POOL_ID",
		Short: "Show which role and principal tags a user would get, with the pool's rules or with drafts",
		Long: `The user is described by --claims, a file with a JSON object, or by --token. Without a
provider it is a guest. --roles is a file with the members Roles, RoleMappings and
PrincipalTags to try in place of those that are saved. Nothing is saved, and nobody is
signed in.`,
		Example: `  poolhouse try-roles us-east-1:00000000-0000-4000-8000-000000000001 \
    --provider idp.example.com --claims claims.json --roles draft.json`,
		Args: cobra.ExactArgs(1),
	}, tryRoles)
	c.ValidArgsFunction = o.completer(poolNames)
	c.Flags().String("provider", "", "the provider's key in Logins; empty means a guest")
	c.Flags().String("claims", "", "file with the claims of a user as a JSON object")
	c.Flags().String("token", "", "file with a token of a user; - reads standard input")
	c.Flags().String("custom-role", "", "ARN of a role that the app asks for")
	c.Flags().String("roles", "", "file with drafts in JSON: Roles, RoleMappings, PrincipalTags")
	c.MarkFlagsMutuallyExclusive("claims", "token")
	addForm(c)

	return c
}

func tryRoles(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	in := members{"IdentityPoolId": args[0]}
	for flag, member := range map[string]string{"provider": "ProviderName", "custom-role": "CustomRoleArn"} {
		value, _ := c.Flags().GetString(flag)
		in.given(member, value)
	}
	if err := in.file(c, "claims", "Claims"); err != nil {
		return err
	}
	if err := in.drafts(c); err != nil {
		return err
	}
	if path, _ := c.Flags().GetString("token"); path != "" {
		token, err := readCredential(c.InOrStdin(), path)
		if err != nil {
			return err
		}
		in["Token"] = token
	}

	var out struct {
		trial
		Rules []rule
	}
	if err := client.Admin(ctx, "TryRoles", in, &out); err != nil {
		return err
	}

	return showText(c, out, func(to io.Writer) error {
		rules := &lines{}
		for i, r := range out.Rules {
			rules.add("  rule "+strconv.Itoa(i+1), r.word(), r.Why)
		}
		if err := rules.writeTo(to); err != nil {
			return err
		}
		_, err := io.WriteString(to, out.text(terminal.PaletteFor(to)))

		return err
	})
}

// word tells in a word what a rule said.
func (r rule) word() string {
	switch {
	case r.Matched:
		return "matches"
	case r.LookedAt:
		return "no match"
	default:
		return "not looked at"
	}
}
