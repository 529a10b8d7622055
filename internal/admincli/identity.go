package admincli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

func (o Options) identityCommand() *cobra.Command {
	c := &cobra.Command{Use: "identity", Short: "Find, show and change identities"}
	c.AddCommand(o.identityList(), o.identityShow(), o.identityLookup(), o.identityCreate(), o.identityUpdate(),
		o.identityDelete(), o.identitySignOut())

	return c
}

// identity has the members of an identity in LookupIdentity and SearchIdentities.
type identity struct {
	IdentityId     string
	IdentityPoolId string
	CreationDate   *moment `json:",omitempty"` // SearchIdentities alone has both times
	LastModified   *moment `json:"LastModifiedDate,omitempty"`
	Disabled       bool
	MergedTo       string `json:",omitempty"`
	Logins         []loginOf
}

type loginOf struct{ ProviderName, Subject, Kind string }

// made returns when the identity was made, "" if the server does not tell.
func (i *identity) made() string {
	if i.CreationDate == nil {
		return ""
	}
	return i.CreationDate.String()
}

// logins returns the logins in one cell.
func (i *identity) logins() string {
	if len(i.Logins) == 0 {
		return "guest"
	}

	var all []string
	for _, l := range i.Logins {
		all = append(all, l.ProviderName+" "+l.Subject)
	}

	return strings.Join(all, ", ")
}

func (i *identity) lines(t *lines) {
	t.add("identity", i.IdentityId)
	t.add("pool", i.IdentityPoolId)
	t.named("made", i.made())
	if i.Disabled {
		t.add("disabled", "merged into "+i.MergedTo)
	}

	for _, l := range i.Logins {
		t.add("login", l.ProviderName, l.Subject, l.Kind)
	}
}

func (o Options) identityList() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "list POOL_ID",
		Short: "List the identities of a pool",
		Long: `A login is found by its provider and its whole subject: logins are stored under a hash,
so that the beginning of a subject finds nothing.`,
		Example: `  poolhouse identity list us-east-1:00000000-0000-4000-8000-000000000001 --max 20
  poolhouse identity list us-east-1:00000000-0000-4000-8000-000000000001 --provider accounts.google.com --subject 1092`,
		Args: cobra.ExactArgs(1),
	}, listIdentities)
	c.ValidArgsFunction = o.completer(poolNames)
	c.Flags().String("provider", "", "login provider name, with --subject")
	c.Flags().String("subject", "", "the provider's subject, or the developer user identifier, with --provider")
	c.Flags().String("prefix", "", "only identities whose ID begins so, as us-east-1:51fd; at least four digits")
	c.Flags().String("created-after", "", "only identities made after this time, as 2026-11-30T12:00:00Z")
	c.MarkFlagsRequiredTogether("provider", "subject")
	c.MarkFlagsMutuallyExclusive("subject", "prefix")
	c.MarkFlagsMutuallyExclusive("subject", "created-after")
	addMax(c)
	addForm(c)

	return c
}

func listIdentities(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	in := members{"IdentityPoolId": args[0], "MaxResults": 60}
	for flag, member := range map[string]string{
		"provider": "ProviderName", "subject": "Subject", "prefix": "IdentityIdPrefix",
	} {
		value, _ := c.Flags().GetString(flag)
		in.given(member, value)
	}
	if text, _ := c.Flags().GetString("created-after"); text != "" {
		after, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("--created-after %q: use a time such as 2026-11-30T12:00:00Z", text)
		}
		in["CreatedAfter"] = after.Unix()
	}

	all, err := listed(c, func(token string) ([]identity, string, error) {
		var page struct {
			Identities []identity
			NextToken  string
		}
		in.given("NextToken", token)
		err := client.Admin(ctx, "SearchIdentities", in, &page)

		return page.Identities, page.NextToken, err
	})
	if err != nil {
		return err
	}

	return show(c, all, func(t *lines) {
		t.add("IDENTITY", "MADE", "LOGINS")

		for i := range all {
			t.add(all[i].IdentityId, all[i].made(), all[i].logins())
		}
	})
}

func (o Options) identityShow() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "show IDENTITY_ID",
		Short:   "Show an identity with its logins",
		Example: "  poolhouse identity show us-east-1:51fd7bd7-775e-40af-96c8-d7dbf4ab5f3e",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
		return showIdentity(ctx, c, client, members{"IdentityId": args[0]})
	})
	addForm(c)

	return c
}

// showIdentity shows the identity that LookupIdentity finds.
func showIdentity(ctx context.Context, c *cobra.Command, client *apply.Client, in members) error {
	var found identity
	if err := client.Admin(ctx, "LookupIdentity", in, &found); err != nil {
		return err
	}
	return show(c, found, found.lines)
}

func (o Options) identityLookup() *cobra.Command {
	flags := memberFlags{
		{name: "pool", member: "IdentityPoolId", usage: "identity pool ID"},
		{name: "provider", member: "ProviderName", usage: "login provider name"},
		{name: "subject", member: "Subject", usage: "the provider's subject, or the developer user identifier"},
		{name: "identity-id", member: "IdentityId", usage: "identity ID"},
	}
	c := o.on(&cobra.Command{
		Use:   "lookup",
		Short: "Find an identity by a provider's subject, or the subjects of an identity",
		Example: `  poolhouse identity lookup --pool us-east-1:... --provider accounts.google.com --subject 1092...
  poolhouse identity lookup --identity-id us-east-1:...`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
		return showIdentity(ctx, c, client, flags.given(c))
	})
	flags.addTo(c)
	addForm(c)

	return c
}

// memberFlags are flags whose values are members of an operation's input.
type memberFlags []struct{ name, member, usage string }

func (m memberFlags) addTo(c *cobra.Command) {
	for _, f := range m {
		c.Flags().String(f.name, "", f.usage)
	}
}

// given returns the members whose flags have a value.
func (m memberFlags) given(c *cobra.Command) members {
	in := members{}
	for _, f := range m {
		value, _ := c.Flags().GetString(f.name)
		in.given(f.member, value)
	}

	return in
}
