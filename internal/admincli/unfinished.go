package admincli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// unfinished ends a command that made something, and failed later. What stays is shown, so that programs get its ID.
func unfinished(c *cobra.Command, stays any, table func(*lines), err error) error {
	return errors.Join(err, show(c, stays, table))
}

// refused reports whether a server refused a call with err. If not, it may have carried the call out.
func refused(err error) bool {
	_, lost := errors.AsType[*apply.UnreachableError](err)
	return apply.RequestID(err) != "" && !lost && !apply.IsServerFault(err)
}

// partly words the error of a change in several calls: done are the parts that are saved already.
func partly(done []string, err error) error {
	if len(done) == 0 || err == nil {
		return err
	}
	return fmt.Errorf("changed already: %s; then: %w", strings.Join(done, ", "), err)
}

// checkRoles finds out whether the server would refuse the roles of a pool, before the call that saves the rest of it.
// A key that may not ask finds out when it saves them.
func (w *wholePool) checkRoles(ctx context.Context, client *apply.Client) error {
	if len(w.Roles) == 0 && len(w.RoleMappings) == 0 {
		return nil
	}
	found, err := w.verdict(ctx, client)
	if err != nil {
		if apply.Denied(err) {
			return nil
		}
		return err
	}

	for _, v := range found.Refusals {
		if v.Operation == "SetIdentityPoolRoles" {
			return fmt.Errorf("nothing was saved: %s: %s: %s", v.Operation, v.Error, v.Message)
		}
	}

	return nil
}
