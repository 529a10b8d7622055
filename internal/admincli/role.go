package admincli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

func (o Options) roleCommand() *cobra.Command {
	c := &cobra.Command{Use: "role", Short: "List, show and change roles"}
	c.AddCommand(o.roleList(), o.roleShow(), o.roleCreate(), o.roleUpdate(), o.roleDelete())

	return c
}

// role has the members of a role in IAM.
type role struct {
	RoleName                 string
	Arn                      string
	Path                     string
	Description              string `json:",omitempty"`
	CreateDate               string
	MaxSessionDuration       int
	AssumeRolePolicyDocument policyDocument
}

// policyDocument is a policy, which IAM's answers have in URL encoding.
type policyDocument string

// text returns the JSON of the policy.
func (d policyDocument) text() string {
	text, err := url.PathUnescape(string(d))
	if err != nil {
		return string(d)
	}
	return text
}

// MarshalJSON returns the policy as an object.
func (d policyDocument) MarshalJSON() ([]byte, error) {
	if text := d.text(); json.Valid([]byte(text)) {
		return []byte(text), nil
	}
	return json.Marshal(d.text())
}

// rolesPage is a page of ListRoles.
type rolesPage struct {
	Roles  []role `xml:"ListRolesResult>Roles>member"`
	Marker string `xml:"ListRolesResult>Marker"`
}

func listRolesPage(ctx context.Context, client *apply.Client, token string) (rolesPage, error) {
	var page rolesPage
	err := iam(ctx, client, "ListRoles", marker(token), &page)

	return page, err
}

func (o Options) roleList() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "list",
		Short:   "List the roles of an account",
		Example: "  poolhouse role list --json | jq -r '.[].Arn'",
		Args:    cobra.NoArgs,
	}, listRoles)
	addMax(c)
	addForm(c)

	return c
}

func listRoles(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
	all, err := listed(c, func(token string) ([]role, string, error) {
		page, err := listRolesPage(ctx, client, token)
		return page.Roles, page.Marker, err
	})
	if err != nil {
		return err
	}

	return show(c, all, func(t *lines) {
		t.add("ROLE", "ARN", "CREATED", "DESCRIPTION")

		for _, r := range all {
			t.add(r.RoleName, r.Arn, r.CreateDate, r.Description)
		}
	})
}

// wholeRole is a role with its policies.
type wholeRole struct {
	role

	Policies         map[string]policyDocument `json:",omitempty"` // inline, by name
	AttachedPolicies []string                  `json:",omitempty"` // ARNs
}

func (o Options) roleShow() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "show NAME",
		Short:   "Show a role with its trust policy and permissions",
		Example: "  poolhouse role show PoolhouseDemoUser -o yaml",
		Args:    cobra.ExactArgs(1),
	}, showRole)
	c.ValidArgsFunction = o.completer(roleNames)
	addForm(c)

	return c
}

func showRole(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	r, err := readRole(ctx, client, args[0])
	if err != nil {
		return err
	}

	return show(c, r, r.lines)
}

func (r *wholeRole) lines(t *lines) {
	t.add("role", r.RoleName)
	t.add("arn", r.Arn)
	t.named("description", r.Description)
	t.add("created", r.CreateDate)
	t.add("longest session", seconds(int64(r.MaxSessionDuration)))

	for _, arn := range r.AttachedPolicies {
		t.add("attached policy", arn)
	}

	t.json("trust policy", r.AssumeRolePolicyDocument.text())

	for _, name := range sortedKeys(r.Policies) {
		t.json("policy "+name, r.Policies[name].text())
	}
}

// readRole reads a role with its policies.
func readRole(ctx context.Context, client *apply.Client, name string) (*wholeRole, error) {
	var out struct {
		Role role `xml:"GetRoleResult>Role"`
	}
	if err := iam(ctx, client, "GetRole", url.Values{"RoleName": {name}}, &out); err != nil {
		return nil, err
	}
	r := &wholeRole{role: out.Role, Policies: map[string]policyDocument{}}

	names, err := inlinePolicies(ctx, client, name)
	if err != nil {
		return nil, err
	}

	for _, policy := range names {
		var out struct {
			Document policyDocument `xml:"GetRolePolicyResult>PolicyDocument"`
		}
		in := url.Values{"RoleName": {name}, "PolicyName": {policy}}
		if err := iam(ctx, client, "GetRolePolicy", in, &out); err != nil {
			return nil, err
		}
		r.Policies[policy] = out.Document
	}

	r.AttachedPolicies, err = attachedPolicies(ctx, client, name)

	return r, err
}

