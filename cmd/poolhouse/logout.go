package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
)

func logoutCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "logout",
		Short: "End the sign-in of a profile",
		Long: `End the signIn of a profile: revoke its refresh token at the issuer or user pool, and
forget tokens and credentials. The profile itself stays, for the next login. Credentials
that programs have already received work until they expire.

--all ends the sign-ins of all profiles.

A guest who logs out is another guest next time.`,
		Example: "  poolhouse logout --profile photos\n  poolhouse logout --all",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := loginClient(c, clilogin.Options{})
			if err != nil {
				return err
			}

			remove, _ := c.Flags().GetBool("remove")
			names := []string{chosenProfile(c)}
			if all, _ := c.Flags().GetBool("all"); all {
				if names, err = namesToLogOut(client, remove); err != nil {
					return err
				}
			}

			return logOut(c, client, names, remove)
		},
	}
	addProfile(c)
	c.Flags().Bool("all", false, "end the sign-ins of all profiles")
	c.Flags().Bool("remove", false, "remove the profile too")
	c.MarkFlagsMutuallyExclusive("all", "profile")

	return c
}

// namesToLogOut returns the names of all profiles with a sign-in, and of all others if they are to be removed.
func namesToLogOut(client *clilogin.Client, remove bool) ([]string, error) {
	names, err := client.SignedIn()
	if err != nil || !remove {
		return names, err
	}

	profiles, err := client.Profiles()
	names = append(names, profiles...)
	slices.Sort(names)

	return slices.Compact(names), err
}

// logOut ends sign-ins at once, so that an issuer that hangs delays no other, and tells the results in order.
func logOut(c *cobra.Command, client *clilogin.Client, names []string, remove bool) error {
	type result struct{ unrevoked, err error }

	results := make([]result, len(names))
	var group sync.WaitGroup
	for n, name := range names {
		group.Go(func() {
			results[n].unrevoked, results[n].err = client.Logout(c.Context(), name, remove)
		})
	}
	group.Wait()

	var faults []error
	for n, name := range names {
		if err := results[n].err; err != nil {
			faults = append(faults, err)
			continue
		}
		if unrevoked := results[n].unrevoked; unrevoked != nil {
			fmt.Fprintf(c.ErrOrStderr(),
				"The sign-in of %s is forgotten here, but its refresh token was not revoked: %s\n",
				name, printable(unrevoked.Error()))
		}
		if _, err := fmt.Fprintf(c.OutOrStdout(), "Signed out: %s\n", name); err != nil {
			faults = append(faults, err)
		}
	}

	return errors.Join(faults...)
}
