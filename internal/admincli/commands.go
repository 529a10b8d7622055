// Package admincli has the commands that list, show and change what a running server has:
// pools, identities, roles, login providers and access keys. They call the server's signed APIs
// and decide nothing themselves.
//
// Start reading at Commands.
package admincli

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// Options connect the commands to the program that they belong to.
type Options struct {
	// Client returns a client of the server that a command names.
	Client func(c *cobra.Command) (*apply.Client, error)
	// AddEndpoint gives a command the flag by which it names a server.
	AddEndpoint func(c *cobra.Command)
	// Reasons are the codes of the reasons for which calls are refused.
	Reasons []string
	// SigningHelp tells where the client's keys come from.
	SigningHelp string
}

// Commands returns one command for each kind of thing that a server has.
func Commands(o Options) []*cobra.Command {
	return []*cobra.Command{
		o.poolCommand(),
		o.roleCommand(),
		o.identityCommand(),
		o.providerCommand(),
		o.keyCommand(),
		o.signingKeyCommand(),
		o.sessionCommand(),
		tryRolesCommand(o),
		checkAccessCommand(o),
		statisticsCommand(o),
		settingsCommand(o),
		statusCommand(o),
	}
}

// work is done by a command on a server.
type work func(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error

// on completes a command that does work on a server.
func (o Options) on(c *cobra.Command, do work) *cobra.Command {
	c.RunE = func(c *cobra.Command, args []string) error {
		if c.Flags().Lookup("output") != nil {
			if _, err := formOf(c); err != nil { // before anything changes
				return err
			}
		}
		client, err := o.Client(c)
		if err != nil {
			return err
		}
		if err := do(c.Context(), c, client, args); err != nil {
			return &failure{err}
		}

		return nil
	}
	c.Long = c.Short + "." + longer(c.Long) + "\n\n" + o.SigningHelp
	o.AddEndpoint(c)

	return c
}

// failure is the end of a command. Servers' messages may have anything in them: it shows them so
// that they cannot drive the terminal.
type failure struct{ cause error }

func (f *failure) Error() string { return printed(f.cause.Error()) }

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.cause }

// longer is the text of a command's help after its first sentence.
func longer(text string) string {
	if text == "" {
		return ""
	}
	return "\n\n" + text
}

// pools calls an operation of the identity pools API.
func pools(ctx context.Context, client *apply.Client, operation string, in, out any) error {
	return client.JSON(ctx, "cognito-identity", "AWSCognitoIdentityService", operation, in, out)
}

// iam calls an operation of the IAM API.
func iam(ctx context.Context, client *apply.Client, operation string, in url.Values, out any) error {
	return client.Query(ctx, "iam", "2010-05-08", operation, in, out)
}

// errNotConfirmed means that a person did not confirm a deletion.
var errNotConfirmed = errors.New("not confirmed: nothing was deleted")

// addYes adds the flag that confirms a deletion.
func addYes(c *cobra.Command) {
	c.Flags().Bool("yes", false, "do it without asking")
}

// confirm asks whether to do what the question tells. Without a terminal, only --yes confirms.
func confirm(c *cobra.Command, question string) error {
	if yes, _ := c.Flags().GetBool("yes"); yes {
		return nil
	}
	answer, err := typed(c, question+" Type yes to go on: ")
	if err != nil {
		return fmt.Errorf("%w; with --yes, nobody is asked", err)
	}
	if answer != "yes" {
		return errNotConfirmed
	}

	return nil
}
