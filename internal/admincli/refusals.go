package admincli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

const (
	shownRefusals = 50  // without --follow
	readRefusals  = 200 // in one call, with --follow
	followSeconds = 10  // that one call waits for refusals

	// Without a place among those who wait for refusals, the server is asked at intervals, for a while.
	pollPause = 5 * time.Second
	mostPolls = 6
)

// refusalsPage is an answer of ListRefusals.
type refusalsPage struct {
	Refusals  []refusal // oldest first
	Next      string    `json:"-"`
	Skipped   uint64
	KeptSince moment
	Nodes     struct{ Warning string }
}

// listRefusals shows the newest refusals. To follow, it waits for more until ctx ends.
func listRefusals(ctx context.Context, c *cobra.Command, client *apply.Client, follow bool) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}

	in := members{"MaxResults": shownRefusals}
	for flag, member := range map[string]string{
		"pool": "IdentityPoolId", "provider": "ProviderName", "reason": "Reason", "operation": "Operation",
	} {
		value, _ := c.Flags().GetString(flag)
		in.given(member, value)
	}

	page, err := readRefusalsPage(ctx, client, in)
	if err != nil {
		return err
	}
	answered := client.Now()
	warned := page.warn(c, "")
	if !follow {
		return show(c, page.Refusals, func(t *lines) { page.table(t) })
	}

	impatient := *client
	impatient.Impatient = true
	f := follower{Client: &impatient, c: c, in: in}

	for {
		if err := page.print(c, form); err != nil {
			return err
		}

		page, err = f.next(ctx, page.Next, answered)
		if ctx.Err() != nil {
			return nil // stopped by a person
		}
		if err != nil {
			return err
		}
		answered = client.Now()
		warned = page.warn(c, warned)
	}
}

// follower reads refusals as they come.
type follower struct {
	*apply.Client

	c     *cobra.Command
	in    members
	polls int  // calls that do not wait, because there was no place among those who do
	told  bool // a person knows that it polls
}

// next returns the refusals after a position: it waits for some, or polls.
func (f *follower) next(ctx context.Context, after string, answered time.Time) (*refusalsPage, error) {
	f.in["After"], f.in["WaitSeconds"], f.in["MaxResults"] = after, followSeconds, readRefusals
	if f.polls > 0 {
		f.polls--
		delete(f.in, "WaitSeconds")
		if err := f.Pause(ctx, pollPause); err != nil {
			return nil, err
		}
	}

	return f.refusals(ctx, answered)
}

// crowded lets the following calls poll.
func (f *follower) crowded() {
	delete(f.in, "WaitSeconds")
	f.polls = mostPolls
	if !f.told {
		fmt.Fprintf(f.c.ErrOrStderr(), "too many wait for refusals already: asking every %s\n", pollPause)
	}
	f.told = true
}

// Bounds of the pauses between attempts to reach a server that was lost.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// refusals asks for refusals. A server that is lost is asked again, ever later, until it answers or ctx ends. One that
// does not know where the list was, as after a new start with another master key, begins with its oldest. Nobody can
// tell how many refusals are missing then, only of which time since the last answer.
func (f *follower) refusals(ctx context.Context, answered time.Time) (*refusalsPage, error) {
	in, notes := f.in, f.c.ErrOrStderr()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		page, err := readRefusalsPage(ctx, f.Client, in)
		_, lost := errors.AsType[*apply.UnreachableError](err)
		switch {
		case apply.IsThrottled(err) && in["WaitSeconds"] != nil:
			f.crowded()
			continue
		case apply.IsBadInput(err) && in["After"] != nil:
			delete(in, "After")
			in["FromOldest"] = true
			continue
		case !lost && !apply.IsServerFault(err) || ctx.Err() != nil:
			if err == nil && in["FromOldest"] != nil {
				fmt.Fprintf(notes, "the server does not know this list any more: it began again with what "+
					"it keeps since %s; refusals since %s may be missing\n", page.KeptSince, shownTime(answered))
			}
			delete(in, "FromOldest")
			return page, err
		}

		fmt.Fprintf(notes, "the server cannot be asked, trying again in %s: %s\n",
			pause, printed(err.Error()))
		if err := f.Pause(ctx, pause); err != nil {
			return nil, err
		}
	}
}

func readRefusalsPage(ctx context.Context, client *apply.Client, in members) (*refusalsPage, error) {
	var out struct {
		refusalsPage
		Next string
	}
	if err := client.Admin(ctx, "ListRefusals", in, &out); err != nil {
		return nil, err
	}
	out.refusalsPage.Next = out.Next

	return &out.refusalsPage, nil
}

// warn tells once what the list lacks, and returns the warning.
func (p *refusalsPage) warn(c *cobra.Command, before string) string {
	if w := p.Nodes.Warning; w != "" && w != before {
		fmt.Fprintln(c.ErrOrStderr(), "warning: "+explain.Escaped(w))
	}
	return p.Nodes.Warning
}

// print prints refusals that were followed: a line each, in JSON an object each.
func (p *refusalsPage) print(c *cobra.Command, form string) error {
	out := c.OutOrStdout()
	if p.Skipped > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "%d refusals were forgotten before they could be read\n", p.Skipped)
	}

	if form == asTable {
		t := &lines{}
		p.rows(t)
		return t.writeTo(out)
	}

	for i := range p.Refusals {
		if form == asYAML {
			fmt.Fprintln(out, "---")
			if err := show(c, p.Refusals[i], nil); err != nil {
				return err
			}
			continue
		}
		text, err := json.Marshal(p.Refusals[i])
		if err != nil {
			return err
		}
		fmt.Fprintln(out, string(explain.TerminalJSON(text)))
	}

	return nil
}

func (p *refusalsPage) table(t *lines) {
	if len(p.Refusals) == 0 {
		t.add("No refused calls are remembered.")
		return
	}
	t.add("TIME", "REQUEST ID", "OPERATION", "REASON", "POOL", "PROVIDER")
	p.rows(t)
}

func (p *refusalsPage) rows(t *lines) {
	for i := range p.Refusals {
		r := &p.Refusals[i]
		t.add(r.Time.String(), r.RequestId, r.Operation, string(r.Reason), r.IdentityPoolId, r.ProviderName)
	}
}
