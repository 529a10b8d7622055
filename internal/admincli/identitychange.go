package admincli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

func (o Options) identityCreate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "create POOL_ID",
		Short: "Make a guest, or the identity of a user of your backend",
		Long: `Users of other providers get their identities when they sign in. "poolhouse apply" with a
file of identities makes many.`,
		Example: `  poolhouse identity create us-east-1:00000000-0000-4000-8000-000000000001
  poolhouse identity create us-east-1:00000000-0000-4000-8000-000000000001 --developer login.shop=alice`,
		Args: cobra.ExactArgs(1),
	}, createIdentity)
	c.ValidArgsFunction = o.completer(poolNames)
	c.Flags().String("developer", "", "developer provider and user of your backend, as PROVIDER=USER")
	addForm(c)

	return c
}

func createIdentity(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	in, operation := members{"IdentityPoolId": args[0]}, "GetId"
	if pair, _ := c.Flags().GetString("developer"); pair != "" {
		name, user, err := developerUser("developer", pair)
		if err != nil {
			return err
		}
		operation, in["Logins"] = "GetOpenIdTokenForDeveloperIdentity", map[string]string{name: user}
	}

	var made struct{ IdentityId string }
	if err := pools(ctx, client, operation, in, &made); err != nil {
		return err
	}

	in = members{"IdentityId": made.IdentityId}
	found := identity{IdentityId: made.IdentityId, IdentityPoolId: args[0]}
	if err := client.Admin(ctx, "LookupIdentity", in, &found); err != nil {
		return unfinished(c, made, found.lines,
			fmt.Errorf("the identity %s was made, and cannot be read: %w", made.IdentityId, err))
	}

	return show(c, found, found.lines)
}

// developerUser returns the parts of PROVIDER=USER.
func developerUser(flag, pair string) (name, user string, err error) {
	name, user, ok := strings.Cut(pair, "=")
	if !ok || name == "" || user == "" {
		return "", "", fmt.Errorf("--%s %q: use PROVIDER=USER", flag, pair)
	}
	return name, user, nil
}

func (o Options) identityUpdate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "update IDENTITY_ID",
		Short: "Link an identity to a user of your backend, or unlink it",
		Long: `Linking makes a guest, or an identity without a user of your backend, known to the backend.
Logins of other providers are linked and unlinked by their users, whose tokens this takes.
"poolhouse identity sign-out" ends the tokens that a provider has issued.`,
		Example: "  poolhouse identity update us-east-1:51fd7bd7-775e-40af-96c8-d7dbf4ab5f3e " +
			"--unlink-developer login.shop=alice",
		Args: cobra.ExactArgs(1),
	}, updateIdentity)
	c.Flags().String("link-developer", "", "developer provider and user to link, as PROVIDER=USER")
	c.Flags().String("unlink-developer", "", "developer provider and user to unlink, as PROVIDER=USER")
	c.MarkFlagsMutuallyExclusive("link-developer", "unlink-developer")
	c.MarkFlagsOneRequired("link-developer", "unlink-developer")
	addForm(c)

	return c
}

func updateIdentity(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	var found identity
	if err := client.Admin(ctx, "LookupIdentity", members{"IdentityId": args[0]}, &found); err != nil {
		return err
	}

	in := members{"IdentityPoolId": found.IdentityPoolId, "IdentityId": args[0]}
	operation := "UnlinkDeveloperIdentity"
	if pair, _ := c.Flags().GetString("link-developer"); pair != "" {
		name, user, err := developerUser("link-developer", pair)
		if err != nil {
			return err
		}
		operation, in["Logins"] = "GetOpenIdTokenForDeveloperIdentity", map[string]string{name: user}
	} else {
		pair, _ := c.Flags().GetString("unlink-developer")
		name, user, err := developerUser("unlink-developer", pair)
		if err != nil {
			return err
		}
		in["DeveloperProviderName"], in["DeveloperUserIdentifier"] = name, user
	}

	if err := pools(ctx, client, operation, in, nil); err != nil {
		return err
	}

	return showIdentity(ctx, c, client, members{"IdentityId": args[0]})
}

// mostDeleted is the number of identities that DeleteIdentities takes.
const mostDeleted = 60

func (o Options) identityDelete() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "delete IDENTITY_ID...",
		Short:   "Delete identities, up to 60",
		Example: "  poolhouse identity delete us-east-1:51fd7bd7-775e-40af-96c8-d7dbf4ab5f3e",
		Args:    cobra.RangeArgs(1, mostDeleted),
	}, deleteIdentities)
	c.Flags().Bool("dry-run", false, "show what the deletion of one identity concerns, and delete nothing")
	addYes(c)
	addForm(c)

	return c
}

func deleteIdentities(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	question := fmt.Sprintf("Delete %s? Their users get new identity IDs at the next sign-in, and lose what is stored "+
		"under the old ones.", explain.Count(len(args), "identity ID"))
	erase := func() error { return eraseIdentities(ctx, client, args) }
	if len(args) == 1 {
		return deletion{kind: "identity", id: args[0], question: question}.confirmed(ctx, c, client, erase)
	}

	if dry, _ := c.Flags().GetBool("dry-run"); dry {
		return errors.New("--dry-run is for one identity")
	}
	if err := confirm(c, question); err != nil {
		return err
	}

	return erase()
}

func eraseIdentities(ctx context.Context, client *apply.Client, args []string) error {
	var out struct {
		UnprocessedIdentityIds []struct{ IdentityId, ErrorCode string }
	}
	if err := pools(ctx, client, "DeleteIdentities", members{"IdentityIdsToDelete": args}, &out); err != nil {
		return err
	}
	if left := out.UnprocessedIdentityIds; len(left) > 0 {
		return fmt.Errorf("%s could not be deleted, the first: %s (%s)", explain.Count(len(left), "identity ID"),
			left[0].IdentityId, left[0].ErrorCode)
	}

	return nil
}
