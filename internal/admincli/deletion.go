package admincli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// preview has the members of PreviewDeletion: what a deletion concerns.
type preview struct {
	Kind, Id       string
	Identities     *int64 `json:",omitempty"` // nil: not counted yet
	Logins         int64
	Pools          []string
	Roles          []string
	Providers      []string
	AccessKeys     []string
	LongestSession int64 // seconds
	Truncated      bool
}

// addDeletion adds the flags of a command that deletes one thing.
func addDeletion(c *cobra.Command) {
	c.Flags().Bool("dry-run", false, "show what the deletion concerns, and delete nothing")
	addYes(c)
	addForm(c)
}

// deletion is one thing to delete.
type deletion struct{ kind, id, question string }

// confirmed shows what uses the thing, asks, and deletes it. With --dry-run it only shows. With --yes
// nobody reads what it concerns, so the key needs no permission to see it.
func (d deletion) confirmed(ctx context.Context, c *cobra.Command, client *apply.Client, do func() error) error {
	dry, _ := c.Flags().GetBool("dry-run")
	if yes, _ := c.Flags().GetBool("yes"); yes && !dry {
		return d.done(c, do)
	}

	var found preview
	if err := client.Admin(ctx, "PreviewDeletion", members{"Kind": d.kind, "Id": d.id}, &found); err != nil {
		return err
	}
	if dry {
		return show(c, found, found.lines)
	}

	concerned := &lines{}
	found.lines(concerned)
	if err := concerned.writeTo(c.ErrOrStderr()); err != nil {
		return err
	}
	if err := confirm(c, d.question); err != nil {
		return err
	}

	return d.done(c, do)
}

// done deletes the thing and tells so.
func (d deletion) done(c *cobra.Command, do func() error) error {
	if err := do(); err != nil {
		return err
	}
	return changed(c, "deleted:", d.id)
}

func (p *preview) lines(t *lines) {
	t.add("deletes", p.Kind+" "+p.Id)
	if p.Kind != "access-key" {
		t.add("concerns identities", counted(p.Identities))
		t.add("concerns logins", number(p.Logins))
	}

	for _, list := range []struct {
		name  string
		those []string
	}{
		{"pool", p.Pools}, {"role", p.Roles}, {"provider", p.Providers}, {"access key", p.AccessKeys},
	} {
		for _, one := range list.those {
			t.add("concerns "+list.name, one)
		}
	}

	if p.LongestSession > 0 {
		t.add("sessions", fmt.Sprintf("live up to %s longer", seconds(p.LongestSession)))
	}
	if p.Truncated {
		t.add("more", "there are more than this list has")
	}
}

// changed is the end of a command that changes a thing and has nothing to show.
func changed(c *cobra.Command, words ...string) error {
	_, err := fmt.Fprintln(c.OutOrStdout(), explain.Escaped(strings.Join(words, " ")))
	return err
}
