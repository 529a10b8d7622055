package admincli

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (o Options) roleUpdate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "update NAME",
		Short:   "Change parts of a role",
		Long:    "What no flag names stays as it is.",
		Example: "  poolhouse role update Shopper --policy read-write.json",
		Args:    cobra.ExactArgs(1),
	}, updateRole)
	c.ValidArgsFunction = o.completer(roleNames)
	addRoleFlags(c)
	c.MarkFlagsOneRequired("trust", "policy", "description", "max-session")
	addForm(c)

	return c
}

func updateRole(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	trust, err := fileOf(c, "trust")
	if err != nil {
		return err
	}
	policy, err := fileOf(c, "policy")
	if err != nil {
		return err
	}

	var done []string
	if trust != "" {
		in := url.Values{"RoleName": {args[0]}, "PolicyDocument": {trust}}
		if err := iam(ctx, client, "UpdateAssumeRolePolicy", in, nil); err != nil {
			return err
		}
		done = append(done, "trust policy")
	}
	if in := roleChange(c, args[0]); len(in) > 1 {
		if err := iam(ctx, client, "UpdateRole", in, nil); err != nil {
			return partly(done, err)
		}
		done = append(done, "description and longest session")
	}
	if policy != "" {
		if err := putPolicy(ctx, client, args[0], policy); err != nil {
			return partly(done, err)
		}
		done = append(done, "policy")
	}

	return partly(done, showRole(ctx, c, client, args))
}

func (o Options) roleDelete() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a role with its policies",
		Example: "  poolhouse role delete Shopper",
		Args:    cobra.ExactArgs(1),
	}, deleteRole)
	c.ValidArgsFunction = o.completer(roleNames)
	addDeletion(c)

	return c
}

func deleteRole(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	r, err := readRole(ctx, client, args[0])
	if err != nil {
		return err
	}

	return deletion{
		kind: "role",
		id:   r.Arn,
		question: fmt.Sprintf("Delete the role %s with %d policies? Pools that use it give no credentials for it "+
			"any more.",
			r.RoleName, len(r.Policies)+len(r.AttachedPolicies)),
	}.confirmed(ctx, c, client, func() error { return r.delete(ctx, client) })
}

// delete removes the role's policies, then the role.
func (r *wholeRole) delete(ctx context.Context, client *apply.Client) error {
	on := url.Values{"RoleName": {r.RoleName}}
	for _, arn := range r.AttachedPolicies {
		in := maps.Clone(on)
		in.Set("PolicyArn", arn)
		if err := iam(ctx, client, "DetachRolePolicy", in, nil); err != nil {
			return err
		}
	}

	for _, name := range sortedKeys(r.Policies) {
		in := maps.Clone(on)
		in.Set("PolicyName", name)
		if err := iam(ctx, client, "DeleteRolePolicy", in, nil); err != nil {
			return err
		}
	}

	return iam(ctx, client, "DeleteRole", on, nil)
}

// inlinePolicies returns the names of the inline policies of a role.
func inlinePolicies(ctx context.Context, client *apply.Client, name string) (all []string, err error) {
	for token := ""; ; {
		var page struct {
			Names  []string `xml:"ListRolePoliciesResult>PolicyNames>member"`
			Marker string   `xml:"ListRolePoliciesResult>Marker"`
		}
		in := marker(token)
		in.Set("RoleName", name)
		if err := iam(ctx, client, "ListRolePolicies", in, &page); err != nil {
			return nil, err
		}
		if all = append(all, page.Names...); page.Marker == "" {
			return all, nil
		}
		token = page.Marker
	}
}

// attachedPolicies returns the ARNs of the managed policies of a role.
func attachedPolicies(ctx context.Context, client *apply.Client, name string) (all []string, err error) {
	for token := ""; ; {
		var page struct {
			ARNs   []string `xml:"ListAttachedRolePoliciesResult>AttachedPolicies>member>PolicyArn"`
			Marker string   `xml:"ListAttachedRolePoliciesResult>Marker"`
		}
		in := marker(token)
		in.Set("RoleName", name)
		if err := iam(ctx, client, "ListAttachedRolePolicies", in, &page); err != nil {
			return nil, err
		}
		if all = append(all, page.ARNs...); page.Marker == "" {
			return all, nil
		}
		token = page.Marker
	}
}
