package admincli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

func (o Options) keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "List, show and change access keys of a running server",
		Long: `List, show and change access keys over the API of a running server, from anywhere: the
command signs with an access key. If you have none, use "poolhouse keys" beside the
server. It works in the server's database and needs no key.`,
	}
	c.AddCommand(o.keyList(), o.keyShow(), o.keyCreate(), o.keyUpdate(), o.keyDelete())

	return c
}

// accessKey has the members of an access key in the admin API.
type accessKey struct {
	AccessKeyId string
	Status      string
	CreateDate  *moment `json:",omitempty"`
	Description string  `json:",omitempty"`
	Policy      string  `json:",omitempty"`
	Root        bool
	Own         bool // the command signs with it
}

func (k *accessKey) lines(t *lines) {
	t.add("access key", k.AccessKeyId)
	t.add("status", k.Status)
	if k.CreateDate != nil {
		t.add("created", k.CreateDate.String())
	}
	t.add("rights", k.rights())
	t.named("description", k.Description)
	t.json("policy", k.Policy)
}

func (k *accessKey) rights() string {
	if k.Root {
		return "root"
	}
	return "policy"
}

// everyKey returns the access keys of the account.
func everyKey(ctx context.Context, c *cobra.Command, client *apply.Client) ([]accessKey, error) {
	return listed(c, func(token string) ([]accessKey, string, error) {
		var page struct {
			AccessKeys []accessKey
			NextToken  string
		}
		in := members{"MaxResults": 100}
		in.given("NextToken", token)
		err := client.Admin(ctx, "ListAccessKeys", in, &page)

		return page.AccessKeys, page.NextToken, err
	})
}

func (o Options) keyList() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "list",
		Short:   "List the access keys of an account, without their secrets",
		Example: "  poolhouse key list",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
		all, err := everyKey(ctx, c, client)
		if err != nil {
			return err
		}

		return show(c, all, func(t *lines) {
			t.add("ACCESS KEY", "STATUS", "CREATED", "RIGHTS", "DESCRIPTION")

			for i := range all {
				created := ""
				if at := all[i].CreateDate; at != nil {
					created = at.String()
				}
				t.add(all[i].AccessKeyId, all[i].Status, created, all[i].rights(), all[i].Description)
			}
		})
	})
	addMax(c)
	addForm(c)

	return c
}

func (o Options) keyShow() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "show ACCESS_KEY_ID",
		Short:   "Show an access key with its policy, without its secret",
		Example: "  poolhouse key show AKIAIOSFODNN7EXAMPLE",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
		all, err := everyKey(ctx, c, client)
		if err != nil {
			return err
		}

		for i := range all {
			if all[i].AccessKeyId == args[0] {
				return show(c, all[i], all[i].lines)
			}
		}

		return fmt.Errorf("the account has no access key %s; `poolhouse key list` shows them", explain.Escaped(args[0]))
	})
	c.ValidArgsFunction = o.completer(keyIDs)
	addForm(c)

	return c
}

// createdKey is a new key. Only its creation shows the secret.
type createdKey struct {
	AccessKey       accessKey
	SecretAccessKey string
	Warnings        []string `json:",omitempty"`
}

func (o Options) keyCreate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "create",
		Short: "Create an access key and show its secret once",
		Long: `The key needs a policy. A key without one may do everything in its account; only
"poolhouse keys create", beside the server, makes such keys.`,
		Example: "  poolhouse key create --policy policy.json --description backend",
		Args:    cobra.NoArgs,
	}, createKey)
	c.Flags().String("policy", "", "file with the JSON policy that limits the key")
	c.Flags().String("description", "", "what the key is for")
	_ = c.MarkFlagRequired("policy")
	addForm(c)

	return c
}

func createKey(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
	policy, err := fileOf(c, "policy")
	if err != nil {
		return err
	}
	in := members{"Policy": policy}
	description, _ := c.Flags().GetString("description")
	in.given("Description", description)
	var created createdKey
	if err := client.Admin(ctx, "CreateAccessKey", in, &created); err != nil {
		return err
	}

	return show(c, created, func(t *lines) {
		t.add("AWS_ACCESS_KEY_ID=" + created.AccessKey.AccessKeyId)
		t.add("AWS_SECRET_ACCESS_KEY=" + created.SecretAccessKey)

		for _, warning := range created.Warnings {
			t.add("# warning: " + warning)
		}
	})
}

func (o Options) keyUpdate() *cobra.Command {
	c := o.onKey(&cobra.Command{
		Use:     "update ACCESS_KEY_ID",
		Short:   "Disable a key, or enable it again",
		Example: "  poolhouse key update AKIAIOSFODNN7EXAMPLE --disable",
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, in members) error {
		in["Status"] = "Active"
		if disable, _ := c.Flags().GetBool("disable"); disable {
			in["Status"] = "Inactive"
		}
		if err := client.Admin(ctx, "UpdateAccessKey", in, nil); err != nil {
			return err
		}

		return changed(c, fmt.Sprint(in["AccessKeyId"]), "is", strings.ToLower(fmt.Sprint(in["Status"])))
	})
	c.Flags().Bool("disable", false, "refuse the key until it is enabled again")
	c.Flags().Bool("enable", false, "accept the key again")
	c.MarkFlagsMutuallyExclusive("disable", "enable")
	c.MarkFlagsOneRequired("disable", "enable")

	return c
}

func (o Options) keyDelete() *cobra.Command {
	c := o.onKey(&cobra.Command{
		Use:     "delete ACCESS_KEY_ID",
		Short:   "Delete an access key",
		Example: "  poolhouse key delete AKIAIOSFODNN7EXAMPLE",
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, in members) error {
		id := fmt.Sprint(in["AccessKeyId"])
		return deletion{
			kind:     "access-key",
			id:       id,
			question: "Delete the access key " + id + "? What signs with it is refused.",
		}.confirmed(ctx, c, client, func() error { return client.Admin(ctx, "DeleteAccessKey", in, nil) })
	})
	addDeletion(c)

	return c
}

// onKey completes a command that changes one key. in names the key.
func (o Options) onKey(
	c *cobra.Command, change func(ctx context.Context, c *cobra.Command, client *apply.Client, in members) error,
) *cobra.Command {
	c.Args = cobra.ExactArgs(1)
	c.ValidArgsFunction = o.completer(keyIDs)
	c.Flags().Bool("own", false, "allow it for the key that this command signs with")

	return o.on(c, func(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
		in := members{"AccessKeyId": args[0]}
		if own, _ := c.Flags().GetBool("own"); own {
			in["AllowOwn"] = true
		}
		return change(ctx, c, client, in)
	})
}
