package admincli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

func (o Options) poolCommand() *cobra.Command {
	c := &cobra.Command{Use: "pool", Short: "List, show and change identity pools"}
	c.AddCommand(o.poolList(), o.poolShow(), o.poolCreate(), o.poolUpdate(), o.poolDelete(),
		o.poolExport())

	return c
}

// poolSummary is a pool of ListPoolSummaries.
type poolSummary struct {
	Id, Name   string
	Guests     bool
	Providers  int
	Identities int64
	SignIns24h int64
	Refused24h int64
}

func (o Options) poolList() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "list",
		Short: "List the pools of an account and region",
		Example: `  poolhouse pool list
  poolhouse pool list --search shop --json | jq -r '.[].Id'`,
		Args: cobra.NoArgs,
	}, listPools)
	c.Flags().String("search", "", "only pools with this in their name or ID")
	addMax(c)
	addForm(c)

	return c
}

func listPools(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
	search, _ := c.Flags().GetString("search")
	all, err := listed(c, func(token string) ([]poolSummary, string, error) {
		var page struct {
			Pools     []poolSummary
			NextToken string
		}
		in := members{"MaxResults": 100}
		in.given("Search", search)
		in.given("NextToken", token)
		err := client.Admin(ctx, "ListPoolSummaries", in, &page)

		return page.Pools, page.NextToken, err
	})
	if err != nil {
		return err
	}

	return show(c, all, func(t *lines) {
		t.add("POOL", "NAME", "GUESTS", "PROVIDERS", "IDENTITIES", "SIGN-INS 24H", "REFUSED 24H")
		for _, p := range all {
			t.add(p.Id, p.Name, yesNo(p.Guests), strconv.Itoa(p.Providers), strconv.FormatInt(p.Identities, 10),
				strconv.FormatInt(p.SignIns24h, 10), strconv.FormatInt(p.Refused24h, 10))
		}
	})
}

func yesNo(value bool) string {
	if value {
		return "yes"
	}
	return "no"
}

// members are the members of an operation's input.
type members map[string]any

// given sets a member unless its value is "".
func (m members) given(name, value string) {
	if value != "" {
		m[name] = value
	}
}
