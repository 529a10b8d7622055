package admincli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

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
	Id, Name     string
	Guests       bool
	Providers    []string
	Identities   *int64 `json:",omitempty"` // nil: not counted yet
	SignIns24h   int64
	Refused24h   int64
	CreationDate moment
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
	c.Flags().String("sort", "", "order: "+strings.Join(poolOrders, ", "))
	_ = c.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(poolOrders, cobra.ShellCompDirectiveNoFileComp))
	addMax(c)
	addForm(c)

	return c
}

// poolOrders are the orders of ListPoolSummaries: names ascend, numbers and times descend.
var poolOrders = []string{"Name", "Identities", "SignIns24h", "Refused24h", "Created"}

func listPools(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
	search, _ := c.Flags().GetString("search")
	order, _ := c.Flags().GetString("sort")
	all, err := listed(c, func(token string) ([]poolSummary, string, error) {
		var page struct {
			Pools     []poolSummary
			NextToken string
		}
		in := members{"MaxResults": 100}
		in.given("Search", search)
		in.given("Sort", order)
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
			t.add(p.Id, p.Name, yesNo(p.Guests), strconv.Itoa(len(p.Providers)), counted(p.Identities),
				number(p.SignIns24h), number(p.Refused24h))
		}
	})
}

// counted shows a number that a server may not know yet.
func counted(n *int64) string {
	if n == nil {
		return "not counted"
	}
	return number(*n)
}

// number shows a number with a comma before each group of three digits.
func number[N int | int64 | uint64](n N) string {
	text := fmt.Sprint(n)
	sign := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if sign {
		text = "-" + text
	}

	return text
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
