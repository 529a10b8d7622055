package admincli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

func (o Options) providerCommand() *cobra.Command {
	c := &cobra.Command{Use: "provider", Short: "List, show and change OpenID Connect and SAML providers"}
	c.AddCommand(o.providerList(), o.providerShow(), o.providerCreate(), o.providerUpdate(), o.providerDelete(),
		o.providerTest())

	return c
}

// Kinds of login providers in IAM.
const (
	oidcKind = "OpenID Connect"
	samlKind = "SAML"
)

type listedProvider struct {
	Arn        string
	Kind       string
	CreateDate string `json:",omitempty"`
}

// listProviders returns the OpenID Connect providers, then the SAML providers.
func listProviders(ctx context.Context, client *apply.Client) ([]listedProvider, error) {
	var oidc struct {
		All []listedProvider `xml:"ListOpenIDConnectProvidersResult>OpenIDConnectProviderList>member"`
	}
	if err := iam(ctx, client, "ListOpenIDConnectProviders", nil, &oidc); err != nil {
		return nil, err
	}
	var saml struct {
		All []listedProvider `xml:"ListSAMLProvidersResult>SAMLProviderList>member"`
	}
	if err := iam(ctx, client, "ListSAMLProviders", nil, &saml); err != nil {
		return nil, err
	}

	all := slices.Concat([]listedProvider{}, oidc.All, saml.All)
	for i := range all {
		all[i].Kind = kindOf(all[i].Arn)
	}

	return all, nil
}

// kindOf returns the kind of the provider with an ARN.
func kindOf(arn string) string {
	if strings.Contains(arn, ":saml-provider/") {
		return samlKind
	}
	return oidcKind
}

func (o Options) providerList() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "list",
		Short:   "List the OpenID Connect and SAML providers of an account",
		Example: "  poolhouse provider list",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, c *cobra.Command, client *apply.Client, _ []string) error {
		all, err := listProviders(ctx, client)
		if err != nil {
			return err
		}

		return show(c, all, func(t *lines) {
			t.add("PROVIDER", "KIND", "CREATED")

			for _, p := range all {
				t.add(p.Arn, p.Kind, p.CreateDate)
			}
		})
	})
	addForm(c)

	return c
}

// provider has the members of a provider's answer, of either kind.
type provider struct {
	Arn        string
	Url        string            `json:",omitempty"`
	Clients    []string          `json:"ClientIDList,omitempty" xml:"ClientIDList>member"`
	CreateDate string            `json:",omitempty"`
	ValidUntil string            `json:",omitempty"`
	Settings   []providerSetting `json:",omitempty" xml:"-"` // that IAM cannot show
	Metadata   string            `json:"SAMLMetadataDocument,omitempty" xml:"SAMLMetadataDocument"`
}

// providerSetting is a setting of a provider that only the settings file has.
type providerSetting struct {
	Name  string
	Value string `json:",omitempty"`
}

func (o Options) providerShow() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "show ARN",
		Short:   "Show a provider, with what the settings file adds to it",
		Example: "  poolhouse provider show arn:aws:iam::000000000000:oidc-provider/idp.example.com",
		Args:    cobra.ExactArgs(1),
	}, showProvider)
	c.ValidArgsFunction = o.completer(providerNames)
	addForm(c)

	return c
}

func showProvider(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	p, err := readProvider(ctx, client, args[0])
	if err != nil {
		return err
	}

	return show(c, p, p.lines)
}

func (p *provider) lines(t *lines) {
	t.add("provider", p.Arn)
	t.named("issuer", p.Url)

	for _, id := range p.Clients {
		t.add("client ID", id)
	}
	t.named("created", p.CreateDate)
	t.named("valid until", p.ValidUntil)

	for _, s := range p.Settings {
		t.add("setting", s.Name, s.Value)
	}
	if p.Metadata != "" {
		t.add("metadata", strconv.Itoa(len(p.Metadata))+" bytes: --json shows them")
	}
}

// readSettings adds the settings of the settings file. A key that may not read them sees none.
func (p *provider) readSettings(ctx context.Context, client *apply.Client) error {
	var out struct {
		Providers []struct {
			Arn      string
			Settings []providerSetting
		}
	}
	err := client.Admin(ctx, "ListProviderSettings", members{}, &out)
	if apply.Denied(err) {
		return nil
	}

	for _, one := range out.Providers {
		if one.Arn == p.Arn {
			p.Settings = one.Settings
		}
	}

	return err
}

// readProvider reads a provider with what the settings file adds to it. With an error, the provider has its ARN alone.
func readProvider(ctx context.Context, client *apply.Client, arn string) (*provider, error) {
	p, err := iamProvider(ctx, client, arn)
	if err == nil {
		err = p.readSettings(ctx, client)
	}
	if err != nil {
		return &provider{Arn: arn}, err
	}

	return p, nil
}

// iamProvider reads the part of a provider that IAM has.
func iamProvider(ctx context.Context, client *apply.Client, arn string) (*provider, error) {
	if kindOf(arn) == samlKind {
		var out struct {
			Provider provider `xml:"GetSAMLProviderResult"`
		}
		err := iam(ctx, client, "GetSAMLProvider", url.Values{"SAMLProviderArn": {arn}}, &out)
		out.Provider.Arn = arn

		return &out.Provider, err
	}

	var out struct {
		Provider provider `xml:"GetOpenIDConnectProviderResult"`
	}
	err := iam(ctx, client, "GetOpenIDConnectProvider", url.Values{"OpenIDConnectProviderArn": {arn}}, &out)
	out.Provider.Arn = arn

	return &out.Provider, err
}

