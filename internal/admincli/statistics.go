package admincli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// statistics has the members of GetStatistics.
type statistics struct {
	From, To, KeptSince moment
	Step                int64
	Series              struct {
		SignIns, Guests, Identities []int64
		Refused                     map[string][]int64
		Latency                     map[string]struct {
			Calls    []int64
			P50, P99 []*float64
		} `json:",omitempty"`
	}
}

// statisticsCommand returns the command that shows what happened in the last days.
func statisticsCommand(o Options) *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "statistics",
		Short: "Show sign-ins, guests, new identities and refusals of up to 14 days",
		Example: `  poolhouse statistics --last 24h --step 1h
  poolhouse statistics --pool us-east-1:00000000-0000-4000-8000-000000000001 --last 168h --step 24h`,
		Args: cobra.NoArgs,
	}, showStatistics)
	c.Flags().String("pool", "", "only this identity pool")
	c.Flags().Duration("last", 24*time.Hour, "how far to look back")
	c.Flags().Duration("step", time.Hour, "time of one row: whole steps of 5 minutes, of one hour for a pool")
	addForm(c)

	return c
}

func showStatistics(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
	last, _ := c.Flags().GetDuration("last")
	step, _ := c.Flags().GetDuration("step")
	if last <= 0 || step <= 0 {
		return fmt.Errorf("--last and --step must be more than 0")
	}

	now := client.Now()
	in := members{"From": now.Add(-last).Unix(), "To": now.Unix(), "Step": int(step / time.Second)}
	id, _ := c.Flags().GetString("pool")
	in.given("IdentityPoolId", id)
	var out statistics
	if err := client.Admin(ctx, "GetStatistics", in, &out); err != nil {
		return err
	}

	return show(c, out, out.lines)
}

func (s *statistics) lines(t *lines) {
	t.add("FROM", "SIGN-INS", "GUESTS", "NEW IDENTITIES", "REFUSED")

	for i := range s.Series.SignIns {
		refused := int64(0)
		for _, counts := range s.Series.Refused {
			refused += counts[i]
		}
		t.add(s.From.plus(time.Duration(int64(i)*s.Step)*time.Second), number(s.Series.SignIns[i]),
			number(s.Series.Guests[i]), number(s.Series.Identities[i]), number(refused))
	}
}
