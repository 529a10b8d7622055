package admincli

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// completionTime is how long a shell waits for the server while it completes a word.
const completionTime = 2 * time.Second

// completer completes the first argument of a command with what the server has: names, each with
// a tab and a description. A server that does not answer completes nothing.
func (o Options) completer(
	names func(ctx context.Context, client *apply.Client) ([]cobra.Completion, error),
) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		client, err := o.Client(c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}

		ctx, cancel := context.WithTimeout(c.Context(), completionTime)
		defer cancel()

		found, err := names(ctx, client)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}

		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// poolNames returns the IDs of the first pools, with their names.
func poolNames(ctx context.Context, client *apply.Client) ([]cobra.Completion, error) {
	var out struct {
		IdentityPools []struct{ IdentityPoolId, IdentityPoolName string }
	}
	if err := pools(ctx, client, "ListIdentityPools", members{"MaxResults": 60}, &out); err != nil {
		return nil, err
	}

	var names []cobra.Completion
	for _, p := range out.IdentityPools {
		names = append(names, cobra.CompletionWithDesc(p.IdentityPoolId, printed(p.IdentityPoolName)))
	}

	return names, nil
}

// roleNames returns the names of the first roles.
func roleNames(ctx context.Context, client *apply.Client) ([]cobra.Completion, error) {
	page, err := listRolesPage(ctx, client, "")
	if err != nil {
		return nil, err
	}

	var names []cobra.Completion
	for _, r := range page.Roles {
		names = append(names, r.RoleName)
	}

	return names, nil
}

// providerNames returns the ARNs of the login providers.
func providerNames(ctx context.Context, client *apply.Client) ([]cobra.Completion, error) {
	all, err := listProviders(ctx, client)
	if err != nil {
		return nil, err
	}

	var names []cobra.Completion
	for _, p := range all {
		names = append(names, p.Arn)
	}

	return names, nil
}

// keyIDs returns the IDs of the first access keys, with what they are for.
func keyIDs(ctx context.Context, client *apply.Client) ([]cobra.Completion, error) {
	var page struct{ AccessKeys []accessKey }
	if err := client.Admin(ctx, "ListAccessKeys", members{}, &page); err != nil {
		return nil, err
	}

	var names []cobra.Completion
	for i := range page.AccessKeys {
		key := &page.AccessKeys[i]
		names = append(names, cobra.CompletionWithDesc(key.AccessKeyId, printed(key.Description)))
	}

	return names, nil
}

// signingKeyIDs returns the IDs of the signing keys, with their states.
func signingKeyIDs(ctx context.Context, client *apply.Client) ([]cobra.Completion, error) {
	var out struct{ SigningKeys []signingKey }
	if err := client.Admin(ctx, "ListSigningKeys", members{}, &out); err != nil {
		return nil, err
	}

	var names []cobra.Completion
	for _, k := range out.SigningKeys {
		names = append(names, cobra.CompletionWithDesc(k.KeyId, k.State))
	}

	return names, nil
}

// refusedOperations returns the operations that the server refused lately.
func refusedOperations(ctx context.Context, client *apply.Client) ([]cobra.Completion, error) {
	page, err := readRefusalsPage(ctx, client, members{"MaxResults": readRefusals})
	if err != nil {
		return nil, err
	}

	var names []cobra.Completion
	for i := range page.Refusals {
		if name := page.Refusals[i].Operation; name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)

	return slices.Compact(names), nil
}

// flagCompleter completes the value of a flag with what the server has.
func (o Options) flagCompleter(
	names func(ctx context.Context, client *apply.Client) ([]cobra.Completion, error),
) cobra.CompletionFunc {
	complete := o.completer(names)
	return func(c *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return complete(c, nil, word)
	}
}

// marker returns the input of the page of a list of IAM.
func marker(token string) url.Values {
	in := url.Values{"MaxItems": {"100"}}
	if token != "" {
		in.Set("Marker", token)
	}
	return in
}
