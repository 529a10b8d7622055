package admincli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// serverStatus has the members of GetServerStatus.
type serverStatus struct {
	Version     string
	Nodes       []nodeStatus // the one that answers is the first
	Silent      []string     // nodes that did not answer
	Alone       bool         // the node that answers cannot reach the others
	Warning     string       `json:",omitempty"` // both in a sentence
	SigningKeys []signingKey `json:",omitempty"`
}

type nodeStatus struct {
	Node          string
	Version       string
	Started       moment
	UptimeSeconds int64
	Store         struct {
		Engine        string
		Reachable     bool
		Writable      bool
		SchemaVersion int64
		SizeBytes     int64
	}
	Engines []struct {
		Name        string
		Healthy     bool
		LastError   string  `json:",omitempty"`
		LastErrorAt *moment `json:",omitempty"`
	}
	LogLinesDropped uint64
	Load            []struct {
		Class            string
		WaitMilliseconds float64
		InFlight         int64
		Refused          uint64
	}
}

// statusCommand returns the command that tells how a server is.
func statusCommand(o Options) *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "status",
		Short: "Show how a running server is: nodes, database, engines, signing keys, load",
		Long: `Only the server's own account may ask. The exit status is 1 if something is wrong: a
database that does not answer or takes no writes, or a credential engine that fails. A
warning names nodes that do not answer, or tells that the server cannot reach others.`,
		Example: "  poolhouse status",
		Args:    cobra.NoArgs,
	}, showStatus)
	addForm(c)

	return c
}

func showStatus(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
	var out serverStatus
	if err := client.Admin(ctx, "GetServerStatus", members{}, &out); err != nil {
		return err
	}

	if out.Warning != "" {
		fmt.Fprintln(c.ErrOrStderr(), "warning: "+explain.Escaped(out.Warning))
	}
	err := showText(c, out, out.write)
	if faults := out.faults(); err == nil && faults > 0 {
		return fmt.Errorf("something is wrong in %s", explain.Count(faults, "place"))
	}

	return err
}

// write tells the status to a person.
func (s *serverStatus) write(out io.Writer) error {
	p := terminal.PaletteFor(out)
	t := &lines{}
	t.add("version", s.Version)
	if err := t.writeTo(out); err != nil {
		return err
	}

	for i := range s.Nodes {
		if err := s.Nodes[i].write(out, p); err != nil {
			return err
		}
	}

	keys := &lines{}
	fmt.Fprintln(out, "\nsigning keys")

	for _, k := range s.SigningKeys {
		k.row(keys, "  ")
	}

	return keys.writeTo(out)
}

func (n *nodeStatus) write(out io.Writer, p terminal.Palette) error {
	fmt.Fprintf(out, "\nnode %s\n", printed(n.Node))

	database := p.Green + "ok" + p.Reset
	switch {
	case !n.Store.Reachable:
		database = p.Red + "does not answer" + p.Reset
	case !n.Store.Writable:
		database = p.Red + "takes no writes" + p.Reset
	}
	fmt.Fprintf(out, "  database  %s, %s, schema %d, %s\n", printed(n.Store.Engine), database, n.Store.SchemaVersion,
		size(n.Store.SizeBytes))

	for _, e := range n.Engines {
		state := p.Green + "ok" + p.Reset
		if !e.Healthy {
			state = p.Red + "fails" + p.Reset + ": " + printed(e.LastError)
		}
		fmt.Fprintf(out, "  engine    %s, %s\n", printed(e.Name), state)
	}

	t := &lines{}
	t.add("  up for", (time.Duration(n.UptimeSeconds) * time.Second).String())
	t.add("  log lines dropped", number(n.LogLinesDropped))

	for _, l := range n.Load {
		t.add("  load of "+l.Class, number(l.InFlight)+" calls",
			fmt.Sprintf("%.1f ms wait", l.WaitMilliseconds), number(l.Refused)+" refused")
	}

	return t.writeTo(out)
}

// faults counts what is wrong.
func (s *serverStatus) faults() int {
	count := 0
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if !n.Store.Reachable || !n.Store.Writable {
			count++
		}

		for _, e := range n.Engines {
			if !e.Healthy {
				count++
			}
		}
	}

	return count
}

// size shows a number of bytes in MiB.
func size(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// setting has the members of a setting in ListSettings.
type setting struct {
	Name         string
	Value        string // a secret is masked
	Source       string
	Default      string
	NeedsRestart bool
}

// settingsCommand returns the command that shows the settings of a running server.
func settingsCommand(o Options) *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "settings",
		Short: "Show the settings of a running server with their sources, secrets masked",
		Long: `Only the server's own account may ask. "poolhouse config" shows what a server would have
that is started here.`,
		Example: "  poolhouse settings --changed",
		Args:    cobra.NoArgs,
	}, showSettings)
	c.Flags().Bool("changed", false, "only settings that do not have their default")
	addForm(c)

	return c
}

func showSettings(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
	var out struct{ Settings []setting }
	if err := client.Admin(ctx, "ListSettings", members{}, &out); err != nil {
		return err
	}
	all := out.Settings
	if changed, _ := c.Flags().GetBool("changed"); changed {
		all = slices.DeleteFunc(all, func(s setting) bool { return s.Source == "default" })
	}

	return show(c, all, func(t *lines) {
		t.add("SETTING", "VALUE", "SOURCE")

		for _, s := range all {
			t.add(s.Name, s.Value, s.Source)
		}
	})
}
