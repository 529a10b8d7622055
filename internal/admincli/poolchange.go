package admincli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

const poolFlagsHelp = `The flags have what most pools need. "poolhouse apply" takes role rules and principal tags
too, from a file; "poolhouse export" writes one.`

// addPoolFlags adds a flag for each part of a pool that create and update can set.
func addPoolFlags(c *cobra.Command) {
	f := c.Flags()
	f.Bool("guests", false, "give guests an identity and the guest role without a sign-in")
	f.Bool("classic-flow", false, "let apps fetch a token and choose a role at STS themselves")
	f.StringArray("login", nil, "login provider and app ID, as accounts.google.com=APP_ID; repeat it for more")
	f.StringArray("oidc", nil, "ARN of an OpenID Connect provider; repeat it for more")
	f.StringArray("saml", nil, "ARN of a SAML provider; repeat it for more")
	f.StringArray("user-pool", nil, "user pool and app client, as cognito-idp.REGION.amazonaws.com/ID=CLIENT_ID; "+
		"repeat it for more")
	f.StringArray("tag", nil, "tag of the pool, as KEY=VALUE; repeat it for more")
	f.String("role", "", "ARN of the role of signed-in users")
	f.String("guest-role", "", "ARN of the role of guests")
}

// setFlags sets the parts of a pool whose flags are given.
func (w *wholePool) setFlags(c *cobra.Command) (err error) {
	f, p := c.Flags(), &w.Pool
	if f.Changed("guests") {
		p.AllowUnauthenticatedIdentities, _ = f.GetBool("guests")
	}
	if f.Changed("classic-flow") {
		classic, _ := f.GetBool("classic-flow")
		p.AllowClassicFlow = &classic
	}
	if f.Changed("oidc") {
		p.OpenIdConnectProviderARNs, _ = f.GetStringArray("oidc")
	}
	if f.Changed("saml") {
		p.SamlProviderARNs, _ = f.GetStringArray("saml")
	}

	if f.Changed("login") {
		if p.SupportedLoginProviders, err = pairs(c, "login"); err != nil {
			return err
		}
	}
	if f.Changed("tag") {
		if p.IdentityPoolTags, err = pairs(c, "tag"); err != nil {
			return err
		}
	}
	if f.Changed("user-pool") {
		clients, _ := f.GetStringArray("user-pool")
		if p.CognitoIdentityProviders, err = userPools(clients); err != nil {
			return err
		}
	}

	return w.setRoles(c)
}

// setRoles sets the default roles whose flags are given. An empty ARN removes one.
func (w *wholePool) setRoles(c *cobra.Command) error {
	roles := maps.Clone(w.Roles)
	if roles == nil {
		roles = map[string]string{}
	}

	for flag, kind := range map[string]string{"role": "authenticated", "guest-role": "unauthenticated"} {
		if !c.Flags().Changed(flag) {
			continue
		}
		if arn, _ := c.Flags().GetString(flag); arn != "" {
			roles[kind] = arn
		} else {
			delete(roles, kind)
		}
	}
	w.Roles = roles

	return nil
}

// pairs returns the values of a flag of the form NAME=VALUE.
func pairs(c *cobra.Command, flag string) (map[string]string, error) {
	all := map[string]string{}
	given, _ := c.Flags().GetStringArray(flag)
	for _, pair := range given {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--%s %q: use NAME=VALUE", flag, pair)
		}
		all[name] = value
	}

	return all, nil
}

// userPools returns user pools with clients of the form NAME=CLIENT_ID.
func userPools(given []string) ([]userPool, error) {
	var all []userPool
	for _, pair := range given {
		name, client, ok := strings.Cut(pair, "=")
		if !ok || name == "" || client == "" {
			return nil, fmt.Errorf("--user-pool %q: use cognito-idp.REGION.amazonaws.com/ID=CLIENT_ID", pair)
		}
		all = append(all, userPool{ProviderName: name, ClientId: client})
	}

	return all, nil
}

func (o Options) poolCreate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "create NAME",
		Short: "Create a pool",
		Long: poolFlagsHelp + ` The classic
flow is off unless a flag allows it.`,
		Example: `  poolhouse pool create shop --guests --guest-role arn:aws:iam::000000000000:role/Guest
  poolhouse pool create shop --oidc arn:aws:iam::000000000000:oidc-provider/idp.example.com \
    --role arn:aws:iam::000000000000:role/User --dry-run`,
		Args: cobra.ExactArgs(1),
	}, createPool)
	addPoolFlags(c)
	c.Flags().String("developer", "", "name of the developer provider: your own backend")
	c.Flags().String("id", "", "ID that the pool had elsewhere; it must be of the server's region")
	c.Flags().Bool("dry-run", false, "check the pool, and create nothing")
	addForm(c)

	return c
}

func createPool(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	classic := false // AWS allows it if nothing is given
	whole := &wholePool{Pool: pool{IdentityPoolName: args[0], AllowClassicFlow: &classic}}
	whole.Pool.DeveloperProviderName, _ = c.Flags().GetString("developer")
	if err := whole.setFlags(c); err != nil {
		return err
	}

	if dry, _ := c.Flags().GetBool("dry-run"); dry {
		return validatePool(ctx, c, client, whole)
	}

	if err := whole.checkRoles(ctx, client); err != nil {
		return err
	}
	if err := whole.create(ctx, c, client); err != nil {
		return err
	}
	if err := whole.saveRoles(ctx, client); err != nil {
		whole.Roles = nil
		return unfinished(c, whole, whole.lines,
			fmt.Errorf("the pool %s was created, without its roles: %w", whole.Pool.IdentityPoolId, err))
	}

	return show(c, whole, whole.lines)
}