func (o Options) providerCreate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "create ISSUER_OR_NAME",
		Short: "Create an OpenID Connect provider, or a SAML provider from its metadata",
		Example: `  poolhouse provider create https://idp.example.com --client-id shop
  poolhouse provider create Company --metadata metadata.xml`,
		Args: cobra.ExactArgs(1),
	}, createProvider)
	c.Flags().StringArray("client-id", nil, "audience that its tokens may have; repeat it for more")
	c.Flags().String("metadata", "", "file with the metadata of a SAML identity provider")
	c.MarkFlagsMutuallyExclusive("client-id", "metadata")
	addForm(c)

	return c
}

func createProvider(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	metadata, err := fileOf(c, "metadata")
	if err != nil {
		return err
	}

	var out struct {
		OIDC string `xml:"CreateOpenIDConnectProviderResult>OpenIDConnectProviderArn"`
		SAML string `xml:"CreateSAMLProviderResult>SAMLProviderArn"`
	}
	if metadata != "" {
		in := url.Values{"Name": {args[0]}, "SAMLMetadataDocument": {metadata}}
		err = iam(ctx, client, "CreateSAMLProvider", in, &out)
	} else {
		in := url.Values{"Url": {args[0]}}
		ids, _ := c.Flags().GetStringArray("client-id")
		for i, id := range ids {
			in.Set(fmt.Sprintf("ClientIDList.member.%d", i+1), id)
		}
		err = iam(ctx, client, "CreateOpenIDConnectProvider", in, &out)
	}
	if err != nil {
		return err
	}

	arn := out.OIDC + out.SAML
	p, err := readProvider(ctx, client, arn)
	if err != nil {
		return unfinished(c, p, p.lines, fmt.Errorf("the provider %s was created, and cannot be read: %w", arn, err))
	}

	return show(c, p, p.lines)
}

func (o Options) providerUpdate() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "update ARN",
		Short: "Change the client IDs of an OpenID Connect provider, or the metadata of a SAML provider",
		Example: `  poolhouse provider update arn:aws:iam::000000000000:oidc-provider/idp.example.com \
    --add-client-id admin
  poolhouse provider update arn:aws:iam::000000000000:saml-provider/Company --metadata metadata.xml`,
		Args: cobra.ExactArgs(1),
	}, updateProvider)
	c.ValidArgsFunction = o.completer(providerNames)
	c.Flags().StringArray("add-client-id", nil, "audience to accept from now on; repeat it for more")
	c.Flags().StringArray("remove-client-id", nil, "audience to refuse from now on; repeat it for more")
	c.Flags().String("metadata", "", "file with new metadata of a SAML identity provider")
	c.MarkFlagsOneRequired("add-client-id", "remove-client-id", "metadata")
	addForm(c)

	return c
}

func updateProvider(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	metadata, err := fileOf(c, "metadata")
	if err != nil {
		return err
	}
	saml := kindOf(args[0]) == samlKind
	if saml != (metadata != "") {
		return fmt.Errorf("%s is of the kind %s: change it by %s", args[0], kindOf(args[0]),
			map[bool]string{true: "--metadata", false: "--add-client-id and --remove-client-id"}[saml])
	}

	if saml {
		in := url.Values{"SAMLProviderArn": {args[0]}, "SAMLMetadataDocument": {metadata}}
		err = iam(ctx, client, "UpdateSAMLProvider", in, nil)
	} else {
		err = changeClients(ctx, c, client, args[0])
	}
	if err != nil {
		return err
	}

	return showProvider(ctx, c, client, args)
}

// changeClients adds client IDs to an OpenID Connect provider, then removes others.
func changeClients(ctx context.Context, c *cobra.Command, client *apply.Client, arn string) error {
	var done []string
	for _, change := range []struct{ flag, operation string }{
		{"add-client-id", "AddClientIDToOpenIDConnectProvider"},
		{"remove-client-id", "RemoveClientIDFromOpenIDConnectProvider"},
	} {
		ids, _ := c.Flags().GetStringArray(change.flag)
		for _, id := range ids {
			in := url.Values{"OpenIDConnectProviderArn": {arn}, "ClientID": {id}}
			if err := iam(ctx, client, change.operation, in, nil); err != nil {
				return partly(done, err)
			}
			done = append(done, "--"+change.flag+" "+id)
		}
	}

	return nil
}

func (o Options) providerDelete() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "delete ARN",
		Short:   "Delete a provider",
		Example: "  poolhouse provider delete arn:aws:iam::000000000000:oidc-provider/idp.example.com",
		Args:    cobra.ExactArgs(1),
	}, deleteProvider)
	c.ValidArgsFunction = o.completer(providerNames)
	addDeletion(c)

	return c
}

func deleteProvider(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	return deletion{
		kind:     "provider",
		id:       args[0],
		question: "Delete the provider " + args[0] + "? Its users are refused at once; identities stay.",
	}.confirmed(ctx, c, client, func() error {
		if kindOf(args[0]) == samlKind {
			return iam(ctx, client, "DeleteSAMLProvider", url.Values{"SAMLProviderArn": {args[0]}}, nil)
		}
		return iam(ctx, client, "DeleteOpenIDConnectProvider", url.Values{"OpenIDConnectProviderArn": {args[0]}}, nil)
	})
}
