package admincli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// errDenied is the end of check-access if something is not allowed.
var errDenied = errors.New("not allowed")

// checkAccessCommand returns the command that tells what the caller's key may do.
func checkAccessCommand(o Options) *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "check-access ACTION [RESOURCE_ARN]",
		Short: "Tell whether the key may do something, and why not",
		Example: "  poolhouse check-access cognito-identity:DeleteIdentityPool " +
			"arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" +
			"us-east-1:00000000-0000-4000-8000-000000000001",
		Args: cobra.RangeArgs(1, 2),
	}, checkAccess)
	addForm(c)

	return c
}

func checkAccess(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	check := members{"Action": args[0]}
	if len(args) == 2 {
		check["Resource"] = args[1]
	}

	var out struct {
		Results []struct {
			Action, Resource string
			Allowed          bool
			Why              *step `json:",omitempty"`
		}
	}
	if err := client.Admin(ctx, "CheckAccess", members{"Checks": []members{check}}, &out); err != nil {
		return err
	}

	allowed := true
	err := show(c, out.Results, func(t *lines) {
		for _, r := range out.Results {
			t.add(r.Action, r.Resource, map[bool]string{true: "allowed", false: "not allowed"}[r.Allowed])
			if r.Why != nil {
				t.add(r.Why.Check, r.Why.Got, r.Why.Fix)
			}
		}
	})
	for _, r := range out.Results {
		allowed = allowed && r.Allowed
	}
	if err == nil && !allowed {
		return errDenied
	}

	return err
}