// create makes the pool, with the ID of the flag --id if it is given.
func (w *wholePool) create(ctx context.Context, c *cobra.Command, client *apply.Client) error {
	if id, _ := c.Flags().GetString("id"); id != "" {
		in := members{"IdentityPoolId": id, "Pool": w.Pool}
		return client.Admin(ctx, "CreateIdentityPoolWithId", in, &w.Pool)
	}
	return pools(ctx, client, "CreateIdentityPool", w.Pool, &w.Pool)
}

// saveRoles saves the default roles and the role rules, unless there are none.
func (w *wholePool) saveRoles(ctx context.Context, client *apply.Client) error {
	if len(w.Roles) == 0 && len(w.RoleMappings) == 0 {
		return nil
	}
	return pools(ctx, client, "SetIdentityPoolRoles", members{
		"IdentityPoolId": w.Pool.IdentityPoolId,
		"Roles":          w.Roles,
		"RoleMappings":   w.RoleMappings,
	}, nil)
}

func (o Options) poolUpdate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "update POOL_ID",
		Short: "Change parts of a pool",
		Long: poolFlagsHelp + `

What no flag names stays as it is. A flag that may be repeated replaces the whole list;
with an empty value, as --tag '', it empties the list.`,
		Example: "  poolhouse pool update us-east-1:00000000-0000-4000-8000-000000000001 --guests=false",
		Args:    cobra.ExactArgs(1),
	}, updatePool)
	c.ValidArgsFunction = o.completer(poolNames)
	addPoolFlags(c)
	c.Flags().String("name", "", "new name")
	c.Flags().Bool("dry-run", false, "check the change, and save nothing")
	addForm(c)

	return c
}

func updatePool(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	whole, err := readPool(ctx, client, args[0])
	if err != nil {
		return err
	}
	if name, _ := c.Flags().GetString("name"); name != "" {
		whole.Pool.IdentityPoolName = name
	}
	before := maps.Clone(whole.Roles)
	if err := whole.setFlags(c); err != nil {
		return err
	}

	if dry, _ := c.Flags().GetBool("dry-run"); dry {
		return validatePool(ctx, c, client, whole)
	}

	moved := !maps.Equal(before, whole.Roles)
	if moved {
		if err := whole.checkRoles(ctx, client); err != nil {
			return err
		}
	}
	var saved pool
	if err := pools(ctx, client, "UpdateIdentityPool", whole.Pool, &saved); err != nil {
		return err
	}
	whole.Pool = saved
	if moved {
		in := members{
			"IdentityPoolId": args[0],
			"Roles":          whole.Roles,
			"RoleMappings":   whole.RoleMappings,
		}
		if err := pools(ctx, client, "SetIdentityPoolRoles", in, nil); err != nil {
			return fmt.Errorf("the pool was changed, but not its roles: %w", err)
		}
	}

	return show(c, whole, whole.lines)
}

// violation is one reason for which an operation would refuse a pool.
type violation struct {
	Operation string
	Field     string `json:",omitempty"`
	Error     string
	Message   string
	Reason    string `json:",omitempty"`
	Fix       string `json:",omitempty"`
}

// poolWarning points out a setting that is allowed, and probably not meant.
type poolWarning struct{ Code, Field, Message, Fix string }

// validation is the input of ValidateIdentityPool.
type validation struct {
	pool

	Roles        map[string]string          `json:",omitempty"`
	RoleMappings map[string]json.RawMessage `json:",omitempty"`
}

// verdict has what the server would refuse in a pool.
type verdict struct {
	Violations, Refusals []violation
	Warnings             []poolWarning
}

// verdict asks the server what it would refuse in the pool.
func (w *wholePool) verdict(ctx context.Context, client *apply.Client) (verdict, error) {
	in := validation{pool: w.Pool, Roles: w.Roles, RoleMappings: w.RoleMappings}
	var out verdict
	err := client.Admin(ctx, "ValidateIdentityPool", in, &out)

	return out, err
}

// validatePool shows what the server would refuse in a pool. Its principal tags stay as the server has them.
func validatePool(ctx context.Context, c *cobra.Command, client *apply.Client, whole *wholePool) error {
	out, err := whole.verdict(ctx, client)
	if err != nil {
		return err
	}

	err = show(c, out, func(t *lines) {
		for _, v := range out.Violations {
			t.add("refused", v.Operation+" "+v.Field+": "+v.Message)
			t.add("", "fix: "+v.Fix)
		}

		for _, v := range out.Warnings {
			t.add("warning", v.Field+": "+v.Message)
			t.add("", "fix: "+v.Fix)
		}
		if len(out.Violations)+len(out.Warnings) == 0 {
			t.add("The server would accept this pool.")
		}
	})
	if n := len(out.Violations); err == nil && n > 0 {
		return fmt.Errorf("the server would refuse this pool, for %s", explain.Count(n, "reason"))
	}

	return err
}

func (o Options) poolDelete() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "delete POOL_ID",
		Short:   "Delete a pool with its identities",
		Example: "  poolhouse pool delete us-east-1:00000000-0000-4000-8000-000000000001",
		Args:    cobra.ExactArgs(1),
	}, deletePool)
	c.ValidArgsFunction = o.completer(poolNames)
	addDeletion(c)

	return c
}

func deletePool(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	return deletion{
		kind:     "identity-pool",
		id:       args[0],
		question: "Delete the pool " + args[0] + "? Users get new identity IDs if you make it again.",
	}.confirmed(ctx, c, client, func() error {
		return pools(ctx, client, "DeleteIdentityPool", members{"IdentityPoolId": args[0]}, nil)
	})
}