func (o Options) roleCreate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "create NAME",
		Short: "Create a role that a pool's users, or others, may assume",
		Long: `Who may assume the role is told by --trust, or by --pool: its signed-in users, or its
guests with --guests.`,
		Example: `  poolhouse role create Shopper --pool us-east-1:00000000-0000-4000-8000-000000000001 \
    --policy read.json
  poolhouse role create Deployer --trust trust.json --max-session 3600`,
		Args: cobra.ExactArgs(1),
	}, createRole)
	c.Flags().String("pool", "", "identity pool whose users may assume the role")
	c.Flags().Bool("guests", false, "with --pool: its guests, and not its signed-in users")
	addRoleFlags(c)
	c.MarkFlagsMutuallyExclusive("trust", "pool")
	c.MarkFlagsOneRequired("trust", "pool")
	addForm(c)

	return c
}

// addRoleFlags adds the flags of what create and update can set.
func addRoleFlags(c *cobra.Command) {
	c.Flags().String("trust", "", "file with the JSON policy that tells who may assume the role")
	c.Flags().String("policy", "", "file with a JSON policy of what the role may do, saved under the name main")
	c.Flags().String("description", "", "what the role is for")
	c.Flags().Int("max-session", 0, "longest session, in seconds from 3600 to 43200")
}

// inlinePolicyName is the name under which --policy saves a policy.
const inlinePolicyName = "main"

func createRole(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	trust, err := trustPolicy(c)
	if err != nil {
		return err
	}
	policy, err := fileOf(c, "policy")
	if err != nil {
		return err
	}

	in := roleChange(c, args[0])
	in.Set("AssumeRolePolicyDocument", trust)
	var made struct {
		Role role `xml:"CreateRoleResult>Role"`
	}
	if err := iam(ctx, client, "CreateRole", in, &made); err != nil {
		return err
	}

	whole := &wholeRole{role: made.Role}
	if err := putPolicy(ctx, client, args[0], policy); err != nil {
		if refused(err) && iam(ctx, client, "DeleteRole", url.Values{"RoleName": {args[0]}}, nil) == nil {
			return fmt.Errorf("the role was not created: %w", err)
		}
		return unfinished(c, whole, whole.lines,
			fmt.Errorf("the role %s was created, without its policy: %w", args[0], err))
	}

	shown, err := readRole(ctx, client, args[0])
	if err != nil {
		return unfinished(c, whole, whole.lines,
			fmt.Errorf("the role %s was created, and cannot be read: %w", args[0], err))
	}

	return show(c, shown, shown.lines)
}

// roleChange returns the members of the flags that create and update share.
func roleChange(c *cobra.Command, name string) url.Values {
	in := url.Values{"RoleName": {name}}
	if c.Flags().Changed("description") {
		text, _ := c.Flags().GetString("description")
		in.Set("Description", text)
	}
	if c.Flags().Changed("max-session") {
		seconds, _ := c.Flags().GetInt("max-session")
		in.Set("MaxSessionDuration", strconv.Itoa(seconds))
	}

	return in
}

// trustPolicy returns the trust policy that the flags describe. That of a pool is the one that
// AWS documents (Amazon Cognito Developer Guide, "Role trust and permissions").
func trustPolicy(c *cobra.Command) (string, error) {
	id, _ := c.Flags().GetString("pool")
	if id == "" {
		return fileOf(c, "trust")
	}

	kind := "authenticated"
	if guests, _ := c.Flags().GetBool("guests"); guests {
		kind = "unauthenticated"
	}
	text, err := json.Marshal(members{
		"Version": "2012-10-17",
		"Statement": []members{{
			"Effect":    "Allow",
			"Principal": members{"Federated": "cognito-identity.amazonaws.com"},
			"Action":    "sts:AssumeRoleWithWebIdentity",
			"Condition": members{
				"StringEquals":           members{"cognito-identity.amazonaws.com:aud": id},
				"ForAnyValue:StringLike": members{"cognito-identity.amazonaws.com:amr": kind},
			},
		}},
	})

	return string(text), err
}

// fileOf returns the text of the file that a flag names, "" if the flag is not given.
func fileOf(c *cobra.Command, flag string) (string, error) {
	if !c.Flags().Changed(flag) {
		return "", nil
	}
	path, _ := c.Flags().GetString(flag)
	if path == "" {
		return "", fmt.Errorf("--%s: give the name of a file", flag)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	if len(text) == 0 {
		return "", fmt.Errorf("--%s: there is nothing in %s", flag, path)
	}

	return string(text), nil
}

// putPolicy saves what a role may do. "" changes nothing.
func putPolicy(ctx context.Context, client *apply.Client, name, policy string) error {
	if policy == "" {
		return nil
	}
	in := url.Values{"RoleName": {name}, "PolicyName": {inlinePolicyName}, "PolicyDocument": {policy}}

	return iam(ctx, client, "PutRolePolicy", in, nil)
}
