package admincli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// testedProvider has the members of TestProvider.
type testedProvider struct {
	Passed bool
	Found  struct {
		Issuer     string
		Algorithms []string
		Keys       []struct {
			KeyId, Type, Algorithm string
			Bits                   int
		}
		UnusableKeys int
		Milliseconds float64
		Certificate  *struct{ Expires moment } `json:",omitempty"`
	}
	Steps    []step
	Warnings []string
}

func (o Options) providerTest() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "test [ISSUER_OR_ARN]",
		Short: "Let the server fetch what a login provider publishes, as a sign-in would",
		Example: `  poolhouse provider test https://idp.example.com
  poolhouse provider test --metadata metadata.xml`,
		Args: cobra.MaximumNArgs(1),
	}, testProvider)
	c.ValidArgsFunction = o.completer(providerNames)
	c.Flags().String("metadata", "", "file with the metadata of a SAML identity provider")
	addForm(c)

	return c
}

func testProvider(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	metadata, err := fileOf(c, "metadata")
	if err != nil {
		return err
	}
	if (metadata == "") != (len(args) == 1) {
		return errors.New("give an issuer, the ARN of a provider, or --metadata")
	}

	in := members{}
	in.given("SamlMetadata", metadata)
	if len(args) == 1 {
		member := "Issuer"
		if strings.HasPrefix(args[0], "arn:") {
			member = "ProviderArn"
		}
		in[member] = args[0]
	}

	var out testedProvider
	if err := client.Admin(ctx, "TestProvider", in, &out); err != nil {
		return err
	}
	err = showText(c, out, out.write)
	if err == nil && !out.Passed {
		err = errors.New("sign-ins by this provider cannot work")
	}

	return err
}

func (p *testedProvider) write(out io.Writer) error {
	if _, err := io.WriteString(out, Steps(terminal.PaletteFor(out), explainedSteps(p.Steps), nil)); err != nil {
		return err
	}

	t := &lines{}
	if p.Passed {
		t.named("issuer", p.Found.Issuer)
	}
	t.named("algorithms", strings.Join(p.Found.Algorithms, ", "))

	for _, k := range p.Found.Keys {
		t.add("key "+k.KeyId, k.Type+" "+k.Algorithm, strconv.Itoa(k.Bits)+" bits")
	}
	t.add("time to answer", fmt.Sprintf("%.0f ms", p.Found.Milliseconds))
	if p.Found.Certificate != nil {
		t.add("certificate ends", p.Found.Certificate.Expires.String())
	}

	for _, w := range p.Warnings {
		t.add("warning", w)
	}

	return t.writeTo(out)
}
